//! Grants and quotas as people write them.
//!
//! In: words of the command line. Out: grants in their one form. `read /pub` is `files:read /pub`, `files /pub` is that and
//! `files:write /pub`; a grant in one word, as it is printed, is taken as well.

use landline_trust::grant::Grant;

use crate::fail::Fail;
use crate::units;

/// How much a home may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota(pub(super) Option<u64>);

/// `20G`, or `none`.
pub(super) fn quota(text: &str) -> Result<Quota, String> {
    if text == "none" { Ok(Quota(None)) } else { units::parse_bytes(text).map(|bytes| Quota(Some(bytes))) }
}

/// Rights and their paths, in turns.
///
/// # Errors
/// If one of them is no grant.
pub(super) fn grants(words: &[String]) -> Result<Vec<Grant>, Fail> {
    let mut all = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (right, path) = match word.split_once(' ') {
            Some((right, path)) => (right, Some(path)),
            None if word == "admin" => (word, None),
            None => (word, words.next()),
        };
        let rights: &[&str] = match right {
            "read" | "files:read" => &["files:read"],
            "write" | "files:write" => &["files:write"],
            "files" => &["files:read", "files:write"],
            other => &[other],
        };
        for right in rights {
            let text = path.map_or_else(|| (*right).to_owned(), |path| format!("{right} {path}"));
            let grant = text.parse().map_err(|fault| {
                Fail::usage(format_args!("{text}: {fault}"))
                    .hint("read /pub, write ~/inbox, files / and admin are grants")
            })?;
            all.push(grant);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Vec<String>, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        grants(&words).map(|all| all.iter().map(ToString::to_string).collect()).map_err(|fail| fail.what().to_owned())
    }

    #[test]
    fn rights_and_paths_come_in_turns_or_as_one_word() {
        assert_eq!(read(&["read", "/pub", "admin"]).unwrap(), ["files:read /pub", "admin"]);
        assert_eq!(read(&["files", "~"]).unwrap(), ["files:read ~", "files:write ~"]);
        assert_eq!(read(&["files:write /a b", "write", "/c d"]).unwrap(), ["files:write /a b", "files:write /c d"]);
        for wrong in [&["read"][..], &["read", "pub"], &["shell", "/"], &["admin /"], &["read", "/../x"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_quota_is_a_size_or_none() {
        assert_eq!(quota("1K"), Ok(Quota(Some(1024))));
        assert_eq!(quota("none"), Ok(Quota(None)));
        assert!(quota("much").is_err());
    }
}
