//! UDP: no loop, no amplification; groups and broadcast.

use std::io::ErrorKind;
use std::net::UdpSocket;

use super::{listen, office};

#[test]
fn a_service_that_is_answered_by_another_falls_silent() {
    let office = office();
    let machine = office.machine("amy");
    let server = machine.cmd(["--json", "listen", "udp://127.0.0.1:0", "--service", "echo", "--rate", "2"]).spawn();
    let line = server.wait_for_stdout_line("{\"event\":\"listening\",");
    let address = line.split('"').nth(3).unwrap().trim_start_matches("udp://").to_owned();
    // This end answers every answer, as a second echo server would.
    let (looping, other) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let mut room = [0; 16];
    looping.send_to(b"ping", &address).unwrap();
    for _ in 0..2 {
        let len = looping.recv(&mut room).unwrap();
        looping.send_to(&room[..len], &address).unwrap();
    }
    // Another source is served, which also shows that the third datagram has been dealt with.
    other.send_to(b"hello", &address).unwrap();
    assert_eq!(other.recv(&mut room).unwrap(), 5);
    looping.set_nonblocking(true).unwrap();
    assert_eq!(looping.recv(&mut room).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.sigterm();
    let told = server.wait().exits_with(0).json();
    let stopped = told.last().unwrap();
    assert_eq!((&stopped["connections"], &stopped["dropped"]), (&3.into(), &1.into()));
}

#[test]
fn one_datagram_to_a_group_reaches_all_who_joined_it() {
    let office = office();
    let machine = office.machine("amy");
    let first = listen(&machine, ["udp://239.77.1.1:0", "--interface", "lo", "--lines"]);
    let second = listen(&machine, [first.endpoint.as_str(), "--interface", "lo", "--lines"]);
    let words = ["dial", first.endpoint.as_str(), "--interface", "lo", "--lines", "--say", "to all", "--linger", "0"];
    machine.cmd(words).succeeds();
    first.running.wait_for_stdout("to all\n");
    second.running.wait_for_stdout("to all\n");
    machine.cmd(["listen", "udp://239.77.1.1:0", "--interface", "no-such0"]).fails_with(8).stderr_has("no-such0");
}

#[test]
fn a_broadcast_reaches_everybody_in_the_network_and_must_be_asked_for() {
    let office = office();
    let machine = office.machine("amy");
    // Two who asked to share the port; the loopback network has a broadcast address like every other.
    let first = listen(&machine, ["udp://0.0.0.0:0", "--reuseaddr", "--lines"]);
    let second = listen(&machine, [first.endpoint.as_str(), "--reuseaddr", "--lines"]);
    let everybody = format!("udp://127.255.255.255:{}", first.address().port());
    let dial = |more: &[&str]| {
        let words = ["dial", everybody.as_str(), "--lines", "--say", "to all", "--linger", "0"];
        machine.cmd(words).args(more).run()
    };
    dial(&[]).exits_with(5).stderr_has("--broadcast");
    dial(&["--broadcast"]).exits_with(0);
    first.running.wait_for_stdout("to all\n");
    second.running.wait_for_stdout("to all\n");
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody() {
    use std::os::unix::net::UnixDatagram;
    let office = office();
    let machine = office.machine("amy");
    let at = |name: &str| machine.work().join(name);
    let server = listen(&machine, [format!("unix-dgram:{}", at("s").display()).as_str(), "--service", "echo"]);
    let (lazy, other) = (UnixDatagram::bind(at("lazy")).unwrap(), UnixDatagram::bind(at("other")).unwrap());
    for client in [&lazy, &other] {
        client.connect(at("s")).unwrap();
    }
    for _ in 0..200 {
        lazy.send(b"x").unwrap();
    }
    other.send(b"hello").unwrap();
    let mut room = [0; 8];
    assert_eq!(other.recv(&mut room).unwrap(), 5);
    drop(server);
}

#[test]
fn a_challenge_is_refused_where_there_are_no_connections_however_the_socket_came() {
    let office = office();
    let machine = office.machine("amy");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let script = format!(
        "exec {} --home {} listen fd:3 --service echo --auth mutual 3<&0",
        super::BIN,
        machine.home().display()
    );
    let mut child = std::process::Command::new("sh");
    child.args(["-c", &script]).env("LANDLINE_KEY", "x".repeat(20)).stdin(std::os::fd::OwnedFd::from(socket));
    let done = child.output().unwrap();
    assert_eq!(done.status.code(), Some(2), "{}", String::from_utf8_lossy(&done.stderr));
}
