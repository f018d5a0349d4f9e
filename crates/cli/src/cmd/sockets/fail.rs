//! Words for what fails at raw sockets, with the system's number beside them, as `connect_ex` gives it.

use std::io;

use landline_addr::raw::RawEndpoint;
use landline_net::raw::RawError;
use landline_net::raw::dial::RawDialError;
use landline_wire::framing::FramingError;

use crate::exit::Exit;
use crate::fail::{Fail, io_words};

/// `endpoint` could not be bound.
pub(crate) fn listen_fail(endpoint: &RawEndpoint, fault: &io::Error) -> Fail {
    let fail = Fail::new(bind_exit(fault), format_args!("cannot listen on {endpoint}: {}", numbered(fault)));
    let fail = with_number(fail, fault);
    match fault.kind() {
        io::ErrorKind::AddrInUse if endpoint.host().is_none() => fail.hint("stop that program, or choose another name"),
        io::ErrorKind::AddrInUse => {
            fail.hint("another program has it; stop that one, or choose another: port 0 takes a free one")
        }
        io::ErrorKind::PermissionDenied => fail.hint("ports below 1024 are the administrator's; take a higher one"),
        io::ErrorKind::AddrNotAvailable => {
            fail.hint("the address is none of this machine's; `*` stands for all of them")
        }
        _ => fail,
    }
}

/// `endpoint` could not be reached.
pub(crate) fn dial_fail(endpoint: &RawEndpoint, fault: &RawDialError) -> Fail {
    match fault {
        RawDialError::Resolve { name, source } => {
            Fail::new(Exit::Unreachable, format_args!("no address is known for {name}: {}", io_words(source)))
        }
        RawDialError::Connect { source } => {
            let fail = Fail::new(dial_exit(source), format_args!("cannot connect to {endpoint}: {}", numbered(source)));
            let fail = with_number(fail, source);
            match source.kind() {
                io::ErrorKind::ConnectionRefused => {
                    fail.hint("nobody listens there; start the server first, or use --wait")
                }
                io::ErrorKind::PermissionDenied => fail.hint("to a broadcast address only --broadcast may send"),
                _ => fail,
            }
        }
        RawDialError::Tls { source } => {
            let fail = Fail::new(tls_exit(source), format_args!("no TLS with {endpoint}: {}", io_words(source)));
            if fail.exit() == Exit::Refused {
                fail.hint("--pin trusts one certificate by its fingerprint, --ca an authority of your own")
            } else {
                fail
            }
        }
        _ => Fail::new(Exit::Unreachable, format_args!("cannot reach {endpoint}: {fault}")),
    }
}

/// The talk with `peer` ended with `fault`.
pub(crate) fn talk_fail(peer: &str, fault: &RawError) -> Fail {
    match fault {
        RawError::Io(source) => {
            let (exit, what) = match source.raw_os_error() {
                Some(90) => {
                    (Exit::Refused, "the message is too long for one datagram (65507 bytes at most)".to_owned())
                }
                _ => (talk_exit(source), numbered(source)),
            };
            with_number(Fail::new(exit, format_args!("{peer}: {what}")), source)
        }
        RawError::Framing(fault) => framing_fail(peer, fault),
        RawError::Idle(time) => {
            Fail::new(Exit::TimedOut, format_args!("{peer}: nothing came for {} s", time.as_secs_f64()))
                .hint("--idle sets how long may pass")
        }
        RawError::TimedOut(time) => {
            Fail::new(Exit::TimedOut, format_args!("{peer}: the time limit of {} s was over", time.as_secs_f64()))
        }
        RawError::Unproved => Fail::new(Exit::Refused, format_args!("{peer}: the challenge was not met"))
            .hint("both ends need the same key and the same --auth; or this address failed too often there: wait some minutes"),
        _ => Fail::new(Exit::Usage, format_args!("{peer}: {fault}")),
    }
}

fn framing_fail(peer: &str, fault: &FramingError) -> Fail {
    Fail::new(Exit::Integrity, format_args!("{peer}: {fault}"))
        .hint("both ends need the same --frame; --max-message sets the limit")
}

fn bind_exit(fault: &io::Error) -> Exit {
    match fault.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::AlreadyExists => Exit::Conflict,
        io::ErrorKind::PermissionDenied => Exit::Refused,
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::NotFound => Exit::NotFound,
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Exit::Usage,
        _ => match fault.raw_os_error() {
            Some(9 | 88) => Exit::NotFound, // EBADF, ENOTSOCK: no such descriptor, or it is no socket
            _ => Exit::Unreachable,
        },
    }
}

fn dial_exit(fault: &io::Error) -> Exit {
    match fault.kind() {
        io::ErrorKind::TimedOut => Exit::TimedOut,
        io::ErrorKind::PermissionDenied => Exit::Refused,
        io::ErrorKind::AddrInUse => Exit::Conflict,
        io::ErrorKind::NotFound => Exit::NotFound,
        _ => Exit::Unreachable,
    }
}

/// A certificate that is not believed is a refusal; everything else is a line that does not carry TLS.
fn tls_exit(fault: &io::Error) -> Exit {
    let certificate = fault.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match certificate {
        Some(rustls::Error::InvalidCertificate(_)) => Exit::Refused,
        _ if fault.kind() == io::ErrorKind::TimedOut => Exit::TimedOut,
        _ => Exit::Unreachable,
    }
}

fn talk_exit(fault: &io::Error) -> Exit {
    match fault.kind() {
        io::ErrorKind::TimedOut => Exit::TimedOut,
        io::ErrorKind::PermissionDenied => Exit::Refused,
        _ => Exit::Unreachable,
    }
}

/// `connection refused (error 111)`.
pub(crate) fn numbered(fault: &io::Error) -> String {
    match fault.raw_os_error() {
        Some(number) => format!("{} (error {number})", io_words(fault)),
        None => io_words(fault),
    }
}

fn with_number(fail: Fail, fault: &io::Error) -> Fail {
    match fault.raw_os_error() {
        Some(number) => fail.errno(number),
        None => fail,
    }
}
