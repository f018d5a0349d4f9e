//! Waiting: everything that has a socket or a clock, and nothing that knows what a service means.
//!
//! A [`Call`] is one connection from a machine to one service of another, carrying frames. A [`Dialer`] makes calls,
//! a [`Server`] takes them and asks its [`Handler`] who may come in. [`tls`] holds the keys and the handshake,
//! [`server`] the defence of the door, [`limits`] every duration and count, [`line`](mod@line) what is told of a call's connection.
//! Source: PROTOCOL.md §1, §2, §5.
#![forbid(unsafe_code)]

pub mod address;
mod body;
pub mod call;
pub mod card;
pub mod dial;
pub mod error;
mod handshake;
pub mod limits;
pub mod line;
pub mod peer;
pub mod raw;
mod record;
pub mod server;
pub mod tls;

pub use call::{Block, Call, CallReader, CallWriter, Received};
pub use card::Card;
pub use dial::Dialer;
pub use error::{CallError, DialError};
pub use limits::{CallLimits, DialLimits, ServerLimits};
pub use line::{LineStats, TcpInfo};
pub use peer::{Origin, Peer};
pub use server::{Admission, Caller, End, Ended, Handler, LiveCall, Parting, Refusal, Server, Standing, Whom};
