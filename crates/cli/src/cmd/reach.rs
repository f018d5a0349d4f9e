//! Reach: how a command that works on files comes by its call. Both who makes one call for one request and the files shell,
//! which keeps its call, run the same bodies of commands through this.
//!
//! In: a machine, and what is to be done on a call to it. Out: what came of it.

use landline_services::files::ask::{Files, FilesError};
use landline_services::line::Line;

use crate::place::Whose;

/// What a request is, to whoever has to decide whether it may be made twice and what is left of the call after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Changes nothing, or nothing more the second time: made again if the line was cut.
    Question,
    /// Changes something: made once.
    Change,
    /// Many messages, which dial again by themselves; a fault leaves the call in the middle of them.
    Stream,
}

/// Whoever can call.
pub(super) trait Reach {
    /// What stands before a command that a hint names: the program, where the person types to a shell of the system.
    fn lead(&self) -> &'static str;

    /// Runs `work` on a call to `whose` files.
    ///
    /// # Errors
    /// As `work` fails, or if no call came about.
    async fn with<T>(
        &mut self,
        whose: &Whose,
        turn: Turn,
        work: impl AsyncFnMut(&mut Files) -> Result<T, FilesError>,
    ) -> Result<T, FilesError>;
}

/// One call for each request.
pub(super) struct OneCall {
    line: Line,
    /// Of a stream: what it tells of its line is asked for until the end.
    kept: Option<Files>,
}

impl OneCall {
    /// Calls by `line`.
    pub(super) fn by(line: Line) -> Self {
        Self { line, kept: None }
    }

    /// Ends the call of a stream, when all is told of it.
    pub(super) async fn close(self) {
        if let Some(files) = self.kept {
            files.close().await;
        }
    }
}

impl Reach for OneCall {
    fn lead(&self) -> &'static str {
        "landline "
    }

    async fn with<T>(
        &mut self,
        whose: &Whose,
        turn: Turn,
        mut work: impl AsyncFnMut(&mut Files) -> Result<T, FilesError>,
    ) -> Result<T, FilesError> {
        let mut files = Files::open_at(&self.line, &whose.machine, whose.start).await?;
        let done = work(&mut files).await;
        match &done {
            Ok(_) if turn == Turn::Stream => self.kept = Some(files),
            // In the middle of a stream there is nothing that could be closed in order.
            Err(fault) if turn == Turn::Stream || fault.is_cut() => {}
            Ok(_) | Err(_) => files.close().await,
        }
        done
    }
}
