//! A talk: a program that is asked one question after the other through pipes, as a person or a script would.
//!
//! In: a command that reads lines. Out: how long each answer took, from writing the question to the last byte of the answer. A
//! program that answers through a pipe does not say where an answer ends, so it is learned once, by waiting until nothing more
//! comes; every further answer to the same question must be the same.

use std::io::{Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::daemon::Daemon;
use crate::site::Site;

/// After so much silence an answer that is learned is whole.
const SILENCE: Duration = Duration::from_millis(300);
/// What the first answer may take, with start-up and a handshake on a busy machine.
const FIRST: Duration = Duration::from_secs(20);
/// An answer that takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Talk {
    program: Daemon,
    asks: ChildStdin,
    answers: ChildStdout,
}

impl Talk {
    pub(super) fn begin(site: &Site, name: &str, command: &mut Command) -> Result<Talk> {
        let mut program = Daemon::start(site, name, command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let (asks, answers) = program.pipes()?;
        Ok(Talk { program, asks, answers })
    }

    /// Milliseconds of each of so many answers to `question`, two that are not counted before them.
    ///
    /// # Errors
    /// If an answer does not come, or is another one than before, with the program's last words.
    pub(super) fn time(&mut self, question: &str, count: usize) -> Result<Vec<f64>> {
        let timed = self.learn(question).and_then(|_| {
            let expected = self.learn(question)?;
            (0..count).map(|_| self.ask(question, &expected)).collect()
        });
        timed.with_context(|| self.program.last_words())
    }

    fn learn(&mut self, question: &str) -> Result<Vec<u8>> {
        self.say(question)?;
        let (mut answer, mut patience) = (Vec::new(), FIRST);
        while self.hear(&mut answer, patience)? {
            patience = SILENCE;
        }
        ensure!(!answer.is_empty(), "no answer to {question}");
        Ok(answer)
    }

    fn ask(&mut self, question: &str, expected: &[u8]) -> Result<f64> {
        let mut answer = Vec::with_capacity(expected.len());
        let begun = Instant::now();
        self.say(question)?;
        while answer.len() < expected.len() {
            ensure!(self.hear(&mut answer, PATIENCE)?, "no answer to {question} after {PATIENCE:?}");
        }
        let taken = begun.elapsed();
        ensure!(answer == expected, "another answer to {question} than before");
        Ok(taken.as_secs_f64() * 1e3)
    }

    fn say(&mut self, question: &str) -> Result<()> {
        self.asks.write_all(format!("{question}\n").as_bytes()).context("it listens no more")
    }

    /// Adds what comes next to `answer`; `false` if nothing does.
    fn hear(&mut self, answer: &mut Vec<u8>, patience: Duration) -> Result<bool> {
        let limit = Timespec::try_from(patience)?;
        let ready = retry_on_intr(|| poll(&mut [PollFd::new(&self.answers, PollFlags::IN)], Some(&limit)))?;
        if ready == 0 {
            return Ok(false);
        }
        let mut part = [0; 4096];
        match self.answers.read(&mut part)? {
            0 => bail!("it ended"),
            count => answer.extend(part.get(..count).unwrap_or_default()),
        }
        Ok(true)
    }
}
