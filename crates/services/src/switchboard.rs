//! The switchboard: who reaches which service.
//!
//! In: a peer as its connection proved it, and the service it opened. Out: a pass, or a refusal. Asked after every
//! handshake, resumed or not, so that a revoked key is a stranger at once. Fails closed: if the store can't answer,
//! nobody comes in. Source: ARCHITECTURE.md, decisions 2, 3 and 5.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use landline_addr::user::UserName;
use landline_net::{
    Admission, Call, CallError, Caller, Ended, Handler, Origin, Parting, Peer, Refusal, Standing, Whom,
};
use landline_store::{Keys as _, Store, StoreError, User, Users as _};
use landline_trust::{
    grant::{Area, Ask, Grant, may},
    key::PublicKey,
};
use landline_wire::{ErrorCode, Fault, shown};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::{self, serve::Desk},
    audit::Audit,
    files::{
        self,
        homes::Homes,
        serve::{Share, Visitor},
    },
    introduce::{self, serve::Host},
    login::{self, serve::Porter},
    rekey::{self, serve::Registrar},
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
    /// The folders of users.
    pub homes: Homes,
    /// The inviter's end of introductions.
    pub host: Host,
    /// What answers machines whose key, or whose idea of ours, is out of date.
    pub registrar: Registrar,
    /// What lets in who has a password.
    pub porter: Porter,
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
    /// To the files of a share, which may be a home.
    Files(Share, Visitor),
    /// To say that a key has changed, or ask how ours did.
    Rekeying,
    /// To log in with a password, from there.
    Login(Origin),
    /// To the owner's service.
    Admin(Desk),
}

impl Handler for Switchboard {
    type Pass = Pass;

    async fn admit(&self, caller: &Caller, service: &str) -> Result<Admission<Pass>, Refusal> {
        match caller.peer {
            Peer::Uid(uid) if uid == self.owner_uid => self.admit_known(owner(), String::new(), service).await,
            Peer::Uid(_) => Err(Refusal::Stranger),
            Peer::Key(_) if service == introduce::SERVICE => Ok(stranger(Pass::Introduction)),
            // Whatever the key: who has changed it is a stranger, and so is who dials us by an old one.
            Peer::Key(_) if service == login::SERVICE => Ok(stranger(Pass::Login(caller.origin))),
            Peer::Key(_) if service == rekey::SERVICE => Ok(stranger(Pass::Rekeying)),
            Peer::Key(key) => match self.store.caller_of_key(&key).await {
                Ok(Some((user, label))) => {
                    self.note_seen(key);
                    self.admit_known(user, label, service).await
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
            Pass::Files(share, visitor) => share.serve(&visitor, call, stop, self.idle).await,
            Pass::Rekeying => self.registrar.serve(call).await,
            Pass::Login(origin) => self.porter.serve(origin, call).await,
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

    async fn admit_known(&self, user: User, label: String, service: &str) -> Result<Admission<Pass>, Refusal> {
        let may_not = |text: String| Err(Refusal::Known(Fault::new(ErrorCode::Refused, text)));
        let name = user.name.clone();
        let pass = match service {
            files::SERVICE => self.files(user, [Area::Home, Area::Share]).await?,
            files::SERVICE_ROOT => self.files(user, [Area::Share, Area::Home]).await?,
            admin::SERVICE if may(&user.grants, &Ask::Admin) => match self.desk.get() {
                Some(desk) => Pass::Admin(desk.clone()),
                None => return may_not("the server is still starting".to_owned()),
            },
            admin::SERVICE => return may_not(format!("{} has no grant to manage this machine", user.name)),
            login::SERVICE => return may_not("a login needs an encrypted line".to_owned()),
            rekey::SERVICE => return may_not("the change of a key needs an encrypted line".to_owned()),
            introduce::SERVICE => return may_not("an introduction needs an encrypted line".to_owned()),
            "" => return may_not("the opening message is not one of landline/1".to_owned()),
            other => {
                let text = format!("there is no service \"{}\" here", shown(other));
                return Err(Refusal::Known(Fault::new(ErrorCode::Unsupported, text)));
            }
        };
        Ok(Admission { pass, standing: Standing::Known, whom: Whom { user: name, label } })
    }

    /// The files of the first of the areas that the user has anything in.
    async fn files(&self, user: User, areas: [Area; 2]) -> Result<Pass, Refusal> {
        let has = |area: &Area| (*area == Area::Share || user.has_home) && may(&user.grants, &Ask::Files(*area));
        let Some(area) = areas.into_iter().find(has) else {
            let text = format!("{} has no grant for files", user.name);
            return Err(Refusal::Known(Fault::new(ErrorCode::Refused, text)));
        };
        let share = match area {
            Area::Share => self.share.clone(),
            Area::Home => self.home_of(&user).await?,
        };
        Ok(Pass::Files(share, Visitor { name: user.name, is_default: user.default, grants: user.grants, area }))
    }

    async fn home_of(&self, user: &User) -> Result<Share, Refusal> {
        let unusable = |fault: &dyn std::fmt::Display| {
            tracing::error!(user = %user.name, %fault, "a home can't be served");
            let text = format!("the home of {} can't be used now; the owner's log tells why", user.name);
            Refusal::Known(Fault::new(ErrorCode::Internal, text))
        };
        let name: UserName = user.name.parse().map_err(|fault| unusable(&fault))?;
        let (homes, quota) = (self.homes.clone(), user.quota);
        let (fresh, whose) = (!user.home_made, name.clone());
        let opened = tokio::task::spawn_blocking(move || homes.of(&name, quota, fresh)).await;
        let share = opened.map_err(|fault| unusable(&fault))?.map_err(|fault| unusable(&fault))?;
        if fresh {
            self.store.note_home_made(&whose).await.map_err(|fault| unusable(&fault))?;
        }
        Ok(share)
    }
}

/// Under a stranger's limits.
fn stranger(pass: Pass) -> Admission<Pass> {
    Admission { pass, standing: Standing::Stranger, whom: Whom::default() }
}

/// The owner of the state folder may do everything that there is.
fn owner() -> User {
    let [read, write] = Grant::defaults();
    let grants = vec![read, write, Grant::Admin];
    User { name: OWNER.to_owned(), grants, default: false, has_home: false, home_made: false, quota: None }
}
