//! Raw: landline/1 spoken by hand, by any key, from any loopback address, at either end.
//!
//! In: a key, an address, bytes. Out: what the other end answers, frame by frame. It breaks whatever rule a test wants
//! broken. Blocking; a read or write that takes longer than testkit's patience fails the test.
//! Knows nothing of what a service means. Source: PROTOCOL.md §1 and §2.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use landline_net::tls::Identity;
use landline_store::{Contact, Contacts as _, Home, Store};
use landline_testkit::{Machine, PATIENCE};
use landline_trust::key::{MachineKey, PublicKey};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ServerConnection, StreamOwned};
use serde_json::Value;

pub(crate) mod records;

/// How long a peer that is expected to stop reading may take nothing before it counts as one that has. If it was only
/// slow, the test proves less, but does not fail.
const FULL: Duration = Duration::from_millis(300);

/// How long a dribbling peer listens between two bytes.
const PAUSE: Duration = Duration::from_millis(50);

/// How often a door that is full is tried; a try takes about a millisecond.
const TRIES: usize = 1000;

/// One frame: kind, length, payload.
pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, a, b, c], payload].concat()
}

/// A message frame.
pub(crate) fn message(json: impl AsRef<str>) -> Vec<u8> {
    frame(1, json.as_ref().as_bytes())
}

/// A data frame.
pub(crate) fn data(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    frame(2, bytes.as_ref())
}

/// The opening message.
pub(crate) fn opening(service: &str) -> Vec<u8> {
    message(format!(r#"{{"open":{{"landline":1,"service":"{service}"}}}}"#))
}

/// The one answer that every stranger hears.
pub(crate) fn refusal() -> Vec<u8> {
    message(r#"{"error":{"code":"refused"}}"#)
}

/// The identity of a machine, made if it never ran.
pub(crate) fn identity_of(machine: &Machine) -> Identity {
    Identity::new(&home_of(machine).machine_key().unwrap()).unwrap()
}

/// An identity that nobody knows.
pub(crate) fn nobody(seed: u8) -> Identity {
    Identity::new(&MachineKey::from_seed([seed; 32])).unwrap()
}

pub(crate) fn home_of(machine: &Machine) -> Home {
    Home::open_or_create(machine.home()).unwrap()
}

/// Does asynchronous work of the floors below.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Puts a contact into a machine's book, as if it had been introduced.
pub(crate) fn knows(machine: &Machine, name: &str, key: PublicKey, address: SocketAddr) {
    let store = Store::open(&home_of(machine)).unwrap();
    let addresses = vec![format!("tcp://{address}")];
    let contact = Contact { name: name.parse().unwrap(), keys: vec![key], addresses, added_at: SystemTime::UNIX_EPOCH };
    block_on(store.add_contact(contact)).unwrap();
}

/// The most memory that a process ever had, in bytes.
pub(crate) fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the process runs");
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// A TLS stream of either side.
trait Tls: Read + Write + Send {
    fn goodbye(&mut self);
    fn exporter(&self) -> [u8; 32];
}

macro_rules! tls {
    ($side:ty) => {
        impl Tls for StreamOwned<$side, TcpStream> {
            fn goodbye(&mut self) {
                self.conn.send_close_notify();
                drop(self.conn.complete_io(&mut self.sock)); // the other end may be gone
            }

            fn exporter(&self) -> [u8; 32] {
                self.conn.export_keying_material([0; 32], b"EXPORTER-landline-introduction", None).unwrap()
            }
        }
    };
}
tls!(ClientConnection);
tls!(ServerConnection);

/// What an end of a line said.
#[derive(Debug)]
pub(crate) enum Word {
    Message(Value),
    Records(Vec<u8>),
}

/// One end of a line.
pub(crate) struct Raw {
    stream: Box<dyn Tls>,
    socket: TcpStream,
    peer: Option<PublicKey>,
    resumed: bool,
}

impl Raw {
    /// Calls `server` as `identity` from 127.0.0.1.
    pub(crate) fn dial(server: SocketAddr, identity: &Identity) -> Self {
        Self::dial_from(Ipv4Addr::LOCALHOST, server, identity)
    }

    /// Calls from an address of 127.0.0.0/8, so that its penalties are its own; again and again while the door is full.
    pub(crate) fn dial_from(from: Ipv4Addr, server: SocketAddr, identity: &Identity) -> Self {
        let config = Arc::new(identity.client_config(false).unwrap());
        let mut tries = (0..TRIES).map(|_| Self::dial_with(from, server, &config));
        tries.find_map(Result::ok).expect("the door opens")
    }

    /// Calls with a configuration of the test's own, which may remember sessions.
    pub(crate) fn dial_with(from: Ipv4Addr, server: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let mut socket = connect_from(from, server)?;
        let mut conn = ClientConnection::new(Arc::clone(config), ServerName::try_from("desk").unwrap()).unwrap();
        while conn.is_handshaking() {
            conn.complete_io(&mut socket)?;
        }
        let peer = conn.peer_certificates().map(|shown| PublicKey::from_spki(&shown[0]).unwrap());
        let resumed = conn.handshake_kind() == Some(HandshakeKind::Resumed);
        let second = socket.try_clone()?;
        Ok(Self { stream: Box::new(StreamOwned::new(conn, socket)), socket: second, peer, resumed })
    }

    /// Calls and opens a service.
    pub(crate) fn open(server: SocketAddr, identity: &Identity, service: &str) -> Self {
        let mut raw = Self::dial(server, identity);
        raw.say(opening(service));
        raw
    }

    /// Plays the server to whoever comes next.
    pub(crate) fn answer(listener: &TcpListener, identity: &Identity) -> io::Result<Self> {
        let (mut socket, _) = listener.accept()?;
        patient(&socket)?;
        let mut conn = ServerConnection::new(Arc::new(identity.server_config().unwrap())).unwrap();
        while conn.is_handshaking() {
            conn.complete_io(&mut socket)?;
        }
        let peer = conn.peer_certificates().map(|shown| PublicKey::from_spki(&shown[0]).unwrap());
        let second = socket.try_clone()?;
        Ok(Self { stream: Box::new(StreamOwned::new(conn, socket)), socket: second, peer, resumed: false })
    }

    /// The key that the other end showed.
    pub(crate) fn peer(&self) -> PublicKey {
        self.peer.expect("it showed a key")
    }

    /// Whether TLS went on with an earlier session.
    pub(crate) fn resumed(&self) -> bool {
        self.resumed
    }

    /// What binds an introduction to this connection.
    pub(crate) fn exporter(&self) -> [u8; 32] {
        self.stream.exporter()
    }

    /// Sends bytes, whatever they are; whether they were taken. That the other end is gone already is no fault of the test.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Says the same so many times.
    ///
    /// Panics if the other end does not take it all.
    pub(crate) fn flood(&mut self, bytes: &[u8], times: usize) {
        for n in 0..times {
            self.stream.write_all(bytes).unwrap_or_else(|fault| panic!("{n} of {times} were taken: {fault}"));
        }
        self.stream.flush().unwrap();
    }

    /// Says the same until the other end takes no more for a while, or is gone.
    ///
    /// Panics if it takes all of `times`.
    pub(crate) fn flood_until_full(&mut self, bytes: &[u8], times: usize) {
        self.socket.set_write_timeout(Some(FULL)).unwrap();
        let taken = (0..times).take_while(|_| self.stream.write_all(bytes).is_ok()).count();
        self.socket.set_write_timeout(Some(PATIENCE)).unwrap();
        assert!(taken < times, "who does not read the answers must be held up");
    }

    /// Says one byte after the other, each after a pause in which it listens; what was heard up to the end of the line.
    pub(crate) fn dribble(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.socket.set_read_timeout(Some(PAUSE)).unwrap();
        let (mut heard, mut part) = (Vec::new(), [0; 512]);
        for byte in bytes {
            self.say([*byte]);
            match self.stream.read(&mut part) {
                Ok(0) => return heard,
                Ok(n) => heard.extend_from_slice(&part[..n]),
                Err(fault) if matches!(fault.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(_) => return heard,
            }
        }
        panic!("all {} bytes were taken, and the line still stands", bytes.len());
    }

    /// The next frame, kind and payload; none at the end of the line, however it ended.
    ///
    /// Panics if nothing comes for too long: silence is no end.
    pub(crate) fn hear(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 4];
        self.fill(&mut head)?;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, head[1], head[2], head[3]])).unwrap()];
        self.fill(&mut payload)?;
        Some((head[0], payload))
    }

    /// The next message, or payload of records; data and mere signs of life before it dropped.
    pub(crate) fn hear_word(&mut self) -> Option<Word> {
        loop {
            match self.hear()? {
                (1, body) => {
                    let message: Value = serde_json::from_slice(&body).unwrap();
                    if !message["working"].is_object() {
                        return Some(Word::Message(message));
                    }
                }
                (4, payload) => return Some(Word::Records(payload)),
                _ => {}
            }
        }
    }

    /// The next message, data, records and mere signs of life before it dropped.
    pub(crate) fn hear_message(&mut self) -> Option<Value> {
        loop {
            if let Word::Message(message) = self.hear_word()? {
                return Some(message);
            }
        }
    }

    /// Messages up to the end of the line.
    pub(crate) fn hear_all(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.hear_message()).collect()
    }

    /// Every byte up to the end of the line.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Err(fault) = self.stream.read_to_end(&mut bytes) {
            assert_ended(&fault);
        }
        bytes
    }

    /// Ends our direction cleanly and goes on listening.
    pub(crate) fn goodbye(&mut self) {
        self.stream.goodbye();
    }

    /// Ends the line as a cable that is pulled: nothing more goes either way.
    pub(crate) fn cut(self) {
        drop(self.socket.shutdown(std::net::Shutdown::Both));
    }

    fn fill(&mut self, room: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(room) {
            Ok(()) => Some(()),
            Err(fault) => {
                assert_ended(&fault);
                None
            }
        }
    }
}

fn assert_ended(fault: &io::Error) {
    let silent = matches!(fault.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    assert!(!silent, "the other end neither answered nor ended within {PATIENCE:?}");
}

fn connect_from(from: Ipv4Addr, server: SocketAddr) -> io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    if server.is_ipv6() {
        let socket = TcpStream::connect(server)?;
        return patient(&socket).map(|()| socket);
    }
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::from((from, 0)))?;
    connect(&socket, &server)?;
    let socket = TcpStream::from(socket);
    patient(&socket).map(|()| socket)
}

fn patient(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))
}

/// A plain connection from an address of 127.0.0.0/8 that says nothing yet.
pub(crate) fn plain(from: Ipv4Addr, server: SocketAddr) -> io::Result<TcpStream> {
    connect_from(from, server)
}

/// A server that plays its part once for each call that comes, and is whatever it wants to be.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    pub(crate) key: PublicKey,
    playing: JoinHandle<()>,
}

impl Fake {
    /// Plays `part` to the first call, after its opening message and its request were heard.
    pub(crate) fn playing(seed: u8, part: impl FnOnce(&mut Raw) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let identity = nobody(seed);
        let (address, key) = (listener.local_addr().unwrap(), identity.public());
        let playing = std::thread::spawn(move || {
            let mut raw = Raw::answer(&listener, &identity).unwrap();
            let (_opening, _request) = (raw.hear_message().unwrap(), raw.hear_message().unwrap());
            part(&mut raw);
        });
        Self { address, key, playing }
    }

    /// As [`Fake::playing`], as the contact `desk` of `machine`.
    pub(crate) fn desk_of(machine: &Machine, part: impl FnOnce(&mut Raw) + Send + 'static) -> Self {
        let fake = Self::playing(200, part);
        knows(machine, "desk", fake.key, fake.address);
        fake
    }

    /// Waits until the part is played; a complaint of it is the test's.
    pub(crate) fn ended(self) {
        if let Err(complaint) = self.playing.join() {
            std::panic::resume_unwind(complaint);
        }
    }
}
