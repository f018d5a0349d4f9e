//! Bytes and values of landline/1: what two machines say to each other, without any socket.
//!
//! Frames ([`frame`]) carry either one JSON message ([`message`]) or raw bytes. [`open`] holds the messages every
//! service shares, [`name`] how raw names travel in JSON, [`limits`] every maximum, [`mod@shown`] how text from outside
//! is shown on a screen. Knows nothing of sockets, clocks, files or what a service means.
//! Source: PROTOCOL.md §2 to §4.
#![forbid(unsafe_code)]

pub mod frame;
pub mod limits;
pub mod message;
pub mod name;
pub mod open;
pub mod shown;

pub use frame::{Frame, FrameError, Header, Kind, split_frame};
pub use limits::Limits;
pub use message::{MessageError, decode, encode, encode_into};
pub use name::{Blob, WireName};
pub use open::{ErrorCode, Fault, Open, Reply};
pub use shown::shown;
