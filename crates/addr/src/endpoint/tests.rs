//! The grammar of endpoints, case by case, and reading back what was printed.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Endpoint, EndpointError> {
    text.parse()
}

fn shown(text: &str) -> String {
    read(text).unwrap().to_string()
}

#[test]
fn reads_every_form_of_the_table() {
    let cases = [
        ("tcp://h:80", "tcp://h:80"),
        ("h:80", "tcp://h:80"),
        ("h", "tcp://h:5463"),
        ("tcp://h", "tcp://h:5463"),
        ("a.b-c_d.example.", "tcp://a.b-c_d.example.:5463"),
        ("[::1]:5464", "tcp://[::1]:5464"),
        ("[::1]", "tcp://[::1]:5463"),
        ("::1", "tcp://[::1]:5463"),
        ("tcp://::1", "tcp://[::1]:5463"),
        ("::", "tcp://[::]:5463"),
        ("[fe80::1%eth0]:80", "tcp://[fe80::1%eth0]:80"),
        ("fe80::1%eth0", "tcp://[fe80::1%eth0]:5463"),
        ("127.0.0.1:0", "tcp://127.0.0.1:0"),
        ("tcp://0.0.0.0:80", "tcp://0.0.0.0:80"),
        (":0", "tcp://*:0"),
        ("*:0", "tcp://*:0"),
        ("*", "tcp://*:5463"),
        ("", "tcp://*:5463"),
        ("tcp://", "tcp://*:5463"),
        ("tcp://:7", "tcp://*:7"),
        ("tcp", "tcp://tcp:5463"),
        ("unix:/run/x.sock", "unix:/run/x.sock"),
        ("unix:///run/x.sock", "unix:/run/x.sock"),
        ("unix:/run/a:b c", "unix:/run/a:b c"),
    ];
    for (text, canonical) in cases {
        assert_eq!(shown(text), canonical, "{text}");
    }
}

#[test]
fn an_omitted_host_is_every_address_and_not_an_address() {
    assert_eq!(read(":80"), Ok(Endpoint::Tcp { host: Host::Any, port: 80 }));
    assert_eq!(read("0.0.0.0:80"), Ok(Endpoint::Tcp { host: Host::Ip(Ipv4Addr::UNSPECIFIED.into()), port: 80 }));
}

#[test]
fn says_that_a_port_is_out_of_range() {
    for port in ["70000", "65536", "abc", "", "+80", "-1", " 80", "8 0", "٣"] {
        assert_eq!(read(&format!("h:{port}")), Err(EndpointError::Port { port: port.to_owned() }));
        assert_eq!(read(&format!("[::1]:{port}")), Err(EndpointError::Port { port: port.to_owned() }));
    }
    assert!(read("h:70000").unwrap_err().to_string().contains("0..=65535"));
}

#[test]
fn names_the_schemes_that_carry_no_calls() {
    for text in ["udp://h:1", "tls://h", "unix-dgram:/x", "unix-seqpacket:/x", "fd:3", "udp:5"] {
        let error = read(text).unwrap_err();
        assert!(matches!(error, EndpointError::NoCalls { .. }), "{text}: {error}");
    }
    assert_eq!(read("udp://h:1"), Err(EndpointError::NoCalls { scheme: "udp" }));
}

#[test]
fn refuses_schemes_that_nobody_knows() {
    assert_eq!(read("http://h"), Err(EndpointError::UnknownScheme { scheme: "http".into() }));
    assert_eq!(read("TCP://h"), Err(EndpointError::UnknownScheme { scheme: "TCP".into() }));
    assert_eq!(read("tcp:h:80"), Err(EndpointError::MissingSlashes));
}

#[test]
fn refuses_hosts_that_a_lookup_would_misread() {
    for text in ["5463", "1.2.3", "1.2.3.4.5", "0x7f", "999.1.1.1:80", "a.1", "1.2.3."] {
        assert!(matches!(read(text), Err(EndpointError::PartialIpv4 { .. })), "{text}");
    }
}

#[test]
fn refuses_hosts_that_are_none() {
    let long_label = "a".repeat(MAX_LABEL_BYTES + 1);
    let long_name = vec!["a"; MAX_HOST_BYTES].join(".");
    for text in ["a b", "-a", "a..b", ".", ".a", "a/b", "h:80/", "a\n", "**", "a@b", "a%b", &long_label, &long_name] {
        assert!(
            matches!(read(text), Err(EndpointError::Host { .. } | EndpointError::Port { .. })),
            "{text}: {:?}",
            read(text)
        );
    }
    assert!(matches!(read("bücher.example"), Err(EndpointError::NotAscii { .. })));
}

#[test]
fn refuses_what_is_not_ipv6_where_only_that_fits() {
    for text in ["a:1:2", "[::1", "[h]:80", "[127.0.0.1]:80", "[::1]80", "[]", "[::1%]", "[::1%a b]", "1:2:3", ":::"] {
        assert!(matches!(read(text), Err(EndpointError::Ipv6 { .. })), "{text}: {:?}", read(text));
    }
}

#[test]
fn a_socket_path_may_contain_what_looks_like_a_scheme() {
    assert_eq!(shown("unix:/a://b"), "unix:/a://b");
    assert_eq!(shown("unix:///:///x"), "unix:/:///x");
    assert_eq!(read("unix://x"), Err(EndpointError::UnixRelative));
}

#[test]
fn refuses_socket_paths_that_the_system_cannot_take() {
    assert_eq!(read("unix:x.sock"), Err(EndpointError::UnixRelative));
    assert_eq!(read("unix:"), Err(EndpointError::UnixRelative));
    assert_eq!(read("unix:@abstract"), Err(EndpointError::UnixRelative));
    assert_eq!(read("unix:/a\0b"), Err(EndpointError::UnixControl));
    assert!(read(&format!("unix:/{}", "x".repeat(MAX_UNIX_PATH_BYTES - 1))).is_ok());
    let long = format!("unix:/{}", "x".repeat(MAX_UNIX_PATH_BYTES));
    assert_eq!(read(&long), Err(EndpointError::UnixTooLong { len: MAX_UNIX_PATH_BYTES + 1 }));
}

#[test]
fn errors_never_print_raw_control_characters() {
    for text in ["\u{1b}[2J", "h:\u{1b}", "\u{202e}x://", "[\u{7}", "\u{1b}:\u{1b}:"] {
        let said = read(text).unwrap_err().to_string();
        assert!(!said.chars().any(|c| c.is_control() || c == '\u{202e}'), "{said:?}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(text in "(tcp://|unix:/|unix:|)[a-z0-9.:*%/\\[\\]_-]{0,24}") {
        if let Ok(endpoint) = read(&text) {
            prop_assert_eq!(read(&endpoint.to_string()), Ok(endpoint));
        }
    }

    #[test]
    fn every_address_and_port_reads_back(address: IpAddr, port: u16) {
        let endpoint = Endpoint::Tcp { host: Host::Ip(address), port };
        prop_assert_eq!(read(&endpoint.to_string()), Ok(endpoint));
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = read(&text);
    }
}
