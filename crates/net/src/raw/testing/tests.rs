use std::time::Duration;

use landline_wire::framing::Framing;

use super::*;
use crate::raw::{Handler, handler_fn};

/// Words of every framing that finds messages on a stream.
const FRAMINGS: [&str; 8] = ["line", "mark:##", "u8", "u32be", "i32le", "json", "landline", "ready"];

const MESSAGES: [&[u8]; 4] = [b"hello", b"x", b"a longer message, with # in it", b"last"];

fn talk(framing: &str) -> Talk {
    let framing: Framing = framing.parse().unwrap();
    Talk { incoming: framing.clone(), outgoing: framing, ..Talk::default() }
}

fn echo() -> impl Handler {
    handler_fn(|mut connection: Connection| async move {
        while let Some(message) = connection.receive().await? {
            connection.send(&message.body).await?;
        }
        connection.finish().await
    })
}

/// What an echo answers to all messages, one after the other.
async fn answers((mut here, there): (Connection, Connection)) -> Result<Vec<Bytes>, RawError> {
    let handler = echo();
    let asking = async {
        let mut answers = Vec::new();
        for message in MESSAGES {
            here.send(message).await?;
            answers.extend(here.receive().await?.map(|message| message.body));
        }
        here.finish().await?;
        assert!(here.receive().await?.is_none());
        Ok(answers)
    };
    let (answers, served) = tokio::join!(asking, handler.handle(there));
    served.and(answers)
}

#[tokio::test(start_paused = true)]
async fn an_echo_answers_the_same_over_every_bad_line_and_framing() {
    for framing in FRAMINGS {
        let talk = talk(framing);
        let expected = answers(Connection::pair(1024, &talk).unwrap()).await.unwrap();
        assert_eq!(expected, MESSAGES, "{framing}");
        // What one read brings is the length in `ready`: cut, it is another length. That is what these lines are for.
        if framing != "ready" {
            assert_eq!(answers(split_every_byte(&talk).unwrap()).await.unwrap(), expected, "{framing}");
            for seed in 0..30 {
                let mut network = BadNetwork::new(seed).delays(Duration::from_secs(3));
                assert_eq!(answers(network.stream(&talk).unwrap()).await.unwrap(), expected, "{framing} {seed}");
            }
        }
        // A line that holds one byte.
        assert_eq!(answers(Connection::pair(1, &talk).unwrap()).await.is_ok(), framing != "ready", "{framing}");
    }
}

#[tokio::test]
async fn an_echo_answers_who_has_said_all_and_ended() {
    for framing in FRAMINGS.into_iter().filter(|framing| *framing != "ready") {
        let (server, mut peer) = half_closed(&MESSAGES, &talk(framing)).await.unwrap();
        echo().handle(server).await.unwrap();
        for message in MESSAGES {
            assert_eq!(peer.receive().await.unwrap().unwrap().body, message, "{framing}");
        }
        assert!(peer.receive().await.unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn who_writes_to_a_stalled_peer_waits_and_goes_on_with_it() {
    let talk = talk("line");
    let (mut here, stalled) = stalled_writer(8, &talk).unwrap();
    here.send(b"1234567").await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_secs(3600), here.send(b"abc")).await;
    assert!(waiting.is_err(), "nobody reads");

    let (mut here, stalled_too) = stalled_writer(8, &talk).unwrap();
    let mut there = stalled_too.resume();
    let (sent, came) = tokio::join!(here.send(b"longer than eight bytes"), there.receive());
    sent.unwrap();
    assert_eq!(came.unwrap().unwrap().body, "longer than eight bytes");
    drop(stalled);
}

#[tokio::test(start_paused = true)]
async fn a_reset_reaches_both_ends_and_where_it_does_is_the_seeds() {
    let run = async |seed| {
        let mut network = BadNetwork::new(seed).delays(Duration::from_millis(7)).resets_within(60);
        let (mut here, mut there) = network.stream(&talk("line")).unwrap();
        let flood = async |connection: &mut Connection| {
            let mut came = 0;
            let (receiver, sender) = connection.halves();
            let sending = async { while sender.send(b"word").await.is_ok() {} };
            let receiving = async {
                loop {
                    match receiver.receive().await {
                        Ok(Some(_)) => came += 1,
                        Ok(None) => panic!("an end is no reset"),
                        Err(fault) => return fault.io_kind(),
                    }
                }
            };
            let ((), fault) = tokio::join!(sending, receiving);
            assert_eq!(fault, Some(std::io::ErrorKind::ConnectionReset));
            came
        };
        tokio::join!(flood(&mut here), flood(&mut there))
    };
    let mut outcomes = Vec::new();
    for seed in 0..20 {
        outcomes.push(run(seed).await);
        assert_eq!(outcomes.last(), Some(&run(seed).await), "seed {seed}");
    }
    outcomes.sort_unstable();
    outcomes.dedup();
    assert!(outcomes.len() > 5, "{outcomes:?}");
}

/// The numbers that arrive of 0 to 199.
async fn arriving(mut network: BadNetwork) -> Vec<u8> {
    let (mut here, mut there) = network.datagrams(&Talk::default()).unwrap();
    let sending = async {
        for number in 0..200u8 {
            here.send(&[number]).await.unwrap();
        }
        here.finish().await.unwrap();
        drop(here);
    };
    let receiving = async {
        let mut came = Vec::new();
        while let Some(message) = there.receive().await.unwrap() {
            came.push(message.body[0]);
        }
        came
    };
    tokio::join!(sending, receiving).1
}

#[tokio::test]
async fn datagrams_are_lost_doubled_and_swapped_by_the_seed() {
    let all: Vec<u8> = (0..200).collect();
    assert_eq!(arriving(BadNetwork::new(1)).await, all);

    let lossy = arriving(BadNetwork::new(1).loses(20)).await;
    assert!((120..190).contains(&lossy.len()) && lossy.is_sorted());

    let mut doubled = arriving(BadNetwork::new(1).duplicates(20)).await;
    assert!((210..280).contains(&doubled.len()));
    doubled.dedup();
    assert_eq!(doubled, all);

    let mut swapped = arriving(BadNetwork::new(1).reorders(20)).await;
    assert!(!swapped.is_sorted() && swapped.len() == 200);
    swapped.sort_unstable();
    assert_eq!(swapped, all);

    let bad = |seed| BadNetwork::new(seed).loses(10).duplicates(10).reorders(10);
    assert_eq!(arriving(bad(7)).await, arriving(bad(7)).await);
    assert_ne!(arriving(bad(7)).await, arriving(bad(8)).await);
}

#[test]
fn connections_may_be_shared_and_sent_between_threads() {
    fn is_for_threads<T: Send + Sync>() {}
    is_for_threads::<Connection>();
}
