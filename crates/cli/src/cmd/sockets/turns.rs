//! Talking in turns: one message, one answer, as the programs of socket tutorials do.
//!
//! In: lines that are typed, messages that come. Out: the same, strictly by turns, until a closing word is said by either, or
//! an end. Who speaks first is an option.

use bytes::Bytes;
use landline_net::raw::{Connection, Message, RawError};
use tokio::time::timeout;

use super::human::Human;
use super::pump::Fault;
use super::seconds::seconds;
use crate::fail::Fail;
use std::time::Duration;

/// How to take turns.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Turns")]
pub(crate) struct TurnFlags {
    /// Send this before anything that is typed; may be given several times
    #[arg(long, value_name = "TEXT")]
    pub(crate) say: Vec<String>,
    /// Say it again after so many seconds, for ever
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) every: Option<Duration>,
    /// Take turns: a line is sent, then one answer is waited for
    #[arg(long)]
    turns: bool,
    /// The other end speaks first
    #[arg(long)]
    second: bool,
    /// The word that ends the talk, said by either; it is sent
    #[arg(long, value_name = "WORD")]
    closing: Option<String>,
    /// The line that ends the talk without being sent
    #[arg(long, value_name = "WORD")]
    leave: Option<String>,
    /// Send nothing for an empty line
    #[arg(long)]
    skip_empty: bool,
    /// End the talk after so many answers
    #[arg(long, value_name = "N")]
    answers: Option<u64>,
    /// Wait so long for an answer
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    answer_timeout: Option<Duration>,
    /// Fill each message up to so many bytes with zeroes, so that a careful server may answer it (PROTOCOL.md §12)
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pad: Option<u16>,
}

/// The same, ready to be used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    pub(crate) second: bool,
    pub(crate) closing: Option<Vec<u8>>,
    pub(crate) leave: Option<Vec<u8>>,
    pub(crate) skip_empty: bool,
    pub(crate) answers: Option<u64>,
    pub(crate) answer_timeout: Option<Duration>,
    pub(crate) pad: usize,
}

impl TurnFlags {
    /// Refuses what only means something in turns, if none are taken. Not left to the parser: what `--like` adds comes later.
    ///
    /// # Errors
    /// If there is such a thing.
    pub(crate) fn check(&self) -> Result<(), Fail> {
        let asked = [
            ("--second", self.second),
            ("--closing", self.closing.is_some()),
            ("--leave", self.leave.is_some()),
            ("--skip-empty", self.skip_empty),
            ("--answers", self.answers.is_some()),
            ("--answer-timeout", self.answer_timeout.is_some()),
            ("--pad", self.pad.is_some()),
            ("--every", self.every.is_some()),
        ];
        match asked.iter().find(|(_, given)| *given && !self.turns) {
            Some((name, _)) => Err(Fail::usage(format_args!("{name} means nothing without --turns"))),
            None if self.every.is_some() && self.say.is_empty() => Err(Fail::usage("--every needs something to --say")),
            None => Ok(()),
        }
    }

    /// Whether turns are to be taken.
    pub(crate) fn is_on(&self) -> bool {
        self.turns
    }
}

impl From<&TurnFlags> for Turns {
    fn from(flags: &TurnFlags) -> Self {
        let bytes = |word: &Option<String>| word.as_ref().map(|word| word.clone().into_bytes());
        Self {
            second: flags.second,
            closing: bytes(&flags.closing),
            leave: bytes(&flags.leave),
            skip_empty: flags.skip_empty,
            answers: flags.answers,
            answer_timeout: flags.answer_timeout,
            pad: flags.pad.map_or(0, usize::from),
        }
    }
}

impl Turns {
    /// Talks until somebody ends it.
    ///
    /// # Errors
    /// What ended it too early.
    pub(crate) async fn run(self, mut connection: Connection, human: &mut Human) -> Result<(), Fault> {
        let talked = self.talk(&mut connection, human).await;
        human.screen.written().await;
        if talked.is_ok() {
            match connection.finish().await {
                Err(fault) if !fault.is_leaving() => return Err(fault.into()),
                _ => {}
            }
        }
        talked
    }

    async fn talk(&self, connection: &mut Connection, human: &mut Human) -> Result<(), Fault> {
        let mut answers = 0;
        let mut listen = self.second;
        loop {
            if listen {
                let Some(message) = self.hear(connection, human).await? else { return Ok(()) };
                answers += 1;
                let over = self.answers.is_some_and(|most| answers >= most);
                if over || self.closing.as_deref() == Some(&message.body[..]) {
                    return Ok(());
                }
            }
            listen = true;
            let Some(line) = self.typed(human).await? else { return Ok(()) };
            connection.send(&self.padded(&line)).await?;
            if self.closing.as_deref() == Some(&line[..]) {
                return Ok(());
            }
        }
    }

    async fn hear(&self, connection: &mut Connection, human: &mut Human) -> Result<Option<Message>, Fault> {
        let came = match self.answer_timeout {
            None => connection.receive().await?,
            Some(patience) => timeout(patience, connection.receive()).await.map_err(|_| RawError::Idle(patience))??,
        };
        if let Some(message) = &came {
            human.screen.show(message, connection.peer()).await;
        }
        Ok(came)
    }

    async fn typed(&self, human: &mut Human) -> Result<Option<Bytes>, Fault> {
        loop {
            let Some(line) = human.keys.line().await? else { return Ok(None) };
            if self.leave.as_deref() == Some(&line[..]) {
                return Ok(None);
            }
            if !(line.is_empty() && self.skip_empty) {
                return Ok(Some(line));
            }
        }
    }

    fn padded(&self, line: &Bytes) -> Bytes {
        if line.len() >= self.pad {
            return line.clone();
        }
        let mut filled = line.to_vec();
        filled.resize(self.pad, 0);
        filled.into()
    }
}
