//! Compression on the way: only where a sample says that it pays, and never more memory than a frame when inflating.
//!
//! Reading, hashing and compressing share a thread; the line has another. So it pays if the thread, with compression,
//! still outruns what the line then has to carry. Both rates are measured as the copy goes: on a fast line nothing is
//! compressed, on a slow one whatever shrinks. Source: RFC 8878; PROTOCOL.md §7.3.

use std::time::{Duration, Instant};

use zstd::bulk::{Compressor, Decompressor};

/// The fastest of zstd's usual levels.
const LEVEL: i32 = 1;
/// Bytes of a sample.
const SAMPLE: usize = 128 << 10;
/// Pieces for which a judgement holds.
const JUDGED_FOR: u32 = 16;
/// What a gain must be for the trouble.
const WORTH: f64 = 1.15;

/// When groups are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// Where a sample says that it pays.
    #[default]
    Auto,
    /// Always, unless it makes a piece longer.
    Always,
    /// Never.
    Never,
}

/// Seconds a byte: what the thread and the line take now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Costs {
    /// Reading and hashing.
    pub(super) work: f64,
    /// The line.
    pub(super) line: f64,
}

/// Compresses pieces for one stream.
pub(super) struct Press {
    when: When,
    compressor: Option<Compressor<'static>>,
    /// Pieces until the next judgement.
    left: u32,
    on: bool,
    scratch: Vec<u8>,
}

impl Press {
    pub(super) fn new(when: When) -> Self {
        Self { when, compressor: None, left: 0, on: false, scratch: Vec::new() }
    }

    /// Whether the next piece, which begins with `sample`, shall be compressed.
    pub(super) fn pays(&mut self, sample: &[u8], costs: Option<Costs>) -> bool {
        match (self.when, costs) {
            (When::Never, _) | (When::Auto, None) => false,
            (When::Always, _) => true,
            (When::Auto, Some(costs)) => {
                if self.left == 0 {
                    (self.left, self.on) = (JUDGED_FOR, self.judge(sample, costs));
                }
                self.left -= 1;
                self.on
            }
        }
    }

    fn judge(&mut self, sample: &[u8], costs: Costs) -> bool {
        // A line that is faster than the thread can't be relieved; so nothing is tried on it.
        if costs.line < costs.work {
            return false;
        }
        let sample = sample.get(..SAMPLE).unwrap_or(sample);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(SAMPLE, 0);
        let began = Instant::now();
        let pressed = self.press(sample, &mut scratch);
        let judged = pressed
            .is_some_and(|len| gain(costs, ratio(len, sample.len()), each(began.elapsed(), sample.len())) > WORTH);
        self.scratch = scratch;
        judged
    }

    /// Compresses `bytes` into `room`; how many bytes that took, none if it did not become shorter.
    pub(super) fn press(&mut self, bytes: &[u8], room: &mut [u8]) -> Option<usize> {
        if self.compressor.is_none() {
            self.compressor = Compressor::new(LEVEL).ok();
        }
        let most = bytes.len().saturating_sub(bytes.len() / 16);
        let room = room.get_mut(..most)?;
        self.compressor.as_mut()?.compress_to_buffer(bytes, room).ok()
    }
}

fn ratio(pressed: usize, whole: usize) -> f64 {
    pressed as f64 / whole.max(1) as f64
}

fn each(took: Duration, bytes: usize) -> f64 {
    took.as_secs_f64() / bytes.max(1) as f64
}

/// How many times faster the stream becomes: the slower of thread and line decides, before and after.
fn gain(costs: Costs, ratio: f64, press: f64) -> f64 {
    costs.work.max(costs.line) / (costs.work + press).max(costs.line * ratio)
}

/// Inflates pieces that a peer sent.
pub(super) struct Inflate {
    decompressor: Option<Decompressor<'static>>,
    room: Vec<u8>,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self { decompressor: None, room: Vec::new() }
    }

    /// The `len` bytes that `pressed` stands for; `None` if it stands for more, or for none. `most`: what `len` may be.
    pub(super) fn inflate(&mut self, pressed: &[u8], len: usize, most: usize) -> Option<&[u8]> {
        if len > most {
            return None;
        }
        if self.decompressor.is_none() {
            self.decompressor = Decompressor::new().ok();
        }
        self.room.resize(len, 0);
        let written = self.decompressor.as_mut()?.decompress_to_buffer(pressed, self.room.as_mut_slice()).ok()?;
        self.room.get(..len).filter(|_| written == len)
    }
}

/// `bytes` compressed, if that makes them shorter: a way in for the fuzz targets.
#[doc(hidden)]
#[must_use]
pub fn pressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut room = vec![0; bytes.len()];
    let len = Press::new(When::Always).press(bytes, &mut room)?;
    room.truncate(len);
    Some(room)
}

/// The `len` bytes that `pressed` stands for, of `most` that may be: a way in for the fuzz targets.
#[doc(hidden)]
#[must_use]
pub fn inflated(pressed: &[u8], len: usize, most: usize) -> Option<Vec<u8>> {
    Inflate::new().inflate(pressed, len, most).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pressed_is_inflated_and_never_to_more_than_was_said() {
        let (bytes, mut room) = (vec![7; 100_000], vec![0; 100_000]);
        let len = Press::new(When::Always).press(&bytes, &mut room).unwrap();
        let (pressed, mut inflate) = (room.get(..len).unwrap(), Inflate::new());
        assert_eq!(inflate.inflate(pressed, 100_000, 1 << 20), Some(bytes.as_slice()));
        assert_eq!(inflate.inflate(pressed, 99_999, 1 << 20), None, "more than was said");
        assert_eq!(inflate.inflate(pressed, 100_001, 1 << 20), None, "less than was said");
        assert_eq!(inflate.inflate(pressed, 100_000, 50_000), None, "more than is allowed");
        assert_eq!(inflate.inflate(b"no zstd at all", 10, 1 << 20), None);
    }

    #[test]
    fn what_does_not_shrink_is_sent_as_it_is() {
        let mut noise = vec![0; 100_000];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        assert_eq!(Press::new(When::Always).press(&noise, &mut vec![0; 200_000]), None);
    }

    #[test]
    fn it_pays_on_a_slow_line_and_not_on_a_fast_one() {
        let work = 1e-9; // a gigabyte a second
        let press = 2e-9;
        assert!(gain(Costs { work, line: 1e-7 }, 0.5, press) > 1.9, "10 MB/s: twice as fast");
        assert!(gain(Costs { work, line: 0.8e-9 }, 0.5, press) < 1.0, "faster than the thread: slower");
        assert!(gain(Costs { work, line: 1e-7 }, 0.98, press) < WORTH, "nothing shrinks");
        let text = vec![b'a'; SAMPLE];
        let mut press = Press::new(When::Auto);
        assert!(!press.pays(&text, None), "nothing is known of the line yet");
        assert!(press.pays(&text, Some(Costs { work, line: 1e-5 })));
        assert!(!Press::new(When::Auto).pays(&text, Some(Costs { work: 1e-5, line: work })));
        assert!(!Press::new(When::Never).pays(&text, Some(Costs { work, line: 1e-5 })));
    }
}
