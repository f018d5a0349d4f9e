//! What is said in an introduction. Source: PROTOCOL.md §6.2.
//!
//! ```text
//! joiner                                             inviter
//!   ── introduce {number} ─────────────────────────►   looks the number up; an unknown one gets a random code
//!   ◄───────────────────────────── blinded {step} ──   KE1: shows nothing of the code
//!   ── confirm {step, label} ──────────────────────►   KE2: the joiner's one guess; wrong burns the code
//!   ◄───────────────────── confirmed {step, label} ──  KE3, only if right; else error no-match
//! ```

use landline_wire::{Blob, Fault};
use serde::{Deserialize, Serialize};

/// The name by which this service is opened.
pub const SERVICE: &str = "introduce";

/// Characters of a label that are kept: a host name's worth.
pub const MAX_LABEL: usize = 64;

/// From the joiner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Joining {
    /// I hold the code with this number, which is not secret.
    Introduce {
        /// From 1.
        number: u16,
    },
    /// My proof that I know its words, bound to this connection.
    Confirm {
        /// OPAQUE KE2.
        step: Blob,
        /// What I call myself.
        label: String,
    },
}

/// From the inviter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inviting {
    /// The code did not match, or nothing can be said.
    Error(Fault),
    /// The beginning, which shows nothing of the code.
    Blinded {
        /// OPAQUE KE1.
        step: Blob,
    },
    /// My proof that I know the words too. You are enrolled.
    Confirmed {
        /// OPAQUE KE3.
        step: Blob,
        /// What I call myself.
        label: String,
    },
}

/// A label from outside: trimmed, without control characters, at most [`MAX_LABEL`] characters.
#[must_use]
pub fn label(said: &str) -> String {
    said.trim().chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect()
}
