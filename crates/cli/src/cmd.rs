//! Commands: one variant, one file. `cmd/put.rs` holds the arguments of `put` and its `run`, and nothing else knows them.

use std::ffi::OsString;

use clap::Subcommand;

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;

mod audit;
mod backup;
mod bench_calls;
mod cat;
mod completions;
mod config;
mod contacts;
mod copy;
mod dial;
mod doctor;
mod each;
mod files;
mod get;
mod invite;
mod join;
mod key;
mod listen;
mod login;
mod ls;
mod man;
mod mkdir;
mod mv;
mod open_files;
mod over;
mod partials;
mod put;
mod reach;
mod relay;
mod retry;
mod rm;
mod selftest;
mod serve;
mod sockets;
mod stat;
mod user;
mod verify;
mod who;

/// What landline can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Cmd {
    Serve(serve::Args),
    Invite(invite::Args),
    Join(join::Args),
    Login(login::Args),
    Put(put::Args),
    Get(get::Args),
    Retry(retry::Args),
    Partials(partials::Args),
    Ls(ls::Args),
    Cat(cat::Args),
    Stat(stat::Args),
    Verify(verify::Args),
    Mkdir(mkdir::Args),
    Mv(mv::Args),
    Rm(rm::Args),
    Files(files::Args),
    Listen(listen::Args),
    Dial(dial::Args),
    Relay(relay::Args),
    Contacts(contacts::Args),
    Key(key::Args),
    User(user::Args),
    Backup(backup::Args),
    Who(who::Args),
    Audit(audit::Args),
    Doctor(doctor::Args),
    Selftest(selftest::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
    BenchCalls(bench_calls::Args),
}

impl Cmd {
    /// Whether the command answers Ctrl-C and SIGTERM in its own way.
    pub(crate) fn minds_signals_itself(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Files(_) | Self::Listen(_) | Self::Relay(_))
    }

    /// The words that the command stands for, if it is asked to be like a program, and the word behind which they belong.
    ///
    /// # Errors
    /// If there is no such program.
    pub(crate) fn likeness(&self) -> Result<Option<(&'static str, Vec<OsString>)>, Fail> {
        match self {
            Self::Listen(args) => args.likeness().map(|words| words.map(|words| ("listen", words))),
            Self::Dial(args) => args.likeness().map(|words| words.map(|words| ("dial", words))),
            _ => Ok(None),
        }
    }

    /// Whether one thread does it best: moving single messages between sockets is no work that can be shared.
    pub(crate) fn wants_one_thread(&self) -> bool {
        matches!(self, Self::Listen(_) | Self::Dial(_) | Self::Relay(_))
    }

    /// Whether the same command goes on where this one was stopped.
    pub(crate) fn goes_on(&self) -> bool {
        match self {
            Self::Put(args) => args.goes_on(),
            Self::Get(args) => args.goes_on(),
            _ => false,
        }
    }

    /// Whether it only shows what happens elsewhere, so that there is nothing it could leave unfinished.
    pub(crate) fn only_watches(&self) -> bool {
        matches!(self, Self::Who(_) | Self::Audit(_))
    }

    /// Does it.
    ///
    /// # Errors
    /// What kept it from being done.
    pub(crate) async fn run(self, here: &Here) -> Result<Exit, Fail> {
        match self {
            Self::Serve(args) => serve::run(args, here).await,
            Self::Invite(args) => invite::run(args, here).await,
            Self::Join(args) => join::run(args, here).await,
            Self::Login(args) => login::run(args, here).await,
            Self::Put(args) => put::run(args, here).await,
            Self::Get(args) => get::run(args, here).await,
            Self::Retry(args) => retry::run(args, here).await,
            Self::Partials(args) => partials::run(args, here).await,
            Self::Ls(args) => ls::run(args, here).await,
            Self::Cat(args) => cat::run(args, here).await,
            Self::Stat(args) => stat::run(args, here).await,
            Self::Verify(args) => verify::run(args, here).await,
            Self::Mkdir(args) => mkdir::run(args, here).await,
            Self::Mv(args) => mv::run(args, here).await,
            Self::Rm(args) => rm::run(args, here).await,
            Self::Files(args) => files::run(args, here).await,
            Self::Listen(args) => listen::run(args, here).await,
            Self::Dial(args) => dial::run(args, here).await,
            Self::Relay(args) => relay::run(args, here).await,
            Self::Contacts(args) => contacts::run(args, here).await,
            Self::Key(args) => key::run(args, here).await,
            Self::User(args) => user::run(args, here).await,
            Self::Backup(args) => backup::run(args, here).await,
            Self::Who(args) => who::run(args, here).await,
            Self::Audit(args) => audit::run(args, here).await,
            Self::Doctor(args) => doctor::run(args, here).await,
            Self::Selftest(args) => selftest::run(args, here).await,
            Self::Config(args) => config::run(args, here),
            Self::Completions(args) => Ok(completions::run(&args, here)),
            Self::Man(args) => man::run(args, here),
            Self::BenchCalls(args) => bench_calls::run(args, here).await,
        }
    }
}
