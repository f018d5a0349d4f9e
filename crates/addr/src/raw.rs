//! Endpoints of raw sockets: everything the system has a socket for, as `listen`, `dial` and `relay` take it.
//!
//! In: text from a command line. Out: a [`RawEndpoint`] that prints back to text which reads the same. A type of its own
//! beside [`crate::endpoint::Endpoint`], so that what cannot carry a call never comes where calls are made. Knows nothing of
//! sockets and looks no name up.
//!
//! | written | means |
//! |---|---|
//! | `tcp://h:80`, `h:80` | TCP |
//! | `tls://h:443` | TLS over TCP |
//! | `udp://h:53` | UDP; a multicast address is joined by who listens |
//! | `unix:/run/x.sock`, `unix:@name` | a UNIX stream socket; `@` is an abstract name, without a file |
//! | `unix-dgram:…`, `unix-seqpacket:…` | a UNIX socket that keeps messages apart |
//! | `fd:3` | a descriptor that was inherited, as from systemd |
//!
//! Hosts are written as in [`crate::endpoint`]; the port must be there.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::endpoint::{EndpointError, Host, MAX_UNIX_PATH_BYTES, host_port};

/// Where a raw socket is, or shall be.
///
/// ```
/// use landline_addr::raw::RawEndpoint;
///
/// let echo: RawEndpoint = "udp://[::1]:7".parse()?;
/// assert_eq!(echo.to_string(), "udp://[::1]:7");
/// assert!(echo.is_datagram());
/// # Ok::<(), landline_addr::raw::RawEndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RawEndpoint {
    /// TCP.
    Tcp {
        /// Whose port.
        host: Host,
        /// 0 asks the system for a free one.
        port: u16,
    },
    /// TLS over TCP.
    Tls {
        /// Whose port, and the name that a certificate must be for.
        host: Host,
        /// 0 asks the system for a free one.
        port: u16,
    },
    /// UDP.
    Udp {
        /// Whose port, or a multicast group, or a broadcast address.
        host: Host,
        /// 0 asks the system for a free one.
        port: u16,
    },
    /// A UNIX stream socket.
    Unix(UnixName),
    /// A UNIX datagram socket.
    UnixDgram(UnixName),
    /// A UNIX socket with connections and with message bounds (`SOCK_SEQPACKET`).
    UnixSeqpacket(UnixName),
    /// A descriptor that this process was started with.
    Fd(u32),
}

/// What a UNIX socket is called.
///
/// ```
/// use landline_addr::raw::{RawEndpoint, UnixName};
///
/// let file: RawEndpoint = "unix:/run/x.sock".parse()?;
/// assert_eq!(file, RawEndpoint::Unix(UnixName::Path("/run/x.sock".into())));
/// let no_file: RawEndpoint = "unix-dgram:@x".parse()?;
/// assert_eq!(no_file, RawEndpoint::UnixDgram(UnixName::Abstract("x".to_owned())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UnixName {
    /// A file.
    Path(PathBuf),
    /// A name in Linux's own table, which has no file and no owner (unix(7)).
    Abstract(String),
}

/// Why text is no raw endpoint. Quoted text is escaped.
///
/// ```
/// use landline_addr::raw::{RawEndpoint, RawEndpointError};
///
/// let refused = "carrier-pigeon://h:1".parse::<RawEndpoint>().unwrap_err();
/// assert!(matches!(&refused, RawEndpointError::UnknownScheme { scheme } if scheme == "carrier-pigeon"));
/// assert!(refused.to_string().contains("there are tcp://"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RawEndpointError {
    /// The host or the port is wrong.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// No port is written, and raw sockets have no usual one.
    #[error("{text:?} has no port; write host:port, for a port alone :PORT")]
    NoPort {
        /// What was written.
        text: String,
    },
    /// A scheme that landline does not know.
    #[error("unknown scheme {scheme:?}; there are tcp://, tls://, udp://, unix:, unix-dgram:, unix-seqpacket: and fd:")]
    UnknownScheme {
        /// What stood before `://`.
        scheme: String,
    },
    /// `udp:` or the like without the slashes.
    #[error("after {scheme}: two slashes are missing; write {scheme}://host:port")]
    MissingSlashes {
        /// `tcp`, `tls` or `udp`.
        scheme: &'static str,
    },
    /// A UNIX socket without a name.
    #[error("a UNIX socket needs a name: a path, or @name for an abstract one")]
    NoName,
    /// What follows `fd:` is no descriptor.
    #[error("{digits:?} is no descriptor; write its number, like fd:3")]
    Fd {
        /// What stood after `fd:`.
        digits: String,
    },
}

impl RawEndpoint {
    /// Whether what is sent keeps its bounds and nothing is connected first: UDP and UNIX datagrams.
    #[must_use]
    pub fn is_datagram(&self) -> bool {
        matches!(self, Self::Udp { .. } | Self::UnixDgram(_))
    }

    /// The host, of endpoints that have one.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        match self {
            Self::Tcp { host, .. } | Self::Tls { host, .. } | Self::Udp { host, .. } => Some(host),
            Self::Unix(_) | Self::UnixDgram(_) | Self::UnixSeqpacket(_) | Self::Fd(_) => None,
        }
    }

    /// The scheme's word.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Tcp { .. } => "tcp",
            Self::Tls { .. } => "tls",
            Self::Udp { .. } => "udp",
            Self::Unix(_) => "unix",
            Self::UnixDgram(_) => "unix-dgram",
            Self::UnixSeqpacket(_) => "unix-seqpacket",
            Self::Fd(_) => "fd",
        }
    }
}

impl FromStr for RawEndpoint {
    type Err = RawEndpointError;

    fn from_str(text: &str) -> Result<Self, RawEndpointError> {
        // These come first: a path may hold "://".
        for (scheme, make) in UNIX_SCHEMES {
            if let Some(name) = text.strip_prefix(scheme) {
                return Ok(make(unix_name(name)?));
            }
        }
        if let Some(digits) = text.strip_prefix("fd:") {
            return descriptor(digits).ok_or_else(|| RawEndpointError::Fd { digits: digits.to_owned() });
        }
        match text.split_once("://") {
            Some(("tcp", rest)) => inet(rest, |host, port| Self::Tcp { host, port }),
            Some(("tls", rest)) => inet(rest, |host, port| Self::Tls { host, port }),
            Some(("udp", rest)) => inet(rest, |host, port| Self::Udp { host, port }),
            Some((scheme, _)) => Err(RawEndpointError::UnknownScheme { scheme: scheme.to_owned() }),
            None => {
                if let Some(scheme) = INET_SCHEMES.iter().find(|scheme| before_colon(text) == Some(scheme)) {
                    return Err(RawEndpointError::MissingSlashes { scheme });
                }
                inet(text, |host, port| Self::Tcp { host, port })
            }
        }
    }
}

/// Reads back as the same endpoint.
impl fmt::Display for RawEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme();
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port } | Self::Udp { host, port } => {
                write!(f, "{scheme}://{host}:{port}")
            }
            Self::Unix(name) | Self::UnixDgram(name) | Self::UnixSeqpacket(name) => write!(f, "{scheme}:{name}"),
            Self::Fd(number) => write!(f, "{scheme}:{number}"),
        }
    }
}

/// A path as it is, an abstract name behind `@`.
impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Abstract(name) => write!(f, "@{name}"),
        }
    }
}

const INET_SCHEMES: [&str; 3] = ["tcp", "tls", "udp"];

/// Makes an endpoint of a UNIX socket's name.
type Make = fn(UnixName) -> RawEndpoint;

const UNIX_SCHEMES: [(&str, Make); 3] = [
    ("unix:", RawEndpoint::Unix),
    ("unix-dgram:", RawEndpoint::UnixDgram),
    ("unix-seqpacket:", RawEndpoint::UnixSeqpacket),
];

fn before_colon(text: &str) -> Option<&str> {
    text.split_once(':').map(|(scheme, _)| scheme)
}

fn inet(text: &str, make: fn(Host, u16) -> RawEndpoint) -> Result<RawEndpoint, RawEndpointError> {
    let (host, port) = host_port(text)?;
    let port = port.ok_or_else(|| RawEndpointError::NoPort { text: text.to_owned() })?;
    Ok(make(host, port))
}

fn unix_name(text: &str) -> Result<UnixName, RawEndpointError> {
    if text.chars().any(char::is_control) {
        return Err(EndpointError::UnixControl.into());
    }
    if text.len() > MAX_UNIX_PATH_BYTES {
        return Err(EndpointError::UnixTooLong { len: text.len() }.into());
    }
    match text.strip_prefix('@') {
        Some("") => Err(RawEndpointError::NoName),
        Some(name) => Ok(UnixName::Abstract(name.to_owned())),
        None if text.is_empty() => Err(RawEndpointError::NoName),
        None => Ok(UnixName::Path(PathBuf::from(text))),
    }
}

fn descriptor(digits: &str) -> Option<RawEndpoint> {
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u32>().ok().filter(|number| only_digits && i32::try_from(*number).is_ok())?;
    Some(RawEndpoint::Fd(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(text: &str) -> String {
        text.parse::<RawEndpoint>().unwrap_err().to_string()
    }

    #[test]
    fn reads_every_form_of_the_table() {
        let cases = [
            ("h:80", "tcp://h:80"),
            (":80", "tcp://*:80"),
            ("tcp://127.0.0.1:0", "tcp://127.0.0.1:0"),
            ("tls://h.example:443", "tls://h.example:443"),
            ("udp://[ff02::1%eth0]:9", "udp://[ff02::1%eth0]:9"),
            ("unix:/run/x.sock", "unix:/run/x.sock"),
            ("unix:x.sock", "unix:x.sock"),
            ("unix:@a name", "unix:@a name"),
            ("unix-dgram:/a://b", "unix-dgram:/a://b"),
            ("unix-seqpacket:@s", "unix-seqpacket:@s"),
            ("fd:3", "fd:3"),
        ];
        for (text, canonical) in cases {
            assert_eq!(text.parse::<RawEndpoint>().unwrap().to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_what_to_write() {
        assert!(fault("h:70000").contains("0..=65535"));
        assert!(fault("h").contains("has no port"));
        assert!(fault("8080").contains(":PORT"));
        assert!(fault("udp:5").contains("udp://host:port"));
        assert!(fault("sctp://h:1").contains("unix-seqpacket:"));
        assert!(fault("unix:").contains("@name"));
        assert!(fault("unix:@").contains("@name"));
        assert!(fault("fd:x").contains("fd:3"));
        assert!(fault("fd:+3").contains("fd:3"));
        assert!(fault("fd:4294967295").contains("fd:3"));
        assert!(fault(&format!("unix:{}", "x".repeat(108))).contains("108 bytes"));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_the_same(text in "(tcp|udp|tls|unix|unix-dgram|unix-seqpacket|fd)?(:|://)?[a-z0-9@:.\\[\\]%*/-]{0,20}") {
            if let Ok(endpoint) = text.parse::<RawEndpoint>() {
                prop_assert_eq!(endpoint.to_string().parse::<RawEndpoint>(), Ok(endpoint));
            }
        }
    }
}
