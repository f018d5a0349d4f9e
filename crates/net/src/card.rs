//! A call's card: what is told of a call while it runs, and that its owner wants it to end.
//!
//! In: who calls, which service, what the service does right now. Out: the same for whoever lists the calls. Every text is
//! bounded and may be anything: it is escaped where it is shown. Written once a request or once a file, never once a byte.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio_util::sync::CancellationToken;

/// Bytes of what a call is doing: a line on a screen, and some sixteen of them in one message whatever they hold.
pub const MAX_DOING: usize = 200;

/// Bytes of a service's name; ours are shorter, and a stranger may ask for anything.
const MAX_SERVICE: usize = 32;

/// What a call does between two requests.
const IDLE: &str = "idle";

/// The card of one call. Cheap to clone; all clones are one card.
#[derive(Debug, Clone, Default)]
pub struct Card {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    number: AtomicU64,
    /// Admitted as a known peer: it may be told that its call ends.
    admitted: AtomicBool,
    ending: CancellationToken,
    words: Mutex<Words>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    pub(crate) user: String,
    pub(crate) label: String,
    pub(crate) service: String,
    pub(crate) doing: String,
}

impl Card {
    /// Which call of its server this is, from 1; 0 on a call that was dialled.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.inner.number.load(Ordering::Relaxed)
    }

    /// As whom the caller was let in, and what its machine calls itself; both empty before, and either where there is none.
    #[must_use]
    pub fn whom(&self) -> (String, String) {
        let words = self.lock();
        (words.user.clone(), words.label.clone())
    }

    /// Cancelled once the owner wants this call to end. A service that can stop at a good place does; whatever has not
    /// after a while is dropped.
    #[must_use]
    pub fn ending(&self) -> &CancellationToken {
        &self.inner.ending
    }

    /// The call is at this now: a word and a path, of which the end is kept if it is long.
    pub fn set_doing(&self, what: &str, path: &[u8]) {
        let mut words = self.lock();
        words.doing.clear();
        words.doing.push_str(clip(what, MAX_DOING));
        if path.is_empty() {
            return;
        }
        words.doing.push(' ');
        let path = String::from_utf8_lossy(path);
        let room = MAX_DOING.saturating_sub(words.doing.len());
        if path.len() <= room {
            return words.doing.push_str(&path);
        }
        words.doing.push('…');
        let mut from = path.len() - room.saturating_sub('…'.len_utf8());
        while !path.is_char_boundary(from) {
            from += 1;
        }
        words.doing.push_str(path.get(from..).unwrap_or_default());
    }

    /// The call waits for its next request.
    pub fn set_idle(&self) {
        self.set_doing(IDLE, &[]);
    }

    pub(crate) fn set_number(&self, number: u64) {
        self.inner.number.store(number, Ordering::Relaxed);
    }

    pub(crate) fn set_service(&self, service: &str) {
        clip(service, MAX_SERVICE).clone_into(&mut self.lock().service);
    }

    /// A known peer was let in.
    pub(crate) fn admit(&self, user: String, label: String) {
        let mut words = self.lock();
        (words.user, words.label) = (user, label);
        drop(words);
        self.set_idle();
        self.inner.admitted.store(true, Ordering::Release);
    }

    pub(crate) fn is_admitted(&self) -> bool {
        self.inner.admitted.load(Ordering::Acquire)
    }

    pub(crate) fn words(&self) -> Words {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Words> {
        self.inner.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of `text`, at most so many bytes.
fn clip(text: &str, most: usize) -> &str {
    let mut to = text.len().min(most);
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    text.get(..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doing(what: &str, path: &[u8]) -> String {
        let card = Card::default();
        card.set_doing(what, path);
        card.words().doing
    }

    #[test]
    fn what_a_call_does_is_a_word_and_a_path_whatever_bytes_that_has() {
        assert_eq!(doing("put", b"photos/a.jpg"), "put photos/a.jpg");
        assert_eq!(doing("list", b""), "list");
        assert_eq!(doing("put", b"a\xff"), "put a\u{fffd}");
    }

    #[test]
    fn of_a_long_path_the_end_is_kept_and_no_character_is_cut() {
        for length in 60..75 {
            let text = doing("put", &[b"x".as_slice(), "报".repeat(length).as_bytes(), b"/end"].concat());
            assert!(text.len() <= MAX_DOING && text.ends_with("报/end"), "{text}");
            assert!(text.starts_with("put x报") || text.starts_with("put …报"), "{text}");
        }
    }

    #[test]
    fn a_service_that_nobody_has_takes_no_room() {
        let card = Card::default();
        card.set_service(&"é".repeat(4000));
        assert_eq!(card.words().service, "é".repeat(16));
    }
}
