//! Progress: how far a copy has come, on a terminal only.
//!
//! In: the counters of a [`Watch`], looked at ten times a second. Out: one line that is drawn over and over: share,
//! bytes, rate, files, remaining time, phase. Pure but for the drawing: [`render`] makes the line.
//! Invariant: never 100 % before everything is verified and durable.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use landline_services::files::watch::{Phase, Watch};
use tokio::task::JoinHandle;

use crate::slow::stall::Stuck;
use crate::units;

mod strip;

use strip::Strip;

/// How often the line is drawn: smooth, and nothing beside the work itself.
const BEAT: Duration = Duration::from_millis(100);
/// The rate is that of the last few seconds: steady to read, and soon true again after a pause.
const WINDOW: Duration = Duration::from_secs(5);

/// A line that is being drawn; gone when this is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    drawer: JoinHandle<()>,
}

impl Progress {
    /// Draws `watch` on stderr until dropped. `verb`: `sending`, `getting`. `stuck`: what is waited for, if anything is.
    pub(crate) fn start(verb: &'static str, watch: Watch, stuck: Stuck) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like(Box::new(Strip::default())));
        if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
            bar.set_style(style);
        }
        let drawn = bar.clone();
        let drawer = tokio::spawn(async move {
            let mut speed = Speed::default();
            let mut beat = tokio::time::interval(BEAT);
            loop {
                let now = beat.tick().await;
                speed.note(now.into_std(), watch.bytes());
                let view = View {
                    phase: watch.phase(),
                    bytes: watch.bytes(),
                    files: watch.files(),
                    total: watch.total(),
                    speed: speed.bytes_per_second(),
                    stuck: stuck.words(),
                };
                drawn.set_message(render(verb, &view));
                drawn.tick();
            }
        });
        Self { bar, drawer }
    }

    /// Something to draw lines above the progress with.
    pub(crate) fn curtain(&self) -> Curtain {
        Curtain(Some(self.bar.clone()))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.drawer.abort();
        self.bar.finish_and_clear();
    }
}

/// Takes the progress line off the screen while something else is printed.
#[derive(Clone, Default)]
pub(crate) struct Curtain(Option<ProgressBar>);

impl Curtain {
    /// Runs `print` with the screen free.
    pub(crate) fn while_open(&self, print: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

/// What the line shows.
struct View {
    phase: Phase,
    bytes: u64,
    files: u64,
    total: Option<(u64, u64)>,
    speed: Option<f64>,
    /// In place of rate and remaining time.
    stuck: Option<String>,
}

fn render(verb: &str, view: &View) -> String {
    let phase = match view.phase {
        Phase::Connecting => return "connecting".to_owned(),
        Phase::Copying => verb,
        Phase::Publishing => "making durable",
        Phase::Done => "done",
    };
    let mut parts = vec![phase.to_owned()];
    match view.total {
        Some((files, bytes)) => {
            parts.push(format!("{:>2} %", percent(view, bytes)));
            parts.push(format!("{} of {}", units::bytes(view.bytes.min(bytes)), units::bytes(bytes)));
            if view.stuck.is_none() {
                parts.extend(view.speed.map(units::speed));
                parts.push(format!("{} of {}", view.files.min(files), units::count(files, "file")));
                parts.extend(remaining(view, bytes).map(|time| format!("{} left", units::coarse(time))));
            }
        }
        None => {
            parts.push(units::bytes(view.bytes));
            if view.stuck.is_none() {
                parts.extend(view.speed.map(units::speed));
                parts.push(units::count(view.files, "file"));
            }
        }
    }
    parts.extend(view.stuck.clone());
    parts.join("  ")
}

fn percent(view: &View, of: u64) -> u64 {
    let most = if view.phase == Phase::Done { 100 } else { 99 };
    let share = u128::from(view.bytes) * 100 / u128::from(of.max(1));
    u64::try_from(share).unwrap_or(most).min(most)
}

fn remaining(view: &View, of: u64) -> Option<Duration> {
    let left = of.checked_sub(view.bytes).filter(|left| *left > 0)?;
    let speed = view.speed.filter(|speed| *speed >= 1.0)?;
    Duration::try_from_secs_f64((left as f64 / speed).ceil()).ok()
}

/// The rate of the last [`WINDOW`].
#[derive(Default)]
struct Speed {
    seen: VecDeque<(Instant, u64)>,
}

impl Speed {
    fn note(&mut self, now: Instant, bytes: u64) {
        while self.seen.len() > 1 && self.seen.front().is_some_and(|(then, _)| now.duration_since(*then) > WINDOW) {
            self.seen.pop_front();
        }
        self.seen.push_back((now, bytes));
    }

    /// Unknown until something has moved.
    fn bytes_per_second(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (self.seen.front()?, self.seen.back()?);
        let moved = after.checked_sub(*before).filter(|moved| *moved > 0)?;
        let took = to.duration_since(*from).as_secs_f64();
        (took > 0.0).then(|| moved as f64 / took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn view(phase: Phase, bytes: u64) -> View {
        View { phase, bytes, files: 2, total: Some((7, 100 * MIB)), speed: Some(10.0 * 1_048_576.0), stuck: None }
    }

    #[test]
    fn the_line_says_share_bytes_rate_files_and_remaining_time() {
        let line = render("sending", &view(Phase::Copying, 40 * MIB));
        assert_eq!(line, "sending  40 %  40.0 MiB of 100 MiB  10.0 MiB/s  2 of 7 files  6 s left");
    }

    #[test]
    fn never_a_hundred_percent_before_all_is_durable() {
        for phase in [Phase::Copying, Phase::Publishing] {
            assert!(render("sending", &view(phase, 100 * MIB)).contains(" 99 %"), "{phase:?}");
        }
        assert!(render("sending", &view(Phase::Publishing, 100 * MIB)).starts_with("making durable"));
        assert!(render("sending", &view(Phase::Done, 100 * MIB)).contains(" 100 %"));
    }

    #[test]
    fn without_totals_there_is_no_share_and_no_remaining_time() {
        let view = View { total: None, speed: None, ..view(Phase::Copying, 3) };
        assert_eq!(render("getting", &view), "getting  3 B  2 files");
        assert_eq!(render("getting", &View { phase: Phase::Connecting, ..view }), "connecting");
    }

    #[test]
    fn what_is_waited_for_stands_in_place_of_rate_and_remaining_time() {
        let stuck = Some("the line to desk takes nothing (5 s)".to_owned());
        let line = render("sending", &View { stuck, ..view(Phase::Copying, 40 * MIB) });
        assert_eq!(line, "sending  40 %  40.0 MiB of 100 MiB  the line to desk takes nothing (5 s)");
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let mut speed = Speed::default();
        assert_eq!(speed.bytes_per_second(), None);
        for tenth in 0..200_u32 {
            // nothing in the first ten seconds, then 1 MiB every tenth of a second
            let bytes = u64::from(tenth.saturating_sub(100)) * MIB;
            speed.note(start + BEAT * tenth, bytes);
        }
        let rate = speed.bytes_per_second().unwrap() / 1_048_576.0;
        assert!((9.9..10.1).contains(&rate), "{rate}");
    }
}
