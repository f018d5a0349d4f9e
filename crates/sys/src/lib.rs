//! The edge to the operating system: what no safe library offers, and the only crate where `unsafe` is allowed.
//!
//! In: borrowed descriptors. Out: plain values. Knows no policy. Each unsafe block says why it is sound; what the system
//! returned is read by safe code.
#![allow(unsafe_code, reason = "this is the one crate for it")]
#![deny(unsafe_op_in_unsafe_fn)]

pub mod batch;
mod inherit;
mod tcp_info;

pub use inherit::inherited;
pub use tcp_info::TcpInfo;
