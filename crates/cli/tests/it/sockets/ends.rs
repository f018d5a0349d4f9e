//! How conversations end: half-closes, silence, limits of time and number.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Listening, listen, office};

#[test]
fn end_of_input_shuts_one_direction_and_reading_goes_on() {
    let office = office();
    let machine = office.machine("amy");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let client = machine.cmd(["dial", &endpoint]).stdin("question").spawn();
    let (mut stream, _) = listener.accept().unwrap();
    let mut question = String::new();
    stream.read_to_string(&mut question).unwrap(); // ends though nothing was answered yet
    assert_eq!(question, "question");
    let answer = vec![b'a'; 1 << 20];
    stream.write_all(&answer).unwrap();
    drop(stream);
    let done = client.wait().exits_with(0);
    assert_eq!(done.stdout_bytes(), answer);
}

#[test]
fn the_other_ends_end_leaves_sending_open() {
    let office = office();
    let machine = office.machine("amy");
    let mut server = listen(&machine, ["127.0.0.1:0"]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"question").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    server.running.wait_for_stdout("question");
    server.running.say("a late answer");
    server.running.end_input();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "a late answer");
    server.running.wait().exits_with(0);
}

#[test]
fn silence_after_one_end_is_given_up_and_before_it_is_not() {
    let office = office();
    let machine = office.machine("amy");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let client = machine.cmd(["dial", &endpoint, "--linger", "0.05"]).stdin("x").spawn();
    let (stream, _) = listener.accept().unwrap();
    client.wait().exits_with(0); // the server neither spoke nor closed
    drop(stream);
}

#[test]
fn limits_of_time_are_told_as_such() {
    let office = office();
    let machine = office.machine("amy");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let dial = |arguments: &[&str]| machine.cmd(["dial", &endpoint]).args(arguments).stdin_open().run();
    dial(&["--idle", "0.05"]).exits_with(10).stderr_has("nothing came for 0.05 s");
    dial(&["--timeout", "0.05"]).exits_with(10).stderr_has("time limit");
    dial(&["--turns", "--say", "x", "--answer-timeout", "0.05"]).exits_with(10);
    machine.cmd(["listen", "127.0.0.1:0", "--wait", "0.05"]).fails_with(10).stderr_has("nobody came");
}

#[test]
fn one_is_served_or_one_after_the_other_or_all_at_once() {
    let office = office();
    let machine = office.machine("amy");
    let once = listen(&machine, ["127.0.0.1:0", "--service", "echo", "--once"]);
    machine.cmd(["dial", once.endpoint.as_str()]).stdin("x").succeeds().stdout("x");
    once.running.wait().exits_with(0);

    let mut kept = listen(&machine, ["127.0.0.1:0", "--keep"]);
    for text in ["first", "second"] {
        machine.cmd(["dial", kept.endpoint.as_str(), "--linger", "0"]).stdin(text).succeeds();
        kept.running.wait_for_stdout(text);
    }
    kept.running.end_input();

    let limited = listen(&machine, ["127.0.0.1:0", "--service", "echo", "--max-conns", "1"]);
    let mut first = TcpStream::connect(limited.address()).unwrap();
    let mut second = TcpStream::connect(limited.address()).unwrap();
    second.write_all(b"waiting").unwrap();
    first.write_all(b"served").unwrap();
    let mut room = [0; 6];
    first.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"served");
    drop(first);
    let mut room = [0; 7];
    second.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"waiting");
}

#[test]
fn strangers_who_dawdle_over_a_challenge_take_nobodys_place() {
    let office = office();
    let machine = office.machine("amy");
    let words = ["127.0.0.1:0", "--service", "echo", "--max-conns", "1", "--auth", "hmac-sha256"];
    let running = machine.cmd(["listen"]).args(words).env("LANDLINE_KEY", "a key of ours").spawn();
    let server = Listening { endpoint: running.wait_for_line("listening on "), running };
    let _strangers = [(); 3].map(|()| TcpStream::connect(server.address()).unwrap());
    let dial =
        machine.cmd(["dial", server.endpoint.as_str(), "--auth", "hmac-sha256"]).env("LANDLINE_KEY", "a key of ours");
    dial.stdin("served").succeeds().stdout("served");
}

#[test]
fn listen_raises_its_limit_of_open_files() {
    let office = office();
    let machine = office.machine("amy");
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum }).unwrap();
    let server = listen(&machine, ["127.0.0.1:0", "--service", "echo"]);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap(); // here are clients for all of them
    let mut clients: Vec<TcpStream> = (0..150).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    for client in &mut clients {
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }
}

#[test]
fn a_server_goes_on_after_a_client_that_was_killed() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["127.0.0.1:0", "--service", "echo", "-v"]);
    let client = machine.cmd(["dial", server.endpoint.as_str()]).stdin_open().spawn();
    server.running.wait_for_line("connection 1 from ");
    client.sigkill();
    let _ = client.wait();
    machine.cmd(["dial", server.endpoint.as_str()]).stdin("still here").succeeds().stdout("still here");
}

#[test]
fn waiting_for_a_server_that_comes_later() {
    let office = office();
    let machine = office.machine("amy");
    let path = machine.work().join("later");
    let endpoint = format!("unix:{}", path.display());
    machine.cmd(["dial", &endpoint]).fails_with(8);
    let client = machine.cmd(["dial", &endpoint, "--wait", "60"]).stdin("x").spawn();
    let _server = listen(&machine, [endpoint.as_str(), "--service", "echo"]);
    client.wait().exits_with(0).stdout("x");
}

#[test]
fn a_relay_carries_both_half_closes_between_any_kinds() {
    let office = office();
    let machine = office.machine("amy");
    let far = listen(&machine, ["127.0.0.1:0", "--service", "echo"]);
    let path = machine.work().join("near");
    let near = format!("unix:{}", path.display());
    let first = machine.cmd(["relay", near.as_str(), far.endpoint.as_str()]).spawn();
    first.wait_for_line("listening on ");
    let second = machine.cmd(["relay", "tls://127.0.0.1:0", near.as_str(), "--self-signed"]).spawn();
    let endpoint = second.wait_for_line("listening on ");
    let goods: Vec<u8> = (0..1_000_000u32).map(|at| u8::try_from(at % 253).unwrap()).collect();
    let done = machine.cmd(["dial", &endpoint, "--insecure"]).stdin(goods.clone()).succeeds();
    assert_eq!(done.stdout_bytes(), goods);
}

#[test]
fn who_does_not_get_so_far_takes_nobodys_place() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["tls://127.0.0.1:0", "--self-signed", "--service", "echo", "--once"]);
    let mut stranger = TcpStream::connect(server.address()).unwrap();
    stranger.write_all(b"no TLS at all").unwrap();
    let _ = stranger.read_to_end(&mut Vec::new());
    machine.cmd(["dial", server.endpoint.as_str(), "--insecure"]).stdin("x").succeeds().stdout("x");
    server.running.wait().exits_with(0);
}

#[test]
fn nobody_waits_behind_the_last_one_that_is_served() {
    let office = office();
    let machine = office.machine("amy");
    let mut server = listen(&machine, ["127.0.0.1:0", "-v"]);
    let first = TcpStream::connect(server.address()).unwrap();
    server.running.wait_for_line("connection 1 from ");
    // The listening socket goes a moment after the first was welcomed.
    while TcpStream::connect(server.address()).is_ok() {
        std::thread::yield_now();
    }
    drop(first);
    server.running.end_input();
    server.running.wait().exits_with(0);
}

#[test]
fn a_reader_that_has_enough_ends_it() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["127.0.0.1:0", "--service", "echo"]);
    let shell = landline_testkit::Office::new("/bin/sh");
    let line = "head -c 20000000 /dev/zero | \"$0\" --home \"$1\" dial \"$2\" | head -c 1000 | wc -c";
    let asked = shell.machine("amy").cmd(["-c", line, super::BIN]).arg(machine.home()).arg(&server.endpoint);
    asked.succeeds().stdout("1000\n");
}

#[test]
fn a_listener_whose_time_is_over_says_so_and_idle_minds_both_directions() {
    let office = office();
    let machine = office.machine("amy");
    let server = machine.cmd(["listen", "127.0.0.1:0", "--timeout", "0.05"]).stdin_open().spawn();
    let endpoint = server.wait_for_line("listening on ");
    let _client = TcpStream::connect(endpoint.trim_start_matches("tcp://")).unwrap();
    server.wait().exits_with(10).stderr_has("time limit");
}
