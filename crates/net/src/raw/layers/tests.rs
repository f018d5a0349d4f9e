use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::io::DuplexStream;

use super::*;
use crate::raw::{Connection, Handler, PeerName, RawError, Responder, Responding, Talk, Verdict, handler_fn};

struct Echo;

impl Responder for Echo {
    fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
        answer.extend_from_slice(request);
        Verdict::Answer
    }
}

/// A connection as a server would get it from this address, and the other end of it.
fn from(address: &str) -> (DuplexStream, Connection) {
    let (here, there) = tokio::io::duplex(1024);
    let peer = PeerName::Inet(address.parse().unwrap());
    (here, Connection::over(there, peer, &Talk::default()).unwrap())
}

/// Serves until the other end ends.
fn listening() -> impl Handler {
    handler_fn(|mut connection: Connection| async move {
        while connection.receive().await?.is_some() {}
        Ok(())
    })
}

#[tokio::test(start_paused = true)]
async fn a_conversation_ends_when_its_time_is_over_however_busy_it_is() {
    let talkative = handler_fn(|mut connection: Connection| async move {
        loop {
            connection.send(b"x").await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let handler = talkative.layered(Timeout::new(Duration::from_secs(60)));
    let (_here, there) = from("192.0.2.1:1");
    let start = tokio::time::Instant::now();
    assert!(matches!(handler.handle(there).await, Err(RawError::TimedOut(_))));
    assert_eq!(start.elapsed(), Duration::from_secs(60));
}

#[tokio::test]
async fn a_source_gets_its_places_back_and_an_ipv6_network_is_one_source() {
    let handler = Arc::new(listening().layered(Limit::per_source(2)));
    let serve = |address: &str| {
        let (here, there) = from(address);
        let handler = Arc::clone(&handler);
        (here, tokio::spawn(async move { handler.handle(there).await }))
    };
    let (first, first_served) = serve("[2001:db8::1]:1");
    let (_second, _) = serve("[2001:db8::2]:1");
    tokio::task::yield_now().await; // both have begun
    let (_third, refused) = serve("[2001:db8::3]:1");
    assert!(matches!(refused.await.unwrap(), Err(RawError::TooMany(source)) if source.to_string() == "2001:db8::/64"));
    let (elsewhere, served) = serve("[2001:db8:0:1::1]:1");
    drop(elsewhere);
    served.await.unwrap().unwrap();

    drop(first);
    first_served.await.unwrap().unwrap();
    let (again, served) = serve("[2001:db8::3]:1");
    drop(again);
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_place_comes_back_when_the_handler_panics_or_is_cut() {
    let handler = Arc::new(handler_fn(|_| async { panic!("on purpose") }).layered(Limit::per_source(1)));
    for _ in 0..3 {
        let handler = Arc::clone(&handler);
        let (_here, there) = from("192.0.2.1:1");
        assert!(tokio::spawn(async move { handler.handle(there).await }).await.unwrap_err().is_panic());
    }
    let handler = listening().layered(Limit::per_source(1));
    for _ in 0..3 {
        let (_here, there) = from("192.0.2.1:1");
        tokio::select! {
            biased;
            ended = handler.handle(there) => panic!("it was not let in: {ended:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hurries_is_refused_until_its_time_has_come_and_others_are_not() {
    let handler = listening().layered(Rate::per_source(2));
    let come = async |address: &str| {
        let (here, there) = from(address);
        drop(here);
        handler.handle(there).await
    };
    come("192.0.2.1:1").await.unwrap();
    come("192.0.2.1:2").await.unwrap();
    assert!(matches!(come("192.0.2.1:3").await, Err(RawError::TooOften(_))));
    come("192.0.2.2:1").await.unwrap();
    tokio::time::advance(Duration::from_millis(500)).await;
    come("192.0.2.1:4").await.unwrap();
    assert!(come("192.0.2.1:5").await.is_err());
}

#[tokio::test]
async fn programs_of_this_machine_are_neither_limited_nor_slowed() {
    let handler = listening().layered(Rate::per_source(1)).layered(Limit::per_source(0));
    for _ in 0..5 {
        let (here, there) = Connection::pair(64, &Talk::default()).unwrap();
        drop(here);
        handler.handle(there).await.unwrap();
    }
}

/// What tracing said, as text.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_trace_names_the_peer_the_bytes_and_the_fault() {
    let said = Said::default();
    let writer = said.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let handler = Responding::new(Echo).layered(Trace);
    let (mut here, there) = from("192.0.2.1:4000");
    tokio::io::AsyncWriteExt::write_all(&mut here, b"hello").await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut here).await.unwrap();
    handler.handle(there).await.unwrap();
    let (_here, there) = from("192.0.2.1:4001");
    let failing = handler_fn(|_| async { Err(RawError::Unproved) }).layered(Trace);
    failing.handle(there).await.unwrap_err();
    let answered = handler.responder().unwrap().respond(b"abc", &mut Vec::new());
    assert_eq!(answered, Verdict::Answer);

    let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].contains("connection{peer=192.0.2.1:4000}") && lines[0].contains("received=5 sent=5"), "{said}");
    assert!(lines[1].contains("peer=192.0.2.1:4001") && lines[1].contains("fault=the other end did not"), "{said}");
    assert!(lines[2].contains("TRACE") && lines[2].contains("received=3 sent=3 verdict=Answer"), "{said}");
}

#[test]
fn no_layer_is_passed_by_on_a_datagram_socket() {
    let echo = || Responding::new(Echo);
    assert!(echo().layered(Timeout::new(Duration::from_secs(1))).layered(Trace).responder().is_some());
    assert!(echo().layered(Limit::per_source(1)).layered(Trace).responder().is_none());
    assert!(echo().layered(Rate::per_source(1)).responder().is_none());
    let stack = Stack::new(Timeout::new(Duration::from_secs(1)), Limit::per_source(1));
    assert!(echo().layered(stack).responder().is_none());
}

#[tokio::test]
async fn the_last_layer_is_the_outermost() {
    struct Word<H>(&'static str, H);
    impl<H: Handler> Handler for Word<H> {
        async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
            connection.send(self.0.as_bytes()).await?;
            self.1.handle(connection).await
        }
    }
    let handler =
        listening().layered(layer_fn(|inner| Word("inner", inner))).layered(layer_fn(|inner| Word("outer ", inner)));
    let (mut here, there) = from("192.0.2.1:1");
    tokio::io::AsyncWriteExt::shutdown(&mut here).await.unwrap();
    handler.handle(there).await.unwrap();
    let mut heard = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut here, &mut heard).await.unwrap();
    assert_eq!(heard, "outer inner");
}
