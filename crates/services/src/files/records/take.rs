//! Taking a record apart.

/// Why bytes are not a record. It ends the call: nobody knows where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It ends before its fields do.
    #[error("a record ends before its fields do")]
    Short,
    /// No record of this version.
    #[error("record of unknown kind {0:#04x}")]
    Unknown(u8),
    /// A field holds what it may not.
    #[error("a record's {0} can't be that")]
    Field(&'static str),
}

/// What is left of a frame.
pub(in crate::files) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    pub(in crate::files) fn new(frame: &'a [u8]) -> Self {
        Self(frame)
    }

    /// What was not taken.
    pub(in crate::files) fn left(&self) -> &'a [u8] {
        self.0
    }

    pub(in crate::files) fn bytes(&mut self, len: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(RecordError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(in crate::files) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(RecordError::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(in crate::files) fn u8(&mut self) -> Result<u8, RecordError> {
        self.array().map(|[byte]| byte)
    }

    pub(in crate::files) fn u16(&mut self) -> Result<u16, RecordError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(in crate::files) fn u32(&mut self) -> Result<u32, RecordError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(in crate::files) fn u64(&mut self) -> Result<u64, RecordError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(in crate::files) fn mtime(&mut self) -> Result<(i64, u32), RecordError> {
        Ok((self.array().map(i64::from_be_bytes)?, self.u32()?))
    }

    pub(in crate::files) fn text(&mut self) -> Result<&'a [u8], RecordError> {
        let len = self.u16()?;
        self.bytes(usize::from(len))
    }
}
