//! `cat`: the content of a file of another machine, on stdout.
//!
//! On a terminal, bytes that would act on it are shown as escapes; into a pipe or a file they go as they are.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use landline_services::files::ask::{Files, FilesError};
use tokio::io::AsyncWrite;

use crate::exit::Exit;
use crate::fail::{Fail, files_fail, line_fail};
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
    /// On a terminal too, print the bytes as they are; they may change how the terminal behaves
    #[arg(long)]
    raw: bool,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    if here.out.is_json() {
        return Err(Fail::usage("cat prints the bytes of a file, which are no JSON")
            .hint("landline stat --json --hash tells about it; leave --json out to see the content"));
    }
    let line = here.line()?;
    let name = args.place.machine.to_string();
    let mut files = Files::open(&line, &args.place.machine).await.map_err(|fault| line_fail(&name, fault))?;
    let mut screen = Screen::new(&here.out, here.out.stdout_is_terminal() && !args.raw);
    match files.cat(&args.place.path, &mut screen).await {
        Ok(_) => {
            files.close().await;
            Ok(Exit::Done)
        }
        // The reader has left: it has what it wanted, and hears of nothing else.
        Err(FilesError::Output(fault)) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(fault) => Err(files_fail(&name, fault)),
    }
}

/// stdout as the floors below write to it; blocking, since nothing else happens meanwhile.
struct Screen {
    to: To,
}

enum To {
    Raw(Gate),
    Tamed(Tamer<Gate>),
}

impl Screen {
    fn new(out: &Out, tamed: bool) -> Self {
        let gate = Gate(out.clone());
        Self { to: if tamed { To::Tamed(Tamer::new(gate)) } else { To::Raw(gate) } }
    }
}

/// The printer as a [`Write`] that tells when the reader has left.
struct Gate(Out);

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes(bytes);
        if self.0.is_gone() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush();
        if self.0.is_gone() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

impl AsyncWrite for Screen {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(match &mut self.to {
            To::Raw(gate) => gate.write_all(bytes).map(|()| bytes.len()),
            To::Tamed(tamer) => tamer.feed(bytes).map(|()| bytes.len()),
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match &mut self.to {
            To::Raw(gate) => gate.flush(),
            To::Tamed(tamer) => tamer.finish(),
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}
