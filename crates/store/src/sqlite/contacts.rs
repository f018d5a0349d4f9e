//! [`Contacts`] over SQLite.

use landline_addr::contact::ContactName;
use landline_trust::key::PublicKey;
use rusqlite::{OptionalExtension, Transaction, params};

use super::Store;
use super::fault::Fault;
use super::keys::key_at;
use super::time::{from_ms, to_ms};
use crate::contacts::MAX_ADDRESSES;
use crate::{Contact, Contacts, StoreError};

impl Contacts for Store {
    async fn list_contacts(&self) -> Result<Vec<Contact>, StoreError> {
        self.read(|tx| {
            let mut query = tx.prepare_cached("SELECT name FROM contact ORDER BY name")?;
            let names = query.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
            names.iter().filter_map(|name| load(tx, name).transpose()).collect()
        })
        .await
    }

    async fn contact(&self, name: &ContactName) -> Result<Option<Contact>, StoreError> {
        let name = name.clone();
        self.read(move |tx| load(tx, name.as_str())).await
    }

    async fn contact_by_key(&self, key: &PublicKey) -> Result<Option<Contact>, StoreError> {
        let key = *key;
        self.read(move |tx| {
            let name: Option<String> = tx
                .prepare_cached(
                    "SELECT name FROM contact_key JOIN contact ON name = contact WHERE key = ?1
                     ORDER BY added_at_ms, name LIMIT 1",
                )?
                .query_row([key.as_bytes()], |row| row.get(0))
                .optional()?;
            name.map_or(Ok(None), |name| load(tx, &name))
        })
        .await
    }

    async fn add_contact(&self, contact: Contact) -> Result<(), StoreError> {
        self.write(move |tx| add(tx, contact)).await
    }

    async fn rename_contact(&self, from: &ContactName, to: &ContactName) -> Result<(), StoreError> {
        let (from, to) = (from.clone(), to.clone());
        self.write(move |tx| {
            if from != to && exists(tx, &to)? {
                return Err(StoreError::ContactTaken { name: to }.into());
            }
            let renamed = tx
                .prepare_cached("UPDATE contact SET name = ?2 WHERE name = ?1")?
                .execute([from.as_str(), to.as_str()])?;
            if renamed == 0 { Err(StoreError::UnknownContact { name: from }.into()) } else { Ok(()) }
        })
        .await
    }

    async fn remove_contact(&self, name: &ContactName) -> Result<bool, StoreError> {
        let name = name.clone();
        self.write(move |tx| {
            let removed = tx.prepare_cached("DELETE FROM contact WHERE name = ?1")?.execute([name.as_str()])?;
            Ok(removed > 0)
        })
        .await
    }

    async fn set_addresses(&self, name: &ContactName, addresses: Vec<String>) -> Result<(), StoreError> {
        let name = name.clone();
        self.write(move |tx| {
            if !exists(tx, &name)? {
                return Err(StoreError::UnknownContact { name }.into());
            }
            replace_addresses(tx, &name, &addresses)
        })
        .await
    }
}

fn add(tx: &Transaction<'_>, contact: Contact) -> Result<(), Fault> {
    let Contact { name, keys, addresses, added_at } = contact;
    if keys.is_empty() {
        return Err(StoreError::ContactWithoutKey { name }.into());
    }
    if let Some(known) = load(tx, name.as_str())? {
        if !keys.iter().all(|key| known.keys.contains(key)) {
            return Err(StoreError::ContactTaken { name }.into());
        }
        let mut merged = addresses;
        for old in known.addresses {
            if !merged.contains(&old) {
                merged.push(old);
            }
        }
        merged.truncate(MAX_ADDRESSES);
        return replace_addresses(tx, &name, &merged);
    }
    tx.prepare_cached("INSERT INTO contact (name, added_at_ms) VALUES (?1, ?2)")?
        .execute(params![name.as_str(), to_ms(added_at)])?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO contact_key (contact, key, rank) VALUES (?1, ?2, ?3) ON CONFLICT (contact, key) DO NOTHING",
    )?;
    for (rank, key) in (0_i64..).zip(&keys) {
        insert.execute(params![name.as_str(), key.as_bytes(), rank])?;
    }
    replace_addresses(tx, &name, &addresses)
}

fn exists(tx: &Transaction<'_>, name: &ContactName) -> Result<bool, Fault> {
    Ok(tx.prepare_cached("SELECT 1 FROM contact WHERE name = ?1")?.exists([name.as_str()])?)
}

fn replace_addresses(tx: &Transaction<'_>, name: &ContactName, addresses: &[String]) -> Result<(), Fault> {
    tx.prepare_cached("DELETE FROM contact_address WHERE contact = ?1")?.execute([name.as_str()])?;
    let mut insert = tx.prepare_cached("INSERT INTO contact_address (contact, rank, address) VALUES (?1, ?2, ?3)")?;
    for (rank, address) in (0_i64..).zip(addresses) {
        insert.execute(params![name.as_str(), rank, address])?;
    }
    Ok(())
}

fn load(tx: &Transaction<'_>, name: &str) -> Result<Option<Contact>, Fault> {
    let added_at: Option<i64> = tx
        .prepare_cached("SELECT added_at_ms FROM contact WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let Some(added_at) = added_at.map(from_ms) else { return Ok(None) };

    let mut query = tx.prepare_cached("SELECT key FROM contact_key WHERE contact = ?1 ORDER BY rank")?;
    let mut rows = query.query([name])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(key_at(row, 0)?);
    }
    let mut query = tx.prepare_cached("SELECT address FROM contact_address WHERE contact = ?1 ORDER BY rank")?;
    let addresses = query.query_map([name], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let name = name.parse().map_err(|_| Fault::Unreadable("contact name"))?;
    Ok(Some(Contact { name, keys, addresses, added_at }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::MAX_ADDRESSES;
    use crate::fixture::{at, contact, key, name, opened};
    use crate::{Contact, Contacts, StoreError};

    #[tokio::test]
    async fn a_contact_comes_back_as_it_was_added() {
        let office = opened();
        let mut desk = contact("desk", &[9, 1, 5], &["tcp://desk:5463", "192.0.2.7", "unix:/run/x"]);
        desk.added_at = at(3) + Duration::from_millis(250);
        office.store.add_contact(desk.clone()).await.unwrap();
        let attic = contact("attic", &[2], &[]);
        office.store.add_contact(attic.clone()).await.unwrap();
        assert_eq!(office.store.contact(&name("desk")).await.unwrap(), Some(desk.clone()));
        assert_eq!(office.store.contact(&name("cellar")).await.unwrap(), None);
        assert_eq!(office.store.list_contacts().await.unwrap(), [attic, desk]);
    }

    #[tokio::test]
    async fn a_contact_is_found_by_each_of_its_keys() {
        let office = opened();
        let desk = contact("desk", &[1, 2], &[]);
        let alias = Contact { added_at: at(9), ..contact("alias", &[2], &[]) };
        office.store.add_contact(alias).await.unwrap();
        office.store.add_contact(desk.clone()).await.unwrap();
        for n in [1, 2] {
            assert_eq!(office.store.contact_by_key(&key(n)).await.unwrap(), Some(desk.clone()), "the older one");
        }
        assert_eq!(office.store.contact_by_key(&key(3)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_taken_name_never_gets_another_key() {
        let office = opened();
        let desk = contact("desk", &[1], &["a"]);
        office.store.add_contact(desk.clone()).await.unwrap();
        for keys in [&[2][..], &[1, 2]] {
            let refusal = office.store.add_contact(contact("desk", keys, &["b"])).await.unwrap_err();
            assert!(matches!(refusal, StoreError::ContactTaken { .. }), "{refusal}");
        }
        assert_eq!(office.store.list_contacts().await.unwrap(), [desk]);
    }

    #[tokio::test]
    async fn adding_the_same_key_merges_addresses_newest_first() {
        let office = opened();
        office.store.add_contact(contact("desk", &[1, 2], &["a", "b"])).await.unwrap();
        let again = Contact { added_at: at(77), ..contact("desk", &[2], &["c", "b"]) };
        office.store.add_contact(again).await.unwrap();
        let merged = contact("desk", &[1, 2], &["c", "b", "a"]);
        assert_eq!(office.store.list_contacts().await.unwrap(), [merged]);
    }

    #[tokio::test]
    async fn merging_keeps_a_bounded_number_of_addresses() {
        let office = opened();
        for n in 0..2 * MAX_ADDRESSES {
            office.store.add_contact(contact("desk", &[1], &[&format!("host{n}")])).await.unwrap();
        }
        let addresses = office.store.contact(&name("desk")).await.unwrap().unwrap().addresses;
        assert_eq!(addresses.len(), MAX_ADDRESSES);
        assert_eq!(addresses[0], format!("host{}", 2 * MAX_ADDRESSES - 1));
    }

    #[tokio::test]
    async fn a_contact_needs_a_key() {
        let office = opened();
        let refusal = office.store.add_contact(contact("desk", &[], &["a"])).await.unwrap_err();
        assert!(matches!(refusal, StoreError::ContactWithoutKey { .. }), "{refusal}");
        assert_eq!(office.store.list_contacts().await.unwrap(), []);
    }

    #[tokio::test]
    async fn renaming_keeps_keys_and_addresses() {
        let office = opened();
        office.store.add_contact(contact("desk", &[1], &["a"])).await.unwrap();
        office.store.add_contact(contact("attic", &[2], &[])).await.unwrap();
        let (desk, attic, study) = (name("desk"), name("attic"), name("study"));

        let taken = office.store.rename_contact(&desk, &attic).await.unwrap_err();
        assert!(matches!(&taken, StoreError::ContactTaken { name } if *name == attic), "{taken}");
        let unknown = office.store.rename_contact(&study, &name("new")).await.unwrap_err();
        assert!(matches!(&unknown, StoreError::UnknownContact { name } if *name == study), "{unknown}");
        office.store.rename_contact(&desk, &desk).await.unwrap();
        office.store.rename_contact(&desk, &study).await.unwrap();
        assert_eq!(office.store.contact(&study).await.unwrap(), Some(contact("study", &[1], &["a"])));
        assert_eq!(office.store.contact(&desk).await.unwrap(), None);
        assert_eq!(office.store.contact_by_key(&key(1)).await.unwrap().unwrap().name, study);
    }

    #[tokio::test]
    async fn a_removed_contact_is_gone_with_its_keys() {
        let office = opened();
        office.store.add_contact(contact("desk", &[1], &["a"])).await.unwrap();
        assert!(office.store.remove_contact(&name("desk")).await.unwrap());
        assert!(!office.store.remove_contact(&name("desk")).await.unwrap());
        assert_eq!(office.store.contact_by_key(&key(1)).await.unwrap(), None);
        let other = contact("desk", &[2], &[]);
        office.store.add_contact(other.clone()).await.unwrap();
        assert_eq!(office.store.list_contacts().await.unwrap(), [other], "the name is free, without old addresses");
    }

    #[tokio::test]
    async fn addresses_are_replaced_in_the_order_given() {
        let office = opened();
        office.store.add_contact(contact("desk", &[1], &["a", "b"])).await.unwrap();
        let desk = name("desk");
        for addresses in [vec!["z".to_owned(), "b".to_owned()], vec![]] {
            office.store.set_addresses(&desk, addresses.clone()).await.unwrap();
            assert_eq!(office.store.contact(&desk).await.unwrap().unwrap().addresses, addresses);
        }
        let unknown = office.store.set_addresses(&name("attic"), vec![]).await.unwrap_err();
        assert!(matches!(unknown, StoreError::UnknownContact { .. }), "{unknown}");
    }
}
