//! Changes to users, wherever they are asked for: by a running server for its owner or an admin, or by the command itself while none runs.
//!
//! In: a [`UserRequest`] of somebody who may. Out: [`UserAnswer`]s. Every change is one transaction, durable before it is answered;
//! who loses something has his calls cut, here at once and by whoever else watches the store.

use std::{path::PathBuf, time::UNIX_EPOCH};

use landline_addr::user::UserName;
use landline_net::server::Live;
use landline_store::{EnrolledKey, Keys as _, Passwords as _, Store, StoreError, User, Users as _};
use landline_trust::{
    grant::Grant,
    key::PublicKey,
    password::{Name, Record, Wrong},
};
use landline_wire::{Blob, ErrorCode, Fault, shown};

use super::msg::{KeyMsg, LONGEST_GRANT, MACHINES_SHOWN, MOST_GRANTS, UserAnswer, UserMsg, UserRequest};
use crate::{
    files::homes::{self, HomeError, Homes},
    login,
};

/// What changes to users work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct People {
    store: Store,
    homes: HomesOf,
    live: Live,
}

#[derive(Debug, Clone)]
enum HomesOf {
    /// A server that runs.
    Open(Homes),
    /// A folder, nobody serves it.
    Folder(PathBuf),
}

impl People {
    /// For a server that runs.
    #[must_use]
    pub fn serving(store: Store, homes: Homes, live: Live) -> Self {
        Self { store, homes: HomesOf::Open(homes), live }
    }

    /// For a state folder that is not being served, with homes in `homes`.
    #[must_use]
    pub fn at_rest(store: Store, homes: PathBuf) -> Self {
        Self { store, homes: HomesOf::Folder(homes), live: Live::default() }
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// [`Fault`] with words for who asked; then nothing has changed.
    pub async fn answer(&self, request: UserRequest) -> Result<Vec<UserAnswer>, Fault> {
        match request {
            UserRequest::Add { name, grants, home, quota } => self.add(&name, &grants, home, quota).await,
            UserRequest::List {} => self.list().await,
            UserRequest::Show { name } => self.show(&name).await,
            UserRequest::Grant { name, grants } => self.grant(&name, &grants).await,
            UserRequest::Revoke { name, grants } => self.revoke(&name, &grants).await,
            UserRequest::Home { name } => self.home(&name).await,
            UserRequest::Quota { name, bytes } => self.quota(&name, bytes).await,
            UserRequest::Password { name, step } => self.begin_password(&name, &step.0).await,
            UserRequest::SetPassword { name, step } => self.set_password(&name, &step.0).await,
            UserRequest::NoPassword { name } => self.keep_password(&name, None).await,
            UserRequest::Remove { name } => self.remove(&name).await,
        }
    }

    async fn add(
        &self,
        name: &str,
        grants: &[String],
        home: bool,
        quota: Option<u64>,
    ) -> Result<Vec<UserAnswer>, Fault> {
        let (name, grants) = (named(name)?, parsed(grants)?);
        if quota.is_some() && !home {
            return Err(Fault::new(ErrorCode::BadRequest, "a quota is of a home, and this user has none"));
        }
        if grants.len() > MOST_GRANTS {
            return Err(too_many());
        }
        refuse_useless(&name, home, &grants)?;
        self.store.add_user(&name, &grants, home, quota).await.map_err(|fault| words(&fault))?;
        Ok(vec![UserAnswer::Done { changed: true, cut: 0 }])
    }

    async fn list(&self) -> Result<Vec<UserAnswer>, Fault> {
        let users = self.store.list_users().await.map_err(|fault| words(&fault))?;
        let keys = self.store.list_keys().await.map_err(|fault| words(&fault))?;
        let machines = |user: &User| keys.iter().filter(|key| key.user == user.name).count();
        let mut told: Vec<UserAnswer> =
            users.iter().map(|user| UserAnswer::User(message(user, machines(user)))).collect();
        told.push(UserAnswer::Done { changed: false, cut: 0 });
        Ok(told)
    }

    async fn show(&self, name: &str) -> Result<Vec<UserAnswer>, Fault> {
        let user = self.user(&named(name)?).await?;
        let keys = self.keys_of(&user).await?;
        let mut told = message(&user, keys.len());
        told.keys = keys.iter().take(MACHINES_SHOWN).map(key_message).collect();
        let record = self.store.password_record(&named(name)?).await.map_err(|fault| words(&fault))?;
        told.password = Some(record.is_some());
        if user.has_home {
            let (homes, name) = (self.homes.clone(), named(name)?);
            let look = move || match homes {
                HomesOf::Open(homes) => homes.used(&name),
                HomesOf::Folder(dir) => homes::used(&dir, &name),
            };
            told.used = Some(off_the_threads(look).await?.unwrap_or(0));
        }
        Ok(vec![UserAnswer::User(told)])
    }

    async fn grant(&self, name: &str, grants: &[String]) -> Result<Vec<UserAnswer>, Fault> {
        let (name, grants) = (named(name)?, parsed(grants)?);
        let user = self.user(&name).await?;
        let more = grants.iter().filter(|grant| !user.grants.contains(grant)).count();
        if user.grants.len() + more > MOST_GRANTS {
            return Err(too_many());
        }
        refuse_useless(&name, user.has_home, &grants)?;
        let changed = self.store.give(&name, &grants).await.map_err(|fault| words(&fault))?;
        Ok(vec![UserAnswer::Done { changed, cut: 0 }])
    }

    async fn revoke(&self, name: &str, grants: &[String]) -> Result<Vec<UserAnswer>, Fault> {
        let (name, grants) = (named(name)?, parsed(grants)?);
        let keys = self.running(&name).await?;
        self.store.take(&name, &grants).await.map_err(|fault| words(&fault))?;
        Ok(vec![UserAnswer::Done { changed: true, cut: keys.cut(&self.live) }])
    }

    async fn home(&self, name: &str) -> Result<Vec<UserAnswer>, Fault> {
        let name = named(name)?;
        let user = self.user(&name).await?;
        if user.default {
            let text = format!("whoever is invited without a name calls as {name}, and they share no home");
            return Err(Fault::new(ErrorCode::Conflict, text));
        }
        if !user.has_home && user.grants.len() + Grant::own_home().len() > MOST_GRANTS {
            return Err(too_many());
        }
        let keys = self.running(&name).await?;
        let changed = self.store.give_home(&name).await.map_err(|fault| words(&fault))?;
        Ok(vec![UserAnswer::Done { changed, cut: if changed { keys.cut(&self.live) } else { 0 } }])
    }

    async fn quota(&self, name: &str, bytes: Option<u64>) -> Result<Vec<UserAnswer>, Fault> {
        let name = named(name)?;
        let user = self.user(&name).await?;
        if bytes.is_some() && !user.has_home {
            let text = format!("a quota is of a home, and {name} has none");
            return Err(Fault::new(ErrorCode::Conflict, text));
        }
        if user.quota == bytes {
            return Ok(vec![UserAnswer::Done { changed: false, cut: 0 }]);
        }
        let keys = self.running(&name).await?;
        self.store.set_quota(&name, bytes).await.map_err(|fault| words(&fault))?;
        Ok(vec![UserAnswer::Done { changed: true, cut: keys.cut(&self.live) }])
    }

    async fn begin_password(&self, name: &str, step: &[u8]) -> Result<Vec<UserAnswer>, Fault> {
        let name = named(name)?;
        self.user(&name).await?;
        let secret = login::serve::secret(&self.store).await.map_err(|fault| words(&fault))?;
        let user = Name::new(name.as_str().as_bytes()).map_err(|fault| bad(&fault))?;
        let step = secret.enrol(user, step).map_err(|Wrong| bad(&"that begins no password"))?;
        Ok(vec![UserAnswer::Stretch { step: Blob(step), cost: Blob(secret.cost().to_bytes().to_vec()) }])
    }

    async fn set_password(&self, name: &str, step: &[u8]) -> Result<Vec<UserAnswer>, Fault> {
        let secret = login::serve::secret(&self.store).await.map_err(|fault| words(&fault))?;
        let record = secret.keep(step).map_err(|Wrong| bad(&"that is no password's record"))?;
        self.keep_password(name, Some(record)).await
    }

    async fn keep_password(&self, name: &str, record: Option<Record>) -> Result<Vec<UserAnswer>, Fault> {
        let (name, sets) = (named(name)?, record.is_some());
        let had = self.store.set_password_record(&name, record.map(|record| record.to_bytes())).await;
        let had = had.map_err(|fault| words(&fault))?;
        Ok(vec![UserAnswer::Done { changed: sets || had, cut: 0 }])
    }

    async fn remove(&self, name: &str) -> Result<Vec<UserAnswer>, Fault> {
        let name = named(name)?;
        let running = self.running(&name).await?;
        let keys = self.store.remove_user(&name).await.map_err(|fault| words(&fault))?;
        let cut = running.cut(&self.live);
        let homes = self.homes.clone();
        let moved = off_the_threads(move || match homes {
            HomesOf::Open(homes) => homes.set_aside(&name),
            HomesOf::Folder(dir) => homes::set_aside(&dir, &name),
        });
        let moved = moved.await.map_err(|fault| {
            let text =
                format!("the user is removed, but {}; a new user of that name will not see what is there", fault.text);
            Fault::new(fault.code, text)
        });
        let home = moved?.map(|path| path.display().to_string());
        Ok(vec![UserAnswer::Removed { keys: keys.len(), cut, home }])
    }

    /// `name`, if there is a user of that name.
    ///
    /// # Errors
    /// [`Fault`] with words for who asked.
    pub async fn name_of(&self, name: &str) -> Result<String, Fault> {
        Ok(self.user(&named(name)?).await?.name)
    }

    async fn user(&self, name: &UserName) -> Result<User, Fault> {
        self.store.user(name).await.map_err(|fault| words(&fault))
    }

    async fn keys_of(&self, user: &User) -> Result<Vec<EnrolledKey>, Fault> {
        let mut keys = self.store.list_keys().await.map_err(|fault| words(&fault))?;
        keys.retain(|key| key.user == user.name);
        Ok(keys)
    }

    /// The keys of a user, and how many of their calls run now. Who watches the store cuts them too, perhaps sooner.
    async fn running(&self, name: &UserName) -> Result<Running, Fault> {
        let keys = self.keys_of(&self.user(name).await?).await?;
        let keys: Vec<PublicKey> = keys.into_iter().map(|key| key.key).collect();
        let calls = self.live.count_of(|key| keys.contains(key));
        Ok(Running { keys, calls })
    }
}

struct Running {
    keys: Vec<PublicKey>,
    calls: usize,
}

impl Running {
    /// Cuts them; how many there were.
    fn cut(&self, live: &Live) -> usize {
        self.keys.iter().map(|key| live.cut(key)).sum::<usize>().max(self.calls)
    }
}

async fn off_the_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HomeError> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|fault| Fault::new(ErrorCode::Internal, fault.to_string())),
        Err(_) => Err(Fault::new(ErrorCode::Stopping, "this machine is stopping")),
    }
}

fn message(user: &User, machines: usize) -> UserMsg {
    UserMsg {
        name: user.name.clone(),
        default: user.default,
        home: user.has_home,
        quota: user.quota,
        used: None,
        password: None,
        grants: user.grants.iter().map(ToString::to_string).collect(),
        machines,
        keys: Vec::new(),
    }
}

fn key_message(key: &EnrolledKey) -> KeyMsg {
    let seconds = |time: std::time::SystemTime| {
        time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok())
    };
    KeyMsg {
        fingerprint: key.key.fingerprint().to_string(),
        label: key.label.clone(),
        last_seen: key.last_seen.and_then(seconds),
    }
}

/// A grant of what is not there would be taken for one that gives something.
fn refuse_useless(name: &UserName, has_home: bool, grants: &[Grant]) -> Result<(), Fault> {
    match grants.iter().find(|grant| !has_home && is_of_home(grant)) {
        Some(grant) => {
            let text = format!("{name} has no home, so \"{grant}\" would give nothing");
            Err(Fault::new(ErrorCode::Conflict, text))
        }
        None => Ok(()),
    }
}

fn is_of_home(grant: &Grant) -> bool {
    use landline_trust::grant::Area::Home;
    matches!(grant, Grant::FilesRead(Home, _) | Grant::FilesWrite(Home, _))
}

fn named(name: &str) -> Result<UserName, Fault> {
    name.parse().map_err(|fault| Fault::new(ErrorCode::BadRequest, format!("{}: {fault}", shown(name))))
}

fn parsed(grants: &[String]) -> Result<Vec<Grant>, Fault> {
    let parse = |text: &String| {
        if text.len() > LONGEST_GRANT {
            return Err(Fault::new(ErrorCode::BadRequest, format!("a grant has at most {LONGEST_GRANT} bytes")));
        }
        text.parse().map_err(|fault| Fault::new(ErrorCode::BadRequest, format!("{}: {fault}", shown(text))))
    };
    grants.iter().map(parse).collect()
}

fn bad(why: &dyn std::fmt::Display) -> Fault {
    Fault::new(ErrorCode::BadRequest, why.to_string())
}

fn too_many() -> Fault {
    Fault::new(ErrorCode::BadRequest, format!("a user has at most {MOST_GRANTS} grants; grant a folder above them"))
}

fn words(fault: &StoreError) -> Fault {
    let code = match fault {
        StoreError::UnknownUser { .. } | StoreError::NotGranted { .. } => ErrorCode::NotFound,
        StoreError::UserTaken { .. } | StoreError::DefaultUser { .. } => ErrorCode::Conflict,
        StoreError::NoSpace { .. } => ErrorCode::NoSpace,
        _ => ErrorCode::Internal,
    };
    Fault::new(code, fault.to_string())
}
