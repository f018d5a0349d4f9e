//! A house: a serving machine as a whole.
//!
//! In: a line (home, key, store) and what to serve where. Out: a server that runs until it is told to stop, with a
//! socket for its owner. One house a home: the lock says who serves already.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use landline_addr::endpoint::{Endpoint, Host as HostName};
use landline_net::{Server, ServerLimits, address, server::Live, tls::Identity};
use landline_store::{AuditLog, Codes as _, Event, Keys as _, ServeLock, Store, StoreError};
use landline_wire::{Fault, WireName};
use tokio::{
    sync::broadcast,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::{
        self, Invitation,
        people::People,
        serve::{Desk, Facts},
    },
    audit::{self, Audit},
    files::{
        homes::Homes,
        memory::Memory,
        serve::Share,
        tree::{Tree, TreeError},
    },
    introduce::serve::Host,
    line::Line,
    login::serve::{Porter, secret},
    rekey::serve::Registrar,
    switchboard::Switchboard,
};

/// How often changes made by other processes of this home are looked for: a key revoked by them is cut within this.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the end of a server waits for a slow disk to take the last lines of the audit log.
const LAST_LINES: Duration = Duration::from_secs(2);

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct HouseOptions {
    /// The directory that is served; made if missing.
    pub share: PathBuf,
    /// Where the homes of users lie.
    pub homes: PathBuf,
    /// Where to listen besides the owner's socket.
    pub listen: Vec<Endpoint>,
    /// Whether nobody may write.
    pub read_only: bool,
    /// Limits of the door and of calls.
    pub limits: ServerLimits,
    /// What this machine calls itself.
    pub label: String,
    /// Whether it is noted who called and what was done, in the audit log of the home.
    pub audit: bool,
}

/// A machine that is ready to serve.
#[derive(Debug)]
pub struct House {
    server: Server<Switchboard>,
    desk: Desk,
    facts: HouseFacts,
    /// Released when the house goes.
    lock: ServeLock,
}

/// What there is to tell about a house.
#[derive(Debug, Clone)]
pub struct HouseFacts {
    /// Where it listens, with the ports that the system chose.
    pub listen: Vec<Endpoint>,
    /// Where others can dial, most useful first.
    pub reachable: Vec<Endpoint>,
    /// The owner's socket.
    pub socket: PathBuf,
    /// Of the machine's key.
    pub fingerprint: String,
    /// What is served.
    pub share: PathBuf,
    /// Whether nobody may write.
    pub read_only: bool,
    /// Whether nobody is enrolled and nobody was ever invited: the owner will want to. A code that was burned or has
    /// expired is not replaced by itself.
    pub first_start: bool,
}

/// Why a house can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HouseError {
    /// An endpoint can't be listened at.
    #[error("can't listen at {endpoint}")]
    Listen {
        /// Which.
        endpoint: Endpoint,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The directory can't be made.
    #[error("can't make {}", share.display())]
    Share {
        /// Which.
        share: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The directory can't be served.
    #[error("can't serve {}: {source}", share.display())]
    Tree {
        /// Which.
        share: PathBuf,
        /// Why.
        source: TreeError,
    },
    /// The directory holds this machine's own state: its key would be served to others.
    #[error("{} can't be served: it holds the state folder {} with this machine's key", share.display(), home.display())]
    ServesHome {
        /// What was to be served.
        share: PathBuf,
        /// The state folder.
        home: PathBuf,
    },
    /// The homes of users lie in what is served, or the other way round.
    #[error("the homes {} and the folder {} lie one in the other: who may read the one could read the other", homes.display(), share.display())]
    HomesInShare {
        /// What was to be served.
        share: PathBuf,
        /// The homes.
        homes: PathBuf,
    },
    /// Only the owner of a state folder may serve it: the socket would be another user's, and the owner locked out.
    #[error("{} belongs to uid {owner}, and only that user may serve it; this is uid {user}", home.display())]
    NotOwner {
        /// The state folder.
        home: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who tried.
        user: u32,
    },
    /// The state folder failed; also if another house is open on it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] landline_net::tls::TlsError),
}

impl House {
    /// Takes the lock, holds the share, listens everywhere.
    ///
    /// # Errors
    /// [`HouseError`]; nothing is left behind but a share that was made.
    pub async fn open(line: &Line, options: HouseOptions) -> Result<Self, HouseError> {
        let (owner, user) = (line.home().owner_uid(), rustix::process::geteuid().as_raw());
        if owner != user {
            return Err(HouseError::NotOwner { home: line.home().path().to_owned(), owner, user });
        }
        let lock = line.home().lock_for_serving()?;
        let tree = open_share(line.home().path(), &options.homes, &options.share)?;
        let key = line.home().machine_key()?;
        let (store, public) = (line.store().clone(), key.public());
        let first_start =
            store.list_keys().await?.is_empty() && store.list_codes(std::time::SystemTime::now()).await?.is_empty();
        let desk = Arc::new(OnceLock::new());
        // Behind the lock: one process writes it at a time.
        let audit = if options.audit { Audit::to(AuditLog::open(line.home(), audit::gap)?) } else { Audit::default() };
        let share = Share::new(Arc::new(tree), options.read_only)
            .with_memory(Memory::of(line.home()))
            .with_audit(audit.clone());
        let homes = Homes::new(options.homes.clone(), share.clone());
        let switchboard = Switchboard {
            store: store.clone(),
            owner_uid: line.home().owner_uid(),
            share,
            homes: homes.clone(),
            host: Host::new(store.clone(), public, options.label.clone()),
            registrar: Registrar::new(store.clone(), line.home().successors(&public)?),
            porter: Porter::new(store.clone(), secret(&store).await?, public, options.label.clone())
                .noting(audit.clone()),
            desk: Arc::clone(&desk),
            idle: options.limits.idle,
            audit: audit.clone(),
        };
        let mut server = Server::new(switchboard, &Identity::new(&key)?, options.limits)?;
        let socket = line.home().prepare_socket_dir()?;
        for endpoint in options.listen.iter().chain([&Endpoint::Unix(socket.clone())]) {
            let listened = server.listen(endpoint).await;
            listened.map_err(|source| HouseError::Listen { endpoint: endpoint.clone(), source })?;
        }
        let facts = facts(&server, &options, socket, public.fingerprint().to_string(), first_start);
        let live = server.live();
        let people = People::serving(store.clone(), homes, live.clone());
        let opened = Desk { store, live, facts: Arc::new(told(&facts)), people, audit };
        opened.audit.note(&started(&facts));
        drop(desk.set(opened.clone())); // the only place that sets it
        Ok(Self { server, desk: opened, facts, lock })
    }

    /// What there is to tell.
    #[must_use]
    pub fn facts(&self) -> &HouseFacts {
        &self.facts
    }

    /// Opens a one-time code, as `landline invite` would.
    ///
    /// # Errors
    /// [`Fault`] with words for the owner.
    pub async fn invite(&self, valid: Duration) -> Result<Invitation, Fault> {
        let invitation = self.desk.invite(valid, None).await?;
        admin::note_first_invitation(&self.desk.audit, &invitation.code);
        Ok(invitation)
    }

    /// What happens to keys and codes while the house is open.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.desk.store.events()
    }

    /// Serves until `stop`, lets calls finish within the grace period, and returns how many were cut.
    pub async fn run(self, stop: CancellationToken) -> usize {
        let Self { server, desk, facts: _, lock } = self;
        let over = CancellationToken::new();
        let watched = (desk.store.clone(), desk.live.clone(), desk.audit.clone());
        let mut watching = tokio::spawn(watch_store(watched, over.clone()));
        let cut = server.run(stop).await;
        over.cancel();
        if timeout(LAST_LINES, &mut watching).await.is_err() {
            watching.abort(); // the store hangs
        }
        let closing = tokio::task::spawn_blocking(move || desk.audit.close(cut, LAST_LINES));
        drop(closing.await); // it tells itself what it could not write
        drop(lock); // not earlier: until the last call is over, nobody else may serve this home
        cut
    }
}

/// Cuts the calls of keys that were revoked, whichever process of this home did it.
/// What happened before `over` is noted even so.
async fn watch_store((store, live, audit): (Store, Live, Audit), over: CancellationToken) {
    let mut events = store.events();
    let mut looking = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(event) => {
                    match &event {
                        Event::KeyRevoked(key) => drop(live.cut(key)),
                        // It may just be logging in as somebody else.
                        Event::RightsLost(key) => drop(live.cut_admitted(key)),
                        _ => {}
                    }
                    note(&audit, &event);
                }
                // Any of them may have taken a right: no call stays that was let in before. Who may dials again.
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    tracing::warn!("it can't be told who lost rights: every call is cut");
                    live.cut_all_but(|_| false);
                }
                Err(broadcast::error::RecvError::Closed) => return,
            },
            () = over.cancelled() => return,
            _ = looking.tick() => {
                audit.beat();
                match store.pull_events().await {
                    Ok(()) => {}
                    Err(StoreError::Closing) => return, // the program is ending
                    Err(fault) => tracing::warn!(%fault, "changes by other processes can't be seen"),
                }
            }
        }
    }
}

/// What happened to keys and codes, by whichever process of this home.
fn note(audit: &Audit, event: &Event) {
    match event {
        Event::KeyRevoked(key) => {
            audit.note(&audit::Event::KeyRevoked { fingerprint: key.fingerprint().to_string() });
        }
        Event::CodeBurned { number } => audit.note(&audit::Event::CodeBurned { code: *number }),
        Event::CodeUsed { number, key } => {
            let fingerprint = key.fingerprint().to_string();
            audit.note(&audit::Event::Introduced { code: *number, fingerprint });
        }
        Event::KeyFollowed(key) => {
            audit.note(&audit::Event::KeyFollowed { fingerprint: key.fingerprint().to_string() });
        }
        _ => {} // what an administrative act or a login did, which is noted itself
    }
}

/// Where `path` is or would be, links resolved as far as it is there.
fn real_or_above(path: &Path) -> PathBuf {
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(real), ..) => real,
        (Err(_), Some(above), Some(name)) => real_or_above(above).join(name),
        (Err(_), ..) => path.to_owned(),
    }
}

fn open_share(home: &Path, homes: &Path, share: &Path) -> Result<Tree, HouseError> {
    fs::create_dir_all(share).map_err(|source| HouseError::Share { share: share.to_owned(), source })?;
    let tree = Tree::open(share).map_err(|source| HouseError::Tree { share: share.to_owned(), source })?;
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if real(home).starts_with(real(share)) {
        return Err(HouseError::ServesHome { share: share.to_owned(), home: home.to_owned() });
    }
    // One inside the other, and who is granted the one would have the other too.
    if real_or_above(homes).starts_with(real(share)) || real(share).starts_with(real_or_above(homes)) {
        return Err(HouseError::HomesInShare { share: share.to_owned(), homes: homes.to_owned() });
    }
    Ok(tree)
}

fn facts(
    server: &Server<Switchboard>,
    options: &HouseOptions,
    socket: PathBuf,
    fingerprint: String,
    first_start: bool,
) -> HouseFacts {
    let bound = server.tcp_addresses();
    let tcp = |address: &std::net::SocketAddr| {
        let ip = address.ip();
        let host = if ip.is_unspecified() { HostName::Any } else { HostName::Ip(ip) };
        Endpoint::Tcp { host, port: address.port() }
    };
    let unix = server.unix_paths().into_iter().filter(|path| *path != socket).map(Endpoint::Unix);
    let mut reachable: Vec<Endpoint> = bound.iter().flat_map(|address| address::reachable(*address)).collect();
    reachable.dedup();
    HouseFacts {
        listen: bound.iter().map(tcp).chain(unix).collect(),
        reachable,
        socket,
        fingerprint,
        share: options.share.clone(),
        read_only: options.read_only,
        first_start,
    }
}

fn started(facts: &HouseFacts) -> audit::Event {
    audit::Event::Start {
        pid: std::process::id(),
        listen: facts.listen.iter().map(ToString::to_string).collect(),
        share: WireName::from(facts.share.as_os_str().as_encoded_bytes()),
        read_only: facts.read_only,
    }
}

fn told(facts: &HouseFacts) -> Facts {
    Facts {
        listen: facts.listen.iter().map(ToString::to_string).collect(),
        reachable: facts.reachable.iter().map(ToString::to_string).collect(),
        share: facts.share.display().to_string(),
        read_only: facts.read_only,
        fingerprint: facts.fingerprint.clone(),
    }
}
