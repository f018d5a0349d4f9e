//! What a test needs beyond the Rust toolchain, and how a test that cannot have it says so.
//!
//! In: the name of a tool. Out: whether it is here; if not, one line in the skip log that `cargo xtask test` shows at the
//! end, with the command that would enable the test. `xtask` reads the same table to install what is missing.
//! Invariant: a test never skips in silence.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// The environment variable that names the file where skipped tests are noted, one line each.
pub const SKIP_LOG: &str = "LANDLINE_SKIP_LOG";

/// Something a test can need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// What [`needs`] calls it.
    pub name: &'static str,
    /// The command that succeeds where the tool is present.
    pub probe: &'static [&'static str],
    /// The Debian package that brings it; `None` if none can (being root, for instance).
    pub package: Option<&'static str>,
    /// Which tests need it.
    pub used_for: &'static str,
    /// The command or the way that enables the tests.
    pub enabled_by: &'static str,
}

/// Everything that some test needs.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "python3",
        probe: &["python3", "-c", "import socket, json"],
        package: Some("python3"),
        used_for: "the protocol spoken by 80 lines of plain Python",
        enabled_by: "apt-get install -y python3",
    },
    Tool {
        name: "setpriv",
        probe: &["setpriv", "--version"],
        package: Some("util-linux"),
        used_for: "a caller with another user id on the UNIX socket",
        enabled_by: "apt-get install -y util-linux",
    },
    Tool {
        name: "script",
        probe: &["script", "--version"],
        package: Some("bsdutils"),
        used_for: "a person at a terminal",
        enabled_by: "apt-get install -y bsdutils",
    },
    Tool {
        name: "nc",
        probe: &["sh", "-c", "nc -h 2>&1 | grep -q OpenBSD"],
        package: Some("netcat-openbsd"),
        used_for: "talking with netcat",
        enabled_by: "apt-get install -y netcat-openbsd",
    },
    Tool {
        name: "ncat",
        probe: &["ncat", "--version"],
        package: Some("ncat"),
        used_for: "talking with ncat",
        enabled_by: "apt-get install -y ncat",
    },
    Tool {
        name: "socat",
        probe: &["socat", "-V"],
        package: Some("socat"),
        used_for: "talking with socat",
        enabled_by: "apt-get install -y socat",
    },
    Tool {
        name: "openssl",
        probe: &["openssl", "version"],
        package: Some("openssl"),
        used_for: "TLS with another program, and certificates",
        enabled_by: "apt-get install -y openssl",
    },
    Tool {
        name: "small disk",
        // Mounted in a namespace of the probe's own, which ends with it.
        probe: &["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /tmp && nsenter --version"],
        package: None,
        used_for: "disks that are full, grow again or become read-only",
        enabled_by: "running the tests as root where mounting is allowed (in a container: --cap-add SYS_ADMIN)",
    },
    Tool {
        name: "root",
        probe: &["sh", "-c", "test $(id -u) = 0"],
        package: None,
        used_for: "tests that change their user id, mount a small disk or make device nodes",
        enabled_by: "running the tests as root",
    },
];

impl Tool {
    /// Whether it is here.
    #[must_use]
    pub fn is_here(&self) -> bool {
        let Some((program, args)) = self.probe.split_first() else { return false };
        let silent =
            Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        silent.is_ok_and(|status| status.success())
    }
}

/// Whether `tool` is here. If it is not, the test is noted as skipped and must return at once:
///
/// ```
/// # fn a_stranger_is_refused() {
/// if !landline_testkit::needs("setpriv") {
///     return;
/// }
/// # }
/// ```
///
/// # Panics
/// On a name that is not in [`TOOLS`], and if the skip log cannot be written: a skip in silence would look like a pass.
#[must_use = "a test without its tool must return"]
#[track_caller]
pub fn needs(tool: &str) -> bool {
    let Some(tool) = TOOLS.iter().find(|known| known.name == tool) else {
        let known: Vec<_> = TOOLS.iter().map(|known| known.name).collect();
        panic!("no tool {tool:?} in testkit's table, only {}", known.join(", "));
    };
    if tool.is_here() {
        return true;
    }
    let place = std::panic::Location::caller();
    let test = std::env::var("NEXTEST_TEST_NAME").ok().or_else(|| std::thread::current().name().map(str::to_owned));
    let test = test.unwrap_or_else(|| "a test".to_owned());
    note(&format!("SKIPPED {test} ({}:{}): needs {}: {}\n", place.file(), place.line(), tool.name, tool.enabled_by));
    false
}

#[track_caller]
fn note(line: &str) {
    let Some(path) = std::env::var_os(SKIP_LOG) else {
        #[expect(clippy::print_stderr, reason = "no log was asked for; a skip must still be seen")]
        {
            eprint!("{line}");
        }
        return;
    };
    // One write of a short line in append mode: tests of several processes never mix their lines.
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    written.unwrap_or_else(|e| panic!("cannot note a skipped test in {}: {e}", path.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(
        expected = "no tool \"perl6\" in testkit's table, only python3, setpriv, script, nc, ncat, socat, openssl, small disk, root"
    )]
    fn an_unknown_tool_is_a_mistake_in_the_test() {
        let _ = needs("perl6");
    }

    #[test]
    fn every_tool_says_how_to_get_it() {
        for tool in TOOLS {
            assert!(
                !tool.probe.is_empty() && !tool.enabled_by.is_empty() && !tool.used_for.is_empty(),
                "{}",
                tool.name
            );
        }
        let absent = Tool { probe: &["landline-no-such-program"], ..TOOLS[0] };
        assert!(!absent.is_here());
    }
}
