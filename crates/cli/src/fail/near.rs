//! The word that was probably meant.

/// Edits beyond which a word is no longer a likely slip.
const MAX_EDITS: usize = 2;

/// The one of `words` that is nearest to `typed`, if it is near; none if nothing of it would be left.
pub(crate) fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = MAX_EDITS.min(typed.chars().count().saturating_sub(1));
    let scored = words.into_iter().map(|word| (edits(typed, word), word));
    scored.filter(|(edits, _)| *edits <= most).min().map(|(_, word)| word)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for ((to, above), diagonal) in b.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            let replaced = diagonal + usize::from(from != *to);
            next.push(replaced.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word() {
        let known = ["desk", "laptop", "attic"];
        assert_eq!(nearest("dsk", known), Some("desk"));
        assert_eq!(nearest("latpop", known), Some("laptop"));
        assert_eq!(nearest("desk", known), Some("desk"));
    }

    #[test]
    fn a_different_word_finds_none() {
        assert_eq!(nearest("garage", ["desk", "attic"]), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("", ["y"]), None);
    }

    #[test]
    fn distances_are_levenshteins() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
    }
}
