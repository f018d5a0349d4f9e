//! Opening: a protected record in, its content type and content out, in place or straight to where the content belongs.

use rustls::ConnectionTrafficSecrets;

use super::{ContentType, HEADER, MAX_PLAINTEXT, RecordError, TAG, key::RecordKey};

/// The opening end of one direction, until the keys change.
#[derive(Debug)]
pub(super) struct Opener {
    key: RecordKey,
}

impl Opener {
    pub(super) fn new(secrets: (u64, ConnectionTrafficSecrets)) -> Result<Self, RecordError> {
        RecordKey::new(secrets).map(Self::with)
    }

    pub(super) fn with(key: RecordKey) -> Self {
        Self { key }
    }

    /// Opens the record where it stands: its type, and how many bytes at the front of `body` are its content.
    pub(super) fn open(&mut self, header: [u8; HEADER], body: &mut [u8]) -> Result<(ContentType, usize), RecordError> {
        let len = body.len();
        let (content, tag) = body.split_last_chunk_mut::<TAG>().ok_or(RecordError::TooShort(len))?;
        self.key.open(header, content, tag)?;
        unpadded(content)
    }

    /// Opens the record to the front of `to`, which must have room for `body` without its tag; as [`Self::open`].
    pub(super) fn open_into(
        &mut self,
        header: [u8; HEADER],
        body: &[u8],
        to: &mut [u8],
    ) -> Result<(ContentType, usize), RecordError> {
        let (content, tag) = body.split_last_chunk::<TAG>().ok_or(RecordError::TooShort(body.len()))?;
        let to = to.get_mut(..content.len()).ok_or(RecordError::TooLong(body.len()))?;
        self.key.open_into(header, content, tag, to)?;
        unpadded(to)
    }
}

/// Finds the content type behind the content and before the padding, which is all zeros (RFC 8446 §5.4).
fn unpadded(inner: &[u8]) -> Result<(ContentType, usize), RecordError> {
    if inner.len() > MAX_PLAINTEXT + 1 {
        return Err(RecordError::TooLong(inner.len()));
    }
    let last = inner.iter().rposition(|byte| *byte != 0).ok_or(RecordError::NoType)?;
    let kind = inner.get(last).copied().unwrap_or_default();
    let kind = ContentType::from_byte(kind).ok_or(RecordError::UnknownType(kind))?;
    Ok((kind, last))
}
