//! `landline-bench`: landline beside the tools people use today and beside the bare pipeline, in one run.
//!
//! In: a size, a number of runs, whatever rivals this machine has installed. Out: a table, a JSON receipt and an exit
//! code. Figures are only comparable within one run: every contender moves the same bytes, in turns, in a rotated order.
//! How the peers are driven follows the performance research (same commands, both ends and the load on one machine).
//! Rooms: `args` · `site`, `load`, `data` (directories and what is moved) · `janitor` (cleans up even when we are killed) ·
//! `daemon` and `tools` (child processes) · `relay` (a line that counts or takes time) · `usage`, `measure` (clock, CPU, memory)
//! · `contender`, `pipe`, `rivals`, `landline` (who runs) · `series` (the turns) · `suite` (each series) · `sockets` (the
//! bench of raw sockets, with servers, loads and series of its own) · `users` (that of users, likewise) · `stats`, `table`,
//! `receipt`, `check` (what is told) · `files` (the course of all benches).

mod args;
mod check;
mod contender;
mod daemon;
mod data;
mod files;
mod janitor;
mod landline;
mod load;
mod machine;
mod measure;
mod out;
mod pipe;
mod receipt;
mod relay;
mod rivals;
mod series;
mod site;
mod sockets;
mod stats;
mod suite;
mod table;
mod tools;
mod usage;
mod users;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            out::say(&format!("error: {error:#}\n\n{}", args::USAGE));
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::Help => {
            out::data(args::USAGE);
            Ok(true)
        }
        Command::Files(options) | Command::Sockets(options) | Command::Users(options) => files::run(&options),
        Command::Calls(options) => files::run_calls(&options),
        Command::PipeSend(ask) => pipe::send(&ask).map(|()| true),
        Command::PipeReceive(ask) => pipe::receive(&ask).map(|()| true),
        Command::RawSend(ask) => pipe::raw::send(&ask).map(|()| true),
        Command::RawReceive(ask) => pipe::raw::receive(&ask).map(|()| true),
        Command::TcpEcho => sockets::yardstick::tcp_echo().map(|()| true),
        Command::UdpEcho => sockets::yardstick::udp_echo().map(|()| true),
        Command::Janitor => {
            janitor::run(std::io::stdin().lock());
            Ok(true)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            out::say(&format!("error: {error:#}"));
            ExitCode::from(70)
        }
    }
}
