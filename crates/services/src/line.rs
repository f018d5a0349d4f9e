//! The line: how this machine calls others, by the names its owner gave them.
//!
//! In: a contact's name, or `localhost` for the owner's own server. Out: a call to one of its services, its key checked.
//! Where keys have changed, ours or the contact's, that is put in order first ([`crate::rekey`]), and the owner is told.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use landline_addr::{
    contact::{ContactName, Machine},
    endpoint::Endpoint,
};
use landline_net::{Call, CallError, DialError, DialLimits, Dialer, Peer, dial, tls::Identity};
use landline_store::{Contact, Contacts as _, Home, Store, StoreError, Successors as _};
use landline_trust::{key::PublicKey, rotation::Statement};

use crate::rekey;

/// How this machine calls others. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Line {
    home: Arc<Home>,
    store: Store,
    dialer: Dialer,
    limits: DialLimits,
    /// How our key followed older ones; read when it is first needed.
    own_chain: Arc<OnceLock<Vec<Statement>>>,
    listener: Listener,
}

/// A contact has a new key, which the one that was pinned has named; it is pinned now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The contacts that pinned the old key, by name.
    pub contacts: Vec<ContactName>,
    /// The key that was pinned.
    pub old: PublicKey,
    /// The key that is.
    pub new: PublicKey,
}

/// Who is told of new keys.
#[derive(Clone)]
struct Listener(Arc<dyn Fn(&NewKey) + Send + Sync>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener(…)")
    }
}

/// Why a machine could not be called, or what went wrong on the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// No contact has that name.
    #[error("no contact is called {name}")]
    NoContact {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The owner's own server does not run.
    #[error("landline serve is not running on this home")]
    NotServing {
        /// Where it would listen.
        socket: PathBuf,
    },
    /// Something else than the owner's server listens at its socket.
    #[error("the program at {} belongs to uid {uid}, not to the owner of this home", socket.display())]
    Impostor {
        /// The socket.
        socket: PathBuf,
        /// Whose program it is.
        uid: u32,
    },
    /// The contact has no address that can be dialled.
    #[error("{name} has no address")]
    NoAddress {
        /// The contact.
        name: String,
    },
    /// None of the contact's addresses led to it.
    #[error("{name} can't be reached")]
    Unreachable {
        /// The contact.
        name: String,
        /// What each address came to.
        tried: Vec<DialError>,
    },
    /// Dialling failed.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The state folder failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Line {
    /// Opens the state folder, making the machine's key at first use.
    ///
    /// # Errors
    /// [`LineError::Store`].
    pub fn open(home: Home) -> Result<Self, LineError> {
        let key = home.machine_key()?;
        let identity = Identity::new(&key).map_err(DialError::from)?;
        let store = Store::open(&home)?;
        let limits = DialLimits::default();
        let listener = Listener(Arc::new(|news: &NewKey| {
            tracing::warn!(old = %news.old.fingerprint(), new = %news.new.fingerprint(), "a contact has a new key");
        }));
        Ok(Self {
            home: Arc::new(home),
            store,
            dialer: Dialer::new(identity, limits),
            limits,
            own_chain: Arc::default(),
            listener,
        })
    }

    /// The same line; `tell` hears of contacts that have a new key. Without it the log does.
    #[must_use]
    pub fn telling(self, tell: impl Fn(&NewKey) + Send + Sync + 'static) -> Self {
        Self { listener: Listener(Arc::new(tell)), ..self }
    }

    /// The state folder.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The database in it.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What dials.
    #[must_use]
    pub fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Calls a service of a machine: a contact at its addresses in order, `localhost` through the UNIX socket.
    ///
    /// # Errors
    /// [`LineError`], by what can be done about it.
    pub async fn call(&self, machine: &Machine, service: &str) -> Result<Call, LineError> {
        match machine {
            Machine::Localhost => self.call_own(service).await,
            Machine::Contact(name) => self.call_contact(name, service).await,
        }
    }

    async fn call_own(&self, service: &str) -> Result<Call, LineError> {
        let socket = self.home.socket_path();
        match dial::call_local(&socket, service, &self.limits).await {
            Ok(call) => match call.peer() {
                Peer::Uid(uid) if uid != self.home.owner_uid() => Err(LineError::Impostor { socket, uid }),
                Peer::Uid(_) | Peer::Key(_) => Ok(call),
            },
            Err(DialError::Connect { source, .. })
                if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Err(LineError::NotServing { socket })
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn call_contact(&self, name: &ContactName, service: &str) -> Result<Call, LineError> {
        let Some(contact) = self.store.contact(name).await? else {
            let known = self.store.list_contacts().await?.into_iter().map(|known| known.name.to_string()).collect();
            return Err(LineError::NoContact { name: name.to_string(), known });
        };
        let mut tried = Vec::new();
        for address in &contact.addresses {
            let Ok(endpoint) = address.parse::<Endpoint>() else { continue };
            match self.call_at(&endpoint, &contact, service).await? {
                Ok(call) => return Ok(call),
                Err(fault) => tried.push(fault),
            }
        }
        if tried.is_empty() {
            return Err(LineError::NoAddress { name: name.to_string() });
        }
        Err(LineError::Unreachable { name: name.to_string(), tried })
    }

    /// Calls a contact at one of its addresses. The outer error is the state folder's, the inner one the line's.
    async fn call_at(
        &self,
        endpoint: &Endpoint,
        contact: &Contact,
        service: &str,
    ) -> Result<Result<Call, DialError>, StoreError> {
        let mut pins = contact.keys.clone();
        if let Err(fault) = self.tell_own_change(endpoint, &pins).await? {
            match self.followed(endpoint, &pins, &fault).await? {
                Some(new) => pins = vec![new],
                None => return Ok(Err(fault)),
            }
            // Whether it knows us by our key is still to be told, by the key that it has.
            drop(self.tell_own_change(endpoint, &pins).await?);
        }
        match self.dialer.call(endpoint, &pins, service).await {
            Err(fault) => match self.followed(endpoint, &pins, &fault).await? {
                Some(new) => Ok(self.dialer.call(endpoint, &[new], service).await),
                None => Ok(Err(fault)),
            },
            called => Ok(called),
        }
    }

    /// Tells a contact that our key has changed, unless it was told already. A contact that will not hear of it refuses the
    /// call itself too, in better words.
    async fn tell_own_change(
        &self,
        endpoint: &Endpoint,
        pins: &[PublicKey],
    ) -> Result<Result<(), DialError>, StoreError> {
        let own = self.dialer.public();
        let chain = match self.own_chain.get() {
            Some(chain) => chain,
            None => {
                let read = self.home.successors(&own)?;
                self.own_chain.get_or_init(|| read)
            }
        };
        if chain.is_empty() || self.home.was_told(&own, pins)? {
            return Ok(Ok(()));
        }
        match rekey::ask::tell(&self.dialer, endpoint, pins, chain).await {
            Ok(known) => {
                if known && let Some(key) = pins.first() {
                    self.home.note_told(&own, key)?;
                }
                Ok(Ok(()))
            }
            Err(fault) => Ok(Err(fault)),
        }
    }

    /// The key that is pinned from now on, if another key answered and one of `pins` has named it. Never silent.
    async fn followed(
        &self,
        endpoint: &Endpoint,
        pins: &[PublicKey],
        fault: &DialError,
    ) -> Result<Option<PublicKey>, StoreError> {
        let DialError::WrongKey { .. } = fault else { return Ok(None) };
        let Ok(Some(chain)) = rekey::ask::ask(&self.dialer, endpoint, pins).await else { return Ok(None) };
        let Some(new) = chain.statements().last().map(Statement::successor) else {
            return Ok(None);
        };
        let followed = self.store.follow(&chain).await?;
        if let Some(old) = followed.replaced.last() {
            (self.listener.0)(&NewKey { contacts: followed.contacts, old: *old, new });
        }
        Ok(Some(new))
    }
}
