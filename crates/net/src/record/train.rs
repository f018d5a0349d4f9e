//! Trains: records laid out for one system call around data that stays where it is.
//!
//! In: headers, tails and lengths, in the order of the wire. Out: pieces for a vectored write, from any position on. Between two
//! pieces of data stands one of glue: the tail of the record before, whatever goes in between, the header of the next.

use std::io::IoSlice;

/// Pieces in one system call, at most: a whole block has 131; the system takes 1024.
const PIECES: usize = 256;

/// A layout of glue around data. Without glue it is the data itself.
#[derive(Debug, Default)]
pub(crate) struct Train {
    glue: Vec<u8>,
    cars: Vec<Car>,
}

/// Where a piece of glue and the data behind it end.
#[derive(Debug, Clone, Copy)]
struct Car {
    glue: usize,
    data: usize,
}

impl Train {
    /// Bytes on the wire.
    pub(crate) fn len(&self) -> usize {
        self.glue.len() + self.data_end()
    }

    /// Puts `bytes` next.
    pub(crate) fn glue(&mut self, bytes: &[u8]) {
        self.glue.extend_from_slice(bytes);
    }

    /// Puts the next `len` bytes of the data next.
    pub(crate) fn data(&mut self, len: usize) {
        let data = self.data_end() + len;
        self.cars.push(Car { glue: self.glue.len(), data });
    }

    fn data_end(&self) -> usize {
        self.cars.last().map_or(0, |car| car.data)
    }

    /// Adds the pieces of this train over `data` to `to`, without their first `skip` bytes.
    pub(crate) fn load<'a>(&'a self, data: &'a [u8], mut skip: usize, to: &mut Pieces<'a>) {
        let (mut glued, mut passed) = (0, 0);
        for car in &self.cars {
            to.add(self.glue.get(glued..car.glue), &mut skip);
            to.add(data.get(passed..car.data), &mut skip);
            (glued, passed) = (car.glue, car.data);
        }
        to.add(self.glue.get(glued..), &mut skip);
    }
}

/// Pieces for one vectored write; what does not fit goes with the next.
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    slices: [IoSlice<'a>; PIECES],
    len: usize,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new() -> Self {
        Self { slices: [IoSlice::new(&[]); PIECES], len: 0 }
    }

    pub(crate) fn as_slices(&self) -> &[IoSlice<'a>] {
        self.slices.get(..self.len).unwrap_or_default()
    }

    fn add(&mut self, piece: Option<&'a [u8]>, skip: &mut usize) {
        let piece = piece.unwrap_or_default();
        let (_, rest) = piece.split_at((*skip).min(piece.len()));
        *skip -= piece.len() - rest.len();
        if let (false, Some(place)) = (rest.is_empty(), self.slices.get_mut(self.len)) {
            *place = IoSlice::new(rest);
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(train: &Train, data: &[u8], skip: usize) -> Vec<u8> {
        let mut pieces = Pieces::new();
        train.load(data, skip, &mut pieces);
        pieces.as_slices().iter().flat_map(|piece| piece.iter().copied()).collect()
    }

    #[test]
    fn glue_and_data_go_in_turn_from_any_position_on() {
        let mut train = Train::default();
        train.glue(b"<");
        train.data(3);
        train.glue(b">");
        train.glue(b"<");
        train.data(2);
        train.glue(b">!");
        let whole = b"<abc><de>!";
        assert_eq!(train.len(), whole.len());
        for skip in 0..=whole.len() {
            assert_eq!(sent(&train, b"abcde", skip), &whole[skip..]);
        }
    }

    #[test]
    fn without_glue_it_is_the_data_and_without_data_the_glue() {
        let mut bare = Train::default();
        bare.data(3);
        assert_eq!(sent(&bare, b"abc", 1), b"bc");
        let mut glue = Train::default();
        glue.glue(b"alert");
        assert_eq!(sent(&glue, b"", 0), b"alert");
        assert_eq!(sent(&Train::default(), b"", 0), b"");
    }

    #[test]
    fn pieces_beyond_one_call_wait_for_the_next() {
        let mut train = Train::default();
        let data = [7; 1000];
        for _ in 0..data.len() {
            train.glue(b".");
            train.data(1);
        }
        let mut got = Vec::new();
        while got.len() < train.len() {
            let part = sent(&train, &data, got.len());
            assert_eq!(part.len(), PIECES.min(train.len() - got.len()));
            got.extend(part);
        }
        assert_eq!(got, [b'.', 7].repeat(data.len()));
    }
}
