//! Times as the database keeps them: whole milliseconds since 1970-01-01 UTC, rounded down.
//!
//! Invariant: neither direction fails or wraps; what lies outside is moved to the nearest end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) fn to_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn from_ms(ms: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_to_the_millisecond() {
        for ms in [0, 1, 999, 1_700_000_000_123, i64::MAX] {
            assert_eq!(to_ms(from_ms(ms)), ms);
        }
    }

    #[test]
    fn times_before_1970_are_moved_to_it() {
        assert_eq!(to_ms(UNIX_EPOCH - Duration::from_secs(5)), 0);
        assert_eq!(from_ms(-5), UNIX_EPOCH);
    }
}
