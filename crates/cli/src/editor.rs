//! Lines typed at a terminal, with editing and history, while what comes is printed above them.
//!
//! In: keys, on a thread of its own. Out: lines as they are finished; a way to print that does not tear the line being typed. The
//! terminal is put back as it was when this is dropped, also when the thread is still waiting for a key.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor as Rustyline, ExternalPrinter};
use tokio::sync::mpsc;

/// Lines that may wait to be sent.
const WAITING: usize = 16;

/// What was typed.
pub(crate) enum Typed {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C.
    Interrupted,
}

/// A person's line.
pub(crate) struct Editor {
    lines: mpsc::Receiver<io::Result<Typed>>,
    _before: Restore,
}

/// Prints above the line that is being typed.
#[derive(Clone)]
pub(crate) struct Above(Arc<Mutex<Box<dyn ExternalPrinter + Send>>>);

/// The terminal as it was.
pub(crate) struct Restore(Option<Termios>);

impl Editor {
    /// Begins to read keys; `None` where the terminal is not good enough for it.
    pub(crate) fn open() -> Option<(Self, Above)> {
        let before = Restore::later();
        let mut line: Rustyline<(), MemHistory> =
            Rustyline::with_history(Config::builder().auto_add_history(true).build(), MemHistory::new()).ok()?;
        let printer = line.create_external_printer().ok()?;
        let above = Above(Arc::new(Mutex::new(Box::new(printer))));
        let (give, lines) = mpsc::channel(WAITING);
        thread::spawn(move || {
            loop {
                let typed = match line.readline("") {
                    Ok(text) => Ok(Typed::Line(text)),
                    Err(ReadlineError::Interrupted) => Ok(Typed::Interrupted),
                    Err(ReadlineError::Eof) => return,
                    Err(ReadlineError::Io(fault)) => Err(fault),
                    Err(other) => Err(io::Error::other(other)),
                };
                let over = !matches!(typed, Ok(Typed::Line(_)));
                if give.blocking_send(typed).is_err() || over {
                    return;
                }
            }
        });
        Some((Self { lines, _before: before }, above))
    }

    /// The next line; `None` at the end of input (Ctrl-D). Cancel-safe.
    ///
    /// # Errors
    /// If the terminal can't be read.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Typed>> {
        self.lines.recv().await.transpose()
    }
}

impl Above {
    /// Prints `text`, whole lines best.
    pub(crate) fn print(&self, text: &str) {
        let mut printer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(printer.print(text.to_owned())); // the terminal is gone: reading from it says so too
    }
}

impl Restore {
    /// As it is now, when this is dropped.
    pub(crate) fn later() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before); // nobody is left to be told
        }
    }
}
