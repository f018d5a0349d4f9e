//! Many who guess at once have no more than one guess.

use std::time::Duration;

use landline_net::{CallLimits, peer::Origin};
use landline_store::{Event, Home, Keys as _};
use landline_trust::introduction::Joiner;
use landline_wire::Limits;
use tokio::io::duplex;
use zeroize::Zeroizing;

use super::*;

const EXPORTER: [u8; 32] = [7; 32];
const RIGHT: &str = "cross-clock";

fn host_key() -> PublicKey {
    PublicKey::from_bytes([1; 32])
}

fn guest_key() -> PublicKey {
    PublicKey::from_bytes([2; 32])
}

/// The two ends of a line between the host and a guest.
fn line() -> (Call, Call) {
    let (near, far) = duplex(1 << 14);
    let call = |stream, key| {
        let from = Origin::Tcp(([127, 0, 0, 1], 9).into());
        Call::over(stream, Peer::Key(key), from, Some(EXPORTER), Limits::STRANGER, &CallLimits::default())
    };
    (call(near, guest_key()), call(far, host_key()))
}

fn opened() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Home::open_or_create(folder.path()).unwrap()).unwrap();
    (folder, store)
}

async fn open_code(store: &Store) {
    let code = OpenCode {
        number: 7,
        secret: Zeroizing::new(RIGHT.to_owned()),
        user: "friends".to_owned(),
        expires_at: SystemTime::now() + Duration::from_secs(600),
        breaks: 0,
    };
    store.open_code(code).await.unwrap();
}

/// Goes as far as the proof, which is held back.
async fn prepare(guest: &mut Call, words: &str) -> Joining {
    let Inviting::Blinded { step } = guest.ask(&Joining::Introduce { number: 7 }).await.unwrap() else {
        panic!("it must begin");
    };
    let binding = Binding { exporter: &EXPORTER, inviter: &host_key(), joiner: &guest_key(), number: 7 };
    let (_, proof) = Joiner::answer(words, &step.0, &binding, &mut rand::rngs::OsRng).unwrap();
    Joining::Confirm { step: Blob(proof), label: String::new() }
}

/// On one thread the order in which the proofs arrive is the order in which they were sent: the right one comes last.
#[tokio::test]
async fn of_guesses_that_are_sent_together_only_the_first_counts() {
    let (_folder, store) = opened();
    open_code(&store).await;
    let host = Host::new(store.clone(), host_key(), "host".to_owned());
    let (mut guests, mut served) = (Vec::new(), tokio::task::JoinSet::new());
    for words in ["wrong-one", "wrong-two", "wrong-three", RIGHT] {
        let (mut near, mut far) = line();
        let host = host.clone();
        served.spawn(async move { host.serve(&mut near).await.unwrap() });
        let proof = prepare(&mut far, words).await;
        guests.push((far, proof));
    }
    for (guest, proof) in &mut guests {
        guest.send(proof).await.unwrap();
    }
    while let Some(ended) = served.join_next().await {
        assert!(matches!(ended.unwrap(), Ended::Refused(fault) if fault.code == ErrorCode::NoMatch));
    }
    assert_eq!(store.list_keys().await.unwrap().len(), 0);
    assert_eq!(store.list_codes(SystemTime::now()).await.unwrap().len(), 0);
}

/// A deadline, or a stop, may end a call at any moment: a guess that was made burns the code all the same.
#[tokio::test]
async fn a_call_that_is_cut_while_its_guess_is_judged_burns_the_code() {
    let (_folder, store) = opened();
    open_code(&store).await;
    let mut events = store.events();
    let host = Host::new(store.clone(), host_key(), "host".to_owned());
    let (mut near, mut far) = line();
    {
        let mut serving = std::pin::pin!(host.serve(&mut near));
        let proof = tokio::select! {
            _ = &mut serving => panic!("it ends only with a proof"),
            proof = prepare(&mut far, "wrong-one") => proof,
        };
        far.send(&proof).await.unwrap();
        tokio::select! {
            biased;
            _ = &mut serving => panic!("a judgement takes more than one look"),
            () = std::future::ready(()) => {} // the proof is in; here the call is cut
        }
    }
    let event = tokio::time::timeout(Duration::from_secs(60), events.recv()).await.unwrap().unwrap();
    assert!(matches!(event, Event::CodeBurned { number: 7 }), "{event:?}");
}
