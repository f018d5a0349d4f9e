//! Lines: what the calls of one job can tell of the network, those before a cut and the one after it together.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use landline_net::{LineStats, TcpInfo};

/// What the line of a job did until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineLoad {
    /// Bytes given to the system to send.
    pub sent: u64,
    /// Bytes taken from the system.
    pub received: u64,
    /// Time in which the system took nothing of what we had to send; known when it is over.
    pub send_wait: Duration,
    /// Time in which we waited for bytes; known when it is over.
    pub receive_wait: Duration,
    /// Time spent encrypting.
    pub sealing: Duration,
    /// Time spent decrypting.
    pub opening: Duration,
    /// What the system knows of the present connection; none where that is not TCP.
    pub tcp: Option<TcpInfo>,
}

/// The lines of one job.
#[derive(Debug, Default)]
pub(super) struct Lines {
    inner: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Of lines that were cut.
    before: LineLoad,
    present: Option<LineStats>,
}

impl Lines {
    /// The job goes on over this line. Told of one line twice, its figures would count twice.
    pub(super) fn over(&self, line: LineStats) {
        let mut known = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        known.before = known.load();
        known.present = Some(line);
    }

    pub(super) fn load(&self) -> LineLoad {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).load()
    }
}

impl Known {
    fn load(&self) -> LineLoad {
        let Some(line) = &self.present else { return self.before };
        LineLoad {
            sent: self.before.sent.saturating_add(line.sent()),
            received: self.before.received.saturating_add(line.received()),
            send_wait: self.before.send_wait.saturating_add(line.send_wait()),
            receive_wait: self.before.receive_wait.saturating_add(line.receive_wait()),
            sealing: self.before.sealing.saturating_add(line.sealing()),
            opening: self.before.opening.saturating_add(line.opening()),
            tcp: line.tcp(),
        }
    }
}
