//! `selftest`: does landline keep its promises here, on this disk, with this program?
//!
//! Without `--faults` it looks at this machine and lets two machines of its own call each other. With it, their copies
//! are killed and cut, and a disk fails at each call in turn. Everything happens in a folder that is removed afterwards;
//! this machine's files, contacts and share are not touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use landline_services::files::selftest::{Report as DiskReport, disk_faults};
use landline_services::files::tree::Op;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::units;

mod folder;
mod goods;
mod link;
mod pair;
mod points;
mod quick;

use folder::Folder;
use goods::Goods;
use pair::Pair;
use points::{Broken, Course, SORTS};

/// Points of the disk for each point of a process: they take no more than a few milliseconds.
const DISK_POINTS: u64 = 4;

/// Test this machine, and what becomes of files when things fail
///
/// Without --faults: a quick look at key, state and clock, and a call between two machines of the test's own. With
/// --faults: copies are killed at either end, cut on the way and run on a disk that fails; after each, every file must be
/// the old one or the new one, whole, and a second try must complete. Nothing of yours is touched; the test's folder is
/// removed. Exit code 6 if a promise was broken.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Kill, cut and fail
    #[arg(long)]
    faults: bool,
    /// Test the disk of this folder [default: that of this machine's state]
    #[arg(value_name = "DIR", requires = "faults")]
    dir: Option<PathBuf>,
    /// Points of each kind at which something is killed or cut
    #[arg(long, value_name = "N", default_value_t = 3, requires = "faults", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    points: u64,
    /// Which points: the same number, the same points [default: other ones each time]
    #[arg(long, value_name = "NUMBER", requires = "faults")]
    seed: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Told<'a> {
    Kind { kind: &'a str, points: u64, broken: usize },
    Broken { kind: &'a str, point: u64, text: &'a str },
    Done { seed: u64, points: u64, broken: usize, seconds: f64, repeat: String },
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let program =
        std::env::current_exe().map_err(|fault| Fail::io("it can't be told which program this is", &fault))?;
    // Dropped when a signal ends this command: the thread notices, kills what it started and removes its folder.
    let stop = Arc::new(AtomicBool::new(false));
    let _stopper = Stopper(Arc::clone(&stop));
    let told = here.clone();
    let dir = match args.dir {
        Some(dir) => dir,
        None => here.home()?.path().to_owned(),
    };
    if !args.faults {
        return quick::run(here, program, dir, stop).await;
    }
    let seed = args.seed.unwrap_or_else(some_seed);
    let repeat = repeat(&dir, seed, args.points);
    let points = args.points;
    let work = spawn_blocking(move || {
        Faults { here: told, seed, points, sum: 0, broken: 0, stop }.run(&program, &dir, repeat)
    });
    work.await.map_err(|_| Fail::internal("the thread that runs the test died"))?
}

struct Stopper(Arc<AtomicBool>);

impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One test of everything.
struct Faults {
    here: Here,
    seed: u64,
    points: u64,
    /// Points so far, and how many of them broke a promise.
    sum: u64,
    broken: usize,
    stop: Arc<AtomicBool>,
}

impl Faults {
    fn run(mut self, program: &Path, dir: &Path, repeat: String) -> Result<Exit, Fail> {
        let began = Instant::now();
        let failed = |fault: &std::io::Error| Fail::io(format_args!("cannot test {}", dir.display()), fault);
        let folder = Folder::new(dir).map_err(|fault| failed(&fault))?;
        let disk = folder.below("disk").map_err(|fault| failed(&fault))?;
        let stop = Arc::clone(&self.stop);
        let is_over = || stop.load(Ordering::Relaxed);
        let (seed, most) = (self.seed, self.points.saturating_mul(DISK_POINTS));
        disk_faults(&disk, seed, most, is_over, |report| self.tell_disk(&report)).map_err(|fault| failed(&fault))?;
        self.strike(program, &folder).map_err(|why| {
            Fail::new(Exit::Internal, format_args!("the test could not go on: {why}"))
                .hint(format_args!("to repeat it: {repeat}"))
        })?;
        drop(folder);
        let took = began.elapsed();
        let out = &self.here.out;
        if out.is_json() {
            let (points, broken, seconds) = (self.sum, self.broken, took.as_secs_f64());
            out.object(&Told::Done { seed, points, broken, seconds, repeat: repeat.clone() });
        }
        let (points, time) = (units::count(self.sum, "point"), units::duration(took));
        if self.broken == 0 {
            out.say(format_args!(
                "{points} in {time}: every file was the old one or the new one, and the next try completed"
            ));
            return Ok(Exit::Done);
        }
        let broken = self.broken;
        Err(Fail::new(Exit::Integrity, format_args!("of {points} {broken} broke a promise"))
            .hint(format_args!("to repeat it: {repeat}; please report it")))
    }

    fn strike(&mut self, program: &Path, folder: &Folder) -> Result<(), String> {
        let machines = folder.below("machines").map_err(|fault| fault.to_string())?;
        let mut pair = Pair::open(program, &machines, Arc::clone(&self.stop))?;
        let goods = Goods::of(self.seed);
        for sort in SORTS {
            let mut course = Course::new(&mut pair, &goods, sort, self.seed)?;
            let mut broken = Vec::new();
            for point in 0..self.points {
                broken.extend(course.point(point)?);
            }
            self.tell(sort.word, sort.title, self.points, &broken);
        }
        Ok(())
    }

    fn tell_disk(&mut self, report: &DiskReport) {
        let broken = report.failures.iter();
        let broken: Vec<_> = broken.map(|one| Broken { point: one.point, text: one.text.clone() }).collect();
        let (word, title) = disk_words(report.op);
        self.tell(&format!("disk-{word}"), &format!("the disk fails at {title}"), report.points, &broken);
    }

    fn tell(&mut self, word: &str, title: &str, points: u64, broken: &[Broken]) {
        (self.sum, self.broken) = (self.sum.saturating_add(points), self.broken + broken.len());
        let out = &self.here.out;
        if out.is_json() {
            for one in broken {
                out.object(&Told::Broken { kind: word, point: one.point, text: &one.text });
            }
            return out.object(&Told::Kind { kind: word, points, broken: broken.len() });
        }
        let verdict = if broken.is_empty() { "ok  " } else { "BAD " };
        out.line_now(format_args!("{verdict}  {title:<48}{}", units::count(points, "point")));
        for one in broken {
            out.line_now(format_args!("        point {}: {}", one.point, crate::screen::tame(&one.text)));
        }
    }
}

/// A number that nobody chose; which it is hardly matters.
fn some_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    goods::number(u64::from(since.subsec_nanos()), "seed", 1_000_000)
}

fn repeat(dir: &Path, seed: u64, points: u64) -> String {
    let dir = landline_wire::shown(dir.as_os_str().as_encoded_bytes()).to_string();
    let plain = dir.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@".contains(c));
    let dir = if plain { dir } else { format!("'{dir}'") };
    format!("landline selftest --faults {dir} --seed {seed} --points {points}")
}

/// Which call fails: for programs, and for people behind "the disk fails at".
fn disk_words(op: Op) -> (&'static str, &'static str) {
    match op {
        Op::Create => ("create", "making a file"),
        Op::MakeDir => ("make-dir", "making a folder"),
        Op::Write => ("write", "writing"),
        Op::Truncate => ("truncate", "setting a length"),
        Op::Allocate => ("allocate", "setting space aside"),
        Op::Sync => ("sync", "making one thing durable"),
        Op::SyncAll => ("sync-all", "making everything durable"),
        Op::Rename => ("rename", "giving a name"),
        Op::Link => ("link", "giving a second name"),
        Op::Symlink => ("symlink", "making a link"),
        Op::Unlink => ("unlink", "removing a file"),
        Op::RemoveDir => ("remove-dir", "removing a folder"),
        Op::SetMode => ("set-mode", "setting permissions"),
        Op::SetTime => ("set-time", "setting a time"),
        Op::SetAttribute => ("set-attribute", "setting an attribute"),
        _ => ("other", "something else"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_can_be_repeated_by_a_line_that_a_shell_takes() {
        let said = repeat(Path::new("/mnt/my disk"), 7, 3);
        assert_eq!(said, "landline selftest --faults '/mnt/my disk' --seed 7 --points 3");
        assert!(repeat(Path::new("/mnt/x"), 7, 3).contains(" /mnt/x "));
    }
}
