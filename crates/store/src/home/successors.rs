//! Changing the machine key: a rotation, or an imported key in its place.
//!
//! In: the serve lock (no server runs on the old key), a new key. Out: the key file replaced, and the statements by which
//! those who know an older key can follow.
//! The statements lie in a text file, oldest first, one a line. It is written before the key file: whenever the machine
//! dies, the key file holds the old key or the new one, whole, and the statements that lead to it are there. One that leads to a key
//! which was never put in place is left over then, and not looked at.
//! Which machines were told of the present key lies in another file, which may be lost: they are told again.
//! Invariants: what [`Home::successors`] gives ends at the present key; a statement is public and no secret is in it.

use std::fs::{self, File};

use data_encoding::BASE64;
use landline_trust::key::{Fingerprint, MachineKey, PublicKey};
use landline_trust::rotation::{MOST_STATEMENTS, Statement};
use zeroize::Zeroizing;

use super::{Home, ServeLock, key};
use crate::StoreError;
use crate::folder::Folder;

/// The statements, in the home.
pub(super) const STATEMENTS: &str = "successors";
const HEADER: &str = "landline successors v1 (how this machine's key followed older ones; no secret)";
/// Which machines know the present key, in the home.
pub(super) const TOLD: &str = "successors-told";
/// Most bytes read of either file.
const MAX_FILE: usize = 64 * 1024;
/// Machines that are remembered as told; the ones told last. Who is forgotten is told again.
const MAX_TOLD: usize = 1000;

/// A key that was replaced, and by which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// The key until now.
    pub old: PublicKey,
    /// The key from now on.
    pub new: PublicKey,
}

impl Home {
    /// Makes a new machine key, which the old one names as its successor. `seconds`: now, since 1970 UTC. The lock is
    /// evidence that no server runs on the old key.
    ///
    /// # Errors
    /// As [`Home::machine_key`], and [`StoreError::SuccessorsDamaged`]. The key is the old one then, whatever happened.
    pub fn rotate_key(&self, _lock: &ServeLock, seconds: u64) -> Result<Rotated, StoreError> {
        let old = self.machine_key()?;
        self.sweep();
        let mut random = Zeroizing::new([0_u8; 32]);
        getrandom::fill(random.as_mut_slice()).map_err(StoreError::Random)?;
        let new = MachineKey::generate(*random);
        let mut statements = self.successors(&old.public())?;
        // Two random keys are never one.
        statements.extend(Statement::sign(&old, &new, seconds));
        let surplus = statements.len().saturating_sub(MOST_STATEMENTS);
        statements.drain(..surplus);
        self.place_statements(&statements)?;
        self.place_key(&new)?;
        Ok(Rotated { old: old.public(), new: new.public() })
    }

    /// Puts `key` in the place of the machine key, or where there is none yet. The old one is gone then. `followed`: the
    /// statements that lead to it, oldest first. The lock is evidence that no server runs on the old one.
    ///
    /// # Errors
    /// As [`Home::machine_key`], and [`StoreError::SuccessorsDamaged`]. The key is the old one then, whatever happened.
    pub fn replace_key(&self, _lock: &ServeLock, key: &MachineKey, followed: &[Statement]) -> Result<(), StoreError> {
        self.sweep();
        let mut statements = Vec::new();
        if self.has_key() {
            // Kept beside the others, for the case that this dies before the key is put in place.
            statements = self.successors(&self.machine_key()?.public())?;
        }
        statements.extend_from_slice(followed);
        if !statements.is_empty() {
            self.place_statements(&statements)?;
        }
        self.place_key(key)
    }

    /// The statements that lead to `present`, the machine's key, oldest first; none if it follows no other.
    ///
    /// # Errors
    /// [`StoreError::SuccessorsDamaged`], [`StoreError::Io`].
    pub fn successors(&self, present: &PublicKey) -> Result<Vec<Statement>, StoreError> {
        let path = self.path.join(STATEMENTS);
        let Some(bytes) = Folder::home(self).read(STATEMENTS, MAX_FILE)? else { return Ok(Vec::new()) };
        let statements = parse(&bytes).map_err(|why| StoreError::SuccessorsDamaged { path, why })?;
        let (mut chain, mut wanted) = (Vec::new(), *present);
        for statement in statements.into_iter().rev() {
            if statement.successor() == wanted {
                wanted = statement.old();
                chain.push(statement);
            } else if !chain.is_empty() {
                break; // what lies before belongs to another key
            }
        }
        chain.reverse();
        Ok(chain)
    }

    /// Whether a machine with one of `keys` was told that `present` is this machine's key.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn was_told(&self, present: &PublicKey, keys: &[PublicKey]) -> Result<bool, StoreError> {
        let told = self.told(present)?;
        Ok(keys.iter().any(|key| told.contains(&key.fingerprint())))
    }

    /// Notes that the machine with `key` knows `present` as this machine's key. Not made durable.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn note_told(&self, present: &PublicKey, key: &PublicKey) -> Result<(), StoreError> {
        let mut told = self.told(present)?;
        told.retain(|print| *print != key.fingerprint());
        told.push(key.fingerprint());
        let surplus = told.len().saturating_sub(MAX_TOLD);
        let lines = [present.fingerprint()].into_iter().chain(told.into_iter().skip(surplus));
        let text: String = lines.map(|print| format!("{print}\n")).collect();
        Folder::home(self).replace(TOLD, text.as_bytes())
    }

    /// Who was told of `present`; nobody, if the note is of another key or can't be read.
    fn told(&self, present: &PublicKey) -> Result<Vec<Fingerprint>, StoreError> {
        let bytes = Folder::home(self).read(TOLD, MAX_FILE)?.unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        let mut prints = text.lines().map_while(|line| line.parse::<Fingerprint>().ok());
        Ok(if prints.next() == Some(present.fingerprint()) { prints.collect() } else { Vec::new() })
    }

    fn place_statements(&self, statements: &[Statement]) -> Result<(), StoreError> {
        let lines = statements.iter().map(|statement| BASE64.encode(statement.encode()));
        let text: String = [HEADER.to_owned()].into_iter().chain(lines).map(|line| line + "\n").collect();
        self.place(STATEMENTS, text.as_bytes())
    }

    fn place_key(&self, key: &MachineKey) -> Result<(), StoreError> {
        self.place(key::NAME, &key::render(key))
    }

    /// Removes what a process that died here has left half-way, keys that never came into use among it. One that can't be removed stays.
    fn sweep(&self) {
        let folder = Folder::home(self);
        let left = |name: &str| [key::NAME, STATEMENTS].iter().any(|file| name.starts_with(&format!("{file}.new-")));
        for name in folder.list(left).unwrap_or_default() {
            let _ = folder.remove(&name);
        }
    }

    /// Puts a file in the place of another, durably: the old one or the new one is there, whole.
    fn place(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let draft = self.draft_of(name)?;
        let path = self.path.join(name);
        let placed = self
            .write_draft(&draft, content)
            .and_then(|()| fs::rename(&draft, &path).map_err(StoreError::io("put in place", &path)));
        if placed.is_err() {
            drop(fs::remove_file(&draft)); // what went wrong first is told
        }
        placed?;
        File::open(&self.path).and_then(|dir| dir.sync_all()).map_err(StoreError::io("make durable", &self.path))
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Statement>, &'static str> {
    let text = str::from_utf8(bytes).map_err(|_| "not text")?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err("no header of a list of successors");
    }
    let statement = |line: &str| {
        let bytes = BASE64.decode(line.as_bytes()).map_err(|_| "a line is not base64")?;
        Statement::decode(&bytes).map_err(|_| "a statement is not signed by both keys")
    };
    lines.map(statement).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use landline_trust::rotation::follow;

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open_or_create(dir.path()).unwrap();
        (dir, home)
    }

    fn rotate(home: &Home) -> Rotated {
        let lock = home.lock_for_serving().unwrap();
        home.rotate_key(&lock, 5).unwrap()
    }

    #[test]
    fn a_rotated_key_is_the_machines_and_the_old_one_leads_to_it() {
        let (_dir, home) = home();
        let first = home.machine_key().unwrap().public();
        assert_eq!(home.successors(&first).unwrap(), []);
        let rotated = rotate(&home);
        assert_eq!((rotated.old, rotated.new), (first, home.machine_key().unwrap().public()));
        let again = rotate(&home);
        let statements = home.successors(&again.new).unwrap();
        assert_eq!(follow(&first, &again.new, &statements), Ok(()));
        for name in [key::NAME, STATEMENTS] {
            assert_eq!(fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
        let names: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 3, "key, statements, lock, and no draft: {names:?}");
    }

    #[test]
    fn dying_between_statement_and_key_leaves_the_old_key_and_its_chain() {
        let (_dir, home) = home();
        let first = home.machine_key().unwrap().public();
        let second = rotate(&home).new;
        let key_file = home.path().join(key::NAME);
        let old_key = fs::read(&key_file).unwrap();
        rotate(&home);
        fs::write(&key_file, &old_key).unwrap(); // as if the power had gone before the key was put in place
        assert_eq!(home.machine_key().unwrap().public(), second);
        let statements = home.successors(&second).unwrap();
        assert_eq!(follow(&first, &second, &statements), Ok(()));
        let draft = home.path().join("key.new-0123456789abcdef");
        fs::write(&draft, &old_key).unwrap();
        let third = rotate(&home).new;
        assert_eq!(follow(&first, &third, &home.successors(&third).unwrap()), Ok(()), "and the next rotation goes on");
        assert!(!draft.exists(), "no secret is left lying about");
    }

    #[test]
    fn a_key_from_elsewhere_follows_none() {
        let (_dir, home) = home();
        let old = rotate(&home).new;
        let lock = home.lock_for_serving().unwrap();
        let other = MachineKey::from_seed([9; 32]);
        home.replace_key(&lock, &other, &[]).unwrap();
        assert_eq!(home.machine_key().unwrap().public(), other.public());
        assert_eq!(home.successors(&other.public()).unwrap(), []);
        assert_eq!(home.successors(&old).unwrap().len(), 1, "were it to die before the key is in place");
    }

    #[test]
    fn a_key_from_elsewhere_brings_its_chain() {
        let key = |seed| MachineKey::from_seed([seed; 32]);
        let said = |old, new| Statement::sign(&key(old), &key(new), 1).unwrap();
        let (_dir, home) = home();
        let lock = home.lock_for_serving().unwrap();
        home.replace_key(&lock, &key(3), &[said(1, 2), said(2, 3)]).unwrap();
        assert_eq!(home.successors(&key(3).public()).unwrap(), [said(1, 2), said(2, 3)]);
        // Again, another, and back: each leads to its own key alone.
        home.replace_key(&lock, &key(3), &[said(1, 2), said(2, 3)]).unwrap();
        assert_eq!(home.successors(&key(3).public()).unwrap(), [said(1, 2), said(2, 3)]);
        home.replace_key(&lock, &key(6), &[said(5, 6)]).unwrap();
        assert_eq!(home.successors(&key(6).public()).unwrap(), [said(5, 6)]);
        let rotated = home.rotate_key(&lock, 2).unwrap();
        let statements = home.successors(&rotated.new).unwrap();
        assert_eq!(statements.len(), 2);
        assert_eq!(follow(&key(5).public(), &rotated.new, &statements), Ok(()));
    }

    #[test]
    fn the_chain_is_bounded_and_its_end_is_kept() {
        let (_dir, home) = home();
        home.machine_key().unwrap();
        let rotated: Vec<_> = (0..MOST_STATEMENTS + 2).map(|_| rotate(&home)).collect();
        let newest = rotated.last().unwrap().new;
        let statements = home.successors(&newest).unwrap();
        assert_eq!(statements.len(), MOST_STATEMENTS);
        assert_eq!(follow(&rotated[2].old, &newest, &statements), Ok(()));
        assert!(follow(&rotated[1].old, &newest, &statements).is_err());
    }

    #[test]
    fn a_damaged_list_is_told_and_the_key_stays() {
        let (_dir, home) = home();
        home.machine_key().unwrap();
        let new = rotate(&home).new;
        let path = home.path().join(STATEMENTS);
        let good = fs::read_to_string(&path).unwrap();
        let place = HEADER.len() + 100;
        let other = if good[place..].starts_with('A') { "B" } else { "A" };
        let changed = format!("{}{other}{}", &good[..place], &good[place + 1..]);
        for text in [String::new(), good.replace("v1", "v2"), changed, format!("{good}!\n")] {
            fs::write(&path, text).unwrap();
            let refusal = home.successors(&new).unwrap_err();
            assert!(matches!(refusal, StoreError::SuccessorsDamaged { .. }), "{refusal}");
            let lock = home.lock_for_serving().unwrap();
            assert!(home.rotate_key(&lock, 6).is_err());
            assert_eq!(home.machine_key().unwrap().public(), new);
        }
    }

    #[test]
    fn who_was_told_is_remembered_until_the_next_rotation() {
        let (_dir, home) = home();
        let present = home.machine_key().unwrap().public();
        let key = |n| PublicKey::from_bytes([n; 32]);
        assert!(!home.was_told(&present, &[key(1)]).unwrap());
        for n in [1, 2, 1] {
            home.note_told(&present, &key(n)).unwrap();
        }
        assert!(home.was_told(&present, &[key(3), key(2)]).unwrap() && home.was_told(&present, &[key(1)]).unwrap());
        assert!(!home.was_told(&present, &[key(3)]).unwrap());
        let new = rotate(&home).new;
        assert!(!home.was_told(&new, &[key(1), key(2)]).unwrap());
        fs::write(home.path().join(TOLD), "nonsense").unwrap();
        assert!(!home.was_told(&new, &[key(1)]).unwrap());
    }
}
