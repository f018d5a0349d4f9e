//! A buffer that is filled from the front and used again.
//!
//! In: bytes as they arrive. Out: a vector with exactly them. What was initialised once stays so, also from one use to the
//! next, because clearing a megabyte for each megabyte that comes costs as much as copying it.

/// Filled up to a mark; what is behind the mark is left over from earlier use and never shown.
#[derive(Debug, Default)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    filled: usize,
}

impl Body {
    /// A body in a used buffer, whatever it holds.
    pub(crate) fn reusing(bytes: Vec<u8>) -> Self {
        Self { bytes, filled: 0 }
    }

    /// Bytes filled so far.
    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Room for `len` more bytes. Grows by no more than what is there already or asked for, up to `most` bytes in all, so
    /// that memory follows what arrived and not what was announced.
    pub(crate) fn room(&mut self, len: usize, most: usize) -> &mut [u8] {
        let end = self.filled.saturating_add(len);
        if self.bytes.len() < end {
            let aim = self.bytes.len().saturating_mul(2).min(most).max(end);
            self.bytes.reserve_exact(aim - self.bytes.len());
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(self.filled..end).unwrap_or_default()
    }

    /// Whatever room there is up to `most` bytes in all, or `step` bytes where there is none.
    pub(crate) fn some_room(&mut self, step: usize, most: usize) -> &mut [u8] {
        let end = self.bytes.len().min(most);
        let len = if end > self.filled { end - self.filled } else { step.min(most.saturating_sub(self.filled)) };
        self.room(len, most)
    }

    /// Moves the mark behind `len` bytes that were put into [`Self::room`].
    pub(crate) fn advance(&mut self, len: usize) {
        self.filled = self.filled.saturating_add(len).min(self.bytes.len());
    }

    /// What was filled. The buffer stays initialised as far as it ever was.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.bytes.truncate(self.filled);
        self.filled = 0;
        std::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_earlier_use_is_shown() {
        let mut body = Body::reusing(vec![0xee; 100]);
        body.room(10, 50).copy_from_slice(&[1; 10]);
        body.advance(3);
        assert_eq!(body.take(), [1; 3]);
        assert!(body.take().is_empty());
    }

    #[test]
    fn it_grows_with_what_came_and_not_with_what_was_announced() {
        let mut body = Body::default();
        assert_eq!(body.room(10, 1 << 20).len(), 10);
        body.advance(10);
        assert!(body.capacity() < 1000);
        for _ in 0..100 {
            body.room(1000, 1 << 20).fill(1);
            body.advance(1000);
            assert!(body.capacity() <= 2 * body.len() + 1000, "{} of {}", body.capacity(), body.len());
        }
        assert_eq!(body.take().len(), 100_010);
    }
}
