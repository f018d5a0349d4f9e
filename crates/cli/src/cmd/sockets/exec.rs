//! Running commands for the other end: its options, and when it is refused.

use std::time::Duration;

use clap::ValueEnum;
use landline_addr::endpoint::Host;
use landline_addr::raw::{RawEndpoint, UnixName};
use landline_net::raw::{AnyHandler, Talk};
use landline_services::simple::{Exec, Order};
use landline_wire::framing::Framing;

use super::seconds::seconds;
use crate::exit::Exit;
use crate::fail::Fail;

/// How commands are run.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Commands (exec)")]
pub(crate) struct ExecFlags {
    /// What of a command's output is sent: by default streamed, or stderr-or-stdout with a framing
    #[arg(long, value_name = "WHICH", value_enum)]
    output: Option<Output>,
    /// Stop a command after so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    command_timeout: Option<Duration>,
    /// How long a command may go on when the client has closed its direction; it may still be reading. At a reset it is
    /// stopped at once
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    after_end: Option<Duration>,
    /// Bytes of the longest output that is kept for one answer
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(64..))]
    max_output: Option<u32>,
}

/// Which output is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Pieces of both as they come
    Streamed,
    /// All of stderr, then all of stdout, when the command has ended
    StderrFirst,
    /// Stderr if there is any, else stdout
    StderrOrStdout,
}

impl ExecFlags {
    /// Whether anything of it was asked for.
    pub(crate) fn is_asked(&self) -> bool {
        self.output.is_some() || self.command_timeout.is_some() || self.max_output.is_some() || self.after_end.is_some()
    }

    /// The handler that runs commands.
    pub(crate) fn handler(&self, talk: &Talk, datagrams: bool) -> AnyHandler {
        let framed = talk.outgoing != Framing::Raw || datagrams;
        let order = match self.output {
            Some(Output::Streamed) => Order::Streamed,
            Some(Output::StderrFirst) => Order::StderrFirst,
            Some(Output::StderrOrStdout) => Order::StderrElseStdout,
            None if framed => Order::StderrElseStdout,
            None => Order::Streamed,
        };
        let default = Exec::default();
        let cap = self.max_output.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(default.cap_bytes);
        let cap_bytes = cap.min(talk.limits.message_bytes);
        AnyHandler::new(Exec {
            order,
            cap_bytes,
            limit: self.command_timeout,
            after_end: self.after_end.unwrap_or(default.after_end),
        })
    }
}

/// Whether only programs of this machine can be at the other end of `endpoint`.
pub(crate) fn is_local(endpoint: &RawEndpoint) -> bool {
    match endpoint.host() {
        Some(Host::Ip(ip)) => ip.to_canonical().is_loopback(),
        Some(Host::Name(name)) => name == "localhost",
        Some(Host::Any) => false,
        // A file of a UNIX socket is its owner's alone; an abstract name is everybody's, and who made a descriptor is unknown.
        None => matches!(
            endpoint,
            RawEndpoint::Unix(UnixName::Path(_))
                | RawEndpoint::UnixDgram(UnixName::Path(_))
                | RawEndpoint::UnixSeqpacket(UnixName::Path(_))
        ),
    }
}

/// It is a shell for whoever is at the other end.
pub(crate) fn refused(endpoint: &RawEndpoint, hint: &str) -> Fail {
    Fail::new(Exit::Refused, format_args!("exec at {endpoint} would be a shell for whoever reaches it")).hint(hint)
}
