//! `deps`: what comes from outside, judged: licences, banned crates, versions, sources, duplicates.
//!
//! In: `cargo metadata` for the facts and `cargo tree` for what is really compiled (metadata also lists what optional features
//! would bring). Out: findings; duplicates are only told.
//! A checker of our own, since cargo-deny takes minutes to compile on a fresh machine. Advisories need a network and are not here.

mod licence;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::workspace::{Workspace, judge, output};

/// Licences that let anyone use landline for anything. `A WITH B` is one entry.
const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Crates that must not come in, and why.
const BANNED: [(&str, &str); 12] = [
    ("ansi_term", "unmaintained since 2021"),
    ("async-std", "discontinued; tokio is the runtime"),
    ("atty", "unsound and unmaintained; std::io::IsTerminal"),
    ("bincode", "unmaintained; bulk records are length-prefixed by hand"),
    ("failure", "unmaintained and unsound; thiserror"),
    ("native-tls", "rustls is the only TLS"),
    ("net2", "unsound and unmaintained; socket2"),
    ("openssl", "rustls is the only TLS"),
    ("openssl-sys", "rustls is the only TLS"),
    ("ring", "aws-lc-rs is the only provider of cryptography"),
    ("serde_yaml", "archived"),
    ("tempdir", "unmaintained; tempfile"),
];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// One package that is compiled.
#[derive(Debug)]
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    /// `None`: a path.
    source: Option<String>,
    /// Lies in the workspace.
    own: bool,
    /// Dependencies (of our own crates only) whose version is a wildcard.
    wildcards: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let host = host()?;
    let metadata = workspace.metadata(&["--filter-platform", &host])?;
    // Names alone would not tell two versions apart; `{p}` is "name vVERSION …".
    let tree =
        ["tree", "--workspace", "--locked", "--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}"];
    let tree = output(workspace.cargo(tree).args(["--target", &host]))?;
    let compiled: BTreeSet<String> =
        tree.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    let mut packages = packages(&metadata, &workspace.root)?;
    packages.retain(|package| compiled.contains(&format!("{} v{}", package.name, package.version)));

    println!("deps: {} packages are compiled for {host}", packages.len());
    for line in duplicates(&packages) {
        println!("  warning: {line}");
    }
    judge(&packages.iter().flat_map(findings).collect::<Vec<_>>())
}

fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let about = output(std::process::Command::new(rustc).arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names the host")
}

fn packages(metadata: &Value, root: &Path) -> Result<Vec<Package>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let package = |package: &Value| {
        let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        // A path of ours has no version to name; everything else has.
        let wild = dependencies.iter().filter(|dependency| dependency["req"] == "*" && dependency["path"].is_null());
        Some(Package {
            name: text(&package["name"])?,
            version: text(&package["version"])?,
            licence: text(&package["license"]),
            source: text(&package["source"]),
            own: package["source"].is_null() && Path::new(package["manifest_path"].as_str()?).starts_with(root),
            wildcards: wild.filter_map(|dependency| text(&dependency["name"])).collect(),
        })
    };
    list.iter().map(|value| package(value).context("a package has a name, a version and a manifest")).collect()
}

fn findings(package: &Package) -> Vec<String> {
    let Package { name, version, .. } = package;
    let mut found = Vec::new();
    if package.own {
        let wild = package.wildcards.iter();
        found.extend(wild.map(|dependency| format!("{name}: {dependency} = \"*\" takes any version; name one")));
    } else if package.source.as_deref() != Some(CRATES_IO) {
        let source = package.source.as_deref().unwrap_or("a path outside the workspace");
        found.push(format!("{name} {version}: comes from {source}, not from crates.io"));
    }
    if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| banned == name) {
        found.push(format!("{name} {version}: banned: {reason} (`cargo tree -i {name}` shows who brings it)"));
    }
    match package.licence.as_deref().map(|text| licence::is_allowed(text, &ALLOWED)) {
        Some(Ok(true)) => {}
        Some(Ok(false)) => {
            found.push(format!(
                "{name} {version}: licence {} is not allowed",
                package.licence.as_deref().unwrap_or_default()
            ));
        }
        Some(Err(e)) => found.push(format!("{name} {version}: {e}")),
        None => found.push(format!("{name} {version}: names no licence")),
    }
    found
}

fn duplicates(packages: &[Package]) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let doubled = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    doubled
        .map(|(name, versions)| {
            format!("{name} is compiled twice: {}", versions.into_iter().collect::<Vec<_>>().join(", "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(change: impl FnOnce(&mut Package)) -> Package {
        let (name, version) = ("good".to_owned(), "1.2.3".to_owned());
        let (licence, source) = (Some("MIT".to_owned()), Some(CRATES_IO.to_owned()));
        let mut package = Package { name, version, licence, source, own: false, wildcards: Vec::new() };
        change(&mut package);
        package
    }

    #[test]
    fn a_permissive_package_of_crates_io_is_fine() {
        assert_eq!(findings(&package(|_| {})), [""; 0]);
    }

    #[test]
    fn each_fault_is_told() {
        let told = |change: fn(&mut Package)| findings(&package(change)).join("; ");
        assert!(told(|p| p.licence = None).contains("names no licence"));
        assert!(told(|p| p.licence = Some("GPL-3.0-only".into())).contains("licence GPL-3.0-only is not allowed"));
        assert!(told(|p| p.licence = Some("MIT OR (".into())).contains("MIT OR ("));
        assert!(told(|p| p.source = Some("git+https://x/y".into())).contains("comes from git+https://x/y"));
        assert!(told(|p| p.source = None).contains("a path outside the workspace"));
        assert!(told(|p| p.name = "openssl".into()).contains("banned: rustls is the only TLS"));
    }

    #[test]
    fn metadata_is_read_and_wildcards_of_our_own_are_told() {
        let metadata = serde_json::json!({"packages": [
            {"name": "ours", "version": "0.1.0", "license": "MIT", "source": null, "manifest_path": "/w/crates/ours/Cargo.toml",
             "dependencies": [{"name": "a", "req": "*"}, {"name": "b", "req": "*", "path": "/w/crates/b"}, {"name": "c", "req": "^1"}]},
            {"name": "theirs", "version": "1.0.0", "license": "MIT", "source": CRATES_IO, "manifest_path": "/r/Cargo.toml",
             "dependencies": [{"name": "d", "req": "*"}]},
        ]});
        let packages = packages(&metadata, Path::new("/w")).unwrap();
        let found: Vec<_> = packages.iter().flat_map(findings).collect();
        assert_eq!(found, ["ours: a = \"*\" takes any version; name one"]);
    }

    #[test]
    fn duplicates_are_told_once_a_name() {
        let list = ["1.0.0", "2.0.0", "1.0.0"].map(|version| package(|p| p.version = version.to_owned()));
        assert_eq!(duplicates(&list), ["good is compiled twice: 1.0.0, 2.0.0"]);
    }
}
