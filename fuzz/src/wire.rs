//! Targets of `wire`: frames, headers, names, blobs, text for screens.

use bytes::{Buf as _, BytesMut};
use landline_wire::{Blob, Frame, FrameError, Header, Kind, Limits, WireName, shown, split_frame};
use serde_json::Value;

/// A stream of frames. The first byte chooses whose limits apply and how the rest is cut.
///
/// Invariants: any cut yields the same frames and the same end; a frame written again is the bytes it came from; no frame
/// is above its limit; an error comes as soon as the header is complete.
pub fn frames(data: &[u8]) {
    let Some((choice, stream)) = data.split_first() else { return };
    let limits = if choice & 1 == 0 { Limits::KNOWN } else { Limits::STRANGER };
    let whole = split(&[stream], &limits);
    let step = usize::from(choice >> 1).max(1);
    assert_eq!(whole, split(&stream.chunks(step).collect::<Vec<_>>(), &limits), "cut every {step}");
    let (start, end) = stream.split_at(step.min(stream.len()));
    assert_eq!(whole, split(&[start, &[], end], &limits), "cut once at {step}");

    let (got, end) = whole;
    assert_eq!(written(stream, &limits), got, "every frame is written as it came");
    if end.is_none() {
        let used: usize = got.iter().map(|frame| Header::SIZE + frame.body.len()).sum();
        assert!(used <= stream.len());
    }
    for frame in got {
        let max = if frame.kind == Kind::Message { limits.message } else { limits.data };
        assert!(frame.body.len() <= max, "{:?} of {}", frame.kind, frame.body.len());
    }
}

fn split(parts: &[&[u8]], limits: &Limits) -> (Vec<Frame>, Option<FrameError>) {
    let (mut inbox, mut got) = (BytesMut::new(), Vec::new());
    for part in parts {
        inbox.extend_from_slice(part);
        loop {
            match split_frame(&mut inbox, limits) {
                Ok(Some(frame)) => got.push(frame),
                Ok(None) => break,
                Err(fault) => return (got, Some(fault)),
            }
        }
    }
    (got, None)
}

/// The frames of a stream by walking it with headers only, which must be written as they are read.
fn written(stream: &[u8], limits: &Limits) -> Vec<Frame> {
    let (mut rest, mut got) = (stream, Vec::new());
    while let Some(head) = rest.first_chunk() {
        let Ok(header) = Header::decode(*head, limits) else { break };
        assert_eq!(header.encode(), *head);
        assert_eq!(Header::new(header.kind(), header.body_len(), limits), Ok(header));
        rest.advance(Header::SIZE);
        let Some(body) = rest.get(..header.body_len()) else { break };
        if !matches!(header.kind(), Kind::Ignorable(_)) {
            got.push(Frame { kind: header.kind(), body: body.to_vec().into() });
        }
        rest.advance(body.len());
    }
    got
}

/// One header under both sets of limits: what a stranger may send, a known peer may send too.
pub fn headers(data: &[u8]) {
    let Some(head) = data.first_chunk() else { return };
    let (known, stranger) = (Header::decode(*head, &Limits::KNOWN), Header::decode(*head, &Limits::STRANGER));
    if let Ok(header) = &stranger {
        assert_eq!(known.as_ref(), Ok(header));
        assert!(header.body_len() <= Limits::STRANGER.message);
    }
    for header in [known, stranger].into_iter().flatten() {
        assert_eq!(header.encode(), *head);
    }
}

/// A name in JSON. Invariants: it survives being written; as a JSON value it has one spelling.
pub fn names(data: &[u8]) {
    let raw = WireName(data.to_vec());
    let json = serde_json::to_vec(&raw).expect("any name can be written");
    assert_eq!(serde_json::from_slice::<WireName>(&json).expect("what is written can be read"), raw);

    let Ok(name) = serde_json::from_slice::<WireName>(data) else { return };
    let spelled: Value = serde_json::from_slice(data).expect("a name is JSON");
    assert_eq!(spelled, serde_json::to_value(&name).expect("any name can be written"), "one name, one spelling");
}

/// A blob in JSON: as [`names`].
pub fn blobs(data: &[u8]) {
    let raw = Blob(data.to_vec());
    let json = serde_json::to_vec(&raw).expect("any blob can be written");
    assert_eq!(serde_json::from_slice::<Blob>(&json).expect("what is written can be read"), raw);

    let Ok(blob) = serde_json::from_slice::<Blob>(data) else { return };
    let spelled: Value = serde_json::from_slice(data).expect("a blob is JSON");
    assert_eq!(spelled, serde_json::to_value(&blob).expect("any blob can be written"), "one blob, one spelling");
}

/// Hostile text for a screen. Invariants: nothing that acts on a terminal remains; the bytes can be told from it again,
/// so no two look alike; shown twice only its backslashes change.
pub fn shown_text(data: &[u8]) {
    let text = shown(data).to_string();
    assert_harmless(&text);
    assert_eq!(unshown(&text), data, "{text}");
}

/// Fails if anything in `text` would act on a terminal instead of being seen.
pub(crate) fn assert_harmless(text: &str) {
    assert_eq!(shown(text).to_string(), text.replace('\\', "\\\\"), "{text:?}");
}

/// The bytes that were shown as `text`.
fn unshown(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.chars());
    while let Some(c) = rest.next() {
        let plain = match (c, if c == '\\' { rest.next() } else { None }) {
            ('\\', Some('n')) => '\n',
            ('\\', Some('r')) => '\r',
            ('\\', Some('t')) => '\t',
            ('\\', Some('\\')) => '\\',
            ('\\', Some('x')) => {
                let hex: String = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&hex, 16).expect("two hexadecimal digits"));
                continue;
            }
            ('\\', Some('u')) => {
                let hex: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                let number = u32::from_str_radix(&hex, 16).expect("a hexadecimal number");
                char::from_u32(number).expect("a character")
            }
            ('\\', other) => panic!("unknown escape {other:?}"),
            (plain, _) => plain,
        };
        bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
    }
    bytes
}
