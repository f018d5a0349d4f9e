//! The sending end: data in, a [`Train`] of records out, with new keys before the old are worn out.
//!
//! Has no socket: who holds the train sends it, whole and in order, because each record has its number.

use std::sync::Arc;

use super::{ContentType, MAX_PLAINTEXT, RecordError, Session, Train, error::alert::CLOSE_NOTIFY, post, seal::Sealer};

/// How much one key protects before it is changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation {
    /// Records.
    pub(crate) records: u64,
    /// Bytes of content.
    pub(crate) bytes: u64,
}

impl Default for Rotation {
    /// AES-GCM may protect 2^24.5 full records with one key (RFC 8446 §5.5); a third of it leaves room for what a
    /// later analysis finds, and comes once in 128 GiB. The bytes say the same where records are full.
    fn default() -> Self {
        Self { records: 1 << 23, bytes: 1 << 37 }
    }
}

/// Seals what one side says; see [`super`].
#[derive(Debug)]
pub(crate) struct RecordWriter {
    sealer: Sealer,
    session: Arc<Session>,
    rotation: Rotation,
}

impl RecordWriter {
    pub(super) fn new(sealer: Sealer, session: Arc<Session>, rotation: Rotation) -> Self {
        Self { sealer, session, rotation }
    }

    /// Protects `data` where it stands: afterwards it is ciphertext, and `train` says what goes around it.
    pub(crate) fn seal(&mut self, data: &mut [u8], train: &mut Train) -> Result<(), RecordError> {
        for content in data.chunks_mut(MAX_PLAINTEXT) {
            if self.is_worn() || self.session.keys_asked() {
                self.rotate(train)?;
            }
            let (header, tail) = self.sealer.seal(ContentType::ApplicationData, content)?;
            train.glue(&header);
            train.data(content.len());
            train.glue(&tail);
        }
        Ok(())
    }

    /// Puts the mark of a clean end next; nothing may follow it.
    pub(crate) fn close(&mut self, train: &mut Train) -> Result<(), RecordError> {
        self.control(ContentType::Alert, &mut [1, CLOSE_NOTIFY], train)
    }

    /// Puts the alert next that the reader left, if it did: whether there was one. Nothing may follow it.
    pub(crate) fn left_alert(&mut self, train: &mut Train) -> Result<bool, RecordError> {
        match self.session.take_alert() {
            Some(alert) => self.control(ContentType::Alert, &mut [2, alert], train).map(|()| true),
            None => Ok(false),
        }
    }

    fn is_worn(&self) -> bool {
        self.sealer.records >= self.rotation.records || self.sealer.bytes >= self.rotation.bytes
    }

    /// Tells the peer under the old key, and takes the next.
    fn rotate(&mut self, train: &mut Train) -> Result<(), RecordError> {
        self.control(ContentType::Handshake, &mut post::key_update(), train)?;
        self.sealer = Sealer::new(self.session.next_sealing()?)?;
        Ok(())
    }

    fn control(&mut self, kind: ContentType, content: &mut [u8], train: &mut Train) -> Result<(), RecordError> {
        let (header, tail) = self.sealer.seal(kind, content)?;
        train.glue(&header);
        train.glue(content);
        train.glue(&tail);
        Ok(())
    }
}
