//! Sealing: content in, the header and tail of its record out; the content itself becomes ciphertext where it stands.

use rustls::ConnectionTrafficSecrets;

use super::{ContentType, HEADER, MAX_PLAINTEXT, RecordError, TAIL, header, key::RecordKey};

/// The sealing end of one direction, until the keys change.
#[derive(Debug)]
pub(super) struct Sealer {
    key: RecordKey,
    /// Records sealed with this key.
    pub(super) records: u64,
    /// Bytes of content sealed with this key.
    pub(super) bytes: u64,
}

impl Sealer {
    pub(super) fn new(secrets: (u64, ConnectionTrafficSecrets)) -> Result<Self, RecordError> {
        RecordKey::new(secrets).map(Self::with)
    }

    pub(super) fn with(key: RecordKey) -> Self {
        let records = key.next_number().unwrap_or(u64::MAX); // what the handshake sealed with this key counts too
        Self { key, records, bytes: 0 }
    }

    /// Seals one record of up to [`MAX_PLAINTEXT`] bytes, without padding.
    pub(super) fn seal(
        &mut self,
        kind: ContentType,
        content: &mut [u8],
    ) -> Result<([u8; HEADER], [u8; TAIL]), RecordError> {
        if content.len() > MAX_PLAINTEXT {
            return Err(RecordError::TooLong(content.len()));
        }
        let header = header(content.len() + TAIL)?;
        let mut tail = [0; TAIL];
        self.key.seal(header, content, kind.byte(), &mut tail)?;
        self.records = self.records.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX));
        Ok((header, tail))
    }
}
