//! The key file: the 32-byte seed that makes this machine itself.
//!
//! In: random bytes, once. Out: the machine key, the same for every process for ever.
//! The file is text of three lines: a header, the fingerprint (for people, and to notice damage), the seed in base32.
//! Invariants: making it overwrites nothing, so that a race to make it has one winner whose key everybody uses; it is never
//! used if others can read it. Replacing it is `successors`'s work.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use data_encoding::BASE32_NOPAD;
use landline_trust::key::MachineKey;
use zeroize::Zeroizing;

use super::{Home, OTHERS_ANY, ROOT};
use crate::StoreError;

/// The file in the home.
pub(super) const NAME: &str = "key";
const HEADER: &str = "landline machine key v1 (secret: whoever reads this file can pose as this machine)";
const FINGERPRINT: &str = "fingerprint ";
const SEED: &str = "seed ";
/// Bytes in a seed.
const SEED_LEN: usize = 32;
/// Most bytes read of a key file: several times what we write, so that a wrong file is refused and not read whole.
const MAX_FILE: usize = 1024;

impl Home {
    /// The machine key, made at first use.
    ///
    /// # Errors
    /// [`StoreError::KeyExposed`] if others may read the file, [`StoreError::KeyDamaged`] if it is not what landline
    /// wrote, [`StoreError::NotYours`] if another user owns it, [`StoreError::Random`], [`StoreError::Io`].
    pub fn machine_key(&self) -> Result<MachineKey, StoreError> {
        let path = self.key_path();
        if let Some(key) = self.read_key(&path)? {
            return Ok(key);
        }
        let mut random = Zeroizing::new([0_u8; SEED_LEN]);
        getrandom::fill(random.as_mut_slice()).map_err(StoreError::Random)?;
        self.place_once(NAME, &render(&MachineKey::generate(*random)))?;
        // Read back, not remembered: another process may have been quicker, and its key is the machine's.
        self.read_key(&path)?.ok_or_else(|| StoreError::Io {
            doing: "read the machine key just made at",
            path,
            source: io::ErrorKind::NotFound.into(),
        })
    }

    /// Whether the machine key has been made already.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key_path().exists()
    }

    fn key_path(&self) -> PathBuf {
        self.path.join(NAME)
    }

    fn read_key(&self, path: &Path) -> Result<Option<MachineKey>, StoreError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(StoreError::io("open the machine key", path)(fault)),
        };
        let read = "read the machine key";
        let meta = file.metadata().map_err(StoreError::io(read, path))?;
        if meta.mode() & OTHERS_ANY != 0 {
            return Err(StoreError::KeyExposed { path: path.to_path_buf(), mode: meta.mode() & 0o7777 });
        }
        if meta.uid() != self.owner_uid && meta.uid() != ROOT {
            return Err(StoreError::NotYours { path: path.to_path_buf(), owner: meta.uid(), you: self.owner_uid });
        }
        // Reserved in advance: a buffer that grew would leave copies of the secret behind.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE));
        file.by_ref().take(MAX_FILE as u64).read_to_end(&mut text).map_err(StoreError::io(read, path))?;
        parse(&text).map(Some).map_err(|why| StoreError::KeyDamaged { path: path.to_path_buf(), why })
    }
}

pub(super) fn render(key: &MachineKey) -> Zeroizing<Vec<u8>> {
    let seed = key.danger_seed();
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE));
    text.extend_from_slice(format!("{HEADER}\n{FINGERPRINT}{}\n{SEED}", key.public().fingerprint()).as_bytes());
    let encoded = Zeroizing::new(BASE32_NOPAD.encode(seed.as_slice()));
    text.extend_from_slice(encoded.as_bytes());
    text.push(b'\n');
    text
}

/// The key in a file's `text`, or which part of it is wrong.
fn parse(text: &[u8]) -> Result<MachineKey, &'static str> {
    let text = str::from_utf8(text).map_err(|_| "not text")?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err("no header of a landline key");
    }
    let fingerprint = lines.next().and_then(|line| line.strip_prefix(FINGERPRINT)).ok_or("no fingerprint")?;
    let encoded = lines.next().and_then(|line| line.strip_prefix(SEED)).ok_or("no seed")?;
    if lines.next().is_some() {
        return Err("more lines than a key has");
    }
    let mut seed = Zeroizing::new([0_u8; SEED_LEN]);
    if BASE32_NOPAD.decode_len(encoded.len()) != Ok(SEED_LEN) {
        return Err("the seed has another length");
    }
    BASE32_NOPAD.decode_mut(encoded.as_bytes(), seed.as_mut_slice()).map_err(|_| "the seed is not base32")?;
    let key = MachineKey::from_seed(*seed);
    if key.public().fingerprint().to_string() != fingerprint {
        return Err("seed and fingerprint do not belong together");
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Barrier;

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open_or_create(dir.path()).unwrap();
        (dir, home)
    }

    #[test]
    fn the_key_is_made_once_and_kept() {
        let (_dir, home) = home();
        assert!(!home.has_key());
        let first = home.machine_key().unwrap().public();
        assert!(home.has_key());
        assert_eq!(home.machine_key().unwrap().public(), first);
        assert_eq!(fs::metadata(home.key_path()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn two_homes_have_different_keys() {
        assert_ne!(home().1.machine_key().unwrap().public(), home().1.machine_key().unwrap().public());
    }

    #[test]
    fn racing_to_make_the_key_gives_everybody_the_same() {
        const RACERS: usize = 8;
        for _ in 0..20 {
            let (_dir, home) = home();
            let start = Barrier::new(RACERS);
            let keys: Vec<_> = std::thread::scope(|scope| {
                let race = || {
                    start.wait();
                    home.machine_key().unwrap().public()
                };
                let racers: Vec<_> = (0..RACERS).map(|_| scope.spawn(race)).collect();
                racers.into_iter().map(|racer| racer.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
            assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no draft is left");
        }
    }

    #[test]
    fn refuses_a_key_that_others_may_read() {
        let (_dir, home) = home();
        home.machine_key().unwrap();
        for mode in [0o644, 0o640, 0o604, 0o602] {
            fs::set_permissions(home.key_path(), fs::Permissions::from_mode(mode)).unwrap();
            let refusal = home.machine_key().map(|key| key.public()).unwrap_err();
            assert!(matches!(refusal, StoreError::KeyExposed { mode: told, .. } if told == mode), "{refusal}");
            assert!(refusal.to_string().contains("chmod 600 /"), "{refusal}");
        }
    }

    #[test]
    fn refuses_a_damaged_key_and_leaves_it_as_it_was() {
        let (_dir, home) = home();
        home.machine_key().unwrap();
        let good = fs::read_to_string(home.key_path()).unwrap();
        let seed = good.lines().nth(2).unwrap().strip_prefix(SEED).unwrap();
        let other_letter = if seed.starts_with('A') { 'B' } else { 'A' };
        let damaged = [
            String::new(),
            good[..good.len() - 2].to_owned(),
            good.replace("v1", "v2"),
            good.replace(seed, &format!("{other_letter}{}", &seed[1..])),
            good.replace(seed, &format!("!{}", &seed[1..])),
            format!("{good}more\n"),
            "\u{0}".repeat(5000),
        ];
        for text in damaged {
            fs::write(home.key_path(), &text).unwrap();
            let refusal = home.machine_key().map(|key| key.public()).unwrap_err();
            assert!(matches!(refusal, StoreError::KeyDamaged { .. }), "{text:?} gave {refusal}");
            assert!(!refusal.to_string().contains(&seed[1..]), "the seed is never shown");
            assert_eq!(fs::read_to_string(home.key_path()).unwrap(), text);
        }
        fs::write(home.key_path(), &good).unwrap();
        home.machine_key().unwrap();
    }
}
