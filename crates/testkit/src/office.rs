//! Office: a folder with machines in it, gone when the test ends.
//!
//! In: the binary. Out: [`Machine`]s, each with its own state, runtime, work and share folder and a clean environment.
//! Invariant: nothing a machine does reaches the developer's own home, contacts or running server.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Cmd, Linkbox, Serving};

/// Longest office path that leaves room for a socket's name: a UNIX address holds 108 bytes, and
/// `/NAME/run/landline/0123456789abcdef.sock` takes up to about 60 of them.
const LONGEST_ROOT_BYTES: usize = 40;

/// The variables that a machine takes over from the test's own environment; all others are dropped.
const INHERITED: [&str; 2] = ["PATH", "LLVM_PROFILE_FILE"];

/// A temporary folder that holds the machines of one test. Keep it alive as long as they are used.
#[derive(Debug)]
pub struct Office {
    folder: TempDir,
    root: PathBuf,
    bin: PathBuf,
}

impl Office {
    /// An empty office whose machines run `bin`.
    ///
    /// # Panics
    /// If the system's temporary folder cannot be written.
    #[must_use]
    #[track_caller]
    pub fn new(bin: impl AsRef<Path>) -> Self {
        let base = std::env::temp_dir();
        // A long TMPDIR would make every UNIX socket below it unreachable.
        let base = if base.as_os_str().len() <= LONGEST_ROOT_BYTES { base } else { PathBuf::from("/tmp") };
        let folder =
            tempfile::Builder::new().prefix("office-").tempdir_in(&base).expect("a temporary folder can be made");
        let root = folder.path().canonicalize().expect("the folder was just made");
        Self { folder, root, bin: bin.as_ref().to_owned() }
    }

    /// The office's own folder, its path without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        debug_assert!(self.folder.path().exists(), "the office was closed");
        &self.root
    }

    /// A machine that was never used before; asking for the same name again gives the same machine.
    ///
    /// # Panics
    /// If its folders cannot be made.
    #[must_use]
    #[track_caller]
    pub fn machine(&self, name: &str) -> Machine {
        let machine = Machine { name: name.to_owned(), root: self.root().join(name), bin: self.bin.clone() };
        for folder in [machine.share(), machine.work(), machine.user_home(), machine.runtime()] {
            fs::create_dir_all(&folder).expect("the office's folder can be written");
        }
        fs::set_permissions(machine.runtime(), fs::Permissions::from_mode(0o700)).expect("the folder is ours");
        machine
    }

    /// `desk`, serving its share on a port of its own, and `laptop`, introduced to it by a code as the contact `desk`.
    ///
    /// # Panics
    /// If a step fails; the message shows what the commands said.
    #[must_use]
    #[track_caller]
    pub fn introduced(&self) -> (Serving, Machine) {
        let desk = self.machine("desk").serve();
        let laptop = self.machine("laptop");
        laptop.joins(&desk, "desk");
        (desk, laptop)
    }
}

/// One installation of landline: a state folder and what a command started on it sees. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Machine {
    name: String,
    root: PathBuf,
    bin: PathBuf,
}

impl Machine {
    /// Its name in the office, which is also its folder's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its state folder (`LANDLINE_HOME`): not there before the first command makes it.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The folder that [`Machine::serve`] serves.
    #[must_use]
    pub fn share(&self) -> PathBuf {
        self.root.join("share")
    }

    /// The folder that its commands start in.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Its runtime folder (`XDG_RUNTIME_DIR`), mode 0700.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.root.join("run")
    }

    fn user_home(&self) -> PathBuf {
        self.root.join("user")
    }

    /// Writes a file into the work folder, making the folders above it, and answers with its path.
    ///
    /// # Panics
    /// If it cannot be written.
    #[track_caller]
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).unwrap_or_else(|e| panic!("cannot make {}: {e}", parent.display()));
        }
        fs::write(&path, bytes).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
        path
    }

    /// The bytes of a file in the work folder (or of any file, by its absolute path).
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    #[track_caller]
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = self.work().join(path);
        fs::read(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
    }

    /// A command of this machine: the binary with `args`, in the work folder, with a clean environment and no input.
    #[track_caller]
    pub fn cmd<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Cmd {
        let mut env: Vec<_> =
            INHERITED.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))).collect();
        env.push(("HOME".into(), self.user_home().into()));
        env.push(("LANDLINE_HOME".into(), self.home().into()));
        env.push(("XDG_RUNTIME_DIR".into(), self.runtime().into()));
        env.push(("LANG".into(), "C.UTF-8".into()));
        Cmd::new(self.clone(), self.bin.clone(), env).args(args)
    }

    /// Serves [`Machine::share`] on a loopback port that the system picks, and answers once it is ready.
    ///
    /// # Panics
    /// If it does not become ready. For other flags: `machine.cmd(["serve", …, "--json"]).serving()`.
    #[track_caller]
    pub fn serve(&self) -> Serving {
        let share = self.share();
        let args = [OsStr::new("serve"), share.as_os_str(), OsStr::new("--listen")];
        self.cmd(args).args(["tcp://127.0.0.1:0", "--json"]).serving()
    }

    /// Introduces this machine to `server` by a fresh code: afterwards `name` is a contact here, and this machine's key
    /// is enrolled there.
    ///
    /// # Panics
    /// If inviting or joining fails.
    #[track_caller]
    pub fn joins(&self, server: &Serving, name: &str) {
        self.joins_as(server, name, None);
    }

    /// As [`Machine::joins`], as one of the users of `server`.
    ///
    /// # Panics
    /// As [`Machine::joins`].
    #[track_caller]
    pub fn joins_as(&self, server: &Serving, name: &str, user: Option<&str>) {
        let invitation = server.machine().cmd(["invite", "--json"]).args(user).succeeds().json_line();
        let Some(code) = invitation["code"].as_str() else { panic!("`invite --json` named no code: {invitation}") };
        let code_file = self.write(format!(".code-for-{name}"), code);
        fs::set_permissions(&code_file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        self.cmd(["join", &server.addr().to_string(), "--name", name, "--code-file"]).arg(&code_file).succeeds();
        fs::remove_file(&code_file).expect("the file is ours");
    }

    /// Sends this machine's further calls to `contact` through `line`.
    ///
    /// # Panics
    /// If the address book refuses the address.
    #[track_caller]
    pub fn dials_through(&self, contact: &str, line: &Linkbox) {
        self.cmd(["contacts", "address", contact, &line.address()]).succeeds();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_office_is_gone_when_it_is_dropped() {
        let office = Office::new("/bin/sh");
        let root = office.root().to_owned();
        office.machine("desk").write("a/b", "x");
        assert!(root.join("desk/work/a/b").exists());
        drop(office);
        assert!(!root.exists());
    }

    #[test]
    fn a_machine_sees_its_own_folders_and_nothing_of_the_developers() {
        let office = Office::new("/bin/sh");
        let desk = office.machine("desk");
        let script = r#"env | cut -d= -f1 | grep -v -e PWD -e SHLVL -e '^_$' -e LLVM | sort | tr '\n' ' '; pwd"#;
        let expected = format!("HOME LANDLINE_HOME LANG PATH XDG_RUNTIME_DIR {}\n", desk.work().display());
        desk.cmd(["-c", script]).succeeds().stdout(&expected).stderr("");
        let mode = fs::metadata(desk.runtime()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let socket = desk.runtime().join("landline/0123456789abcdef.sock");
        assert!(socket.as_os_str().len() < 108, "a UNIX address holds 108 bytes: {}", socket.display());
    }

    #[test]
    fn two_machines_share_nothing() {
        let office = Office::new("/bin/sh");
        let (desk, laptop) = (office.machine("desk"), office.machine("laptop"));
        assert_ne!(desk.home(), laptop.home());
        assert_ne!(desk.runtime(), laptop.runtime());
        desk.cmd(["-c", "echo hello > note"]).succeeds();
        assert_eq!(desk.read("note"), b"hello\n");
        assert!(!laptop.work().join("note").exists());
    }

    /// Stands in for the product, so that this crate's own tests need nothing built.
    const FAKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/office/fake-landline.sh");

    #[test]
    fn introducing_serves_invites_and_joins_with_a_private_code_file() {
        let office = Office::new(FAKE);
        let (desk, laptop) = office.introduced();
        assert_eq!((desk.machine().name(), laptop.name()), ("desk", "laptop"));
        assert_eq!(laptop.read("joined"), b"127.0.0.1:4711 as desk by 7-crossover-clockwork, file mode 600\n");
        assert!(!laptop.work().join(".code-for-desk").exists());
        assert_eq!(desk.ready()["share"], desk.machine().share().to_str().unwrap());
        desk.stops();
    }

    #[test]
    fn a_contact_can_be_dialled_through_a_line() {
        let office = Office::new(FAKE);
        let desk = office.machine("desk").serve();
        let (laptop, line) = (office.machine("laptop"), Linkbox::to(desk.addr()));
        laptop.dials_through("desk", &line);
        assert_eq!(laptop.read("dials"), format!("desk at {}\n", line.address()).as_bytes());
    }
}
