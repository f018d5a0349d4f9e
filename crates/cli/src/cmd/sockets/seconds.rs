//! Seconds on the command line, with fractions, as people write them: `5`, `0.5`.

use std::time::Duration;

/// Reads seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let digits = text.strip_suffix('s').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = digits.parse::<f64>().ok().filter(|_| plain);
    let time = number.and_then(|number| Duration::try_from_secs_f64(number).ok());
    time.ok_or_else(|| format!("{text:?} is no number of seconds; write 5 or 0.5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_fractions_and_nothing_else() {
        assert_eq!(seconds("5"), Ok(Duration::from_secs(5)));
        assert_eq!(seconds("0.5s"), Ok(Duration::from_millis(500)));
        for wrong in ["", "-1", "inf", "1e3", "x", "5 s", "nan", "1.2.3"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
