//! Awkward names: every kind that is legal on Linux and breaks a careless program.
//!
//! In: a folder. Out: the names as files, as folders and as links, so that a copy meets each in each role.
//! Knows nothing of which of them landline refuses: a test that expects a refusal takes the names one by one.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The longest name that Linux has (`NAME_MAX`).
const LONGEST_BYTES: usize = 255;

/// Awkward in their characters; the longest ones are made by [`awkward_names`].
const SHORT: &[&[u8]] = &[
    // Not UTF-8: a stray byte, an overlong slash, half a surrogate pair, a character cut short.
    b"\xff",
    b"bytes\xff\xfe.bin",
    b"overlong\xc0\xaf",
    b"surrogate\xed\xa0\x80",
    b"cut\xe2\x82",
    // Lines and control characters, and what a terminal obeys.
    b"new\nline",
    b"\n",
    b"return\rover",
    b"tab\there",
    b"bell\x07\x08\x7f",
    b"colour\x1b[31mred",
    b"title\x1b]0;owned\x07",
    b"\xc2\x9b31mcsi",
    // Options, and what a shell would read.
    b"-",
    b"--",
    b"-rf",
    b"--delete",
    b"*?[a]",
    b"{a,b}",
    b"quote'\"`$HOME",
    b"$(reboot)",
    b"; true",
    b"~",
    b"#comment",
    b"!!",
    b"%s%n",
    b"back\\slash",
    b"back\\..\\..\\up",
    b"desk:colon",
    b"C:",
    b"unix:",
    // Spaces at the ends and alone.
    b" ",
    b" leading",
    b"trailing ",
    b" both ",
    b"two  spaces",
    b"dot.",
    // They look like the folder above, and are not.
    b"...",
    b"....",
    b".. ",
    b" ..",
    b".. .",
    b"..a",
    b"a..",
    b"..\\",
    b"..\n",
    b"%2e%2e",
    b"..%2f",
    "\u{2025}".as_bytes(),         // two-dot leader
    "\u{ff0e}\u{ff0e}".as_bytes(), // full-width stops
    "..\u{200b}".as_bytes(),       // zero-width space
    "a\u{2215}b".as_bytes(),       // division slash
    "a\u{ff0f}b".as_bytes(),       // full-width slash
    // The same to the eye, composed and decomposed: two names.
    "\u{e9}".as_bytes(),
    "e\u{301}".as_bytes(),
    "\u{d55c}".as_bytes(),
    "\u{1112}\u{1161}\u{11ab}".as_bytes(),
    "\u{212b}".as_bytes(), // angstrom sign
    "\u{c5}".as_bytes(),
    "A\u{30a}".as_bytes(),
    // The same to a file system that folds case.
    b"case",
    b"CASE",
    "stra\u{df}e".as_bytes(),
    b"strasse",
    // Written from the right, invisible, joined.
    "abc\u{202e}gpj.exe".as_bytes(),
    "\u{feff}mark".as_bytes(),
    "\u{200b}".as_bytes(),
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd}".as_bytes(),
    "\u{1f4de}".as_bytes(),
    "\u{1f469}\u{200d}\u{1f680} \u{1f1ea}\u{1f1fa}".as_bytes(),
    // Names that other systems keep for themselves.
    b"CON",
    b"nul.txt",
    b"desktop.ini:stream",
    b".DS_Store",
];

/// All awkward names: no two are the same, each is legal on Linux, and none contains a slash or a NUL.
#[must_use]
pub fn awkward_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = SHORT.iter().map(|name| name.to_vec()).collect();
    names.push(vec![b'x'; LONGEST_BYTES]);
    names.push(vec![0xff; LONGEST_BYTES]);
    // 63 characters of four bytes and three more: cut at 255 bytes, not at a number of characters.
    names.push(["\u{1f4de}".repeat(63).as_bytes(), b"end"].concat());
    names.push(["-".repeat(254).as_bytes(), b"\n"].concat());
    names
}

/// Makes `files`, `folders` and `links` in `folder`, which is created if it is missing: in each, every awkward name as
/// what it says. A file holds its own name, a folder holds one file, and a link has its name as its target too (some lead
/// to themselves, all to nothing).
///
/// # Panics
/// If the file system cannot hold them: one that folds case or normalises cannot.
#[track_caller]
pub fn make_awkward(folder: impl AsRef<Path>) {
    let folder = folder.as_ref();
    make(folder).unwrap_or_else(|e| panic!("cannot make awkward names in {}: {e}", folder.display()));
}

fn make(folder: &Path) -> io::Result<()> {
    let (files, folders, links) = (folder.join("files"), folder.join("folders"), folder.join("links"));
    for place in [&files, &folders, &links] {
        fs::create_dir_all(place)?;
    }
    for bytes in awkward_names() {
        let name = OsStr::from_bytes(&bytes);
        fs::File::create_new(files.join(name)).and_then(|mut file| io::Write::write_all(&mut file, &bytes))?;
        fs::create_dir(folders.join(name))?;
        fs::write(folders.join(name).join("inside"), &bytes)?;
        symlink(name, links.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tree::{Compare, same};

    #[test]
    fn each_name_is_legal_and_none_comes_twice() {
        let names = awkward_names();
        for name in &names {
            assert!((1..=LONGEST_BYTES).contains(&name.len()), "{}", name.escape_ascii());
            assert!(!name.contains(&b'/') && !name.contains(&0), "{}", name.escape_ascii());
            assert!(name != b"." && name != b"..");
        }
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(names.iter().any(|name| std::str::from_utf8(name).is_err() && name.len() == LONGEST_BYTES));
    }

    #[test]
    fn each_name_is_there_as_a_file_a_folder_and_a_link() {
        let base = tempfile::tempdir().unwrap();
        let (one, other) = (base.path().join("one"), base.path().join("other"));
        make_awkward(&one);
        make_awkward(&other);
        for place in ["files", "folders", "links"] {
            assert_eq!(fs::read_dir(one.join(place)).unwrap().count(), awkward_names().len());
        }
        assert!(same(&one, &other, Compare::CONTENT));
    }
}
