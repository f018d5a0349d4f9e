//! Listening and accepting, also when the system has no descriptor left.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Instant};

use landline_addr::{endpoint::Endpoint, source::SourceKey};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::JoinSet,
};

use super::{
    Handler, Live, Parting, Shared, guest,
    socket::{self, SocketFile},
    trouble::Trouble,
};
use crate::{address, peer::Origin};

/// One bound endpoint.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// The file goes before the listener does.
    Unix(SocketFile, UnixListener),
}

/// Something that connected.
pub(crate) enum Arrived {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Listener {
    pub(crate) async fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                Ok(Self::Tcp(TcpListener::from_std(address::listen_tcp(host, *port).await?)?))
            }
            Endpoint::Unix(path) => {
                let (file, listener) = socket::listen(path)?;
                Ok(Self::Unix(file, listener))
            }
        }
    }

    pub(crate) fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    pub(crate) fn unix_path(&self) -> Option<PathBuf> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(file, _) => Some(file.path().to_owned()),
        }
    }

    async fn accept(&self) -> io::Result<Arrived> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, from)| Arrived::Tcp(stream, from)),
            Self::Unix(_, listener) => listener.accept().await.map(|(stream, _)| Arrived::Unix(stream)),
        }
    }
}

/// Accepts until the server stops, then waits for the calls that came in here.
pub(crate) async fn accept_loop<H: Handler>(listener: Listener, shared: Arc<Shared<H>>) {
    let mut calls = JoinSet::new();
    let mut trouble = Trouble::new(shared.limits.accept_backoff, shared.limits.accept_backoff_max);
    let permits = match &listener {
        Listener::Tcp(_) => &shared.calls,
        Listener::Unix(..) => &shared.local_calls,
    };
    loop {
        let arrival = async {
            // The permit comes first: without one, callers wait in the kernel's queue and cost nothing here.
            let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|arrived| (arrived, permit))
        };
        tokio::pin!(arrival);
        let arrived = loop {
            tokio::select! {
                () = shared.stop.cancelled() => break None,
                Some(ended) = calls.join_next() => note_panic(ended, &shared.live),
                arrived = &mut arrival => break Some(arrived),
            }
        };
        let Some(arrived) = arrived else { break };
        match arrived {
            Ok((arrived, permit)) => {
                trouble.over();
                let shared = Arc::clone(&shared);
                calls.spawn(async move {
                    greet(arrived, &shared).await;
                    drop(permit);
                });
            }
            Err(fault) => trouble.wait_out(&fault, listener.accept()).await,
        }
    }
    drop(listener); // new callers are refused by the system from here on
    while let Some(ended) = calls.join_next().await {
        note_panic(ended, &shared.live);
    }
}

async fn greet<H: Handler>(arrived: Arrived, shared: &Arc<Shared<H>>) {
    match arrived {
        Arrived::Unix(stream) => guest::local(stream, shared).await,
        Arrived::Tcp(stream, from) => {
            let now = Instant::now();
            match shared.door.enter(SourceKey::from(from.ip()), now, dice()) {
                Some(place) => guest::remote(stream, from, place, now, shared).await,
                None => {
                    tracing::debug!(%from, turned_away = shared.door.turned_away(), "the door is full");
                    shared.handler.parted(&Parting::at_the_door(Origin::Tcp(from), "the door is full"));
                }
            }
        }
    }
}

fn note_panic(ended: Result<(), tokio::task::JoinError>, live: &Live) {
    if let Err(fault) = ended
        && fault.is_panic()
    {
        let panics = live.count_panic();
        tracing::error!(panics, "a call panicked; it ended alone: {fault}");
    }
}

/// 0 to 99, unpredictable from outside: the standard library seeds each hasher's keys from the system.
fn dice() -> u32 {
    use std::hash::{BuildHasher as _, RandomState};
    u32::try_from(RandomState::new().hash_one(Instant::now()) % 100).unwrap_or(0)
}
