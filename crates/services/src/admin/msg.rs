//! What the owner's service says on the wire. Source: PROTOCOL.md §8.

mod users;

use landline_wire::Fault;
use serde::{Deserialize, Serialize};

use super::who::CallRow;
pub use users::{KeyMsg, LONGEST_GRANT, MACHINES_SHOWN, MOST_GRANTS, UserAnswer, UserMsg, UserRequest};

/// The name by which this service is opened.
pub const SERVICE: &str = "admin";

/// From the owner's command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Open a one-time code.
    Invite {
        /// How long it is valid.
        seconds: u64,
        /// For whom; the default user if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
    /// Revoke a key and cut its calls.
    Revoke {
        /// Its whole fingerprint.
        fingerprint: String,
    },
    /// How is the server?
    Status {},
    /// About users.
    User(UserRequest),
    /// Which calls run?
    Who {},
    /// End a call.
    End {
        /// Its number.
        call: u64,
    },
}

/// To the owner's command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Not done, and why.
    Error(Fault),
    /// A code is open.
    Invitation(Invitation),
    /// A key was revoked.
    Revoked(Revoked),
    /// How the server is.
    Status(Status),
    /// About users.
    User(UserAnswer),
    /// Calls that run.
    Calls {
        /// By number.
        calls: Vec<CallRow>,
        /// Whether another part follows.
        more: bool,
    },
    /// A call will end.
    Ended {
        /// Its number.
        call: u64,
    },
}

/// An open code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// To be read aloud.
    pub code: String,
    /// Seconds until it ends.
    pub expires_in: u64,
    /// Where the other machine can dial, most useful first.
    pub addresses: Vec<String>,
    /// Of this machine's key.
    pub fingerprint: String,
}

/// A key that may not call any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Which.
    pub fingerprint: String,
    /// How many of its calls were cut.
    pub cut: usize,
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its process.
    pub pid: u32,
    /// Where it listens.
    pub listen: Vec<String>,
    /// Where others can dial.
    pub reachable: Vec<String>,
    /// What it serves, as the owner named it.
    pub share: String,
    /// Whether nobody may write.
    pub read_only: bool,
    /// Calls that run, this one too.
    pub calls: usize,
    /// Numbers of the codes that are open.
    pub open_codes: Vec<u16>,
}
