//! Members of a broker that do not keep up.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use landline_testkit::Machine;

use super::{Listening, listen, office};

/// More than the kernel and the broker (256 KiB) hold for a member.
const CHUNKS: usize = 128;
const CHUNK: usize = 64 << 10;

/// A room with somebody who talks, somebody who listens and somebody who heard that both are there and then reads no more.
struct Room {
    server: Listening,
    amy: TcpStream,
    bob: BufReader<TcpStream>,
    slow: BufReader<TcpStream>,
}

fn room(machine: &Machine, manner: &str) -> Room {
    let words = ["127.0.0.1:0", "--broker", "--slow", manner, "--frame", "line", "--sndbuf", "4096"];
    let server = listen(machine, words);
    let join = || TcpStream::connect(server.address()).unwrap();
    let (mut amy, mut bob, mut slow) = (join(), BufReader::new(join()), BufReader::new(join()));
    // Who is not in the room yet hears nothing: all others speak until each was heard.
    for other in [&mut bob, &mut slow] {
        let mut line = String::new();
        other.get_mut().write_all(b"here\n").unwrap();
        BufReader::with_capacity(5, &mut amy).read_line(&mut line).unwrap();
        assert_eq!(line, "here\n");
    }
    amy.write_all(b"begin\n").unwrap();
    for other in [&mut bob, &mut slow] {
        let mut line = String::new();
        while line != "begin\n" {
            line.clear();
            other.read_line(&mut line).unwrap();
        }
    }
    Room { server, amy, bob, slow }
}

fn chunk(number: usize) -> Vec<u8> {
    let line = format!("{number:1023}\n");
    line.as_bytes().repeat(CHUNK / line.len())
}

impl Room {
    /// Everything is said, and heard by who listens.
    fn talk(&mut self) {
        for number in 0..CHUNKS {
            self.amy.write_all(&chunk(number)).unwrap();
            let mut heard = vec![0; CHUNK];
            self.bob.read_exact(&mut heard).unwrap();
            assert!(heard == chunk(number), "chunk {number} came as it was said");
        }
    }

    fn ends(self) -> String {
        self.server.running.sigterm();
        String::from_utf8_lossy(self.server.running.wait().exits_with(0).stderr_bytes()).into_owned()
    }
}

#[test]
fn a_slow_member_loses_its_oldest_lines_and_the_loss_is_told() {
    let office = office();
    let mut room = room(&office.machine("amy"), "drop-oldest");
    room.talk();
    room.amy.write_all(b"end\n").unwrap();
    let (mut line, mut lines) = (String::new(), 0);
    while line != "end\n" {
        line.clear();
        room.slow.read_line(&mut line).unwrap();
        lines += 1;
    }
    assert!(lines < CHUNKS * CHUNK / 1024, "{lines} lines came through");
    assert!(room.ends().contains("messages were lost to members that did not keep up"));
}

#[test]
fn a_slow_member_is_closed() {
    let office = office();
    let mut room = room(&office.machine("amy"), "close");
    room.talk();
    let mut rest = Vec::new();
    let _ = room.slow.read_to_end(&mut rest); // an end or a reset: it is over
    assert!(rest.len() < CHUNKS * CHUNK);
    assert!(room.ends().contains("messages were lost to members that did not keep up"));
}

#[test]
fn whoever_talks_waits_for_a_slow_member_and_nothing_is_lost() {
    let office = office();
    let mut room = room(&office.machine("amy"), "block");
    let mut amy = room.amy.try_clone().unwrap();
    // Both are slow: nobody reads before this asks for it.
    let talking = std::thread::spawn(move || (0..CHUNKS).for_each(|number| amy.write_all(&chunk(number)).unwrap()));
    for number in 0..CHUNKS {
        for listener in [&mut room.slow, &mut room.bob] {
            let mut heard = vec![0; CHUNK];
            listener.read_exact(&mut heard).unwrap();
            assert!(heard == chunk(number), "chunk {number} came as it was said");
        }
    }
    talking.join().unwrap();
    assert!(!room.ends().contains("lost"));
}
