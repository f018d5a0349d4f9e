//! Paths: what a typed path means to who is in a folder of a share.
//!
//! In: that folder, and the path as it was typed. Out: the path in the share. `/` is the share itself, `..` goes up by name, and
//! above the share there is nothing, as above `/` in a shell of the system. Pure; nothing is looked up and no link followed.

use landline_addr::path::{PathError, SharePath};

/// What was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meant {
    /// Where in the share.
    pub(super) path: SharePath,
    /// Whether it was written as a folder: `a/`, `.`, `..`, or the share itself.
    pub(super) as_folder: bool,
    /// Whether a `..` would have led out of the share.
    pub(super) above: bool,
}

/// `typed`, by who is in `cwd`.
///
/// # Errors
/// [`PathError`]: a reserved or oversized name, too long, too deep.
pub(super) fn meant(cwd: &SharePath, typed: &[u8]) -> Result<Meant, PathError> {
    let mut names: Vec<&[u8]> = if typed.first() == Some(&b'/') { Vec::new() } else { cwd.components().collect() };
    let (mut above, mut as_folder) = (false, true);
    for part in typed.split(|byte| *byte == b'/') {
        as_folder = matches!(part, b"" | b"." | b"..");
        match part {
            b"" | b"." => {}
            b".." => above |= names.pop().is_none(),
            name => names.push(name),
        }
    }
    let path = SharePath::parse(&names.join(&b'/'))?;
    Ok(Meant { as_folder: as_folder || path.is_root(), path, above })
}

/// `path` as it can be typed in `cwd`.
pub(super) fn from(cwd: &SharePath, path: &SharePath) -> Vec<u8> {
    if path == cwd {
        return b".".to_vec();
    }
    if !path.starts_with(cwd) {
        return [b"/", path.as_bytes()].concat();
    }
    let rest = path.as_bytes().get(cwd.as_bytes().len()..).unwrap_or_default();
    rest.strip_prefix(b"/").unwrap_or(rest).to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(cwd: &str, typed: &str) -> (String, bool, bool) {
        let cwd = SharePath::from_user(cwd.as_bytes()).unwrap();
        let meant = meant(&cwd, typed.as_bytes()).unwrap();
        (String::from_utf8(meant.path.as_bytes().to_vec()).unwrap(), meant.as_folder, meant.above)
    }

    #[test]
    fn a_path_is_relative_to_where_one_is_unless_it_begins_with_a_slash() {
        assert_eq!(of("a/b", "c"), ("a/b/c".to_owned(), false, false));
        assert_eq!(of("a/b", "/c//d/"), ("c/d".to_owned(), true, false));
        assert_eq!(of("a/b", "../c"), ("a/c".to_owned(), false, false));
        assert_eq!(of("a/b", ""), ("a/b".to_owned(), true, false));
        assert_eq!(of("a/b", ".."), ("a".to_owned(), true, false));
        assert_eq!(of("a/b", "/"), (String::new(), true, false));
    }

    #[test]
    fn above_the_share_there_is_nothing() {
        assert_eq!(of("a", "../../.."), (String::new(), true, true));
        assert_eq!(of("", "../etc/passwd"), ("etc/passwd".to_owned(), false, true));
    }

    #[test]
    fn paths_are_told_from_where_the_shell_is() {
        let path = |text: &str| SharePath::from_user(text.as_bytes()).unwrap();
        let cases = [("", "a/b", "a/b"), ("a", "a/b", "b"), ("a", "a", "."), ("a", "ab", "/ab"), ("a", "", "/")];
        for (cwd, asked, told) in cases {
            assert_eq!(from(&path(cwd), &path(asked)), told.as_bytes(), "{cwd} {asked}");
        }
    }

    proptest! {
        #[test]
        fn what_is_told_of_a_path_means_that_path(cwd in "[ab]{1,2}(/[ab]{1,2}){0,3}", asked in "[ab]{1,2}(/[ab]{1,2}){0,4}") {
            let cwd = SharePath::parse(cwd.as_bytes()).unwrap();
            let asked = SharePath::parse(asked.as_bytes()).unwrap();
            prop_assert_eq!(meant(&cwd, &from(&cwd, &asked)).unwrap().path, asked);
        }

        #[test]
        fn it_stays_in_the_share_whatever_is_typed(typed in "[a-c./]{0,24}") {
            let cwd = SharePath::from_user(b"x/y").unwrap();
            let meant = meant(&cwd, typed.as_bytes()).unwrap();
            prop_assert!(SharePath::parse(meant.path.as_bytes()).is_ok());
            // Whoever goes there and asks for the same from the top arrives at the same place.
            let whole = [b"/", meant.path.as_bytes()].concat();
            prop_assert_eq!(super::meant(&cwd, &whole).unwrap().path, meant.path);
        }
    }
}
