//! The example programs, run as a reader would run them, with a conversation held by plain sockets.
//!
//! No sleep and no guessed port: a program says where it listens in its first line. Each is killed by its handle.
#![allow(clippy::unwrap_used, reason = "these are tests, also where a function is shared by several of them")]

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::{Shutdown, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// How long a test waits for what must come; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first characters of the line that each program says first.
const LISTENING: &str = "listening on ";

/// Most lines of an example, so that it is read in one go.
const MOST_LINES: usize = 39;

/// A program that runs; killed when this is dropped.
struct Program {
    child: Child,
    endpoint: String,
}

impl Program {
    fn start(name: &str, endpoint: &str) -> Self {
        let mut child = command(name).arg(endpoint).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let endpoint = said.trim_end().strip_prefix(LISTENING).unwrap_or_else(|| panic!("{name} said {said:?}"));
        Self { endpoint: endpoint.to_owned(), child }
    }

    fn address(&self) -> &str {
        self.endpoint.split_once("://").unwrap().1
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Where cargo puts examples: beside the folder of this very test.
fn command(name: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let path: PathBuf = this.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built; `cargo build -p landline --examples` does it", path.display());
    Command::new(path)
}

/// Says all of `words`, ends, and hears all that comes.
fn said_and_heard(mut stream: TcpStream, words: &[u8]) -> Vec<u8> {
    stream.write_all(words).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    heard
}

fn hear<const N: usize>(stream: &mut impl Read) -> [u8; N] {
    let mut heard = [0; N];
    stream.read_exact(&mut heard).unwrap();
    heard
}

#[test]
fn every_example_is_short() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MOST_LINES, "{}: {lines} lines, {MOST_LINES} at most", path.display());
        names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["challenge", "chat", "echo", "exec_json", "time_udp"]);
}

#[test]
fn echo_serves_many_at_once_on_tcp_and_on_a_unix_socket() {
    let echo = Program::start("echo", "tcp://127.0.0.1:0");
    let mut first = echo.connect();
    let mut second = echo.connect();
    second.write_all(b"two").unwrap();
    assert_eq!(&hear(&mut second), b"two");
    first.write_all(b"one").unwrap();
    assert_eq!(&hear(&mut first), b"one");
    let long = vec![b'x'; 100_000];
    let heard = std::thread::scope(|scope| {
        let mut reader = first.try_clone().unwrap();
        let reading = scope.spawn(move || {
            let mut heard = Vec::new();
            reader.read_to_end(&mut heard).map(|_| heard).unwrap()
        });
        first.write_all(&long).unwrap();
        first.shutdown(Shutdown::Write).unwrap();
        reading.join().unwrap()
    });
    assert!(heard == long);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.sock");
    let echo = Program::start("echo", &format!("unix:{}", path.display()));
    assert_eq!(echo.endpoint, format!("unix:{}", path.display()));
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"hello").unwrap();
    assert_eq!(&hear(&mut stream), b"hello");
}

#[test]
fn challenge_answers_who_holds_the_key_and_hangs_up_on_others() {
    let server = Program::start("challenge", "tcp://127.0.0.1:0");
    let client = |key: Option<&str>| {
        let mut client = command("challenge");
        client.args([&server.endpoint, "hello", "you"]).stderr(Stdio::piped());
        key.map(|key| client.env("KEY", key));
        client.output().unwrap()
    };
    let done = client(None);
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout).as_ref()), (Some(0), "HELLO YOU\n"));

    let refused = client(Some("another key, as long as that"));
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    // A nonce of 32 bytes comes first; whoever answers it with nonsense hears no more.
    assert_eq!(said_and_heard(server.connect(), &[0; 64]).len(), 32);
}

#[test]
fn time_answers_a_format_by_udp() {
    let server = Program::start("time_udp", "udp://127.0.0.1:0");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = |format: &str| {
        socket.send(format.as_bytes()).unwrap();
        let mut room = [0; 1024];
        let len = socket.recv(&mut room).unwrap();
        String::from_utf8(room[..len].to_vec()).unwrap()
    };
    let seconds: u64 = ask("%s").parse().unwrap();
    assert!(seconds.abs_diff(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()) <= PATIENCE.as_secs());
    assert_eq!(ask("100%% %Y").len(), "100% 2018".len());
    assert_eq!(ask("").len(), "2018-03-05 07:08:09".len());
}

#[test]
fn exec_runs_commands_and_answers_behind_a_json_header() {
    let server = Program::start("exec_json", "tcp://127.0.0.1:0");
    let mut stream = server.connect();
    for (command, output) in [("echo hello; echo there >&2", "hello\nthere\n"), ("exit 3", ""), ("echo 你好", "你好\n")]
    {
        let header = format!("{{\"data_size\": {}}}", command.len());
        let len = i32::try_from(header.len()).unwrap().to_le_bytes();
        stream.write_all(&[&len[..], header.as_bytes(), command.as_bytes()].concat()).unwrap();

        let header_len = usize::try_from(i32::from_le_bytes(hear(&mut stream))).unwrap();
        let mut header = vec![0; header_len];
        stream.read_exact(&mut header).unwrap();
        let header: String = String::from_utf8(header).unwrap().split_whitespace().collect();
        assert_eq!(header, format!("{{\"data_size\":{}}}", output.len()));
        let mut body = vec![0; output.len()];
        stream.read_exact(&mut body).unwrap();
        assert_eq!(body, output.as_bytes());
    }
}

#[test]
fn chat_carries_lines_to_the_others_and_a_slow_member_slows_nobody() {
    /// Enough of these lines to fill every buffer between the room and a member that reads nothing.
    const LINE_BYTES: usize = 32 << 10;
    const LINES: usize = 512;

    let room = Program::start("chat", "tcp://127.0.0.1:0");
    // Who is welcomed is a member; the slow one reads that much and no more.
    let join = || {
        let mut member = room.connect();
        assert_eq!(&hear(&mut member), b"(welcome)\n");
        member
    };
    let (mut talker, friend, mut slow) = (join(), join(), join());

    // One line after the other, each waited for at the friend's: nobody but the slow member falls behind.
    let mut friend = BufReader::new(friend);
    let said = "x".repeat(LINE_BYTES) + "\n";
    let mut heard = String::new();
    for number in 0..LINES {
        talker.write_all(said.as_bytes()).unwrap();
        heard.clear();
        friend.read_line(&mut heard).unwrap();
        assert!(heard == said, "line {number}");
    }

    // The slow member reads at last: some lines, and how many it missed.
    talker.write_all(b"end\n").unwrap();
    let mut late = BufReader::new(&mut slow);
    let (mut count, mut missed) = (0, 0);
    loop {
        heard.clear();
        late.read_line(&mut heard).unwrap();
        match heard.trim_end() {
            "end" => break,
            told if told.starts_with('(') => {
                let number = told.strip_prefix('(').and_then(|told| told.split(' ').next()).unwrap();
                missed += number.parse::<usize>().unwrap();
            }
            words => {
                assert_eq!(words.len(), LINE_BYTES);
                count += 1;
            }
        }
    }
    assert!(missed > 0 && count + missed >= LINES, "{count} heard and {missed} missed");
}
