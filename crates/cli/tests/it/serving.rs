//! Serving: from the ready line to the last word, and what a service manager sees of it.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use landline_testkit::{Office, PATIENCE, Serving, Way};
use serde_json::Value;

use crate::halfway;
use crate::raw::{Raw, identity_of, message, plain};

fn office() -> Office {
    Office::new(env!("CARGO_BIN_EXE_landline"))
}

const ANY_PORT: [&str; 2] = ["--listen", "tcp://127.0.0.1:0"];

fn endpoints(desk: &Serving) -> Vec<String> {
    desk.ready()["listen"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[test]
fn the_ready_line_is_all_that_a_script_has_to_read() {
    let office = office();
    let desk = office.machine("desk");
    let running = desk.cmd(["serve", "share"]).args(ANY_PORT).spawn();
    running.wait_for_stdout("ready tcp://127.0.0.1:");
    running.wait_for_stderr("Stop with Ctrl-C.\n");
    running.sigterm();
    let done = running.wait().exits_with(0).stderr_has("Stopped.\n");
    let lines = String::from_utf8(done.stdout_bytes().to_vec()).unwrap();
    let port = lines.strip_prefix("ready tcp://127.0.0.1:").and_then(|rest| rest.strip_suffix('\n'));
    assert!(port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0)), "{lines:?}");
}

#[test]
fn quiet_means_the_ready_line_and_nothing_else() {
    let office = office();
    let desk = office.machine("desk");
    let running = desk.cmd(["serve", "share", "--quiet"]).args(ANY_PORT).spawn();
    running.wait_for_stdout("\n");
    running.sigterm();
    let _ = running.wait().exits_with(0).stderr("");
}

#[test]
fn a_person_is_told_where_what_and_who() {
    let office = office();
    let desk = office.machine("desk").serve();
    let ready = desk.ready();
    assert_eq!(ready["share"], desk.machine().share().to_str().unwrap());
    assert_eq!((&ready["read_only"], ready["pid"].as_u64()), (&Value::Bool(false), Some(desk.pid().into())));
    let fingerprint = desk.machine().cmd(["key", "show"]).succeeds();
    let _ = fingerprint.stdout(&format!("{}\n", desk.fingerprint()));
    for text in [
        format!("Serving {} (others may read and change it)\n", desk.machine().share().display()),
        format!("  address      {}\n", desk.addr()),
        format!("  fingerprint  {}\n", desk.fingerprint()),
        format!("  own socket   {}\n", desk.socket().display()),
    ] {
        desk.running().wait_for_stderr(&text);
    }
}

#[test]
fn events_tell_the_whole_life_of_a_server() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let key = identity_of(&laptop).public().fingerprint().to_string();
    desk.machine().cmd(["key", "revoke", &key]).succeeds();
    let mut desk = desk;
    desk.wait_for_event(|event| event["event"] == "key-revoked");
    let events = desk.stops().json();
    assert_eq!(names(&events), ["ready", "invitation", "introduced", "key-revoked", "stopping", "stopped"]);
    assert_eq!(events[5]["cut"], 0);
}

#[test]
fn several_endpoints_serve_the_same_share() {
    let office = office();
    let machine = office.machine("desk");
    let socket = machine.runtime().join("own.sock");
    let unix = format!("unix:{}", socket.display());
    let listen = ["tcp://127.0.0.1:0", "tcp://[::1]:0", "127.0.0.2:0", &unix];
    let args = listen.iter().flat_map(|endpoint| ["--listen", endpoint]);
    let desk = machine.cmd(["serve", "share", "--json"]).args(args).serving();
    fs::write(machine.work().join("share/hello"), "x").unwrap();
    let laptop = office.machine("laptop");
    laptop.joins(&desk, "desk");
    let listening = endpoints(&desk);
    let begins: Vec<_> = listening.iter().map(|endpoint| endpoint.rsplit_once(':').unwrap().0).collect();
    assert_eq!(begins, ["tcp://127.0.0.1", "tcp://[::1]", "tcp://127.0.0.2", "unix"]);
    for endpoint in &listening[..3] {
        laptop.cmd(["contacts", "address", "desk", endpoint.strip_prefix("tcp://").unwrap()]).succeeds();
        laptop.cmd(["ls", "desk:"]).succeeds().stdout("hello\n");
    }
    let meta = fs::metadata(&socket).unwrap();
    assert!(meta.file_type().is_socket() && meta.mode() & 0o777 == 0o600, "{:o}", meta.mode());
    machine.cmd(["ls", "localhost:"]).succeeds().stdout("hello\n");
    let own = desk.socket();
    let _ = desk.stops();
    assert!(!socket.exists() && !own.exists(), "sockets go with the server");
}

#[test]
fn without_a_host_both_families_are_served() {
    let office = office();
    let machine = office.machine("desk");
    let desk = machine.cmd(["serve", "share", "--json", "--listen", ":0"]).serving();
    let listening = endpoints(&desk);
    let port = listening[0].strip_prefix("tcp://*:").expect("it listens everywhere").parse::<u16>().unwrap();
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    if Path::new("/proc/net/if_inet6").exists() {
        TcpStream::connect((std::net::Ipv6Addr::LOCALHOST, port)).unwrap();
    }
    let reachable = desk.ready()["reachable"].as_array().unwrap();
    assert!(reachable.iter().all(|at| at.as_str().unwrap().ends_with(&format!(":{port}"))), "{reachable:?}");
    let invitation = machine.cmd(["invite", "--json"]).succeeds().json_line();
    assert_eq!(invitation["addresses"], desk.ready()["reachable"]);
}

#[test]
fn share_and_home_are_made_if_missing() {
    let office = office();
    let machine = office.machine("desk");
    let home = office.root().join("deep/state");
    let desk = machine.cmd(["serve", "new/share", "--json", "--home"]).arg(&home).args(ANY_PORT).serving();
    assert_eq!(fs::metadata(&home).unwrap().mode() & 0o777, 0o700);
    assert!(machine.work().join("new/share").is_dir());
    assert_eq!(desk.ready()["home"], home.to_str().unwrap());
    assert!(!machine.home().exists(), "--home rules");
    for entry in fs::read_dir(&home).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o077, 0, "{} is open to others", entry.path().display());
    }
    let _ = desk.stops();
}

#[test]
fn a_read_only_share_is_read_and_never_changed() {
    let office = office();
    let machine = office.machine("desk");
    fs::write(machine.share().join("hello"), "hello").unwrap();
    let share = machine.share();
    let args = ["serve", share.to_str().unwrap(), "--read-only", "--json"];
    let desk = machine.cmd(args).args(ANY_PORT).serving();
    let laptop = office.machine("laptop");
    laptop.joins(&desk, "desk");
    laptop.cmd(["cat", "desk:hello"]).succeeds().stdout("hello");
    laptop.write("x", "x");
    for (on, place) in [(&laptop, "desk:"), (&machine, "localhost:")] {
        on.write("x", "x");
        let at = |path: &str| format!("{place}{path}");
        for command in [
            vec!["put".to_owned(), "x".to_owned(), at("")],
            vec!["rm".to_owned(), at("hello")],
            vec!["mv".to_owned(), at("hello"), at("gone")],
            vec!["mkdir".to_owned(), at("d")],
        ] {
            on.cmd(&command).fails_with(5).stderr_has("read-only");
        }
    }
    assert_eq!(fs::read_dir(&share).unwrap().count(), 1);
    assert_eq!(desk.ready()["read_only"], true);
}

#[test]
fn a_signal_ends_an_idle_server_well_and_takes_its_socket_away() {
    let office = office();
    for signal in [landline_testkit::Signal::TERM, landline_testkit::Signal::INT] {
        let desk = office.machine("desk").serve();
        let socket = desk.socket();
        assert!(socket.exists());
        desk.running().signal(signal);
        let _ = desk.wait().exits_with(0).stderr_has("Stopped.\n");
        assert!(!socket.exists());
    }
}

#[test]
fn an_idle_friend_does_not_hold_the_server_up() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let mut line = Raw::open(desk.addr(), &identity_of(&laptop), "files");
    line.say(message(r#"{"list":{"path":""}}"#));
    assert!(line.hear_message().unwrap()["entries"].is_object());
    desk.sigterm();
    assert_eq!(line.hear_message().unwrap()["error"]["code"], "stopping");
    drop(line);
    let _ = desk.wait().exits_with(0);
}

#[test]
fn a_second_signal_ends_at_once_what_the_first_let_finish() {
    let office = office();
    let (mut desk, laptop) = office.introduced();
    let (put, line) = halfway::put(&desk, &laptop);
    let socket = desk.socket();
    desk.sigterm();
    desk.wait_for_event(|event| event["event"] == "stopping");
    desk.sigterm();
    let machine = desk.machine().clone();
    let _ = desk.wait().exits_with(130).stderr_has("stopped at once; running calls were cut");
    assert!(!socket.exists());
    line.resume(Way::Up);
    let _ = put.wait().exits_with(4);
    assert_eq!(halfway::big_in(&machine.share()), None);
}

#[test]
fn after_the_grace_period_what_still_runs_is_cut_and_counted() {
    let office = office();
    let machine = office.machine("desk");
    let mut desk = machine.cmd(["serve", "share", "--json", "--grace", "1"]).args(ANY_PORT).serving();
    let laptop = office.machine("laptop");
    laptop.joins(&desk, "desk");
    let (put, line) = halfway::put(&desk, &laptop);
    desk.sigterm();
    assert_eq!(desk.wait_for_event(|event| event["event"] == "stopped")["cut"], 1);
    let _ = desk.wait().exits_with(0).stderr_has("1 call did not finish in time and had to be cut");
    line.resume(Way::Up);
    let _ = put.wait().exits_with(4);
    assert_eq!(halfway::big_in(&machine.work().join("share")), None);
}

#[test]
fn a_stopping_server_takes_no_new_calls_and_lets_the_running_one_finish() {
    let office = office();
    let (mut desk, laptop) = office.introduced();
    let (put, line) = halfway::put(&desk, &laptop);
    desk.sigterm();
    desk.wait_for_event(|event| event["event"] == "stopping");
    let late = office.machine("late");
    let join = late.cmd(["join", &desk.addr().to_string()]).env("LANDLINE_CODE", "1-zoo-zone");
    let _ = join.fails_with(4);
    line.resume(Way::Up);
    let _ = put.wait().exits_with(0);
    let machine = desk.machine().clone();
    let _ = desk.wait().exits_with(0);
    assert_eq!(halfway::big_in(&machine.share()), Some(halfway::BIG));
}

#[test]
fn a_service_manager_hears_when_it_is_ready_and_when_it_stops() {
    let office = office();
    let machine = office.machine("desk");
    let path = machine.runtime().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = || {
        let mut said = [0; 512];
        let n = manager.recv(&mut said).unwrap();
        String::from_utf8(said[..n].to_vec()).unwrap()
    };
    let desk = machine.cmd(["serve", "share", "--json"]).args(ANY_PORT).env("NOTIFY_SOCKET", &path).serving();
    assert!(hear().lines().any(|line| line == "READY=1"));
    desk.sigterm();
    assert!(hear().lines().any(|line| line == "STOPPING=1"));
    let _ = desk.wait().exits_with(0);
    let gone = machine.cmd(["serve", "share", "--json"]).args(ANY_PORT).env("NOTIFY_SOCKET", "/no/such/manager");
    let _ = gone.serving().stops();
}

#[test]
fn a_flood_of_connections_beyond_the_descriptors_does_not_end_the_server() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let office = office();
    let (desk, laptop) = office.introduced();
    let few = Rlimit { current: Some(64), maximum: Some(64) };
    let pid = Pid::from_raw(i32::try_from(desk.pid()).unwrap()).unwrap();
    prlimit(Some(pid), Resource::Nofile, few).unwrap();
    let strangers: Vec<_> =
        (0..200).filter_map(|n| plain(Ipv4Addr::new(127, 0, 5, 1 + n % 100), desk.addr()).ok()).collect();
    assert!(strangers.len() >= 100, "the system takes them in the server's name");
    drop(strangers);
    laptop.write("x", "x");
    laptop.cmd(["put", "x", "desk:"]).succeeds();
    laptop.cmd(["cat", "desk:x"]).succeeds().stdout("x");
    desk.machine().cmd(["ls", "localhost:"]).succeeds().stdout("x\n");
    let _ = desk.stops();
}
