//! Refusals: what a person is told who may not, and that the one who may is not disturbed by it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixStream;

use landline_testkit::{Machine, Office, needs};
use landline_wire::shown;
use tempfile::TempDir;

use crate::raw;

fn office() -> Office {
    Office::new(env!("CARGO_BIN_EXE_landline"))
}

/// An unprivileged user that every system has: nobody.
const NOBODY: u32 = 65_534;

/// Runs what follows as [`NOBODY`].
const AS_NOBODY: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups";

/// An office in which everything is done by [`NOBODY`], with a copy of the program that he may run.
struct NobodysOffice {
    office: Office,
    _program: TempDir,
}

impl NobodysOffice {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("nobody-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("landline");
        fs::copy(env!("CARGO_BIN_EXE_landline"), &program).unwrap();
        let script = folder.path().join("as-nobody");
        let (set, program) = (AS_NOBODY, program.display());
        fs::write(&script, format!("#!/bin/sh\nexec {set} {program} \"$@\"\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let office = Office::new(&script);
        fs::set_permissions(office.root(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { office, _program: folder }
    }

    /// A machine whose folders belong to [`NOBODY`].
    fn machine(&self, name: &str) -> Machine {
        let machine = self.office.machine(name);
        for folder in [machine.share(), machine.work(), machine.runtime(), self.office.root().join(name)] {
            chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        machine
    }
}

#[test]
fn a_stranger_is_told_how_to_be_introduced() {
    let office = office();
    let desk = office.machine("desk").serve();
    let stranger = office.machine("stranger");
    raw::knows(&stranger, "desk", raw::identity_of(desk.machine()).public(), desk.addr());
    fs::write(desk.machine().share().join("secret"), "secret").unwrap();
    stranger.write("x", "x");
    for command in [
        &["ls", "desk:"][..],
        &["ls", "desk:secret"],
        &["stat", "desk:secret"],
        &["cat", "desk:secret"],
        &["get", "desk:secret", "."],
        &["get", "desk:secret", "desk:other", "."],
        &["put", "x", "desk:"],
        &["put", "x", "desk:y"],
        &["mv", "desk:secret", "desk:y"],
        &["mkdir", "desk:d"],
        &["rm", "desk:secret"],
    ] {
        let done = stranger.cmd(command).fails_with(5).stdout("");
        let done = done.stderr_has("error: desk refused this call\n").stderr_has("landline invite");
        let _ = done.stderr_has("landline join").never_says("secret");
    }
    let said = stranger.cmd(["ls", "desk:", "--json"]).fails_with(5).json_line();
    assert_eq!((said["error"]["code"].as_str(), said["error"]["exit"].as_u64()), (Some("refused"), Some(5)), "{said}");
    assert_eq!(fs::read_dir(desk.machine().share()).unwrap().count(), 1);
}

#[test]
fn an_introduction_over_the_owners_socket_is_refused() {
    let office = office();
    let desk = office.machine("desk").serve();
    let mut line = UnixStream::connect(desk.socket()).unwrap();
    let said = [raw::opening("introduce"), raw::message(r#"{"introduce":{"number":1}}"#)].concat();
    line.write_all(&said).unwrap();
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).unwrap();
    let expected = raw::message(r#"{"error":{"code":"refused","text":"an introduction needs an encrypted line"}}"#);
    assert_eq!(shown(&answer).to_string(), shown(&expected).to_string());
}

#[test]
fn the_owners_socket_is_for_the_owner_and_not_even_for_root() {
    if !needs("root") || !needs("setpriv") {
        return;
    }
    let nobodys = NobodysOffice::new();
    let desk = nobodys.machine("desk").serve();
    desk.machine().cmd(["ls", "localhost:"]).succeeds();
    // Root can open the socket; the server asks the kernel who he is.
    let office = office();
    let roots = office.machine("root");
    let by_root = |args: &[&str]| {
        let cmd = roots.cmd(args).env("LANDLINE_HOME", desk.machine().home());
        cmd.env("XDG_RUNTIME_DIR", desk.machine().runtime())
    };
    for args in [&["ls", "localhost:"][..], &["invite"], &["put", "/etc/hostname", "localhost:"]] {
        let done = by_root(args).fails_with(5).stderr_has("the server of this home answers to its owner only");
        let _ = done.stderr_has("run the command as the user who owns the home");
    }
    desk.machine().cmd(["ls", "localhost:"]).succeeds().stdout("");
    let _ = desk.stops();
}

#[test]
fn another_user_can_use_neither_the_home_nor_the_socket() {
    if !needs("root") || !needs("setpriv") {
        return;
    }
    let office = office();
    fs::set_permissions(office.root(), fs::Permissions::from_mode(0o755)).unwrap();
    let desk = office.machine("desk").serve();
    let nobodys = NobodysOffice::new();
    let other = nobodys.machine("other");
    let cmd = |args: &[&str]| other.cmd(args).env("LANDLINE_HOME", desk.machine().home());
    for args in [&["key", "show"][..], &["ls", "localhost:"], &["serve", "/tmp/x"], &["invite"]] {
        let _ = cmd(args).fails_with(5).stderr_has("error: ").never_says(&desk.fingerprint());
    }
    desk.machine().cmd(["ls", "localhost:"]).succeeds();
}

#[test]
fn a_second_server_of_a_home_is_told_the_first_ones_pid_and_the_first_goes_on() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let machine = desk.machine();
    let second = machine.cmd(["serve", "other", "--listen", "tcp://127.0.0.1:0"]).fails_with(9);
    let pid = desk.pid().to_string();
    let _ = second.stdout("").stderr_has(&format!("process {pid}")).stderr_has(&format!("kill {pid}"));
    assert!(!machine.work().join("other").exists(), "a refusal makes nothing");
    laptop.cmd(["ls", "desk:"]).succeeds();
    machine.cmd(["ls", "localhost:"]).succeeds();
    let machine = machine.clone();
    let _ = desk.stops();
    let _ = machine.serve().stops();
}

#[test]
fn a_server_that_was_killed_leaves_nothing_in_the_way_of_the_next() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let (machine, socket) = (desk.machine().clone(), desk.socket());
    desk.sigkill();
    assert_eq!(desk.wait().killed_by(), Some(9));
    assert!(socket.exists(), "nobody could tidy up");
    machine.cmd(["invite"]).fails_with(4).stderr_has("landline is not serving here");
    let desk = machine.serve();
    assert_eq!(desk.socket(), socket);
    laptop.cmd(["contacts", "address", "desk", &desk.addr().to_string()]).succeeds();
    laptop.cmd(["ls", "desk:"]).succeeds();
}

#[test]
fn commands_that_need_the_running_server_say_so() {
    let office = office();
    let desk = office.machine("desk");
    desk.write("x", "x");
    for command in [&["invite"][..], &["ls", "localhost:"], &["put", "x", "localhost:"], &["get", "localhost:x", "."]] {
        let done = desk.cmd(command).fails_with(4).stdout("");
        let done = done.stderr_has("error: landline is not serving here: nobody listens on ");
        let _ = done.stderr_has("hint: start it in another terminal: landline serve ./share");
    }
    for command in [&["key", "show"][..], &["key", "list"], &["contacts", "list"], &["config", "show"]] {
        desk.cmd(command).succeeds();
    }
    desk.cmd(["key", "revoke", "nobody"]).fails_with(8);
}

#[test]
fn a_port_that_is_taken_is_told_with_a_way_out() {
    let office = office();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", taken.local_addr().unwrap());
    let desk = office.machine("desk");
    let done = desk.cmd(["serve", "share", "--listen", &endpoint]).fails_with(9).stdout("");
    let done = done.stderr_has(&format!("error: cannot listen on {endpoint}: address already in use\n"));
    let _ = done.stderr_has("--listen :PORT");
    let done = desk.cmd(["serve", "share", "--listen", "tcp://127.0.0.1:0", "--listen", &endpoint]).fails_with(9);
    let _ = done.stdout("");
    // What was refused holds nothing: neither lock nor socket.
    let _ = desk.serve().stops();
}

#[test]
fn an_address_of_another_machine_is_not_listened_at() {
    let office = office();
    let desk = office.machine("desk");
    let done = desk.cmd(["serve", "share", "--listen", "tcp://192.0.2.1:0"]).fails_with(8);
    let _ = done.stdout("").stderr_has("cannot listen on tcp://192.0.2.1:0").stderr_has("hint: ");
}

#[test]
fn an_ordinary_user_is_told_that_port_80_needs_a_privilege() {
    if !needs("root") || !needs("setpriv") {
        return;
    }
    let first_free = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if first_free.trim().parse::<u16>().unwrap() <= 80 {
        return; // on this system it needs none
    }
    let nobodys = NobodysOffice::new();
    let desk = nobodys.machine("desk");
    let done = desk.cmd(["serve", "share", "--listen", "tcp://127.0.0.1:80"]).fails_with(5).stdout("");
    let done = done.stderr_has("error: cannot listen on tcp://127.0.0.1:80: permission denied\n");
    let _ = done.stderr_has("ports below 1024 need a privilege");
}

#[test]
fn what_can_not_be_served_is_told_before_anything_starts() {
    let office = office();
    let desk = office.machine("desk");
    let serve = |args: &[&str]| desk.cmd(["serve"]).args(args).args(["--listen", "tcp://127.0.0.1:0"]);
    serve(&[]).fails_with(2).stdout("").stderr_has("landline serve ./share");
    let file = desk.write("file", "x");
    serve(&["file"]).fails_with(9).stdout("").stderr_has(file.to_str().unwrap());
    serve(&["file/below"]).fails_with(9).stdout("");
    let home = desk.home();
    let above = home.parent().unwrap();
    for folder in [home.as_path(), above] {
        let done = serve(&[folder.to_str().unwrap()]).fails_with(5).stdout("");
        let _ = done.stderr_has("it holds the state folder").stderr_has("hint: serve a folder of its own");
    }
    std::os::unix::fs::symlink(above, desk.work().join("link")).unwrap();
    serve(&["link"]).fails_with(5).stderr_has("it holds the state folder");
    for listen in ["udp://:0", "tcp://:70000", "tls://:0", "unix:", "http://x:1"] {
        desk.cmd(["serve", "share", "--listen", listen]).fails_with(2);
    }
    let _ = desk.serve().stops();
}
