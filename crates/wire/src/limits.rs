//! Every maximum of the wire, with its unit and its reason. Source: PROTOCOL.md §2.3, §10.1.
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

/// Bytes of one message's body on a raw socket. As much as NATS takes; longer things are streamed, not collected.
pub const MAX_RAW_MESSAGE: usize = 1 << 20;

/// Bytes of the JSON header before a body on a raw socket. The longest path that Linux takes, 4096 bytes, comes to 12 KiB in
/// any script once it is escaped; the rest is room for the other fields.
pub const MAX_RAW_HEADER: usize = 16 << 10;

/// Bytes of an end mark. Marks that people choose have one to four; the rest is room for a MIME-like boundary.
pub const MAX_MARK: usize = 64;

/// Digits of a decimal length: as many as the largest 64-bit number has.
pub const MAX_DIGITS: usize = 20;

/// What may come in, and go out, by a framing of a raw socket. Programs there are strangers for as long as they talk.
///
/// ```
/// use landline_wire::FramingLimits;
///
/// let small = FramingLimits { message_bytes: 1024, ..FramingLimits::default() };
/// assert_eq!((small.header_bytes, small.json_depth), (16 << 10, 16));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FramingLimits {
    /// Bytes of one message's body, without prefix, header, mark or line end. What is streamed is not bound by it.
    pub message_bytes: usize,
    /// Bytes of one JSON header.
    pub header_bytes: usize,
    /// How deep arrays and objects may nest in a JSON header, itself counted; the parser stops at 127 in any case.
    pub json_depth: usize,
}

impl Default for FramingLimits {
    fn default() -> Self {
        Self { message_bytes: MAX_RAW_MESSAGE, header_bytes: MAX_RAW_HEADER, json_depth: MAX_DEPTH }
    }
}
