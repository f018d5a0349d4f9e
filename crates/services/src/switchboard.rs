//! The switchboard: who reaches which service.
//!
//! In: a peer as its connection proved it, and the service it opened. Out: a pass, or a refusal. Asked after every
//! handshake, resumed or not, so that a revoked key is a stranger at once. Fails closed: if the store can't answer,
//! nobody comes in. Source: ARCHITECTURE.md, decisions 2, 3 and 5.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use landline_addr::path::SharePath;
use landline_net::{Admission, Call, CallError, Caller, Ended, Handler, Parting, Peer, Refusal, Standing, Whom};
use landline_store::{Keys as _, Store, StoreError, Users as _};
use landline_trust::{
    grant::{Ask, Grant, may},
    key::PublicKey,
};
use landline_wire::{ErrorCode, Fault, shown};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::{self, serve::Desk},
    audit::Audit,
    files::{
        self,
        serve::{Share, Visitor},
    },
    introduce::{self, serve::Host},
};

/// The services of a serving machine, and who may reach them.
#[derive(Debug)]
pub struct Switchboard {
    /// Users and keys.
    pub store: Store,
    /// Who the owner is, on this machine.
    pub owner_uid: u32,
    /// The files service.
    pub share: Share,
    /// The inviter's end of introductions.
    pub host: Host,
    /// The owner's desk; set once the addresses are known.
    pub desk: Arc<OnceLock<Desk>>,
    /// Between two requests of one call.
    pub idle: Duration,
    /// Where it is noted who called.
    pub audit: Audit,
}

/// The name of whoever owns the state folder, which no user has.
pub(crate) const OWNER: &str = "the owner";

/// Evidence that a caller was admitted to one service.
#[derive(Debug)]
pub enum Pass {
    /// To be introduced.
    Introduction,
    /// To the files.
    Files(Visitor),
    /// To the owner's service.
    Admin(Desk),
}

impl Handler for Switchboard {
    type Pass = Pass;

    async fn admit(&self, caller: &Caller, service: &str) -> Result<Admission<Pass>, Refusal> {
        match caller.peer {
            Peer::Uid(uid) if uid == self.owner_uid => self.admit_known(&owner(), String::new(), true, service),
            Peer::Uid(_) => Err(Refusal::Stranger),
            Peer::Key(_) if service == introduce::SERVICE => {
                Ok(Admission { pass: Pass::Introduction, standing: Standing::Stranger, whom: Whom::default() })
            }
            Peer::Key(key) => match self.store.caller_of_key(&key).await {
                Ok(Some((user, label))) => {
                    self.note_seen(key);
                    self.admit_known(&Visitor { name: user.name, grants: user.grants }, label, false, service)
                }
                Ok(None) => Err(Refusal::Stranger),
                Err(fault) => {
                    tracing::error!(%fault, "nobody can be admitted: the store does not answer");
                    Err(Refusal::Unknown)
                }
            },
        }
    }

    async fn serve(&self, pass: Pass, call: &mut Call, stop: &CancellationToken) -> Result<Ended, CallError> {
        match pass {
            Pass::Introduction => self.host.serve(call).await,
            Pass::Files(visitor) => self.share.serve(&visitor, call, stop, self.idle).await,
            Pass::Admin(desk) => desk.serve(call, stop).await,
        }
    }

    fn parted(&self, parting: &Parting) {
        self.audit.parted(parting);
    }
}

impl Switchboard {
    /// Notes that a key was seen, beside the call: it waits for the disk, which the caller should not.
    fn note_seen(&self, key: PublicKey) {
        let store = self.store.clone();
        tokio::spawn(async move {
            match store.touch(&key, SystemTime::now()).await {
                Ok(()) | Err(StoreError::Closing) => {} // the program is ending; it will be seen again
                Err(fault) => tracing::warn!(%fault, "when a key was last seen could not be noted"),
            }
        });
    }

    fn admit_known(
        &self,
        visitor: &Visitor,
        label: String,
        is_owner: bool,
        service: &str,
    ) -> Result<Admission<Pass>, Refusal> {
        let may_not = |text: String| Err(Refusal::Known(Fault::new(ErrorCode::Refused, text)));
        let pass = match service {
            files::SERVICE if may(&visitor.grants, &Ask::Files) => Pass::Files(visitor.clone()),
            files::SERVICE => return may_not(format!("{} has no grant for files", visitor.name)),
            // The desk is the owner's, on this machine; from afar it opens with the grants of a later version.
            admin::SERVICE if is_owner && may(&visitor.grants, &Ask::Admin) => match self.desk.get() {
                Some(desk) => Pass::Admin(desk.clone()),
                None => return may_not("the server is still starting".to_owned()),
            },
            admin::SERVICE => return may_not("this is for the owner, on his own machine".to_owned()),
            introduce::SERVICE => return may_not("an introduction needs an encrypted line".to_owned()),
            "" => return may_not("the opening message is not one of landline/1".to_owned()),
            other => {
                let text = format!("there is no service \"{}\" here", shown(other));
                return Err(Refusal::Known(Fault::new(ErrorCode::Unsupported, text)));
            }
        };
        Ok(Admission { pass, standing: Standing::Known, whom: Whom { user: visitor.name.clone(), label } })
    }
}

/// The owner of the state folder may do everything that there is.
fn owner() -> Visitor {
    let root = SharePath::root();
    let grants = vec![Grant::FilesRead(root.clone()), Grant::FilesWrite(root), Grant::Admin];
    Visitor { name: OWNER.to_owned(), grants }
}
