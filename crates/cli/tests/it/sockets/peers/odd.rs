//! Peers that are slow, dribble, half-close, are killed, send what is none, or nothing: landline goes on.

use super::Stage;

#[test]
fn odd_clients_get_what_is_theirs_and_the_server_goes_on() {
    let Some(stage) = Stage::set() else { return };
    let server = stage.serves("h1", &["--auth", "hmac-sha256"], "");
    // None of them knows the key; whatever they do, who knows it is served afterwards.
    for mode in ["dribble", "halfclose", "killed"] {
        stage.peer_dials("odd", &server, &["--mode", mode, "--say", "hello"]);
    }
    stage.peer_dials("odd", &server, &["--mode", "malformed", "--hex", "ff00ff00"]);

    let echo = super::listen(&stage.landline, ["127.0.0.1:0", "--service", "echo"]);
    stage.peer_dials(
        "odd",
        &echo,
        &["--mode", "slow", "--say", "hello", "--await", "5", "--expect", "hello", "--shut", "yes"],
    );
    stage.peer_dials(
        "odd",
        &echo,
        &["--mode", "dribble", "--say", "hello", "--await", "5", "--expect", "hello", "--shut", "yes"],
    );
    stage.peer_dials("odd", &echo, &["--mode", "halfclose", "--say", "hello", "--expect", "hello"]);
    stage.peer_dials("odd", &echo, &["--mode", "killed", "--say", "hello"]);
    stage.landline.cmd(["dial", echo.endpoint.as_str()]).stdin("still here").succeeds().stdout("still here");
}

#[test]
fn a_frame_that_is_none_ends_its_connection_and_no_other() {
    let Some(stage) = Stage::set() else { return };
    for (framing, bytes) in
        [("i32le", "ffffffff"), ("u32be", "7fffffff00"), ("json", "0400000061626364"), ("landline", "80000000")]
    {
        let server = super::listen(&stage.landline, ["127.0.0.1:0", "--service", "echo", "--frame", framing]);
        stage.peer_dials("odd", &server, &["--mode", "malformed", "--hex", bytes]);
        let asked = ["dial", server.endpoint.as_str(), "--frame", framing];
        stage.landline.cmd(asked).stdin("hello\n").succeeds().stdout("hello\n");
    }
}

#[test]
fn a_frame_that_is_none_is_told_to_who_dialled() {
    let Some(stage) = Stage::set() else { return };
    let server = stage.peer_serves("odd", &["--mode", "malformed", "--hex", "ffffffff"]);
    let endpoint = format!("127.0.0.1:{}", server.port);
    let told = stage.landline.cmd(["dial", &endpoint, "--frame", "i32le"]).fails_with(6);
    told.stderr_has("length -1 is negative").stderr_has("--frame");
    server.ends_satisfied();
}

#[test]
fn every_framing_carries_messages_between_two_of_us() {
    let office = super::office();
    let machine = office.machine("amy");
    let framings = [
        "line", "mark:##", "u8", "u16be", "u16le", "u32be", "u32le", "u64be", "u64le", "i32le", "json", "landline",
        "ready",
    ];
    for framing in framings {
        let server = super::listen(&machine, ["127.0.0.1:0", "--service", "upper", "--frame", framing]);
        let asked = machine.cmd(["dial", server.endpoint.as_str(), "--frame", framing, "--turns"]);
        asked.stdin("one\n二\n").succeeds().stdout("ONE\n二\n");
    }
}

#[test]
fn both_ends_prove_a_key_also_over_tls() {
    let office = super::office();
    let machine = office.machine("amy");
    let key = "a key of more than sixteen bytes";
    let listening = ["--json", "listen", "tls://127.0.0.1:0", "--self-signed", "--service", "echo", "--auth", "mutual"];
    let server = machine.cmd(listening).env("LANDLINE_KEY", key).spawn();
    let line = server.wait_for_stdout_line("{\"event\":\"listening\",");
    let endpoint = line.split('"').nth(3).unwrap().to_owned();
    let dial = |key: &str| {
        let words = ["dial", endpoint.as_str(), "--insecure", "--auth", "mutual"];
        machine.cmd(words).env("LANDLINE_KEY", key).stdin("hello")
    };
    dial(key).succeeds().stdout("hello");
    dial("another key, wrong but long enough").fails_with(5).stdout("").stderr_has("challenge was not met");
    server.wait_for_stdout("\"event\":\"refused\"");
}

#[test]
fn a_source_that_fails_often_is_not_asked_any_more_and_a_unix_socket_always_is() {
    let office = super::office();
    let machine = office.machine("amy");
    let path = machine.work().join("s");
    let (right, wrong) = ("the right key, of some length", "the wrong key, of some length");
    for (endpoint, penalised) in [("127.0.0.1:0".to_owned(), true), (format!("unix:{}", path.display()), false)] {
        let server = machine.cmd(["listen", endpoint.as_str(), "--service", "echo", "--auth", "mutual"]);
        let server = server.env("LANDLINE_KEY", right).spawn();
        let endpoint = server.wait_for_line("listening on ");
        let dial = |key: &str| {
            machine.cmd(["dial", endpoint.as_str(), "--auth", "mutual"]).env("LANDLINE_KEY", key).stdin("hello")
        };
        dial(right).succeeds().stdout("hello");
        for _ in 0..12 {
            let _ = dial(wrong).run();
        }
        if penalised {
            dial(right).fails_with(5).stdout("");
        } else {
            dial(right).succeeds().stdout("hello");
        }
    }
}
