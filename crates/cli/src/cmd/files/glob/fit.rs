//! Fitting: whether a name fits a pattern, character by character. A byte that is no text counts as one character.
//!
//! In: a pattern as [`crate::cmd::files::words`] marks it, a name. Pure. Work is the product of both lengths at most.

use super::LIVE;

/// A pattern for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cmd::files) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Itself.
    Exactly(Unit),
    /// Any one character.
    One,
    /// Any number of characters.
    Any,
    /// One of these, or none of them.
    Class { not: bool, ranges: Vec<(Unit, Unit)> },
}

/// A character, or behind all of them a byte that is none.
type Unit = u32;

impl Pattern {
    /// Of `marked`: what is not marked stands for itself.
    pub(super) fn of(marked: &[u8]) -> Self {
        let units = units(marked);
        let mut parts = Vec::with_capacity(units.len());
        let mut rest = units.as_slice();
        while let Some((unit, behind)) = rest.split_first() {
            rest = behind;
            if *unit != Unit::from(LIVE) {
                parts.push(Part::Exactly(*unit));
                continue;
            }
            let Some((live, behind)) = rest.split_first() else { break };
            rest = behind;
            match char::from_u32(*live) {
                Some('*') if parts.last() == Some(&Part::Any) => {}
                Some('*') => parts.push(Part::Any),
                Some('?') => parts.push(Part::One),
                _ => match class(rest) {
                    Some((class, behind)) => {
                        parts.push(class);
                        rest = behind;
                    }
                    None => parts.push(Part::Exactly(*live)), // a bracket without the other one
                },
            }
        }
        Self(parts)
    }

    /// Of `text`, in which every `*`, `?` and `[` acts that has no backslash before it.
    pub(in crate::cmd::files) fn acting(text: &str) -> Self {
        let mut marked = String::with_capacity(text.len() + 8);
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => marked.extend(rest.next()),
                '*' | '?' | '[' => marked.extend([char::from(LIVE), c]),
                c => marked.push(c),
            }
        }
        Self::of(marked.as_bytes())
    }

    /// Whether `name` fits.
    pub(in crate::cmd::files) fn fits(&self, name: &[u8]) -> bool {
        let name = units(name);
        let (mut at, mut part) = (0, 0);
        // Where to go on if it does not fit: behind the last star, one character later than the last time.
        let mut again = None;
        loop {
            let fits = match (self.0.get(part), name.get(at)) {
                (None, None) => return true,
                (Some(Part::Any), _) => {
                    again = Some((part + 1, at));
                    part += 1;
                    continue;
                }
                (Some(wanted), Some(unit)) => wanted.takes(*unit),
                (None, Some(_)) | (Some(_), None) => false,
            };
            if fits {
                (at, part) = (at + 1, part + 1);
                continue;
            }
            match again {
                Some((behind, from)) if from < name.len() => {
                    again = Some((behind, from + 1));
                    (at, part) = (from + 1, behind);
                }
                _ => return false,
            }
        }
    }
}

impl Part {
    fn takes(&self, unit: Unit) -> bool {
        match self {
            Self::Exactly(wanted) => *wanted == unit,
            Self::One => true,
            Self::Any => false, // is dealt with before
            Self::Class { not, ranges } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&unit)) != *not,
        }
    }
}

/// What follows a `[`, with what is behind its `]`; a `]` right at the start belongs to the class.
fn class(rest: &[Unit]) -> Option<(Part, &[Unit])> {
    let is = |unit: Option<&Unit>, c: char| unit == Some(&Unit::from(c));
    let not = is(rest.first(), '!') || is(rest.first(), '^');
    let inside = rest.get(usize::from(not)..)?;
    let close = inside.iter().skip(1).position(|unit| *unit == Unit::from(']'))? + 1;
    let (inside, behind) = inside.split_at_checked(close)?;
    let inside: Vec<Unit> = inside.iter().copied().filter(|unit| *unit != Unit::from(LIVE)).collect();
    let (mut ranges, mut left) = (Vec::new(), inside.as_slice());
    loop {
        left = match left {
            [] => break,
            [from, dash, to, behind @ ..] if *dash == Unit::from('-') => {
                ranges.push((*from, *to));
                behind
            }
            [one, behind @ ..] => {
                ranges.push((*one, *one));
                behind
            }
        };
    }
    Some((Part::Class { not, ranges }, behind.get(1..).unwrap_or_default()))
}

fn units(bytes: &[u8]) -> Vec<Unit> {
    let mut units = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        units.extend(chunk.valid().chars().map(Unit::from));
        units.extend(chunk.invalid().iter().map(|byte| Unit::from(char::MAX) + 1 + Unit::from(*byte)));
    }
    units
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_mark_is_one_character_of_any_writing() {
        for (pattern, name, fits) in [
            ("报?.md", "报告.md", true),
            ("?", "é", true),
            ("??", "é", false),
            ("*.txt", ".txt", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("**", "", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]-]", "]", true),
            ("[]-]", "-", true),
            ("a[b", "a[b", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
        ] {
            assert_eq!(Pattern::acting(pattern).fits(name.as_bytes()), fits, "{pattern} {name}");
        }
        assert!(Pattern::acting("c?").fits(b"c\xff") && !Pattern::acting("c?").fits(b"c\xff\xfe"));
    }

    proptest! {
        #[test]
        fn a_name_fits_itself_and_a_star(name in any::<Vec<u8>>(), cut in any::<prop::sample::Index>()) {
            let name: Vec<u8> = name.into_iter().filter(|byte| *byte != LIVE).collect();
            prop_assert!(Pattern::of(&name).fits(&name));
            let cut = cut.index(name.len() + 1);
            if std::str::from_utf8(&name).is_ok() && std::str::from_utf8(&name[..cut]).is_ok() {
                let starred = [&name[..cut], &[LIVE, b'*'], &name[cut..]].concat();
                prop_assert!(Pattern::of(&starred).fits(&name));
                prop_assert!(Pattern::of(&[&name[..cut], &[LIVE, b'*']].concat()).fits(&name));
            }
        }
    }
}
