//! Arrows: a crate uses only crates on floors below its own (ARCHITECTURE.md, Floors).
//!
//! In: which crate depends on which, and how. Out: each arrow that points up or sideways, and each crate without a floor.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// The floors, lowest first. Crates of one floor do not know each other.
const FLOORS: [&[&str]; 7] = [
    &["landline-addr"],
    &["landline-wire"],
    &["landline-trust", "landline-sys"],
    &["landline-store", "landline-net"],
    &["landline-services"],
    &["landline-console", "landline-lab"],
    &["landline-cli", "landline"],
];

/// Tools stand beside the house: they may use every floor, and no floor may use them, except in its tests.
const TOOLS: [&str; 4] = ["landline-testkit", "landline-fuzz", "landline-bench", "xtask"];

/// One dependency of a workspace crate on another, or a crate without any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: Option<String>,
    /// Only its tests need it.
    pub(super) for_tests: bool,
}

/// The dependencies between the workspace's own crates, from `cargo metadata --no-deps`.
pub(super) fn edges(metadata: &Value) -> Result<Vec<Edge>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let own: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut edges = Vec::new();
    for package in packages {
        let from = package["name"].as_str().context("a package has a name")?;
        edges.push(Edge { from: from.to_owned(), to: None, for_tests: false });
        for dependency in package["dependencies"].as_array().context("a package has dependencies")? {
            let to = dependency["name"].as_str().context("a dependency has a name")?;
            if own.contains(&to) {
                let for_tests = dependency["kind"] == "dev";
                edges.push(Edge { from: from.to_owned(), to: Some(to.to_owned()), for_tests });
            }
        }
    }
    Ok(edges)
}

pub(super) fn findings(edges: &[Edge]) -> Vec<String> {
    edges.iter().filter_map(finding).collect()
}

fn finding(edge: &Edge) -> Option<String> {
    let Edge { from, to, for_tests } = edge;
    let from_tool = TOOLS.contains(&from.as_str());
    let Some(to) = to else {
        let known = from_tool || floor(from).is_some();
        return (!known)
            .then(|| format!("{from}: on no floor; give it one in xtask/src/shape/arrows.rs and ARCHITECTURE.md"));
    };
    if from_tool || (*for_tests && TOOLS.contains(&to.as_str())) {
        return None;
    }
    if TOOLS.contains(&to.as_str()) {
        return Some(format!("{from} uses the tool {to}: only its tests may ([dev-dependencies])"));
    }
    let (above, below) = (floor(from)?, floor(to)?); // one without a floor is told above
    let direction = if above < below { "up" } else { "sideways" };
    (above <= below).then(|| format!("{from} (floor {above}) uses {to} (floor {below}): the arrow points {direction}"))
}

/// Counted from 1, the lowest.
fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name)).map(|below| below + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(from: &str, to: &str, for_tests: bool) -> Option<String> {
        finding(&Edge { from: from.to_owned(), to: Some(to.to_owned()), for_tests })
    }

    #[test]
    fn arrows_down_are_fine() {
        for (from, to) in
            [("landline-cli", "landline-addr"), ("landline-net", "landline-trust"), ("landline", "landline-net")]
        {
            assert_eq!(told(from, to, false), None);
        }
    }

    #[test]
    fn arrows_up_and_sideways_are_told_in_tests_too() {
        assert!(told("landline-addr", "landline-wire", false).unwrap().contains("points up"));
        assert!(told("landline-net", "landline-store", false).unwrap().contains("points sideways"));
        assert!(told("landline-cli", "landline", false).unwrap().contains("points sideways"));
        assert!(told("landline-wire", "landline-net", true).unwrap().contains("points up"));
    }

    #[test]
    fn a_tool_is_for_tests_only_and_may_use_everything() {
        assert_eq!(told("landline-cli", "landline-testkit", true), None);
        assert!(told("landline-cli", "landline-testkit", false).unwrap().contains("only its tests may"));
        assert_eq!(told("xtask", "landline-testkit", false), None);
        assert_eq!(told("landline-bench", "landline-cli", false), None);
    }

    #[test]
    fn a_crate_without_a_floor_is_told() {
        let metadata = serde_json::json!({"packages": [
            {"name": "landline-new", "dependencies": [{"name": "serde", "kind": null}]},
            {"name": "landline-addr", "dependencies": [{"name": "landline-new", "kind": "dev"}]},
        ]});
        let edges = edges(&metadata).unwrap();
        assert_eq!(edges.len(), 3);
        assert_eq!(edges[2], Edge { from: "landline-addr".into(), to: Some("landline-new".into()), for_tests: true });
        let found = findings(&edges);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("landline-new: on no floor"));
    }
}
