//! Commands by the real shell, over connections in memory and over TCP.
//!
//! Whether a group is gone is told by a FIFO that all of its processes hold: its end comes when the last one has died.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
};

use landline_net::raw::{Server, ServerOptions, Talk};
use landline_wire::framing::Framing;
use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

use super::*;

type Serving = JoinHandle<Result<(), RawError>>;

fn framed(framing: &str) -> Framing {
    framing.parse().unwrap()
}

fn other_order() -> Exec {
    Exec { order: Order::StderrElseStdout, ..Exec::default() }
}

/// A client, and the service at the other end. `framing`: that of the answers.
fn served(exec: Exec, framing: &str) -> (Connection, Serving) {
    let talk = Talk { incoming: Framing::Raw, outgoing: framed(framing), ..Talk::default() };
    // Of a pair both ends talk alike: the client writes and reads bytes as they are.
    let (here, there) = Connection::pair(64 << 10, &talk).unwrap();
    (here, tokio::spawn(async move { exec.handle(there).await }))
}

/// All that comes until the end.
async fn all(connection: &mut Connection) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(message) = connection.receive().await.unwrap() {
        all.extend_from_slice(&message.body);
    }
    all
}

/// The whole answer to one command, after which the client has said all.
async fn answer(exec: Exec, framing: &str, command: &[u8]) -> Vec<u8> {
    let (mut here, serving) = served(exec, framing);
    let (_, sender) = here.halves();
    sender.write(command).await.unwrap();
    here.finish().await.unwrap();
    let answer = all(&mut here).await;
    serving.await.unwrap().unwrap();
    answer
}

async fn text(exec: Exec, command: &str) -> String {
    String::from_utf8(answer(exec, "raw", command.as_bytes()).await).unwrap()
}

/// The processes of a command that begins with [`Witness::hold`].
struct Witness {
    dir: TempDir,
}

impl Witness {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo").arg(dir.path().join("fifo")).status().unwrap();
        assert!(made.success());
        Self { dir }
    }

    fn fifo(&self) -> PathBuf {
        self.dir.path().join("fifo")
    }

    /// What a command begins with whose processes are to be seen.
    fn hold(&self) -> String {
        format!("exec 9>{}; echo $$ >&9; ", self.fifo().display())
    }

    /// Waits for the command to run. Its number, and the FIFO.
    async fn running(&self) -> (Pid, BufReader<File>) {
        let fifo = self.fifo();
        let open = spawn_blocking(move || {
            let mut fifo = BufReader::new(File::open(fifo).unwrap());
            let mut line = String::new();
            fifo.read_line(&mut line).unwrap();
            (Pid::from_raw(line.trim().parse().unwrap()).unwrap(), fifo)
        });
        open.await.unwrap()
    }
}

/// Waits for the last process to die.
async fn gone(mut fifo: BufReader<File>) {
    spawn_blocking(move || fifo.read_to_end(&mut Vec::new()).unwrap()).await.unwrap();
}

#[tokio::test]
async fn stderr_comes_before_stdout_and_nothing_in_between() {
    assert_eq!(text(Exec::default(), "echo out; echo err >&2").await, "err\nout\n");
    assert_eq!(text(Exec::default(), "echo hello\n").await, "hello\n");
}

#[tokio::test]
async fn stderr_comes_in_place_of_stdout_if_there_is_any() {
    assert_eq!(answer(other_order(), "i32le", b"echo hello").await, b"\x06\0\0\0hello\n");
    assert_eq!(answer(other_order(), "json", b"echo hello").await, b"\x10\0\0\0{\"data_size\": 6}hello\n");
    assert_eq!(text(other_order(), "echo out; echo err >&2").await, "err\n");
    assert!(text(other_order(), "no-such-command-here").await.contains("no-such-command-here"));
}

#[tokio::test]
async fn no_output_is_an_empty_message_where_there_can_be_one() {
    assert_eq!(answer(other_order(), "i32le", b"true").await, b"\0\0\0\0");
    assert_eq!(answer(Exec::default(), "raw", b"true").await, b"");
}

#[tokio::test]
async fn each_command_has_a_new_shell_and_a_dash_is_no_option() {
    let (mut here, _serving) = served(Exec::default(), "raw");
    here.send(b"x=1; cd /; echo done").await.unwrap();
    assert_eq!(here.receive().await.unwrap().unwrap().body, "done\n");
    here.send(b"echo $x-").await.unwrap();
    assert_eq!(here.receive().await.unwrap().unwrap().body, "-\n");
    here.send(b"-s; echo after").await.unwrap();
    let said = here.receive().await.unwrap().unwrap().body;
    assert!(said.starts_with(b"/bin/sh: ") && said.ends_with(b"after\n"), "{said:?}");
}

#[tokio::test]
async fn several_mebibytes_on_both_pipes_hang_nothing() {
    let large = Exec { cap_bytes: 8 << 20, ..Exec::default() };
    let flood = b"head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; head -c 5 /dev/zero; echo end >&2";
    let came = answer(large, "raw", flood).await;
    assert_eq!((came.len(), came.get(3_000_000..3_000_004)), (6_000_009, Some(&b"end\n"[..])));
}

#[tokio::test]
async fn a_command_that_reads_gets_the_end_at_once() {
    assert_eq!(answer(Exec::default(), "i32le", b"cat; cat -; echo read").await, b"\x05\0\0\0read\n");
}

#[tokio::test]
async fn what_is_left_running_hangs_nothing_and_ends_with_the_command() {
    for order in [Order::StderrFirst, Order::Streamed] {
        let witness = Witness::new();
        let command = format!("{}sleep 1000 & echo started", witness.hold());
        let (mut here, _serving) = served(Exec { order, ..Exec::default() }, "raw");
        here.send(command.as_bytes()).await.unwrap();
        let (_, fifo) = witness.running().await;
        assert_eq!(here.receive().await.unwrap().unwrap().body, "started\n");
        gone(fifo).await;
        here.send(b"echo next").await.unwrap();
        assert_eq!(here.receive().await.unwrap().unwrap().body, "next\n");
    }
}

#[tokio::test]
async fn commands_are_bytes_but_hold_no_zero() {
    assert_eq!(answer(Exec::default(), "raw", b"printf %s '\xff\xfe \xe4'").await, b"\xff\xfe \xe4");
    let refused = answer(Exec::default(), "raw", b"echo a\0b").await;
    assert!(refused.starts_with(b"[landline: no command: "), "{}", refused.escape_ascii());
}

#[tokio::test]
async fn an_answer_stops_at_the_cap_and_says_how_much_is_missing() {
    let small = Exec { cap_bytes: 1000, ..Exec::default() };
    let came = text(small, "head -c 5000000 /dev/zero | tr '\\0' x").await;
    assert_eq!(came.find('\n'), Some(936));
    assert_eq!(came.get(936..), Some("\n[landline: 4999064 more bytes were dropped]\n"));
}

#[tokio::test]
async fn commands_that_came_early_are_answered_in_their_order() {
    let talk = Talk { incoming: framed("line"), outgoing: framed("line"), ..Talk::default() };
    let (mut here, there) = Connection::pair(64 << 10, &talk).unwrap();
    let serving = tokio::spawn(async move { Exec::default().handle(there).await });
    let many: String = (0..40).map(|number| format!("printf {number}\n")).collect();
    here.halves().1.write(many.as_bytes()).await.unwrap();
    here.finish().await.unwrap();
    for number in 0..40 {
        assert_eq!(here.receive().await.unwrap().unwrap().body, number.to_string());
    }
    assert_eq!(here.receive().await.unwrap(), None);
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn with_turns_a_word_that_came_too_early_still_belongs_to_the_answer() {
    let witness = Witness::new();
    let (here, serving) = served(other_order(), "ready");
    let (mut receiver, mut sender) = here.split();
    sender.write(format!("{}cat {}; echo hello", witness.hold(), "/dev/null").as_bytes()).await.unwrap();
    let (_, fifo) = witness.running().await;
    sender.write(b"recv_ready").await.unwrap();
    gone(fifo).await;
    assert_eq!(receiver.read_exactly(7).await.unwrap().unwrap(), "6hello\n");
    sender.write(b"echo again").await.unwrap();
    assert_eq!(receiver.read_exactly(1).await.unwrap().unwrap(), "6");
    sender.write(b"recv_ready").await.unwrap();
    assert_eq!(receiver.read_exactly(6).await.unwrap().unwrap(), "again\n");
    sender.finish().await.unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn streamed_output_comes_while_the_command_runs() {
    let witness = Witness::new();
    let (mut here, serving) = served(Exec { order: Order::Streamed, ..Exec::default() }, "raw");
    here.send(format!("echo first; cat {}; echo err >&2", witness.fifo().display()).as_bytes()).await.unwrap();
    assert_eq!(here.receive().await.unwrap().unwrap().body, "first\n");
    let fifo = witness.fifo();
    spawn_blocking(move || std::fs::write(fifo, "second\n").unwrap()).await.unwrap();
    here.finish().await.unwrap();
    let rest = all(&mut here).await;
    assert!([&b"second\nerr\n"[..], b"err\nsecond\n"].contains(&&rest[..]), "{}", rest.escape_ascii());
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_command_that_outlives_its_client_by_too_much_is_ended() {
    let witness = Witness::new();
    let (mut here, serving) = served(Exec { after_end: Duration::ZERO, ..Exec::default() }, "raw");
    here.send(format!("{}echo begun; sleep 1000", witness.hold()).as_bytes()).await.unwrap();
    let (pid, fifo) = witness.running().await;
    here.finish().await.unwrap();
    gone(fifo).await;
    let said = String::from_utf8(all(&mut here).await).unwrap();
    assert!(said.ends_with("[landline: the command was ended 0ns after the end of the stream]\n"), "{said}");
    serving.await.unwrap().unwrap();
    assert!(test_kill_process(pid).is_err());
}

#[tokio::test]
async fn the_time_limit_ends_also_what_does_not_hear_the_first_signal() {
    let limited = Exec { limit: Some(Duration::from_millis(50)), ..Exec::default() };
    let (mut here, _serving) = served(limited, "raw");
    here.send(b"trap '' TERM; while :; do sleep 1000; done").await.unwrap();
    let said = here.receive().await.unwrap().unwrap().body;
    assert_eq!(said, "[landline: the command was ended after its time limit of 50ms]\n");
}

#[tokio::test]
async fn a_client_that_takes_no_more_ends_a_streaming_command() {
    let witness = Witness::new();
    let (mut here, serving) = served(Exec { order: Order::Streamed, ..Exec::default() }, "raw");
    here.send(format!("{}yes", witness.hold()).as_bytes()).await.unwrap();
    let (pid, fifo) = witness.running().await;
    assert!(here.receive().await.unwrap().is_some());
    drop(here);
    gone(fifo).await;
    assert!(serving.await.unwrap().unwrap_err().is_leaving());
    assert!(test_kill_process(pid).is_err());
}

#[tokio::test]
async fn a_handler_that_is_dropped_takes_the_whole_group_with_it() {
    let witness = Witness::new();
    let (mut here, serving) = served(Exec::default(), "raw");
    here.send(format!("trap '' TERM; {}sleep 1000 & sleep 1000", witness.hold()).as_bytes()).await.unwrap();
    let (_, fifo) = witness.running().await;
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    gone(fifo).await;
}

#[tokio::test]
async fn a_reset_ends_the_command_at_once() {
    let witness = Witness::new();
    let server = Server::bind(&"tcp://127.0.0.1:0".parse().unwrap(), ServerOptions::default()).await.unwrap();
    let place = server.bound().to_string();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(Exec::default(), stop.clone()));
    let mut here = tokio::net::TcpStream::connect(place.trim_start_matches("tcp://")).await.unwrap();
    here.write_all(format!("{}sleep 1000 & sleep 1000", witness.hold()).as_bytes()).await.unwrap();
    let (pid, fifo) = witness.running().await;
    here.set_zero_linger().unwrap();
    drop(here);
    gone(fifo).await;
    stop.cancel();
    assert_eq!(serving.await.unwrap().unwrap().cut, 0);
    assert!(test_kill_process(pid).is_err());
}
