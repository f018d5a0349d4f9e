//! What a receiver told, taken apart and judged.

use std::collections::BTreeMap;

use bytes::BytesMut;
use landline_services::files::{
    msg::Ack,
    records::{Numbers, Say},
};
use landline_wire::{ErrorCode, Kind, Limits, decode, split_frame};

use super::script::Script;

/// Numbers beyond that are never told by [`super::script`]: a run of more is a fault.
const MOST_ENTRIES: u32 = 10_000;

/// What was said of one entry.
#[derive(Debug, Default, PartialEq)]
struct Word {
    verdicts: usize,
    wanted: bool,
    fates: usize,
    failures: usize,
}

/// Fails unless the answer to `script` is whole and makes sense. `ended_well`: the service has nothing to complain of to its
/// caller, who would say it to the sender.
pub(super) fn assert_sound(said: &[u8], script: &Script, ended_well: bool) {
    let mut inbox = BytesMut::from(said);
    let mut words: BTreeMap<u64, Word> = BTreeMap::new();
    let mut end = None;
    while end.is_none() {
        let frame = split_frame(&mut inbox, &Limits::KNOWN).expect("the service writes frames");
        let Some(frame) = frame else { break };
        match frame.kind {
            Kind::Records => records(&frame.body, &mut words),
            Kind::Message => match decode::<Ack>(&frame.body).expect("the service says what a receiver says") {
                Ack::Failed { file, .. } => words.entry(file).or_default().failures += 1,
                Ack::DirFailed { .. } | Ack::Tree { .. } | Ack::Working { .. } => {}
                end_of_all @ (Ack::Done { .. } | Ack::Error(_)) => end = Some(end_of_all),
            },
            kind => panic!("a receiver never sends {kind:?}"),
        }
    }
    for (number, word) in &words {
        let sound = word.verdicts <= 1 && word.fates + word.failures <= 1;
        assert!(sound, "entry {number}: {word:?}");
    }
    match end {
        Some(Ack::Done { files, failed, .. }) => {
            assert!(script.finishes, "done, though the sender was not");
            let count = |of: fn(&Word) -> usize| words.values().map(of).sum::<usize>();
            assert_eq!(u64::try_from(count(|word| word.fates)), Ok(files), "files that were kept");
            let unjudged = |(_, word): &(&u64, &Word)| word.verdicts + word.failures == 0;
            assert_eq!(words.iter().find(unjudged), None, "it has a fate and no verdict");
            let wordless = |(number, word): &(&u64, &Word)| {
                word.wanted && word.fates + word.failures == 0 && !script.broken.contains(number)
            };
            assert_eq!(words.iter().find(wordless), None, "it was wanted, and nothing was said of it");
            assert!(failed >= u64::try_from(count(|word| word.failures)).unwrap_or(u64::MAX), "{failed} failed");
        }
        Some(Ack::Error(fault)) => assert_ne!(fault.code, ErrorCode::Internal, "{fault:?}"),
        _ => assert!(!ended_well, "the stream ended without a word"),
    }
}

fn want(word: &mut Word) {
    word.verdicts += 1;
    word.wanted = true;
}

fn records(frame: &[u8], words: &mut BTreeMap<u64, Word>) {
    let mut rest = frame;
    while let Some(record) = Say::take(&mut rest).expect("the service writes records") {
        let mut each = |numbers: Numbers, count: fn(&mut Word)| {
            assert!(numbers.count <= MOST_ENTRIES, "{numbers:?}");
            numbers.each().for_each(|number| count(words.entry(number).or_default()));
        };
        match record {
            Say::Same(numbers) | Say::Lost(numbers) => each(numbers, |word| word.verdicts += 1),
            Say::Want(numbers) => each(numbers, want),
            Say::Rest { number, .. } => each(Numbers::one(number), want),
            Say::Tags { .. } => {}
            Say::Kept(numbers) => each(numbers, |word| word.fates += 1),
        }
    }
}
