//! Scene: two machines that know each other, for the tests of files.
//!
//! In: nothing, or how the server is to be started. Out: `desk`, serving, and `laptop`, to which `desk:` means it; what
//! lies in a folder as a value that can be compared; staging files that were left.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use landline_testkit::{Cmd, Linkbox, Machine, Office, PATIENCE, Random, Serving, until};
use tempfile::TempDir;

pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_landline");
pub(crate) const MIB: usize = 1 << 20;

/// The reserved prefix of files that are still arriving.
pub(crate) const STAGING: &str = ".landline-part-";

/// Killed and removed when dropped, the server first.
pub(crate) struct Scene {
    pub(crate) desk: Serving,
    pub(crate) laptop: Machine,
    pub(crate) office: Office,
    /// Holds the program that starts the binary, if that is not started by itself.
    around: Option<TempDir>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::serving_with(&[])
    }

    /// A desk that serves with more arguments.
    pub(crate) fn serving_with(arguments: &[&str]) -> Self {
        Self::open(Office::new(BIN), None, arguments)
    }

    /// A desk whose server is started by a line of shell: `$SHARE` is the folder, `"$@"` the whole command.
    pub(crate) fn served_by(line: &str) -> Self {
        let around = tempfile::tempdir().unwrap();
        let program = around.path().join("landline");
        let text = format!(
            "#!/bin/sh\nset -e -- {BIN} \"$@\"\n[ \"$2\" = serve ] || exec \"$@\"\nSHARE=$3\nexport SHARE\n{line}\n"
        );
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self::open(Office::new(&program), Some(around), &[])
    }

    fn open(office: Office, around: Option<TempDir>, arguments: &[&str]) -> Self {
        let desk = serve(&office.machine("desk"), arguments);
        let laptop = office.machine("laptop");
        laptop.joins(&desk, "desk");
        Self { desk, laptop, office, around }
    }

    pub(crate) fn share(&self) -> PathBuf {
        self.desk.machine().share()
    }

    /// Another machine that knows the desk.
    pub(crate) fn another(&self, name: &str) -> Machine {
        let machine = self.office.machine(name);
        machine.joins(&self.desk, "desk");
        machine
    }

    /// A line through which the laptop calls from now on.
    pub(crate) fn line(&self) -> Linkbox {
        let line = Linkbox::to(self.desk.addr());
        self.laptop.dials_through("desk", &line);
        line
    }

    /// `landline put SOURCE TARGET` on the laptop.
    pub(crate) fn put(&self, source: impl AsRef<OsStr>, target: impl AsRef<OsStr>) -> Cmd {
        self.laptop.cmd(["put"]).arg(source).arg(target)
    }

    /// `landline get SOURCE TARGET` on the laptop.
    pub(crate) fn get(&self, source: impl AsRef<OsStr>, target: impl AsRef<OsStr>) -> Cmd {
        self.laptop.cmd(["get"]).arg(source).arg(target)
    }

    /// A file in the share, with the folders above it.
    pub(crate) fn shares(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.share().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The server, killed or not, is gone and there is another, on another port; `line` leads to it from now on.
    pub(crate) fn served_again(self, line: &Linkbox) -> Self {
        let Self { desk, laptop, office, around } = self;
        let machine = desk.machine().clone();
        drop(desk); // kills it, if nothing has yet
        let desk = machine.serve();
        line.leads_to(desk.addr());
        line.plug_in();
        Self { desk, laptop, office, around }
    }

    /// As [`Self::served_again`], after the server has ended in order.
    pub(crate) fn stopped_and_served_again(self, line: &Linkbox) -> Self {
        self.desk.sigterm();
        self.desk.running().wait_for_stdout("\"stopped\"");
        self.served_again(line)
    }

    /// Lets running calls end, and with them everything that the server had still to tidy.
    pub(crate) fn stops(self) -> Stopped {
        let _ = self.desk.stops();
        Stopped { office: self.office, _around: self.around }
    }
}

/// A scene whose server has ended in order.
pub(crate) struct Stopped {
    office: Office,
    _around: Option<TempDir>,
}

impl Stopped {
    pub(crate) fn share(&self) -> PathBuf {
        self.office.machine("desk").share()
    }
}

/// As [`Machine::serve`], with more arguments.
pub(crate) fn serve(machine: &Machine, arguments: &[&str]) -> Serving {
    let share = machine.share();
    let command = machine.cmd([OsStr::new("serve"), share.as_os_str(), OsStr::new("--listen")]);
    command.args(["tcp://127.0.0.1:0", "--json"]).args(arguments).serving()
}

/// `desk:NAME`, whatever the bytes of the name.
pub(crate) fn on_desk(name: impl AsRef<OsStr>) -> OsString {
    let mut place = OsString::from("desk:");
    place.push(name);
    place
}

/// A name of any bytes.
pub(crate) fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// Bytes that belong to `seed`.
pub(crate) fn random(seed: u64, count: usize) -> Vec<u8> {
    Random::new(seed).bytes(count)
}

/// A file that takes all the room and all the bytes on the line that its size says.
pub(crate) fn dense(path: impl AsRef<Path>, seed: u64, size: usize) {
    fs::write(path, random(seed, size)).unwrap();
}

/// Everything below `folder` by its path, staging files included: bytes of files, targets of links, words for the rest.
pub(crate) fn snapshot(folder: impl AsRef<Path>) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = folder.as_ref();
    let mut found = BTreeMap::new();
    let mut rest = vec![folder.to_owned()];
    while let Some(dir) = rest.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            let what = match () {
                () if kind.is_file() => fs::read(&path).unwrap(),
                () if kind.is_symlink() => [b"-> ", fs::read_link(&path).unwrap().as_os_str().as_bytes()].concat(),
                () if kind.is_dir() => b"a folder".to_vec(),
                () if kind.is_fifo() => b"a pipe".to_vec(),
                () if kind.is_socket() => b"a socket".to_vec(),
                () => b"a device".to_vec(),
            };
            if kind.is_dir() {
                rest.push(path.clone());
            }
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), what);
        }
    }
    found
}

/// Waits until a file begins to arrive in `folder`, which must exist; what it is called until it is whole.
pub(crate) fn wait_for_staging(folder: impl AsRef<Path>) -> PathBuf {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::inotify;
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&watch, folder.as_ref(), inotify::WatchFlags::CREATE).unwrap();
    loop {
        if let Some(found) = residue(&folder).pop() {
            return found;
        }
        let patience = Timespec::try_from(PATIENCE).unwrap();
        let news = poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&patience)).unwrap();
        assert!(news > 0, "no file began to arrive within {PATIENCE:?}");
        let mut told = [0; 4096];
        while rustix::io::read(&watch, &mut told).is_ok_and(|count| count > 0) {}
    }
}

/// Waits until the server has put away the one file that was arriving, which it tells by saying that it is not any more.
pub(crate) fn wait_until_put_away(machine: &Machine) {
    let arrives = || machine.cmd(["partials", "list", "--json"]).succeeds().json_line()["arriving"] == true;
    until("a file that does not arrive any more", || (!arrives()).then_some(()));
}

/// What is there of copies that were not finished and can be taken up, the files beside them that say so left out.
pub(crate) fn partials(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let journal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "journal");
    residue(folder).into_iter().filter(|path| !journal(path)).collect()
}

/// Staging files below `folder`, and what stands beside them.
pub(crate) fn residue(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let is_staging = |path: &PathBuf| path.file_name().unwrap().as_bytes().starts_with(STAGING.as_bytes());
    snapshot(folder).into_keys().filter(is_staging).collect()
}
