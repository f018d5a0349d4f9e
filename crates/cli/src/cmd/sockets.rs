//! What `listen`, `dial` and `relay` share: flags, words for what fails, and how a person talks on a connection.

pub(super) mod exec;
pub(super) mod fail;
pub(super) mod flags;
pub(super) mod human;
pub(super) mod info;
pub(super) mod like;
pub(super) mod pump;
pub(super) mod qq;
pub(super) mod seconds;
pub(super) mod tls;
pub(super) mod turns;
pub(super) mod upload;
