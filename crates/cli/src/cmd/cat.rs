//! `cat`: the content of a file of another machine, on stdout.
//!
//! On a terminal, bytes that would act on it are shown as escapes; into a pipe or a file they go as they are.

use std::io::{self, Write};
use std::time::Duration;

use landline_services::files::ask::{Files, FilesError};
use landline_services::files::watch::Watch;
use landline_wire::Blob;
use serde::Serialize;

use super::over::{Glimpse, Over};
use super::reach::{OneCall, Reach, Turn};
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::out::Out;
use crate::place::Remote;
use crate::screen::Tamer;

/// Print a file of another machine
///
/// What is printed can be compared with its hash only at the end: heed the exit code (6: not what was sent).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which: CONTACT:PATH
    #[arg(value_name = "PLACE", value_parser = Remote::parser())]
    place: Remote,
    #[command(flatten)]
    flags: Flags,
}

/// How to print.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Flags {
    /// On a terminal too, print the bytes as they are; they may change how the terminal behaves
    #[arg(long)]
    pub(super) raw: bool,
}

/// How long a line that was cut is dialled again.
pub(super) const RECONNECT: Duration = Duration::from_secs(10);

/// One piece of the content.
#[derive(Debug, Serialize)]
struct Piece<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b64: Option<Blob>,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let mut reach = OneCall::by(here.line()?);
    let ended = over(&mut reach, args.flags, &args.place, RECONNECT, here).await;
    reach.close().await;
    ended
}

/// Prints `place`, as it is if `raw`, else made harmless for a terminal.
pub(super) async fn over(
    reach: &mut impl Reach,
    flags: Flags,
    place: &Remote,
    reconnect: Duration,
    here: &Here,
) -> Result<Exit, Fail> {
    let over = Over::default();
    let print = async |files: &mut Files| {
        let screen = Screen::new(&here.out, here.out.stdout_is_terminal() && !flags.raw, over.glimpse());
        files.cat(&place.path, screen, reconnect, &Watch::new(|_| {})).await
    };
    match reach.with(&place.whose(), Turn::Stream, print).await {
        Ok(_) => Ok(Exit::Done),
        // The reader has left: it has what it wanted, and hears of nothing else.
        Err(FilesError::Output(fault)) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(fault) => Err(files_fail(&place.machine.to_string(), fault)),
    }
}

/// stdout as the floors below write to it.
enum Screen {
    Raw(Gate),
    Tamed(Tamer<Gate>),
    /// One object for each piece: its text where it is UTF-8, else base64.
    Objects(Gate),
}

impl Screen {
    fn new(out: &Out, tamed: bool, ended: Glimpse) -> Self {
        let gate = Gate { out: out.clone(), ended };
        match (out.is_json(), tamed) {
            (true, _) => Self::Objects(gate),
            (false, true) => Self::Tamed(Tamer::new(gate)),
            (false, false) => Self::Raw(gate),
        }
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Raw(gate) => gate.write_all(bytes)?,
            Self::Tamed(tamer) => tamer.feed(bytes)?,
            Self::Objects(gate) => {
                gate.check_reader()?;
                let text = std::str::from_utf8(bytes).ok();
                let b64 = text.is_none().then(|| Blob(bytes.to_vec()));
                gate.out.row(&Piece { text, b64 });
                gate.flush()?; // also tells whether the reader has left
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Raw(gate) | Self::Objects(gate) => gate.flush(),
            Self::Tamed(tamer) => tamer.finish(),
        }
    }
}

/// The printer as a [`Write`] that tells when the reader has left.
struct Gate {
    out: Out,
    ended: Glimpse,
}

impl Gate {
    fn check_reader(&self) -> io::Result<()> {
        if self.out.is_gone() || self.ended.is_over() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.ended.is_over() {
            self.out.bytes(bytes);
        }
        self.check_reader().map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush();
        self.check_reader()
    }
}
