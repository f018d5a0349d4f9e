//! Rekeying: machines that know each other go on knowing each other when one of them has changed its key.
//!
//! `msg` is the wire form, [`serve`] the answering end, [`ask`] the asking end. What makes a statement true is in
//! `landline_trust::rotation`; what is known by the new key then, in `landline_store::Successors`.
//! The service is open to strangers: who has changed its key is one, and so is who dials a machine by its old key. A stranger
//! gets nothing by it but the statements that lead from a key that he names to this machine's.
//! Source: PROTOCOL.md §14.2.

pub mod ask;
pub mod msg;
pub mod serve;

pub use msg::SERVICE;
