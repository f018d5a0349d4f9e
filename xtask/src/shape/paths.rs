//! Paths: nothing that is committed names a place on one developer's machine.
//!
//! In: where this checkout and the developer's home lie, and one file. Out: each line that names them, or somebody's home.

use std::ffi::OsStr;
use std::path::Path;

use crate::workspace::TextFile;

/// Folders that every machine has: a checkout below one of them makes only its own path private.
const EVERYWHERE: [&str; 10] =
    ["/", "/tmp", "/var/tmp", "/dev/shm", "/home", "/root", "/opt", "/srv", "/usr/src", "/mnt"];

/// Homes of nobody, for examples.
const NOBODY: [&str; 8] = ["user", "you", "me", "alice", "bob", "ada", "ann", "eve"];

/// The paths that belong to this machine.
pub(super) fn private(root: &Path, home: Option<&OsStr>) -> Vec<String> {
    let mut private = Vec::new();
    let home = home.map(Path::new).filter(|home| home.is_absolute());
    for folder in root.parent().into_iter().chain(home) {
        let text = folder.to_string_lossy();
        if !EVERYWHERE.contains(&text.as_ref()) {
            private.push(format!("{text}/"));
        }
    }
    if !EVERYWHERE.contains(&root.to_string_lossy().as_ref()) {
        private.push(root.to_string_lossy().into_owned());
    }
    private
}

pub(super) fn findings(file: &TextFile, private: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        let named = private.iter().find(|path| names(line, path)).cloned();
        if let Some(path) = named.or_else(|| home_of_somebody(line)) {
            found.push(format!("{}:{number}: a path of one machine: {path}", file.path));
        }
    }
    found
}

/// Whether `line` names `path` from the root, not as a part of a longer path (`/a/b/` does not name `/b/`).
fn names(line: &str, path: &str) -> bool {
    let starts_there = |at: usize| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}~".contains(c))
    };
    let ends_there = |at: usize| {
        let after = line[at + path.len()..].chars().next();
        path.ends_with('/') || !after.is_some_and(|c| c.is_alphanumeric() || "._-".contains(c))
    };
    line.match_indices(path).any(|(at, _)| starts_there(at) && ends_there(at))
}

fn home_of_somebody(line: &str) -> Option<String> {
    for homes in ["/home/", "/Users/"] {
        for (at, _) in line.match_indices(homes) {
            let rest = &line[at + homes.len()..];
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
            // Only with something below it: `/home/x` alone may be any word.
            let goes_on = rest[name.len()..].starts_with('/');
            if goes_on
                && !name.is_empty()
                && !NOBODY.contains(&name.as_str())
                && names(line, &format!("{homes}{name}/"))
            {
                return Some(format!("{homes}{name}/"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> usize {
        let private = private(Path::new("/place/checkout"), Some(OsStr::new("/root")));
        findings(&TextFile { path: "a.md".to_owned(), text: text.to_owned() }, &private).len()
    }

    #[test]
    fn this_checkout_and_its_neighbours_are_private() {
        assert_eq!(told("see /place/checkout for it"), 1);
        assert_eq!(told("`/place/other/file`"), 1);
        assert_eq!(told("/srv/place/checkout/x and /place and /placebo/x"), 0);
        assert_eq!(told("/root/x"), 0);
    }

    #[test]
    fn a_checkout_in_a_common_folder_makes_only_itself_private() {
        assert_eq!(private(Path::new("/tmp/checkout"), Some(OsStr::new("/root"))), ["/tmp/checkout"]);
        assert_eq!(private(Path::new("/landline"), None), ["/landline"]);
        let found = private(Path::new("/builds/x/landline"), Some(OsStr::new("/var/lib/ci")));
        assert_eq!(found, ["/builds/x/", "/var/lib/ci/", "/builds/x/landline"]);
    }

    #[test]
    fn somebodys_home_is_private_and_nobodys_is_not() {
        let of = |homes: &str, name: &str| format!("cd {homes}{name}/src");
        assert_eq!(told(&of("/home/", "jmiller")), 1);
        assert_eq!(told(&of("/Users/", "j.miller")), 1);
        assert_eq!(told(&of("/home/", "alice")), 0);
        assert_eq!(told("/home/*/x, /home/$USER/x, https://example.org/home/page/x"), 0);
    }
}
