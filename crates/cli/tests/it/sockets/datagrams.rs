//! UDP: no loop, no amplification; groups and broadcast.

use std::io::ErrorKind;
use std::net::UdpSocket;

use landline_testkit::{Office, needs};

use super::{listen, office};

#[test]
fn a_service_that_is_answered_by_another_falls_silent() {
    let office = office();
    let machine = office.machine("amy");
    let server = machine.cmd(["--json", "listen", "udp://127.0.0.1:0", "--service", "echo", "--rate", "1"]).spawn();
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
    if !needs("network namespace") {
        return;
    }
    let shell = Office::new("/bin/sh");
    let machine = shell.machine("amy");
    let script = "
        set -e
        ip link set lo up; ip link add one type dummy; ip addr add 10.77.0.1/24 brd 10.77.0.255 dev one; ip link set one up
        mkfifo said; $LANDLINE listen udp://*:7777 --lines --once </dev/null >heard 2>said & server=$!
        read announced <said; cat said >/dev/null &
        $LANDLINE dial udp://10.77.0.255:7777 --lines --say refused --linger 0 </dev/null && exit 9
        $LANDLINE dial udp://10.77.0.255:7777 --broadcast --lines --say 'to all' --linger 0 </dev/null
        wait $server; cat heard";
    let program = format!("{} --home {}", super::BIN, machine.home().display());
    let run = machine.cmd(["-c", "exec unshare --net sh -c \"$0\"", script]).env("LANDLINE", program);
    run.succeeds().stdout("to all\n").stderr_has("--broadcast");
}
