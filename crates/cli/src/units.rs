//! Units: numbers as people read them.
//!
//! In: bytes, durations, times. Out: short text. Sizes use binary units (1 KiB = 1024 bytes) and say so.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `512 B`, `1.2 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count} B");
    }
    scaled(count as f64)
}

fn scaled(count: f64) -> String {
    let mut value = count / 1024.0;
    for unit in UNITS {
        // 1023.95 would be rounded to 1024.0
        if value < 1023.95 || unit == "EiB" {
            return if value < 99.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") };
        }
        value /= 1024.0;
    }
    String::new()
}

/// `938 MiB/s`; nothing sensible can be said of no time at all.
pub(crate) fn rate(count: u64, took: Duration) -> Option<String> {
    let seconds = took.as_secs_f64();
    (seconds > 0.0).then(|| speed(count as f64 / seconds))
}

/// `938 MiB/s`, from bytes a second.
pub(crate) fn speed(bytes_per_second: f64) -> String {
    if bytes_per_second < 1024.0 { format!("{bytes_per_second:.0} B/s") } else { scaled(bytes_per_second) + "/s" }
}

/// `1.31 s`, `2 min 5 s`, `3 h 20 min`.
pub(crate) fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0..60 => format!("{:.2} s", took.as_secs_f64()),
        _ => coarse(took),
    }
}

/// As [`duration`], in whole seconds: for what is only expected.
pub(crate) fn coarse(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 { format!("{large} {large_unit}") } else { format!("{large} {large_unit} {small} {small_unit}") }
}

/// `1 file`, `3 files`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}

/// `2026-11-21 03:00` on this machine's clock; `-` for times that no calendar has.
pub(crate) fn local_time(secs: i64, nanos: u32) -> String {
    in_zone(secs, nanos, TimeZone::system())
}

fn in_zone(secs: i64, nanos: u32, zone: TimeZone) -> String {
    match timestamp(secs, nanos) {
        Some(time) => time.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string(),
        None => "-".to_owned(),
    }
}

/// `2026-11-21T03:00:00.123456789Z`.
pub(crate) fn utc_time(secs: i64, nanos: u32) -> Option<String> {
    timestamp(secs, nanos).map(|time| format!("{time:.9}"))
}

/// A time of this machine's own, as JSON writes it: `2026-11-21T03:00:00Z`.
pub(crate) fn utc(time: SystemTime) -> Option<String> {
    Timestamp::try_from(time).ok().map(|time| format!("{time:.0}"))
}

/// A time in milliseconds since 1970, as JSON writes it: `2026-11-21T03:00:00.123Z`.
pub(crate) fn utc_ms(millis: u64) -> Option<String> {
    let time = Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()?;
    Some(format!("{time:.3}"))
}

/// A time of this machine's own, for people.
pub(crate) fn local(time: SystemTime) -> String {
    match Timestamp::try_from(time) {
        Ok(time) => local_time(time.as_second(), 0),
        Err(_) => "-".to_owned(),
    }
}

fn timestamp(secs: i64, nanos: u32) -> Option<Timestamp> {
    Timestamp::new(secs, i32::try_from(nanos).ok()?).ok()
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Reads a size as people write it: `500`, `500K`, `1.5MiB`; K, M, G and T are 1024 each.
///
/// # Errors
/// What is expected, in words.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '/');
    let unit = text.get(digits.len()..).unwrap_or_default().trim_end_matches("/s").to_ascii_uppercase();
    let power = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err("write a number of bytes, or one with K, M, G or T behind it, like 500K or 1.5M".to_owned()),
    };
    let number: f64 = digits.parse().map_err(|_| "write a number, like 500K or 1.5M".to_owned())?;
    let bytes = number * 1024_f64.powi(power);
    if !(0.0..1e18).contains(&bytes) {
        return Err("that is no size".to_owned());
    }
    // Below 1e18 and not negative, as was just seen.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_few_digits_and_never_1024_of_a_unit() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (102_399, "100 KiB"),
            (1_048_575, "1.0 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (count, text) in cases {
            assert_eq!(bytes(count), text, "{count}");
        }
    }

    #[test]
    fn a_rate_needs_some_time() {
        assert_eq!(rate(1 << 30, Duration::from_secs(1)).as_deref(), Some("1.0 GiB/s"));
        assert_eq!(rate(10, Duration::from_secs(1)).as_deref(), Some("10 B/s"));
        assert_eq!(rate(10, Duration::ZERO), None);
    }

    #[test]
    fn durations_have_at_most_two_units() {
        assert_eq!(duration(Duration::from_millis(1314)), "1.31 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
        assert_eq!(duration(Duration::from_secs(600)), "10 min");
        assert_eq!(duration(Duration::from_secs(12_000)), "3 h 20 min");
        assert_eq!(duration(Duration::from_secs(200_000)), "2 d 7 h");
        assert_eq!(coarse(Duration::from_secs(7)), "7 s");
    }

    #[test]
    fn one_is_not_plural() {
        assert_eq!((count(1, "file"), count(2, "file")), ("1 file".to_owned(), "2 files".to_owned()));
    }

    #[test]
    fn times_are_written_in_full_for_programs_and_short_for_people() {
        assert_eq!(utc_time(1_795_230_000, 123_456_789).unwrap(), "2026-11-21T03:00:00.123456789Z");
        assert_eq!(utc_time(0, 0).unwrap(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(in_zone(1_795_230_000, 0, TimeZone::UTC), "2026-11-21 03:00");
        assert_eq!(utc(SystemTime::UNIX_EPOCH).unwrap(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn times_that_no_calendar_has_are_shown_as_such() {
        assert_eq!(in_zone(i64::MAX, 0, TimeZone::UTC), "-");
        assert_eq!(utc_time(i64::MIN, 0), None);
    }
}
