//! [`Successors`] over SQLite.

use landline_trust::key::PublicKey;
use landline_trust::rotation::{Chain, Statement};
use rusqlite::{Transaction, params};

use super::fault::Fault;
use super::{Store, events};
use crate::{Event, Followed, StoreError, Successors};

impl Successors for Store {
    async fn follow(&self, chain: &Chain) -> Result<Followed, StoreError> {
        let ended: Vec<PublicKey> = chain.ended().collect();
        let Some(new) = chain.statements().last().map(Statement::successor) else { return Ok(Followed::default()) };
        self.write(move |tx| follow(tx, &ended, &new)).await
    }
}

fn follow(tx: &Transaction<'_>, ended: &[PublicKey], new: &PublicKey) -> Result<Followed, Fault> {
    let mut followed = Followed { enrolled: is_enrolled(tx, new)?, ..Followed::default() };
    let mut contacts = Vec::new();
    // The newest that is known first: it is the one whose user and label go on.
    for old in ended.iter().rev() {
        let (was_enrolled, pinned_by) = (is_enrolled(tx, old)?, pinned_by(tx, old)?);
        if was_enrolled {
            let sql = if followed.enrolled {
                "DELETE FROM enrolled_key WHERE key = ?1 AND ?2 IS NOT NULL"
            } else {
                "UPDATE enrolled_key SET key = ?2 WHERE key = ?1"
            };
            tx.prepare_cached(sql)?.execute(params![old.as_bytes(), new.as_bytes()])?;
            followed.enrolled = true;
            events::note(tx, &Event::KeyRevoked(*old))?;
        }
        if !pinned_by.is_empty() {
            // Where a contact may show both already, the old one just goes.
            tx.prepare_cached("UPDATE OR IGNORE contact_key SET key = ?2 WHERE key = ?1")?
                .execute(params![old.as_bytes(), new.as_bytes()])?;
            tx.prepare_cached("DELETE FROM contact_key WHERE key = ?1")?.execute([old.as_bytes()])?;
        }
        if was_enrolled || !pinned_by.is_empty() {
            followed.replaced.insert(0, *old);
        }
        contacts.extend(pinned_by);
    }
    contacts.sort_unstable();
    contacts.dedup();
    for name in contacts {
        followed.contacts.push(name.parse().map_err(|_| Fault::Unreadable("contact name"))?);
    }
    if !followed.replaced.is_empty() {
        events::note(tx, &Event::KeyFollowed(*new))?;
    }
    Ok(followed)
}

fn is_enrolled(tx: &Transaction<'_>, key: &PublicKey) -> Result<bool, Fault> {
    Ok(tx.prepare_cached("SELECT 1 FROM enrolled_key WHERE key = ?1")?.exists([key.as_bytes()])?)
}

fn pinned_by(tx: &Transaction<'_>, key: &PublicKey) -> Result<Vec<String>, Fault> {
    let mut query = tx.prepare_cached("SELECT contact FROM contact_key WHERE key = ?1")?;
    Ok(query.query_map([key.as_bytes()], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use landline_trust::key::{MachineKey, PublicKey};
    use landline_trust::rotation::{Chain, Statement};

    use crate::fixture::{at, contact, key, name, opened};
    use crate::{Contact, Contacts, Event, Followed, Keys, Successors, Users};

    fn machine(seed: u8) -> MachineKey {
        MachineKey::from_seed([seed; 32])
    }

    fn public(seed: u8) -> PublicKey {
        machine(seed).public()
    }

    fn chain(seeds: &[u8]) -> Chain {
        let said = |pair: &[u8]| Statement::sign(&machine(pair[0]), &machine(pair[1]), 1).unwrap();
        Chain::link(seeds.windows(2).map(said).collect(), &public(*seeds.last().unwrap())).unwrap()
    }

    fn pins(text: &str, seeds: &[u8]) -> Contact {
        Contact { keys: seeds.iter().map(|seed| public(*seed)).collect(), ..contact(text, &[1], &["a"]) }
    }

    #[tokio::test]
    async fn the_new_key_takes_user_and_label_and_the_old_one_is_revoked() {
        let office = opened();
        office.add_user("ann");
        office.store.enrol(&public(1), "ann", "laptop", at(1)).await.unwrap();
        office.store.enrol(&key(9), "friends", "other", at(1)).await.unwrap();
        let mut events = office.store.events();
        let followed = office.store.follow(&chain(&[1, 2])).await.unwrap();
        assert_eq!(followed, Followed { enrolled: true, contacts: vec![], replaced: vec![public(1)] });
        assert_eq!(office.store.user_of_key(&public(1)).await.unwrap(), None);
        let keys = office.store.list_keys().await.unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!((keys[0].key, keys[0].user.as_str(), keys[0].label.as_str()), (public(2), "ann", "laptop"));
        assert_eq!(keys[0].enrolled_at, at(1));
        assert_eq!(events.recv().await.unwrap(), Event::KeyRevoked(public(1)));
        assert_eq!(events.recv().await.unwrap(), Event::KeyFollowed(public(2)));
    }

    #[tokio::test]
    async fn following_again_changes_nothing_and_is_no_refusal() {
        let office = opened();
        office.store.enrol(&public(1), "friends", "", at(1)).await.unwrap();
        office.store.follow(&chain(&[1, 2])).await.unwrap();
        let again = office.store.follow(&chain(&[1, 2])).await.unwrap();
        assert_eq!(again, Followed { enrolled: true, ..Followed::default() });
    }

    #[tokio::test]
    async fn who_slept_over_several_rotations_follows_at_once() {
        let office = opened();
        office.store.enrol(&public(2), "friends", "laptop", at(1)).await.unwrap();
        let followed = office.store.follow(&chain(&[1, 2, 3, 4])).await.unwrap();
        assert_eq!((followed.enrolled, followed.replaced), (true, vec![public(2)]));
        assert_eq!(office.store.list_keys().await.unwrap()[0].key, public(4));
    }

    #[tokio::test]
    async fn a_key_that_was_enrolled_anew_keeps_its_user_and_the_old_one_goes() {
        let office = opened();
        office.add_user("ann");
        office.store.enrol(&public(1), "friends", "old", at(1)).await.unwrap();
        office.store.enrol(&public(2), "ann", "new", at(2)).await.unwrap();
        office.store.follow(&chain(&[1, 2])).await.unwrap();
        let keys = office.store.list_keys().await.unwrap();
        assert_eq!(keys.iter().map(|key| (key.key, key.user.as_str())).collect::<Vec<_>>(), [(public(2), "ann")]);
    }

    #[tokio::test]
    async fn contacts_pin_the_new_key_in_place_of_the_old() {
        let office = opened();
        office.store.add_contact(pins("desk", &[5, 1, 6])).await.unwrap();
        office.store.add_contact(pins("alias", &[1, 2])).await.unwrap();
        office.store.add_contact(pins("attic", &[7])).await.unwrap();
        let followed = office.store.follow(&chain(&[1, 2])).await.unwrap();
        assert_eq!((followed.enrolled, followed.contacts), (false, vec![name("alias"), name("desk")]));
        let kept = async |text| office.store.contact(&name(text)).await.unwrap().unwrap().keys;
        assert_eq!(kept("desk").await, [public(5), public(2), public(6)]);
        assert_eq!(kept("alias").await, [public(2)]);
        assert_eq!(kept("attic").await, [public(7)]);
    }

    #[tokio::test]
    async fn a_chain_from_keys_that_nobody_knows_changes_nothing() {
        let office = opened();
        office.store.enrol(&public(4), "friends", "", at(1)).await.unwrap();
        office.store.add_contact(pins("desk", &[3])).await.unwrap();
        assert_eq!(office.store.follow(&chain(&[1, 2])).await.unwrap(), Followed::default());
        assert_eq!(office.store.list_keys().await.unwrap()[0].key, public(4));
        // A key that only ends a chain opens nothing to those before it.
        let end_known = office.store.follow(&chain(&[1, 4])).await.unwrap();
        assert_eq!(end_known, Followed { enrolled: true, ..Followed::default() });
    }
}
