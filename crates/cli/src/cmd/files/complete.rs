//! Completion: what the word at the cursor may become.
//!
//! In: the line up to the cursor, names of a folder. Out: what to look up, and candidates. Pure. A name that acts on a screen, or is
//! no text, is no candidate: it can't be typed; a `?` in a pattern fits what can't.

use super::glob::Named;
use super::verbs;
use super::words::{Quote, quoted, unfinished};
use crate::screen::tame;

/// What the word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A command.
    Verb,
    /// A path there.
    There,
    /// A path here.
    Here,
    /// A path there; if none fits, here.
    ThereFirst,
    /// A path here; if none fits, there.
    HereFirst,
    /// Nothing that is known.
    Nothing,
}

/// Where the cursor is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Where in the line the word begins.
    pub(super) start: usize,
    pub(super) wanted: Wanted,
    so_far: Vec<u8>,
    quote: Quote,
    /// Only folders fit.
    dirs: bool,
}

/// What is to be completed at the end of `line`; nothing in a comment, or where another shell's words are.
pub(super) fn at(line: &str) -> Option<Spot> {
    let word = unfinished(line.as_bytes())?;
    let mut before = word.before.iter();
    let (wanted, dirs) = match before.next().map(Vec::as_slice) {
        None => (Wanted::Verb, false),
        Some(_) if word.so_far.starts_with(b"-") => (Wanted::Nothing, false),
        Some(verb) => {
            let paths = before.filter(|word| !word.starts_with(b"-")).count();
            match verb {
                b"cd" => (Wanted::There, true),
                b"lcd" => (Wanted::Here, true),
                b"lls" => (Wanted::Here, false),
                b"get" | b"reget" | b"mget" if paths > 0 => (Wanted::HereFirst, false),
                b"put" | b"reput" | b"mput" | b"verify" if paths > 0 => (Wanted::ThereFirst, false),
                b"put" | b"reput" | b"mput" | b"verify" => (Wanted::Here, false),
                b"help" | b"?" => (Wanted::Verb, false),
                b"pwd" | b"lpwd" | b"df" | b"quit" | b"exit" | b"bye" => (Wanted::Nothing, false),
                _ => (Wanted::There, false),
            }
        }
    };
    Some(Spot { start: word.start, wanted, so_far: word.so_far, quote: word.quote, dirs })
}

impl Spot {
    /// The folder to look in, as it was typed, with its slash.
    pub(super) fn dir(&self) -> &[u8] {
        let len = self.so_far.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        self.so_far.get(..len).unwrap_or_default()
    }
}

/// The commands that fit.
pub(super) fn verbs(spot: &Spot) -> Vec<rustyline::completion::Pair> {
    let fitting = verbs::names().into_iter().filter(|verb| verb.as_bytes().starts_with(&spot.so_far));
    let pair = |verb: String| rustyline::completion::Pair { replacement: format!("{verb} "), display: verb };
    fitting.map(pair).collect()
}

/// The names that fit: each as it is shown, and what the word becomes.
pub(super) fn candidates(spot: &Spot, names: &[Named]) -> Vec<(String, String)> {
    let dir = spot.dir();
    let begun = spot.so_far.get(dir.len()..).unwrap_or_default();
    let Ok(dir) = std::str::from_utf8(dir) else { return Vec::new() };
    let fits = |named: &&Named| {
        (named.is_dir || !spot.dirs)
            && named.name.starts_with(begun)
            && (!named.name.starts_with(b".") || begun.starts_with(b"."))
    };
    let of = |named: &Named| {
        let name = std::str::from_utf8(&named.name).ok().filter(|name| tame(name) == **name)?;
        let here = if dir.is_empty() && name.starts_with('-') { "./" } else { "" }; // or it would be an option
        let mut word = quoted(&format!("{here}{dir}{name}"), spot.quote);
        match (named.is_dir, spot.quote) {
            (true, _) => word.push('/'), // what is in it may follow
            (false, Quote::None) => word.push(' '),
            (false, Quote::Single) => word.push_str("' "),
            (false, Quote::Double) => word.push_str("\" "),
        }
        Some((format!("{name}{}", if named.is_dir { "/" } else { "" }), word))
    };
    names.iter().filter(fits).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::words::{Said, commands};
    use super::*;

    fn named(name: &str) -> Named {
        Named { name: name.trim_end_matches('/').as_bytes().to_vec(), is_dir: name.ends_with('/') }
    }

    fn words(line: &str, names: &[&str]) -> Vec<String> {
        let names: Vec<_> = names.iter().map(|name| named(name)).collect();
        candidates(&at(line).unwrap(), &names).into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn what_is_wanted_depends_on_the_command_and_on_what_came_before() {
        let wanted = |line: &str| at(line).map(|spot| spot.wanted);
        assert_eq!(wanted("l"), Some(Wanted::Verb));
        assert_eq!(wanted("pwd; ge"), Some(Wanted::Verb));
        assert_eq!(wanted("ls a"), Some(Wanted::There));
        assert_eq!(wanted("put "), Some(Wanted::Here));
        assert_eq!(wanted("put -n a "), Some(Wanted::ThereFirst));
        assert_eq!(wanted("get a "), Some(Wanted::HereFirst));
        assert_eq!(wanted("ls -"), Some(Wanted::Nothing));
        assert_eq!(wanted("!ls "), None);
    }

    #[test]
    fn a_file_is_followed_by_a_blank_and_a_folder_by_a_slash() {
        assert_eq!(words("ls n", &["notes.txt", "new/", "other"]), ["notes.txt ", "new/"]);
        assert_eq!(words("cd n", &["notes.txt", "new/"]), ["new/"]);
        assert_eq!(words("ls dir/n", &["notes.txt"]), ["dir/notes.txt "]);
        assert_eq!(words("ls ", &[".hidden", "a"]), ["a "]);
        assert_eq!(words("ls .", &[".hidden", "a"]), [".hidden "]);
        assert_eq!(words("ls ", &["-a"]), ["./-a "]);
    }

    #[test]
    fn blanks_and_stars_are_quoted_as_the_word_begins() {
        assert_eq!(words("cat my", &["my file*"]), [r"my\ file\* "]);
        assert_eq!(words("cat 'my", &["my file*"]), ["'my file*' "]);
        assert_eq!(words("cat \"my", &["my \"file\""]), [r#""my \"file\"" "#]);
        assert_eq!(words("cat 'my f", &["my folder/"]), ["'my folder/"]);
    }

    #[test]
    fn what_acts_on_a_screen_is_no_candidate() {
        assert_eq!(words("cat ", &["a\x1b[2J", "b\nc", "报告"]), ["报告 "]);
        let bytes = Named { name: b"\xff".to_vec(), is_dir: false };
        assert!(candidates(&at("cat ").unwrap(), &[bytes]).is_empty());
    }

    proptest! {
        #[test]
        fn a_completed_word_is_read_back_as_the_name(name in "[ -~é报]{1,10}") {
            prop_assume!(!name.contains('/') && !name.starts_with('-') && tame(&name) == name);
            for begun in ["ls ", "ls '", "ls \""] {
                let spot = at(begun).unwrap();
                for (_, word) in candidates(&spot, &[Named { name: name.clone().into_bytes(), is_dir: false }]) {
                    let line = format!("{}{word}", &begun[..spot.start]);
                    let expected = Said::Words(vec![b"ls".to_vec(), name.clone().into_bytes()]);
                    prop_assert_eq!(&commands(line.as_bytes()).unwrap()[0].said, &expected, "{}", line);
                }
            }
        }
    }
}
