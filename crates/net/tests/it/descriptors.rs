//! A server without descriptors: it says so now and then, turns callers away, and serves again when there are some.
//!
//! The server is a child with few descriptors; this end has enough to take them all.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use landline_net::ServerLimits;
use tokio::{io::AsyncReadExt as _, net::TcpStream, task::JoinSet};
use tracing::{Level, Metadata, Subscriber, span};

use crate::{
    child,
    house::{ALICE, DESK, House, at, calm, dialer, echoes, key, millis, soon},
};

const NAME: &str = "descriptors::a_server_that_ran_out_of_descriptors_logs_little_and_serves_again";
/// Descriptors of the child.
const FEW: usize = 40;
/// Callers at once.
const MANY: usize = 200;

#[test]
fn a_server_that_ran_out_of_descriptors_logs_little_and_serves_again() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match child::told() {
        Some(_) => runtime.block_on(serve()),
        None => runtime.block_on(besiege()),
    }
}

/// Lines at a level that an operator sees.
static LINES: AtomicUsize = AtomicUsize::new(0);

struct Count;

impl Subscriber for Count {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn event(&self, _: &tracing::Event<'_>) {
        LINES.fetch_add(1, Ordering::SeqCst);
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The child: serves until its input ends, then says how much it logged.
async fn serve() {
    tracing::subscriber::set_global_default(Count).unwrap();
    let limits = ServerLimits { accept_backoff: millis(1), accept_backoff_max: millis(5), ..calm() };
    let house = House::open(limits).await;
    println!("\nlistens {}", house.address());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    ended.await.unwrap().unwrap();
    house.stop.cancel();
    house.ended().await;
    println!("\nlogged {}", LINES.load(Ordering::SeqCst));
}

async fn besiege() {
    let start = Instant::now();
    let mut server = child::again(NAME, &format!("ulimit -n {FEW}"), "serve").spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told = |what: &str| lines.find_map(|line| line.strip_prefix(what).map(str::to_owned)).expect("it is said");
    let address: SocketAddr = told("listens ").parse().unwrap();

    let mut besiegers = JoinSet::new();
    for _ in 0..MANY {
        let mut socket = TcpStream::connect(address).await.unwrap();
        // Ends when the server closes it, which it would do after a minute if it had descriptors for all.
        besiegers.spawn(async move { socket.read_u8().await.ok() });
    }
    for _ in 0..MANY - FEW {
        soon(besiegers.join_next()).await.expect("there are more").unwrap();
    }
    besiegers.shutdown().await;

    for _ in 0..3 {
        let mut call = soon(dialer(ALICE).call(&at(address), &[key(DESK)], "echo")).await.unwrap();
        echoes(&mut call).await;
    }
    drop(server.stdin.take());
    let logged: u64 = told("logged ").parse().unwrap();
    let bound = 2 + start.elapsed().as_secs() / Duration::from_secs(1).as_secs();
    assert!((1..=bound).contains(&logged), "{logged} lines, at most one a second are right");
    assert!(server.wait().unwrap().success());
}
