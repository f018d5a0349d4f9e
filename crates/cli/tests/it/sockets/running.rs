//! Commands run for whoever is at the other end: nothing hangs, nothing is left behind.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::{listen, office};

#[test]
fn more_than_a_pipe_of_either_stream_never_hangs() {
    let office = office();
    let machine = office.machine("amy");
    let server =
        listen(&machine, ["127.0.0.1:0", "--service", "exec", "--frame-out", "u32be", "--output", "stderr-first"]);
    let both = "head -c 300000 /dev/zero | tr '\\0' o; head -c 300000 /dev/zero | tr '\\0' e >&2";
    let words = [
        "dial",
        server.endpoint.as_str(),
        "--frame-in",
        "u32be",
        "--turns",
        "--say",
        both,
        "--say",
        "cat",
        "--answers",
        "2",
    ];
    let done = machine.cmd(words).succeeds();
    let said = done.stdout_bytes();
    assert_eq!(said.len(), 600_000 + 2);
    assert!(said.starts_with(&[b'e'; 300_000]) && said.ends_with(b"o\n\n"));
}

#[test]
fn what_a_client_started_is_killed_when_he_leaves() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["127.0.0.1:0", "--service", "exec"]);
    let mut client = TcpStream::connect(server.address()).unwrap();
    client.write_all(b"echo $$; sleep 1000 & wait").unwrap();
    let mut room = [0; 32];
    let len = client.read(&mut room).unwrap();
    let group: i32 = std::str::from_utf8(&room[..len]).unwrap().trim().parse().unwrap();
    let group = is_there(group);
    // A reset, as of a client that was killed.
    socket2::SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(client);
    while group() {
        std::thread::yield_now();
    }
}

/// Whether the leader of the process group is there; the test is killed if it stays.
fn is_there(number: i32) -> impl Fn() -> bool {
    let path = format!("/proc/{number}");
    move || std::path::Path::new(&path).exists()
}

#[test]
fn a_page_in_a_browser_runs_nothing_and_a_key_is_not_handed_on() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["127.0.0.1:0", "--service", "exec"]);
    let mut browser = TcpStream::connect(server.address()).unwrap();
    browser.write_all(b"POST / HTTP/1.1\r\nHost: x\r\n\r\necho run\n").unwrap();
    let mut said = Vec::new();
    let _ = browser.read_to_end(&mut said);
    assert_eq!(String::from_utf8_lossy(&said), "");
    let key = "a key that is long enough";
    let words = ["listen", "127.0.0.1:0", "--service", "exec", "--auth", "mutual"];
    let server = machine.cmd(words).env("LANDLINE_KEY", key).spawn();
    let endpoint = server.wait_for_line("listening on ");
    let words = ["dial", endpoint.as_str(), "--auth", "mutual", "--say", "echo \"<$LANDLINE_KEY>\""];
    machine.cmd(words).env("LANDLINE_KEY", key).succeeds().stdout("<>\n");
    machine.cmd(["listen", "unix:@landline-test-exec", "--service", "exec"]).fails_with(5);
}
