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
    /// The present one, and its lanes, also those that have left.
    present: Vec<LineStats>,
    /// How many of them carry content now.
    open: usize,
    /// The most that were used at once.
    most: usize,
}

impl Lines {
    /// The job goes on over this line. Told of one line twice, its figures would count twice.
    pub(super) fn over(&self, line: LineStats) {
        let mut known = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        known.before = known.load();
        (known.present, known.open) = (vec![line], 1);
        known.most = known.most.max(1);
    }

    /// A lane goes on beside it.
    pub(super) fn beside(&self, line: LineStats) {
        let mut known = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        known.present.push(line);
        known.open += 1;
        known.most = known.most.max(known.open);
    }

    /// A lane has left.
    pub(super) fn left(&self) {
        let mut known = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        known.open = known.open.saturating_sub(1);
    }

    pub(super) fn most(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).most
    }

    pub(super) fn load(&self) -> LineLoad {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).load()
    }
}

impl Known {
    fn load(&self) -> LineLoad {
        let mut load = self.before;
        let ways = u32::try_from(self.present.len()).unwrap_or(u32::MAX);
        for line in &self.present {
            load.sent = load.sent.saturating_add(line.sent());
            load.received = load.received.saturating_add(line.received());
            // Lanes wait at the same time.
            load.send_wait = load.send_wait.saturating_add(line.send_wait() / ways);
            load.receive_wait = load.receive_wait.saturating_add(line.receive_wait() / ways);
            load.sealing = load.sealing.saturating_add(line.sealing());
            load.opening = load.opening.saturating_add(line.opening());
        }
        if let Some(first) = self.present.first() {
            load.tcp = first.tcp();
        }
        load
    }
}
