//! Every kind of endpoint, from both sides.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};

use super::{listen, office};

#[test]
fn each_kind_carries_an_echo() {
    let office = office();
    let machine = office.machine("amy");
    let path = machine.work().join("s");
    let path = path.display();
    let kinds = [
        "127.0.0.1:0".to_owned(),
        "tcp://[::1]:0".to_owned(),
        "tcp://*:0".to_owned(),
        "tcp://localhost:0".to_owned(),
        format!("unix:{path}1"),
        format!("unix-seqpacket:{path}2"),
        format!("unix:@landline-test-{}", std::process::id()),
        format!("unix-seqpacket:@landline-test-seq-{}", std::process::id()),
    ];
    for kind in kinds {
        let server = listen(&machine, [kind.as_str(), "--service", "echo"]);
        let endpoint = server.endpoint.replace('*', "localhost");
        machine.cmd(["dial", endpoint.as_str()]).stdin("hello").succeeds().stdout("hello");
    }
    let datagrams = ["udp://127.0.0.1:0".to_owned(), "udp://[::1]:0".to_owned(), format!("unix-dgram:{path}3")];
    for kind in datagrams {
        let server = listen(&machine, [kind.as_str(), "--service", "echo"]);
        let asked = machine.cmd(["dial", server.endpoint.as_str(), "--turns", "--answers", "2"]);
        asked.stdin("one\ntwo\n").succeeds().stdout("one\ntwo\n");
    }
}

#[test]
fn a_socket_file_is_its_owners_alone_gone_at_the_end_and_taken_over_if_its_program_died() {
    use std::os::unix::fs::PermissionsExt as _;
    let office = office();
    let machine = office.machine("amy");
    let path = machine.work().join("s");
    let endpoint = format!("unix:{}", path.display());
    let server = listen(&machine, [endpoint.as_str(), "--service", "echo"]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    machine.cmd(["listen", endpoint.as_str()]).fails_with(9).stderr_has("another program answers there");
    server.running.sigkill();
    let _ = server.running.wait();
    assert!(path.exists());
    let again = listen(&machine, [endpoint.as_str(), "--service", "echo"]);
    again.running.sigterm();
    again.running.wait().exits_with(0);
    assert!(!path.exists());
}

#[test]
fn an_inherited_descriptor_is_listened_at() {
    let office = office();
    let machine = office.machine("amy");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The shell hands its descriptor 3 down, as systemd does.
    let script = format!("exec {} --home {} listen fd:3 --service echo", super::BIN, machine.home().display());
    let mut child = std::process::Command::new("sh");
    child.args(["-c", &format!("{script} 3<&0")]).stdin(std::os::fd::OwnedFd::from(listener));
    let mut child = child.spawn().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(said, "hello");
    machine.cmd(["listen", "fd:77"]).fails_with(8).stderr_has("error 9");
    machine.cmd(["listen", "fd:1"]).fails_with(2);
}

#[test]
fn tls_is_verified_unless_asked_otherwise_and_a_pin_names_one_certificate() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["tls://127.0.0.1:0", "--self-signed", "--service", "echo"]);
    let fingerprint = server.running.wait_for_line("certificate fingerprint ");
    let dial = |arguments: &[&str]| machine.cmd(["dial", server.endpoint.as_str()]).args(arguments).stdin("hello");
    dial(&["--pin", &fingerprint]).succeeds().stdout("hello");
    dial(&["--pin", &"00".repeat(32)]).fails_with(5).stdout("");
    dial(&["--insecure"]).succeeds().stdout("hello").stderr_has("warning: --insecure");
    dial(&["--pin", "12"]).fails_with(2).stderr_has("64 hexadecimal digits");
    machine.cmd(["dial", "tcp://127.0.0.1:1", "--insecure"]).fails_with(2).stderr_has("tls://");
    machine.cmd(["listen", "tls://127.0.0.1:0"]).fails_with(2).stderr_has("--self-signed");
}

#[test]
fn a_datagram_that_is_cut_is_told_with_its_true_length() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["udp://127.0.0.1:0", "--bufsize", "5", "--lines"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"1234567", server.address()).unwrap();
    server.running.wait_for_stderr("a datagram of 7 bytes was cut to 5");
    server.running.wait_for_stdout("12345\n");
}

#[test]
fn the_largest_datagram_goes_and_one_byte_more_is_an_error() {
    let office = office();
    let machine = office.machine("amy");
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("udp://{}", server.local_addr().unwrap());
    let whole = machine.cmd(["dial", &endpoint, "--lines", "--linger", "0"]);
    whole.stdin([vec![b'x'; 65_507], b"\n".to_vec()].concat()).succeeds();
    let mut room = vec![0; 70_000];
    assert_eq!(server.recv(&mut room).unwrap(), 65_507);
    let longer = machine.cmd(["dial", &endpoint, "--lines", "--linger", "0"]);
    let done = longer.stdin([vec![b'x'; 65_508], b"\n".to_vec()].concat()).fails_with(5);
    done.stderr_has("too long for one datagram");
}

#[test]
fn a_second_udp_server_is_refused_and_does_not_take_the_firsts_datagrams() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["udp://127.0.0.1:0", "--service", "echo"]);
    machine.cmd(["listen", server.endpoint.as_str()]).fails_with(9).stderr_has("(error 98)");
}

#[test]
fn several_sockets_answer_at_one_address_and_each_datagram_is_answered_once() {
    let office = office();
    let machine = office.machine("amy");
    for (at, here) in [("udp://127.0.0.1:0", "127.0.0.1:0"), ("udp://[::1]:0", "[::1]:0"), ("udp://*:0", "127.0.0.1:0")]
    {
        let server = listen(&machine, [at, "--service", "upper", "--threads", "3"]);
        machine.cmd(["listen", server.endpoint.as_str()]).fails_with(9); // to another one the address is taken, all the same
        let clients: Vec<UdpSocket> = (0..40).map(|_| UdpSocket::bind(here).unwrap()).collect();
        for (number, client) in clients.iter().enumerate() {
            client.send_to(format!("client {number}").as_bytes(), server.address()).unwrap();
        }
        for (number, client) in clients.iter().enumerate() {
            let mut room = [0; 100];
            let len = client.recv(&mut room).unwrap();
            assert_eq!(&room[..len], format!("CLIENT {number}").as_bytes());
        }
        server.running.sigterm();
        let done = server.running.wait().exits_with(0);
        assert!(!String::from_utf8_lossy(done.stderr_bytes()).contains("not answered"));
    }
    machine.cmd(["listen", "127.0.0.1:0", "--service", "echo", "--threads", "2"]).fails_with(2).stderr_has("--threads");
    machine.cmd(["listen", "udp://127.0.0.1:0", "--service", "chat", "--threads", "2"]).fails_with(2);
}

#[test]
fn peers_of_a_datagram_socket_are_sessions_of_their_own() {
    let office = office();
    let machine = office.machine("amy");
    let server = listen(&machine, ["udp://127.0.0.1:0", "--service", "chat"]);
    let (amy, bob) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    for one in [&amy, &bob] {
        one.connect(server.address()).unwrap();
    }
    let mut room = [0; 100];
    amy.send(b"/name amy").unwrap();
    // Until bob is in the room nobody hears him or tells him anything: he speaks until amy hears it.
    bob.send(b"hi").unwrap();
    let len = amy.recv(&mut room).unwrap();
    assert!(room[..len].ends_with(b"> hi"));
    amy.send(b"hello").unwrap();
    let len = bob.recv(&mut room).unwrap();
    assert_eq!(&room[..len], b"<amy> hello");
}

#[test]
fn an_own_port_can_be_asked_for_and_the_next_one_if_it_is_taken() {
    let office = office();
    let machine = office.machine("amy");
    let (server, taken) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (endpoint, own) = (format!("udp://{}", server.local_addr().unwrap()), taken.local_addr().unwrap().to_string());
    let dial = |more: &[&str]| {
        machine.cmd(["dial", &endpoint, "--bind", &own, "--say", "x", "--linger", "0"]).args(more).run()
    };
    dial(&[]).exits_with(9);
    dial(&["--bind-next"]).exits_with(0);
    let mut room = [0; 8];
    let (_, from) = server.recv_from(&mut room).unwrap();
    assert!(from.port() > taken.local_addr().unwrap().port());
}
