//! One timed transfer: the clock, CPU seconds and peak memory of both ends.
//!
//! In: the client's command and the server's process. Out: a [`Sample`]. The clock runs from just before the client is
//! started until it has ended, and the server too if it ends by itself. CPU seconds are the kernel's own account, after
//! the fact. Peak memory is the largest single process of each end: `VmHWM`, read every 10 ms, so growth in an end's last
//! 10 ms can be missed. A transfer that takes longer than the site's patience is ended and is an error. A transfer that is cut
//! short on purpose is measured the same way.

use std::cell::Cell;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::daemon::Daemon;
use crate::janitor::LOOK;
use crate::site::Site;
use crate::usage;

/// How often memory is looked at; one look costs some 50 microseconds.
const SAMPLE_EVERY: Duration = Duration::from_millis(10);
/// How often a transfer is looked at that is to be cut: it goes a megabyte further meanwhile.
const SHORT_LOOK: Duration = Duration::from_millis(1);
/// How long a client may go on without its server before it is killed too.
const GIVE_UP: Duration = Duration::from_secs(15);
/// How long a server may take to tidy up after a client before its CPU time is read.
const SETTLE: Duration = Duration::from_secs(3);

/// What one transfer took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    pub(crate) client: Usage,
    pub(crate) server: Usage,
    /// Bytes on the wire, both ways, if a relay counted them.
    pub(crate) wire: Option<u64>,
}

impl Sample {
    /// Of both ends.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.client.cpu_seconds + self.server.cpu_seconds
    }
}

/// What one end used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    /// Bytes.
    pub(crate) peak: u64,
}

/// The end that answers.
pub(crate) enum Server {
    /// There is none.
    Nobody,
    /// Serves one transfer after the other: its usage is a difference.
    Stays(Pid),
    /// Ends by itself after this transfer, which is part of the time.
    Ends(Daemon),
}

impl Server {
    fn pid(&self) -> Option<Pid> {
        match self {
            Server::Nobody => None,
            Server::Stays(pid) => Some(*pid),
            Server::Ends(daemon) => Some(daemon.pid()),
        }
    }
}

/// Who is killed in the middle of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Client,
    Server,
}

/// Runs `client` against `server` and watches both.
///
/// # Errors
/// If either end fails or hangs, with its last words.
pub(crate) fn transfer(site: &Site, client: &mut Command, server: Server) -> Result<Sample> {
    let before = Before::note(&server);
    let begun = Instant::now();
    let client = Daemon::start(site, "the client", client)?;
    let watch = Watch::new(client.pid(), &server, begun + site.patience);
    let (seconds, failed) = watch.during(|| {
        let failed = wait_both(&client, &server);
        (begun.elapsed().as_secs_f64(), failed)
    });
    let sample = before.sample(seconds, &client, &watch);
    if watch.gave_up.load(Ordering::Relaxed) {
        bail!("still running after {:?}, so it was killed: {}", site.patience, client.last_words());
    }
    if let Some(how) = failed? {
        let mut words = vec![client.last_words()];
        if let Server::Ends(daemon) = server {
            words.push(daemon.last_words());
        }
        bail!("{how}: {}", words.join(" / "));
    }
    Ok(sample)
}

/// Runs `client` against the server and kills one of them as soon as `now` says so; `then` runs right after that. The
/// sample is what both had used when the client had ended, however it ended.
///
/// # Errors
/// If the client ends before that.
pub(crate) fn cut(
    site: &Site,
    client: &mut Command,
    server_pid: Pid,
    victim: Victim,
    now: impl Fn() -> bool,
    then: impl Fn(),
) -> Result<Sample> {
    let server = Server::Stays(server_pid);
    let before = Before::note(&server);
    let begun = Instant::now();
    let client = Daemon::start(site, "the client", client)?;
    let watch = Watch::new(client.pid(), &server, begun + site.patience);
    let used = Cell::new([0.0, 0.0]);
    let in_time = watch.during(|| {
        while !now() {
            if has_ended(client.pid())? {
                return Ok(false);
            }
            std::thread::sleep(SHORT_LOOK);
        }
        // Whatever is orphaned by the kill takes its account with it, so it is read before.
        used.set([client.pid(), server_pid].map(usage::cpu_seconds_of_tree));
        kill_process(if victim == Victim::Client { client.pid() } else { server_pid }, Signal::KILL)?;
        then();
        let deadline = Instant::now() + GIVE_UP;
        while !has_ended(client.pid())? {
            if Instant::now() > deadline {
                kill_process(client.pid(), Signal::KILL)?;
            }
            std::thread::sleep(LOOK);
        }
        anyhow::Ok(true)
    });
    if !in_time? {
        then();
        bail!("the client ended before anything was killed: {}", client.last_words());
    }
    let mut sample = before.sample(begun.elapsed().as_secs_f64(), &client, &watch);
    let [client_cpu, server_cpu] = used.get();
    sample.client.cpu_seconds = sample.client.cpu_seconds.max(client_cpu);
    sample.server.cpu_seconds = sample.server.cpu_seconds.max(server_cpu - before.cpu_seconds);
    Ok(sample)
}

/// What a server had used before a transfer.
struct Before {
    /// Of a server that stays, with the processes it had.
    stays: Option<(Pid, Vec<Pid>)>,
    server: Option<Pid>,
    cpu_seconds: f64,
}

impl Before {
    fn note(server: &Server) -> Before {
        let mut before = Before { stays: None, server: server.pid(), cpu_seconds: 0.0 };
        if let Server::Stays(pid) = server {
            usage::reset_peak_of_tree(*pid);
            before.stays = Some((*pid, usage::tree(*pid)));
            before.cpu_seconds = usage::cpu_seconds_of_tree(*pid);
        }
        before
    }

    fn sample(&self, seconds: f64, client: &Daemon, watch: &Watch) -> Sample {
        let mut server = Usage { cpu_seconds: 0.0, peak: watch.server_peak.load(Ordering::Relaxed) };
        if let Some((pid, residents)) = &self.stays {
            settle(*pid, residents);
            server.peak = server.peak.max(usage::peak_bytes_of_tree(*pid));
            server.cpu_seconds = usage::cpu_seconds_of_tree(*pid) - self.cpu_seconds;
        } else if let Some(pid) = self.server {
            server.cpu_seconds = usage::cpu_seconds(pid);
        }
        let (cpu_seconds, peak) = (usage::cpu_seconds(client.pid()), watch.client_peak.load(Ordering::Relaxed));
        Sample { seconds, client: Usage { cpu_seconds, peak }, server, wire: None }
    }
}

/// Waits for the client, and the server if it ends, leaving both unreaped so that their times can still be read and
/// their pids stay theirs. Gives words if one failed.
fn wait_both(client: &Daemon, server: &Server) -> Result<Option<String>> {
    let client_failed = wait_end(client.pid(), "the client")?;
    let Server::Ends(server) = server else { return Ok(client_failed) };
    if client_failed.is_some() {
        // It may still wait for a connection that will never come; a shell has children that wait.
        for pid in usage::tree(server.pid()) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
    let server_failed = wait_end(server.pid(), "the receiver")?;
    Ok(client_failed.or(server_failed))
}

/// Waits for one child, leaving it unreaped; gives words if it failed.
pub(crate) fn wait_end(pid: Pid, who: &str) -> Result<Option<String>> {
    let status = retry_on_intr(|| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT))?;
    let code = status.as_ref().and_then(rustix::process::WaitIdStatus::exit_status);
    Ok(match code {
        Some(0) => None,
        Some(code) => Some(format!("{who} ended with {code}")),
        None => Some(format!("{who} was killed")),
    })
}

/// Whether a child of ours has ended; it stays unreaped.
pub(crate) fn has_ended(pid: Pid) -> Result<bool> {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    Ok(retry_on_intr(|| waitid(WaitId::Pid(pid), look))?.is_some())
}

/// Waits until a server has reaped every child it made for this transfer: only then do their times count as its own.
pub(crate) fn settle(server: Pid, residents: &[Pid]) {
    let deadline = Instant::now() + SETTLE;
    let newcomers = || usage::tree(server).iter().any(|pid| !residents.contains(pid));
    while newcomers() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
    }
}

/// Looks at both ends from the side while a transfer runs.
struct Watch {
    client: Pid,
    server: Option<Pid>,
    server_ends: bool,
    deadline: Instant,
    done: AtomicBool,
    gave_up: AtomicBool,
    client_peak: AtomicU64,
    server_peak: AtomicU64,
}

impl Watch {
    fn new(client: Pid, server: &Server, deadline: Instant) -> Watch {
        Watch {
            client,
            server: server.pid(),
            server_ends: matches!(server, Server::Ends(_)),
            deadline,
            done: AtomicBool::new(false),
            gave_up: AtomicBool::new(false),
            client_peak: AtomicU64::new(0),
            server_peak: AtomicU64::new(0),
        }
    }

    /// Watches while `work` runs.
    fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            scope.spawn(|| self.run());
            let worked = work();
            self.done.store(true, Ordering::Release);
            worked
        })
    }

    fn run(&self) {
        while !self.done.load(Ordering::Acquire) {
            self.client_peak.fetch_max(usage::peak_bytes_of_tree(self.client), Ordering::Relaxed);
            if let Some(server) = self.server {
                self.server_peak.fetch_max(usage::peak_bytes_of_tree(server), Ordering::Relaxed);
            }
            if Instant::now() > self.deadline {
                self.gave_up.store(true, Ordering::Relaxed);
                self.kill();
            }
            std::thread::sleep(SAMPLE_EVERY);
        }
    }

    /// Both are our unreaped children, so the pids cannot have passed to anybody else; what they started goes with them.
    fn kill(&self) {
        for root in [Some(self.client), self.server.filter(|_| self.server_ends)].into_iter().flatten() {
            for pid in usage::tree(root) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}
