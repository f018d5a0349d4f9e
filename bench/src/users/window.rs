//! The window: what each of several moved while all of them were at it.
//!
//! In: looks at all of them, in order of time. Out: bytes a second of each between the first look at which all had begun and
//! the last at which none was done. Start-up and the end of whoever is last are left out, so that nobody is seen with more than
//! his share. Knows nothing of processes and files. Each figure carries its own time, as a look takes some.

use std::time::Duration;

/// What one of them had moved, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) at: Duration,
    pub(super) bytes: u64,
}

/// See the module.
pub(super) struct Window {
    /// Bytes that each has to move.
    full: u64,
    bounds: Option<[Vec<Mark>; 2]>,
}

impl Window {
    pub(super) fn new(full: u64) -> Window {
        Window { full, bounds: None }
    }

    /// One look at all of them, always in the same order.
    pub(super) fn note(&mut self, look: Vec<Mark>) {
        if look.iter().any(|mark| mark.bytes == 0 || mark.bytes >= self.full) {
            return;
        }
        match &mut self.bounds {
            Some([_, last]) => *last = look,
            None => self.bounds = Some([look.clone(), look]),
        }
    }

    /// Bytes a second of each; `None` if there was no such time.
    pub(super) fn rates(&self) -> Option<Vec<f64>> {
        let [first, last] = self.bounds.as_ref()?;
        let rate = |(first, last): (&Mark, &Mark)| {
            let seconds = last.at.checked_sub(first.at)?.as_secs_f64();
            (seconds > 0.0).then(|| last.bytes.saturating_sub(first.bytes) as f64 / seconds)
        };
        first.iter().zip(last).map(rate).collect()
    }

    /// How long it was.
    pub(super) fn seconds(&self) -> f64 {
        let length = |[first, last]: &[Vec<Mark>; 2]| last.first()?.at.checked_sub(first.first()?.at);
        self.bounds.as_ref().and_then(length).unwrap_or_default().as_secs_f64()
    }
}

/// How far the one farthest from the mean is from it, in percent of it.
pub(super) fn deviation(rates: &[f64]) -> f64 {
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    rates.iter().map(|rate| (rate - mean).abs() / mean * 100.0).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(seconds: u64, bytes: &[u64]) -> Vec<Mark> {
        bytes.iter().map(|bytes| Mark { at: Duration::from_secs(seconds), bytes: *bytes }).collect()
    }

    #[test]
    fn rates_are_those_of_the_time_in_which_all_are_at_it() {
        let mut window = Window::new(100);
        for (seconds, bytes) in [(0, [0, 0]), (1, [30, 0]), (2, [40, 10]), (3, [50, 15]), (6, [80, 50]), (7, [100, 90])]
        {
            window.note(look(seconds, &bytes));
        }
        assert_eq!(window.rates().unwrap(), [10.0, 10.0]);
        assert_eq!(window.seconds(), 4.0);
    }

    #[test]
    fn without_a_common_time_there_are_no_rates() {
        let mut window = Window::new(100);
        assert!(window.rates().is_none());
        window.note(look(1, &[50, 0]));
        window.note(look(2, &[60, 1]));
        assert!(window.rates().is_none(), "one look is no time");
        window.note(look(3, &[100, 50]));
        assert!(window.rates().is_none());
    }

    #[test]
    fn the_deviation_is_that_of_the_farthest() {
        assert_eq!(deviation(&[10.0, 10.0, 10.0]), 0.0);
        assert_eq!(deviation(&[8.0, 10.0, 12.0]), 20.0);
        assert_eq!(deviation(&[5.0, 10.0, 15.0]), 50.0);
    }
}
