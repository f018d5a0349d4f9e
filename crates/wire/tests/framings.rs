//! The vectors of PROTOCOL.md §10, every one: framings of raw sockets.

#[path = "../../../fuzz/src/vectors.rs"]
pub mod vectors;

use bytes::BytesMut;
use landline_wire::{
    Decoder, Encoder, FileHead, Framing, FramingLimits, JsonHead,
    framing::ready::{Answer, READY, Receiving, Sending},
};
use vectors::{Vector, Verdict, vectors};

/// What decoding the bytes and writing the result gives; `None` if they are refused or not complete.
fn written_again(vector: &Vector) -> Option<Vec<u8>> {
    let (bytes, limits) = (vector.bytes.as_slice(), FramingLimits::default());
    match vector.decoder.strip_prefix("framing-")? {
        "word" => Some(str::from_utf8(bytes).ok()?.parse::<Framing>().ok()?.to_string().into_bytes()),
        "length" => Some(Receiving::after(bytes, &limits).ok()?.body_len().to_string().into_bytes()),
        "answer" => match Sending::new("body", &limits).ok()?.handle(&mut BytesMut::from(bytes)) {
            Answer::Ready(_) => Some(READY.to_vec()),
            Answer::Waiting(_) | Answer::Other(_) => None,
        },
        "file" => {
            let (mut inbox, mut out) = (BytesMut::from(bytes), BytesMut::new());
            FileHead::decode(&mut inbox, &limits).ok()??.encode(&limits, &mut out).ok()?;
            inbox.is_empty().then(|| out.to_vec())
        }
        "mark" => stream("mark:##", bytes),
        word => stream(word, bytes),
    }
}

/// All messages of a stream that ends; `None` if any of it is refused or cut.
fn stream(word: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let (framing, limits): (Framing, _) =
        (word.parse().expect("a decoder has the word's name"), FramingLimits::default());
    let encoder = Encoder::new(&framing, limits).expect("it takes no turns");
    let mut decoder = Decoder::new(&framing, limits).expect("it takes no turns");
    let (mut inbox, mut out) = (BytesMut::from(bytes), BytesMut::new());
    while let Some(message) = decoder.finish(&mut inbox).ok()? {
        match &message.header {
            Some(header) => {
                header.encode(&limits, &mut out).ok()?;
                out.extend_from_slice(&message.body);
            }
            None => encoder.encode(&message.body, &mut out).ok()?,
        }
    }
    Some(out.to_vec())
}

#[test]
fn each_is_decoded_written_again_or_refused_as_the_protocol_says() {
    let ours: Vec<_> = vectors().into_iter().filter(|vector| vector.decoder.starts_with("framing-")).collect();
    assert!(ours.len() > 80, "only {} vectors were found", ours.len());
    for vector in ours {
        let again = written_again(&vector);
        match vector.verdict() {
            Verdict::Exact => assert_eq!(again.as_ref(), Some(&vector.bytes), "{}", vector.name()),
            Verdict::Accepted => assert!(again.is_some_and(|again| again != vector.bytes), "{}", vector.name()),
            Verdict::Refused => assert_eq!(again, None, "{}", vector.name()),
        }
    }
}

#[test]
fn each_value_is_written_as_the_protocol_shows_it() {
    let sent = |word: &str, bodies: &[&str]| {
        let encoder = Encoder::new(&word.parse().unwrap(), FramingLimits::default()).unwrap();
        let mut out = BytesMut::new();
        bodies.iter().for_each(|body| encoder.encode(body.as_bytes(), &mut out).unwrap());
        out.to_vec()
    };
    let file = |file_size, file_name: &str| {
        let empty = [0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0, 0xb2, 4, 0xe9, 0x80, 9, 0x98, 0xec, 0xf8, 0x42, 0x7e];
        let mut out = BytesMut::new();
        let file = FileHead { file_size, file_name: file_name.to_owned(), md5: empty };
        file.encode(&FramingLimits::default(), &mut out).unwrap();
        out.to_vec()
    };
    let fields = [
        ("名".to_owned(), "报告😀\u{7f}".into()),
        ("data_size".to_owned(), 1.into()),
        ("f".to_owned(), 1e-5.into()),
        ("l".to_owned(), serde_json::json!([1, null, true])),
    ];
    let mut with_fields = BytesMut::new();
    JsonHead::new(fields).unwrap().encode(&FramingLimits::default(), &mut with_fields).unwrap();
    with_fields.extend_from_slice(b"x");
    let made = [
        ("framing-line/two", sent("line", &["hello", ""])),
        ("framing-mark/two", sent("mark:##", &["hello", "bye"])),
        ("framing-mark/three", sent("mark:##", &["a", "#b"])),
        ("framing-u8/hello", sent("u8", &["hello"])),
        ("framing-u16be/two", sent("u16be", &["hi", "meinv"])),
        ("framing-u16le/two", sent("u16le", &["hi", "meinv"])),
        ("framing-u32be/hello", sent("u32be", &["hello"])),
        ("framing-u32le/hello", sent("u32le", &["hello"])),
        ("framing-u64be/hello", sent("u64be", &["hello"])),
        ("framing-u64le/hello", sent("u64le", &["hello"])),
        ("framing-i32le/echo-hello", sent("i32le", &["hello\n"])),
        ("framing-i32le/none", sent("i32le", &[""])),
        ("framing-i32le/twelve", sent("i32le", &["hello world\n"])),
        ("framing-json/echo-hello", sent("json", &["hello\n"])),
        ("framing-json/none", sent("json", &[""])),
        ("framing-json/two", sent("json", &["hi", "meinv"])),
        ("framing-json/fields", with_fields.to_vec()),
        ("framing-file/example", file(1_073_741_824_000, "/a/b/c/d/e/a.txt")),
        ("framing-file/chinese", file(0, "报告 1.txt")),
        ("framing-length/six", Sending::new("hello\n", &FramingLimits::default()).unwrap().length().into_bytes()),
        ("framing-answer/ready", READY.to_vec()),
        ("framing-landline/two", sent("landline", &["hi", "meinv"])),
    ];
    let vectors = vectors();
    for (name, bytes) in made {
        let vector = vectors.iter().find(|vector| vector.name() == name).unwrap_or_else(|| panic!("no vector {name}"));
        assert_eq!(vector.verdict(), Verdict::Exact, "{name}");
        assert_eq!(bytes.escape_ascii().to_string(), vector.bytes.escape_ascii().to_string(), "{name}");
    }
}
