//! Keys: a machine's own key is carried to another computer, or changed, and those who know it go on knowing it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;

use landline_net::tls::Identity;
use landline_testkit::{Cmd, Machine, Office, PATIENCE, Serving, Way};
use landline_trust::export::{Export, SALT_BYTES};
use landline_trust::key::MachineKey;
use landline_trust::rotation::Statement;
use landline_trust::stretch::{Cost, Password};
use landline_wire::Blob;
use serde_json::json;

use crate::halfway;
use crate::raw::{self, Raw, home_of, identity_of, knows, message, opening};

const PASSPHRASE: &str = "four words and more";

fn office() -> Office {
    Office::new(env!("CARGO_BIN_EXE_landline"))
}

fn fingerprint(machine: &Machine) -> String {
    let shown = machine.cmd(["key", "show", "--json"]).succeeds().json_line();
    shown["fingerprint"].as_str().unwrap().to_owned()
}

fn export(machine: &Machine, arguments: &[&str]) -> Cmd {
    machine.cmd(["key", "export"]).args(arguments).env("LANDLINE_PASSPHRASE", PASSPHRASE)
}

fn import(machine: &Machine, arguments: &[&str]) -> Cmd {
    machine.cmd(["key", "import"]).args(arguments).env("LANDLINE_PASSPHRASE", PASSPHRASE)
}

fn rotate(machine: &Machine) -> serde_json::Value {
    machine.cmd(["key", "rotate", "--json"]).succeeds().json_line()
}

fn ls(machine: &Machine) -> Cmd {
    machine.cmd(["ls", "desk:"])
}

/// A machine with the key that `machine` has now, which means `desk` by the same name: who has stolen the state folder.
fn thief(office: &Office, machine: &Machine, desk: &Serving) -> Machine {
    let thief = office.machine("thief");
    knows(&thief, "desk", identity_of(desk.machine()).public(), desk.addr());
    fs::copy(machine.home().join("key"), thief.home().join("key")).unwrap();
    thief
}

/// The server ends, changes its key and serves again, at another port that `laptop` learns.
fn rotated_desk(desk: Serving, laptop: &Machine) -> Serving {
    let machine = desk.machine().clone();
    let _ = desk.stops();
    rotate(&machine);
    let desk = machine.serve();
    laptop.cmd(["contacts", "address", "desk", &desk.addr().to_string()]).succeeds();
    desk
}

#[test]
fn an_exported_key_makes_another_folder_the_same_machine() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let done =
        export(&laptop, &["key.txt"]).succeeds().stderr_has(&fingerprint(&laptop)).stderr_has("keep both, apart");
    let _ = done.stdout("");
    assert_eq!(fs::metadata(laptop.work().join("key.txt")).unwrap().permissions().mode() & 0o777, 0o600);
    let other = office.machine("other");
    let file = laptop.work().join("key.txt");
    let imported = import(&other, &[file.to_str().unwrap(), "--json"]).succeeds().json_line();
    assert_eq!(imported, json!({"imported": fingerprint(&laptop), "replaced": null}));
    assert_eq!(fingerprint(&other), fingerprint(&laptop));
    knows(&other, "desk", identity_of(desk.machine()).public(), desk.addr());
    ls(&other).succeeds();
    assert_eq!(desk.machine().cmd(["key", "list", "--json"]).succeeds().json().len(), 1, "nobody new was enrolled");
    let _ = import(&other, &[file.to_str().unwrap()]).succeeds().stderr_has("already");
}

#[test]
fn an_imported_key_is_followed_by_who_knows_only_an_older_one() {
    let office = office();
    let (desk, laptop) = office.introduced();
    rotate(&laptop);
    export(&laptop, &["key.txt"]).succeeds();
    let other = office.machine("other");
    import(&other, &[laptop.work().join("key.txt").to_str().unwrap()]).succeeds();
    knows(&other, "desk", identity_of(desk.machine()).public(), desk.addr());
    ls(&other).succeeds();
    let keys = desk.machine().cmd(["key", "list", "--json"]).succeeds().json();
    assert_eq!((keys.len(), &keys[0]["fingerprint"]), (1, &json!(fingerprint(&other))));
}

#[test]
fn an_export_goes_to_stdout_too_and_a_file_gives_the_passphrase() {
    let machine = office().machine("ann");
    machine.write("word", format!("{PASSPHRASE}\nnot this line\n"));
    let text = machine.cmd(["key", "export", "--passphrase-file", "word"]).succeeds();
    let text = String::from_utf8(text.stdout_bytes().to_vec()).unwrap();
    let opened = Export::parse(&text).unwrap().open(&Password::new(PASSPHRASE).unwrap()).unwrap();
    assert_eq!(opened.public().to_string(), fingerprint(&machine));
    assert_eq!(Export::parse(&text).unwrap().cost(), Cost::DEFAULT);
    let object = export(&machine, &["--json"]).succeeds().json_line();
    assert_eq!(object["exported"], fingerprint(&machine));
    assert!(Export::parse(object["text"].as_str().unwrap()).is_ok());
    let bob = office().machine("bob");
    bob.write("word", PASSPHRASE);
    let taken = bob.cmd(["key", "import", "-", "--passphrase-file", "word"]).stdin(text).succeeds();
    let _ = taken.stderr_has(&fingerprint(&machine)).never_says(PASSPHRASE);
    bob.cmd(["key", "import", "-", "--passphrase-file", "-"]).fails_with(2).stderr_has("can't both come");
}

#[test]
fn an_export_replaces_nothing_unasked_and_needs_a_passphrase() {
    let office = office();
    let machine = office.machine("ann");
    machine.write("kept", "precious");
    export(&machine, &["kept"]).fails_with(9).stderr_has("--force");
    assert_eq!(machine.read("kept"), b"precious");
    export(&machine, &["kept", "--force"]).succeeds();
    assert!(machine.read("kept").starts_with(b"-----BEGIN LANDLINE KEY-----\n"));
    assert_eq!(fs::read_dir(machine.work()).unwrap().count(), 1, "no draft is left");
    let refused = machine.cmd(["key", "export", "new"]).fails_with(2).stderr_has("--passphrase-file FILE");
    let _ = refused.stderr_has("LANDLINE_PASSPHRASE");
    machine.write("empty", "\n");
    machine.cmd(["key", "export", "new", "--passphrase-file", "empty"]).fails_with(2).stderr_has("empty");
    export(&machine, &["no/such/folder"]).fails_with(8).stderr_has("no/such/folder");
    let short = machine.cmd(["key", "export", "new"]).env("LANDLINE_PASSPHRASE", "short").succeeds();
    let _ = short.stderr_has("warning: the passphrase is short");
}

#[test]
fn what_does_not_open_changes_nothing() {
    let office = office();
    let (ann, bob) = (office.machine("ann"), office.machine("bob"));
    let before = fingerprint(&bob);
    export(&ann, &["key.txt"]).succeeds();
    let good = String::from_utf8(ann.read("key.txt")).unwrap();
    let wrong = |text: &str, code, words: &str| {
        bob.write("key.txt", text);
        import(&bob, &["key.txt", "--force"]).fails_with(code).stderr_has(words);
        assert_eq!(fingerprint(&bob), before);
    };
    bob.write("key.txt", &good);
    let guess = bob.cmd(["key", "import", "key.txt"]).env("LANDLINE_PASSPHRASE", "four words and mere");
    let _ =
        guess.fails_with(6).stderr_has("the passphrase is wrong, or the exported key is damaged").never_says("mere");
    let middle = good.lines().nth(2).unwrap();
    let other = if middle.starts_with('A') { "B" } else { "A" };
    wrong(&good.replace(middle, &format!("{other}{}", &middle[1..])), 6, "or the exported key is damaged");
    wrong(&good.replace(middle, &middle[4..]), 6, "no exported key of landline");
    wrong("a letter to ann", 6, "no exported key of landline");
    // 4 GiB: the cost stands behind the version, in the first 16 letters.
    wrong(&good.replace("AQABAAAAAAADAAAA", "AQBAAAAAAAABAAAA"), 5, "at most 256 MiB");
    import(&bob, &["nothing"]).fails_with(8).stderr_has("nothing");
}

#[test]
fn a_key_that_others_know_is_not_lost_unasked() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let key = MachineKey::from_seed([42; 32]);
    let sealed = Export::seal(&key, &[], &Password::new(PASSPHRASE).unwrap(), Cost::FLOOR, [1; SALT_BYTES]).unwrap();
    laptop.write("key.txt", sealed.to_text());
    let before = fingerprint(&laptop);
    let refused = import(&laptop, &["key.txt"]).fails_with(9).stderr_has(&before).stderr_has("1 contact ");
    let _ = refused.stderr_has("0 machines").stderr_has("landline key export FILE").stderr_has("--force");
    assert_eq!(fingerprint(&laptop), before);
    ls(&laptop).succeeds();
    let imported = import(&laptop, &["key.txt", "--force", "--json"]).succeeds().json_line();
    assert_eq!(imported, json!({"imported": key.public().to_string(), "replaced": before}));
    ls(&laptop).fails_with(5).stderr_has("desk refused this call");
    drop(desk);
}

#[test]
fn the_key_of_a_running_server_is_not_changed() {
    let office = office();
    let (desk, laptop) = office.introduced();
    export(&laptop, &["key.txt"]).succeeds();
    let before = fingerprint(desk.machine());
    let file = laptop.work().join("key.txt");
    for command in [import(desk.machine(), &[file.to_str().unwrap(), "--force"]), desk.machine().cmd(["key", "rotate"])]
    {
        let _ = command.fails_with(9).stderr_has("already serving").stderr_has(&format!("kill {}", desk.pid()));
    }
    assert_eq!(fingerprint(desk.machine()), before);
    ls(&laptop).succeeds();
}

#[test]
fn who_has_rotated_calls_as_before_and_the_old_key_does_not() {
    let office = office();
    let (mut desk, laptop) = office.introduced();
    let thief = thief(&office, &laptop, &desk);
    ls(&thief).succeeds();
    let before = fingerprint(&laptop);
    let label = desk.machine().cmd(["key", "list", "--json"]).succeeds().json()[0]["label"].clone();
    let rotated = rotate(&laptop);
    assert_eq!((&rotated["replaced"], &rotated["fingerprint"]), (&json!(before), &json!(fingerprint(&laptop))));
    assert_ne!(fingerprint(&laptop), before);
    let listed = laptop.cmd(["ls", "desk:", "--json"]).succeeds();
    let _ = listed.stderr("");
    assert_eq!(desk.wait_for_event(|event| event["event"] == "key-revoked")["fingerprint"], before);
    let followed = desk.wait_for_event(|event| event["event"] == "key-followed");
    assert_eq!(followed["fingerprint"], fingerprint(&laptop));
    let keys = desk.machine().cmd(["key", "list", "--json"]).succeeds().json();
    assert_eq!(keys.len(), 1);
    assert_eq!((&keys[0]["fingerprint"], &keys[0]["label"]), (&json!(fingerprint(&laptop)), &label));
    ls(&thief).fails_with(5).stderr_has("desk refused this call");
    // The thief names a successor of his own: too late.
    rotate(&thief);
    ls(&thief).fails_with(5).stderr_has("desk refused this call");
    ls(&laptop).succeeds();
}

/// `key rotate`, killed as soon as a file of this name, or of one that begins with it if it ends in `-`, is made or put in place in
/// the state folder.
fn rotate_and_die_at(machine: &Machine, file: &str) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::inotify;
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    let wanted = inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&watch, machine.home(), wanted).unwrap();
    let rotating = machine.cmd(["key", "rotate"]).spawn();
    let is_it = |name: &[u8]| {
        if file.ends_with('-') { name.starts_with(file.as_bytes()) } else { name == file.as_bytes() }
    };
    let mut room = [std::mem::MaybeUninit::uninit(); 4096];
    let mut news = inotify::Reader::new(&watch, &mut room);
    loop {
        match news.next() {
            Ok(event) if event.file_name().is_some_and(|name| is_it(name.to_bytes())) => break,
            Ok(_) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let patience = Timespec::try_from(PATIENCE).unwrap();
                let came = poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&patience)).unwrap();
                assert!(came > 0, "{file} did not come within {PATIENCE:?}");
            }
            Err(fault) => panic!("{fault}"),
        }
    }
    rotating.sigkill();
    let _ = rotating.wait(); // killed or, on a machine that was quick, done
}

#[test]
fn a_rotation_that_dies_leaves_the_old_key_or_the_new_one_and_either_can_call() {
    let office = office();
    let (desk, laptop) = office.introduced();
    for file in ["successors.new-", "successors", "key.new-", "key", "key.new-", "successors"] {
        rotate_and_die_at(&laptop, file);
        let now = fingerprint(&laptop);
        ls(&laptop).succeeds();
        let keys = desk.machine().cmd(["key", "list", "--json"]).succeeds().json();
        assert_eq!((keys.len(), &keys[0]["fingerprint"]), (1, &json!(now)), "{file}");
    }
    rotate(&laptop);
    ls(&laptop).succeeds();
    let left = fs::read_dir(laptop.home()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.contains(".new-")).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn several_rotations_are_followed_at_once() {
    let office = office();
    let (desk, laptop) = office.introduced();
    (0..3).for_each(|_| drop(rotate(&laptop)));
    ls(&laptop).succeeds();
    laptop.write("file", "hello");
    laptop.cmd(["put", "file", "desk:"]).succeeds();
    assert_eq!(fs::read(desk.machine().share().join("file")).unwrap(), b"hello");
}

#[test]
fn open_calls_of_the_old_key_are_cut_when_the_new_one_comes() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let (put, line) = halfway::put(&desk, &laptop);
    rotate(&laptop);
    laptop.cmd(["contacts", "address", "desk", &desk.addr().to_string()]).succeeds();
    ls(&laptop).succeeds();
    line.resume(Way::Up);
    let _ = put.wait().exits_with(4).stderr_has("the line to desk was cut");
    assert_eq!(halfway::big_in(&desk.machine().share()), None);
}

#[test]
fn a_server_that_has_rotated_is_followed_and_that_is_said() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let old = fingerprint(desk.machine());
    let desk = rotated_desk(desk, &laptop);
    let new = fingerprint(desk.machine());
    let said = format!("desk has a new key, named by the one you knew: {new} (until now {old})\n");
    let first = laptop.cmd(["ls", "desk:", "--json", "--quiet"]).succeeds().stderr(&said);
    let _ = first.json(); // every line of stdout is an object
    let _ = ls(&laptop).succeeds().stderr("");
    let contacts = laptop.cmd(["contacts", "list", "--json"]).succeeds().json();
    assert!(contacts[0].to_string().contains(&new) && !contacts[0].to_string().contains(&old), "{contacts:?}");
}

#[test]
fn doctor_tells_of_a_new_key_too() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let desk = rotated_desk(desk, &laptop);
    let told = laptop.cmd(["doctor", "--contact", "desk", "--json"]).run().json();
    let calls: Vec<_> = told.iter().filter(|check| check["check"] == "call").collect();
    assert_eq!(calls.len(), 2, "{told:?}");
    assert!(calls[0]["text"].as_str().unwrap().contains(&fingerprint(desk.machine())), "{told:?}");
    assert_eq!(calls[1]["level"], "ok");
    let _ = ls(&laptop).succeeds().stderr("");
}

#[test]
fn both_sides_may_have_rotated() {
    let office = office();
    let (desk, laptop) = office.introduced();
    rotate(&laptop);
    let desk = rotated_desk(desk, &laptop);
    let _ = ls(&laptop).succeeds().stderr_has("desk has a new key");
    let _ = ls(&laptop).succeeds().stderr("");
    let keys = desk.machine().cmd(["key", "list", "--json"]).succeeds().json();
    assert_eq!((keys.len(), &keys[0]["fingerprint"]), (1, &json!(fingerprint(&laptop))));
}

#[test]
fn a_machine_that_was_revoked_does_not_come_back_by_rotating() {
    let office = office();
    let (desk, laptop) = office.introduced();
    desk.machine().cmd(["key", "revoke", &fingerprint(&laptop)]).succeeds();
    rotate(&laptop);
    ls(&laptop).fails_with(5).stderr_has("desk refused this call");
    assert!(desk.machine().cmd(["key", "list", "--json"]).succeeds().json().is_empty());
}

/// `{"moved": …}` with these statements.
fn moved(statements: &[&[u8]]) -> Vec<u8> {
    let chain: Vec<_> = statements.iter().map(|bytes| Blob(bytes.to_vec())).collect();
    message(json!({"moved": {"chain": chain}}).to_string())
}

/// What a caller with this identity, from an address of its own, hears when it says `words` to `rekey`.
fn rekey(desk: &Serving, from: u8, identity: &Identity, words: Vec<u8>) -> Vec<serde_json::Value> {
    let mut line = Raw::dial_from(Ipv4Addr::new(127, 0, 9, from), desk.addr(), identity);
    line.say(opening("rekey"));
    line.say(words);
    line.hear_all()
}

#[test]
fn forged_borrowed_and_endless_chains_are_refused_alike() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let known = home_of(&laptop).machine_key().unwrap();
    let key = |seed| MachineKey::from_seed([seed; 32]);
    let (mine, identity) = (key(7), Identity::new(&key(7)).unwrap());
    let refused = vec![json!({"error": {"code": "refused"}})];
    let truth = Statement::sign(&known, &key(8), 1).unwrap();
    // Signed by somebody who does not hold the known key: its name is put over his own.
    let mut forged = *Statement::sign(&key(6), &mine, 1).unwrap().encode();
    forged[1..33].copy_from_slice(known.public().as_bytes());
    let own = Statement::sign(&key(6), &mine, 1).unwrap();
    let long: Vec<_> = (20..33).map(|seed| Statement::sign(&key(seed), &key(seed + 1), 1).unwrap()).collect();
    let long: Vec<&[u8]> = long.iter().map(|said| said.encode().as_slice()).collect();
    let chains: [&[&[u8]]; 7] = [
        &[],
        &[b"nothing"],
        &[&forged],
        &[truth.encode()],               // true, and leads to a key that is not shown
        &[own.encode()],                 // true, and begins at a key that nobody knows
        &[truth.encode(), own.encode()], // with a gap
        &long[..12],
    ];
    let mut words = chains.map(moved).to_vec();
    words.push(message(r#"{"follow":{"keys":[]}}"#));
    words.push(message(r#"{"follow":{"keys":["AAAA"]}}"#));
    words.push(message(r#"{"list":{"path":""}}"#));
    // All at once: each refusal takes a second.
    std::thread::scope(|scope| {
        for (from, words) in (1..).zip(words) {
            let (desk, identity, refused) = (&desk, &identity, &refused);
            scope.spawn(move || assert_eq!(rekey(desk, from, identity, words), *refused, "words {from}"));
        }
    });
    let keys = desk.machine().cmd(["key", "list", "--json"]).succeeds().json();
    assert_eq!((keys.len(), &keys[0]["fingerprint"]), (1, &json!(known.public().to_string())));
    // The owner of both keys says the same, and is believed.
    let right = Statement::sign(&known, &mine, 1).unwrap();
    assert_eq!(rekey(&desk, 23, &identity, moved(&[right.encode()])), [json!({"known": {}})]);
    ls(&laptop).fails_with(5);
}

#[test]
fn a_stranger_learns_no_statement_without_naming_a_key_of_it() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let old = identity_of(desk.machine()).public();
    let desk = rotated_desk(desk, &laptop);
    let follow = |key: &[u8]| message(json!({"follow": {"keys": [Blob(key.to_vec())]}}).to_string());
    let heard = rekey(&desk, 1, &raw::nobody(7), follow(old.as_bytes()));
    assert_eq!(heard[0]["chain"]["chain"].as_array().unwrap().len(), 1);
    let present = identity_of(desk.machine()).public();
    for (from, key) in (2..).zip([present.as_bytes(), &[5; 32]]) {
        assert_eq!(rekey(&desk, from, &raw::nobody(7), follow(key)), [json!({"error": {"code": "refused"}})]);
    }
}

#[test]
fn a_false_server_with_a_forged_chain_is_not_believed() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let known = home_of(desk.machine()).machine_key().unwrap().public();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mallory = MachineKey::from_seed([66; 32]);
    let mut forged = *Statement::sign(&MachineKey::from_seed([6; 32]), &mallory, 1).unwrap().encode();
    forged[1..33].copy_from_slice(known.as_bytes());
    let playing = std::thread::spawn(move || {
        let identity = Identity::new(&mallory).unwrap();
        let mut first = Raw::answer(&listener, &identity).unwrap();
        assert_eq!(first.hear_message(), None, "nothing is said to a key that is not known");
        let mut second = Raw::answer(&listener, &identity).unwrap();
        assert_eq!(second.hear_message().unwrap()["open"]["service"], "rekey");
        assert_eq!(second.hear_message().unwrap(), json!({"follow": {"keys": [Blob(known.as_bytes().to_vec())]}}));
        second.say(message(json!({"chain": {"chain": [Blob(forged.to_vec())]}}).to_string()));
        assert_eq!(second.hear_message(), None);
    });
    laptop.cmd(["contacts", "address", "desk", &address.to_string()]).succeeds();
    let _ = ls(&laptop).fails_with(5).stderr_has("is not the one you know").never_says("has a new key");
    playing.join().unwrap();
    laptop.cmd(["contacts", "address", "desk", &desk.addr().to_string()]).succeeds();
    ls(&laptop).succeeds();
}
