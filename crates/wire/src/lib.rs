//! Bytes and values of landline/1: what two machines say to each other, without any socket.
//!
//! Frames ([`frame`]) carry either one JSON message ([`message`]) or raw bytes. [`open`] holds the messages every
//! service shares, [`name`] how raw names travel in JSON, [`limits`] every maximum, [`mod@shown`] how text from outside
//! is shown on a screen, [`harmless`] how it stands in lines of JSON that may be looked at. [`framing`] are the framings of raw sockets, by which programs that know nothing of landline are
//! talked to. Knows nothing of sockets, clocks, files or what a service means.
//! Source: PROTOCOL.md §2 to §4, §10.
#![forbid(unsafe_code)]

pub mod frame;
pub mod framing;
pub mod harmless;
pub mod limits;
pub mod message;
pub mod name;
pub mod open;
pub mod shown;

pub use frame::{Frame, FrameError, Header, Kind, split_frame};
pub use framing::{Decoder, Encoder, FileHead, Framing, FramingError, JsonHead, LengthPrefix, Mark, Message};
pub use harmless::write_harmless;
pub use limits::{FramingLimits, Limits};
pub use message::{MessageError, decode, encode, encode_into};
pub use name::{Blob, WireName};
pub use open::{ErrorCode, Fault, Open, Reply};
pub use shown::shown;
