//! Every duration and count of the waiting floor, with its unit and its reason.
//!
//! All of them are values, so that tests shorten them; the defaults are what a machine on the open network needs.

use std::time::Duration;

/// Limits of one call, on either side.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// Without one byte from the peer for so long, while we wait for one, the call ends. Long enough for a disk that
    /// spins up or a laptop that changes its network, short enough that a dead peer is noticed.
    pub read_idle: Duration,
    /// Without one byte accepted by the peer for so long, while we have some to send, the call ends.
    pub write_idle: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self { read_idle: Duration::from_secs(60), write_idle: Duration::from_secs(60) }
    }
}

/// Limits of dialling.
#[derive(Debug, Clone, Copy)]
pub struct DialLimits {
    /// To one address, until the connection stands: two lost SYN packets on a slow line.
    pub connect: Duration,
    /// From connected until TLS is done.
    pub handshake: Duration,
    /// How often a connection that was closed during the handshake is tried again: a busy door turns some away.
    pub retries: u32,
    /// Wait before the first retry, doubled each time; up to as much again is added at random.
    pub retry_wait: Duration,
    /// Limits of the call that comes of it.
    pub call: CallLimits,
}

impl Default for DialLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(7),
            handshake: Duration::from_secs(10),
            retries: 3,
            retry_wait: Duration::from_millis(200),
            call: CallLimits::default(),
        }
    }
}

/// Limits of a server: what strangers may cost, and how long anything may take.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Calls at once, of all kinds; a permit is taken before accept. An idle one
    /// holds no buffer: both its ends together take under 100 KiB (tests/it/idle.rs).
    pub calls: usize,
    /// Calls at once through UNIX sockets; apart from the others, so that nobody from afar can shut out the owner.
    pub local_calls: usize,
    /// Calls at once of one key, so that one machine can't take everything.
    pub calls_per_key: usize,
    /// Connections not admitted yet at which some are turned away (OpenSSH `MaxStartups` start).
    pub strangers_start: usize,
    /// Share of connections turned away from there on, of 100, rising to all at `strangers_full`.
    pub strangers_drop_percent: u32,
    /// Connections not admitted yet at which all are turned away (OpenSSH `MaxStartups` full).
    pub strangers_full: usize,
    /// Connections not admitted yet from one source (IPv4 address or IPv6 /64).
    pub strangers_per_source: usize,
    /// From accept until TLS is done: the whole of it, not each read.
    pub handshake: Duration,
    /// From accept until the opening message has come and was judged.
    pub greeting: Duration,
    /// A stranger's whole introduction; programs talk here, people have typed the code before.
    pub introduction: Duration,
    /// From a stranger's opening message until its refusal is sent, whatever the reason, so that its time tells nothing.
    pub refusal: Duration,
    /// Between two requests of an admitted peer.
    pub idle: Duration,
    /// How long a call that we end waits for its peer to end too, so that our last words arrive.
    pub linger: Duration,
    /// After the stop signal, calls may finish what runs for so long.
    pub grace: Duration,
    /// How long a service may take to stop at a good place once the owner ends its call: a block of 1 MiB over a slow line,
    /// or what is on its way to the disk.
    pub ending: Duration,
    /// First wait after a failed accept; doubled up to `accept_backoff_max`.
    pub accept_backoff: Duration,
    /// Longest wait after a failed accept.
    pub accept_backoff_max: Duration,
    /// What failures cost.
    pub penalties: PenaltyLimits,
    /// Limits of each call.
    pub call: CallLimits,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            calls: 1024,
            local_calls: 64,
            calls_per_key: 64,
            strangers_start: 10,
            strangers_drop_percent: 30,
            strangers_full: 100,
            strangers_per_source: 16,
            handshake: Duration::from_secs(10),
            greeting: Duration::from_secs(15),
            introduction: Duration::from_secs(30),
            refusal: Duration::from_secs(1),
            idle: Duration::from_secs(600),
            linger: Duration::from_secs(2),
            grace: Duration::from_secs(30),
            ending: Duration::from_secs(5),
            accept_backoff: Duration::from_millis(10),
            accept_backoff_max: Duration::from_secs(1),
            penalties: PenaltyLimits::default(),
            call: CallLimits::default(),
        }
    }
}

/// What failures cost a source; the figures are OpenSSH's `PerSourcePenalties`.
#[derive(Debug, Clone, Copy)]
pub struct PenaltyLimits {
    /// A refused key or a code that did not match.
    pub refused: Duration,
    /// Connected and left without trying anything.
    pub no_attempt: Duration,
    /// Let the time for a greeting run out, or sent what the protocol forbids.
    pub ran_out: Duration,
    /// A source is slowed from this sum on.
    pub enforced_from: Duration,
    /// The sum never grows above this.
    pub cap: Duration,
    /// Sources remembered; beyond it the one whose penalty ends first is forgotten.
    pub sources: usize,
}

impl Default for PenaltyLimits {
    fn default() -> Self {
        Self {
            refused: Duration::from_secs(5),
            no_attempt: Duration::from_secs(1),
            ran_out: Duration::from_secs(10),
            enforced_from: Duration::from_secs(15),
            cap: Duration::from_secs(600),
            sources: 65_536,
        }
    }
}
