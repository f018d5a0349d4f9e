//! Which names of a tree are not wanted: `--exclude`.
//!
//! In: patterns as people write them. Out: a yes or no for a path relative to what is copied. A pattern without a slash
//! matches a name at any depth, one with a slash the whole relative path; an excluded directory is not entered.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use landline_wire::shown;

/// Patterns in one request: an answer to "what would I leave out", not a programming language.
pub const MAX_PATTERNS: usize = 64;
/// Bytes of one pattern; it is compiled by the peer.
pub const MAX_PATTERN_LEN: usize = 256;

/// Bytes of all patterns together: what they compile to grows faster than they do.
pub const MAX_PATTERNS_LEN: usize = 4096;

/// Compiled patterns.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    texts: Vec<String>,
    names: GlobSet,
    paths: GlobSet,
}

/// Why a pattern can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Not a glob.
    #[error("\"{}\" is not a pattern: {}", shown(pattern), shown(why))]
    Bad {
        /// The pattern.
        pattern: String,
        /// What the matcher says of it.
        why: String,
    },
    /// Too many or too long.
    #[error(
        "too many patterns: {MAX_PATTERNS} are allowed, each of {MAX_PATTERN_LEN} bytes, {MAX_PATTERNS_LEN} bytes together"
    )]
    TooMuch,
}

impl Filter {
    /// Compiles patterns: `*` and `?` stay within a name, `**` does not, `[…]` and `{a,b}` as in a shell.
    ///
    /// # Errors
    /// [`FilterError`] names the pattern.
    pub fn new(patterns: &[String]) -> Result<Self, FilterError> {
        let together: usize = patterns.iter().map(String::len).sum();
        let too_long = together > MAX_PATTERNS_LEN || patterns.iter().any(|pattern| pattern.len() > MAX_PATTERN_LEN);
        if too_long || patterns.len() > MAX_PATTERNS {
            return Err(FilterError::TooMuch);
        }
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let trimmed = pattern.trim_end_matches('/').trim_start_matches("./");
            let into = if trimmed.contains('/') { &mut paths } else { &mut names };
            into.add(compile(trimmed.trim_start_matches('/'))?);
        }
        let bad =
            |fault: &globset::Error| FilterError::Bad { pattern: patterns.join(" "), why: fault.kind().to_string() };
        let (names, paths) = (names.build().map_err(|f| bad(&f))?, paths.build().map_err(|f| bad(&f))?);
        Ok(Self { texts: patterns.to_vec(), names, paths })
    }

    /// The patterns as they were written.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.texts
    }

    /// Whether nothing is ever left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether what lies at `relative` (components joined by `/`, not empty) is not wanted.
    #[must_use]
    pub fn excludes(&self, relative: &[u8]) -> bool {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        let name = relative.rsplit(|byte| *byte == b'/').next().unwrap_or(relative);
        self.names.is_match(OsStr::from_bytes(name)) || self.paths.is_match(OsStr::from_bytes(relative))
    }
}

fn compile(pattern: &str) -> Result<Glob, FilterError> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|fault| FilterError::Bad { pattern: pattern.to_owned(), why: fault.kind().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(patterns: &[&str]) -> Filter {
        Filter::new(&patterns.iter().map(|&p| p.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_plain_pattern_matches_a_name_at_any_depth() {
        let filter = filter(&["*.o", "target/"]);
        assert!(filter.excludes(b"main.o") && filter.excludes(b"a/b/main.o") && filter.excludes(b"x/target"));
        assert!(!filter.excludes(b"main.oo") && !filter.excludes(b"targets"));
    }

    #[test]
    fn a_pattern_with_a_slash_matches_the_whole_path() {
        let filter = filter(&["/build", "docs/*.tmp", "**/cache/*"]);
        assert!(filter.excludes(b"docs/a.tmp") && !filter.excludes(b"x/docs/a.tmp"));
        assert!(filter.excludes(b"a/b/cache/c") && !filter.excludes(b"docs/b/a.tmp"));
    }

    #[test]
    fn names_that_are_not_utf8_are_matched_too() {
        assert!(filter(&["a*"]).excludes(b"a\xff"));
    }

    #[test]
    fn words_of_refusal_escape_the_pattern_and_what_the_matcher_quotes_of_it() {
        let fault = Filter::new(&["[a-\u{1}]\u{3164}".to_owned()]).unwrap_err().to_string();
        assert_eq!(fault, "\"[a-\\u{1}]\\u{3164}\" is not a pattern: invalid range; 'a' > '\\u{1}'");
    }

    #[test]
    fn refuses_what_is_no_pattern_and_what_is_too_much() {
        assert!(matches!(Filter::new(&["[".to_owned()]), Err(FilterError::Bad { .. })));
        assert!(matches!(Filter::new(&vec!["a".to_owned(); 65]), Err(FilterError::TooMuch)));
    }
}
