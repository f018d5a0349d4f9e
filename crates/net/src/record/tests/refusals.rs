//! What a peer may not send behind the handshake, and what it is told.

use proptest::prelude::*;

use super::{super::key::RecordKey, *};

/// A reader at the server and a peer that can say anything to it.
struct Line {
    reader: RecordReader,
    writer: RecordWriter,
    peer: Sealer,
}

/// Also the reader's end at the client, with a peer at the server.
async fn lines() -> [Line; 2] {
    let (client, server) = established().await;
    let (to_server, to_client) = (client.secrets.tx, server.secrets.tx);
    let at_client = Established { secrets: rustls::ExtractedSecrets { tx: dull(), rx: client.secrets.rx }, ..client };
    let at_server = Established { secrets: rustls::ExtractedSecrets { tx: dull(), rx: server.secrets.rx }, ..server };
    [(at_server, to_server), (at_client, to_client)].map(|(end, secrets)| {
        let (reader, writer) = ends(end, Rotation::default()).unwrap();
        Line { reader, writer, peer: Sealer::new(secrets).unwrap() }
    })
}

/// A key for a direction that nobody listens to.
fn dull() -> (u64, rustls::ConnectionTrafficSecrets) {
    use rustls::crypto::cipher::{AeadKey, Iv, NONCE_LEN};
    let (key, iv) = (AeadKey::from([1; 32]), Iv::from([1; NONCE_LEN]));
    (0, rustls::ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv })
}

async fn line() -> Line {
    let [at_server, _] = lines().await;
    at_server
}

impl Line {
    fn says(&mut self, kind: ContentType, content: &[u8]) -> Vec<u8> {
        record(&mut self.peer, kind, content)
    }

    /// Reads `bytes`, which have to be refused as `fault` and answered by `alert`, from then on always.
    #[track_caller]
    fn refuses(&mut self, bytes: &[u8], fault: &RecordError, alert: Option<u8>) {
        assert_eq!(read(&mut self.reader, bytes).1.as_ref(), Err(fault));
        assert_eq!(fault.alert(), alert);
        let mut train = Train::default();
        assert_eq!(self.writer.left_alert(&mut train), Ok(alert.is_some()));
        assert_eq!(self.writer.left_alert(&mut train), Ok(false), "it is said once");
        assert_eq!(read(&mut self.reader, b"anything").1.as_ref(), Err(fault));
    }
}

const DATA: ContentType = ContentType::ApplicationData;

#[tokio::test]
async fn a_record_that_was_changed_anywhere_is_refused() {
    let whole = line().await.says(DATA, b"hello");
    for at in 0..whole.len() {
        let mut line = line().await;
        let mut bytes = line.says(DATA, b"hello");
        bytes[at] ^= 0x10;
        let (got, end) = read(&mut line.reader, &bytes);
        assert_eq!(got, b"", "byte {at}");
        match at {
            0 => assert_eq!(end, Err(RecordError::Clear(0x07))),
            3 => assert_eq!(end, Ok(Got::Life), "it announces more than came, and less than is too much"),
            4 => assert!(matches!(end, Err(RecordError::TooShort(_) | RecordError::Forged)), "{end:?}"),
            _ => assert_eq!(end, Err(RecordError::Forged), "byte {at}"),
        }
    }
}

#[tokio::test]
async fn records_that_are_repeated_left_out_or_exchanged_are_refused() {
    for order in [&[0, 0][..], &[1], &[0, 2], &[1, 0], &[0, 1, 0], &[0, 1, 1]] {
        let mut line = line().await;
        let said: Vec<_> = (0..3).map(|n| line.says(DATA, &[n; 9])).collect();
        let bytes: Vec<u8> = order.iter().flat_map(|n| said[*n].clone()).collect();
        line.refuses(&bytes, &RecordError::Forged, Some(20));
    }
}

#[tokio::test]
async fn a_header_is_judged_before_its_record_comes() {
    for (header, fault, alert) in [
        ([23, 3, 3, 0x41, 0x01], RecordError::TooLong(16_641), 22),
        ([23, 3, 3, 0xff, 0xff], RecordError::TooLong(65_535), 22),
        ([23, 3, 3, 0, 16], RecordError::TooShort(16), 50),
        ([23, 3, 3, 0, 0], RecordError::TooShort(0), 50),
        ([20, 3, 3, 0, 1], RecordError::Clear(20), 10),
        ([21, 3, 3, 0, 2], RecordError::Clear(21), 10),
        ([22, 3, 3, 0, 50], RecordError::Clear(22), 10),
        (*b"GET /", RecordError::Clear(b'G'), 10),
    ] {
        line().await.refuses(&header, &fault, Some(alert));
    }
}

/// A record whose inner plaintext is exactly `inner`, whatever that means.
fn inner(key: &mut RecordKey, inner: &[u8]) -> Vec<u8> {
    let (kind, content) = inner.split_last().unwrap();
    let (mut content, mut tail) = (content.to_vec(), [0; TAIL]);
    let header = header(content.len() + TAIL).unwrap();
    key.seal(header, &mut content, *kind, &mut tail).unwrap();
    [&header[..], &content, &tail].concat()
}

/// A line with the peer's key, for what no sealer makes.
async fn bare_line() -> (Line, RecordKey) {
    let (client, server) = established().await;
    let key = RecordKey::new(client.secrets.tx).unwrap();
    let (reader, writer) = ends(server, Rotation::default()).unwrap();
    (Line { reader, writer, peer: Sealer::new(dull()).unwrap() }, key)
}

#[tokio::test]
async fn padding_is_taken_off_and_nothing_but_padding_is_refused() {
    let (mut line, mut key) = bare_line().await;
    let padded = |content: &[u8], zeros| [content, &[23], &vec![0; zeros][..]].concat();
    for (content, zeros) in [(&b"a"[..], 0), (b"bc", 1), (b"\0\0", 255), (&[0; 16_000], 384), (b"", 16_384)] {
        assert_eq!(
            read(&mut line.reader, &inner(&mut key, &padded(content, zeros))),
            (content.to_vec(), Ok(Got::Life))
        );
    }
    line.refuses(&inner(&mut key, &[0; 40]), &RecordError::NoType, Some(10));
}

#[tokio::test]
async fn plaintext_above_the_limit_is_refused_though_its_record_is_not_too_long() {
    for (content, zeros, fine) in [(16_384, 0, true), (16_385, 0, false), (16_384, 1, false), (9, 16_400, false)] {
        let (mut line, mut key) = bare_line().await;
        let record = inner(&mut key, &[&vec![7; content][..], &[23], &vec![0; zeros]].concat());
        if fine {
            assert_eq!(read(&mut line.reader, &record).0.len(), content);
        } else {
            line.refuses(&record, &RecordError::TooLong(content + 1 + zeros), Some(22));
        }
    }
}

#[tokio::test]
async fn unknown_content_types_are_refused() {
    for kind in [1, 20, 24, 255] {
        let (mut line, mut key) = bare_line().await;
        line.refuses(&inner(&mut key, &[1, kind]), &RecordError::UnknownType(kind), Some(10));
    }
}

#[tokio::test]
async fn empty_and_odd_control_records_are_refused() {
    use ContentType::{Alert, Handshake};
    for (kind, content, fault, alert) in [
        (Handshake, &[][..], RecordError::Empty, Some(10)),
        (Alert, &[], RecordError::Empty, Some(10)),
        (Alert, &[2], RecordError::AlertForm, Some(50)),
        (Alert, &[1, 0, 1, 0], RecordError::AlertForm, Some(50)),
        (Handshake, &[1, 0, 0, 4, 1, 2, 3, 4], RecordError::Handshake(1), Some(10)),
        (Handshake, &[24, 0, 0, 1, 2], RecordError::KeyUpdate, Some(47)),
        (Handshake, &[24, 0, 0, 2, 0, 0], RecordError::KeyUpdate, Some(47)),
        (Handshake, &[24, 0, 0, 1, 0, 24], RecordError::Interleaved, Some(10)),
        (Handshake, &[4, 0xff, 0, 0], RecordError::HandshakeTooLong(0xff_0000), Some(50)),
    ] {
        let mut line = line().await;
        let bytes = line.says(kind, content);
        line.refuses(&bytes, &fault, alert);
    }
}

#[tokio::test]
async fn nothing_may_come_between_the_parts_of_a_handshake_message() {
    for between in [DATA, ContentType::Alert] {
        let mut line = line().await;
        let bytes = [line.says(ContentType::Handshake, &[24, 0, 0]), line.says(between, &[1, 90])].concat();
        line.refuses(&bytes, &RecordError::Interleaved, Some(10));
    }
}

#[tokio::test]
async fn a_key_update_may_come_in_parts_and_the_next_record_has_the_next_key() {
    let (client, server) = established().await;
    let mut old = Sealer::new(client.secrets.tx).unwrap();
    let Kernel::Client(mut kernel) = client.kernel else { panic!("it dialled") };
    let (mut reader, _) = ends(server, Rotation::default()).unwrap();
    let mut bytes = record(&mut old, DATA, b"before, ");
    for part in [&[24][..], &[0, 0], &[1, 0]] {
        bytes.extend(record(&mut old, ContentType::Handshake, part));
    }
    let mut new = Sealer::new(kernel.update_tx_secret().unwrap()).unwrap();
    bytes.extend(record(&mut new, DATA, b"after"));
    assert_eq!(read(&mut reader, &bytes), (b"before, after".to_vec(), Ok(Got::Life)));
    let late = record(&mut old, DATA, b"late");
    assert_eq!(read(&mut reader, &late).1, Err(RecordError::Forged), "the old key is gone");
}

#[tokio::test]
async fn tickets_are_for_clients_only_and_have_to_make_sense() {
    let [mut at_server, mut at_client] = lines().await;
    let ticket = [4, 0, 0, 5, 0, 0, 0, 0, 0];
    let bytes = at_server.says(ContentType::Handshake, &ticket);
    at_server.refuses(&bytes, &RecordError::Handshake(4), Some(10));
    let bytes = at_client.says(ContentType::Handshake, &ticket);
    at_client.refuses(&bytes, &RecordError::Ticket, Some(50));
}

#[tokio::test]
async fn records_without_data_are_bounded_and_data_renews_the_bound() {
    for empty in [(DATA, &[][..]), (ContentType::Alert, &[1, 90])] {
        let mut line = line().await;
        for _ in 0..3 {
            let mut bytes: Vec<u8> = (0..32).flat_map(|_| line.says(empty.0, empty.1)).collect();
            bytes.extend(line.says(DATA, b"x"));
            assert_eq!(read(&mut line.reader, &bytes), (b"x".to_vec(), Ok(Got::Life)));
        }
        let bytes: Vec<u8> = (0..33).flat_map(|_| line.says(empty.0, empty.1)).collect();
        line.refuses(&bytes, &RecordError::Fruitless, Some(10));
    }
}

#[tokio::test]
async fn key_updates_without_end_are_refused() {
    let (client, server) = established().await;
    let mut sealer = Sealer::new(client.secrets.tx).unwrap();
    let Kernel::Client(mut kernel) = client.kernel else { panic!("it dialled") };
    let (reader, writer) = ends(server, Rotation::default()).unwrap();
    let mut line = Line { reader, writer, peer: Sealer::new(dull()).unwrap() };
    for n in 0..33 {
        let bytes = record(&mut sealer, ContentType::Handshake, &[24, 0, 0, 1, n % 2]);
        sealer = Sealer::new(kernel.update_tx_secret().unwrap()).unwrap();
        if n < 32 {
            assert_eq!(read(&mut line.reader, &bytes).1, Ok(Got::Life));
        } else {
            line.refuses(&bytes, &RecordError::Fruitless, Some(10));
        }
    }
}

#[tokio::test]
async fn the_clean_end_is_the_end_whatever_comes_behind_it() {
    let mut line = line().await;
    let bytes = [
        line.says(DATA, b"last"),
        line.says(ContentType::Alert, &[1, 90]),
        line.says(ContentType::Alert, &[2, 0]),
        b"no record at all".to_vec(),
    ];
    assert_eq!(read(&mut line.reader, &bytes.concat()), (b"last".to_vec(), Ok(Got::End)));
    assert_eq!(read(&mut line.reader, b"more").1, Ok(Got::End));
}

#[tokio::test]
async fn any_other_alert_is_an_error_with_its_name_and_is_not_answered() {
    for level in [1, 2] {
        let mut line = line().await;
        let bytes = line.says(ContentType::Alert, &[level, 80]);
        let fault = RecordError::Alert(80);
        assert!(fault.to_string().contains("InternalError"), "{fault}");
        line.refuses(&bytes, &fault, None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn noise_is_refused_or_waited_for_and_never_handed_on(noise in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut line = runtime.block_on(line());
        let (got, end) = read(&mut line.reader, &noise);
        prop_assert!(got.is_empty());
        prop_assert!(matches!(end, Ok(Got::Life) | Err(_)), "{:?}", end);
    }

    #[test]
    fn whatever_is_done_to_the_bytes_on_their_way_only_what_was_said_comes_out_and_in_order(
        sizes in proptest::collection::vec(0usize..3000, 1..8),
        at in any::<proptest::sample::Index>(),
        harm in 0..4u8,
        len in 1usize..40,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut line = runtime.block_on(line());
        let said: Vec<Vec<u8>> = (0u8..).zip(&sizes).map(|(n, size)| vec![n; *size]).collect();
        let mut bytes: Vec<u8> = said.iter().flat_map(|content| line.says(DATA, content)).collect();
        let from = at.index(bytes.len());
        let part = from..(from + len).min(bytes.len());
        let copy = bytes[part.clone()].to_vec();
        match harm {
            0 => bytes[from] ^= 1 << (len % 8),
            1 => drop(bytes.drain(part)),
            2 => drop(bytes.splice(from..from, copy)),
            _ => bytes[part].reverse(),
        }
        let (got, end) = read(&mut line.reader, &bytes);
        prop_assert!(said.concat().starts_with(&got), "{:?}", end);
        prop_assert_ne!(end, Ok(Got::End));
    }
}
