//! `completions`: what a shell needs to complete landline's command lines.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
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

pub(crate) fn run(args: &Args, here: &Here) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "landline", &mut script);
    here.out.bytes(&script);
    Exit::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_its_script_without_hidden_commands_being_told() {
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "landline", &mut script);
            assert!(String::from_utf8(script).unwrap().contains("contacts"), "{shell}");
        }
    }
}
