//! The guard of datagram answers: no loop, no amplification, whoever forges a sender's address.
//!
//! In: who asks, how long the answer would be, the time. Out: whether it may be sent. Two services that are pointed at each other pass
//! one datagram to and fro for ever: each source has a stock of answers that is whole again only after a pause, which a loop does not
//! make, and the first datagram that finds it empty ends the loop. Beyond the own networks an answer is never longer than what it answers.
//! Memory is fixed: sources share slots rather than that the table grows. Pure: no socket, no clock.
//! Source: CVE-2024-2169 (loops between datagram services), RFC 1918, RFC 3927, RFC 4193, RFC 4291.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

/// Slots of the table: 32 times what one network of 254 machines needs; 128 KiB.
const SLOTS: u16 = 1 << 13;

/// What datagram answers are held to.
///
/// ```
/// use landline_net::raw::{ServerOptions, guard::GuardLimits};
///
/// let options = ServerOptions { guard: GuardLimits { rate: 10, ..GuardLimits::default() }, ..ServerOptions::default() };
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardLimits {
    /// Answers for each source address and port until it makes a pause of a second; when they are used up it gets
    /// [`TRICKLE`] a second.
    pub rate: u32,
    /// Whether sources beyond loopback, link-local and private ranges are answered by services that by themselves would not.
    pub force: bool,
}

impl Default for GuardLimits {
    /// A thousand answers are more than a program asks for in one go, and are soon used up by a loop.
    fn default() -> Self {
        Self { rate: 1000, force: false }
    }
}

/// Why an answer is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// The source asks too often.
    TooOften,
    /// The source is beyond the own networks and the service is not for strangers.
    Stranger,
    /// The source is beyond the own networks and the answer is longer than the question.
    TooLong,
    /// Nothing can listen at port 0.
    NoPort,
}

/// Counts answers by source.
#[derive(Debug)]
pub struct Guard {
    limits: GuardLimits,
    slots: Box<[Slot]>,
    hasher: RandomState,
    begun: Instant,
}

/// A leaking bucket: answers that were given and have not been forgotten yet, in millionths.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    level: u64,
    /// Microseconds since the table was made.
    at: u64,
}

const ONE: u64 = 1_000_000;

/// Answers a second for a source that has used up its stock: what a clock or a monitor asks for.
pub const TRICKLE: u64 = 10;

/// Microseconds of silence after which a source has its whole stock again.
const PAUSE: u64 = 1_000_000;

impl Guard {
    /// An empty table, made at `now`.
    #[must_use]
    pub fn new(limits: GuardLimits, now: Instant) -> Self {
        let slots = vec![Slot::default(); usize::from(SLOTS)].into_boxed_slice();
        Self { limits, slots, hasher: RandomState::new(), begun: now }
    }

    /// Whether a source that sent `asked` bytes may be answered with `answer` bytes. `open`: whether the service answers strangers
    /// this question by itself. Counts the answer if it may.
    ///
    /// # Errors
    /// Why it may not.
    pub fn admit(
        &mut self,
        from: SocketAddr,
        asked: usize,
        answer: usize,
        open: bool,
        now: Instant,
    ) -> Result<(), Withheld> {
        if from.port() == 0 {
            return Err(Withheld::NoPort);
        }
        if !is_near(from.ip()) {
            if !open && !self.limits.force {
                return Err(Withheld::Stranger);
            }
            if answer > asked {
                return Err(Withheld::TooLong);
            }
        }
        if self.take(from, now) { Ok(()) } else { Err(Withheld::TooOften) }
    }

    /// A stock that is whole again after a pause, and else fills by a trickle: a loop makes no pause.
    fn take(&mut self, from: SocketAddr, now: Instant) -> bool {
        let stock = u64::from(self.limits.rate.max(1)).saturating_mul(ONE);
        let at = micros(now.saturating_duration_since(self.begun));
        let owner = self.hasher.hash_one((from.ip().to_canonical(), from.port()));
        let index = usize::try_from(owner % u64::from(SLOTS)).unwrap_or(0);
        let Some(slot) = self.slots.get_mut(index) else { return false };
        let quiet = at.saturating_sub(slot.at);
        // In `quiet` microseconds `TRICKLE * quiet` millionths are forgotten.
        let level = if quiet >= PAUSE { 0 } else { slot.level.saturating_sub(quiet.saturating_mul(TRICKLE)) };
        let full = level.saturating_add(ONE) > stock;
        *slot = Slot { level: if full { level } else { level + ONE }, at };
        !full
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Whether `ip` is of this machine or of a network that is somebody's own: loopback, link-local, private.
#[must_use]
pub fn is_near(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str, port: u16) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), port)
    }

    #[test]
    fn near_and_far_are_told_apart_in_both_families() {
        for near in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_near(near.parse().unwrap()), "{near}");
        }
        for far in
            ["9.255.255.255", "172.15.255.255", "172.32.0.0", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fec0::1"]
        {
            assert!(!is_near(far.parse().unwrap()), "{far}");
        }
    }

    #[test]
    fn two_services_that_answer_each_other_fall_silent_on_quick_lines_and_slow_ones() {
        let limits = GuardLimits { rate: 1000, force: false };
        for pass in [50, 2_000, 40_000].map(Duration::from_micros) {
            let now = Instant::now();
            let (mut one, mut other) = (Guard::new(limits, now), Guard::new(limits, now));
            let mut passed = 0u32;
            while passed < 100_000 {
                let time = now + pass * passed;
                let guard = if passed.is_multiple_of(2) { &mut one } else { &mut other };
                let from = if passed.is_multiple_of(2) { at("127.0.0.1", 7) } else { at("127.0.0.1", 9) };
                if guard.admit(from, 5, 5, true, time).is_err() {
                    break;
                }
                passed += 1;
            }
            assert!(passed < 10_000, "{passed} datagrams went to and fro, {pass:?} each");
        }
    }

    #[test]
    fn a_monitor_is_always_answered_and_a_flood_is_not_and_others_are_not_its_business() {
        let now = Instant::now();
        let mut guard = Guard::new(GuardLimits { rate: 100, force: false }, now);
        for count in 0..5000u32 {
            let time = now + Duration::from_millis(101) * count;
            assert_eq!(guard.admit(at("10.0.0.1", 5000), 1, 1, false, time), Ok(()), "{count}");
        }
        let later = now + Duration::from_secs(1000);
        let mut answered = 0;
        while guard.admit(at("10.0.0.1", 5000), 1, 1, false, later).is_ok() {
            answered += 1;
        }
        assert_eq!(answered, 100);
        assert_eq!(guard.admit(at("10.0.0.1", 5001), 1, 1, false, later), Ok(()));
        assert_eq!(guard.admit(at("10.0.0.1", 5000), 1, 1, false, later), Err(Withheld::TooOften));
        assert_eq!(guard.admit(at("10.0.0.1", 5000), 1, 1, false, later + Duration::from_millis(101)), Ok(()));
        assert_eq!(
            guard.admit(at("10.0.0.1", 5000), 1, 1, false, later + Duration::from_millis(102)),
            Err(Withheld::TooOften)
        );
        assert_eq!(guard.admit(at("10.0.0.1", 5000), 1, 1, false, later + Duration::from_millis(1103)), Ok(()));
    }

    #[test]
    fn strangers_hear_only_what_is_open_and_never_more_than_they_said() {
        let now = Instant::now();
        let mut guard = Guard::new(GuardLimits::default(), now);
        let far = at("192.0.2.1", 5000);
        assert_eq!(guard.admit(far, 10, 10, false, now), Err(Withheld::Stranger));
        assert_eq!(guard.admit(far, 10, 11, true, now), Err(Withheld::TooLong));
        assert_eq!(guard.admit(far, 10, 10, true, now), Ok(()));
        assert_eq!(guard.admit(at("10.0.0.1", 0), 10, 10, true, now), Err(Withheld::NoPort));
        let mut forced = Guard::new(GuardLimits { force: true, ..GuardLimits::default() }, now);
        assert_eq!(forced.admit(far, 10, 10, false, now), Ok(()));
        assert_eq!(forced.admit(far, 10, 11, false, now), Err(Withheld::TooLong));
    }
}
