//! Names: one component, and nothing that could lead anywhere else; and the names of what is still arriving.
//!
//! In: share paths, what directories list, and what a staging file is for. Out: [`Name`].
//! Invariant: never empty, never `.` or `..`, no `/` and no NUL in it.

use landline_addr::path::{RESERVED_PREFIX, SharePath, is_reserved};

/// Hex digits in the name of a staging file.
const DIGITS: usize = 16;

/// What the name of a journal has after that of its staging file.
const JOURNAL: &[u8] = b".journal";

/// One component: the last of a share path, one that a directory listed, or a staging name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::files) struct Name(Vec<u8>);

impl Name {
    /// `None` for the share itself, which has no name of its own.
    pub(in crate::files) fn last_of(path: &SharePath) -> Option<Self> {
        path.components().next_back().map(Self::component)
    }

    /// One component of a share path, or one that a directory listed.
    pub(in crate::files) fn component(name: &[u8]) -> Self {
        debug_assert!(!name.is_empty() && !name.contains(&b'/') && name != b".." && name != b".");
        Self(name.to_vec())
    }

    /// One that lies behind a path of the share, with an addition that keeps it one component: `NAME~`, say.
    /// `None` if that is longer than a name can be, or becomes a reserved one.
    pub(in crate::files) fn with_suffix(&self, suffix: &[u8]) -> Option<Self> {
        let name = [self.as_bytes(), suffix].concat();
        let fits = name.len() <= landline_addr::path::MAX_NAME_BYTES && !is_reserved(&name);
        (fits && !suffix.contains(&b'/') && !suffix.contains(&0)).then_some(Self(name))
    }

    /// A staging name: the reserved prefix and 16 hex digits.
    pub(in crate::files) fn staging(number: u64) -> Self {
        Self([RESERVED_PREFIX, format!("{number:016x}").as_bytes()].concat())
    }

    /// The staging name by which the same owner finds again what became of an attempt to make `target`.
    ///
    /// `domain` keeps files and directories apart, which may have the same target one after the other; `slot` keeps
    /// apart those who do the same at the same time.
    pub(in crate::files) fn staging_for(domain: &str, target: &[u8], owner: &[u8; 32], slot: u8) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(domain);
        hasher.update(owner).update(&[slot]).update(target);
        let mut number = [0; 8];
        hasher.finalize_xof().fill(&mut number);
        Self::staging(u64::from_be_bytes(number))
    }

    /// Whether [`Self::staging`] could have made this.
    pub(in crate::files) fn is_staging(&self) -> bool {
        let lower_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        self.0.strip_prefix(RESERVED_PREFIX).is_some_and(|rest| rest.len() == DIGITS && rest.iter().all(lower_hex))
    }

    /// The name of the journal that belongs to this staging file.
    pub(in crate::files) fn journal(&self) -> Self {
        Self([self.as_bytes(), JOURNAL].concat())
    }

    /// The staging file that this is the journal of; `None` if it is no journal.
    pub(in crate::files) fn journal_of(&self) -> Option<Self> {
        self.0.strip_suffix(JOURNAL).map(|staging| Self(staging.to_vec())).filter(Self::is_staging)
    }

    /// The staging name that somebody typed or noted down; `None` if it is none.
    pub(in crate::files) fn parse_staging(text: &str) -> Option<Self> {
        Some(Self(text.as_bytes().to_vec())).filter(Self::is_staging)
    }

    /// A name of landline's own inside a directory of landline's own: the reserved prefix and `what`.
    pub(in crate::files) fn reserved(what: &str) -> Self {
        Self([RESERVED_PREFIX, what.as_bytes()].concat())
    }

    /// Whether nobody outside may see it.
    pub(in crate::files) fn is_hidden(&self) -> bool {
        is_reserved(&self.0)
    }

    pub(in crate::files) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staging_name_depends_on_everything_it_is_for() {
        let of = |domain, target: &str, owner, slot| Name::staging_for(domain, target.as_bytes(), &[owner; 32], slot);
        let one = of("a", "x", 1, 0);
        assert!(one.is_staging() && one.is_hidden());
        assert_eq!(one, of("a", "x", 1, 0));
        for other in [of("b", "x", 1, 0), of("a", "y", 1, 0), of("a", "x", 2, 0), of("a", "x", 1, 1)] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_journal_and_its_staging_file_know_each_other() {
        let staging = Name::staging(7);
        assert_eq!(staging.journal().journal_of(), Some(staging.clone()));
        assert!(staging.journal().is_hidden() && !staging.journal().is_staging());
        assert_eq!(staging.journal_of(), None);
        assert_eq!(Name::component(b"notes.journal").journal_of(), None);
        assert_eq!(Name::parse_staging(".landline-part-0123456789abcdef/.."), None);
        assert!(Name::parse_staging(".landline-part-0123456789abcdef").is_some());
    }

    #[test]
    fn a_suffix_makes_no_name_too_long_and_none_reserved() {
        assert_eq!(Name::component(b"a").with_suffix(b"~"), Some(Name::component(b"a~")));
        assert_eq!(Name::component(&[b'a'; 255]).with_suffix(b"~"), None);
        assert_eq!(Name::component(b".landline-part").with_suffix(b"-"), None);
        assert_eq!(Name::component(b"a").with_suffix(b"/"), None);
    }
}
