//! `completions`: what a shell needs to complete landline's command lines.

use std::borrow::Cow;

use clap_complete::Shell;
use serde::Serialize;

use crate::args::told;
use crate::exit::Exit;
use crate::here::Here;

/// Print the completion script of a shell
///
/// For bash: landline completions bash > ~/.local/share/bash-completion/completions/landline
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

#[derive(Debug, Serialize)]
struct Script<'a> {
    shell: String,
    script: Cow<'a, str>,
}

pub(crate) fn run(args: &Args, here: &Here) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut told(), "landline", &mut script);
    if here.out.is_json() {
        here.out.object(&Script { shell: args.shell.to_string(), script: String::from_utf8_lossy(&script) });
    } else {
        here.out.bytes(&script);
    }
    Exit::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_its_script_without_hidden_commands_being_told() {
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut told(), "landline", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("contacts") && !script.contains("bench"), "{shell}");
        }
    }
}
