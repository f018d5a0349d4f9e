//! The real binary, as people and scripts use it: one module a feature.
#![allow(clippy::unwrap_used, reason = "these are tests, also where a function is shared by several of them")]

mod commands;
mod configuration;
mod exits;
mod files_shell;
mod halfway;
mod hostile;
mod interrupted;
mod introduction;
mod lanes;
mod listing;
mod moving;
mod odd;
mod partials;
mod people;
mod pipes;
mod policies;
mod python;
mod raw;
mod refusals;
mod resume;
mod retrying;
mod revocation;
mod scene;
mod scripting;
mod selftest;
mod serving;
mod small_disks;
mod sockets;
mod transfer;
mod traversal;
mod verifying;
mod whole_trees;
mod why;
