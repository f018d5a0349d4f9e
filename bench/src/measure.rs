//! One timed transfer: the clock, CPU seconds and peak memory of both ends.
//!
//! In: the client's command and the server's process. Out: a [`Sample`]. The clock runs from just before the client is
//! started until it has ended, and the server too if it ends by itself. CPU seconds are the kernel's own account, after
//! the fact. Peak memory is the largest single process of each end: `VmHWM`, read every 10 ms, so growth in an end's last
//! 10 ms can be missed. A transfer that takes longer than the site's patience is ended and is an error.

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
/// How long a server may take to tidy up after a client before its CPU time is read.
const SETTLE: Duration = Duration::from_secs(3);

/// What one transfer took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    pub(crate) client: Usage,
    pub(crate) server: Usage,
}

/// What one end used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    /// Bytes.
    pub(crate) peak: u64,
}

/// The end that answers.
pub(crate) enum Server<'a> {
    /// Serves one transfer after the other: its usage is a difference.
    Stays(&'a Daemon),
    /// Ends by itself after this transfer, which is part of the time.
    Ends(Daemon),
}

/// Runs `client` against `server` and watches both.
///
/// # Errors
/// If either end fails or hangs, with its last words.
pub(crate) fn transfer(site: &Site, client: &mut Command, server: Server<'_>) -> Result<Sample> {
    let (server_pid, ends) = match &server {
        Server::Stays(daemon) => (daemon.pid(), false),
        Server::Ends(daemon) => (daemon.pid(), true),
    };
    let (residents, cpu_before) = (usage::tree(server_pid), usage::cpu_seconds_of_tree(server_pid));
    if !ends {
        usage::reset_peak_of_tree(server_pid);
    }

    let begun = Instant::now();
    let client = Daemon::start(site, "the client", client)?;
    let watch = Watch::new(client.pid(), server_pid, ends, begun + site.patience());
    let (seconds, failed) = std::thread::scope(|scope| {
        scope.spawn(|| watch.run());
        let failed = wait_both(&client, server_pid, ends);
        let seconds = begun.elapsed().as_secs_f64();
        watch.done.store(true, Ordering::Release);
        (seconds, failed)
    });

    let client_cpu = usage::cpu_seconds(client.pid());
    let mut server_peak = watch.server_peak.load(Ordering::Relaxed);
    let server_cpu = if ends {
        usage::cpu_seconds(server_pid)
    } else {
        settle(server_pid, &residents);
        server_peak = server_peak.max(usage::peak_bytes_of_tree(server_pid));
        usage::cpu_seconds_of_tree(server_pid) - cpu_before
    };
    if watch.gave_up.load(Ordering::Relaxed) {
        bail!("still running after {:?}, so it was killed: {}", site.patience(), client.last_words());
    }
    if let Some(how) = failed? {
        let mut words = vec![client.last_words()];
        if let Server::Ends(daemon) = server {
            words.push(daemon.last_words());
        }
        bail!("{how}: {}", words.join(" / "));
    }
    Ok(Sample {
        seconds,
        client: Usage { cpu_seconds: client_cpu, peak: watch.client_peak.load(Ordering::Relaxed) },
        server: Usage { cpu_seconds: server_cpu, peak: server_peak },
    })
}

/// Waits for the client, and the server if it ends, leaving both unreaped so that their times can still be read and
/// their pids stay theirs. Gives words if one failed.
fn wait_both(client: &Daemon, server: Pid, ends: bool) -> Result<Option<String>> {
    let client_failed = wait_end(client.pid(), "the client")?;
    if !ends {
        return Ok(client_failed);
    }
    if client_failed.is_some() {
        // It may still wait for a connection that will never come.
        let _ = kill_process(server, Signal::TERM);
    }
    let server_failed = wait_end(server, "the receiver")?;
    Ok(client_failed.or(server_failed))
}

fn wait_end(pid: Pid, who: &str) -> Result<Option<String>> {
    let status = retry_on_intr(|| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT))?;
    let code = status.as_ref().and_then(rustix::process::WaitIdStatus::exit_status);
    Ok(match code {
        Some(0) => None,
        Some(code) => Some(format!("{who} ended with {code}")),
        None => Some(format!("{who} was killed")),
    })
}

/// Waits until a server has reaped every child it made for this transfer: only then do their times count as its own.
fn settle(server: Pid, residents: &[Pid]) {
    let deadline = Instant::now() + SETTLE;
    let newcomers = || usage::tree(server).iter().any(|pid| !residents.contains(pid));
    while newcomers() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
    }
}

/// Looks at both ends from the side while a transfer runs.
struct Watch {
    client: Pid,
    server: Pid,
    server_ends: bool,
    deadline: Instant,
    done: AtomicBool,
    gave_up: AtomicBool,
    client_peak: AtomicU64,
    server_peak: AtomicU64,
}

impl Watch {
    fn new(client: Pid, server: Pid, server_ends: bool, deadline: Instant) -> Watch {
        Watch {
            client,
            server,
            server_ends,
            deadline,
            done: AtomicBool::new(false),
            gave_up: AtomicBool::new(false),
            client_peak: AtomicU64::new(0),
            server_peak: AtomicU64::new(0),
        }
    }

    fn run(&self) {
        while !self.done.load(Ordering::Acquire) {
            self.client_peak.fetch_max(usage::peak_bytes_of_tree(self.client), Ordering::Relaxed);
            self.server_peak.fetch_max(usage::peak_bytes_of_tree(self.server), Ordering::Relaxed);
            if Instant::now() > self.deadline {
                self.gave_up.store(true, Ordering::Relaxed);
                // Both are our unreaped children, so the pids cannot have passed to anybody else.
                let _ = kill_process(self.client, Signal::KILL);
                if self.server_ends {
                    let _ = kill_process(self.server, Signal::KILL);
                }
            }
            std::thread::sleep(SAMPLE_EVERY);
        }
    }
}
