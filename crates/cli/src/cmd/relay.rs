//! `relay`: whoever comes at one endpoint is connected to another.

use std::time::Duration;

use landline_addr::raw::RawEndpoint;
use landline_net::raw::dial::dial;
use landline_net::raw::{
    AnyHandler, Connection, DialOptions, Handler, RawError, RelayOptions, Server, ServerOptions, SessionLimits,
    SocketOptions, Talk, relay,
};

use super::listen::{Watching, serve};
use super::sockets::fail::{listen_fail, numbered};
use super::sockets::pump::LINGER;
use super::sockets::seconds::seconds;
use super::sockets::tls::{ClientFlags, ServerFlags};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::out::Out;

/// Connect whoever comes at one endpoint to another
///
/// Any kinds go together: a UNIX socket to TCP, TLS to plain, UDP to UDP. A half-close is carried over in both directions.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen, as with `landline listen`
    #[arg(value_name = "LISTEN")]
    listen: RawEndpoint,
    /// Where to connect to, as with `landline dial`
    #[arg(value_name = "DIAL")]
    dial: RawEndpoint,
    /// Connections at once; further ones wait
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_conns: u32,
    /// Carry one connection and end
    #[arg(long)]
    once: bool,
    /// End a connection on which nothing came, in either direction, for so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle: Option<Duration>,
    /// End each connection after so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// When one direction has ended, end if the other is silent for so long [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    linger: Option<Duration>,
    /// Give the far end so long to answer
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    connect_timeout: Duration,
    /// Forget a datagram peer after so long a silence
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "120")]
    peer_expiry: Duration,
    /// Bytes that one read takes at most, where bytes are copied
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    bufsize: Option<u32>,
    /// Copy bytes through this process where the kernel could move them by itself (splice), as elsewhere; takes three times the
    /// CPU
    #[arg(long)]
    no_splice: bool,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    client: ClientFlags,
}

/// Each connection, carried on.
struct Relay {
    to: RawEndpoint,
    options: DialOptions,
    carrying: RelayOptions,
    out: Out,
}

impl Handler for Relay {
    async fn handle(&self, connection: Connection) -> Result<(), RawError> {
        match dial(&self.to, &self.options).await {
            Ok(far) => relay(connection, far.connection, self.carrying).await,
            Err(fault) => {
                let fault = std::io::Error::from(fault);
                self.out.error(format_args!("cannot connect to {}: {}", self.to, numbered(&fault)));
                Err(fault.into())
            }
        }
    }
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let default = Talk::default();
    let talk = Talk { read_bytes: args.bufsize.map_or(default.read_bytes, count), ..default };
    let tls = args.server.server(&args.listen)?;
    let options = ServerOptions {
        socket: SocketOptions::default(),
        talk: talk.clone(),
        connections: count(args.max_conns),
        total: args.once.then_some(1),
        timeout: args.timeout,
        grace: Duration::ZERO,
        sessions: SessionLimits { expiry: args.peer_expiry, guard: None, generous: true, ..SessionLimits::default() },
        tls: tls.clone(),
        ..ServerOptions::default()
    };
    let far = DialOptions {
        socket: SocketOptions::default(),
        talk,
        patience: args.connect_timeout,
        tls: args.client.client(&args.dial, here)?,
    };
    let bound = Server::bind(&args.listen, options).await;
    let server = bound.map_err(|fault| listen_fail(&args.listen, &fault))?;
    let carrying = RelayOptions { linger: args.linger.unwrap_or(LINGER), idle: args.idle, copies: args.no_splice };
    let handler = Relay { to: args.dial, options: far, carrying, out: here.out.clone() };
    let watching = Watching { fingerprint: args.server.made(tls.as_ref()), wait: None, info: false };
    serve(server, AnyHandler::new(handler), &watching, here).await?;
    Ok(Exit::Done)
}
