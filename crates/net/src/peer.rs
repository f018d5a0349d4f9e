//! Who is at the other end, as far as the connection itself proves it.

use landline_addr::source::SourceKey;
use std::{fmt, net::SocketAddr};

use landline_trust::key::PublicKey;

/// A peer as the transport proved it; whether it may do anything is asked elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Holds the private half of this key: TLS.
    Key(PublicKey),
    /// A program of this user id on this machine: UNIX socket.
    Uid(u32),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "key {}", key.fingerprint()),
            Self::Uid(uid) => write!(f, "uid {uid}"),
        }
    }
}

/// Where a connection came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Over the network.
    Tcp(SocketAddr),
    /// From this machine, through a UNIX socket.
    Unix,
}

impl Origin {
    /// What failures from there are counted against; `None` for this machine.
    #[must_use]
    pub fn source(self) -> Option<SourceKey> {
        match self {
            Self::Tcp(address) => Some(SourceKey::from(address)),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix => f.write_str("this machine"),
        }
    }
}
