//! Sources: whom a penalty or a limit is counted against.
//!
//! In: the address a connection came from. Out: a key for counting. Knows nothing of sockets and policy.
//! A whole IPv6 /64 counts as one source, because its holder can choose among 2^64 addresses at no cost;
//! an IPv4 address counts alone. Mapped IPv4 (`::ffff:a.b.c.d`), which a dual-stack listener reports, is
//! normalised first: else one attacker would have two budgets, or all of IPv4 would share one /64.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey(Network);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Network {
    V4(Ipv4Addr),
    /// The host half is zero.
    V6(Ipv6Addr),
}

impl From<IpAddr> for SourceKey {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(Network::V4(address)),
            IpAddr::V6(address) => Self(Network::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK_HALF))),
        }
    }
}

/// The first 24 bits of an IPv4 address, or the first 48 of an IPv6 address: what one household or one small company is
/// given, so what one person may come from with many sources at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Neighbourhood(Network);

impl SourceKey {
    /// Where this source lives.
    #[must_use]
    pub fn neighbourhood(self) -> Neighbourhood {
        Neighbourhood(match self.0 {
            Network::V4(address) => Network::V4(Ipv4Addr::from_bits(address.to_bits() & !0xff)),
            Network::V6(address) => Network::V6(Ipv6Addr::from_bits(address.to_bits() & SITE_PREFIX)),
        })
    }
}

impl From<SocketAddr> for SourceKey {
    fn from(address: SocketAddr) -> Self {
        Self::from(address.ip())
    }
}

/// `192.0.2.7`, or `2001:db8::/64`.
impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Network::V4(address) => write!(f, "{address}"),
            Network::V6(address) => write!(f, "{address}/64"),
        }
    }
}

const SITE_PREFIX: u128 = !(u128::MAX >> 48);
const NETWORK_HALF: u128 = (u64::MAX as u128) << 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> SourceKey {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn neighbours_share_24_or_48_bits() {
        let near = |a: &str, b: &str| key(a).neighbourhood() == key(b).neighbourhood();
        assert!(near("192.0.2.1", "192.0.2.254") && !near("192.0.2.1", "192.0.3.1"));
        assert!(near("2001:db8:1:2::1", "2001:db8:1:ffff::1") && !near("2001:db8:1::1", "2001:db8:2::1"));
        assert!(near("::ffff:192.0.2.1", "192.0.2.9"));
    }

    #[test]
    fn counts_each_ipv4_address_alone() {
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("192.0.2.1").to_string(), "192.0.2.1");
    }

    #[test]
    fn counts_an_ipv6_network_as_one() {
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("2001:db8::1").to_string(), "2001:db8::/64");
    }

    #[test]
    fn normalises_mapped_ipv4_first() {
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("::ffff:192.0.2.1"), key("::ffff:192.0.2.2"));
        assert_ne!(key("::1"), key("0.0.0.1"));
    }

    proptest! {
        #[test]
        fn nothing_in_the_host_half_matters(network: u64, one: u64, other: u64) {
            prop_assume!(network != 0); // where mapped IPv4 lives
            let address = |host: u64| IpAddr::from(Ipv6Addr::from_bits(u128::from(network) << 64 | u128::from(host)));
            prop_assert_eq!(SourceKey::from(address(one)), SourceKey::from(address(other)));
        }
    }
}
