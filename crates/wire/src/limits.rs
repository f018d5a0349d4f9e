//! Every maximum of the wire, with its unit and its reason. Source: PROTOCOL.md §2.3.
//!
//! There is no constructor without limits. Before a peer is known the set is much smaller.

/// Bytes of payload in one data frame. The unit of verification is a group of 1 MiB; more would only cost memory.
pub const MAX_DATA: usize = 1 << 20;

/// Bytes of one JSON message from a peer that is known. Anything longer belongs into data frames.
pub const MAX_MESSAGE: usize = 64 << 10;

/// Bytes of one JSON message from a stranger. An introduction needs under 1 KiB; the rest is room for new fields.
pub const STRANGER_MESSAGE: usize = 4 << 10;

/// How deep arrays and objects may nest in a message. Ours nest 4 deep; a parser's stack must not be a peer's choice.
pub const MAX_DEPTH: usize = 16;

/// What may come in from one peer, chosen by what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub message: usize,
    /// Bytes of one data, stderr or records frame.
    pub data: usize,
}

impl Limits {
    /// For a peer of which nothing is known yet: one small message at a time and no bulk data at all.
    pub const STRANGER: Self = Self { message: STRANGER_MESSAGE, data: 0 };
    /// For a peer that was admitted.
    pub const KNOWN: Self = Self { message: MAX_MESSAGE, data: MAX_DATA };
}
