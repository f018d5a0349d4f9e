//! `listen`: a server at any endpoint, by hand.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use landline_addr::raw::RawEndpoint;
use landline_net::raw::guard::GuardLimits;
use landline_net::raw::server::{Event, Served};
use landline_net::raw::{AnyHandler, Server, ServerOptions, SessionLimits, Talk};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::open_files;
use super::sockets::exec;
use super::sockets::fail::listen_fail;
use super::sockets::flags::{AuthFlags, ShowFlags, SocketFlags, TalkFlags};
use super::sockets::info;
use super::sockets::like;
use super::sockets::seconds::seconds;
use super::sockets::tls::ServerFlags;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::out::Out;
use crate::signals::Signals;

mod service;

use service::{ServiceFlags, Serving};

/// Listen at any endpoint by hand: TCP, UDP, TLS, UNIX sockets
///
/// Without --service, what comes is printed and standard input is sent, as with netcat. Nothing of landline's own protocol
/// is spoken; whoever reaches the endpoint is served, unless --auth asks for a key.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(crate) struct Args {
    /// Where: HOST:PORT or :PORT (port 0 takes a free one), tcp://, tls://, udp://HOST:PORT, unix:PATH, unix:@NAME, unix-dgram:,
    /// unix-seqpacket:, fd:N
    #[arg(value_name = "ENDPOINT", required_unless_present = "like")]
    endpoint: Option<RawEndpoint>,
    /// Behave as a server of a socket tutorial; `--like list` shows each
    #[arg(long, value_name = "NAME")]
    like: Option<String>,
    #[command(flatten)]
    service: ServiceFlags,
    #[command(flatten)]
    talk: TalkFlags,
    #[command(flatten)]
    life: Life,
    #[command(flatten)]
    tls: ServerFlags,
    #[command(flatten)]
    auth: AuthFlags,
    #[command(flatten)]
    show: ShowFlags,
    #[command(flatten)]
    socket: SocketFlags,
}

/// How many are served, and for how long.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connections")]
struct Life {
    /// Go on with the next connection when one has ended, or was left by the other end for a second: for services that talk
    /// with you; the others go on anyway
    #[arg(long, conflicts_with = "once")]
    keep: bool,
    /// Serve one connection and end
    #[arg(long)]
    once: bool,
    /// Connections at once; further ones wait [default: 1 for services that talk with you, else 1024]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_conns: Option<u32>,
    /// End each connection after so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// When one direction has ended, end if the other is silent for so long [default: 300, for datagrams 1]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    linger: Option<Duration>,
    /// Give up if nobody came for so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    wait: Option<Duration>,
    /// Forget a datagram peer after so long a silence
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "120")]
    peer_expiry: Duration,
    /// Datagram peers at once
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_peers: u32,
    /// Datagrams that are answered for one source until it pauses for a second; then 10 a second
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    rate: u32,
    /// Sockets of a UDP service that answers, each with a thread of its own [default: one for every two cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
    /// Answer datagrams from beyond loopback, link-local and private networks too; never with more than was asked
    #[arg(long)]
    force: bool,
}

impl Life {
    /// A socket that was inherited stays alone: its address is for who made it to share. The kernel's own work on datagrams takes as
    /// much CPU again: with a socket on each of two cores an answer cost 1.1 times as much and none came sooner (`cargo xtask bench
    /// sockets --series udp`).
    fn datagram_sockets(&self, endpoint: &RawEndpoint) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        match endpoint {
            RawEndpoint::Udp { .. } => self.threads.map_or_else(cores, usize::from),
            _ => 1,
        }
    }
}

/// What happens, for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Told {
    Listening {
        endpoint: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
    },
    Connected {
        id: u64,
        peer: String,
    },
    Closed {
        id: u64,
        peer: String,
        received: u64,
        sent: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<String>,
    },
    Refused {
        peer: String,
        fault: String,
    },
    Stopped {
        connections: u64,
        dropped: u64,
    },
}

/// Longer than any program runs.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What is told of a server beside its endpoint.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    /// That of a certificate made for this run.
    pub(crate) fingerprint: Option<String>,
    /// Give up if nobody came for so long.
    pub(crate) wait: Option<Duration>,
    /// Whether the socket is told as the kernel has it.
    pub(crate) info: bool,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    if args.like.as_deref() == Some(like::LIST) {
        like::list("listen", like::SERVERS, here);
        return Ok(Exit::Done);
    }
    let Some(endpoint) = args.endpoint.clone() else { return Err(Fail::usage("no endpoint was given")) };
    let serving = args.service.serving(&args, &endpoint, here)?;
    let options = args.options(&endpoint, &serving, here).await?;
    let fingerprint = args.tls.made(options.tls.as_ref());
    let bound = Server::bind(&endpoint, options).await;
    let server = bound.map_err(|fault| listen_fail(&endpoint, &fault))?;
    let watching = Watching { fingerprint, wait: args.life.wait, info: args.socket.info };
    let served = serve(server, serving.handler(), &watching, here).await?;
    if let Some(lost) = serving.lost().filter(|lost| *lost > 0) {
        here.out.warn(format_args!("{lost} messages were lost to members that did not keep up"));
    }
    if args.life.wait.is_some() && served.connections == 0 {
        return Err(Fail::new(Exit::TimedOut, format_args!("nobody came to {endpoint} in time")));
    }
    serving.outcome()
}

/// Tells where `server` listens and serves until a signal comes, or the server ends by itself.
///
/// # Errors
/// If the socket fails, or at a second signal.
pub(crate) async fn serve(
    server: Server,
    handler: AnyHandler,
    watching: &Watching,
    here: &Here,
) -> Result<Served, Fail> {
    open_files::allow_many();
    let mut signals = Signals::new()?;
    let bound = server.bound().clone();
    announce(&server, watching.fingerprint.clone(), here);
    if watching.info {
        info::show(server.info(), here);
    }
    let stop = CancellationToken::new();
    let server = watched(server, here, watching.wait, &stop);
    let outcome = server.serve(handler, stop.clone());
    tokio::pin!(outcome);
    let served = loop {
        tokio::select! {
            served = &mut outcome => break served,
            () = signals.next() => {
                if stop.is_cancelled() {
                    return Err(Fail::interrupted()); // asked twice: at once
                }
                stop.cancel();
            }
        }
    };
    let served = served.map_err(|fault| listen_fail(&bound, &fault))?;
    if here.out.is_json() {
        here.out.object(&Told::Stopped { connections: served.connections, dropped: served.dropped });
    } else if served.dropped > 0 {
        here.out.say(format_args!("{} datagrams were not answered", served.dropped));
    }
    Ok(served)
}

impl Args {
    /// What `--like` stands for; `None` if it is not asked for, or asks for the list.
    pub(crate) fn likeness(&self) -> Result<Option<Vec<OsString>>, Fail> {
        match self.like.as_deref() {
            None | Some(like::LIST) => Ok(None),
            Some(name) => like::words(name, like::SERVERS, self.endpoint.is_none()).map(Some),
        }
    }

    async fn options(&self, endpoint: &RawEndpoint, serving: &Serving, here: &Here) -> Result<ServerOptions, Fail> {
        let prover = self.auth.prover(here).await?;
        if prover.is_some() && endpoint.is_datagram() {
            return Err(Fail::usage("--auth needs connections: datagrams can be sent by anybody at any time"));
        }
        if self.life.threads.is_some() && !(matches!(endpoint, RawEndpoint::Udp { .. }) && serving.answers()) {
            return Err(Fail::usage("--threads: only for services at udp:// that answer each datagram by itself"));
        }
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let talks = serving.talks();
        let at_once = self.life.max_conns.map_or(if talks { 1 } else { 1024 }, count);
        let only_one = self.life.once || (talks && !self.life.keep);
        Ok(ServerOptions {
            socket: self.socket.options(endpoint, None)?,
            talk: Talk { idle: self.talk.idle().filter(|_| !(talks && serving.pumps())), ..self.talk.talk() },
            connections: at_once,
            total: only_one.then_some(1),
            keeps_door: talks && !serving.pumps(), // item C2 of the tutorials: a second caller connects and is not heard
            timeout: self.life.timeout.filter(|_| !talks),
            grace: Duration::ZERO,
            sessions: SessionLimits {
                peers: if only_one { 1 } else { count(self.life.max_peers) },
                // The only peer is not forgotten: nobody could come after it.
                expiry: if only_one { FOR_EVER } else { self.life.peer_expiry },
                generous: serving.is_by_hand() && self.life.force,
                guard: if serving.is_by_hand() { None } else { SessionLimits::default().guard },
                ..SessionLimits::default()
            },
            guard: GuardLimits { rate: self.life.rate, force: self.life.force },
            datagram_sockets: self.life.datagram_sockets(endpoint),
            tls: self.tls.server(endpoint)?,
            prover,
        })
    }

    /// Whether only this machine, or who knows a key, can come in.
    fn is_guarded(&self, endpoint: &RawEndpoint) -> bool {
        exec::is_local(endpoint) || self.auth.is_on()
    }
}

/// The one line that a script waits for.
fn announce(server: &Server, fingerprint: Option<String>, here: &Here) {
    let endpoint = server.bound().to_string();
    if here.out.is_json() {
        let port = match server.bound() {
            RawEndpoint::Tcp { port, .. } | RawEndpoint::Tls { port, .. } | RawEndpoint::Udp { port, .. } => {
                Some(*port)
            }
            _ => None,
        };
        here.out.object(&Told::Listening { endpoint, port, fingerprint });
        return;
    }
    here.out.say(format_args!("listening on {endpoint}"));
    if let Some(fingerprint) = fingerprint {
        here.out.note(format_args!("certificate fingerprint {fingerprint}"));
    }
}

fn watched(server: Server, here: &Here, wait: Option<Duration>, stop: &CancellationToken) -> Server {
    let (out, tells) = (here.out.clone(), here.verbose > 0);
    let came = CancellationToken::new();
    if let Some(wait) = wait {
        let (came, stop) = (came.clone(), stop.clone());
        tokio::spawn(async move {
            if tokio::time::timeout(wait, came.cancelled()).await.is_err() {
                stop.cancel();
            }
        });
    }
    if !out.is_json() && !tells && wait.is_none() {
        return server;
    }
    server.watched(Arc::new(move |event: &Event<'_>| {
        if matches!(event, Event::Connected { .. }) {
            came.cancel();
        }
        tell(event, &out, tells);
    }))
}

fn tell(event: &Event<'_>, out: &Out, tells: bool) {
    if out.is_json() {
        match event {
            Event::Connected { id, peer } => out.object(&Told::Connected { id: *id, peer: peer.to_string() }),
            Event::Closed { id, peer, received, sent, fault } => out.object(&Told::Closed {
                id: *id,
                peer: peer.to_string(),
                received: *received,
                sent: *sent,
                fault: fault.map(ToString::to_string),
            }),
            Event::Refused { peer, fault } => {
                out.object(&Told::Refused { peer: peer.to_string(), fault: fault.to_string() });
            }
            _ => {}
        }
    } else if tells {
        match event {
            Event::Connected { id, peer } => out.say(format_args!("connection {id} from {peer}")),
            Event::Closed { id, received, sent, fault: None, .. } => {
                out.say(format_args!("connection {id} ended: {received} bytes came, {sent} went"));
            }
            Event::Closed { id, fault: Some(fault), .. } => {
                out.say(format_args!("connection {id} ended: {}", crate::screen::tame(&fault.to_string())));
            }
            Event::Refused { peer, fault } => {
                out.say(format_args!("{peer} was refused: {}", crate::screen::tame(&fault.to_string())));
            }
            _ => {}
        }
    }
}
