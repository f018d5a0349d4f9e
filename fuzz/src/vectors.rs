//! The vectors of PROTOCOL.md: lines `name | what | hex` in its blocks marked `vectors`.
//!
//! The name is `decoder/label`. A vector whose `what` begins with "refused" must not decode; one that begins with
//! "accepted" must decode, but is written in another way; any other is exactly what landline writes.
//! `crates/wire/tests/vectors.rs` reads this very file, so that the two agree on what a vector is.

/// What a decoder must make of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Decodes, and is written as these bytes again.
    Exact,
    /// Decodes, and is written otherwise.
    Accepted,
    /// Does not decode.
    Refused,
}

/// One vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    /// Which decoder it is for.
    pub decoder: String,
    /// Which of its vectors it is.
    pub label: String,
    /// Words, or the JSON that the bytes stand for.
    pub what: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Vector {
    /// What the decoder must make of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.what.split([' ', ':']).next() {
            Some("refused") => Verdict::Refused,
            Some("accepted") => Verdict::Accepted,
            _ => Verdict::Exact,
        }
    }

    /// `decoder/label`, as PROTOCOL.md writes it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.decoder, self.label)
    }
}

/// All vectors, in the order of the document.
///
/// # Panics
/// On a line that is none: the document is ours.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in include_str!("../../PROTOCOL.md").lines() {
        match line.strip_prefix("```") {
            Some(mark) => inside = !inside && mark == "vectors",
            None if inside && !line.trim().is_empty() => found.push(vector(line)),
            None => {}
        }
    }
    found
}

fn vector(line: &str) -> Vector {
    let parts = || {
        let (head, hex) = line.rsplit_once('|')?;
        let (name, what) = head.split_once('|')?;
        let (decoder, label) = name.trim().split_once('/')?;
        let (decoder, label, what) = (decoder.to_owned(), label.to_owned(), what.trim().to_owned());
        Some(Vector { decoder, label, what, bytes: unhex(hex.trim())? })
    };
    parts().unwrap_or_else(|| panic!("no vector: {line}"))
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    hex.as_bytes().chunks(2).map(|chunk| if chunk.len() == 2 { pair(chunk) } else { None }).collect()
}
