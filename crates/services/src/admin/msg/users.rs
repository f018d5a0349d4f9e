//! What is said of users. Source: PROTOCOL.md §8.1.

use landline_wire::Blob;
use serde::{Deserialize, Serialize};

/// About users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserRequest {
    /// Add one. Answered by `done`.
    Add {
        /// As `landline_addr::user::UserName` has it.
        name: String,
        /// Texts of grants.
        grants: Vec<String>,
        /// Whether a folder of its own is made for him.
        home: bool,
        /// Bytes that it may hold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quota: Option<u64>,
    },
    /// All of them, by name. Answered by `user` for each, then `done`.
    List {},
    /// One of them. Answered by `user`.
    Show {
        /// Which.
        name: String,
    },
    /// Give rights. Answered by `done`.
    Grant {
        /// To whom.
        name: String,
        /// Texts of grants.
        grants: Vec<String>,
    },
    /// Take rights; calls of this user end. Answered by `done`.
    Revoke {
        /// From whom.
        name: String,
        /// Texts of grants, as they were given.
        grants: Vec<String>,
    },
    /// Give a home, with all rights in it, to a user who has none; calls of this user end. Answered by `done`.
    Home {
        /// Whose.
        name: String,
    },
    /// Set how much a home may hold; calls of this user end. Answered by `done`.
    Quota {
        /// Whose.
        name: String,
        /// Bytes; any number if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// Begin to set a password. Answered by `stretch`.
    Password {
        /// Whose.
        name: String,
        /// OPAQUE's registration request.
        step: Blob,
    },
    /// Set it. Answered by `done`.
    SetPassword {
        /// Whose.
        name: String,
        /// OPAQUE's registration upload.
        step: Blob,
    },
    /// Take the password away; machines that are enrolled stay so. Answered by `done`.
    NoPassword {
        /// Whose.
        name: String,
    },
    /// Forget a user and his keys; calls of this user end. Answered by `removed`.
    Remove {
        /// Which.
        name: String,
    },
}

/// About users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserAnswer {
    /// It is so now.
    Done {
        /// Whether it was not so before.
        changed: bool,
        /// Calls that were cut.
        cut: usize,
    },
    /// One user.
    User(UserMsg),
    /// How a password is to be made a record.
    Stretch {
        /// OPAQUE's registration response.
        step: Blob,
        /// What stretching costs, 12 bytes.
        cost: Blob,
    },
    /// A user is forgotten.
    Removed {
        /// Keys that may not call any more.
        keys: usize,
        /// Calls that were cut.
        cut: usize,
        /// Where his folder lies now, at the server; nothing if he had none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        home: Option<String>,
    },
}

/// A user, as told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMsg {
    /// Unique.
    pub name: String,
    /// Whether invitations enrol to this one unless told otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Whether a folder of its own is his.
    pub home: bool,
    /// Bytes that it may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// Bytes that it holds; told by `show` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// Whether he has a password; told by `show` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<bool>,
    /// Texts of grants.
    pub grants: Vec<String>,
    /// How many machines may call as this user.
    pub machines: usize,
    /// Those machines, at most [`MACHINES_SHOWN`]; told by `show` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyMsg>,
}

/// A machine of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyMsg {
    /// Of its key.
    pub fingerprint: String,
    /// What it calls itself; hostile text.
    pub label: String,
    /// When it last called, in seconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<i64>,
}

/// Machines of one user that fit into a message of 64 KiB, whatever their labels are made of.
pub const MACHINES_SHOWN: usize = 64;

/// Grants of one user: as many as a person oversees, and as fit into a message of 64 KiB.
pub const MOST_GRANTS: usize = 64;

/// Bytes in the text of a grant, for the same reason.
pub const LONGEST_GRANT: usize = 400;
