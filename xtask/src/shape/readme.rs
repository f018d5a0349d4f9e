//! README: setting up takes exactly two commands.
//!
//! Convention: under the first heading that starts with "Set up", "Setup" or "Install" stands one fenced block, each line of
//! which is a command; comments and empty lines do not count.

use crate::workspace::TextFile;

const COMMANDS: usize = 2;

pub(super) fn findings(readme: Option<&TextFile>) -> Vec<String> {
    let Some(readme) = readme else { return vec!["README.md is missing".to_owned()] };
    match setup_commands(&readme.text) {
        None => vec!["README.md: no code block under a heading \"Set up\"".to_owned()],
        Some(commands) if commands.len() == COMMANDS => Vec::new(),
        Some(commands) => vec![format!("README.md: setting up takes {} commands, not {COMMANDS}", commands.len())],
    }
}

fn setup_commands(text: &str) -> Option<Vec<&str>> {
    let is_setup = |line: &&str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        line.starts_with('#') && ["set up", "setup", "install"].iter().any(|start| title.starts_with(start))
    };
    let mut lines = text.lines().skip_while(|line| !is_setup(line)).skip(1);
    // The heading's own part only: a block of the next part is not the setup's.
    let start = lines.find(|line| line.starts_with("```") || line.starts_with('#'))?;
    if start.starts_with('#') {
        return None;
    }
    let block = lines.take_while(|line| !line.starts_with("```")).map(str::trim);
    Some(block.filter(|line| !line.is_empty() && !line.starts_with('#')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        findings(Some(&TextFile { path: "README.md".to_owned(), text: text.to_owned() }))
    }

    #[test]
    fn two_commands_under_the_setup_heading_are_right() {
        let text =
            "# landline\n```sh\nother\n```\n## Set up\n\nTwo:\n\n```sh\n# first\nmake a\n\nmake b\n```\n```\nc\n```\n";
        assert_eq!(told(text), [""; 0]);
    }

    #[test]
    fn more_fewer_or_none_are_told() {
        assert_eq!(told("## Setup\n```\na\nb\nc\n```\n"), ["README.md: setting up takes 3 commands, not 2"]);
        assert_eq!(told("## Install\n```\na\n```\n"), ["README.md: setting up takes 1 commands, not 2"]);
        let missing = ["README.md: no code block under a heading \"Set up\""];
        assert_eq!(told("## Set up\nwords\n## Use\n```\na\nb\n```\n"), missing);
        assert_eq!(told("words\n"), missing);
        assert_eq!(findings(None), ["README.md is missing"]);
    }
}
