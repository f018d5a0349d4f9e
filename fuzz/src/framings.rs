//! Targets of the framings of raw sockets: one for each decoder of a stream, for their turns and for their words.
//!
//! The first byte is a choice: how the stream is cut, and under which limits it is read.

use bytes::{Bytes, BytesMut};
use landline_wire::{
    Decoder, Encoder, FileHead, Framing, FramingError, FramingLimits, JsonHead, LengthPrefix, Mark, Message,
    framing::ready::{Answer, READY, Receiving, Sending},
};

use crate::wire::assert_harmless;

/// What a stream is heard as, and why it could not be read to its end.
type Heard = (Vec<Message>, Option<FramingError>);

/// One choice and the rest of the bytes.
fn choice(data: &[u8]) -> Option<(usize, FramingLimits, &[u8])> {
    let (choice, rest) = data.split_first()?;
    let small = FramingLimits { message_bytes: 32, header_bytes: 64, json_depth: 3 };
    let limits = if choice & 1 == 0 { FramingLimits::default() } else { small };
    Some((usize::from(choice >> 1).max(1), limits, rest))
}

/// A stream. Invariants: any cut yields the same messages and the same end; none is above its limit, nor are all together
/// more than came; a fault is said in harmless words, and again; what is written again is heard as the same.
fn stream(framing: &Framing, limits: FramingLimits, step: usize, stream: &[u8]) -> Heard {
    let whole = heard(framing, limits, &[stream]);
    assert_eq!(whole, heard(framing, limits, &stream.chunks(step).collect::<Vec<_>>()), "cut every {step}");
    let (start, end) = stream.split_at(step.min(stream.len()));
    assert_eq!(whole, heard(framing, limits, &[start, &[], end]), "cut once at {step}");

    let (got, end) = &whole;
    assert!(got.iter().map(|message| message.body.len()).sum::<usize>() <= stream.len());
    assert!(got.iter().all(|message| message.body.len() <= limits.message_bytes));
    if let Some(fault) = end {
        assert_harmless(&fault.to_string());
    }
    let (again, kept) = written(framing, limits, got);
    let heard_again = heard(framing, limits, &[&again]);
    assert_eq!(heard_again.1, None);
    let bodies = |messages: &[Message]| messages.iter().map(|message| message.body.clone()).collect::<Vec<Bytes>>();
    assert_eq!(bodies(&heard_again.0), bodies(&kept));
    whole
}

fn heard(framing: &Framing, limits: FramingLimits, parts: &[&[u8]]) -> Heard {
    let mut decoder = Decoder::new(framing, limits).expect("it takes no turns");
    let (mut inbox, mut got) = (BytesMut::new(), Vec::new());
    for part in parts {
        inbox.extend_from_slice(part);
        loop {
            match decoder.decode(&mut inbox) {
                Ok(Some(message)) => got.push(message),
                Ok(None) => break,
                Err(fault) => {
                    let before = inbox.len();
                    assert_eq!(decoder.decode(&mut inbox).as_ref(), Err(&fault));
                    assert_eq!(inbox.len(), before, "what is refused is not taken");
                    return (got, Some(fault));
                }
            }
        }
    }
    loop {
        match decoder.finish(&mut inbox) {
            Ok(Some(message)) => got.push(message),
            Ok(None) => {
                assert!(inbox.is_empty(), "nothing is left behind");
                return (got, None);
            }
            Err(fault) => return (got, Some(fault)),
        }
    }
}

/// The messages written again, without those that can't be sent by this framing: bodies that hold an end of it.
fn written(framing: &Framing, limits: FramingLimits, messages: &[Message]) -> (BytesMut, Vec<Message>) {
    let encoder = Encoder::new(framing, limits).expect("it takes no turns");
    let (mut out, mut kept) = (BytesMut::new(), Vec::new());
    for message in messages {
        match encoder.encode(&message.body, &mut out) {
            Ok(()) => kept.push(message.clone()),
            Err(FramingError::HoldsEnd { at }) => assert!(at < message.body.len()),
            Err(fault) => panic!("{fault}"),
        }
    }
    (out, kept)
}

/// Lines. Invariants besides: none holds a line end, and no byte but line ends is lost.
pub fn framing_lines(data: &[u8]) {
    let Some((step, limits, rest)) = choice(data) else { return };
    let (got, end) = stream(&Framing::Line, limits, step, rest);
    assert!(got.iter().all(|line| !line.body.contains(&b'\n')));
    if end.is_none() {
        let mut lines: Vec<&[u8]> = rest.split(|byte| *byte == b'\n').collect();
        let last = lines.pop().unwrap_or_default();
        let mut lines: Vec<_> = lines.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
        lines.extend((!last.is_empty()).then_some(last));
        assert_eq!(got.iter().map(|message| &message.body[..]).collect::<Vec<_>>(), lines);
    }
}

/// Messages before a mark: the second byte chooses it. Invariant besides: none holds the mark.
pub fn framing_marks(data: &[u8]) {
    let Some((step, limits, rest)) = choice(data) else { return };
    let Some((choice, rest)) = rest.split_first() else { return };
    let marks: [&[u8]; 6] = [b"##", b"\n", b"\r\n.\r\n", b"aab", b"\0\0\0\0", b"abab"];
    let mark = marks.get(usize::from(*choice) % marks.len()).copied().unwrap_or(b"##");
    let (got, _) = stream(&Framing::Mark(Mark::new(mark).expect("it is short")), limits, step, rest);
    assert!(got.iter().all(|message| !message.body.windows(mark.len()).any(|part| part == mark)));
}

/// Messages behind a binary length: the second byte chooses how it is written. Invariant besides: what was taken, written
/// again, is the bytes that came.
pub fn framing_lengths(data: &[u8]) {
    let Some((step, limits, rest)) = choice(data) else { return };
    let Some((choice, rest)) = rest.split_first() else { return };
    let prefix = LengthPrefix::ALL.get(usize::from(*choice) % LengthPrefix::ALL.len()).copied();
    let framing = Framing::Length(prefix.unwrap_or(LengthPrefix::I32Le));
    let (got, _) = stream(&framing, limits, step, rest);
    assert!(rest.starts_with(&written(&framing, limits, &got).0));
}

/// Messages behind a JSON header. Invariants besides: a header tells the length of its body, is written in ASCII, reads back
/// as the same and is then written as the same bytes.
pub fn framing_json(data: &[u8]) {
    let Some((step, limits, rest)) = choice(data) else { return };
    // The header that we write may be longer than the one that came, which a small limit would not allow.
    let limits = FramingLimits { header_bytes: limits.header_bytes.max(64), ..limits };
    for message in stream(&Framing::Json, limits, step, rest).0 {
        let head = message.header.expect("there is always one");
        assert_eq!(usize::try_from(head.body_len()), Ok(message.body.len()));
        head_reads_back(&head);
    }
}

fn head_reads_back(head: &JsonHead) {
    let (limits, mut out) = (FramingLimits { header_bytes: 1 << 20, ..FramingLimits::default() }, BytesMut::new());
    head.encode(&limits, &mut out).expect("escapes are six times as long at most");
    let text = out.get(4..).expect("a length comes first");
    assert!(text.iter().all(|byte| (b' '..=b'~').contains(byte)), "{}", text.escape_ascii());
    let mut inbox = out.clone();
    let again =
        JsonHead::decode(&mut inbox, &limits).expect("what is written can be read").expect("all of it is there");
    assert!(inbox.is_empty());
    let keys = |head: &JsonHead| head.fields().map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
    assert_eq!((keys(&again), again.body_len()), (keys(head), head.body_len()));
}

/// Headers of files, alone or before their bytes. Invariants: a header that is refused, or not complete, takes nothing; one
/// that is taken, written again, is the same.
pub fn framing_files(data: &[u8]) {
    let Some((_, limits, rest)) = choice(data) else { return };
    let mut inbox = BytesMut::from(rest);
    match FileHead::decode(&mut inbox, &limits) {
        Ok(Some(file)) => {
            let (wide, mut out) = (FramingLimits { header_bytes: 1 << 20, ..limits }, BytesMut::new());
            file.encode(&wide, &mut out).expect("escapes are six times as long at most");
            assert_eq!(FileHead::decode(&mut out, &wide), Ok(Some(file)));
        }
        Ok(None) => assert_eq!(inbox, rest),
        Err(fault) => assert_harmless(&fault.to_string()),
    }
}

/// Both sides of `ready`. The bytes are what one read brings as the length, then as the answer, then as a body. Invariants: a
/// length is digits and within the limit; an answer is exact, or a message with all that came; a body comes whole.
pub fn framing_ready(data: &[u8]) {
    let Some((step, limits, rest)) = choice(data) else { return };
    match Receiving::after(rest, &limits) {
        Ok(receiving) => {
            assert!(rest.iter().all(u8::is_ascii_digit) && (1..=20).contains(&rest.len()));
            assert!(receiving.body_len() <= limits.message_bytes);
            let finished = receiving.finish(&mut BytesMut::from(rest));
            assert_eq!(finished.is_ok(), receiving.body_len() <= rest.len());
        }
        Err(fault) => assert_harmless(&fault.to_string()),
    }
    for body in [&[][..], rest.get(..step.min(rest.len())).unwrap_or_default()] {
        let Ok(sending) = Sending::new(Bytes::copy_from_slice(body), &limits) else { continue };
        let receiving = Receiving::after(sending.length().as_bytes(), &limits).expect("what is written can be read");
        assert_eq!(receiving.body(&mut BytesMut::from(body)).as_deref(), Some(body));
        let mut inbox = BytesMut::from(rest);
        match sending.handle(&mut inbox) {
            Answer::Ready(given) => {
                assert_eq!(given, body);
                assert_eq!([READY, &inbox].concat(), rest);
                assert!(body.is_empty() || inbox.is_empty());
            }
            Answer::Waiting(_) => assert!(READY.starts_with(rest) && inbox == rest),
            Answer::Other(message) => assert!(message == rest && inbox.is_empty()),
        }
    }
}

/// Frames of landline/1 as messages of a raw socket.
pub fn framing_landline(data: &[u8]) {
    let Some((step, limits, rest)) = choice(data) else { return };
    stream(&Framing::Landline, limits, step, rest);
}

/// A framing in a person's words. Invariants: what is printed is printable ASCII and reads back as the same framing; a refusal
/// is harmless and not long.
pub fn framing_words(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match text.parse::<Framing>() {
        Ok(framing) => {
            let printed = framing.to_string();
            assert!(printed.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{printed:?}");
            assert_eq!(printed.parse(), Ok(framing));
        }
        Err(fault) => {
            let said = fault.to_string();
            assert!(!said.chars().any(char::is_control) && said.len() < 500, "{said:?}");
        }
    }
}
