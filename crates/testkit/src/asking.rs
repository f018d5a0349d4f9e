//! Asking again until it is so, for what no event tells: the state of a server, which only a command of its owner shows.

use std::time::{Duration, Instant};

use crate::PATIENCE;

/// Asks over and over, until there is an answer.
///
/// Each question should be one that waits for something itself, as a command that is run does; this adds no pause.
///
/// # Panics
/// If there is no answer within [`PATIENCE`].
#[track_caller]
pub fn until<T>(awaited: &str, ask: impl FnMut() -> Option<T>) -> T {
    let Some(answer) = within(PATIENCE, ask) else { panic!("waited {PATIENCE:?} in vain: {awaited}") };
    answer
}

/// The last question is asked after the deadline, so that a machine that was slow to ask is not blamed.
fn within<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        let is_last = Instant::now() >= end;
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if is_last {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_until_there_is_an_answer() {
        let mut asked = 0;
        let third = until("the third", || {
            asked += 1;
            (asked == 3).then_some(asked)
        });
        assert_eq!((third, asked), (3, 3));
    }

    #[test]
    fn what_never_comes_is_given_up_after_it_was_asked_for() {
        let mut asked = 0;
        let nothing = within(Duration::ZERO, || {
            asked += 1;
            None::<()>
        });
        assert_eq!((nothing, asked), (None, 1));
    }
}
