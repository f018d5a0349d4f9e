//! Who is at the other end of a raw socket, as far as the system tells it. Nothing of it is proof.

use std::{fmt, net::SocketAddr, path::PathBuf};

/// A peer's name.
///
/// ```
/// use landline_net::raw::PeerName;
///
/// let peer = PeerName::Inet("[::ffff:192.0.2.7]:4000".parse()?);
/// assert_eq!(peer.to_string(), "192.0.2.7:4000");
/// assert_eq!(PeerName::Local { uid: Some(1000), pid: None }.address(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerName {
    /// An address and a port.
    Inet(SocketAddr),
    /// A program on this machine, with its user and process where the kernel knows them.
    Local {
        /// User id.
        uid: Option<u32>,
        /// Process id.
        pid: Option<i32>,
    },
    /// A UNIX datagram socket with a file.
    Path(PathBuf),
    /// A UNIX datagram socket with an abstract name.
    Abstract(Vec<u8>),
    /// The other end of a pipe in this process.
    Memory,
}

impl PeerName {
    /// The address, of a peer that has one; a mapped IPv4 address as what it is.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(address) => Some(SocketAddr::new(address.ip().to_canonical(), address.port())),
            Self::Local { .. } | Self::Path(_) | Self::Abstract(_) | Self::Memory => None,
        }
    }
}

/// Harmless on a screen: names that others chose are escaped.
impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(_) => match self.address() {
                Some(address) => write!(f, "{address}"),
                None => Ok(()),
            },
            Self::Local { uid: Some(uid), pid: Some(pid) } => write!(f, "uid {uid} pid {pid}"),
            Self::Local { uid: Some(uid), .. } => write!(f, "uid {uid}"),
            Self::Local { .. } => f.write_str("this machine"),
            Self::Path(path) => write!(f, "{}", landline_wire::shown(path.as_os_str().as_encoded_bytes())),
            Self::Abstract(name) => write!(f, "@{}", landline_wire::shown(name)),
            Self::Memory => f.write_str("memory"),
        }
    }
}
