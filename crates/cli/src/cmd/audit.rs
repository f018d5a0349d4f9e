//! `audit`: what the server of this machine has noted: who called, what was done, how it ended.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use landline_store::{AuditReader, StoreError};
use landline_wire::shown;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::screen::tame;
use crate::units;

/// Show what this machine's server has noted: who called, what was done, how it ended
///
/// Reads audit.jsonl in this machine's folder, and the older ones beside it. With --json each line as it stands there.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many of the last lines
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 20)]
    lines: usize,
    /// Go on with what is noted from then on, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
}

/// How often `--follow` looks: at once for a person, and nothing for the machine.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let home = here.home()?;
    let (lines, mut reader) = apart(move || AuditReader::last(&home, args.lines)).await??;
    print(here, &lines)?;
    if lines.is_empty() && args.lines > 0 {
        here.out.say("Nothing was noted yet. landline serve notes it, unless audit = false in config.toml.");
    }
    if !args.follow {
        return Ok(Exit::Done);
    }
    let mut beat = interval(LOOK_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        here.out.flush();
        if here.out.is_gone() {
            return Ok(Exit::Done);
        }
        beat.tick().await;
        let more: Result<Vec<Vec<u8>>, StoreError>;
        (reader, more) = apart(move || {
            let more = reader.more();
            (reader, more)
        })
        .await?;
        print(here, &more?)?;
    }
}

/// On a thread that may wait for the disk.
async fn apart<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, Fail> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|_| Fail::internal("the thread that reads the audit log died"))
}

fn print(here: &Here, lines: &[Vec<u8>]) -> Result<(), Fail> {
    let mut strange = 0_u64;
    for line in lines {
        match serde_json::from_slice::<Value>(line) {
            // As it was written: it is harmless, and its fields stand in their order.
            Ok(Value::Object(_)) if here.out.is_json() => {
                here.out.bytes(line);
                here.out.bytes(b"\n");
            }
            Ok(value @ Value::Object(_)) => here.out.line(tame(&words(&value))),
            Ok(_) | Err(_) => strange = strange.saturating_add(1),
        }
    }
    if strange > 0 {
        let (home, count) = (here.home()?, units::count(strange, "line"));
        here.out.warn(format_args!("{count} of {} can't be read", home.audit_path().display()));
    }
    Ok(())
}

/// One line for a person; what this version does not know is told by its name alone.
fn words(line: &Value) -> String {
    let event = text(line, "event");
    let said = match event.as_str() {
        "start" => format!("the server began to serve {}", text(line, "share")),
        "stop" => "the server ended".to_owned(),
        "call" => {
            let seconds = line["seconds"].as_f64().unwrap_or(0.0);
            let bytes = |field: &str| units::bytes(line[field].as_u64().unwrap_or(0));
            let (came, went) = (bytes("bytes_in"), bytes("bytes_out"));
            let service = text(line, "service");
            format!("{}, {service}, {seconds:.1} s, {came} in, {went} out: {}", who(line), outcome(line))
        }
        "refused" => {
            let print = Some(text(line, "fingerprint")).filter(|print| !print.is_empty());
            let key = print.map_or_else(String::new, |print| format!(" with the key {print}"));
            format!("a caller from {}{key}: {}", text(line, "from"), text(line, "text"))
        }
        "refused-more" => format!("{} more callers", line["left_out"]),
        "request" => format!("{}: {}: {}", who(line), request(line), outcome(line)),
        "admin" => format!("{}: {} {}: {}", who(line), text(line, "request"), text(line, "what"), outcome(line)),
        "introduced" => format!("by the code {}, the key {}", line["code"], text(line, "fingerprint")),
        "logged-in" => {
            let (user, key) = (text(line, "user"), text(line, "fingerprint"));
            format!("a machine of {user} by a password, from {}, the key {key}", text(line, "from"))
        }
        "login-failed" => format!("as {} from {}", text(line, "user"), text(line, "from")),
        "left-out" => format!("{} more lines about {}", line["lines"], text(line, "user")),
        "code-burned" => format!("the code {}: somebody tried it with wrong words", line["code"]),
        "key-revoked" | "key-followed" => text(line, "fingerprint"),
        "missing" => format!("{} lines could not be written here", line["lines"]),
        _ => String::new(),
    };
    format!("{}  {event:<12}  {said}", time(line))
}

fn time(line: &Value) -> String {
    match text(line, "time").parse::<Timestamp>() {
        Ok(time) => time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => "-".to_owned(),
    }
}

fn who(line: &Value) -> String {
    let label = Some(text(line, "label")).filter(|label| !label.is_empty());
    let machine = label.map_or_else(String::new, |label| format!(" ({label})"));
    let from = Some(text(line, "from")).filter(|from| !from.is_empty() && from != "unix");
    let from = from.map_or_else(String::new, |from| format!(" from {from}"));
    let home = if line["home"] == true { ", at home" } else { "" };
    format!("call {} of {}{machine}{from}{home}", line["call"], text(line, "user"))
}

fn request(line: &Value) -> String {
    let paths: Vec<String> = line["paths"].as_array().into_iter().flatten().map(name).collect();
    let more = line["more"].as_u64().map_or_else(String::new, |more| format!(" and {more} more"));
    let to = line.get("to").map_or_else(String::new, |to| format!(" to {}", name(to)));
    let moved = line["files"].as_u64().map_or_else(String::new, |files| {
        let bytes = units::bytes(line["bytes"].as_u64().unwrap_or(0));
        format!(" ({}, {bytes})", units::count(files, "file"))
    });
    format!("{} {}{more}{to}{moved}", text(line, "request"), paths.join(" "))
}

fn outcome(line: &Value) -> String {
    let (word, why) = (text(line, "outcome"), text(line, "text"));
    if why.is_empty() { word } else { format!("{word} ({why})") }
}

/// A field as it may be shown; empty if there is none.
fn text(line: &Value, field: &str) -> String {
    line.get(field).map_or_else(String::new, name)
}

/// A name in either of its forms, or whatever else is there.
fn name(value: &Value) -> String {
    match (value, value.get("b64").and_then(Value::as_str)) {
        (Value::String(text), _) => shown(text).to_string(),
        (_, Some(base64)) => format!("b64:{}", shown(base64)),
        (Value::Null, None) => String::new(),
        (other, None) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(line: &Value) -> String {
        words(line).split_once("  ").unwrap().1.to_owned()
    }

    #[test]
    fn each_sort_of_line_is_told_in_words() {
        let call = json!({"time": "2026-11-21T03:00:00.123Z", "event": "call", "call": 3, "user": "friends",
            "label": "laptop", "from": "192.0.2.7:4", "service": "files", "seconds": 1.26, "bytes_in": 2048, "bytes_out": 10,
            "outcome": "lost", "text": "the line was cut"});
        let expected = "call          call 3 of friends (laptop) from 192.0.2.7:4, files, 1.3 s, 2.0 KiB in, 10 B out: lost (the line was cut)";
        assert_eq!(said(&call), expected);
        let put = json!({"event": "request", "call": 3, "user": "friends", "request": "put", "paths": ["a", {"b64": "/w=="}],
            "more": 2, "files": 1, "bytes": 6, "failed": 0, "outcome": "done"});
        assert_eq!(said(&put), "request       call 3 of friends: put a b64:/w== and 2 more (1 file, 6 B): done");
        let moved = json!({"event": "request", "call": 1, "user": "friends", "request": "mv", "paths": ["a"], "to": "b", "outcome": "done"});
        assert_eq!(said(&moved), "request       call 1 of friends: mv a to b: done");
        let refused =
            json!({"event": "refused", "from": "192.0.2.7:4", "fingerprint": null, "text": "the door is full"});
        assert_eq!(said(&refused), "refused       a caller from 192.0.2.7:4: the door is full");
        assert_eq!(said(&json!({"event": "of-a-later-version"})).trim(), "of-a-later-version");
    }

    #[test]
    fn names_can_not_act_on_the_screen() {
        let line = json!({"event": "request", "call": 1, "user": "u", "request": "rm", "paths": ["a\u{1b}[2J\nb"], "outcome": "done"});
        assert!(said(&line).contains("rm a\\u{1b}[2J\\nb: done"), "{}", said(&line));
    }
}
