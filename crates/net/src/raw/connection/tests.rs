//! Messages in, messages out, ends in each direction; over pipes in this process.

use proptest::prelude::*;

use super::*;

fn talk(framing: &str) -> Talk {
    let framing: Framing = framing.parse().unwrap();
    Talk { incoming: framing.clone(), outgoing: framing, ..Talk::default() }
}

fn body(message: Option<Message>) -> String {
    String::from_utf8(message.unwrap().body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_half_close_ends_one_direction_only() {
    let (mut here, mut there) = Connection::pair(100, &Talk::default()).unwrap();
    here.send(b"question").await.unwrap();
    here.finish().await.unwrap();
    assert_eq!(body(there.receive().await.unwrap()), "question");
    assert!(there.receive().await.unwrap().is_none());
    there.send(b"a late answer").await.unwrap();
    assert_eq!(body(here.receive().await.unwrap()), "a late answer");
}

#[tokio::test]
async fn raw_messages_are_what_one_read_gives_and_no_longer_than_asked() {
    let asked = Talk { read_bytes: 5, ..Talk::default() };
    let (mut here, mut there) = Connection::pair(100, &asked).unwrap();
    here.send(b"1234567890123").await.unwrap();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        sizes.push(there.receive().await.unwrap().unwrap().body.len());
    }
    assert_eq!(sizes, [5, 5, 3]);
}

#[tokio::test]
async fn the_last_line_may_have_no_end_and_a_cut_message_is_an_error() {
    let (mut here, mut there) = Connection::pair(100, &talk("line")).unwrap();
    here.halves().1.write(b"one\ntwo").await.unwrap();
    here.finish().await.unwrap();
    assert_eq!(body(there.receive().await.unwrap()), "one");
    assert_eq!(body(there.receive().await.unwrap()), "two");
    assert!(there.receive().await.unwrap().is_none());

    let (mut here, mut there) = Connection::pair(100, &talk("u32be")).unwrap();
    here.halves().1.write(&[0, 0, 0, 9, b'x']).await.unwrap();
    here.finish().await.unwrap();
    assert!(matches!(there.receive().await, Err(RawError::Framing(_))));
}

#[tokio::test]
async fn a_message_that_is_declared_too_long_is_refused_before_it_comes() {
    let mut small = talk("u32be");
    small.limits.message_bytes = 10;
    let (mut here, mut there) = Connection::pair(100, &small).unwrap();
    assert!(matches!(here.send(&[0; 11]).await, Err(RawError::Framing(_))));
    here.halves().1.write(&[0, 0, 0, 11]).await.unwrap();
    assert!(matches!(there.receive().await, Err(RawError::Framing(_))));
}

#[tokio::test]
async fn ready_takes_turns_and_for_another_word_there_is_no_answer() {
    let (mut here, mut there) = Connection::pair(100, &talk("ready")).unwrap();
    let sending = async {
        here.send(b"hello").await.unwrap();
        here.send(b"").await.unwrap();
    };
    let receiving = async { (body(there.receive().await.unwrap()), body(there.receive().await.unwrap())) };
    assert_eq!(tokio::join!(sending, receiving).1, ("hello".to_owned(), String::new()));

    let mut asking = talk("raw");
    asking.outgoing = Framing::Ready;
    let (mut here, mut there) = Connection::pair(100, &asking).unwrap();
    let sending = here.send(b"dropped");
    let other = async {
        let (receiver, sender) = there.halves();
        assert_eq!(receiver.read_some(10).await.unwrap().unwrap().body, "7");
        sender.write(b"what?").await.unwrap();
    };
    tokio::join!(sending, other).0.unwrap();
    there.halves().1.write(b"ls").await.unwrap();
    assert_eq!(body(here.receive().await.unwrap()), "ls");
    assert!(here.split().1.send(b"x").await.is_err(), "a half can't take turns");
}

#[tokio::test(start_paused = true)]
async fn silence_is_given_up_when_a_limit_is_set_and_only_then() {
    let (_here, mut there) = Connection::pair(100, &Talk::default()).unwrap();
    let for_ever = timeout(Duration::from_secs(1_000_000), there.receive()).await;
    assert!(for_ever.is_err());
    let limited = Talk { idle: Some(Duration::from_secs(5)), ..Talk::default() };
    let (mut here, mut there) = Connection::pair(10, &limited).unwrap();
    assert!(matches!(there.receive().await, Err(RawError::Idle(_))));
    assert!(matches!(here.send(&[0; 100]).await, Err(RawError::Idle(_))), "nor does it wait for ever to be heard");
}

#[tokio::test]
async fn what_was_read_too_far_comes_next() {
    let (mut here, mut there) = Connection::pair(100, &Talk::default()).unwrap();
    here.send(b"0123456789").await.unwrap();
    assert_eq!(there.halves().0.read_exactly(4).await.unwrap().unwrap(), "0123");
    assert_eq!(body(there.receive().await.unwrap()), "456789");
    here.finish().await.unwrap();
    assert_eq!(there.halves().0.read_exactly(1).await.unwrap(), None);
}

#[tokio::test]
async fn a_silent_peer_costs_no_buffer() {
    let (mut here, mut there) = Connection::pair(100, &talk("line")).unwrap();
    here.send(b"a line").await.unwrap();
    there.receive().await.unwrap();
    assert_eq!(there.receiver.inbox.capacity(), 0);
}

#[tokio::test]
async fn bytes_of_both_directions_are_counted_with_their_framing() {
    let (mut here, mut there) = Connection::pair(100, &talk("u8")).unwrap();
    here.send(b"12345").await.unwrap();
    there.receive().await.unwrap();
    assert_eq!((here.traffic().sent(), there.traffic().received(), there.traffic().sent()), (6, 6, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn however_a_stream_is_cut_the_same_messages_come(
        framing in prop::sample::select(vec!["line", "mark:##", "u16be", "u32le", "i32le", "json", "landline"]),
        texts in prop::collection::vec("[a-z 你好]{0,40}", 1..8),
        read_bytes in 1usize..9,
        pipe in 1usize..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let got = runtime.block_on(async {
            let cut = Talk { read_bytes, ..talk(framing) };
            let (mut here, mut there) = Connection::pair(pipe, &cut).unwrap();
            let sending = async {
                for text in &texts {
                    here.send(text.as_bytes()).await.unwrap();
                }
                here.finish().await.unwrap();
            };
            let receiving = async {
                let mut got = Vec::new();
                while let Some(message) = there.receive().await.unwrap() {
                    got.push(String::from_utf8(message.body.to_vec()).unwrap());
                }
                got
            };
            tokio::join!(sending, receiving).1
        });
        prop_assert_eq!(got, texts);
    }
}
