//! landline listens, a program of the tutorials dials.

use super::Stage;

/// One conversation: what landline is like, its options, what is said at its keyboard, the peer and its options.
#[track_caller]
fn held(name: &str, options: &[&str], says: &str, peer: &str, peers_options: &[&str]) {
    let Some(stage) = Stage::set() else { return };
    let server = stage.serves(name, options, says);
    stage.peer_dials(peer, &server, peers_options);
}

#[test]
fn t1_is_acknowledged_until_the_closing_word() {
    held("t1", &[], "", "t1", &["--say", "hello", "--say", "你好"]);
}

#[test]
fn t2_says_hello_and_hears_hi_and_both_end() {
    let Some(stage) = Stage::set() else { return };
    let server = stage.serves("t2", &[], "");
    stage.peer_dials("t2", &server, &[]);
    server.running.wait().exits_with(0);
}

#[test]
fn t3_has_its_port_again_at_once() {
    let Some(stage) = Stage::set() else { return };
    let first = stage.serves("t3", &[], "");
    stage.peer_dials("t2", &first, &[]);
    let endpoint = first.endpoint.clone();
    first.running.wait().exits_with(0);
    let again = super::listen(&stage.landline, ["--like", "t3", endpoint.as_str()]);
    stage.peer_dials("t2", &again, &[]);
}

#[test]
fn t4_is_greeted_first() {
    held("t4", &[], "", "t4", &[]);
}

#[test]
fn t5_two_at_once_are_welcomed_and_called_by_name() {
    held("t5", &["--delay", "0.2"], "", "t5", &["--clients", "2", "--delay", "0.2"]);
}

#[test]
fn u1_is_answered_although_its_datagrams_are_cut() {
    held("u1", &[], "", "u1", &["--say", "你好", "--say", "x"]);
}

#[test]
fn u2_hears_hi_and_many_are_served_by_one_socket() {
    held("u2", &[], "", "u2", &["--clients", "3"]);
}

#[test]
fn c1_talks_in_turns_until_bye() {
    held(
        "c1",
        &[],
        "hi\nfine\n",
        "c1",
        &["--say", "hello", "--say", "how are you?", "--expect", "hi", "--expect", "fine"],
    );
}

#[test]
fn c2_a_second_client_is_not_heard() {
    held("c2", &[], "hi\n", "c1", &["--say", "hello", "--second", "c2"]);
}

#[test]
fn c3_the_next_client_is_heard_when_the_first_said_bye() {
    held("c3", &[], "hi\nhello too\n", "c1", &["--say", "hello", "--second", "c3"]);
}

#[test]
fn c4_the_server_speaks_first_and_the_next_client_comes() {
    held(
        "c4",
        &[],
        "one\ntwo\none\ntwo\n",
        "c4",
        &["--clients", "2", "--say", "answer", "--expect", "one", "--expect", "two"],
    );
}

#[test]
fn c5_each_datagram_is_answered_by_a_line_stripped() {
    held("c5", &[], "  hello friend \n\n", "c5", &["--say", "taibai", "--say", "hi", "--say", "again"]);
}

#[test]
fn w1_gets_the_local_time_in_its_format_and_the_default_for_nothing() {
    held("w1", &[], "", "w1", &["--say", "%Y-%m-%d", "--say", "", "--say", "%H 点 %M 分", "--say", "%A %B %j %%"]);
}

#[test]
fn w3_gets_nothing_for_nothing() {
    held("w3", &[], "", "w3", &["--say", "%Y-%m-%d %H:%M-%S", "--say", ""]);
}

#[test]
fn r2_gets_all_of_stderr_then_all_of_stdout() {
    held("r2", &[], "", "r2", &[]);
}

#[test]
fn r4_is_commanded_by_the_end_that_was_bound() {
    held("r4", &[], "echo hello\necho err >&2\nq\n", "r4", &["--expect", "echo hello", "--expect", "echo err >&2"]);
}

#[test]
fn f2_two_sends_come_in_one_piece_or_two() {
    let Some(stage) = Stage::set() else { return };
    let mut server = stage.serves("f2", &[], "");
    server.running.end_input();
    stage.peer_dials("f2", &server, &[]);
    let said = server.running.wait().exits_with(0);
    assert_eq!(String::from_utf8_lossy(said.stdout_bytes()).replace('\n', ""), "himeinv");
}

#[test]
fn f5_waits_for_the_length_and_asks_for_the_rest() {
    held("f5", &[], "", "f5", &[]);
    held("f5", &[], "", "f5", &["--unready"]);
}

#[test]
fn f6_gets_four_bytes_of_length_first() {
    held("f6", &[], "", "f6", &[]);
}

#[test]
fn f7_gets_a_header_of_sixteen_bytes_as_python_writes_it() {
    held("f7", &[], "", "f7", &[]);
}

#[test]
fn f8_its_files_arrive_under_their_last_names() {
    let Some(stage) = Stage::set() else { return };
    let folder = stage.landline.work();
    let server = stage.serves("f8", &["--dir", folder.to_str().unwrap()], "");
    stage.peer_dials("f8", &server, &[]);
    assert!(folder.join("a.txt").exists());
    stage.python.write("名字 two.bin", vec![7; 100_000]);
    stage.peer_dials("f8", &server, &["--file", "名字 two.bin", "--joined"]);
    assert_eq!(std::fs::read(folder.join("名字 two.bin")).unwrap(), vec![7; 100_000]);
    stage.python.write("spoilt", "hello");
    let port = server.address().port().to_string();
    let spoilt = [
        super::script("f8").to_str().unwrap().to_owned(),
        "dial".into(),
        port,
        "--file".into(),
        "spoilt".into(),
        "--spoil".into(),
    ];
    let _ = stage.python.cmd(spoilt).run(); // whether the client learns of it is not in the item
    stage.peer_dials("f8", &server, &["--file", "spoilt", "--name", "after"]);
    assert!(folder.join("after").exists() && !folder.join("spoilt").exists());
}

#[test]
fn h1_proves_its_key_and_h2_is_sent_away_without_a_word() {
    held("h1", &[], "", "h1", &["--say", "hello"]);
    held("h1", &[], "", "h1", &["--wrong"]);
    held("h1", &["--auth", "hmac-sha256"], "", "h1", &["--algo", "sha256", "--say", "hello"]);
    held("h1", &["--auth", "hmac-sha256"], "", "h1", &["--algo", "sha256", "--wrong"]);
}

#[test]
fn s1_the_last_who_came_can_be_the_first_who_is_answered() {
    held("s1", &[], "", "s1", &["--clients", "3"]);
}

#[test]
fn s2_is_answered_in_upper_case_without_a_line_end() {
    held("s2", &[], "", "s2", &["--clients", "3"]);
}

#[test]
fn m1_datagrams_go_both_ways_without_turns() {
    held("m1", &[], "one\ntwo\n", "m1", &["--say", "a", "--say", "b", "--expect", "one", "--expect", "two"]);
}

#[test]
fn m5_packets_arrive_by_either_protocol_and_either_version() {
    let Some(stage) = Stage::set() else { return };
    for (endpoint, host, udp) in [
        ("tcp://127.0.0.1:0", "127.0.0.1", false),
        ("tcp://[::1]:0", "::1", false),
        ("udp://127.0.0.1:0", "127.0.0.1", true),
        ("udp://[::1]:0", "::1", true),
    ] {
        let mut server = super::listen(&stage.landline, [endpoint]);
        if !udp {
            server.running.end_input(); // else it would keep its direction open
        }
        let more: &[&str] = if udp { &["--udp"] } else { &[] };
        stage.peer_dials("m5", &server, &[&["--host", host, "--say", "hello"], more].concat());
        server.running.wait_for_stdout("hello");
    }
}

#[test]
fn m6_the_bot_knows_its_table() {
    held("m6", &[], "", "m6", &["--say", "how are you?", "--say", "what's your name?", "--say", "where do you work?"]);
}

#[test]
fn m7_a_file_comes_whole_and_a_missing_one_not_at_all() {
    let Some(stage) = Stage::set() else { return };
    let folder = stage.landline.work();
    stage.landline.write("hello.txt", "hello\n");
    let server = stage.serves("m7", &["--dir", folder.to_str().unwrap()], "");
    stage.peer_dials("m7", &server, &[]);
    stage.peer_dials("m7", &server, &["--name", "none.txt", "--missing"]);
    stage.peer_dials("m7", &server, &["--name", "../landline", "--missing"]);
}

#[test]
fn d6_everything_comes_after_the_half_close() {
    let Some(stage) = Stage::set() else { return };
    let goods: Vec<u8> = (0..1u32 << 20).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let server = stage.landline.cmd(["listen", "127.0.0.1:0"]).stdin(goods).spawn();
    let endpoint = server.wait_for_line("listening on ");
    let server = super::Listening { running: server, endpoint };
    stage.peer_dials("d6", &server, &["--say", "hello"]);
    server.running.wait().exits_with(0).stdout("hello");
}
