//! The conversations of PROTOCOL.md §9, spoken: the dialler's bytes go into the files service as they are printed, and
//! what it answers must be the printed bytes.

use std::{sync::Arc, time::Duration};

use landline_fuzz::vectors::vectors;
use landline_net::{Call, CallLimits, Ended, Peer, peer::Origin};
use landline_services::files::{
    serve::{Share, Visitor},
    tree::Tree,
};
use landline_trust::grant::Grant;
use landline_wire::{Limits, Open};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio_util::sync::CancellationToken;

fn bytes_of(label: &str) -> Vec<u8> {
    let found = vectors().into_iter().find(|vector| vector.decoder == "conversation" && vector.label == label);
    found.unwrap_or_else(|| panic!("no conversation {label}")).bytes
}

/// One call: what the dialler says at once, what it says when the other end has finished (a receiver may not be done
/// before), then the end; what the share answers.
async fn call(share: &Share, at_once: &[u8], when_finished: &[u8]) -> Vec<u8> {
    let (near, mut far) = duplex(1 << 16);
    let mut call = Call::over(near, Peer::Uid(0), Origin::Unix, None, Limits::KNOWN, &CallLimits::default());
    let serving = async {
        assert_eq!(call.recv::<Open>().await.expect("a message"), Some(Open::of("files")), "the door takes this one");
        let visitor = Visitor { name: "ann".to_owned(), grants: Grant::defaults().to_vec() };
        let served = share.serve(&visitor, &mut call, &CancellationToken::new(), Duration::from_secs(60)).await;
        assert!(matches!(served, Ok(Ended::Well)), "{served:?}");
        call.close().await.expect("the pipe is open");
    };
    let dialling = async {
        let mut answered = Vec::new();
        far.write_all(at_once).await.expect("the pipe has room");
        while !when_finished.is_empty() && !answered.ends_with(br#"{"finish":{}}"#) {
            assert_ne!(far.read_buf(&mut answered).await.expect("the pipe is open"), 0, "it never finished");
        }
        far.write_all(when_finished).await.expect("the pipe has room");
        far.shutdown().await.expect("the pipe is open");
        far.read_to_end(&mut answered).await.expect("the pipe is open");
        answered
    };
    tokio::join!(serving, dialling).1
}

/// Where the first acknowledgement begins; the end if there is none.
fn first_ack(said: &[u8]) -> usize {
    let mut at = 0;
    while let Some([_, a, b, c]) = said.get(at..at + 4) {
        let end = at + 4 + usize::from(*a) * 65_536 + usize::from(*b) * 256 + usize::from(*c);
        if said[at + 4..end].starts_with(br#"{"kept""#) {
            break;
        }
        at = end;
    }
    at
}

#[tokio::test]
async fn each_is_answered_with_the_bytes_that_the_protocol_prints() {
    let folder = tempfile::tempdir().unwrap();
    let share = Share::new(Arc::new(Tree::open(folder.path()).unwrap()), false);
    for label in ["put", "list", "get", "not-found"] {
        let said = bytes_of(&format!("{label}-dialler"));
        let (at_once, when_finished) = said.split_at(first_ack(&said));
        let answered = call(&share, at_once, when_finished).await;
        let printed = bytes_of(&format!("{label}-server"));
        assert_eq!(answered.escape_ascii().to_string(), printed.escape_ascii().to_string(), "{label}");
    }
    assert_eq!(std::fs::read(folder.path().join("docs/hello.txt")).unwrap(), b"hello\n");
}
