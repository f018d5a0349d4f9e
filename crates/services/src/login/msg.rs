//! What is said in a login. Source: PROTOCOL.md §13.4.
//!
//! ```text
//! client                                             server
//!   ── login {user, step} ─────────────────────────►   KE1; counts as a failure from here on
//!   ◄─────────────────────── challenge {step, cost} ──  KE2, the same for a user that there is not
//!   ── proof {step, label} ────────────────────────►   KE3; nobody who guessed wrong gets here
//!   ◄───────────────────────────── welcome {label} ──   the key is enrolled; else error
//! ```

use landline_wire::{Blob, Fault};
use serde::{Deserialize, Serialize};

/// The name by which this service is opened.
pub const SERVICE: &str = "login";

/// From who wants to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// I am this user.
    Login {
        /// Who, as `landline_addr::user::UserName` has it.
        user: String,
        /// OPAQUE KE1.
        step: Blob,
    },
    /// My proof, bound to this connection.
    Proof {
        /// OPAQUE KE3.
        step: Blob,
        /// What I call myself.
        label: String,
    },
}

/// From the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It did not match, or nothing can be said.
    Error(Fault),
    /// Whoever has the password can go on.
    Challenge {
        /// OPAQUE KE2.
        step: Blob,
        /// What stretching costs, 12 bytes.
        cost: Blob,
    },
    /// Your key is enrolled.
    Welcome {
        /// What I call myself.
        label: String,
    },
}
