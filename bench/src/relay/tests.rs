use std::io::{Read, Write};

use super::*;

/// A server for one connection: hears everything, then says `answer` and ends.
fn server(answer: &'static [u8]) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        socket.read_to_end(&mut heard).unwrap();
        socket.write_all(answer).unwrap();
        heard
    });
    (port, serving)
}

fn say(relay: &Relay, words: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).unwrap();
    socket.write_all(words).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    heard
}

#[test]
fn carries_and_counts_both_ways() {
    let (port, serving) = server(b"well");
    let relay = Line::Counted.to(port).unwrap().unwrap();
    let words = vec![7; 1_000_000];
    assert_eq!(say(&relay, &words), b"well");
    assert_eq!(serving.join().unwrap(), words);
    assert_eq!(relay.passed(), 1_000_004);
    relay.wait_quiet().unwrap();
}

#[test]
fn a_delayed_line_takes_two_round_trips_to_the_first_answer_and_loses_nothing() {
    let (port, serving) = server(b"well");
    let relay = Line::Delayed(Delay { one_way: Duration::from_millis(10), rate: None }).to(port).unwrap().unwrap();
    let words: Vec<u8> = (0..1_000_000u32).map(|number| number.to_le_bytes()[0]).collect();
    let begun = Instant::now();
    assert_eq!(say(&relay, &words), b"well");
    assert!(begun.elapsed() >= Duration::from_millis(40));
    assert_eq!(serving.join().unwrap(), words);
}

#[test]
fn holds_after_so_many_bytes_until_it_is_released() {
    let (port, serving) = server(b"");
    let relay = Line::Counted.to(port).unwrap().unwrap();
    relay.hold_after(10);
    assert!(!relay.holds());
    std::thread::scope(|scope| {
        scope.spawn(|| say(&relay, &[1; 5_000_000]));
        while !relay.holds() {
            std::thread::yield_now();
        }
        let passed = relay.passed();
        assert!(passed < 5_000_000, "a chunk at most beyond the mark: {passed}");
        assert!(!serving.is_finished());
        relay.release();
    });
    assert_eq!(serving.join().unwrap().len(), 5_000_000);
}

#[test]
fn leads_elsewhere_and_closes_when_nobody_is_there() {
    let (port, serving) = server(b"first");
    let relay = Line::Counted.to(port).unwrap().unwrap();
    assert_eq!(say(&relay, b"x"), b"first");
    serving.join().unwrap();
    let mut heard = Vec::new();
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).unwrap();
    assert_eq!(socket.read_to_end(&mut heard).unwrap_or(0), 0);
    let (port, _serving) = server(b"second");
    relay.leads_to(port);
    assert_eq!(say(&relay, b"x"), b"second");
}
