//! A program of the tutorials listens, landline dials.

use super::Stage;

/// One conversation: the peer and its options, what landline is like and its options, what is typed, what is printed.
#[track_caller]
fn held(peer: &str, peers_options: &[&str], name: &str, options: &[&str], typed: &str, printed: &str) {
    let Some(stage) = Stage::set() else { return };
    let server = stage.peer_serves(peer, peers_options);
    stage.dials(name, &server, options).stdin(typed).succeeds().stdout(printed);
    server.ends_satisfied();
}

#[test]
fn t1_acknowledges_each_line() {
    held("t1", &[], "t1", &[], "hello\n##\n", "Receive your message\n");
}

#[test]
fn t2_answers_hi() {
    held("t2", &[], "t2", &[], "", "hi\n");
}

#[test]
fn t4_greets_first() {
    held("t4", &[], "t4", &[], "", "hello\n");
}

#[test]
fn t5_calls_three_by_name() {
    let printed = "Welcome!\nHello, Rose!\nHello, Think!\nHello, Babala!\n";
    held("t5", &["--delay", "0.1"], "t5", &[], "", printed);
}

#[test]
fn u1_takes_five_bytes_and_an_empty_line_ends() {
    held("u1", &["--any", "2"], "u1", &[], "你好\nx\n\n", "收到你的消息\n收到你的消息\n");
}

#[test]
fn u2_answers_hi_to_a_datagram() {
    held("u2", &[], "u2", &[], "", "hi\n");
}

#[test]
fn c1_talks_in_turns_until_either_says_bye() {
    held("c1", &["--say", "hi"], "c1", &[], "hello\nbye\n", "hi\n");
    held("c1", &["--say", "bye"], "c1", &[], "hello\n", "bye\n");
}

#[test]
fn c4_speaks_first() {
    held("c4", &["--say", "hello"], "c4", &[], "answer\nq\n", "hello\nhello\n");
}

#[test]
fn w1_tells_the_time_for_each_line() {
    let Some(stage) = Stage::set() else { return };
    let server = stage.peer_serves("w1", &["--any", "2"]);
    let said = stage.dials("w1", &server, &[]).stdin("%Y\n\n").succeeds();
    assert_eq!(String::from_utf8_lossy(said.stdout_bytes()).lines().count(), 2);
    server.ends_satisfied();
}

#[test]
fn w3_is_asked_once_and_w4_tells_cron_by_the_exit_code() {
    let Some(stage) = Stage::set() else { return };
    let server = stage.peer_serves("w3", &["--any", "1"]);
    let said = stage.dials("w3", &server, &[]).succeeds();
    assert_eq!(said.stdout_bytes().len(), "2018-03-05 07:08:09\n".len());
    server.ends_satisfied();
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("udp://{}", nobody.local_addr().unwrap());
    stage.landline.cmd(["dial", "--like", "w4", &endpoint, "--answer-timeout", "0.05"]).fails_with(10);
}

#[test]
fn r2_runs_commands_and_quit_leaves() {
    held("r2", &[], "r2", &[], "echo hello\n\necho out; echo err >&2\nquit\n", "hello\n\nerr\nout\n\n");
}

#[test]
fn r4_commands_landline() {
    let Some(stage) = Stage::set() else { return };
    let server = stage.peer_serves("r4", &["--say", "echo hello", "--say", "echo err >&2"]);
    let client = stage.dials("r4", &server, &[]).stdin_open().spawn();
    server.ends_satisfied();
    client.sigterm();
    let _ = client.wait();
}

#[test]
fn f2_gets_what_was_sent_in_one_piece_or_two() {
    held("f2", &[], "f2", &[], "", "");
}

#[test]
fn f5_is_answered_recv_ready() {
    held("f5", &[], "f5", &[], "echo hello\necho err >&2\nquit\n", "hello\n\nerr\n\n");
}

#[test]
fn f6_and_f7_are_understood_whole_beyond_one_read() {
    let long = "seq 1 2000\nquit\n";
    let printed: String = (1..=2000).map(|number| format!("{number}\n")).collect::<String>() + "\n";
    held("f6", &[], "f6", &[], long, &printed);
    held("f7", &[], "f7", &[], long, &printed);
}

#[test]
fn f8_takes_landlines_files() {
    let Some(stage) = Stage::set() else { return };
    let folder = stage.python.work();
    let server = stage.peer_serves("f8", &["--dir", folder.to_str().unwrap()]);
    let file = stage.landline.write("报告 one.bin", vec![3; 300_000]);
    stage.dials("f8", &server, &["--upload", file.to_str().unwrap()]).succeeds();
    server.ends_satisfied();
    assert_eq!(std::fs::read(folder.join("报告 one.bin")).unwrap(), vec![3; 300_000]);
}

#[test]
fn h1_believes_who_has_the_key_and_turns_away_who_has_not() {
    held("h1", &[], "h1", &[], "hello\n\nquit\n", "HELLO\n");
    held("h1", &["--algo", "sha256"], "h1", &["--auth", "hmac-sha256"], "hello\nquit\n", "HELLO\n");
    let Some(stage) = Stage::set() else { return };
    let server = stage.peer_serves("h1", &["--refuse"]);
    let refused = stage.dials("h1", &server, &[]).env("LANDLINE_KEY", "another key of some length").run();
    assert!(refused.stdout_bytes().is_empty());
    server.ends_satisfied();
}

#[test]
fn s1_and_s2_answer_once() {
    held("s1", &[], "s1", &[], "", "亲,学会了吗\n");
    held("s2", &[], "s2", &[], "", "HELLO\n");
}

#[test]
fn m5_gets_packets_by_either_protocol_and_either_version() {
    let Some(stage) = Stage::set() else { return };
    for (scheme, host, written) in [
        ("tcp", "127.0.0.1", "127.0.0.1"),
        ("tcp", "::1", "[::1]"),
        ("udp", "127.0.0.1", "127.0.0.1"),
        ("udp", "::1", "[::1]"),
    ] {
        let udp: &[&str] = if scheme == "udp" { &["--udp"] } else { &[] };
        let server = stage.peer_serves("m5", &[&["--host", host, "--expect", "hello"], udp].concat());
        let endpoint = format!("{scheme}://{written}:{}", server.port);
        stage.landline.cmd(["dial", endpoint.as_str(), "--linger", "0"]).stdin("hello").succeeds();
        server.ends_satisfied();
    }
}

#[test]
fn m6_answers_from_its_table() {
    held("m6", &[], "m6", &[], "how old are you?\nbye\n", "38\n");
}

#[test]
fn m7_sends_the_file_that_was_named() {
    held("m7", &[], "m7", &["--say", "hello.txt"], "", "hello\n");
}

#[test]
fn d6_sends_a_megabyte_after_the_half_close() {
    let Some(stage) = Stage::set() else { return };
    let server = stage.peer_serves("d6", &[]);
    let endpoint = format!("127.0.0.1:{}", server.port);
    let said = stage.landline.cmd(["dial", &endpoint]).stdin("that is all").succeeds();
    assert_eq!(said.stdout_bytes().len(), 1 << 20);
    server.ends_satisfied();
}

#[test]
fn c5_friends_are_asked_by_name() {
    let Some(stage) = Stage::set() else { return };
    let server = stage.peer_serves("c5", &["--say", " hi there ", "--say", "", "--any", "2"]);
    let friend = format!("金老板=127.0.0.1:{}", server.port);
    let typed = "nobody\n金老板\nhello\n\nare you there?\nq\n";
    let said = stage.landline.cmd(["dial", "--friend", &friend]).stdin(typed).succeeds();
    let head = format!("来自[127.0.0.1:{}]的一条消息:", server.port);
    said.stdout(&format!("{head}hi there\n{head}\n")).stderr_has("no friend has that name");
    server.ends_satisfied();
}
