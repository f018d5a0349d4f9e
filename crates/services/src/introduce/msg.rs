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

/// A label from outside: without control characters, at most [`MAX_LABEL`] characters, no white space around it. Applied
/// to a label it changes nothing.
#[must_use]
pub fn label(said: &str) -> String {
    let kept = said.chars().filter(|c| !c.is_control()).skip_while(|c| c.is_whitespace());
    let cut: String = kept.take(MAX_LABEL).collect();
    cut.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_no_white_space_at_its_ends_wherever_it_was_cut() {
        let long = format!("{} end", "x".repeat(MAX_LABEL - 1));
        for (said, kept) in
            [(" desk\n", "desk"), ("\u{1} a\u{1b}[2J ", "a[2J"), (" \t ", ""), (long.as_str(), &long[..MAX_LABEL - 1])]
        {
            assert_eq!(label(said), kept);
            assert_eq!(label(kept), kept);
        }
    }
}
