//! The audit log: who called, what was done, how it ended; readable by every program whatever others write into it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;

use landline_testkit::{Machine, Office, SmallDisk, Way, needs};
use landline_wire::WireName;
use serde_json::{Value, json};

use crate::halfway;
use crate::raw::{Raw, identity_of, message, nobody, plain, refusal};
use crate::scene::{BIN, name, on_desk};
use crate::scripting::agrees_in_part;

/// All that was noted, as the command prints it; the server should have ended, so that nothing is on its way.
fn noted(desk: &Machine) -> Vec<Value> {
    desk.cmd(["audit", "-n", "100000", "--json"]).succeeds().json()
}

/// Those of one event, without their times.
fn of<'a>(all: &'a [Value], event: &str) -> Vec<&'a Value> {
    all.iter().filter(|line| line["event"] == event).collect()
}

/// The one request of this word.
#[track_caller]
fn request<'a>(all: &'a [Value], word: &str) -> &'a Value {
    let found: Vec<&Value> = of(all, "request").into_iter().filter(|line| line["request"] == word).collect();
    assert_eq!(found.len(), 1, "{word}: {all:?}");
    found[0]
}

#[test]
fn following_prints_what_is_noted_until_ctrl_c() {
    let office = Office::new(BIN);
    let (serving, laptop) = office.introduced();
    let desk = serving.machine().clone();
    let following = desk.cmd(["audit", "-n", "1", "--follow", "--json"]).spawn();
    let person = desk.cmd(["audit", "-n", "1000", "-f"]).spawn();
    following.wait_for_stdout("\n");
    for new in ["desk:one", "desk:two"] {
        let _ = laptop.cmd(["mkdir", new]).succeeds();
    }
    following.wait_for_stdout("\"paths\":[\"two\"]");
    person.wait_for_stdout(": mkdir two: done\n");
    following.sigint();
    person.sigint();
    let mut told = following.wait().exits_with(130).json();
    let last = told.pop().unwrap();
    assert_eq!(last["error"]["code"], "interrupted", "{last}");
    let _ = person.wait().exits_with(130).stderr("error: stopped\n");
    let _ = serving.stops();
    let all = noted(&desk);
    assert!(told.len() > 2 && all.windows(told.len()).any(|part| part == told), "each once: {told:?} of {all:?}");
}

#[test]
fn calls_requests_refusals_and_the_owners_acts_are_noted() {
    let office = Office::new(BIN);
    let (serving, laptop) = office.introduced();
    let desk = serving.machine().clone();
    let print = identity_of(&laptop).public().fingerprint().to_string();
    laptop.write("notes.txt", "hello\n");
    laptop.write("photos/a", "aa");
    laptop.write("photos/b", "b");
    let _ = laptop.cmd(["put", "notes.txt", "photos", "desk:"]).succeeds();
    let _ = laptop.cmd(["get", "desk:photos", "copy"]).succeeds();
    let _ = laptop.cmd(["mkdir", "desk:new"]).succeeds();
    let _ = laptop.cmd(["mv", "desk:notes.txt", "desk:new/notes"]).succeeds();
    let _ = laptop.cmd(["rm", "desk:nothing"]).fails_with(8);
    let _ = laptop.cmd(["ls", "desk:"]).succeeds();
    let mut stranger = Raw::open(serving.addr(), &nobody(7), "files");
    assert_eq!(stranger.rest(), refusal());
    let invited = desk.cmd(["invite", "--json"]).succeeds().json_line();
    let code = invited["code"].as_str().unwrap();
    let _ = desk.cmd(["who", "--end", "4711"]).fails_with(8);
    let _ = desk.cmd(["key", "revoke", &print]).succeeds();
    let _ = serving.stops();
    let all = noted(&desk);
    agrees_in_part("audit", &all);

    assert_eq!((of(&all, "start").len(), of(&all, "stop").len()), (1, 1));
    let (first, last) = (all.first().unwrap(), all.last().unwrap());
    assert_eq!((&first["event"], &last["event"], &last["cut"]), (&json!("start"), &json!("stop"), &json!(0)));
    assert_eq!(of(&all, "introduced")[0]["fingerprint"], print);
    let put = request(&all, "put");
    assert_eq!((&put["paths"], &put["files"], &put["bytes"]), (&json!(["notes.txt", "photos"]), &json!(3), &json!(9)));
    assert_eq!(
        (&put["outcome"], &put["user"], &put["fingerprint"]),
        (&json!("done"), &json!("friends"), &json!(print))
    );
    let got = request(&all, "get");
    assert_eq!((&got["paths"], &got["files"], &got["bytes"]), (&json!(["photos"]), &json!(2), &json!(3)));
    assert_eq!(request(&all, "mkdir")["paths"], json!(["new"]));
    assert_eq!(
        (&request(&all, "mv")["paths"], &request(&all, "mv")["to"]),
        (&json!(["notes.txt"]), &json!("new/notes"))
    );
    assert_eq!(request(&all, "rm")["outcome"], "not-found");
    let its_call = of(&all, "call").into_iter().find(|call| call["call"] == put["call"]).unwrap();
    assert_eq!((&its_call["service"], &its_call["outcome"]), (&json!("files"), &json!("done")));
    assert!(its_call["bytes_in"].as_u64().unwrap() > 9 && its_call["from"].as_str().unwrap().starts_with("127.0.0.1:"));
    let refused = of(&all, "refused");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0]["fingerprint"], nobody(7).public().fingerprint().to_string());
    let acts: Vec<_> = of(&all, "admin").iter().map(|act| [&act["request"], &act["what"], &act["outcome"]]).collect();
    let number = code.split('-').next().unwrap();
    assert_eq!(
        acts[acts.len() - 3..],
        [
            [&json!("invite"), &json!(number), &json!("done")],
            [&json!("end"), &json!("4711"), &json!("not-found")],
            [&json!("revoke"), &json!(print), &json!("done")],
        ]
    );
    assert_eq!(of(&all, "admin")[0]["user"], "the owner");
    assert_eq!(of(&all, "key-revoked")[0]["fingerprint"], print);

    let file = desk.home().join("audit.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(code.split_once('-').unwrap().1), "no code stands in it");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o600);
    desk.cmd(["audit", "-n", "1"]).succeeds().stdout_has("the server ended\n");
    desk.cmd(["audit"]).succeeds().stdout_has("mv notes.txt to new/notes: done\n");
}

#[test]
fn what_cut_short_is_noted_with_what_had_come() {
    let office = Office::new(BIN);
    let (serving, laptop) = office.introduced();
    let desk = serving.machine().clone();
    let (put, line) = halfway::put(&serving, &laptop);
    let calls = desk.cmd(["who", "--json"]).succeeds().json();
    let call = calls.iter().find(|call| call["doing"].as_str().unwrap().starts_with("put")).unwrap();
    let _ = desk.cmd(["who", "--end", &call["call"].to_string()]).succeeds();
    let _ = put.wait().exits_with(5);
    line.resume(Way::Up);
    let (second, line) = halfway::put(&serving, &laptop);
    let print = identity_of(&laptop).public().fingerprint().to_string();
    let _ = desk.cmd(["key", "revoke", &print]).succeeds();
    line.resume(Way::Up);
    let _ = second.wait().exits_with(4);
    let _ = serving.stops();
    let all = noted(&desk);
    let puts: Vec<&Value> = of(&all, "request").into_iter().filter(|line| line["request"] == "put").collect();
    assert_eq!((&puts[0]["outcome"], &puts[1]["outcome"]), (&json!("ended"), &json!("cut")));
    assert!(puts[0]["files"].as_u64().unwrap() >= 1024, "{:?}", puts[0]);
    assert_eq!(puts[0]["paths"], json!(["load"]));
    for put in puts {
        let calls: Vec<&Value> = of(&all, "call").into_iter().filter(|call| call["call"] == put["call"]).collect();
        assert_eq!((calls.len(), &calls[0]["outcome"]), (1, &put["outcome"]));
    }
}

#[test]
fn a_flood_of_refusals_is_summed_up() {
    let office = Office::new(BIN);
    let desk = office.machine("desk").serve();
    for _ in 0..50 {
        let mut line = plain(Ipv4Addr::LOCALHOST, desk.addr()).unwrap();
        // It may have been turned away at the door before it could say anything.
        drop(line.write_all(b"GET / HTTP/1.1\r\n\r\n").and_then(|()| line.read_to_end(&mut Vec::new())));
    }
    let machine = desk.machine().clone();
    let _ = desk.stops();
    let all = noted(&machine);
    assert_eq!(of(&all, "refused").len(), 20);
    assert_eq!(of(&all, "refused-more")[0]["left_out"], 30);
}

#[test]
fn hostile_names_stay_in_their_line_and_harmless() {
    let office = Office::new(BIN);
    let (serving, laptop) = office.introduced();
    let desk = serving.machine().clone();
    let odd = b"a\n\x1b[2J\r\"}\xff\xe2\x80\xae{\"event\":\"stop\"}";
    fs::write(laptop.work().join(name(odd)), "x").unwrap();
    let _ = laptop.cmd(["put"]).arg(laptop.work().join(name(odd))).arg("desk:").succeeds();
    let _ = laptop.cmd(["rm"]).arg(on_desk(name(odd))).succeeds();
    let _ = laptop.cmd(["rm", "desk:\u{1b}[2J\u{9b}31m\u{202e}x"]).fails_with(8);
    let mut raw = Raw::open(serving.addr(), &identity_of(&laptop), "\u{1b}]0;hi\u{7}\n");
    assert!(raw.hear_message().is_some());
    let mut raw = Raw::open(serving.addr(), &identity_of(&laptop), "files");
    raw.say(message(json!({"remove": {"path": "x/../\u{202e}", "recursive": true}}).to_string()));
    assert_eq!(raw.hear_message().unwrap()["error"]["code"], "bad-name");
    raw.cut();
    let _ = serving.stops();
    let text = fs::read(desk.home().join("audit.jsonl")).unwrap();
    let text = String::from_utf8(text).expect("it is UTF-8");
    assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text}");
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"));
        assert!(value["time"].is_string() && value["event"].is_string(), "{line}");
    }
    let all = noted(&desk);
    assert_eq!(of(&all, "stop").len(), 1, "a name can't pose as a line");
    assert_eq!(request(&all, "put")["paths"], json!([WireName(odd.to_vec())]));
    desk.cmd(["audit", "-n", "100"]).succeeds().never_says("\u{1b}").never_says("\u{202e}");
}

#[test]
fn a_revocation_without_a_server_is_noted_too() {
    let office = Office::new(BIN);
    let (serving, laptop) = office.introduced();
    let desk = serving.machine().clone();
    let _ = serving.stops();
    let print = identity_of(&laptop).public().fingerprint().to_string();
    let _ = desk.cmd(["key", "revoke", &print]).succeeds();
    let last = noted(&desk).pop().unwrap();
    assert_eq!((&last["event"], &last["request"], &last["what"]), (&json!("admin"), &json!("revoke"), &json!(print)));
    assert_eq!((&last["call"], &last["user"]), (&json!(0), &json!("the owner")));
}

#[test]
fn nothing_is_noted_if_the_owner_does_not_want_it() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    fs::create_dir_all(machine.home()).unwrap();
    fs::set_permissions(machine.home(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(machine.home().join("config.toml"), "audit = false\n").unwrap();
    let _ = machine.serve().stops();
    assert!(!machine.home().join("audit.jsonl").exists());
    machine.cmd(["audit"]).succeeds().stdout("").stderr_has("Nothing was noted yet.");
}

#[test]
fn a_full_disk_ends_no_server_and_leaves_no_half_line() {
    if !needs("small disk") {
        return;
    }
    let office = Office::new(BIN);
    let (machine, laptop) = (office.machine("desk"), office.machine("laptop"));
    fs::create_dir_all(machine.home()).unwrap();
    let disk = SmallDisk::over(machine.home(), 4 << 20);
    let serve = machine.cmd(["serve"]).arg(machine.share()).args(["--listen", "tcp://127.0.0.1:0", "--json"]);
    let serving = serve.on(&disk).serving();
    laptop.joins(&serving, "desk");
    laptop.write("notes.txt", "hello\n");
    let log = disk.path().join("audit.jsonl");
    disk.fill(0);
    // What is left of the page of 4 KiB that the log ends in takes some lines of 300 bytes.
    for _ in 0..10 {
        let _ = laptop.cmd(["put", "notes.txt", "desk:", "--ignore-times"]).succeeds();
    }
    serving.running().wait_for_stderr("the audit log can't be written");
    assert!(fs::read(&log).unwrap().ends_with(b"}\n"));
    disk.make_room();
    let _ = laptop.cmd(["put", "notes.txt", "desk:", "--ignore-times"]).succeeds();
    serving.sigterm();
    serving.running().wait_for_stdout("\"stopped\"");
    let text = fs::read_to_string(&log).unwrap();
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(of(&all, "missing")[0]["lines"].as_u64().unwrap() > 0, "{text}");
    assert_eq!(of(&all, "stop").len(), 1, "{text}");
}

#[test]
fn a_log_that_can_not_be_written_ends_no_server_and_slows_no_call() {
    let office = Office::new(BIN);
    let (serving, laptop) = office.introduced();
    let desk = serving.machine().clone();
    let _ = serving.stops();
    let file = desk.home().join("audit.jsonl");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap(); // stands for whatever keeps a file from being written, a full disk among it
    let serving = desk.serve();
    let _ = laptop.cmd(["contacts", "address", "desk", &serving.addr().to_string()]).succeeds();
    laptop.write("notes.txt", "hello\n");
    let _ = laptop.cmd(["put", "notes.txt", "desk:"]).succeeds();
    serving.running().wait_for_stderr("the audit log can't be written");
    fs::remove_dir(&file).unwrap();
    let _ = serving.stops();
    let all = noted(&desk);
    assert!(of(&all, "missing")[0]["lines"].as_u64().unwrap() > 0, "{all:?}");
    assert_eq!(of(&all, "stop").len(), 1);
}
