//! Licence: whether an SPDX expression leaves a choice that we allow.
//!
//! Grammar (SPDX 2.3, annex D): `WITH` binds tighter than `AND`, `AND` than `OR`. The old slash of crates.io means `OR`.
//! Pure; an expression that cannot be read is an error, never a yes.

use anyhow::{Result, bail, ensure};

/// Deeper nesting than any real expression, so that a hostile one cannot exhaust the stack.
const DEEPEST: usize = 32;

/// Whether some choice in `expression` needs only licences (with their exceptions) that `allowed` lists.
///
/// # Errors
/// If it is no SPDX expression.
pub(super) fn is_allowed(expression: &str, allowed: &[&str]) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut reader = Reader { words: spaced.split_whitespace().collect(), next: 0, depth: 0, allowed };
    let verdict = reader.either();
    let verdict = verdict.map_err(|e| anyhow::anyhow!("cannot read the licence {expression:?}: {e}"))?;
    match reader.peek() {
        Some(word) => bail!("cannot read the licence {expression:?}: {word:?} is left over"),
        None => Ok(verdict),
    }
}

struct Reader<'a> {
    words: Vec<&'a str>,
    next: usize,
    depth: usize,
    allowed: &'a [&'a str],
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).copied()
    }

    fn take(&mut self, word: &str) -> bool {
        let here = self.peek() == Some(word);
        self.next += usize::from(here);
        here
    }

    fn either(&mut self) -> Result<bool> {
        let mut verdict = self.both()?;
        while self.take("OR") {
            // Both sides are read, whatever the first says.
            verdict |= self.both()?;
        }
        Ok(verdict)
    }

    fn both(&mut self) -> Result<bool> {
        let mut verdict = self.one()?;
        while self.take("AND") {
            verdict &= self.one()?;
        }
        Ok(verdict)
    }

    fn one(&mut self) -> Result<bool> {
        if self.take("(") {
            self.depth += 1;
            ensure!(self.depth <= DEEPEST, "nested too deep");
            let verdict = self.either()?;
            ensure!(self.take(")"), "a bracket is not closed");
            self.depth -= 1;
            return Ok(verdict);
        }
        let licence = self.name()?;
        if self.take("WITH") {
            let exception = self.name()?;
            return Ok(self.allowed.contains(&format!("{licence} WITH {exception}").as_str()));
        }
        // `+` is "or any later version": this very one is allowed too.
        Ok(self.allowed.contains(&licence.strip_suffix('+').unwrap_or(licence)))
    }

    fn name(&mut self) -> Result<&'a str> {
        let Some(word) = self.peek() else { bail!("it ends too early") };
        let is_name = word.chars().all(|c| c.is_ascii_alphanumeric() || ".-+:".contains(c));
        ensure!(is_name && !["AND", "OR", "WITH"].contains(&word), "{word:?} stands where a licence should");
        self.next += 1;
        Ok(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [&str; 4] = ["MIT", "ISC", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];

    #[test]
    fn or_needs_one_and_needs_all_and_with_is_its_own_licence() {
        let cases = [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT", true),
            ("MIT/Apache-2.0", true),
            ("MIT AND GPL-3.0-only", false),
            ("MIT AND (GPL-3.0-only OR ISC)", true),
            ("(MIT AND GPL-3.0-only) OR BSD-4-Clause", false),
            // AND binds tighter: GPL needs ISC beside it, MIT stands alone.
            ("MIT OR GPL-3.0-only AND ISC", true),
            ("GPL-3.0-only AND ISC OR MIT", true),
            ("GPL-3.0-only AND (ISC OR MIT)", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("MIT WITH LLVM-exception", false),
            ("GPL-2.0-only WITH Classpath-exception-2.0", false),
            ("Apache-2.0+", true),
            ("ISC AND (Apache-2.0 OR ISC) AND Apache-2.0 AND MIT AND (Apache-2.0 OR ISC OR MIT-0)", true),
        ];
        for (expression, verdict) in cases {
            assert_eq!(is_allowed(expression, &ALLOWED).unwrap(), verdict, "{expression}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_a_yes() {
        for broken in
            ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT AND OR ISC", "MIT WITH", "MIT, ISC", "mit or isc"]
        {
            assert!(is_allowed(broken, &ALLOWED).is_err(), "{broken:?}");
        }
        assert!(is_allowed(&"(".repeat(100_000), &ALLOWED).is_err());
    }
}
