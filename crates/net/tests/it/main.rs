//! The waiting floor over real sockets of this machine: a server with a handler of our own, diallers, and strangers
//! that speak raw TLS, raw frames or nothing at all.
//!
//! Every limit is a value, so each test shortens the one it is about and leaves the others long. Nothing sleeps: a
//! test waits for what it is about, with a deadline far above it ([`house::soon`]). No test bounds the time from
//! above: a busy machine is slow, not wrong.
#![allow(clippy::unwrap_used, reason = "these are tests, also where a function is shared by several of them")]
#![allow(clippy::print_stdout, reason = "a child tells its parent on its standard output")]

mod admission;
mod alpn;
mod child;
mod descriptors;
mod dialling;
mod door;
mod ending;
mod garbage;
mod handler;
mod house;
mod idle;
mod keys;
mod line;
mod listening;
mod permits;
mod raw;
mod relay;
mod resumption;
mod silence;
mod stopping;
mod strangers;
mod unix;
