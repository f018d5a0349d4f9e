//! Endpoints of calls: where to listen or to dial, as people write it. [`crate::raw`] holds those that only raw sockets have.
//!
//! In: text from a command line, a configuration file or the address book. Out: an [`Endpoint`] that prints back to
//! text which reads the same. Knows nothing of sockets and looks no name up.
//!
//! | written | means |
//! |---|---|
//! | `tcp://h:80`, `h:80` | host `h`, port 80 |
//! | `h` | host `h`, [`DEFAULT_PORT`] |
//! | `[::1]:80`, `[::1]`, `::1` | an IPv6 address; with a port only in brackets |
//! | `[fe80::1%eth0]:80` | a link-local address on one interface |
//! | `*:80`, `:80`, `*`, nothing | every address of this machine, IPv4 and IPv6 |
//! | `h:0` | a free port of the system's choice |
//! | `unix:/run/x.sock` | a UNIX socket |

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use crate::DEFAULT_PORT;

/// Every scheme of landline, of calls and of raw sockets. None may be the name of a contact.
pub const SCHEMES: &[&str] = &["tcp", "udp", "unix", "unix-dgram", "unix-seqpacket", "tls", "fd"];

/// Bytes in the path of a UNIX socket: `sun_path` holds 108 on Linux, one of them the closing NUL.
pub const MAX_UNIX_PATH_BYTES: usize = 107;

/// Bytes in a host name: RFC 1035 §2.3.4, without the root's dot.
pub const MAX_HOST_BYTES: usize = 253;

/// Bytes in one label of a host name: RFC 1035 §2.3.4.
pub const MAX_LABEL_BYTES: usize = 63;

/// Bytes in the name of a network interface: `IFNAMSIZ` is 16 on Linux, one of them the closing NUL.
pub const MAX_ZONE_BYTES: usize = 15;

/// Where to listen or to dial.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// Whose port.
        host: Host,
        /// 0 asks the system for a free one, which makes sense for listening only.
        port: u16,
    },
    /// A UNIX socket, by absolute path.
    Unix(PathBuf),
}

/// The host of a TCP endpoint.
///
/// ```
/// use landline_addr::{endpoint::Host, raw::RawEndpoint};
///
/// let endpoint: RawEndpoint = "tcp://[::1]:80".parse()?;
/// assert_eq!(endpoint.host(), Some(&Host::Ip("::1".parse()?)));
/// let everywhere: RawEndpoint = ":80".parse()?;
/// assert_eq!(everywhere.host(), Some(&Host::Any));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// Every address of this machine, IPv4 and IPv6 on one socket. For listening only.
    Any,
    /// One address.
    Ip(IpAddr),
    /// A name to look up: ASCII letters, digits, `-`, `_` and dots. Also a scoped IPv6 address (`fe80::1%eth0`),
    /// which the system's lookup resolves to an address with its interface.
    Name(String),
}

/// Why text is no endpoint. The words are meant for the person who wrote it; quoted text is escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// A scheme that carries no calls.
    #[error(
        "{scheme} endpoints carry no calls, only `landline listen`, `dial` and `relay` use them; write tcp://host:port or unix:/path"
    )]
    NoCalls {
        /// One of [`SCHEMES`].
        scheme: &'static str,
    },
    /// A scheme that landline does not know.
    #[error("unknown scheme {scheme:?}; use tcp://host:port or unix:/path")]
    UnknownScheme {
        /// What stood before `://`.
        scheme: String,
    },
    /// `tcp:` without the slashes, which would be a host called `tcp`.
    #[error("after tcp: two slashes are missing; write tcp://host:port")]
    MissingSlashes,
    /// The port is no number, or is out of range.
    #[error("{port:?} is no port; a port is a number in 0..=65535")]
    Port {
        /// What stood after the colon.
        port: String,
    },
    /// The host is neither an address nor a name.
    #[error("{host:?} is no host; write a name, an IPv4 address, or an IPv6 address in brackets")]
    Host {
        /// What stood in the host's place.
        host: String,
    },
    /// A name in letters beyond ASCII.
    #[error("{host:?} has letters beyond ASCII; write the name in its xn-- form")]
    NotAscii {
        /// What stood in the host's place.
        host: String,
    },
    /// Numbers and dots that are no IPv4 address. System lookups read `5463` as 0.0.21.87, so it is no name either.
    #[error("{host:?} is not a complete IPv4 address; for a port alone write :PORT")]
    PartialIpv4 {
        /// What stood in the host's place.
        host: String,
    },
    /// Several colons that make no IPv6 address.
    #[error("{text:?} is no IPv6 address; with a port it is written in brackets, like [::1]:5463")]
    Ipv6 {
        /// What stood in the address's place.
        text: String,
    },
    /// The path of a UNIX socket does not start with `/`.
    #[error("the path of a UNIX socket must be absolute, like unix:/run/landline.sock")]
    UnixRelative,
    /// The path of a UNIX socket cannot be one.
    #[error("the path of a UNIX socket must not contain control characters")]
    UnixControl,
    /// The path of a UNIX socket is too long for the system.
    #[error("the path of a UNIX socket has {len} bytes; the system allows {MAX_UNIX_PATH_BYTES}")]
    UnixTooLong {
        /// Its length in bytes.
        len: usize,
    },
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path.strip_prefix("//").unwrap_or(path)); // first: the path itself may contain "://"
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return if scheme == "tcp" { tcp(rest) } else { Err(refuse_scheme(scheme)) };
        }
        match text.split_once(':') {
            Some(("tcp", _)) => Err(EndpointError::MissingSlashes),
            Some((scheme, _)) if SCHEMES.contains(&scheme) => Err(refuse_scheme(scheme)),
            _ => tcp(text),
        }
    }
}

/// `tcp://host:port` or `unix:/path`; reads back as the same endpoint.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// As it stands in an endpoint: `*`, `192.0.2.1`, `[::1]`, `host.example`.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => write!(f, "*"),
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) if name.contains(':') => write!(f, "[{name}]"), // a scoped IPv6 address
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

fn tcp(text: &str) -> Result<Endpoint, EndpointError> {
    let (host, port) = host_port(text)?;
    Ok(Endpoint::Tcp { host, port: port.unwrap_or(DEFAULT_PORT) })
}

/// `host:port`, the port only if one is written.
pub(crate) fn host_port(text: &str) -> Result<(Host, Option<u16>), EndpointError> {
    if let Some(inside) = text.strip_prefix('[') {
        let no_host = || EndpointError::Ipv6 { text: text.to_owned() };
        let (address, after) = inside.split_once(']').ok_or_else(no_host)?;
        let host = ipv6(address).ok_or_else(no_host)?;
        return match after.strip_prefix(':') {
            Some(digits) => Ok((host, Some(port(digits)?))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(no_host()),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            let host = ipv6(text).ok_or_else(|| EndpointError::Ipv6 { text: text.to_owned() })?;
            Ok((host, None))
        }
        Some((name, digits)) => Ok((host(name)?, Some(port(digits)?))),
        None => Ok((host(text)?, None)),
    }
}

fn host(text: &str) -> Result<Host, EndpointError> {
    if text.is_empty() || text == "*" {
        return Ok(Host::Any);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Host::Ip(address));
    }
    let host = || text.to_owned();
    if !text.is_ascii() {
        return Err(EndpointError::NotAscii { host: host() });
    }
    let bare = text.strip_suffix('.').unwrap_or(text); // a closing dot stops the system's search list
    let well_formed = bare.len() <= MAX_HOST_BYTES && bare.split('.').all(is_label);
    if !well_formed {
        return Err(EndpointError::Host { host: host() });
    }
    if bare.split('.').next_back().is_some_and(reads_as_number) {
        return Err(EndpointError::PartialIpv4 { host: host() });
    }
    Ok(Host::Name(host()))
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && !label.starts_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Lookups read a host whose last label is a number, also `0x…`, as an IPv4 address in one of its old forms.
fn reads_as_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit()) || hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn ipv6(text: &str) -> Option<Host> {
    let Some((address, zone)) = text.split_once('%') else {
        return Some(Host::Ip(text.parse::<Ipv6Addr>().ok()?.into()));
    };
    let zone_fits = (1..=MAX_ZONE_BYTES).contains(&zone.len())
        && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let address = address.parse::<Ipv6Addr>().ok().filter(|_| zone_fits)?;
    Some(Host::Name(format!("{address}%{zone}")))
}

fn port(digits: &str) -> Result<u16, EndpointError> {
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit()); // else "+80" would pass
    let number = digits.parse().ok().filter(|_| only_digits);
    number.ok_or_else(|| EndpointError::Port { port: digits.to_owned() })
}

fn unix(path: &str) -> Result<Endpoint, EndpointError> {
    let rest = path.strip_prefix('/').ok_or(EndpointError::UnixRelative)?;
    let path = format!("/{}", rest.trim_start_matches('/')); // unix:///x, as one would write for file:
    if path.len() > MAX_UNIX_PATH_BYTES {
        return Err(EndpointError::UnixTooLong { len: path.len() });
    }
    if path.chars().any(char::is_control) {
        return Err(EndpointError::UnixControl);
    }
    Ok(Endpoint::Unix(PathBuf::from(path)))
}

fn refuse_scheme(scheme: &str) -> EndpointError {
    match SCHEMES.iter().find(|known| **known == scheme) {
        Some(scheme) => EndpointError::NoCalls { scheme },
        None => EndpointError::UnknownScheme { scheme: scheme.to_owned() },
    }
}

#[cfg(test)]
mod tests;
