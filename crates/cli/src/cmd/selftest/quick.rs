//! The quick self-test: this machine's state, key, database and clock, and a call between two machines of the test's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use tokio::task::spawn_blocking;

use super::folder::Folder;
use super::goods::Goods;
use super::pair::Pair;
use crate::cmd::doctor::{Report, home};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;

/// 2026-01-01: no clock that is right shows an earlier time.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);
/// How far a file of our own may lie in the future before the clock has gone back.
const AHEAD: Duration = Duration::from_secs(24 * 3600);
/// What the files of the call hold.
const SEED: u64 = 1;

/// Looks and calls. `dir`: where the test's folder is made.
///
/// # Errors
/// If nothing says where this machine's state is.
pub(super) async fn run(here: &Here, program: PathBuf, dir: PathBuf, stop: Arc<AtomicBool>) -> Result<Exit, Fail> {
    let mut report = Report::new(here);
    if let Some(state) = home::folder(here, &mut report)? {
        home::key(&state, &mut report);
        drop(home::database(&state, &mut report).await);
    }
    clock(SystemTime::now(), newest(&here.home_path()?), &mut report);
    let began = std::time::Instant::now();
    match spawn_blocking(move || call(&program, &dir, stop)).await {
        Ok(Ok(())) => report.ok(
            "call",
            format_args!(
                "two machines of the test's own met, sent and fetched files in {}",
                crate::units::duration(began.elapsed())
            ),
        ),
        Ok(Err(why)) => report.bad("call", why, "run it again with -vv; if it stays, please report it"),
        Err(_) => report.bad("call", "the thread that runs the test died", "please report it"),
    }
    Ok(report.exit())
}

fn call(program: &Path, dir: &Path, stop: Arc<AtomicBool>) -> Result<(), String> {
    let folder = Folder::new(dir).map_err(|fault| format!("{}: {fault}", dir.display()))?;
    let machines = folder.below("machines").map_err(|fault| fault.to_string())?;
    let (pair, goods) = (Pair::open(program, &machines, stop)?, Goods::of(SEED));
    goods.write_new(&pair.work().join("new")).map_err(|fault| fault.to_string())?;
    pair.run(&["put", "new", "desk:"])?;
    pair.run(&["get", "desk:new", "back"])?;
    for place in [pair.share().join("new"), pair.work().join("back")] {
        if let Some(flaw) = goods.flaw(&place, true, true).map_err(|fault| fault.to_string())? {
            return Err(flaw);
        }
    }
    Ok(())
}

/// When something in the state folder was last written.
fn newest(home: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(home).ok()?;
    entries.filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok()).max()
}

fn clock(now: SystemTime, newest: Option<SystemTime>, report: &mut Report) {
    let fix = "set the clock: timedatectl set-ntp true";
    let shown = crate::units::local(now);
    if now < SystemTime::UNIX_EPOCH + EARLIEST {
        report.bad("clock", format_args!("shows {shown}: codes would never end, and files get wrong times"), fix);
    } else if newest.is_some_and(|newest| newest.duration_since(now).is_ok_and(|ahead| ahead > AHEAD)) {
        report.bad("clock", format_args!("shows {shown}, but this machine's state was written after that"), fix);
    } else {
        report.ok("clock", format_args!("shows {shown}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::Out;

    #[test]
    fn a_clock_that_has_gone_back_is_bad() {
        let exit = |now: SystemTime, newest| {
            let mut report = Report::new(&Here::new(Out::new(false, true), 0, None));
            clock(now, newest, &mut report);
            report.exit()
        };
        let now = SystemTime::UNIX_EPOCH + EARLIEST + AHEAD;
        assert_eq!(exit(now, Some(now)), Exit::Done);
        assert_eq!(exit(now, None), Exit::Done);
        assert_eq!(exit(now, Some(now + AHEAD * 2)), Exit::No);
        assert_eq!(exit(SystemTime::UNIX_EPOCH, None), Exit::No);
    }
}
