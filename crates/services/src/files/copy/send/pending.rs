//! Files that were sent whole and whose fate the receiver has not told yet; shared by the disk thread and the line.

use std::{
    collections::BTreeMap,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use landline_wire::Fault;
use tokio_util::sync::CancellationToken;

use crate::files::{
    records::Numbers,
    watch::{Outcome, Watch},
};

/// Files whose fate may be untold; an honest receiver tells it every thousand files.
const MAX_PENDING: usize = 1 << 16;

/// How often a thread that waits for fates looks whether the line is still there.
const LOOK: Duration = Duration::from_millis(100);

/// A file that was sent whole.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) path: Vec<u8>,
    pub(super) size: u64,
    /// None for what has no content of its own: a link, another name.
    pub(super) hash: Option<blake3::Hash>,
}

/// What disk thread and line share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    sent: Mutex<BTreeMap<u64, Sent>>,
    /// Rung when a fate was told.
    told: Condvar,
    /// Bytes of verdicts that wait for the disk thread.
    pub(super) news: AtomicUsize,
    /// Nanoseconds that the line took for blocks, and bytes of them.
    pub(super) line_nanos: AtomicU64,
    pub(super) line_bytes: AtomicU64,
    /// The only entry of the stream is a file that may turn out to be named by the directory it goes into.
    pub(super) may_be_in_the_way: AtomicBool,
    /// It did: nothing was sent, and nothing is told of it.
    pub(super) in_the_way: AtomicBool,
    /// Whether everything was sent: only then may the receiver be done.
    pub(super) finishing: AtomicBool,
    /// The line is gone, or ours was ended: the thread stops at once, whatever it walks through.
    pub(super) gone: CancellationToken,
}

/// The line is gone; the disk thread stops.
#[derive(Debug)]
pub(super) struct LineGone;

impl Shared {
    fn sent(&self) -> MutexGuard<'_, BTreeMap<u64, Sent>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file is through: from now on its fate is the receiver's to tell. A receiver that takes files without telling
    /// their fate has no claim on our memory: it is waited for.
    ///
    /// # Errors
    /// [`LineGone`] if the line goes meanwhile.
    pub(super) fn through(&self, number: u64, file: Sent) -> Result<(), LineGone> {
        let mut sent = self.sent();
        while sent.len() >= MAX_PENDING {
            if self.gone.is_cancelled() {
                return Err(LineGone);
            }
            sent = self.told.wait_timeout(sent, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        sent.insert(number, file);
        Ok(())
    }

    /// The receiver has kept these.
    pub(super) fn kept(&self, numbers: Numbers, watch: &Watch) {
        let end = numbers.from.saturating_add(u64::from(numbers.count));
        loop {
            // One at a time: what becomes of them is told without the lock.
            let next = {
                let mut sent = self.sent();
                let number = sent.range(numbers.from..end).next().map(|(number, _)| *number);
                number.and_then(|number| sent.remove(&number))
            };
            let Some(Sent { path, size, hash }) = next else {
                self.told.notify_one();
                return;
            };
            let hash = hash.map(|hash| hash.to_hex().to_string());
            watch.came_to(Outcome::Kept { path, size, hash });
        }
    }

    /// The receiver has not kept this one. `false` if it was not sent whole: the disk thread knows more of it.
    pub(super) fn failed(&self, number: u64, fault: &Fault, watch: &Watch) -> bool {
        let Some(Sent { path, .. }) = self.sent().remove(&number) else { return false };
        watch.came_to(Outcome::Failed { path, fault: fault.clone() });
        true
    }

    /// Whether this refusal says that a directory is where the only file of the stream was to be, and that was asked for.
    pub(super) fn is_in_the_way(&self, number: u64, fault: &Fault) -> bool {
        let found = number == 0
            && fault.code == landline_wire::ErrorCode::WrongKind
            && self.may_be_in_the_way.swap(false, Ordering::AcqRel);
        self.in_the_way.fetch_or(found, Ordering::AcqRel);
        found
    }

    /// The line was cut: of what was sent whole nobody knows what became.
    pub(super) fn left_open(&self, watch: &Watch) {
        for (_, Sent { path, size, hash }) in std::mem::take(&mut *self.sent()) {
            watch.left_open(path, size, hash.map(|hash| hash.to_hex().to_string()));
        }
    }

    /// Whatever the receiver told no fate of although it is done: a breach, but nothing may vanish from the account.
    pub(super) fn untold(&self, watch: &Watch) {
        let fault = Fault::new(landline_wire::ErrorCode::Internal, "the other machine never said what became of it");
        for (_, Sent { path, .. }) in std::mem::take(&mut *self.sent()) {
            watch.came_to(Outcome::Failed { path, fault: fault.clone() });
        }
    }
}
