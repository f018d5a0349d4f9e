//! Running: a child process that is watched, never lost.
//!
//! In: a command ready to start. Out: what it says while it runs (kept in memory by two threads that always drain it, so
//! that it can never block on a full pipe), signals to it, and its end.
//! Invariant: a child is killed and reaped when its handle is dropped; a signal never goes to a pid that is no longer ours,
//! because only this handle reaps.

use std::io::{Read, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions};

use crate::Done;
use crate::cmd::show_output;

pub use rustix::process::Signal;

/// What a child finds on its standard input.
#[derive(Debug)]
pub(crate) enum Input {
    Nothing,
    Bytes(Vec<u8>),
    Open,
}

/// A child process: killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    label: String,
    child: Child,
    stdin: Option<ChildStdin>,
    watch: Arc<Watch>,
    waiter: Option<JoinHandle<()>>,
    patience: Duration,
    reaped: bool,
    /// Its output is in a panic's message already.
    told: AtomicBool,
}

/// What follows `start` on the first whole line that begins with it.
fn line_after(said: &[u8], start: &str) -> Option<String> {
    let whole = said.iter().rposition(|byte| *byte == b'\n').and_then(|last| said.get(..last)).unwrap_or_default();
    let text = String::from_utf8_lossy(whole);
    text.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned)
}

impl Running {
    #[track_caller]
    pub(crate) fn start(mut command: Command, label: String, input: Input, patience: Duration) -> Self {
        let stdin = if matches!(input, Input::Nothing) { Stdio::null() } else { Stdio::piped() };
        let child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|e| panic!("cannot start {label}: {e}"));
        let watch = Arc::new(Watch::default());
        watch.drain(child.stdout.take(), |seen| &mut seen.stdout);
        watch.drain(child.stderr.take(), |seen| &mut seen.stderr);
        let mut stdin = child.stdin.take();
        if let Input::Bytes(bytes) = input
            && let Some(mut pipe) = stdin.take()
        {
            // On a thread, since the child may answer before it has read everything. If it stops reading, that is its right.
            thread::spawn(move || pipe.write_all(&bytes));
        }
        let waiter = Some(watch.announce_end_of(pid_of(&child)));
        Self { label, child, stdin, watch, waiter, patience, reaped: false, told: AtomicBool::new(false) }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal; nothing happens if it has ended already.
    ///
    /// # Panics
    /// If the system refuses.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        // Not reaped before `wait` or drop, so the pid is still this child's, if only as a zombie.
        let sent = rustix::process::kill_process(pid_of(&self.child), signal);
        sent.unwrap_or_else(|e| panic!("cannot signal {}: {e}", self.label));
    }

    /// Asks it to end (SIGTERM).
    #[track_caller]
    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// What Ctrl-C sends (SIGINT).
    #[track_caller]
    pub fn sigint(&self) {
        self.signal(Signal::INT);
    }

    /// Kills it (SIGKILL), as a power cut would.
    #[track_caller]
    pub fn sigkill(&self) {
        self.signal(Signal::KILL);
    }

    /// Writes to its standard input, left open by [`crate::Cmd::stdin_open`].
    ///
    /// # Panics
    /// If input is not open, or it no longer reads.
    #[track_caller]
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let Some(pipe) = &mut self.stdin else { panic!("the input of {} is not open: use stdin_open()", self.label) };
        let said = pipe.write_all(bytes.as_ref()).and_then(|()| pipe.flush());
        said.unwrap_or_else(|e| panic!("{} no longer reads: {e}", self.label));
    }

    /// Ends its standard input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Waits until it has said `text` on standard output.
    ///
    /// # Panics
    /// If it ends or the deadline passes without it.
    #[track_caller]
    pub fn wait_for_stdout(&self, text: &str) {
        self.wait_for_text(text, "stdout", |seen| &seen.stdout);
    }

    /// Waits until it has said `text` on standard error.
    ///
    /// # Panics
    /// If it ends or the deadline passes without it.
    #[track_caller]
    pub fn wait_for_stderr(&self, text: &str) {
        self.wait_for_text(text, "stderr", |seen| &seen.stderr);
    }

    /// Waits for a whole line on standard error that begins with `start`, and gives the rest of it.
    ///
    /// # Panics
    /// If it ends or the deadline passes without it.
    #[track_caller]
    pub fn wait_for_line(&self, start: &str) -> String {
        self.wait_until(&format!("say a line that begins with {start:?} on stderr"), |seen| {
            line_after(&seen.stderr, start)
        })
    }

    /// As [`Self::wait_for_line`], on standard output.
    ///
    /// # Panics
    /// If it ends or the deadline passes without it.
    #[track_caller]
    pub fn wait_for_stdout_line(&self, start: &str) -> String {
        self.wait_until(&format!("say a line that begins with {start:?} on stdout"), |seen| {
            line_after(&seen.stdout, start)
        })
    }

    #[track_caller]
    fn wait_for_text(&self, text: &str, name: &str, output: fn(&Seen) -> &Vec<u8>) {
        let said = |seen: &Seen| {
            let bytes = output(seen);
            (text.is_empty() || bytes.windows(text.len()).any(|window| window == text.as_bytes())).then_some(())
        };
        self.wait_until(&format!("say {text:?} on {name}"), said);
    }

    /// Waits for its end and all that it said until then.
    ///
    /// # Panics
    /// If it does not end in time: it is killed, and the message shows what it had said. Also if a child of its own keeps
    /// its output open after it.
    #[must_use = "for the checks: exits_with()"]
    #[track_caller]
    pub fn wait(mut self) -> Done {
        self.stdin = None;
        self.wait_until("end", |seen| (seen.exited && seen.outputs_ended == OUTPUTS).then_some(()));
        let status = self.reap();
        let mut seen = self.watch.lock();
        let (stdout, stderr) = (std::mem::take(&mut seen.stdout), std::mem::take(&mut seen.stderr));
        drop(seen);
        Done { label: self.label.clone(), status, stdout, stderr }
    }

    /// Waits until `look` finds something in what was seen.
    #[track_caller]
    pub(crate) fn wait_until<T>(&self, what: &str, mut look: impl FnMut(&Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + self.patience;
        let mut seen = self.watch.lock();
        loop {
            if let Some(found) = look(&seen) {
                return found;
            }
            let over = seen.exited && seen.outputs_ended == OUTPUTS;
            let left = deadline.saturating_duration_since(Instant::now());
            if over || left.is_zero() {
                break;
            }
            seen = self.watch.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let why = match (seen.exited, seen.outputs_ended == OUTPUTS) {
            (true, true) => format!("ended, and did not {what}"),
            (true, false) => {
                format!("did not {what} within {:?}: it ended, but a child of it holds its output", self.patience)
            }
            (false, _) => format!("did not {what} within {:?}, and is killed", self.patience),
        };
        drop(seen); // the report looks again
        self.told.store(true, Ordering::Relaxed);
        panic!("{} {why}\n{}", self.label, self.report());
    }

    /// A handle that means this very process for ever, even once its number is another's.
    #[track_caller]
    pub(crate) fn pidfd(&self) -> OwnedFd {
        let handle = rustix::process::pidfd_open(pid_of(&self.child), rustix::process::PidfdFlags::empty());
        handle.unwrap_or_else(|e| panic!("cannot watch {}: {e}", self.label))
    }

    /// Its standard output so far.
    #[must_use]
    pub fn stdout_so_far(&self) -> Vec<u8> {
        self.watch.lock().stdout.clone()
    }

    /// What it has said so far.
    #[must_use]
    pub(crate) fn report(&self) -> String {
        let seen = self.watch.lock();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = show_output(&mut text, &seen.stdout, &seen.stderr);
        text
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Takes the exit status of a child that has ended or is about to.
    fn reap(&mut self) -> std::process::ExitStatus {
        // First the waiter, which looks at the zombie without reaping it; then the pid may go.
        if let Some(waiter) = self.waiter.take() {
            let _ = waiter.join();
        }
        self.reaped = true;
        self.child.wait().expect("a child of ours that nobody else reaps")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        let _ = self.child.kill();
        self.reap();
        if thread::panicking() && !self.told.load(Ordering::Relaxed) {
            #[expect(clippy::print_stderr, reason = "a failing test shows what its other processes said")]
            {
                eprintln!("when the test failed, this was running:\n  {}\n{}", self.label, self.report());
            }
        }
    }
}

/// Standard output and standard error.
const OUTPUTS: u8 = 2;

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) stdout: Vec<u8>,
    stderr: Vec<u8>,
    outputs_ended: u8,
    exited: bool,
}

#[cfg(test)]
impl Seen {
    pub(crate) fn has_exited(&self) -> bool {
        self.exited
    }
}

#[derive(Debug, Default)]
struct Watch {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn drain<R: Read + Send + 'static>(self: &Arc<Self>, output: Option<R>, into: fn(&mut Seen) -> &mut Vec<u8>) {
        let mut output = output.expect("this output was piped");
        let watch = Arc::clone(self);
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            loop {
                match output.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => watch.note(|seen| into(seen).extend_from_slice(&buffer[..n])),
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            watch.note(|seen| seen.outputs_ended += 1);
        });
    }

    fn announce_end_of(self: &Arc<Self>, pid: Pid) -> JoinHandle<()> {
        let watch = Arc::clone(self);
        thread::spawn(move || {
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(rustix::process::waitid(WaitId::Pid(pid), look), Err(rustix::io::Errno::INTR)) {}
            watch.note(|seen| seen.exited = true);
        })
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

#[cfg(test)]
mod tests {
    use crate::{Office, Signal};

    #[test]
    fn a_child_is_killed_when_its_handle_is_dropped() {
        let office = Office::new("/bin/sh");
        let running = office.machine("desk").cmd(["-c", "echo up; read line"]).stdin_open().spawn();
        running.wait_for_stdout("up\n");
        let pid = running.pid();
        drop(running);
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        assert_eq!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH));
    }

    #[test]
    fn it_can_be_talked_to_while_it_runs() {
        let office = Office::new("/bin/sh");
        let mut running = office.machine("desk").cmd(["-c", "while read x; do echo got $x; done"]).stdin_open().spawn();
        running.say("one\n");
        running.wait_for_stdout("got one\n");
        running.say("two\n");
        running.wait_for_stdout("got two\n");
        running.end_input();
        let _ = running.wait().exits_with(0).stdout("got one\ngot two\n");
    }

    #[test]
    fn a_signal_reaches_it_and_a_late_one_is_harmless() {
        let office = Office::new("/bin/sh");
        let script = "trap 'echo asked; exit 0' TERM; echo up; while :; do read line; done";
        let running = office.machine("desk").cmd(["-c", script]).stdin_open().spawn();
        running.wait_for_stdout("up\n");
        running.sigterm();
        running.wait_for_stdout("asked\n");
        running.signal(Signal::KILL); // ended or not: never an error
        assert!(running.wait().stdout_bytes().starts_with(b"up\nasked\n"));
    }

    #[test]
    #[should_panic(expected = "ended, and did not say \"never\" on stderr")]
    fn waiting_for_words_ends_when_the_child_does() {
        let office = Office::new("/bin/sh");
        office.machine("desk").cmd(["-c", "echo other >&2"]).spawn().wait_for_stderr("never");
    }
}
