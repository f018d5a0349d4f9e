//! Attendance: somebody looks several times a second whether a copy moves, and says so when it does not.
//!
//! In: the counters of a copy. Out: who is waited for, on the progress line, and with `-v` as a line of talk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use landline_services::files::watch::Watch;
use tokio::task::JoinHandle;

use crate::here::Here;
use crate::progress::Curtain;
use crate::slow::stall::{Glance, Stalls, Stuck, words};
use crate::units;

/// How often it looks.
const BEAT: Duration = Duration::from_millis(500);

/// Looks until dropped.
pub(super) struct Attendant(JoinHandle<()>);

impl Attendant {
    /// `name`: what the person calls the other machine. `stuck`: shown by the progress line. Needs a runtime.
    pub(super) fn start(here: &Here, name: &str, watch: &Watch, stuck: Stuck, curtain: Arc<Mutex<Curtain>>) -> Self {
        let (watch, name) = (watch.clone(), name.to_owned());
        let speaks = (here.verbose > 0 && !here.out.is_json()).then(|| here.out.clone());
        Self(tokio::spawn(async move {
            let (mut stalls, mut said) = (Stalls::default(), None);
            let mut beat = tokio::time::interval(BEAT);
            loop {
                let now = beat.tick().await;
                let found = stalls.look(Glance::at(&watch, now.into_std()));
                let line = found.map(|(wait, since)| format!("{} ({})", words(wait, &name), units::coarse(since)));
                stuck.set(line.clone());
                let wait = found.map(|(wait, _)| wait);
                let is_news = wait != said;
                said = wait;
                if let Some(out) = speaks.as_ref().filter(|_| is_news) {
                    let open = curtain.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    open.while_open(|| out.say(line.as_deref().unwrap_or("it goes on")));
                }
            }
        }))
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        self.0.abort();
    }
}
