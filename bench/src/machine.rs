//! What the figures were measured on: processor, memory, kernel, how busy it was, and the versions of the programs.

use std::fs;

use serde_json::{Value, json};

use crate::tools;

/// A description for the receipt. Missing facts are null.
pub(crate) fn describe() -> Value {
    let cores = std::thread::available_parallelism().map(std::num::NonZero::get).ok();
    json!({
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": cores,
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned()),
    })
}

/// The load averages of the last minutes: other work on the machine shows here.
pub(crate) fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

/// What the rivals say they are.
pub(crate) fn versions() -> Value {
    json!({
        "ssh": tools::version("ssh", "-V"),
        "rsync": tools::version("rsync", "--version"),
        "nc": tools::version("nc", "-h"),
        "nginx": tools::version("nginx", "-v"),
        "curl": tools::version("curl", "--version"),
        "socat": tools::version("socat", "-V"),
        "ncat": tools::version("ncat", "--version"),
        "python": tools::version("python3", "--version"),
        "openssl": tools::version("openssl", "version"),
    })
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}
