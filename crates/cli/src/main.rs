//! Voice: the program `landline`. It parses, asks the floors below, and speaks.
//!
//! In: the command line, the environment, `config.toml`. Out: data on stdout, talk on stderr, an exit code.
//! Knows nothing of frames, keys or disks: `cmd/*.rs` holds one subcommand each, `out.rs` is the only printer, `fail.rs`
//! alone turns an error into words and an exit code.
#![forbid(unsafe_code)]

mod args;
mod cmd;
mod config;
mod editor;
mod exit;
mod fail;
mod here;
mod listing;
mod logs;
mod out;
mod phrase;
mod place;
mod progress;
mod run;
mod screen;
mod secret;
mod signals;
mod slow;
mod stdio;
mod units;

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(run::run(std::env::args_os()))
}
