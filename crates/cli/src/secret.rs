//! Asking for a secret at the terminal, without showing it.

use std::io::{self, BufRead as _};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::fail::Fail;
use crate::out::Out;

/// Asks `question` and gives what was typed, without its line end.
///
/// # Errors
/// If nothing was typed, or the terminal can't be read.
pub(crate) async fn ask(out: &Out, question: &str) -> Result<Vec<u8>, Fail> {
    let silence = Silence::begin(); // before the question: who answers at once is not shown either
    out.ask(question);
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread of its own: a person who was asked may never answer, and Ctrl-C must be heard meanwhile.
    std::thread::spawn(move || {
        let mut line = Vec::new();
        let read = io::stdin().lock().read_until(b'\n', &mut line);
        drop(tell.send(read.map(|_| line)));
    });
    let line = told.await;
    drop(silence);
    out.ask("\n");
    let line = line.map_err(|_| Fail::internal("the question could not be asked"))?;
    let mut line = line.map_err(|fault| Fail::io("cannot read from the terminal", &fault))?;
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    if line.is_empty() { Err(Fail::usage("nothing was typed")) } else { Ok(line) }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence(Option<rustix::termios::Termios>);

impl Silence {
    fn begin() -> Self {
        let stdin = io::stdin();
        let Ok(before) = tcgetattr(&stdin) else { return Self(None) };
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let set = tcsetattr(&stdin, OptionalActions::Now, &silent);
        Self(set.is_ok().then_some(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before); // nobody is left to be told
        }
    }
}
