//! What is shown and what is typed: events for programs, hexadecimal, encodings, the list of likenesses.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::{listen, office};

#[test]
fn programs_get_every_event_as_an_object() {
    let office = office();
    let machine = office.machine("amy");
    let server = machine.cmd(["--json", "listen", "127.0.0.1:0", "--service", "echo", "--once"]).spawn();
    let listening = server.wait_for_stdout_line("{\"event\":\"listening\",");
    let endpoint = listening.split('"').nth(3).unwrap().to_owned();
    let asked = machine.cmd(["--json", "dial", &endpoint, "--lines"]).stdin("hi\n").succeeds().json();
    assert_eq!(asked[0]["event"], "connected");
    assert_eq!(asked[1]["event"], "message");
    assert_eq!(asked[1]["text"], "hi");
    let told = server.wait().exits_with(0).json();
    let events: Vec<_> = told.iter().map(|one| one["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["listening", "connected", "closed", "stopped"]);
    assert_eq!((&told[2]["received"], &told[2]["sent"]), (&2.into(), &2.into()));
}

#[test]
fn bytes_that_are_no_text_go_to_programs_in_base64_and_to_pipes_as_they_are() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["127.0.0.1:0", "--service", "echo"]);
    let plain = machine.cmd(["dial", server.endpoint.as_str()]).stdin(*b"\xff\x00\x1b[2J").succeeds();
    assert_eq!(plain.stdout_bytes(), b"\xff\x00\x1b[2J");
    let told = machine.cmd(["--json", "dial", server.endpoint.as_str()]).stdin(*b"\xff\x00").succeeds().json();
    assert_eq!(told[1]["b64"], "/wA=");
}

#[test]
fn hexadecimal_shows_both_ways() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["127.0.0.1:0", "--service", "upper"]);
    let done = machine.cmd(["dial", server.endpoint.as_str(), "--hex"]).stdin("hi").succeeds().stdout("HI");
    done.stderr_has("> 00000000  68 69").stderr_has("< 00000000  48 49");
}

#[test]
fn another_encoding_is_shown_and_typed_and_the_wire_is_left_alone() {
    let office = office();
    let machine = office.machine("amy");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let client = machine.cmd(["dial", &endpoint, "--encoding", "gbk"]).stdin("你好").spawn();
    let (mut stream, _) = listener.accept().unwrap();
    let mut came = Vec::new();
    stream.read_to_end(&mut came).unwrap();
    assert_eq!(came, b"\xc4\xe3\xba\xc3");
    // Cut in the middle of a character.
    for part in [&b"\xc4"[..], b"\xe3\xba", b"\xc3"] {
        stream.write_all(part).unwrap();
    }
    drop(stream);
    client.wait().exits_with(0).stdout("你好");
}

#[test]
fn the_kernels_view_of_a_socket_is_told() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["127.0.0.1:0", "--service", "echo", "--info", "--rcvbuf", "81920"]);
    server.running.wait_for_stderr("SO_RCVBUF     163840");
    server.running.wait_for_stderr("SO_REUSEADDR  on");
    server.running.wait_for_stderr("SOCK_STREAM");
    let asked = ["--json", "dial", server.endpoint.as_str(), "--info", "--nodelay=false", "--sndbuf", "65536"];
    let asked = asked.into_iter().chain(["--cork", "--keepalive", "5", "--ttl", "9"]);
    let told = machine.cmd(asked).succeeds().json();
    let socket = told.iter().find(|one| one["event"] == "socket").unwrap();
    assert_eq!(socket["nodelay"], false);
    assert_eq!(socket["send_buffer"], 131_072);
    assert_eq!((&socket["cork"], &socket["keepalive"], &socket["ttl"]), (&true.into(), &true.into(), &9.into()));
    assert_eq!(socket["family"], "AF_INET");
    assert!(socket["descriptor"].as_i64().unwrap() > 2);
    // Two that ask for it share a port.
    let first = listen(&machine, ["127.0.0.1:0", "--service", "echo", "--reuseport", "--backlog", "5", "--info"]);
    first.running.wait_for_stderr("SO_REUSEPORT  on");
    let _second = listen(&machine, [first.endpoint.as_str(), "--service", "echo", "--reuseport"]);
}

#[test]
fn the_list_of_likenesses_names_each_with_what_it_comes_to() {
    let office = office();
    let machine = office.machine("amy");
    let listed = machine.cmd(["listen", "--like", "list"]).succeeds();
    listed.stdout_has("command-struct").stdout_has("--frame-out i32le");
    let rows = machine.cmd(["--json", "dial", "--like", "list"]).succeeds().json();
    assert!(rows.len() > 15);
    assert!(rows.iter().all(|row| row["command"].as_str().unwrap().starts_with("landline dial ")));
}

#[test]
fn what_a_user_writes_wins_over_a_likeness() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["--like", "t1", "127.0.0.1:0", "--answer", "got it"]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut room = [0; 6];
    stream.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"got it");
    stream.write_all(b"##").unwrap();
    assert_eq!(stream.read(&mut room).unwrap(), 0);
}

#[test]
fn a_person_edits_a_line_and_has_the_last_one_again() {
    if !landline_testkit::needs("script") {
        return;
    }
    let ours = office();
    let machine = ours.machine("amy");
    let server = listen(&machine, ["127.0.0.1:0", "--service", "upper"]);
    let people = landline_testkit::Office::new("/bin/sh");
    let ann = people.machine("ann");
    let typed = format!("{} --home {} dial {}", super::BIN, machine.home().display(), server.endpoint);
    let words = ["-c", "exec script -qec \"$TYPED\" /dev/null"];
    let mut person = ann.cmd(words).env("TYPED", typed).env("TERM", "xterm").stdin_open().spawn();
    // Two letters too many are taken back; then the line before comes again by the arrow up, and Ctrl-D ends it.
    person.say("helloxx\x7f\x7f\r");
    person.wait_for_stdout("HELLO");
    person.say("\x1b[A\x7f!\r");
    person.wait_for_stdout("HELL!");
    person.say("\x04");
    person.wait().exits_with(0);
}
