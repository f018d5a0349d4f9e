//! The conversations of PROTOCOL.md §9, spoken: the dialler's turns go into the files service as they are printed, and what
//! it answers, turn by turn, must be the printed bytes.
#![allow(clippy::unwrap_used, reason = "these are tests, also where a function is shared by several of them")]

use std::{sync::Arc, time::Duration};

use landline_fuzz::vectors::vectors;
use landline_net::{Call, CallError, CallLimits, Ended, Peer, peer::Origin};
use landline_services::files::{
    msg::{Ack, LoadMsg},
    serve::{Share, Visitor},
    tree::Tree,
};
use landline_trust::grant::{Area, Grant};
use landline_wire::{Header, Limits, Open, decode, encode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_util::sync::CancellationToken;

/// What the dialler says and what the server answers, raw.
type Turn = (Vec<u8>, Vec<u8>);

/// Calls in the order in which they are to be made, each with its turns.
fn calls() -> Vec<(String, Vec<Turn>)> {
    let mut calls: Vec<(String, Vec<Turn>)> = Vec::new();
    for vector in vectors().into_iter().filter(|vector| vector.decoder == "conversation") {
        let (rest, who) = vector.label.rsplit_once('-').expect("a label ends with who speaks");
        let (call, turn) = rest.rsplit_once('-').expect("and before that is the number of the turn");
        if calls.last().is_none_or(|(last, _)| last != call) {
            calls.push((call.to_owned(), Vec::new()));
        }
        let (_, turns) = calls.last_mut().expect("one is there now");
        match who {
            "dialler" => turns.push((vector.bytes, Vec::new())),
            "server" => turns.last_mut().expect("the dialler begins").1 = vector.bytes,
            other => panic!("nobody is called {other}"),
        }
        assert_eq!(turns.len().to_string(), turn, "{}", vector.label);
    }
    calls
}

/// The next frame; `None` at the end of the stream.
async fn frame(far: &mut DuplexStream) -> Option<Vec<u8>> {
    let mut head = [0; 4];
    far.read_exact(&mut head).await.ok()?;
    let mut body = vec![0; Header::decode(head, &Limits::KNOWN).expect("the server writes frames").body_len()];
    far.read_exact(&mut body).await.expect("it writes whole ones");
    Some([&head[..], &body].concat())
}

/// A frame as it is printed: times are none of the protocol's. `None` for a sign of life.
fn as_printed(frame: Vec<u8>) -> Option<Vec<u8>> {
    if frame.first() != Some(&1) {
        return Some(frame);
    }
    match decode::<Ack>(&frame[4..]) {
        Ok(Ack::Working { .. }) => None,
        Ok(Ack::Done { files, bytes, failed, load: Some(_) }) => {
            let done = Ack::Done { files, bytes, failed, load: Some(LoadMsg::default()) };
            Some(encode(&done).expect("it is short").to_vec())
        }
        _ => Some(frame),
    }
}

/// Speaks one call.
async fn speak(share: &Share, name: &str, turns: &[Turn]) {
    let (near, mut far) = duplex(1 << 16);
    let mut call = Call::over(near, Peer::Uid(0), Origin::Unix, None, Limits::KNOWN, &CallLimits::default());
    let serving = async {
        assert_eq!(call.recv::<Open>().await.expect("a message"), Some(Open::of("files")), "the door takes this one");
        let visitor = Visitor {
            name: "ann".to_owned(),
            is_default: false,
            grants: Grant::defaults().to_vec(),
            area: Area::Share,
        };
        let served = share.serve(&visitor, &mut call, &CancellationToken::new(), Duration::from_secs(60)).await;
        if name == "cut" {
            assert!(matches!(served, Err(CallError::Cut)), "{served:?}");
            return;
        }
        assert!(matches!(served, Ok(Ended::Well)), "{name}: {served:?}");
        call.close().await.expect("the pipe is open");
    };
    let dialling = async {
        for (turn, (said, printed)) in turns.iter().enumerate() {
            far.write_all(said).await.expect("the pipe has room");
            let mut answered = Vec::new();
            while answered.len() < printed.len() {
                let frame = frame(&mut far).await.unwrap_or_else(|| panic!("{name}: it hung up in turn {}", turn + 1));
                answered.extend(as_printed(frame).unwrap_or_default());
            }
            let readable = |bytes: &[u8]| bytes.escape_ascii().to_string();
            assert_eq!(readable(&answered), readable(printed), "{name}, turn {}", turn + 1);
        }
        far.shutdown().await.expect("the pipe is open");
        let more = frame(&mut far).await.and_then(as_printed);
        assert_eq!(more.map(|more| more.escape_ascii().to_string()), None, "{name}: more than is printed");
    };
    tokio::join!(serving, dialling);
}

#[tokio::test]
async fn each_is_answered_with_the_bytes_that_the_protocol_prints() {
    let folder = tempfile::tempdir().unwrap();
    let share = Share::new(Arc::new(Tree::open(folder.path()).unwrap()), false);
    let calls = calls();
    let names: Vec<_> = calls.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["put", "again", "list", "get", "cut", "resume", "refused", "not-found", "hashes"]);
    for (name, turns) in &calls {
        speak(&share, name, turns).await;
    }
    assert_eq!(std::fs::read(folder.path().join("docs/hello.txt")).unwrap(), b"hello\n");
    let big = std::fs::read(folder.path().join("big")).unwrap();
    assert!(big.ends_with(b"hello\n") && big.len() == (1 << 20) + 6 && big[..1 << 20].iter().all(|byte| *byte == 0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left of what was cut");
}
