//! docs/scripting.md: every object that a command prints is there, field by field, and every field there is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;

use landline_testkit::{Cut, Machine, Way};
use serde_json::Value;

use crate::scene::{MIB, Scene, name, on_desk, random, wait_until_put_away};
use crate::users::House;

const PAGE: &str = include_str!("../../../../docs/scripting.md");

/// Which fields an object has and of what type they are, by its event or its one telling field.
type Shapes = BTreeMap<String, BTreeSet<String>>;

/// What the page shows below the heading of a command.
fn documented(heading: &str) -> Vec<Value> {
    let section = PAGE.split("\n### ").find(|section| section.lines().next() == Some(heading));
    let section = section.unwrap_or_else(|| panic!("no section {heading}"));
    let block = section.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    block.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{line}: {fault}"))).collect()
}

/// The word by which objects of one section are told apart.
fn sort_of(object: &Value) -> String {
    let telling = [
        "error", "text", "b64", "made", "from", "removed", "revoked", "exported", "imported", "replaced", "user",
        "key", "sound", "script", "page", "pwd", "lpwd", "blake3", "help", "total",
    ];
    match object["event"].as_str() {
        Some(event) => event.to_owned(),
        None => telling.iter().find(|field| object.get(**field).is_some()).map_or("object", |field| field).to_owned(),
    }
}

fn shapes(objects: &[Value]) -> Shapes {
    let mut shapes = Shapes::new();
    for object in objects {
        let fields = shapes.entry(sort_of(object)).or_default();
        fields.extend(object.as_object().unwrap().keys().cloned());
    }
    shapes
}

#[track_caller]
pub(crate) fn agrees(heading: &str, printed: &[Value]) {
    assert_eq!(shapes(printed), shapes(&documented(heading)), "{heading}: printed, and as docs/scripting.md has it");
}

fn printed(machine: &Machine, commands: &[&[&str]]) -> Vec<Value> {
    commands.iter().flat_map(|command| machine.cmd(*command).arg("--json").run().json()).collect()
}

/// What is printed has shapes of the page, though not all of them.
#[track_caller]
pub(crate) fn agrees_in_part(heading: &str, printed: &[Value]) {
    let documented = shapes(&documented(heading));
    for (sort, fields) in shapes(printed) {
        assert!(fields.is_subset(&documented[&sort]), "{heading}: {sort}: {fields:?}");
    }
}

#[test]
fn what_put_and_get_print_is_what_the_page_says() {
    let scene = Scene::new();
    let laptop = &scene.laptop;
    laptop.write("notes.txt", "hello\n");
    laptop.write("folder/in-the-way", "x");
    laptop.write("fresh/file", "x");
    fs::hard_link(laptop.work().join("notes.txt"), laptop.work().join("folder/plain")).unwrap();
    let pipe = laptop.work().join("folder/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
    scene.shares("folder/in-the-way/already", "x");
    let all = ["put", "notes.txt", "folder", "fresh", "desk:"];
    let mut put = printed(laptop, &[&all, &all, &["put", "-n", "notes.txt", "desk:"]]);
    agrees_in_part("put, get", &printed(laptop, &[&["get", "desk:fresh"], &["get", "-n", "desk:notes.txt"]]));
    agrees("retry", &printed(laptop, &[&["retry"]]));
    laptop.write("big.bin", random(1, 12 * MIB));
    let line = scene.line();
    line.cut_after(Way::Up, 7 << 20, Cut::Reset);
    let cut = laptop.cmd(["put", "big.bin", "desk:", "--reconnect", "0"]).fails_with(4);
    cut.stderr_has("the line to desk was cut");
    laptop.cmd(["contacts", "address", "desk", &scene.desk.addr().to_string()]).succeeds().stdout("");
    let desk = scene.desk.machine();
    let lies = || printed(desk, &[&["partials", "list"]]);
    wait_until_put_away(desk);
    let mut partials = lies();
    put.extend(printed(laptop, &[&["put", "big.bin", "desk:"]]));
    agrees("put, get", &put);
    partials.push(serde_json::json!({"event": "cleared", "path": "", "verified": 0}));
    partials.push(serde_json::json!({"event": "kept", "path": "", "why": ""})); // as tests of the command have it
    agrees("partials", &partials);
}

#[test]
fn what_raw_sockets_print_is_what_the_page_says() {
    let office = landline_testkit::Office::new(crate::scene::BIN);
    let machine = office.machine("amy");
    let words =
        ["--json", "listen", "tls://127.0.0.1:0", "--self-signed", "--info", "--service", "echo", "--idle", "0.05"];
    let server = machine.cmd(words).args(["--auth", "mutual"]).env("LANDLINE_KEY", "a key that is long enough").spawn();
    let line = server.wait_for_stdout_line("{\"event\":\"listening\",");
    let endpoint = line.split('"').nth(3).unwrap().to_owned();
    let dial = |key: &str, more: &[&str]| {
        let words = ["--json", "dial", endpoint.as_str(), "--insecure", "--info", "--auth", "mutual"];
        machine.cmd(words).args(more).env("LANDLINE_KEY", key).stdin_open().run().json()
    };
    let mut all = dial("a key that is long enough", &["--say", "hi"]);
    all.retain(|one| one.get("error").is_none());
    dial("another one that is long enough", &[]);
    server.wait_for_stdout("\"event\":\"refused\"");
    server.sigterm();
    all.extend(server.wait().json());
    all.push(machine.cmd(["--json", "listen", "--like", "list"]).succeeds().json().swap_remove(0));
    agrees_in_part("listen, dial, relay", &all);
    let sorts: BTreeSet<String> = all.iter().map(sort_of).collect();
    let told = ["listening", "socket", "connected", "message", "closed", "refused", "stopped", "object"];
    assert_eq!(sorts, told.map(str::to_owned).into(), "{all:?}");
}

#[test]
fn what_is_printed_of_users_is_what_the_page_says() {
    let house = House::new();
    let desk = house.desk.machine();
    let mut users = printed(desk, &[&["user", "add", "amy", "--quota", "1M"]]);
    let amy = house.machine_of("amy");
    amy.cmd(["mkdir", "desk:x"]).succeeds();
    users.extend(printed(desk, &[&["user", "show", "amy"], &["user", "list"]]));
    desk.cmd(["user", "passwd", "amy"]).env("LANDLINE_PASSWORD", "a password of hers").succeeds();
    let phone = house.office.machine("phone");
    let login = phone.cmd(["login", &house.desk.addr().to_string(), "--user", "amy", "--json"]);
    agrees("login", &login.env("LANDLINE_PASSWORD", "a password of hers").succeeds().json());
    let copy = desk.work().join("copy");
    agrees("backup", &printed(desk, &[&["backup", copy.to_str().unwrap()]]));
    agrees_in_part("files", &printed(&amy, &[&["files", "desk", "-c", "df"]]));
    users.extend(printed(desk, &[&["user", "remove", "amy"]]));
    agrees("user", &users);
}

#[test]
fn what_verify_and_selftest_print_is_what_the_page_says() {
    let scene = Scene::new();
    let (desk, laptop) = (scene.desk.machine(), &scene.laptop);
    laptop.write("folder/same", "x");
    laptop.write("folder/other", "x");
    let pipe = laptop.work().join("folder/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
    scene.shares("folder/same", "x");
    scene.shares("folder/other", "y");
    agrees("verify", &printed(laptop, &[&["verify", "folder", "desk:folder"]]));
    let mut tested = printed(desk, &[&["selftest"], &["selftest", "--faults", "--points", "1"]]);
    for told in &tested {
        if let Some(check) = told["check"].as_str() {
            assert!(PAGE.contains(&format!("`{check}`")), "{told}");
        }
    }
    tested.retain(|told| told["level"] != "warn"); // those have a fix, as doctor's do
    tested.push(serde_json::json!({"event": "broken", "kind": "", "point": 0, "text": ""})); // never happens
    agrees("selftest", &tested);
}

#[test]
fn what_the_commands_for_files_print_is_what_the_page_says() {
    let scene = Scene::new();
    let laptop = &scene.laptop;
    laptop.write("notes.txt", "hello\n");
    let _ = laptop.cmd(["put", "notes.txt", "desk:"]).succeeds();
    symlink("/etc", scene.share().join("lnk")).unwrap();
    agrees("ls", &printed(laptop, &[&["ls", "desk:"]]));
    agrees("stat", &printed(laptop, &[&["stat", "--hash", "desk:notes.txt"], &["stat", "desk:lnk"]]));
    scene.shares(name(b"bytes"), b"\xff\xfe");
    agrees("cat", &printed(laptop, &[&["cat", "desk:notes.txt"], &["cat", "desk:bytes"]]));
    let shell = ["files", "desk", "-c", "pwd; lpwd; tree; find; du; hash notes.txt; help; df"];
    let mut files = printed(laptop, &[&shell]);
    files.push(serde_json::json!({"user": "", "used": 0, "quota": 0})); // of a home, as below
    agrees("files", &files);
    let changes = [&["mkdir", "desk:new"][..], &["mv", "desk:new", "desk:old"], &["rm", "desk:old"]];
    agrees("mkdir, mv, rm", &printed(laptop, &changes));
    scene.shares(name(b"\xff\xfe"), "x");
    let odd = laptop.cmd(["stat", "--json"]).arg(on_desk(name(b"\xff\xfe"))).succeeds().json_line();
    assert_eq!(odd["name"], serde_json::json!({"b64": "//4="}), "as the table of names has it");
}

#[test]
fn what_the_commands_for_this_machine_print_is_what_the_page_says() {
    let scene = Scene::new();
    let (desk, laptop) = (scene.desk.machine(), &scene.laptop);
    agrees("contacts", &printed(laptop, &[&["contacts", "list"], &["contacts", "rename", "desk", "desk2"]]));
    agrees("doctor", &printed(laptop, &[&["doctor"]]));
    agrees("config", &printed(laptop, &[&["config", "show", "--grace", "5"], &["config", "check"]]));
    agrees("completions, man", &printed(laptop, &[&["completions", "fish"], &["man"], &["man", "--dir", "man1"]]));
    let enrolled = desk.cmd(["key", "list", "--json"]).succeeds().json_line();
    let whom = enrolled["fingerprint"].as_str().unwrap();
    let keys = [&["key", "show"][..], &["key", "list"], &["key", "revoke", whom]];
    let mut keys = printed(desk, &keys);
    laptop.write("word", "four words and more");
    let export = ["key", "export", "key.txt", "--passphrase-file", "word"];
    let import = ["key", "import", "key.txt", "--passphrase-file", "word"];
    keys.extend(printed(laptop, &[&export, &import, &["key", "rotate"]]));
    agrees("key", &keys);
    for check in printed(desk, &[&["doctor"]]) {
        assert!(PAGE.contains(&format!("`{}`", check["check"].as_str().unwrap())), "{check}");
    }
}

#[test]
fn what_the_server_and_introductions_print_is_what_the_page_says() {
    let scene = Scene::new();
    let (desk, address) = (scene.desk.machine().clone(), scene.desk.addr().to_string());
    let laptop = scene.laptop.clone();
    let mut invited = Vec::new();
    for words in ["", "-zoo-zone"] {
        let waiting = desk.cmd(["invite", "--wait", "--json"]).spawn();
        waiting.wait_for_stdout("}\n");
        let invitation: Value = serde_json::from_slice(&waiting.stdout_so_far()).unwrap();
        let code = invitation["code"].as_str().unwrap().to_owned();
        let typed = match words {
            "" => code,
            wrong => code.split('-').next().unwrap().to_owned() + wrong,
        };
        let joined = laptop.cmd(["join", &address, "--json", "--code", &typed]).run();
        if words.is_empty() {
            agrees("join", &joined.exits_with(0).json());
        }
        invited.extend(waiting.wait().json());
    }
    invited.push(serde_json::json!({"event": "code-expired"})); // takes a minute to come
    agrees("invite", &invited);
    let _ = laptop.cmd(["key", "rotate"]).succeeds();
    let _ = laptop.cmd(["ls", "desk:"]).succeeds();
    let enrolled = desk.cmd(["key", "list", "--json"]).succeeds().json_line();
    let _ = desk.cmd(["key", "revoke", enrolled["fingerprint"].as_str().unwrap()]).succeeds();
    let mut told = vec![scene.desk.ready().clone()];
    told.extend(scene.desk.stops().json());
    agrees("serve", &told);
}

#[test]
fn every_exit_code_word_variable_and_setting_is_on_the_page() {
    let scene = Scene::new();
    let page = scene.laptop.cmd(["man"]).succeeds();
    let man = String::from_utf8_lossy(page.stdout_bytes()).replace('\\', "");
    for section in ["EXIT STATUS", "CONFIGURATION", "ENVIRONMENT"] {
        let title = if section.contains(' ') { format!(".SH \"{section}\"\n") } else { format!(".SH {section}\n") };
        let rows = man.split(&title).nth(1).and_then(|rest| rest.split(".SH").next()).unwrap();
        let terms: Vec<&str> = rows.lines().filter_map(|line| line.strip_prefix("fB")?.strip_suffix("fR")).collect();
        assert!(terms.len() > 5, "{section}: {terms:?}");
        for term in terms {
            let row = if section == "EXIT STATUS" { format!("\n| {term} | `") } else { format!("\n| `{term}` |") };
            assert!(PAGE.contains(&row), "{section}: {term} of the manual is not in docs/scripting.md");
        }
    }
}

#[test]
fn an_error_has_the_fields_of_the_page() {
    let section = PAGE.split("## Errors").nth(1).unwrap().split("\n## ").next().unwrap();
    let shown = section.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let fields = |lines: &[Value]| -> BTreeSet<String> {
        lines.iter().flat_map(|line| line["error"].as_object().unwrap().keys().cloned()).collect()
    };
    let shown: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let scene = Scene::new();
    scene.shares("notes.txt", "x");
    let mut printed = printed(&scene.laptop, &[&["stat", "desk:notes.txt/x"]]);
    let laptop = scene.laptop.clone();
    let stopped = scene.stops();
    printed.extend(self::printed(&laptop, &[&["ls", "desk:"]]));
    assert_eq!(fields(&printed), fields(&shown));
    for field in fields(&printed) {
        assert!(section.contains(&format!("\n| `{field}` |")), "{field}");
    }
    assert!(fs::exists(stopped.share()).unwrap());
}
