//! `fair`: one user puts and gets a file alone, then ten do it at once; each has a home and a machine of his own.
//!
//! Alone, a user moves as many bytes as the ten together. A user's progress is the length of what has arrived: in his home at the
//! server, or beside his own target. It is read from the side every few milliseconds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::window::{Mark, Window, deviation};
use super::{judge, retain_wanted};
use crate::args::Options;
use crate::contender::Entry;
use crate::daemon::Daemon;
use crate::landline::{Build, House, User};
use crate::load::{Load, Plan};
use crate::series::{self, Row};
use crate::site::Site;
use crate::stats::Spread;
use crate::suite::Report;
use crate::{data, measure, receipt, table, usage};

pub(super) const PUT_ONE: &str = "put, one user";
pub(super) const PUT_TEN: &str = "put, ten users";
pub(super) const PUT_METERED: &str = "put, ten users with quotas";
pub(super) const GET_ONE: &str = "get, one user";
pub(super) const GET_TEN: &str = "get, ten users";

const USERS: u32 = 10;
/// Far more than is moved: what counts is that it is counted.
const QUOTA: &str = "100G";
/// Where in a home, or at a machine, a copy arrives, and what it is called.
const ARRIVALS: &str = "in";
const COPY: &str = "copy";
/// How often all are looked at; one look at ten takes some 100 microseconds, so it costs less than 1 % of two cores.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The same when all has arrived and only the clients' ends are awaited.
const SHORT_LOOK: Duration = Duration::from_millis(1);
/// Beside the source: ten tenths of it in homes and the whole in one, what arrives, and the tenth itself.
const COPIES: u64 = 4;

const HEADINGS: [&str; 6] = [
    "GB/s, all together (min-max)",
    "x one user",
    "farthest from the mean, % (min-max)",
    "GB/s with start and end (min-max)",
    "CPU s/GB (client + server)",
    "window s",
];

/// A file to move, and what it is called in a home.
#[derive(Clone, Copy)]
struct Source<'a> {
    load: &'a Load,
    name: &'static str,
}

/// Which way, who at once, and what each of them moves.
struct Turn<'a> {
    about: &'static str,
    puts: bool,
    who: Vec<(&'a User, PathBuf)>,
    source: Source<'a>,
}

/// What one turn found.
struct Found {
    /// Bytes a second of each user in the common window.
    rates: Vec<f64>,
    window_seconds: f64,
    /// Of all, from before the first client is started until the last has ended.
    seconds: f64,
    bytes: f64,
    client_cpu: f64,
    server_cpu: f64,
}

/// What a row shows.
pub(super) struct Reached {
    /// Bytes a second, of all together, in the common window.
    pub(super) rate: Spread,
    /// Percent of the mean.
    pub(super) deviation: Spread,
    /// Bytes a second with start and end.
    pub(super) whole: Spread,
    pub(super) window_seconds: f64,
    /// Seconds a gigabyte.
    pub(super) client_cpu: f64,
    pub(super) server_cpu: f64,
    /// Bytes a second of each user, turn by turn.
    pub(super) users: Vec<Vec<f64>>,
}

/// See the module.
pub(crate) fn run(options: &Options) -> Result<Report> {
    let site = Site::prepare(Plan::File(options.size), COPIES, options.runs, options.dir.as_deref())?;
    let build = Build::find(&site, options.landline.as_deref())?;
    let house = House::open(&site, build.binary()?)?;
    let admit = |letter: &str, quota| -> Result<Vec<User>> {
        (0..USERS).map(|number| house.admit(&site, &format!("{letter}{number}"), quota)).collect()
    };
    let (users, metered) = (admit("u", None)?, admit("q", Some(QUOTA))?);
    let tenth = Load::make(&site.room("tenth")?, Plan::File(options.size / u64::from(USERS)))?;
    let (whole, tenth) = (Source { load: &site.load, name: "whole" }, Source { load: &tenth, name: "tenth" });
    let one = users.get(..1).unwrap_or_default();
    whole.lay_in(one)?;
    tenth.lay_in(&users)?;

    let turn = |about, puts, who, source| Turn::new(&site, about, puts, who, source).map(Box::new);
    let mut entries = vec![
        Entry::in_memory(PUT_ONE, turn("home", true, one, whole)),
        Entry::in_memory(PUT_TEN, turn("homes", true, &users, tenth)),
        Entry::in_memory(PUT_METERED, turn("homes of 100 GiB", true, &metered, tenth)),
        Entry::in_memory(GET_ONE, turn("home", false, one, whole)),
        Entry::in_memory(GET_TEN, turn("homes", false, &users, tenth)),
    ];
    retain_wanted(&mut entries, options);
    let about = |turn: &Turn<'_>| (turn.about, usize::MAX);
    let tell = |found: &Found| format!("{:.3} GB/s, {:.1} %", found.rate() / 1e9, deviation(&found.rates));
    let rows = series::rounds(site.runs, entries, about, |turn| turn.take(&site, &house), tell, Reached::of);
    let verdicts = judge::fair(&rows);
    let text = format!(
        "{} MiB by one user, or a tenth of it by each of ten at once, in memory; {} runs, in turns\n{}",
        options.size >> 20,
        options.runs,
        render(&rows)
    );
    let value = receipt::rows(&rows, &verdicts, Reached::value);
    Ok(Report { text, value, failed: rows.iter().any(Row::has_failed), verdicts })
}

impl Source<'_> {
    fn size(self) -> u64 {
        self.load.plan.bytes()
    }

    /// Lays a copy into each home, for its user to get.
    fn lay_in(self, users: &[User]) -> Result<()> {
        users.iter().try_for_each(|user| {
            let copied = fs::copy(&self.load.path, user.home.join(self.name));
            copied.map(drop).context("cannot lay the source into a home")
        })
    }
}

impl<'a> Turn<'a> {
    fn new(site: &Site, about: &'static str, puts: bool, who: &'a [User], source: Source<'a>) -> Result<Turn<'a>> {
        let with_room = |(number, user): (usize, &'a User)| {
            let room = if puts { user.home.join(ARRIVALS) } else { site.room(&format!("got-{number}"))? };
            fs::create_dir_all(&room)?;
            Ok((user, room))
        };
        let who = who.iter().enumerate().map(with_room).collect::<Result<_>>()?;
        Ok(Turn { about, puts, who, source })
    }

    /// Lets all of them run, and compares and removes what arrived, outside the clock.
    fn take(&self, site: &Site, house: &House) -> Result<Found> {
        let (_, first) = self.who.first().context("nobody to run")?;
        data::touch(first, self.bytes())?;
        let found = self.run(site, house)?;
        for (_, room) in &self.who {
            let copy = room.join(COPY);
            self.source.load.check(&copy)?;
            self.source.load.remove(&copy)?;
        }
        Ok(found)
    }

    fn bytes(&self) -> u64 {
        self.source.size() * u64::try_from(self.who.len()).unwrap_or(u64::MAX)
    }

    fn client(&self, site: &Site, house: &House, user: &User, room: &Path) -> Command {
        let mut client = house.call(site, user);
        if self.puts {
            client.arg("put").arg(&self.source.load.path).arg(format!("desk:{ARRIVALS}/{COPY}"));
        } else {
            client.arg("get").arg(format!("desk:{}", self.source.name)).arg(room.join(COPY));
        }
        client
    }

    fn run(&self, site: &Site, house: &House) -> Result<Found> {
        let mut window = Window::new(self.source.size());
        let before = usage::fine_cpu_seconds_of_tree(house.server());
        let begun = Instant::now();
        let start = |(user, room): &(&User, PathBuf)| {
            Daemon::start(site, "landline", &mut self.client(site, house, user, room))
        };
        let clients = self.who.iter().map(start).collect::<Result<Vec<_>>>()?;
        loop {
            let look: Vec<Mark> = self.who.iter().map(|(_, room)| mark(room, begun)).collect();
            let all_there = look.iter().all(|mark| mark.bytes >= self.source.size());
            window.note(look);
            if all_ended(&clients)? {
                break;
            }
            // Those that still run are ended when they are dropped.
            ensure!(begun.elapsed() < site.patience, "some still ran after {:?}", site.patience);
            std::thread::sleep(if all_there { SHORT_LOOK } else { LOOK_EVERY });
        }
        let seconds = begun.elapsed().as_secs_f64();
        for client in &clients {
            if let Some(how) = measure::wait_end(client.pid(), "a user's client")? {
                bail!("{how}: {}", client.last_words());
            }
        }
        Ok(Found {
            rates: window.rates().context("there was no time in which all were at it: choose a greater --size")?,
            window_seconds: window.seconds(),
            seconds,
            bytes: self.bytes() as f64,
            client_cpu: clients.iter().map(|client| usage::cpu_seconds(client.pid())).sum(),
            server_cpu: usage::fine_cpu_seconds_of_tree(house.server()) - before,
        })
    }
}

fn all_ended(clients: &[Daemon]) -> Result<bool> {
    for client in clients {
        if !measure::has_ended(client.pid())? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The bytes that have arrived in `room`, whole or in part; a copy's journal is not counted.
fn mark(room: &Path, begun: Instant) -> Mark {
    let length = |entry: fs::DirEntry| {
        let is_journal = entry.file_name().as_encoded_bytes().ends_with(b".journal");
        if is_journal { Some(0) } else { entry.metadata().ok().map(|found| found.len()) }
    };
    let bytes = fs::read_dir(room).map_or(0, |entries| entries.flatten().filter_map(length).sum());
    Mark { at: begun.elapsed(), bytes }
}

impl Found {
    fn rate(&self) -> f64 {
        self.rates.iter().sum()
    }
}

impl Reached {
    fn of(turns: Vec<Found>) -> Option<Reached> {
        let spread = |figure: &dyn Fn(&Found) -> f64| Spread::of(turns.iter().map(figure));
        Some(Reached {
            rate: spread(&Found::rate)?,
            deviation: spread(&|turn| deviation(&turn.rates))?,
            whole: spread(&|turn| turn.bytes / turn.seconds)?,
            window_seconds: spread(&|turn| turn.window_seconds)?.median,
            client_cpu: spread(&|turn| turn.client_cpu * 1e9 / turn.bytes)?.median,
            server_cpu: spread(&|turn| turn.server_cpu * 1e9 / turn.bytes)?.median,
            users: turns.into_iter().map(|turn| turn.rates).collect(),
        })
    }

    fn value(&self) -> Value {
        json!({
            "bytes_per_second": receipt::spread(self.rate),
            "farthest_from_mean_percent": receipt::spread(self.deviation),
            "bytes_per_second_with_start_and_end": receipt::spread(self.whole),
            "window_seconds": self.window_seconds,
            "cpu_seconds_per_gigabyte": {"client": self.client_cpu, "server": self.server_cpu},
            "bytes_per_second_of_each": self.users,
        })
    }
}

fn render(rows: &[Row<Reached>]) -> String {
    let rate = |name: &str| rows.iter().find(|row| row.name == name)?.measured().map(|found| found.rate.median);
    let table = |base: &str, shown: &[&str]| {
        let rows = rows.iter().filter(|row| shown.contains(&row.name));
        table::render_about(&HEADINGS, "where", rows, |found: &Reached| {
            let (client, server) = (found.client_cpu, found.server_cpu);
            vec![
                table::spread(giga(found.rate), 3),
                table::ratio(found.rate.median, rate(base)),
                table::spread(found.deviation, 1),
                table::spread(giga(found.whole), 3),
                format!("{:.2} ({client:.2} + {server:.2})", client + server),
                format!("{:.2}", found.window_seconds),
            ]
        })
    };
    format!("{}\n{}", table(PUT_ONE, &[PUT_ONE, PUT_TEN, PUT_METERED]), table(GET_ONE, &[GET_ONE, GET_TEN]))
}

fn giga(found: Spread) -> Spread {
    Spread { median: found.median / 1e9, least: found.least / 1e9, greatest: found.greatest / 1e9 }
}
