//! The real binary, as people and scripts use it: one module a feature.

mod commands;
mod configuration;
mod hostile;
mod interrupted;
mod introduction;
mod listing;
mod moving;
mod raw;
mod refusals;
mod revocation;
mod scene;
mod serving;
mod transfer;
mod traversal;
