use proptest::prelude::*;

use super::*;
use crate::limits::FramingLimits;
use bytes::BytesMut;

type Heard = (Vec<Message>, Option<FramingError>);

/// Every framing with a one-way codec.
fn framings() -> Vec<Framing> {
    let words = ["raw", "line", "mark:##", r"mark:\r\n.\r\n", "mark:aab", "json", "landline"];
    let prefixes = LengthPrefix::ALL.map(Framing::Length);
    words.iter().map(|word| word.parse().unwrap()).chain(prefixes).collect()
}

/// What a stream that comes in these parts, and then ends, is heard as.
fn heard<'a>(framing: &Framing, limits: FramingLimits, parts: impl Iterator<Item = &'a [u8]>) -> Heard {
    let (mut decoder, mut inbox, mut got) = (Decoder::new(framing, limits).unwrap(), BytesMut::new(), Vec::new());
    for part in parts {
        inbox.extend_from_slice(part);
        loop {
            match decoder.decode(&mut inbox) {
                Ok(Some(message)) => got.push(message),
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(decoder.decode(&mut inbox), Err(fault.clone()), "it is said again");
                    return (got, Some(fault));
                }
            }
        }
    }
    loop {
        match decoder.finish(&mut inbox) {
            Ok(Some(message)) => got.push(message),
            Ok(None) => return (got, None),
            Err(fault) => return (got, Some(fault)),
        }
    }
}

fn whole(framing: &str, stream: &[u8]) -> Heard {
    heard(&framing.parse().unwrap(), FramingLimits::default(), [stream].into_iter())
}

fn bodies(heard: &Heard) -> Vec<&[u8]> {
    heard.0.iter().map(|message| &message.body[..]).collect()
}

fn sent(framing: &str, bodies: &[&[u8]]) -> BytesMut {
    let encoder = Encoder::new(&framing.parse().unwrap(), FramingLimits::default()).unwrap();
    let mut out = BytesMut::new();
    for body in bodies {
        encoder.encode(body, &mut out).unwrap();
    }
    out
}

fn any_framing() -> impl Strategy<Value = Framing> {
    proptest::sample::select(framings())
}

/// Bytes of which marks, line ends, digits and lengths are made more often than chance would.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0), Just(b'a'), Just(b'b'), Just(b'#'), Just(b'\r'), Just(b'\n'), 1u8..6, any::<u8>()];
    proptest::collection::vec(byte, 0..200)
}

proptest! {
    #[test]
    fn decode_inverts_encode_under_any_cut(
        framing in any_framing(), sent in proptest::collection::vec(stream(), 0..5),
        cuts in proptest::collection::vec(1usize..40, 1..60),
    ) {
        let encoder = Encoder::new(&framing, FramingLimits::default()).unwrap();
        let (mut bytes, mut expected) = (BytesMut::new(), Vec::new());
        for body in &sent {
            let before = bytes.clone();
            match encoder.encode(body, &mut bytes) {
                Ok(()) => expected.push(&body[..]),
                Err(fault) => {
                    prop_assert!(matches!(fault, FramingError::HoldsEnd { .. }), "{}", fault);
                    prop_assert_eq!(&bytes, &before);
                }
            }
        }
        let (mut parts, mut rest) = (Vec::new(), &bytes[..]);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            parts.push(now);
            rest = later;
        }
        let got = heard(&framing, FramingLimits::default(), parts.into_iter());
        prop_assert_eq!(&got.1, &None);
        if framing == Framing::Raw {
            prop_assert_eq!(bodies(&got).concat(), expected.concat());
        } else {
            prop_assert_eq!(bodies(&got), expected);
        }
    }

    #[test]
    fn any_bytes_are_heard_as_the_same_however_they_are_cut_and_within_the_limits(
        framing in any_framing(), bytes in stream(), step in 1usize..50, message_bytes in 0usize..40,
    ) {
        let limits = FramingLimits { message_bytes, header_bytes: 40, json_depth: 3 };
        let got = heard(&framing, limits, [&bytes[..]].into_iter());
        if framing == Framing::Raw {
            prop_assert_eq!(bodies(&got).concat(), bytes);
            prop_assert!(got.0.iter().all(|message| message.body.len() <= message_bytes.max(1)));
        } else {
            prop_assert_eq!(&got, &heard(&framing, limits, bytes.chunks(step)), "cut every {}", step);
            prop_assert!(got.0.iter().all(|message| message.body.len() <= message_bytes));
        }
    }

    #[test]
    fn a_body_that_would_be_heard_otherwise_is_never_sent(framing in any_framing(), body in stream()) {
        let mut bytes = BytesMut::new();
        let fine = Encoder::new(&framing, FramingLimits::default()).unwrap().encode(&body, &mut bytes).is_ok();
        let ends = matches!(framing, Framing::Line | Framing::Mark(_));
        if ends {
            let end = if let Framing::Mark(mark) = &framing { mark.as_bytes() } else { b"\n" };
            let joined = [&body[..], end].concat();
            let got = heard(&framing, FramingLimits::default(), [&joined[..]].into_iter());
            prop_assert_eq!(fine, bodies(&got) == [&body[..]], "{:?}", got);
        } else {
            prop_assert!(fine);
        }
    }

    #[test]
    fn nothing_is_set_aside_for_what_a_length_declares(
        prefix in proptest::sample::select(&LengthPrefix::ALL[..]), len in any::<u64>(),
    ) {
        let limits = FramingLimits { message_bytes: usize::MAX, header_bytes: usize::MAX, json_depth: 16 };
        let mut inbox = BytesMut::with_capacity(16);
        prefix.encode(len.min(prefix.max()), &mut inbox).unwrap();
        let before = inbox.capacity();
        for framing in [Framing::Length(prefix), Framing::Json] {
            let _ = Decoder::new(&framing, limits).unwrap().decode(&mut inbox);
        }
        prop_assert!(inbox.capacity() <= before);
    }
}

#[test]
fn the_bytes_of_the_struct_framing_are_those_of_python() {
    assert_eq!(&sent("i32le", &[b"hello\n"])[..], b"\x06\0\0\0hello\n");
    assert_eq!(&sent("i32le", &[b""])[..], b"\0\0\0\0");
    assert_eq!(&sent("i32le", &[b"hello wor ld"])[..4], b"\x0c\0\0\0");
    let refused = whole("i32le", b"\0\0\0\x80");
    assert_eq!(refused.1, Some(FramingError::NegativeLength { len: -2_147_483_648 }));
}

#[test]
fn the_bytes_of_the_json_framing_are_those_of_python() {
    let bytes = sent("json", &[b"hello\n"]);
    assert_eq!(&bytes[..], b"\x10\0\0\0{\"data_size\": 6}hello\n");
    let twice = [&bytes[..], &bytes[..]].concat();
    let got = whole("json", &twice);
    assert_eq!((bodies(&got), &got.1), (vec![&b"hello\n"[..]; 2], &None));
    assert_eq!(got.0[0].header, Some(JsonHead::of_body(6)));
}

#[test]
fn a_body_of_more_than_one_read_is_counted_to_its_end_and_no_further() {
    let long: Vec<u8> = (0..=255u8).cycle().take(2500).collect();
    for framing in ["u16be", "i32le", "json", "landline"] {
        let bytes = sent(framing, &[&long, b"next"]);
        let got = heard(&framing.parse().unwrap(), FramingLimits::default(), bytes.chunks(1024));
        assert_eq!(bodies(&got), [&long[..], b"next"], "{framing}");
    }
}

#[test]
fn a_length_above_the_limit_is_refused_before_a_byte_of_its_body_came() {
    let most = FramingLimits::default().message_bytes;
    let refused = |len| Some(FramingError::TooLong { len, most });
    assert_eq!(whole("u32be", b"\x00\x10\x00\x01").1, refused(0x10_0001));
    assert_eq!(whole("u64le", &[0xff; 8]).1, refused(u64::MAX));
    assert_eq!(whole("json", b"\x16\0\0\0{\"data_size\": 1048577}").1, refused(1_048_577));
    let frame = whole("landline", b"\x02\x10\0\x01");
    assert!(matches!(frame.1, Some(FramingError::Frame(_))), "{frame:?}");
}

#[test]
fn a_line_without_an_end_is_refused_as_soon_as_it_is_too_long() {
    let limits = FramingLimits { message_bytes: 4, ..FramingLimits::default() };
    let said = |framing: &str, bytes: &[u8]| {
        let mut decoder = Decoder::new(&framing.parse().unwrap(), limits).unwrap();
        decoder.decode(&mut BytesMut::from(bytes)).map(|message| message.map(|message| message.body.to_vec()))
    };
    assert_eq!(said("line", b"abcd\r\n"), Ok(Some(b"abcd".to_vec())));
    for waiting in [&b"abcd"[..], b"abcd\r"] {
        assert_eq!(said("line", waiting), Ok(None));
    }
    for refused in [&b"abcde"[..], b"abcd\r\r", b"abcdef\n", b"abcde\n"] {
        assert_eq!(said("line", refused), Err(FramingError::NoEnd { most: 4 }));
    }
    assert_eq!(said("mark:##", b"abcd#"), Ok(None));
    assert_eq!(said("mark:##", b"abcd##"), Ok(Some(b"abcd".to_vec())));
    for refused in [&b"abcde"[..], b"abcd#a", b"abcde##"] {
        assert_eq!(said("mark:##", refused), Err(FramingError::NoEnd { most: 4 }));
    }
}

#[test]
fn what_is_left_at_the_end_of_the_stream_is_a_last_line_or_a_cut() {
    assert_eq!(bodies(&whole("line", b"a\r\nb\r")), [&b"a"[..], b"b\r"]);
    assert_eq!(bodies(&whole("mark:##", b"a##b#")), [&b"a"[..], b"b#"]);
    let cut = |framing: &str, bytes: &[u8]| whole(framing, bytes).1.expect("it was cut");
    assert_eq!(cut("i32le", b"\x06\0\0\0hel"), FramingError::CutShort { missing: 3 });
    assert_eq!(cut("i32le", b"\x06"), FramingError::HeadCutShort { missing: 3 });
    assert_eq!(cut("json", b"\x10\0\0\0{\"data"), FramingError::HeadCutShort { missing: 10 });
    assert_eq!(cut("json", b"\x10\0\0\0{\"data_size\": 6}hell"), FramingError::CutShort { missing: 2 });
    assert_eq!(cut("json", b"\x10\0\0\0{\"data_size\": 6}"), FramingError::CutShort { missing: 6 });
    assert_eq!(cut("landline", b"\x02\0\0\x03a"), FramingError::CutShort { missing: 2 });
    assert_eq!(cut("landline", b"\x02\0"), FramingError::HeadCutShort { missing: 2 });
}

#[test]
fn a_body_too_long_for_its_prefix_or_for_the_limit_is_not_written() {
    let mut out = BytesMut::from("before");
    let mut encode = |framing: &str, len: usize, limits: FramingLimits| {
        Encoder::new(&framing.parse().unwrap(), limits).unwrap().encode(&vec![b'x'; len], &mut out)
    };
    let default = FramingLimits::default();
    assert_eq!(encode("u8", 256, default), Err(FramingError::DoesNotFit { len: 256, most: 255 }));
    assert_eq!(encode("u16le", 65_536, default), Err(FramingError::DoesNotFit { len: 65_536, most: 65_535 }));
    let small = FramingLimits { message_bytes: 3, ..default };
    for framing in framings() {
        let refused = encode(&framing.to_string(), 4, small);
        assert_eq!(refused, Err(FramingError::TooLong { len: 4, most: 3 }), "{framing}");
    }
    assert_eq!(out, "before");
}

#[test]
fn a_body_that_ends_as_its_mark_begins_is_not_written() {
    let encoder = |framing: &str| Encoder::new(&framing.parse().unwrap(), FramingLimits::default()).unwrap();
    let mut out = BytesMut::new();
    let early = |at| Err(FramingError::HoldsEnd { at });
    assert_eq!(encoder("mark:##").encode(b"a#", &mut out), early(1));
    assert_eq!(encoder("mark:aab").encode(b"xaa", &mut out), Ok(()), "xaaaab: the mark is at its end");
    assert_eq!(encoder("mark:abab").encode(b"xab", &mut out), early(1));
    assert_eq!(encoder("line").encode(b"a\r", &mut out), early(1));
    assert_eq!(encoder("line").encode(b"a\nb", &mut out), early(1));
}

#[test]
fn frames_of_any_kind_give_their_payload() {
    let got = whole("landline", b"\x01\0\0\x02{}\x50\0\0\x01x\x02\0\0\x03abc\x03\0\0\x01e");
    assert_eq!(bodies(&got), [&b"{}"[..], b"abc", b"e"]);
    assert_eq!(&sent("landline", &[b"abc"])[..], b"\x02\0\0\x03abc");
}

#[test]
fn ready_has_no_one_way_codec() {
    assert!(matches!(Decoder::new(&Framing::Ready, FramingLimits::default()), Err(FramingError::TakesTurns)));
    assert!(matches!(Encoder::new(&Framing::Ready, FramingLimits::default()), Err(FramingError::TakesTurns)));
}
