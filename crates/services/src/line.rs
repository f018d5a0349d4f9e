//! The line: how this machine calls others, by the names its owner gave them.
//!
//! In: a contact's name, or `localhost` for the owner's own server. Out: a call to one of its services, its key checked.

use std::{io, path::PathBuf, sync::Arc};

use landline_addr::{
    contact::{ContactName, Machine},
    endpoint::Endpoint,
};
use landline_net::{Call, CallError, DialError, DialLimits, Dialer, Peer, dial, tls::Identity};
use landline_store::{Contacts as _, Home, Store, StoreError};

/// How this machine calls others. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Line {
    home: Arc<Home>,
    store: Store,
    dialer: Dialer,
    limits: DialLimits,
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
        Ok(Self { home: Arc::new(home), store, dialer: Dialer::new(identity, limits), limits })
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
            match self.dialer.call(&endpoint, &contact.keys, service).await {
                Ok(call) => return Ok(call),
                Err(fault) => tried.push(fault),
            }
        }
        if tried.is_empty() {
            return Err(LineError::NoAddress { name: name.to_string() });
        }
        Err(LineError::Unreachable { name: name.to_string(), tried })
    }
}
