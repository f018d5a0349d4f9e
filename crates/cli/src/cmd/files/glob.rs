//! Globs: a word with stars becomes the names that it fits, name by name, by listing no more folders than it must.
//!
//! In: a word as [`super::words`] marks it; a way to list a folder. Out: paths as they could have been typed, sorted. A star never
//! crosses a slash and fits no name that begins with a dot, unless the pattern does. `**` is `*`.

use landline_wire::shown;

use super::words::{LIVE, plain};
use crate::exit::Exit;
use crate::fail::Fail;

mod fit;

pub(super) use fit::Pattern;

/// Names that one word may stand for.
const MOST: usize = 100_000;

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: Vec<u8>,
    pub(super) is_dir: bool,
}

/// Whether `word` stands for names that are yet to be looked up.
pub(super) fn is_pattern(word: &[u8]) -> bool {
    word.contains(&LIVE)
}

/// What `word` stands for: itself if it is no pattern. `list` tells what is in a folder, named as in the word; an empty name
/// is where the shell is.
///
/// # Errors
/// If it is a pattern and fits nothing, or listing fails for another reason than that nothing can be listed there.
pub(super) async fn expand(
    word: &[u8],
    mut list: impl AsyncFnMut(&[u8]) -> Result<Vec<Named>, Fail>,
) -> Result<Vec<Vec<u8>>, Fail> {
    if !is_pattern(word) {
        return Ok(vec![word.to_vec()]);
    }
    let parts: Vec<&[u8]> = word.split(|byte| *byte == b'/').collect();
    let mut found: Vec<Vec<u8>> = vec![Vec::new()];
    let mut looked = false; // whether what was found is known to exist
    for (at, part) in parts.iter().enumerate() {
        let goes_on = at + 1 < parts.len();
        let fits = Fits::of(part);
        let mut next = Vec::new();
        for above in found {
            match &fits {
                Fits::Exactly(name) if !looked || matches!(name.as_slice(), b"" | b"." | b"..") => {
                    next.push([above.as_slice(), name].concat());
                }
                _ => {
                    let names = fitting(&above, &fits, goes_on, &mut list).await?;
                    next.extend(names.into_iter().map(|name| [above.as_slice(), &name].concat()));
                }
            }
            if next.len() > MOST {
                return Err(Fail::usage(format_args!("{} fits more than {MOST} names", shown(&plain(word)))));
            }
        }
        looked |= matches!(fits, Fits::Pattern { .. });
        if goes_on {
            next.iter_mut().for_each(|path| path.push(b'/'));
        }
        found = next;
    }
    if found.is_empty() {
        let what = format!("nothing fits {}", shown(&plain(word)));
        return Err(Fail::new(Exit::NotFound, what).hint("a name that has *, ? or [ in it goes in quotation marks"));
    }
    Ok(found)
}

async fn fitting(
    above: &[u8],
    fits: &Fits,
    goes_on: bool,
    list: &mut impl AsyncFnMut(&[u8]) -> Result<Vec<Named>, Fail>,
) -> Result<Vec<Vec<u8>>, Fail> {
    let names = match list(above).await {
        Ok(names) => names,
        Err(fail) if matches!(fail.exit(), Exit::NotFound | Exit::Conflict | Exit::Refused) => Vec::new(),
        Err(fail) => return Err(fail),
    };
    let fitting = names.into_iter().filter(|named| (named.is_dir || !goes_on) && fits.fits(&named.name));
    Ok(fitting.map(|named| named.name).collect())
}

/// What one name of a path has to be.
enum Fits {
    Exactly(Vec<u8>),
    Pattern { pattern: Pattern, dotted: bool },
}

impl Fits {
    fn of(part: &[u8]) -> Self {
        if is_pattern(part) {
            Self::Pattern { pattern: Pattern::of(part), dotted: part.starts_with(b".") }
        } else {
            Self::Exactly(part.to_vec())
        }
    }

    fn fits(&self, name: &[u8]) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == name,
            Self::Pattern { pattern, dotted } => (*dotted || !name.starts_with(b".")) && pattern.fits(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::words::{Said, commands};
    use super::*;

    /// A small world: folders end with a slash.
    const WORLD: [(&str, &[&str]); 4] = [
        ("", &[".hidden", "a.txt", "b.txt", "dir/", "dir2/", "odd*name", "报告.md"]),
        ("dir/", &["a.txt", "x.md"]),
        ("dir2/", &["a.txt", "sub/"]),
        ("/", &["top/"]),
    ];

    fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn found(typed: &str) -> Result<Vec<String>, Fail> {
        let Said::Words(words) = commands(typed.as_bytes()).unwrap().remove(0).said else { panic!("{typed}") };
        let list = async |dir: &[u8]| {
            let dir = std::str::from_utf8(dir).unwrap();
            let names = WORLD.iter().find(|(name, _)| *name == dir);
            let (_, names) = names.ok_or_else(|| Fail::new(Exit::NotFound, "no such folder"))?;
            let named = |name: &&str| Named {
                name: name.trim_end_matches('/').as_bytes().to_vec(),
                is_dir: name.ends_with('/'),
            };
            Ok(names.iter().map(named).collect())
        };
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ok(block(expand(&words[0], list))?.into_iter().map(text).collect())
    }

    #[test]
    fn stars_fit_names_and_never_a_dot_at_their_start() {
        assert_eq!(found("*.txt").unwrap(), ["a.txt", "b.txt"]);
        assert_eq!(found("*").unwrap().len(), 6);
        assert_eq!(found(".*").unwrap(), [".hidden"]);
        assert_eq!(found("报?.md").unwrap(), ["报告.md"]);
        assert_eq!(found("[!a].txt").unwrap(), ["b.txt"]);
        assert_eq!(found("[ab].txt").unwrap(), ["a.txt", "b.txt"]);
    }

    #[test]
    fn what_is_quoted_stands_for_itself() {
        assert_eq!(found("'odd*'*").unwrap(), ["odd*name"]);
        assert_eq!(found("'*.txt'").unwrap(), ["*.txt"]);
        assert_eq!(found("{a,b}*.txt").unwrap_err().exit(), Exit::NotFound);
    }

    #[test]
    fn each_name_of_a_path_may_be_a_pattern() {
        assert_eq!(found("dir*/a*").unwrap(), ["dir/a.txt", "dir2/a.txt"]);
        assert_eq!(found("*/x.md").unwrap(), ["dir/x.md"]);
        assert_eq!(found("dir*/").unwrap(), ["dir/", "dir2/"]);
        assert_eq!(found("/t*").unwrap(), ["/top"]);
        assert_eq!(found("**").unwrap().len(), 6);
    }

    #[test]
    fn a_pattern_that_fits_nothing_is_an_error_and_a_plain_word_is_not() {
        assert_eq!(found("*.zip").unwrap_err().exit(), Exit::NotFound);
        assert_eq!(found("none/*").unwrap_err().exit(), Exit::NotFound);
        assert_eq!(found("none/x").unwrap(), ["none/x"]);
        assert_eq!(found("a[b").unwrap_err().exit(), Exit::NotFound);
    }

    proptest! {
        #[test]
        fn no_pattern_makes_it_panic(word in "[\0*?\\[\\]!a-c/.\\\\{},-]{0,12}") {
            let empty = async |_: &[u8]| Ok(vec![Named { name: b"a".to_vec(), is_dir: true }]);
            drop(block(expand(word.as_bytes(), empty)));
        }
    }
}
