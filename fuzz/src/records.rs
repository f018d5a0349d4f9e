//! Targets of the records of a copy stream and of a comparison, and of what is compressed in them.

use std::fmt::Debug;

use landline_services::files::{
    copy::press::{inflated, pressed},
    records::{MAX_ATTRIBUTES, MAX_RUNS, MAX_TAGS, Put, RecordError, Say, WHOLE},
    verify::{Seen, What},
};

/// Bytes that inflating may come to in [`inflates`].
const MOST: usize = 64 << 10;

/// One frame of records. Invariants: taking ends; a record that is refused takes nothing and is refused in words of ours;
/// one that is taken, written again, is the same record, and then the same bytes, never more than came.
fn records<'a, T: Clone + PartialEq + Debug>(
    frame: &'a [u8],
    take: impl Fn(&mut &'a [u8]) -> Result<Option<T>, RecordError>,
    write: impl Fn(&T, &mut Vec<u8>),
    mut holds: impl FnMut(&T),
) {
    let mut rest = frame;
    loop {
        let before = rest;
        match take(&mut rest) {
            Ok(None) => {
                assert!(before.is_empty(), "an end before the end");
                return;
            }
            Ok(Some(record)) => {
                let used = before.len() - rest.len();
                let mut again = Vec::new();
                write(&record, &mut again);
                assert!(used > 0 && again.len() <= used, "{record:?}: {used} bytes came, {} are written", again.len());
                holds(&record);
            }
            Err(fault) => {
                assert_eq!(rest, before, "what is refused is not taken");
                let said = fault.to_string();
                assert!(said.is_ascii() && said.len() < 100, "{said}");
                return;
            }
        }
    }
}

/// What the sender of a copy stream says.
pub fn puts(data: &[u8]) {
    records(data, Put::take, Put::write, |record| {
        let mut again = Vec::new();
        record.write(&mut again);
        let taken = Put::take(&mut again.as_slice()).expect("what is written can be read").expect("it is a record");
        let mut third = Vec::new();
        taken.write(&mut third);
        assert_eq!(third, again, "one record, one way to write it");
        match record {
            Put::File { entry, .. } => assert!(entry.attributes.len() <= MAX_ATTRIBUTES),
            Put::Whole { bytes, .. } => assert!(bytes.len() <= WHOLE),
            _ => {}
        }
    });
}

/// What the receiver of a copy stream says. Invariant besides: runs are sorted, disjoint and not empty.
pub fn says(data: &[u8]) {
    records(data, Say::take, Say::write, |record| {
        let mut again = Vec::new();
        record.write(&mut again);
        assert_eq!(Say::take(&mut again.as_slice()).as_ref(), Ok(&Some(record.clone())));
        match record {
            Say::Rest { runs, .. } => {
                assert!(runs.len() <= MAX_RUNS && runs.iter().all(|(from, to)| from < to));
                assert!(runs.windows(2).all(|pair| matches!(pair, [(_, end), (next, _)] if end <= next)));
            }
            Say::Tags { tags, .. } => assert!(tags.len() <= MAX_TAGS),
            Say::Same(numbers) | Say::Want(numbers) | Say::Kept(numbers) | Say::Lost(numbers) => {
                assert!(numbers.each().take(3).all(|number| number >= numbers.from));
            }
        }
    });
}

/// What is told of a tree that is compared. Invariant besides: what can be in a tree has a path of a tree.
pub fn seens(data: &[u8]) {
    records(data, Seen::take, Seen::write, |seen| {
        let mut again = Vec::new();
        seen.write(&mut again);
        assert_eq!(Seen::take(&mut again.as_slice()).as_ref(), Ok(&Some(seen.clone())));
        if !matches!(seen.what, What::Unreadable { .. }) {
            assert!(landline_addr::path::SharePath::parse(&seen.path).is_ok());
        }
    });
}

/// Compressed bytes behind four bytes of length. Invariants: they come to exactly that length or to nothing, and never to
/// more than is allowed; what we compress comes back.
pub fn inflates(data: &[u8]) {
    let Some((len, rest)) = data.split_first_chunk() else { return };
    let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
    let got = inflated(rest, len, MOST);
    assert!(got.is_none_or(|got| got.len() == len && len <= MOST), "{len}");
    if let Some(short) = pressed(data) {
        assert!(short.len() < data.len());
        assert_eq!(inflated(&short, data.len(), data.len()).as_deref(), Some(data));
        assert_eq!(inflated(&short, data.len() - 1, data.len()), None, "more than was announced");
        assert_eq!(inflated(&short, data.len() + 1, MOST), None, "less than was announced");
    }
}
