//! What the two halves of a connection share: the key schedule, and what one half has to tell the other.
//!
//! In: what rustls hands over after a handshake. Out: the next keys of either direction. The reader tells the writer here
//! that the peer wants new keys or has to be sent an alert; neither waits for the other.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use rustls::{
    ConnectionTrafficSecrets, ExtractedSecrets, client::ClientConnectionData, kernel::KernelConnection,
    server::ServerConnectionData,
};

use super::{RecordError, error::alert::CLOSE_NOTIFY};

/// Session tickets kept of one connection; further ones are dropped. Our servers send two.
const TICKETS: u8 = 16;

/// rustls after the handshake: it derives the next keys, and at a client keeps tickets.
pub(crate) enum Kernel {
    Client(KernelConnection<ClientConnectionData>),
    Server(KernelConnection<ServerConnectionData>),
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Client",
            Self::Server(_) => "Server",
        })
    }
}

/// All that a finished handshake leaves for the records behind it.
pub(crate) struct Established {
    pub(crate) kernel: Kernel,
    pub(crate) secrets: ExtractedSecrets,
    /// Bytes that came behind the handshake in the same read.
    pub(crate) early: Vec<u8>,
}

impl std::fmt::Debug for Established {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Established").field("kernel", &self.kernel).finish_non_exhaustive()
    }
}

/// Shared by a [`super::RecordReader`] and a [`super::RecordWriter`].
#[derive(Debug)]
pub(crate) struct Session {
    schedule: Mutex<Schedule>,
    /// The peer asked for new keys of ours.
    asked: AtomicBool,
    /// The alert that the peer has to be sent; [`CLOSE_NOTIFY`], which is nobody's fault, for none.
    alert: AtomicU8,
}

#[derive(Debug)]
struct Schedule {
    kernel: Kernel,
    tickets: u8,
}

impl Session {
    pub(super) fn new(kernel: Kernel) -> Self {
        let schedule = Mutex::new(Schedule { kernel, tickets: 0 });
        Self { schedule, asked: AtomicBool::new(false), alert: AtomicU8::new(CLOSE_NOTIFY) }
    }

    /// The next key of what we send.
    pub(super) fn next_sealing(&self) -> Result<(u64, ConnectionTrafficSecrets), RecordError> {
        match &mut self.lock().kernel {
            Kernel::Client(kernel) => kernel.update_tx_secret(),
            Kernel::Server(kernel) => kernel.update_tx_secret(),
        }
        .map_err(|_| RecordError::Cipher)
    }

    /// The next key of what the peer sends.
    pub(super) fn next_opening(&self) -> Result<(u64, ConnectionTrafficSecrets), RecordError> {
        match &mut self.lock().kernel {
            Kernel::Client(kernel) => kernel.update_rx_secret(),
            Kernel::Server(kernel) => kernel.update_rx_secret(),
        }
        .map_err(|_| RecordError::Cipher)
    }

    /// Keeps a ticket for the next call; at a server none may come.
    pub(super) fn keep_ticket(&self, ticket: &[u8]) -> Result<(), RecordError> {
        let mut schedule = self.lock();
        if schedule.tickets >= TICKETS {
            return Ok(());
        }
        schedule.tickets += 1;
        match &mut schedule.kernel {
            Kernel::Client(kernel) => kernel.handle_new_session_ticket(ticket).map_err(|_| RecordError::Ticket),
            Kernel::Server(_) => Err(RecordError::Handshake(4)),
        }
    }

    pub(super) fn ask_for_keys(&self) {
        self.asked.store(true, Ordering::Release);
    }

    /// Whether the peer asked for new keys of ours since this was last called. Asking often is asking once.
    pub(super) fn keys_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && self.asked.swap(false, Ordering::Acquire)
    }

    /// Leaves an alert for the writer to send.
    pub(super) fn leave_alert(&self, fault: &RecordError) {
        if let Some(alert) = fault.alert() {
            self.alert.store(alert, Ordering::Release);
        }
    }

    /// The alert that was left, once.
    pub(super) fn take_alert(&self) -> Option<u8> {
        if self.alert.load(Ordering::Relaxed) == CLOSE_NOTIFY {
            return None;
        }
        Some(self.alert.swap(CLOSE_NOTIFY, Ordering::Acquire)).filter(|alert| *alert != CLOSE_NOTIFY)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
