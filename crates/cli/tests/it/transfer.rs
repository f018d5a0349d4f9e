//! Transfer: `put`, `get` and `cat` of real files and folders through the real binary.

mod closing;
mod concurrent;
mod disks;
mod faults;
mod files;
mod folders;
mod targets;
mod terminal;
