//! Small disks: full, full in the middle, read-only, at either end; the old file stays, and there is something to go on with.

use std::fs;

use landline_testkit::{Cmd, Linkbox, Machine, Office, Serving, SmallDisk, Way, needs};

use crate::scene::{BIN, MIB, dense, partials, random, residue};

/// Two machines, one of them with a small disk where its files are.
pub(crate) struct Bench {
    pub(crate) desk: Serving,
    pub(crate) laptop: Machine,
    pub(crate) disk: SmallDisk,
    pub(crate) line: Linkbox,
    /// The disk is the laptop's, and files are fetched to it; else they are sent to the desk's.
    pub(crate) get: bool,
    _office: Office,
}

impl Bench {
    fn new(get: bool, bytes: usize) -> Self {
        let office = Office::new(BIN);
        let (desk, laptop) = (office.machine("desk"), office.machine("laptop"));
        let disk = SmallDisk::over(if get { laptop.work() } else { desk.share() }, bytes as u64);
        let share = desk.share();
        let serve = desk.cmd(["serve"]).arg(share).args(["--listen", "tcp://127.0.0.1:0", "--json"]);
        let desk = if get { serve } else { serve.on(&disk) }.serving();
        laptop.joins(&desk, "desk");
        let line = Linkbox::to(desk.addr());
        laptop.dials_through("desk", &line);
        Self { desk, laptop, disk, line, get, _office: office }
    }

    pub(crate) fn way(&self) -> Way {
        if self.get { Way::Down } else { Way::Up }
    }

    /// Copies the folder `name` onto the one of the same name, whatever is there of it.
    pub(crate) fn merge(&self, name: &str) -> Cmd {
        self.copy(name, if self.get { "." } else { "" })
    }

    /// A file where it is copied from.
    pub(crate) fn write(&self, name: &str, seed: u64, size: usize) {
        let folder = if self.get { self.desk.machine().share() } else { self.laptop.work() };
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        dense(path, seed, size);
    }

    fn copy(&self, from: &str, to: &str) -> Cmd {
        if self.get {
            self.laptop.cmd(["get", &format!("desk:{from}"), to]).on(&self.disk)
        } else {
            self.laptop.cmd(["put", from, &format!("desk:{to}")])
        }
    }

    pub(crate) fn has(&self, name: &str, bytes: &[u8]) -> bool {
        fs::read(self.disk.path().join(name)).is_ok_and(|there| there == bytes)
    }
}

/// Both ends, if this machine can have small disks.
pub(crate) fn both(bytes: usize) -> Vec<Bench> {
    if !needs("small disk") {
        return Vec::new();
    }
    [false, true].map(|get| Bench::new(get, bytes)).into()
}

#[test]
fn a_disk_that_is_too_small_is_told_before_anything_crosses_the_line() {
    for bench in both(4 * MIB) {
        fs::write(bench.disk.path().join("copy"), "the old one").unwrap();
        bench.write("file", 1, 8 * MIB);
        let before = bench.line.passed(bench.way());
        let said = bench.copy("file", "copy").fails_with(7);
        let _ = said.stderr_has("copy: no space left on the disk").stderr_has("; 1 failed");
        assert!(bench.line.passed(bench.way()) - before < MIB as u64, "room is asked for first");
        assert!(bench.has("copy", b"the old one") && residue(bench.disk.path()).is_empty());
        let json = bench.copy("file", "copy").arg("--json").fails_with(7).json();
        assert_eq!((&json[0]["event"], &json[0]["code"]), (&"failed".into(), &"no-space".into()));
    }
}

#[test]
fn a_disk_that_fills_up_in_the_middle_keeps_what_came_and_goes_on_when_there_is_room() {
    for bench in both(24 * MIB) {
        fs::write(bench.disk.path().join("copy"), "the old one").unwrap();
        // A file with holes is not reserved, since nobody knows what it takes.
        let folder = if bench.get { bench.desk.machine().share() } else { bench.laptop.work() };
        let file = folder.join("file");
        dense(&file, 2, 12 * MIB);
        fs::File::options().write(true).open(&file).unwrap().set_len(16 * MIB as u64).unwrap();
        let bytes = fs::read(&file).unwrap();
        bench.line.stall_after(bench.way(), 2 * MIB as u64);
        let before = bench.line.passed(bench.way());
        let running = bench.copy("file", "copy").spawn();
        bench.line.wait_until_passed(bench.way(), before + 2 * MIB as u64);
        bench.disk.fill(3 * MIB as u64);
        bench.line.resume(bench.way());
        let _ = running.wait().exits_with(7).stderr_has("copy: no space left on the disk");
        assert!(bench.has("copy", b"the old one"));
        assert_eq!(partials(bench.disk.path()).len(), 1);
        // Still full: the same words, and nothing is lost by trying.
        let _ = bench.copy("file", "copy").fails_with(7).stderr_has("no space left on the disk");
        assert_eq!(partials(bench.disk.path()).len(), 1);
        bench.disk.make_room();
        let before = bench.line.passed(bench.way());
        let _ = bench.copy("file", "copy").succeeds().stderr_has("are there from before");
        assert!(bench.line.passed(bench.way()) - before < 12 * MIB as u64 - MIB as u64, "what came is not sent again");
        assert!(bench.has("copy", &bytes) && residue(bench.disk.path()).is_empty());
    }
}

#[test]
fn of_a_tree_what_fits_arrives_and_a_retry_brings_the_rest() {
    for bench in both(8 * MIB) {
        fs::create_dir(bench.disk.path().join("to")).unwrap();
        for (n, size) in [100, 2 * MIB, 10 * MIB, 100, MIB].into_iter().enumerate() {
            bench.write(&format!("to/{n}"), n as u64, size);
        }
        let said = bench.merge("to").fails_with(3).stderr_has("to/2: no space left on the disk");
        let _ = said.stderr_has("; 1 failed").stderr_has("landline retry 1");
        for (n, size) in [(0, 100), (1, 2 * MIB), (3, 100), (4, MIB)] {
            assert!(bench.has(&format!("to/{n}"), &random(n, size)), "{n}");
        }
        assert!(residue(bench.disk.path()).is_empty());
        bench.disk.resize(32 * MIB as u64);
        let retry = bench.laptop.cmd(["retry", "1"]);
        let _ = if bench.get { retry.on(&bench.disk) } else { retry }.succeeds().stderr_has("1 file");
        assert!(bench.has("to/2", &random(2, 10 * MIB)));
    }
}

#[test]
fn a_tree_of_small_files_that_does_not_fit_is_told_file_by_file_and_completed_later() {
    for bench in both(MIB) {
        for n in 0..300 {
            bench.write(&format!("new/{n}"), n, 8000);
        }
        let said = bench.merge("new").run();
        assert!([Some(3), Some(7)].contains(&said.code()), "{said}");
        let _ = said.stderr_has("no space left on the disk").stderr_has(" failed");
        bench.disk.resize(16 * MIB as u64);
        let _ = bench.merge("new").succeeds();
        assert!((0..300).all(|n| bench.has(&format!("new/{n}"), &random(n, 8000))));
        assert!(residue(bench.disk.path()).is_empty());
    }
}

#[test]
fn a_disk_that_is_read_only_is_told_and_written_to_when_it_no_longer_is() {
    for bench in both(16 * MIB) {
        fs::write(bench.disk.path().join("copy"), "the old one").unwrap();
        bench.write("file", 1, 2 * MIB);
        bench.write("small", 2, 100);
        bench.disk.read_only(true);
        for name in ["file", "small"] {
            let _ = bench.copy(name, "copy").fails_with(5).stderr_has("the file system is read-only");
            let _ = bench.copy(name, "new").fails_with(5).stderr_has("the file system is read-only");
        }
        assert!(bench.has("copy", b"the old one"));
        bench.disk.read_only(false);
        let _ = bench.copy("file", "copy").succeeds();
        assert!(bench.has("copy", &random(1, 2 * MIB)) && residue(bench.disk.path()).is_empty());
    }
}

#[test]
fn a_pipe_into_a_full_disk_ends_with_its_code_and_publishes_nothing() {
    if !needs("small disk") {
        return;
    }
    let bench = Bench::new(false, 4 * MIB);
    fs::write(bench.disk.path().join("log"), "the old one").unwrap();
    let put = bench.laptop.cmd(["put", "-", "desk:log"]).stdin(random(1, 8 * MIB));
    let _ = put.fails_with(7).stderr_has("no space left on the disk");
    assert!(bench.has("log", b"the old one"));
    bench.disk.resize(32 * MIB as u64);
    let _ = bench.laptop.cmd(["put", "-", "desk:log"]).stdin(random(1, 8 * MIB)).succeeds();
    assert!(bench.has("log", &random(1, 8 * MIB)) && residue(bench.disk.path()).is_empty());
}

#[test]
fn a_server_that_is_killed_on_a_full_disk_is_gone_on_with_when_there_is_room() {
    if !needs("small disk") {
        return;
    }
    let bench = Bench::new(false, 32 * MIB);
    bench.write("file", 1, 16 * MIB);
    let trap = bench.line.kill_once_passed(Way::Up, bench.line.passed(Way::Up) + 8 * MIB as u64, bench.desk.running());
    let _ = bench.copy("file", "copy").args(["--reconnect", "0"]).fails_with(4);
    assert!(trap.struck());
    bench.disk.fill(MIB as u64);
    let share = bench.desk.machine().share();
    let again = || {
        let serve = bench.desk.machine().cmd(["serve"]).arg(&share);
        serve.args(["--listen", "tcp://127.0.0.1:0", "--json"]).on(&bench.disk)
    };
    let desk = again().serving();
    bench.line.leads_to(desk.addr());
    bench.line.resume(Way::Up);
    let _ = bench.copy("file", "copy").fails_with(7).stderr_has("copy: no space left on the disk");
    bench.disk.make_room();
    let before = bench.line.passed(Way::Up);
    let _ = bench.copy("file", "copy").succeeds().stderr_has("are there from before");
    assert!(bench.line.passed(Way::Up) - before < 16 * MIB as u64, "one group at least had been noted");
    assert!(bench.has("copy", &random(1, 16 * MIB)) && residue(bench.disk.path()).is_empty());
}
