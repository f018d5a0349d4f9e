//! What is kept of a command's output: each stream up to the cap, so that whichever is sent can fill it.
//!
//! In: pieces of two streams as they come. Out: one message, no longer than the cap, which says what it lacks.

use super::Order;

/// Bytes of the longest line that [`dropped`] writes.
const DROPPED_BYTES: usize = 64;

/// Which stream a piece is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Stdout,
    Stderr,
}

#[derive(Debug)]
pub(super) struct Collected {
    order: Order,
    cap: usize,
    stdout: Kept,
    stderr: Kept,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Bytes that were dropped.
    beyond: u64,
}

impl Kept {
    fn put(&mut self, piece: &[u8], cap: usize) {
        let (kept, beyond) = piece.split_at(piece.len().min(cap.saturating_sub(self.bytes.len())));
        self.bytes.extend_from_slice(kept);
        self.beyond = self.beyond.saturating_add(count(beyond.len()));
    }
}

impl Collected {
    pub(super) fn new(order: Order, cap: usize) -> Self {
        Self { order, cap, stdout: Kept::default(), stderr: Kept::default() }
    }

    pub(super) fn put(&mut self, source: Source, piece: &[u8]) {
        match source {
            Source::Stdout => self.stdout.put(piece, self.cap),
            Source::Stderr => self.stderr.put(piece, self.cap),
        }
    }

    /// The message, `line` at its end.
    pub(super) fn into_message(self, line: &str) -> Vec<u8> {
        let Self { order, cap, stdout, stderr } = self;
        let (mut message, mut beyond) = match order {
            Order::StderrElseStdout if stderr.bytes.is_empty() => (stdout.bytes, stdout.beyond),
            Order::StderrElseStdout => (stderr.bytes, stderr.beyond),
            Order::StderrFirst | Order::Streamed => {
                ([stderr.bytes, stdout.bytes].concat(), stderr.beyond.saturating_add(stdout.beyond))
            }
        };
        if beyond > 0 || message.len().saturating_add(line.len()) > cap {
            let kept = message.len().min(cap.saturating_sub(DROPPED_BYTES).saturating_sub(line.len()));
            beyond = beyond.saturating_add(count(message.len() - kept));
            message.truncate(kept);
            message.extend_from_slice(dropped(beyond, message.last().is_none_or(|last| *last == b'\n')).as_bytes());
        }
        message.extend_from_slice(line.as_bytes());
        message.truncate(cap);
        message
    }
}

fn dropped(bytes: u64, at_line_start: bool) -> String {
    let start = if at_line_start { "" } else { "\n" };
    format!("{start}[landline: {bytes} more bytes were dropped]\n")
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(order: Order, cap: usize, line: &str) -> String {
        let mut collected = Collected::new(order, cap);
        collected.put(Source::Stdout, b"out\n");
        collected.put(Source::Stderr, b"err\n");
        String::from_utf8(collected.into_message(line)).unwrap()
    }

    #[test]
    fn the_order_is_that_of_the_tutorials() {
        assert_eq!(message(Order::StderrFirst, 100, ""), "err\nout\n");
        assert_eq!(message(Order::StderrElseStdout, 100, ""), "err\n");
        assert_eq!(message(Order::StderrFirst, 8, ""), "err\nout\n");
        assert_eq!(message(Order::StderrFirst, 100, "end"), "err\nout\nend");
        let mut quiet = Collected::new(Order::StderrElseStdout, 100);
        quiet.put(Source::Stdout, b"out\n");
        assert_eq!(quiet.into_message(""), b"out\n");
    }

    #[test]
    fn the_longest_line_fits_in_the_room_that_is_left_for_it() {
        assert!(dropped(u64::MAX, false).len() <= DROPPED_BYTES);
    }

    proptest! {
        #[test]
        fn no_message_passes_the_cap_and_nothing_is_lost_unsaid(
            pieces in proptest::collection::vec((any::<bool>(), 0..300usize), 0..9), cap in 64..600usize
        ) {
            let mut collected = Collected::new(Order::StderrFirst, cap);
            let mut total = 0;
            for (is_stderr, len) in pieces {
                collected.put(if is_stderr { Source::Stderr } else { Source::Stdout }, &vec![b'x'; len]);
                total += len;
            }
            let message = String::from_utf8(collected.into_message("")).unwrap();
            prop_assert!(message.len() <= cap);
            let kept = message.bytes().take_while(|byte| *byte == b'x').count();
            if kept < total {
                let line = format!("[landline: {} more bytes were dropped]\n", total - kept);
                prop_assert!(message.ends_with(&line), "{}", message);
            } else {
                prop_assert_eq!(message.len(), total);
            }
        }
    }
}
