use proptest::prelude::*;

use super::*;
use crate::files::records::say::Numbers;

fn every_put() -> Vec<Put<'static>> {
    let entry = Entry {
        size: Some(6),
        mode: 0o644,
        mtime: (-1, 999_999_999),
        sparse: true,
        linked: true,
        mark: Some([7; 16]),
        hash: Some([8; 32]),
        attributes: vec![(b"user.a".to_vec(), b"1".to_vec())],
    };
    vec![
        Put::Dir { path: b"docs" },
        Put::DirEnd { mode: 0o755, mtime: (1_700_000_000, 0) },
        Put::File { path: b"a", entry },
        Put::File { path: b"", entry: Entry::default() },
        Put::Link { path: b"l", target: b"../a", mtime: (0, 0) },
        Put::HardLink { path: b"h", first: 3 },
        Put::Whole { number: 1, hash: [9; 32], bytes: b"content" },
        Put::Hole { number: 1, first: 2, count: 3 },
        Put::End { number: 1, size: 6, hash: [1; 32] },
        Put::Group { number: 1, index: 2, inflated: None },
        Put::Group { number: 1, index: 2, inflated: Some(1 << 20) },
    ]
}

fn every_say() -> Vec<Say> {
    let numbers = Numbers { from: 5, count: 2 };
    vec![
        Say::Same(numbers),
        Say::Want(numbers),
        Say::Kept(numbers),
        Say::Lost(numbers),
        Say::Rest { number: 4, runs: vec![(0, 3), (5, 6)], tagged: true },
        Say::Tags { number: 4, first: 0, tags: vec![[1; 8], [2; 8]] },
    ]
}

#[test]
fn what_was_written_is_read_again() {
    let mut frame = Vec::new();
    every_put().iter().for_each(|record| record.write(&mut frame));
    let mut rest = frame.as_slice();
    for record in every_put() {
        assert_eq!(Put::take(&mut rest), Ok(Some(record)));
    }
    assert_eq!(Put::take(&mut rest), Ok(None));
    let mut frame = Vec::new();
    every_say().iter().for_each(|record| record.write(&mut frame));
    let mut rest = frame.as_slice();
    for record in every_say() {
        assert_eq!(Say::take(&mut rest), Ok(Some(record)));
    }
    assert_eq!(Say::take(&mut rest), Ok(None));
}

#[test]
fn a_record_that_was_cut_short_is_refused_wherever_the_cut_is() {
    for record in every_put() {
        let mut frame = Vec::new();
        record.write(&mut frame);
        for cut in 1..frame.len() {
            let taken = Put::take(&mut frame.get(..cut).unwrap());
            assert_ne!(taken, Ok(Some(record.clone())), "{record:?} at {cut}");
        }
    }
    for record in every_say() {
        let mut frame = Vec::new();
        record.write(&mut frame);
        for cut in 1..frame.len() {
            assert_eq!(Say::take(&mut frame.get(..cut).unwrap()), Err(RecordError::Short), "{record:?} at {cut}");
        }
    }
}

#[test]
fn the_head_of_a_whole_file_is_that_of_its_record() {
    let mut frame = Vec::new();
    Put::Whole { number: 3, hash: [5; 32], bytes: b"abc" }.write(&mut frame);
    assert_eq!(frame.get(..WHOLE_HEAD), Some(put::whole_head(3, &[5; 32], 3).as_slice()));
}

#[test]
fn more_than_may_be_is_refused_before_it_comes() {
    let refused = |bytes: &[&[u8]]| Put::take(&mut bytes.concat().as_slice()).err();
    let attributes = u8::try_from(MAX_ATTRIBUTES).unwrap();
    let file: [&[u8]; 3] = [&[0x03, 16], &[0; 22], &[0, 0]];
    let [a, b, c] = file;
    assert_eq!(refused(&[a, b, c, &[attributes + 1]]), Some(RecordError::Field("number of attributes")));
    assert_eq!(refused(&[a, b, c, &[attributes]]), Some(RecordError::Short));
    let len = |len: usize| u32::try_from(len).unwrap().to_be_bytes();
    assert_eq!(refused(&[&[0x06], &[0; 40], &len(WHOLE + 1)]), Some(RecordError::Field("length")));
    assert_eq!(refused(&[&[0x06], &[0; 40], &len(WHOLE)]), Some(RecordError::Short));
    let refused = |bytes: &[&[u8]]| Say::take(&mut bytes.concat().as_slice()).err();
    let count = |count: usize| u16::try_from(count).unwrap().to_be_bytes();
    assert_eq!(refused(&[&[0x23], &[0; 9], &count(MAX_RUNS + 1)]), Some(RecordError::Field("number of runs")));
    assert_eq!(refused(&[&[0x23], &[0; 9], &count(MAX_RUNS)]), Some(RecordError::Short));
    assert_eq!(refused(&[&[0x24], &[0; 16], &count(MAX_TAGS + 1)]), Some(RecordError::Field("number of tags")));
    assert_eq!(refused(&[&[0x24], &[0; 16], &count(MAX_TAGS)]), Some(RecordError::Short));
}

#[test]
fn what_is_unknown_is_refused_and_nothing_of_it_is_taken() {
    for kind in (0..=u8::MAX).filter(|kind| !(0x01..=0x0b).contains(kind)) {
        let frame = [kind, 0, 0, 0];
        let mut rest = frame.as_slice();
        assert_eq!((Put::take(&mut rest), rest), (Err(RecordError::Unknown(kind)), frame.as_slice()));
    }
    for kind in (0..=u8::MAX).filter(|kind| !(0x21..=0x26).contains(kind)) {
        assert_eq!(Say::take(&mut [kind, 0].as_slice()), Err(RecordError::Unknown(kind)));
    }
    for flags in (0..=u8::MAX).filter(|flags| flags & 0b1100_0000 != 0) {
        let frame = [&[0x03, flags][..], &[0; 24]].concat();
        assert_eq!(Put::take(&mut frame.as_slice()), Err(RecordError::Field("flags")), "{flags}");
    }
}

#[test]
fn runs_that_are_not_sorted_and_disjoint_are_refused() {
    for runs in [vec![(5, 6), (0, 3)], vec![(0, 3), (2, 6)], vec![(3, 3)], vec![(3, 2)], vec![(0, u64::MAX), (1, 2)]] {
        let mut frame = Vec::new();
        Say::Rest { number: 0, runs, tagged: false }.write(&mut frame);
        assert_eq!(Say::take(&mut frame.as_slice()), Err(RecordError::Field("runs")));
    }
}

#[test]
fn numbers_that_follow_each_other_are_said_at_once() {
    let mut numbers = Numbers::one(7);
    assert!(numbers.grow(8) && numbers.grow(9) && !numbers.grow(11) && !numbers.grow(7));
    assert_eq!(numbers.each().collect::<Vec<_>>(), [7, 8, 9]);
    assert!(!Numbers::one(u64::MAX).grow(0));
}

proptest! {
    #[test]
    fn any_bytes_are_taken_apart_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut rest = bytes.as_slice();
        while let Ok(Some(_)) = Put::take(&mut rest) {}
        let mut rest = bytes.as_slice();
        while let Ok(Some(_)) = Say::take(&mut rest) {}
    }
}
