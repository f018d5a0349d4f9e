//! `user`: who may call this machine, what each may do, and how much each may keep here.

use landline_addr::contact::{ContactName, Machine};
use landline_addr::user::UserName;
use landline_services::admin::msg::{KeyMsg, Request, UserAnswer, UserMsg, UserRequest};
use landline_services::admin::people::People;
use landline_services::admin::{Admin, note_without_server};
use landline_services::line::{Line, LineError};
use landline_trust::grant::Grant;
use landline_wire::shown;
use serde::Serialize;

use crate::config::Flags;
use crate::exit::Exit;
use crate::fail::{Fail, fault_words, line_fail};
use crate::here::Here;
use crate::units;

mod passwd;
mod words;

pub(crate) use passwd::PASSWORD;

use words::grants;

/// Say who may call this machine, what each may do, and how much each may keep
///
/// A user is somebody with one or more machines. Each new one has a home: a folder of his own, where his paths begin. Grants
/// give more: `read /pub` and `write /pub` in the folder that is served, `files /pub` for both, `admin` to manage this
/// machine. Changes hold at once; who loses something is cut off.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Do it at another machine, where this one needs the grant admin
    #[arg(long, value_name = "CONTACT", global = true)]
    at: Option<ContactName>,
    #[command(subcommand)]
    what: What,
}

/// What to do with users.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Add a user; landline invite NAME then lets a machine call as this user
    Add {
        /// a-z, 0-9, '.', '_' and '-'
        name: UserName,
        /// What else this user may do, like `read /pub`, `files /pub` or `admin`
        #[arg(value_name = "GRANT")]
        grants: Vec<String>,
        /// Give no home: the user sees only what is granted
        #[arg(long, conflicts_with = "quota")]
        no_home: bool,
        /// How much the home may hold, like 20G
        #[arg(long, value_name = "SIZE", value_parser = units::parse_bytes)]
        quota: Option<u64>,
    },
    /// List all users
    List,
    /// Tell everything about a user: grants, machines, how much is kept
    Show {
        /// Which
        name: UserName,
    },
    /// Give rights: `read PATH`, `write PATH`, `files PATH` (both), `admin`; PATH begins with / (what is served) or ~ (the home)
    Grant {
        /// To whom
        name: UserName,
        /// Rights and paths in turns
        #[arg(value_name = "GRANT", required = true)]
        grants: Vec<String>,
    },
    /// Take rights, written as they were given; running calls of this user are cut
    Revoke {
        /// From whom
        name: UserName,
        /// Rights and paths in turns
        #[arg(value_name = "GRANT", required = true)]
        grants: Vec<String>,
    },
    /// Give a home to a user who was added with --no-home: his paths begin there from then on; running calls are cut
    Home {
        /// To whom
        name: UserName,
    },
    /// Set the password with which a user lets machines of his own in, by landline login
    Passwd(passwd::Args),
    /// Set how much a home may hold, like 20G, or none for no limit; running calls of this user are cut
    Quota {
        /// Whose
        name: UserName,
        /// Bytes, with K, M, G, T
        #[arg(value_name = "SIZE", value_parser = words::quota)]
        size: words::Quota,
    },
    /// Remove a user with all his machines; his home is kept aside
    Remove {
        /// Which
        name: UserName,
    },
}

#[derive(Debug, Serialize)]
struct Changed<'a> {
    user: &'a str,
    changed: bool,
    cut: usize,
}

#[derive(Debug, Serialize)]
struct Removed<'a> {
    removed: &'a str,
    keys: usize,
    cut: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    home: Option<String>,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let Args { at, what } = args;
    let office = Office { line: here.line()?, at, here };
    match what {
        What::Add { name, grants: asked, no_home, quota } => {
            let mut all = if no_home { Vec::new() } else { Grant::own_home().to_vec() };
            all.extend(grants(&asked)?);
            if all.is_empty() {
                return Err(Fail::usage("a user without a home and without grants could do nothing")
                    .hint("say what it may do, like: landline user add NAME --no-home read /pub"));
            }
            let request = UserRequest::Add { name: name.to_string(), grants: texts(&all), home: !no_home, quota };
            office
                .change(
                    &name,
                    request,
                    format_args!(
                        "{name} is a user now. To let a machine of {name}\u{2019}s call: landline invite {name}"
                    ),
                )
                .await?;
        }
        What::List => list(here, office.ask(UserRequest::List {}).await?),
        What::Show { name } => {
            for answer in office.ask(UserRequest::Show { name: name.to_string() }).await? {
                if let UserAnswer::User(user) = answer {
                    show(here, &user);
                }
            }
        }
        What::Grant { name, grants: asked } => {
            let asked = grants(&asked)?;
            let request = UserRequest::Grant { name: name.to_string(), grants: texts(&asked) };
            office.change(&name, request, format_args!("{name} may now: {}.", texts(&asked).join(", "))).await?;
        }
        What::Revoke { name, grants: asked } => {
            let asked = grants(&asked)?;
            let request = UserRequest::Revoke { name: name.to_string(), grants: texts(&asked) };
            office.change(&name, request, format_args!("{name} may no longer: {}.", texts(&asked).join(", "))).await?;
        }
        What::Home { name } => {
            let request = UserRequest::Home { name: name.to_string() };
            let said = format!("{name} has a home now, and the paths of {name} begin there.");
            office.change(&name, request, said).await?;
        }
        What::Quota { name, size } => {
            let request = UserRequest::Quota { name: name.to_string(), bytes: size.0 };
            let said = match size.0 {
                Some(bytes) => format!("The home of {name} may hold {}.", units::bytes(bytes)),
                None => format!("The home of {name} may hold any amount."),
            };
            office.change(&name, request, said).await?;
        }
        What::Passwd(args) => passwd::run(args, &office).await?,
        What::Remove { name } => remove(here, &office, &name).await?,
    }
    Ok(Exit::Done)
}

/// Where users are changed: at another machine, at the server that runs here, or in the state folder if none does.
struct Office<'a> {
    line: Line,
    at: Option<ContactName>,
    here: &'a Here,
}

impl Office<'_> {
    async fn ask(&self, request: UserRequest) -> Result<Vec<UserAnswer>, Fail> {
        if let Some(contact) = &self.at {
            let fail = |fault| line_fail(contact.as_str(), fault);
            let mut admin = Admin::open_at(&self.line, &Machine::Contact(contact.clone())).await.map_err(fail)?;
            return admin.users(request).await.map_err(fail);
        }
        match Admin::open(&self.line).await {
            Ok(mut admin) => Ok(admin.users(request).await?),
            Err(LineError::NotServing { .. }) => {
                let settings = self.here.settings(&Flags::default())?;
                let people = People::at_rest(self.line.store().clone(), settings.homes.value);
                let answers = people.answer(request.clone()).await;
                let answers = answers.map_err(|fault| Fail::new(fault.code.into(), fault_words(&fault)))?;
                if settings.audit.value {
                    let (home, act) = (self.line.home().clone(), Request::User(request));
                    // A panic in it has told what it could; the change is made.
                    drop(tokio::task::spawn_blocking(move || note_without_server(&home, &act)).await);
                }
                Ok(answers)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn change(&self, name: &UserName, request: UserRequest, said: impl std::fmt::Display) -> Result<(), Fail> {
        let answers = self.ask(request).await?;
        let Some(UserAnswer::Done { changed, cut }) = answers.last() else { return Err(unexpected_answer()) };
        let (changed, cut, out) = (*changed, *cut, &self.here.out);
        if out.is_json() {
            out.object(&Changed { user: name.as_str(), changed, cut });
        } else if changed {
            out.say(said);
            tell_cut(self.here, cut);
        } else {
            out.say("That was so already.");
        }
        Ok(())
    }
}

async fn remove(here: &Here, office: &Office<'_>, name: &UserName) -> Result<(), Fail> {
    let answers = office.ask(UserRequest::Remove { name: name.to_string() }).await?;
    let Some(UserAnswer::Removed { keys, cut, home }) = answers.into_iter().next_back() else {
        return Err(unexpected_answer());
    };
    if here.out.is_json() {
        here.out.object(&Removed { removed: name.as_str(), keys, cut, home });
        return Ok(());
    }
    let machines = units::count(u64::try_from(keys).unwrap_or(u64::MAX), "machine");
    here.out.say(format_args!("{name} is no user any more, and {machines} may not call."));
    tell_cut(here, cut);
    if let Some(home) = home {
        here.out.say(format_args!("What was in the home is kept in {}", shown(&home)));
    }
    Ok(())
}

fn tell_cut(here: &Here, cut: usize) {
    if cut > 0 {
        here.out.say(format_args!("{} cut.", units::count(u64::try_from(cut).unwrap_or(u64::MAX), "open call")));
    }
}

fn texts(grants: &[Grant]) -> Vec<String> {
    grants.iter().map(ToString::to_string).collect()
}

fn unexpected_answer() -> Fail {
    Fail::internal("the server answered something else than was asked")
}

fn list(here: &Here, answers: Vec<UserAnswer>) {
    let users: Vec<UserMsg> = answers
        .into_iter()
        .filter_map(|answer| match answer {
            UserAnswer::User(user) => Some(user),
            UserAnswer::Done { .. } | UserAnswer::Stretch { .. } | UserAnswer::Removed { .. } => None,
        })
        .collect();
    if here.out.is_json() {
        return users.iter().for_each(|user| here.out.row(user));
    }
    let width = users.iter().map(|user| shown(&user.name).to_string().chars().count()).max().unwrap_or(0);
    for user in &users {
        let name = shown(&user.name).to_string();
        let machines = units::count(u64::try_from(user.machines).unwrap_or(u64::MAX), "machine");
        here.out.line(format_args!("{name:<width$}  {machines:<12}  {}", shown(&user.grants.join(", "))));
    }
}

fn show(here: &Here, user: &UserMsg) {
    if here.out.is_json() {
        return here.out.row(user);
    }
    let out = &here.out;
    let default = if user.default { " (who is invited without a name)" } else { "" };
    out.line(format_args!("{}{default}", shown(&user.name)));
    let home = match (user.home, user.used.unwrap_or(0), user.quota) {
        (false, ..) => "none".to_owned(),
        (true, used, Some(quota)) => format!("{} of {}", units::bytes(used), units::bytes(quota)),
        (true, used, None) => format!("{}, no quota", units::bytes(used)),
    };
    out.line(format_args!("  home      {home}"));
    out.line(format_args!("  password  {}", if user.password == Some(true) { "set" } else { "none" }));
    let blocks = [
        ("grants", user.grants.iter().map(|grant| shown(grant).to_string()).collect::<Vec<_>>()),
        ("machines", user.keys.iter().map(machine).collect()),
    ];
    for (title, lines) in blocks {
        let title = std::iter::once(title).chain(std::iter::repeat(""));
        let none = if lines.is_empty() { vec!["none".to_owned()] } else { lines };
        for (title, line) in title.zip(&none) {
            out.line(format_args!("  {title:<8}  {line}"));
        }
    }
    if user.machines > user.keys.len() {
        out.line(format_args!("            and {} more", user.machines - user.keys.len()));
    }
}

fn machine(key: &KeyMsg) -> String {
    let seen = match key.last_seen {
        Some(time) => format!("called {}", units::local_time(time, 0)),
        None => "never called".to_owned(),
    };
    format!("{}  {seen}  {}", shown(&key.fingerprint), shown(&key.label))
}
