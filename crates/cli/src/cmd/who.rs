//! `who`: the calls that run at this machine's server right now, and the end of one of them.

use std::io::IsTerminal as _;
use std::time::{Duration, SystemTime};

use landline_services::admin::{Admin, CallRow};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::units;

mod table;

/// How often `--watch` looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Show who calls this machine right now, what they do and how fast; end a call
///
/// Needs `landline serve` to be running. Rates are those of the last second or two. The call that asks is not shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show it again every second, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// End the call of this number: its caller is told, and what came of a copy stays, so that the same command goes on with it
    #[arg(long, value_name = "CALL", conflicts_with = "watch")]
    end: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    call: u64,
    user: &'a str,
    label: &'a str,
    fingerprint: Option<&'a str>,
    from: &'a str,
    service: &'a str,
    begun: Option<String>,
    doing: &'a str,
    bytes_in: u64,
    bytes_out: u64,
    rate_in: u64,
    rate_out: u64,
}

#[derive(Debug, Serialize)]
struct Ended {
    ended: u64,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let mut admin = Admin::open(&here.line()?).await?;
    if let Some(call) = args.end {
        admin.end(call).await?;
        if here.out.is_json() {
            here.out.object(&Ended { ended: call });
        }
        here.out.say(format_args!("Call {call} ends; its caller is told."));
        return Ok(Exit::Done);
    }
    let calls = admin.who().await?;
    if !args.watch {
        print(here, &calls);
        if calls.is_empty() {
            here.out.say("Nobody calls this machine right now.");
        }
        return Ok(Exit::Done);
    }
    watch(here, &mut admin, calls).await
}

/// Shows the calls, and again each second. Ends with the reader of stdout, or by Ctrl-C.
async fn watch(here: &Here, admin: &mut Admin, mut calls: Vec<CallRow>) -> Result<Exit, Fail> {
    let draws = !here.out.is_json() && std::io::stdout().is_terminal();
    let mut beat = interval(LOOK_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.tick().await; // the first one is now
    loop {
        if draws {
            let lines = table::lines(&calls, now(), Some(crate::screen::columns()));
            here.out.bytes(picture(&lines).as_bytes());
        } else {
            print(here, &calls);
        }
        here.out.flush();
        if here.out.is_gone() {
            return Ok(Exit::Done);
        }
        beat.tick().await;
        calls = admin.who().await?;
    }
}

/// The screen from its first line: drawn over, then what was below is cleared, so that nothing flickers.
fn picture(lines: &[String]) -> String {
    let drawn: String = lines.iter().map(|line| format!("{line}\x1b[K\n")).collect();
    format!("\x1b[H{drawn}\x1b[J")
}

fn print(here: &Here, calls: &[CallRow]) {
    if here.out.is_json() {
        calls.iter().for_each(|call| here.out.row(&object(call)));
    } else if !calls.is_empty() {
        let width = here.out.stdout_is_terminal().then(crate::screen::columns);
        table::lines(calls, now(), width).iter().for_each(|line| here.out.line(line));
    }
}

fn object(call: &CallRow) -> Call<'_> {
    Call {
        call: call.call,
        user: &call.user,
        label: &call.label,
        fingerprint: call.fingerprint.as_deref(),
        from: &call.from,
        service: &call.service,
        begun: units::utc_ms(call.begun),
        doing: &call.doing,
        bytes_in: call.bytes_in,
        bytes_out: call.bytes_out,
        rate_in: call.rate_in,
        rate_out: call.rate_out,
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_leaves_nothing_of_the_one_before() {
        assert_eq!(picture(&["a".to_owned(), "b".to_owned()]), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
    }
}
