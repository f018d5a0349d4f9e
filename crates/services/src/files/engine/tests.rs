//! What an arrival promises: all or nothing, the sender's bytes, permissions and times, and nothing left lying about.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

mod faults;
mod full;
mod links;
mod metered;
mod policy;
mod rooms;
mod scene;
mod single;
mod taken_up;
mod trees;
mod waiting;

use scene::*;
