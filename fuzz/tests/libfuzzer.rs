//! The programs for libFuzzer are the table's targets, one each, and nothing of theirs is in the workspace's lock file.

use std::{fs, path::Path};

use landline_fuzz::TARGETS;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer")
}

#[test]
fn every_target_has_its_program_and_every_program_its_target() {
    let mut programs: Vec<String> = fs::read_dir(folder().join("fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    programs.sort_unstable();
    let mut targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    targets.sort_unstable();
    assert_eq!(programs, targets);
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for target in targets {
        let program = fs::read_to_string(folder().join("fuzz_targets").join(format!("{target}.rs"))).unwrap();
        assert!(program.contains(&format!("landline_fuzz::{target}(data)")), "{target}");
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
    }
}

#[test]
fn the_workspace_does_not_know_libfuzzer() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock")).unwrap();
    assert!(!lock.contains("libfuzzer"));
}
