//! Flags of raw sockets, and what they come to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use landline_addr::raw::RawEndpoint;
use landline_net::raw::{Prover, SocketOptions, Talk};
use landline_trust::challenge::{Scheme, Secret};
use landline_wire::framing::{Framing, Mark};
use landline_wire::limits::FramingLimits;

use super::seconds::seconds;
use crate::fail::Fail;
use crate::here::Here;

/// The environment variable that holds the key of a challenge.
const KEY_VARIABLE: &str = "LANDLINE_KEY";

/// What is asked of the socket.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The socket")]
pub(crate) struct SocketFlags {
    /// Small pieces go out at once (TCP_NODELAY); on unless =false
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    nodelay: Option<bool>,
    /// Only full segments go out, or what is left after 200 ms (TCP_CORK)
    #[arg(long)]
    cork: bool,
    /// The send buffer in bytes (SO_SNDBUF); Linux doubles it
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    sndbuf: Option<u32>,
    /// The receive buffer in bytes (SO_RCVBUF); Linux doubles it
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    rcvbuf: Option<u32>,
    /// Take an address that a closed connection still holds (SO_REUSEADDR); on for listening on TCP, off for UDP
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reuseaddr: Option<bool>,
    /// Share the port with other sockets that ask for it too (SO_REUSEPORT)
    #[arg(long)]
    reuseport: bool,
    /// Connections that may wait to be accepted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(i32::MAX)))]
    backlog: Option<u32>,
    /// Ask a silent peer whether it is still there after so many seconds (SO_KEEPALIVE)
    #[arg(long, value_name = "SECONDS", value_parser = keepalive)]
    keepalive: Option<Duration>,
    /// How many routers may pass it on (IP_TTL, IPV6_UNICAST_HOPS, and those of multicast)
    #[arg(long, value_name = "HOPS", value_parser = clap::value_parser!(u8).range(1..))]
    ttl: Option<u8>,
    /// Allow to send to a broadcast address (SO_BROADCAST)
    #[arg(long)]
    broadcast: bool,
    /// The interface on which a multicast group is joined or spoken to
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// Tell what the kernel made of the socket: addresses, family, type, descriptor, options
    #[arg(long)]
    pub(crate) info: bool,
}

/// How bytes become messages.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Messages")]
pub(crate) struct TalkFlags {
    /// How messages are told apart: raw, line, mark:END, u8, u16be, u16le, u32be, u32le, u64be, u64le, i32le (signed,
    /// little-endian), ready (a decimal length, then recv_ready), json (a header with data_size), landline
    #[arg(long, value_name = "FRAMING")]
    frame: Option<Framing>,
    /// The same for what comes only
    #[arg(long, value_name = "FRAMING")]
    frame_in: Option<Framing>,
    /// The same for what is sent only
    #[arg(long, value_name = "FRAMING")]
    frame_out: Option<Framing>,
    /// Take each line of input as one message, without its line end; so it is anyway with a framing
    #[arg(long)]
    lines: bool,
    /// The end mark of a message, as --frame mark:END
    #[arg(long, value_name = "END", conflicts_with = "frame")]
    mark: Option<Mark>,
    /// Bytes of the longest message
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    max_message: Option<u32>,
    /// Bytes that one read takes at most; a longer datagram is cut, and its true length told
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    bufsize: Option<u32>,
    /// End a connection on which nothing came for so many seconds; where you talk by hand or bytes are passed on, nothing in either
    /// direction
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle: Option<Duration>,
}

/// A key that the other end has to prove.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Challenge")]
pub(crate) struct AuthFlags {
    /// Prove a shared key first: hmac-md5 (for old peers only), hmac-sha256 (the one who dials), mutual (both)
    #[arg(long, value_name = "SCHEME")]
    auth: Option<Scheme>,
    /// The file that holds the key, as it is but for one line end [default: $LANDLINE_KEY, else it is asked for]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// How what comes is shown, and what is typed is sent.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The screen")]
pub(crate) struct ShowFlags {
    /// Show what goes both ways in hexadecimal on standard error
    #[arg(long)]
    pub(crate) hex: bool,
    /// The encoding of the other end, like gbk or big5: what comes is shown, and what is typed is sent in it
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    pub(crate) encoding: Option<&'static encoding_rs::Encoding>,
}

impl SocketFlags {
    /// What is asked for at `endpoint`.
    ///
    /// # Errors
    /// If something is asked for that means nothing there.
    pub(crate) fn options(&self, endpoint: &RawEndpoint, bind: Option<SocketAddr>) -> Result<SocketOptions, Fail> {
        let options = SocketOptions {
            nodelay: self.nodelay,
            cork: self.cork,
            send_buffer: self.sndbuf.map(in_memory),
            receive_buffer: self.rcvbuf.map(in_memory),
            reuse_address: self.reuseaddr,
            reuse_port: self.reuseport,
            backlog: self.backlog,
            keepalive: self.keepalive,
            ttl: self.ttl,
            bind,
            broadcast: self.broadcast,
            interface: self.interface.clone(),
        };
        let idle = options.without_meaning_at(endpoint);
        if idle.is_empty() {
            return Ok(options);
        }
        Err(Fail::usage(format_args!("{} means nothing at {endpoint}", idle.join(" and "))))
    }
}

impl TalkFlags {
    /// How to talk.
    pub(crate) fn talk(&self) -> Talk {
        let both = self.frame.clone().or_else(|| self.mark.clone().map(Framing::Mark)).unwrap_or(Framing::Raw);
        let limits = FramingLimits::default();
        let default = Talk::default();
        Talk {
            incoming: self.frame_in.clone().unwrap_or_else(|| both.clone()),
            outgoing: self.frame_out.clone().unwrap_or(both),
            limits: FramingLimits { message_bytes: self.max_message.map_or(limits.message_bytes, in_memory), ..limits },
            read_bytes: self.bufsize.map_or(default.read_bytes, in_memory),
            idle: self.idle,
        }
    }
}

impl TalkFlags {
    /// How long nothing may come.
    pub(crate) fn idle(&self) -> Option<Duration> {
        self.idle
    }

    /// Whether a line of input is a message, and each message is shown on a line of its own.
    pub(crate) fn by_lines(&self) -> bool {
        let talk = self.talk();
        self.lines || talk.incoming != Framing::Raw || talk.outgoing != Framing::Raw
    }
}

impl AuthFlags {
    /// Whether a challenge is asked for.
    pub(crate) fn is_on(&self) -> bool {
        self.auth.is_some()
    }

    /// Whether both ends prove the key.
    pub(crate) fn is_mutual(&self) -> bool {
        self.auth == Some(Scheme::Mutual)
    }

    /// The prover, if a challenge is asked for; the key is read, or asked for, now.
    ///
    /// # Errors
    /// If there is no key, or the file can't be read.
    pub(crate) async fn prover(&self, here: &Here) -> Result<Option<Prover>, Fail> {
        let Some(scheme) = self.auth else {
            if self.key_file.is_some() {
                return Err(Fail::usage("--key-file means nothing without --auth"));
            }
            return Ok(None);
        };
        let secret = Secret::new(self.key(here).await?).map_err(Fail::usage)?;
        if scheme == Scheme::HmacMd5 {
            here.out.warn(
                "hmac-md5 is for old peers only: the one who listens proves nothing, and MD5 is broken for other uses",
            );
        }
        if secret.is_short() {
            here.out
                .warn("the key has less than 16 bytes: whoever listens in can find it by trying; take random bytes");
        }
        Ok(Some(Prover::new(scheme, secret)))
    }

    async fn key(&self, here: &Here) -> Result<Vec<u8>, Fail> {
        if let Some(path) = &self.key_file {
            let read = std::fs::read(path);
            let mut key =
                read.map_err(|fault| Fail::io(format_args!("cannot read the key {}", path.display()), &fault))?;
            if key.last() == Some(&b'\n') {
                key.pop();
            }
            return Ok(key);
        }
        if let Some(key) = std::env::var_os(KEY_VARIABLE).filter(|key| !key.is_empty()) {
            return Ok(key.into_encoded_bytes());
        }
        if !here.out.can_ask() {
            return Err(Fail::usage("--auth needs a key")
                .hint(format_args!("name a file with --key-file, or set {KEY_VARIABLE}")));
        }
        crate::secret::ask(&here.out, "Key: ").await
    }
}

fn in_memory(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn keepalive(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    if time.as_secs() == 0 { Err("the kernel counts whole seconds from 1 on".to_owned()) } else { Ok(time) }
}

fn encoding(text: &str) -> Result<&'static encoding_rs::Encoding, String> {
    encoding_rs::Encoding::for_label(text.as_bytes()).ok_or_else(|| {
        format!("no encoding is called {text:?}; there are utf-8, gbk, gb18030, big5, shift_jis, latin1 and others")
    })
}
