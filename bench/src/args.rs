//! The command line: words in, one [`Command`] out. Nothing is checked again later.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
usage: landline-bench files [options]    landline, bare yardsticks, and the tools people use today
       landline-bench sockets [options]  the same of raw sockets: listen and relay
       landline-bench users [options]    many users of one server at once, and the files shell
       landline-bench calls [options]    only landline's time from dialling to the first answer

  --series A,B     which series, in this order (default: all); of files:
                     big      one big file
                     small    20,000 files of 4 KiB into a fresh place
                     again    the same 20,000 files, which are there already
                     many     200,000 empty or tiny files: memory
                     resume   one big file, killed at half, then the same command again
                     delay    256 MiB, then 2,000 small files, over a round trip of 80 ms
                   of sockets:
                     echo50, echo1000  64 bytes to and fro on so many connections
                     udp      the time by datagrams, on 1 and on 4 sockets
                     relay    bytes through a relay of TCP
                     idle     memory of 10,000 silent connections, plain and TLS
                     accepts  connections made and closed
                   of users:
                     fair     one user puts and gets, then ten at once, with and without quotas
                     shell    one command after the other through pipes, beside sftp
  --small          little of everything and one run: shows in seconds that it works, its figures mean nothing
  --size SIZE      bytes of the big file (big, resume), through the relay or of all users together, e.g. 2G or
                   512M; a bare number is GiB (default 2G, relay 1G)
  --runs N         timed transfers of each contender, 1 to 100 (default 5); many takes 3 at most, scp of a tree 2
  --only A,B       only contenders in whose name one of these words stands (the yardsticks always run)
  --json FILE      where the receipt goes (default: bench/files.json and the like in the target directory)
  --dir DIR        where the data lives (default /dev/shm)
  --landline FILE  the binary (default: the one beside this program)
  --check          exit 1 unless landline reaches the required ratios";

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// More says nothing new and fills an afternoon.
const MAX_RUNS: usize = 100;
/// 1 TiB: keeps sums of sizes far from overflow.
const MAX_SIZE: u64 = 1 << 40;

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Files(Options),
    Sockets(Options),
    Users(Options),
    Calls(Options),
    PipeSend(PipeSend),
    PipeReceive(PipeReceive),
    RawSend(PipeSend),
    RawReceive(PipeReceive),
    TcpEcho,
    UdpEcho,
    Janitor,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bench {
    Files,
    Sockets,
    Users,
}

impl Bench {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Bench::Files => "files",
            Bench::Sockets => "sockets",
            Bench::Users => "users",
        }
    }

    fn series(self) -> &'static [Series] {
        use Series::{
            Accepts, Again, Big, Delay, Echo50, Echo1000, Fair, Idle, Many, Relay, Resume, Shell, Small, Udp,
        };
        match self {
            Bench::Files => &[Big, Small, Again, Many, Resume, Delay],
            Bench::Sockets => &[Echo50, Echo1000, Udp, Relay, Idle, Accepts],
            Bench::Users => &[Fair, Shell],
        }
    }
}

/// A part of a bench that can run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    Big,
    Small,
    Again,
    Many,
    Resume,
    Delay,
    Echo50,
    Echo1000,
    Udp,
    Relay,
    Idle,
    Accepts,
    Fair,
    Shell,
}

impl Series {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Series::Big => "big",
            Series::Small => "small",
            Series::Again => "again",
            Series::Many => "many",
            Series::Resume => "resume",
            Series::Delay => "delay",
            Series::Echo50 => "echo50",
            Series::Echo1000 => "echo1000",
            Series::Udp => "udp",
            Series::Relay => "relay",
            Series::Idle => "idle",
            Series::Accepts => "accepts",
            Series::Fair => "fair",
            Series::Shell => "shell",
        }
    }
}

/// Options of `files`, `sockets`, `users` and `calls`.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) bench: Bench,
    /// What runs, in this order; not empty.
    pub(crate) series: Vec<Series>,
    /// Bytes of the big file, through the relay, or of all users together.
    pub(crate) size: u64,
    pub(crate) runs: usize,
    pub(crate) small: bool,
    pub(crate) check: bool,
    pub(crate) only: Vec<String>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) landline: Option<PathBuf>,
}

/// The pipeline's sending end: which file to which loopback port.
#[derive(Debug)]
pub(crate) struct PipeSend {
    pub(crate) file: PathBuf,
    pub(crate) port: u16,
}

/// The pipeline's receiving end: which file to make, and whether to make it durable before saying so.
#[derive(Debug)]
pub(crate) struct PipeReceive {
    pub(crate) file: PathBuf,
    pub(crate) durable: bool,
}

/// Reads the words after the program's name.
///
/// # Errors
/// In words for the user, for an unknown word, a missing value or a value out of range.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Command> {
    let mut words = words;
    let Some(first) = words.next() else { bail!("say what to measure: files, sockets, users or calls") };
    match first.to_str() {
        Some("files") => options(Bench::Files, words).map(|found| found.map_or(Command::Help, Command::Files)),
        Some("sockets") => options(Bench::Sockets, words).map(|found| found.map_or(Command::Help, Command::Sockets)),
        Some("users") => options(Bench::Users, words).map(|found| found.map_or(Command::Help, Command::Users)),
        Some("calls") => options(Bench::Files, words).map(|found| found.map_or(Command::Help, Command::Calls)),
        Some("pipe-send") => pipe_send(words).map(Command::PipeSend),
        Some("pipe-recv") => pipe_receive(words).map(Command::PipeReceive),
        Some("raw-send") => pipe_send(words).map(Command::RawSend),
        Some("raw-recv") => pipe_receive(words).map(Command::RawReceive),
        Some("tcp-echo") => Ok(Command::TcpEcho),
        Some("udp-echo") => Ok(Command::UdpEcho),
        Some("janitor") => Ok(Command::Janitor),
        Some("help" | "--help" | "-h") => Ok(Command::Help),
        _ => bail!("no such command: {first:?}"),
    }
}

/// `None` when help was asked for.
fn options(bench: Bench, mut words: impl Iterator<Item = OsString>) -> Result<Option<Options>> {
    let (mut size, mut runs) = (None, None);
    let mut found = Options {
        bench,
        series: bench.series().to_vec(),
        size: if bench == Bench::Sockets { GIB } else { 2 * GIB },
        runs: 5,
        small: false,
        check: false,
        only: Vec::new(),
        json: None,
        dir: None,
        landline: None,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{} needs a value", word.display()));
        match word.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some("--small") => found.small = true,
            Some("--check") => found.check = true,
            Some("--series") => found.series = parse_series(bench, &text(value()?)?)?,
            Some("--size") => size = Some(parse_size(&text(value()?)?)?),
            Some("--runs") => runs = Some(parse_runs(&text(value()?)?)?),
            Some("--only") => found.only = text(value()?)?.split(',').map(str::to_owned).collect(),
            Some("--json") => found.json = Some(value()?.into()),
            Some("--dir") => found.dir = Some(value()?.into()),
            Some("--landline") => found.landline = Some(value()?.into()),
            _ => bail!("no such option: {word:?}"),
        }
    }
    if found.small {
        // Of ten users the first would be done with less before the last has begun.
        (found.size, found.runs) = (if bench == Bench::Users { 512 * MIB } else { 64 * MIB }, 1);
    }
    found.size = size.unwrap_or(found.size);
    found.runs = runs.unwrap_or(found.runs);
    Ok(Some(found))
}

fn text(word: OsString) -> Result<String> {
    word.into_string().map_err(|word| anyhow::anyhow!("not UTF-8: {word:?}"))
}

fn parse_series(bench: Bench, words: &str) -> Result<Vec<Series>> {
    let known = |word: &str| {
        let found = bench.series().iter().find(|series| series.name() == word);
        let names = || bench.series().iter().map(|series| series.name()).collect::<Vec<_>>().join(", ");
        found.copied().with_context(|| format!("--series {word}: there is {}", names()))
    };
    words.split(',').map(known).collect()
}

fn parse_size(word: &str) -> Result<u64> {
    let (digits, unit) = match word.strip_suffix(['M', 'm']) {
        Some(digits) => (digits, MIB),
        None => (word.strip_suffix(['G', 'g']).unwrap_or(word), GIB),
    };
    let count: u64 = digits.parse().with_context(|| format!("--size {word}: write e.g. 2G or 512M"))?;
    match count.checked_mul(unit) {
        Some(size @ 1..=MAX_SIZE) => Ok(size),
        _ => bail!("--size {word}: must be 1M to 1024G"),
    }
}

fn parse_runs(word: &str) -> Result<usize> {
    match word.parse() {
        Ok(runs @ 1..=MAX_RUNS) => Ok(runs),
        _ => bail!("--runs {word}: must be 1 to {MAX_RUNS}"),
    }
}

fn pipe_send(mut words: impl Iterator<Item = OsString>) -> Result<PipeSend> {
    match (words.next(), words.next(), words.next()) {
        (Some(file), Some(port), None) => {
            Ok(PipeSend { file: file.into(), port: text(port)?.parse().context("the port")? })
        }
        _ => bail!("pipe-send FILE PORT"),
    }
}

fn pipe_receive(mut words: impl Iterator<Item = OsString>) -> Result<PipeReceive> {
    match (words.next(), words.next(), words.next()) {
        (Some(file), None, None) => Ok(PipeReceive { file: file.into(), durable: false }),
        (Some(file), Some(flag), None) if flag == "--durable" => Ok(PipeReceive { file: file.into(), durable: true }),
        _ => bail!("pipe-recv FILE [--durable]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(line: &str) -> Result<Options> {
        match parse(line.split_whitespace().map(OsString::from))? {
            Command::Files(options) => Ok(options),
            other => bail!("{other:?}"),
        }
    }

    #[test]
    fn small_means_64_mib_and_one_run_unless_told_otherwise() {
        let small = files("files --small").unwrap();
        assert_eq!((small.size, small.runs), (64 * MIB, 1));
        let told = files("files --runs 3 --small --size 128M").unwrap();
        assert_eq!((told.size, told.runs), (128 * MIB, 3));
    }

    #[test]
    fn a_bare_size_is_gib() {
        assert_eq!(files("files --size 4").unwrap().size, 4 * GIB);
        assert_eq!(files("files --size 1g").unwrap().size, GIB);
    }

    #[test]
    fn all_series_run_unless_some_are_chosen() {
        assert_eq!(files("files").unwrap().series, Bench::Files.series());
        assert_eq!(files("files --series resume,big").unwrap().series, [Series::Resume, Series::Big]);
    }

    #[test]
    fn refuses_what_it_does_not_know_or_cannot_hold() {
        for line in [
            "",
            "file",
            "files --fast",
            "files --size",
            "files --size 0",
            "files --size 2T",
            "files --size 99999999999999999999",
            "files --series",
            "files --series large",
            "files --series big,",
            "files --runs 0",
            "files --runs 101",
            "pipe-send x",
            "pipe-recv",
            "files --series echo50",
            "sockets --series big",
            "users --series echo50",
        ] {
            assert!(parse(line.split_whitespace().map(OsString::from)).is_err(), "{line}");
        }
    }
}
