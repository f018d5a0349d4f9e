//! A block of bulk data with room for its header in front.

use landline_wire::{FrameError, Header, Kind, Limits, limits::MAX_DATA};

/// Up to 1 MiB of data to be sent, made once and used again. Layout: `[header 4][payload]`. Over TLS it is encrypted where it
/// stands: once it was sent its payload is ciphertext, and has to be filled anew.
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
    len: usize,
    kind: Kind,
}

impl Block {
    /// Payload bytes that fit.
    pub const CAPACITY: usize = MAX_DATA;

    /// An empty block.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![0; Header::SIZE + MAX_DATA], len: 0, kind: Kind::Data }
    }

    /// All the room for payload; say with [`Self::set_len`] how much of it was filled.
    pub fn space(&mut self) -> &mut [u8] {
        self.bytes.get_mut(Header::SIZE..).unwrap_or_default()
    }

    /// Says how many bytes of [`Self::space`] hold payload; more than fits is cut to what fits.
    pub fn set_len(&mut self, len: usize) {
        self.len = len.min(MAX_DATA);
    }

    /// Says what the payload is: data, or binary records of the service.
    pub fn set_kind(&mut self, kind: Kind) {
        self.kind = kind;
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.bytes.get(Header::SIZE..Header::SIZE + self.len).unwrap_or_default()
    }

    /// The whole frame, its header written in place; to be protected where it stands.
    pub(crate) fn frame(&mut self) -> Result<&mut [u8], FrameError> {
        let header = Header::new(self.kind, self.len, &Limits::KNOWN)?;
        if let Some(place) = self.bytes.first_chunk_mut::<{ Header::SIZE }>() {
            *place = header.encode();
        }
        Ok(self.bytes.get_mut(..Header::SIZE + self.len).unwrap_or_default())
    }
}

impl Default for Block {
    fn default() -> Self {
        Self::new()
    }
}
