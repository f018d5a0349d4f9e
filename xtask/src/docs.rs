//! `docs`: the reference builds without a warning, and no relative link in a page leads nowhere.

use anyhow::Result;

use crate::workspace::{TextFile, Workspace, judge, run as run_command};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    run_command(
        workspace.cargo(["doc", "--workspace", "--no-deps", "--locked", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    let mut findings = Vec::new();
    for page in workspace.texts()?.iter().filter(|file| file.has_extension(&["md"])) {
        findings.extend(dead_links(page, |path| workspace.root.join(path).exists()));
    }
    judge(&findings)
}

/// The relative links of a page that lead to nothing; `exists` is asked with a path relative to the workspace.
fn dead_links(page: &TextFile, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let dead = |(line, target): &(usize, String)| {
        let path = target.split(['#', '?']).next().unwrap_or_default();
        let elsewhere = path.is_empty() || target.contains("://") || target.starts_with("mailto:");
        let path = path.strip_prefix('/').map_or_else(|| format!("{folder}/{path}"), str::to_owned);
        let path = path.trim_start_matches('/').replace("%20", " ");
        (!elsewhere && !exists(&path)).then(|| format!("{}:{line}: no such file: {target}", page.path))
    };
    links(&page.text).iter().filter_map(dead).collect()
}

/// The targets of `[text](target)` and `[name]: target` outside code, with their lines.
fn links(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (number, line) in (1..).zip(page.lines()) {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(close)) if open == close => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                // Every second part between backticks is code.
                let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
                found.extend(links_of_line(&prose).into_iter().map(|target| (number, target)));
            }
        }
    }
    found
}

fn links_of_line(line: &str) -> Vec<String> {
    if let Some((name, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "))
        && !name.contains(']')
        && !name.starts_with('^')
    {
        return target.split_whitespace().next().map(str::to_owned).into_iter().collect();
    }
    let mut found = Vec::new();
    for part in line.split("](").skip(1) {
        // A title may follow the target: (target "title").
        let target = part.split(')').next().unwrap_or_default().split_whitespace().next().unwrap_or_default();
        found.push(target.trim_matches(['<', '>']).to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_prose_and_not_in_code() {
        let page = "[a](one.md) and ![b](<img.png>) [c](two.md \"title\")\n`[d](no)` [e](#here)\n```\n[f](no)\n```\n[g]: three.md\n[^1]: note\n";
        let targets: Vec<_> = links(page).into_iter().collect();
        let expected = [(1, "one.md"), (1, "img.png"), (1, "two.md"), (2, "#here"), (6, "three.md")];
        assert_eq!(targets, expected.map(|(line, target)| (line, target.to_owned())));
    }

    #[test]
    fn only_relative_links_to_nothing_are_told() {
        let text = "[a](x.md) [b](../README.md#top) [c](https://no.where/x) [d](#here) [e](gone.md) [f](/docs/x.md)\n";
        let page = TextFile { path: "docs/page.md".to_owned(), text: text.to_owned() };
        let found = dead_links(&page, |path| ["docs/x.md", "docs/../README.md"].contains(&path));
        assert_eq!(found, ["docs/page.md:1: no such file: gone.md"]);
    }
}
