//! A password lets a machine in, once; it is nowhere to be read, and guessing it is slow.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use landline_testkit::{Cmd, Machine, Office};

use super::{House, ls};
use crate::raw::{Fake, message};
use crate::scene::{BIN, serve};

const PASSWORD: &str = "correct horse battery staple";

impl House {
    /// Gives a user a password.
    #[track_caller]
    fn password(&self, user: &str, password: &str) {
        let desk = self.desk.machine();
        desk.cmd(["user", "passwd", user]).env("LANDLINE_PASSWORD", password).succeeds();
    }

    fn place(&self) -> String {
        self.desk.addr().to_string()
    }
}

fn login(machine: &Machine, place: &str, user: &str, password: &str) -> Cmd {
    machine.cmd(["login", place, "--user", user, "--name", "desk"]).env("LANDLINE_PASSWORD", password)
}

#[test]
fn a_password_lets_each_machine_of_a_user_in_once_and_then_the_key_does_the_work() {
    let house = House::new();
    house.user(&["add", "amy"]);
    house.password("amy", PASSWORD);
    let (laptop, phone) = (house.office.machine("laptop"), house.office.machine("phone"));
    let told = login(&laptop, &house.place(), "amy", PASSWORD).args(["--json"]).succeeds().json_line();
    assert_eq!(told["fingerprint"].as_str(), Some(house.desk.fingerprint().as_str()));
    let file = phone.write("password", format!("{PASSWORD}\n"));
    phone.cmd(["login", &house.place(), "--user", "amy", "--name", "desk", "--password-file"]).arg(&file).succeeds();
    laptop.cmd(["mkdir", "desk:from the laptop"]).succeeds();
    assert_eq!(ls(&phone, "desk:"), ["from the laptop"]);
    assert_eq!(house.told("amy")["machines"], 2);
    // The password is changed, and taken away: who is in stays in.
    house.password("amy", "another one altogether");
    login(&house.office.machine("other"), &house.place(), "amy", PASSWORD).fails_with(5);
    house.user(&["passwd", "amy", "--remove"]);
    login(&house.office.machine("other"), &house.place(), "amy", "another one altogether").fails_with(5);
    assert_eq!(ls(&laptop, "desk:"), ["from the laptop"]);
    assert_eq!(house.told("amy")["password"], false);
}

#[test]
fn an_unknown_user_a_wrong_password_and_a_user_without_one_are_told_the_same() {
    let house = House::new();
    house.user(&["add", "amy"]);
    house.user(&["add", "bob"]);
    house.password("amy", PASSWORD);
    let machine = house.office.machine("laptop");
    let said: Vec<Vec<u8>> = [("amy", "wrong"), ("nobody", PASSWORD), ("bob", PASSWORD)]
        .map(|(user, password)| {
            let done = login(&machine, &house.place(), user, password).fails_with(5);
            done.stderr_bytes().to_vec()
        })
        .to_vec();
    assert!(String::from_utf8_lossy(&said[0]).contains("the user name or the password is wrong"));
    assert!(said.iter().all(|words| *words == said[0]));
    machine.cmd(["ls", "desk:"]).fails_with(8); // no contact was made
    login(&machine, &house.place(), "Amy", PASSWORD).fails_with(2);
}

#[test]
fn an_admin_sets_a_password_from_afar_and_the_server_never_sees_it() {
    let house = House::new();
    let root = house.added("root", &["admin"]);
    house.user(&["add", "amy"]);
    root.cmd(["user", "--at", "desk", "passwd", "amy"]).env("LANDLINE_PASSWORD", PASSWORD).succeeds();
    root.cmd(["user", "--at", "desk", "passwd", "nobody"]).env("LANDLINE_PASSWORD", PASSWORD).fails_with(8);
    login(&house.office.machine("laptop"), &house.place(), "amy", PASSWORD).succeeds();
    assert_holds_no_password(&house.desk.machine().home());
}

#[test]
fn without_a_server_the_owner_sets_a_password_in_the_state_folder() {
    let office = Office::new(BIN);
    let desk = office.machine("desk");
    desk.cmd(["user", "add", "amy"]).succeeds();
    let file = desk.write("password", PASSWORD);
    desk.cmd(["user", "passwd", "amy", "--password-file"]).arg(&file).succeeds();
    let server = desk.serve();
    login(&office.machine("laptop"), &server.addr().to_string(), "amy", PASSWORD).succeeds();
}

/// A way to a server that keeps what goes over it.
struct Tap {
    address: SocketAddr,
    up: Arc<Mutex<Vec<u8>>>,
    down: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    /// For one connection.
    fn on(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tap = Self { address: listener.local_addr().unwrap(), up: Arc::default(), down: Arc::default() };
        let (up, down) = (Arc::clone(&tap.up), Arc::clone(&tap.down));
        std::thread::spawn(move || {
            let (near, _) = listener.accept().unwrap();
            let far = TcpStream::connect(server).unwrap();
            let (near2, far2) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            let back = std::thread::spawn(move || copy(far2, near2, &down));
            copy(near, far, &up);
            back.join().unwrap();
        });
        tap
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, kept: &Mutex<Vec<u8>>) {
    let mut room = [0; 4096];
    while let Ok(len @ 1..) = from.read(&mut room) {
        kept.lock().unwrap().extend_from_slice(&room[..len]);
        if to.write_all(&room[..len]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn holds_password(bytes: &[u8]) -> bool {
    bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes())
}

fn assert_holds_no_password(folder: &Path) {
    let mut open = vec![folder.to_owned()];
    let mut files = 0;
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.is_file() {
                files += 1;
                assert!(!holds_password(&fs::read(&path).unwrap()), "{}", path.display());
            }
        }
    }
    assert!(files >= 2, "the key and the database were looked at");
}

#[test]
fn a_capture_of_a_login_holds_no_password_and_said_again_it_lets_nobody_in() {
    let house = House::new();
    house.user(&["add", "amy"]);
    house.password("amy", PASSWORD);
    let laptop = house.office.machine("laptop");
    let tap = Tap::on(house.desk.addr());
    login(&laptop, &tap.address.to_string(), "amy", PASSWORD).succeeds();
    let (up, down) = (tap.up.lock().unwrap().clone(), tap.down.lock().unwrap().clone());
    assert!(up.len() > 500 && down.len() > 500);
    assert!(!holds_password(&up) && !holds_password(&down));
    assert_holds_no_password(&house.desk.machine().home());
    assert_holds_no_password(&laptop.home());
    let key = laptop.cmd(["key", "show"]).succeeds();
    let key = String::from_utf8(key.stdout_bytes().to_vec()).unwrap();
    house.desk.machine().cmd(["key", "revoke", key.trim()]).succeeds();
    // All that the laptop said, word for word, to the same server.
    let mut again = TcpStream::connect(house.desk.addr()).unwrap();
    again.write_all(&up).unwrap();
    let _ = again.shutdown(Shutdown::Write);
    let _ = again.read_to_end(&mut Vec::new());
    assert_eq!(house.told("amy")["machines"], 0);
    laptop.cmd(["contacts", "address", "desk", &house.place()]).succeeds();
    laptop.cmd(["ls", "desk:"]).fails_with(5);
}

#[test]
fn guessing_is_slowed_where_it_comes_from_and_locks_nobody_out_elsewhere() {
    let office = Office::new(BIN);
    let desk = serve(&office.machine("desk"), &["--listen", "tcp://[::1]:0"]);
    let house = House { desk, office };
    house.user(&["add", "amy"]);
    house.password("amy", PASSWORD);
    let burglar = house.office.machine("burglar");
    let other = house.desk.ready()["listen"][1].as_str().unwrap().strip_prefix("tcp://").unwrap().to_owned();
    // Each would be answered later than the one before it; one that would wait too long is sent away.
    let mut sent_away = false;
    let guesses: Vec<_> =
        (0..12).map(|number| login(&burglar, &house.place(), "amy", &format!("guess {number}")).spawn()).collect();
    for guess in guesses {
        let done = guess.wait();
        assert_ne!(done.code(), Some(0));
        sent_away |= done.code() == Some(10);
    }
    assert!(sent_away, "one was told to come again");
    login(&house.office.machine("laptop"), &other, "amy", PASSWORD).succeeds();
}

#[test]
fn a_server_that_wants_a_password_stretched_too_much_or_too_little_is_refused_before_anything_is_stretched() {
    let office = Office::new(BIN);
    let laptop = office.machine("laptop");
    // 4 GiB of memory; 8 KiB, for which a guess would cost nothing.
    let costs = [("AEAAAAAAAAEAAAAE", "would take too much"), ("AAAACAAAAAEAAAAB", "would be stretched too little")];
    for (cost, words) in costs {
        let desk = Fake::playing(200, move |raw| {
            let step = "AgIC".repeat(106) + "AgI=";
            raw.say(message(format!(r#"{{"challenge":{{"step":"{step}","cost":"{cost}"}}}}"#)));
            assert_eq!(raw.hear_message(), None, "it hangs up instead of proving anything");
        });
        let place = desk.address.to_string();
        let _ = login(&laptop, &place, "amy", PASSWORD).fails_with(5).stderr_has(words).stderr_has(&place);
        desk.ended();
    }
    let _ = laptop.cmd(["contacts", "list"]).succeeds().stdout("");
}
