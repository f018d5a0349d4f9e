//! `dial`: a connection to any endpoint, by hand.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use landline_addr::raw::RawEndpoint;
use landline_net::raw::dial::{Dialled, RawDialError, dial};
use landline_net::raw::{AnyHandler, DialOptions, Handler as _, RawError, Responding};
use landline_services::simple::Echo;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout_at};

use super::sockets::exec::{self, ExecFlags};
use super::sockets::fail::{dial_fail, talk_fail};
use super::sockets::flags::{AuthFlags, ShowFlags, SocketFlags, TalkFlags};
use super::sockets::human::Human;
use super::sockets::info;
use super::sockets::like;
use super::sockets::pump::{Fault, Pump};
use super::sockets::qq::{self, Friend};
use super::sockets::seconds::seconds;
use super::sockets::tls::ClientFlags;
use super::sockets::turns::{TurnFlags, Turns};
use super::sockets::upload;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;

/// Connect to any endpoint by hand: TCP, UDP, TLS, UNIX sockets
///
/// What comes on standard input is sent, what comes back is printed, until both directions have ended. Nothing of
/// landline's own protocol is spoken and nothing is encrypted but by tls://.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(crate) struct Args {
    /// Where: HOST:PORT, tcp://, tls://, udp://HOST:PORT, unix:PATH, unix:@NAME, unix-dgram:, unix-seqpacket:, fd:N
    #[arg(value_name = "ENDPOINT", required_unless_present_any = ["like", "friend"])]
    endpoint: Option<RawEndpoint>,
    /// Behave as a client of a socket tutorial; `--like list` shows each
    #[arg(long, value_name = "NAME")]
    like: Option<String>,
    /// Talk by UDP with friends by name; may be given several times. A name is chosen, then messages are sent; q goes back
    #[arg(long, value_name = "NAME=HOST:PORT", conflicts_with_all = ["endpoint", "turns"])]
    friend: Vec<Friend>,
    /// Send these files with a header of size, name and MD5, as `listen --service upload` takes them
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["friend", "turns"])]
    upload: Vec<PathBuf>,
    /// Serve whoever is dialled: run what it sends and answer
    #[arg(long, value_name = "SERVICE", value_enum, conflicts_with_all = ["friend", "turns", "upload"])]
    service: Option<Served>,
    #[command(flatten)]
    exec: ExecFlags,
    #[command(flatten)]
    turns: TurnFlags,
    #[command(flatten)]
    talk: TalkFlags,
    #[command(flatten)]
    life: Life,
    #[command(flatten)]
    tls: ClientFlags,
    #[command(flatten)]
    auth: AuthFlags,
    #[command(flatten)]
    show: ShowFlags,
    #[command(flatten)]
    socket: SocketFlags,
}

/// How long anything may take.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Time")]
struct Life {
    /// Give an address so long to answer
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    connect_timeout: Duration,
    /// Keep trying for so long until somebody listens there
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    wait: Option<Duration>,
    /// End everything after so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// When one direction has ended, end if the other is silent for so long [default: 300, for datagrams 1]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    linger: Option<Duration>,
    /// The own address and port
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<SocketAddr>,
    /// If the port of --bind is taken, try the next ones
    #[arg(long, requires = "bind")]
    bind_next: bool,
}

impl Args {
    /// What `--like` stands for; `None` if it is not asked for, or asks for the list.
    pub(crate) fn likeness(&self) -> Result<Option<Vec<OsString>>, Fail> {
        match self.like.as_deref() {
            None | Some(like::LIST) => Ok(None),
            Some(name) => like::words(name, like::CLIENTS, self.endpoint.is_none()).map(Some),
        }
    }
}

/// What can be served by who dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Served {
    /// Runs each message in a shell and answers with its output
    Exec,
    /// Sends back what came
    Echo,
}

/// A connection that stands, for programs.
#[derive(Debug, Serialize)]
struct Connected<'a> {
    event: &'static str,
    endpoint: String,
    peer: String,
    local: Option<&'a str>,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    if args.like.as_deref() == Some(like::LIST) {
        like::list("dial", like::CLIENTS, here);
        return Ok(Exit::Done);
    }
    args.turns.check()?;
    if !args.friend.is_empty() {
        return with_friends(&args, here).await;
    }
    let Some(endpoint) = args.endpoint.clone() else { return Err(Fail::usage("no endpoint was given")) };
    if args.service == Some(Served::Exec) && !exec::is_local(&endpoint) && !args.auth.is_mutual() {
        return Err(exec::refused(&endpoint, "only --auth mutual makes the other end prove who it is"));
    }
    if args.exec.is_asked() && args.service != Some(Served::Exec) {
        return Err(Fail::usage("--output, --command-timeout and --max-output: only for --service exec"));
    }
    let mut talk = args.talk.talk();
    if !args.turns.is_on() {
        talk.idle = None; // both directions together are minded, not each by itself
    }
    let prover = args.auth.prover(here).await?;
    let tls = args.tls.client(&endpoint, here)?;
    let socket = args.socket.options(&endpoint, args.life.bind)?;
    let options = DialOptions { socket, talk, patience: args.life.connect_timeout, tls };
    let begun = Instant::now();
    let Dialled { mut connection, info } = args.life.dial(&endpoint, options).await?;
    let peer = connection.peer().to_string();
    if args.socket.info {
        info::show(&info, here);
    }
    if here.out.is_json() {
        let local = info.local.as_deref();
        here.out.object(&Connected { event: "connected", endpoint: endpoint.to_string(), peer: peer.clone(), local });
    } else if here.verbose > 0 {
        here.out.say(format_args!("connected to {peer}"));
    }
    if let Some(prover) = &prover {
        prover.answer(&mut connection).await.map_err(|fault| talk_fail(&peer, &fault))?;
    }
    if let Some(service) = args.service {
        let handler = match service {
            Served::Exec => args.exec.handler(&args.talk.talk(), endpoint.is_datagram()),
            Served::Echo => AnyHandler::new(Responding::new(Echo)),
        };
        for text in &args.turns.say {
            connection.send(text.as_bytes()).await.map_err(|fault| talk_fail(&peer, &fault))?;
        }
        return handler.handle(connection).await.map(|()| Exit::Done).map_err(|fault| talk_fail(&peer, &fault));
    }
    let lines = args.talk.by_lines() || args.turns.is_on();
    let mut human = Human::new(&args.show, lines, here);
    human.keys.say_first(&args.turns.say);
    human.keys.repeat(args.turns.every, &args.turns.say);
    let talking = async {
        if !args.upload.is_empty() {
            upload::send(&args.upload, connection, &here.out).await
        } else if args.turns.is_on() {
            Turns::from(&args.turns).run(connection, &mut human).await
        } else {
            Pump { lines, linger: args.life.linger, idle: args.talk.idle(), keeps: false }
                .run(connection, &mut human)
                .await
        }
    };
    let outcome = match args.life.timeout {
        None => talking.await,
        Some(limit) => timeout_at(begun + limit, talking).await.unwrap_or(Err(Fault::Talk(RawError::TimedOut(limit)))),
    };
    match outcome {
        Ok(()) => Ok(Exit::Done),
        Err(Fault::Talk(fault)) => Err(talk_fail(&peer, &fault)),
        Err(Fault::Here(fail)) => Err(fail),
    }
}

async fn with_friends(args: &Args, here: &Here) -> Result<Exit, Fail> {
    let options = DialOptions { talk: args.talk.talk(), patience: args.life.connect_timeout, ..DialOptions::default() };
    let mut human = Human::new(&args.show, true, here);
    human.keys.say_first(&args.turns.say);
    let patience = args.life.timeout.unwrap_or(FRIENDS_PATIENCE);
    let talked = qq::talk(&args.friend, &options, patience, &mut human, here).await;
    human.screen.written().await;
    talked.map(|()| Exit::Done)
}

/// How long a friend may think about an answer.
const FRIENDS_PATIENCE: Duration = Duration::from_secs(600);
/// Between two tries of `--wait`.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// Ports that `--bind-next` tries.
const NEXT_PORTS: u16 = 100;

impl Life {
    async fn dial(&self, endpoint: &RawEndpoint, mut options: DialOptions) -> Result<Dialled, Fail> {
        let until = self.wait.map(|wait| Instant::now() + wait);
        let last_port = self.bind.map(|own| own.port().saturating_add(NEXT_PORTS));
        loop {
            let fault = match dial(endpoint, &options).await {
                Ok(dialled) => return Ok(dialled),
                Err(fault) => fault,
            };
            if self.bind_next
                && is(&fault, std::io::ErrorKind::AddrInUse)
                && let Some(own) = options.socket.bind.as_mut().filter(|own| Some(own.port()) < last_port)
            {
                own.set_port(own.port().saturating_add(1));
                continue;
            }
            match until {
                Some(until) if is_not_there_yet(&fault) && Instant::now() < until => sleep(TRY_AGAIN).await,
                _ => return Err(dial_fail(endpoint, &fault)),
            }
        }
    }
}

fn is(fault: &RawDialError, kind: std::io::ErrorKind) -> bool {
    matches!(fault, RawDialError::Connect { source } if source.kind() == kind)
}

fn is_not_there_yet(fault: &RawDialError) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound, TimedOut};
    [ConnectionRefused, NotFound, HostUnreachable, NetworkUnreachable, TimedOut].iter().any(|kind| is(fault, *kind))
}
