//! Kills: either end dies as by a power cut, anywhere in a copy, several times; the same command brings the rest.
//!
//! The points are seeded numbers of bytes on the line. A run in CI tries a few of each kind; `LANDLINE_KILLS=1000` tries
//! so many in all, `LANDLINE_SEED` others. What fails names the seed and the round, so that it can be seen again.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use landline_testkit::{Cmd, KillPoint, KillSite, Linkbox, Random, Way};

use super::{Account, Load, assert_copied};
use crate::scene::{MIB, STAGING, Scene, residue};

/// Kills of all four tests together, unless `LANDLINE_KILLS` says otherwise.
const KILLS: u64 = 40;
/// Kills of one transfer, at most.
const MOST_KILLS: u64 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Put,
    Get,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Client,
    Server,
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap_or_else(|e| panic!("{variable}={text}: {e}")))
}

#[test]
fn a_put_whose_client_is_killed_anywhere_goes_on_where_it_was() {
    kill(Doing::Put, Victim::Client);
}

#[test]
fn a_put_whose_server_is_killed_anywhere_goes_on_where_it_was() {
    kill(Doing::Put, Victim::Server);
}

#[test]
fn a_get_whose_client_is_killed_anywhere_goes_on_where_it_was() {
    kill(Doing::Get, Victim::Client);
}

#[test]
fn a_get_whose_server_is_killed_anywhere_goes_on_where_it_was() {
    kill(Doing::Get, Victim::Server);
}

fn kill(doing: Doing, victim: Victim) {
    let (wanted, seed) = (number("LANDLINE_KILLS", KILLS).div_ceil(4), number("LANDLINE_SEED", 1));
    let mut bench = Bench::new(doing, victim, seed);
    let (mut kills, mut round, mut saved) = (0, 0, 0);
    while kills < wanted {
        let done = bench.round(round);
        kills += done.kills;
        saved += done.saved;
        round += 1;
        assert!(
            round < 20 + 3 * wanted,
            "only {kills} kills in {round} rounds: the points are no longer in the middle"
        );
    }
    assert!(saved > 0, "nothing was ever there of an earlier try");
    #[expect(clippy::print_stdout, reason = "a long run tells what it did")]
    {
        println!(
            "{doing:?}, the {victim:?} killed {kills} times in {round} transfers; {saved} bytes were not sent twice"
        );
    }
}

/// Two machines and the loads between them.
struct Bench {
    scene: Option<Scene>,
    line: Linkbox,
    doing: Doing,
    victim: Victim,
    seed: u64,
    loads: Vec<(Load, PathBuf, Account)>,
}

#[derive(Default)]
struct Done {
    kills: u64,
    /// Bytes that were there from before when the last run began.
    saved: u64,
}

/// For the message of a round that failed.
struct Told<'a>(&'a Bench, u64, Load, &'a [KillPoint]);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bench, round, load, points) = self;
        write!(f, "LANDLINE_SEED={} round {round}: {:?} of {load:?}, {:?}", bench.seed, bench.doing, bench.victim)?;
        points.iter().try_for_each(|point| write!(f, ", {point}"))
    }
}

impl Bench {
    fn new(doing: Doing, victim: Victim, seed: u64) -> Self {
        let scene = Scene::new();
        let line = scene.line();
        let from = match doing {
            Doing::Put => scene.laptop.work(),
            Doing::Get => scene.share(),
        };
        let loads = Load::ALL.map(|load| {
            let source = from.join("from").join(load.make(&from.join("from")));
            let account = Account::of(&source);
            (load, source, account)
        });
        Self { scene: Some(scene), line, doing, victim, seed, loads: loads.into() }
    }

    fn scene(&self) -> &Scene {
        self.scene.as_ref().unwrap()
    }

    fn way(&self) -> Way {
        if self.doing == Doing::Put { Way::Up } else { Way::Down }
    }

    fn command(&self, source: &str, round: u64) -> Cmd {
        let (from, to) = match self.doing {
            // What is in a tree: the same whether or not the dead client's call has completed it meanwhile.
            Doing::Put => {
                let slash = if source == "big" { "" } else { "/." };
                (format!("from/{source}{slash}"), format!("desk:to-{round}/copy"))
            }
            Doing::Get => (format!("desk:from/{source}"), format!("to-{round}/copy")),
        };
        match self.doing {
            Doing::Put => self.scene().put(from, to),
            Doing::Get => self.scene().get(from, to),
        }
    }

    /// One transfer, killed again and again, then left alone.
    fn round(&mut self, round: u64) -> Done {
        let mut random = Random::new(self.seed.wrapping_mul(1_000_003).wrapping_add(round));
        // The first is a big file, killed once and early enough that not all of it is on its way.
        let index = if round == 0 { 0 } else { usize::try_from(random.below(self.loads.len() as u64)).unwrap() };
        let (load, source, way) = (self.loads[index].0, self.loads[index].1.clone(), self.way());
        let name = source.file_name().unwrap().to_str().unwrap().to_owned();
        let folder = match self.doing {
            Doing::Put => self.scene().share(),
            Doing::Get => self.scene().laptop.work(),
        }
        .join(format!("to-{round}"));
        fs::create_dir(&folder).unwrap();
        let copy = folder.join("copy");
        let (mut done, mut points) = (Done::default(), Vec::new());
        let mut alone = true;
        for _ in 0..if round == 0 { 1 } else { 1 + random.below(MOST_KILLS) } {
            let account = &self.loads[index].2;
            let left = account.bytes - account.arrived(&folder).min(account.bytes);
            let bytes = if round == 0 { left / 3 } else { random.place(left, MIB as u64) };
            let point = KillPoint::Passed(way, self.line.passed(way) + bytes);
            points.push(point);
            done.kills += u64::from(self.killed(&name, round, point));
            if self.victim == Victim::Client && self.doing == Doing::Put && random.below(4) > 0 {
                // Stopped in order, so that the dead client's call has ended; and started again, elsewhere.
                let scene = self.scene.take().unwrap();
                self.scene = Some(scene.stopped_and_served_again(&self.line));
            } else if self.victim == Victim::Client && self.doing == Doing::Put {
                // The next run may meet the dead one's call, which holds what arrived: then it begins anew.
                alone = false;
            }
            let told = Told(self, round, load, &points);
            if copy.exists() {
                break; // it came too late, and then everything is there
            }
            let there: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert!(
                there.iter().all(|name| name.to_string_lossy().starts_with(STAGING)),
                "{told}: {there:?} is visible"
            );
        }
        let told = Told(self, round, load, &points).to_string();
        if !copy.exists() {
            let account = &self.loads[index].2;
            let (arrived, before) = (account.arrived(&folder), self.line.passed(way));
            let said = self.command(&name, round).arg("--json").run();
            assert_eq!(said.code(), Some(0), "{told}\n{said}");
            let (crossed, most) = (self.line.passed(way) - before, account.most(arrived));
            assert!(
                !alone || crossed <= most,
                "{told}: {crossed} bytes crossed the line, at most {most} were missing ({arrived} of {} there)\n{said}",
                account.bytes
            );
            done.saved = arrived;
            assert!(!alone || residue(&folder).is_empty(), "{told}: {:?} was left", residue(&folder));
        }
        assert_copied(&source, &copy);
        if !alone {
            // The dead client's call may still be at it.
            let scene = self.scene.take().unwrap();
            self.scene = Some(scene.stopped_and_served_again(&self.line));
        }
        assert_copied(&source, &copy);
        fs::remove_dir_all(folder).unwrap();
        done
    }

    /// Runs the command until the victim is killed at `point`; whether it was.
    fn killed(&mut self, name: &str, round: u64, point: KillPoint) -> bool {
        let command = self.command(name, round).args(["--reconnect", "0"]);
        let folder = self.scene().laptop.work();
        let site = KillSite { line: &self.line, folder: &folder, prefix: STAGING };
        match self.victim {
            Victim::Client => {
                let running = command.spawn();
                let trap = point.set(&site, &running);
                let said = running.wait();
                assert!(trap.struck() || said.code() == Some(0), "{point}: {said}");
                let struck = trap.struck();
                drop(trap);
                self.line.resume(self.way());
                struck
            }
            Victim::Server => {
                let trap = point.set(&site, self.scene().desk.running());
                let running = command.spawn();
                let said = running.wait();
                let struck = trap.struck();
                assert!(struck || said.code() == Some(0), "{point}: {said}");
                drop(trap);
                self.line.resume(self.way());
                if struck {
                    let scene = self.scene.take().unwrap();
                    self.scene = Some(scene.served_again(&self.line));
                }
                struck
            }
        }
    }
}
