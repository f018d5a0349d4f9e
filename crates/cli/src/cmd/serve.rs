//! `serve`: this machine answers calls until it is told to stop.
//!
//! stdout: one line `ready tcp://…` when calls can come, or events as JSON objects. stderr: what a person should know.

use std::path::{Path, PathBuf};

use landline_addr::endpoint::Endpoint;
use landline_net::ServerLimits;
use landline_services::admin::Invitation;
use landline_services::house::{House, HouseFacts, HouseOptions};
use landline_store::Home;
use rustix::fs::{Access, access};
use sd_notify::NotifyState;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::config::{Flags, Settings};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::{Here, host_name};
use crate::signals::Signals;
use crate::units;

mod events;

use events::{Ready, Simple, Stopped};

/// Serve a folder, and answer calls until stopped
///
/// Runs in the foreground; Ctrl-C or SIGTERM lets running calls finish first, a second one ends them at once. The folder
/// is made if it is missing. At the very first start an invitation for another machine is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder that others may read and change [default: `share` in config.toml]
    dir: Option<PathBuf>,
    /// Where to listen, like tcp://*:5463, :8000, 192.168.1.5:0 or unix:/run/x.sock; can be given several times
    #[arg(long, value_name = "ENDPOINT")]
    listen: Vec<Endpoint>,
    /// Where the folders of users lie who have one [default: homes in the state folder]
    #[arg(long, value_name = "DIR")]
    homes: Option<PathBuf>,
    /// Let nobody change anything in the folder
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    read_only: Option<bool>,
    /// How many seconds running calls may take to finish when the server is stopped
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u64>,
}

impl Args {
    /// As settings understand them.
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            listen: self.listen.clone(),
            share: self.dir.clone(),
            homes: self.homes.clone(),
            read_only: self.read_only,
            grace_seconds: self.grace,
            ..Flags::default()
        }
    }
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let settings = here.settings(&args.flags())?;
    let Some(share) = settings.share.value.clone() else {
        return Err(Fail::usage("it was not said which folder to serve").hint(
            "name one (it is made if missing): landline serve ./share; or put share = \"/path\" into config.toml",
        ));
    };
    let share = absolute(&share)?;
    super::open_files::allow_many();
    // Before anybody is told that it is ready: from then on it may be told to stop.
    let mut signals = Signals::new()?;
    let line = here.line()?;
    let homes = absolute(&settings.homes.value)?;
    let options = HouseOptions {
        share,
        homes,
        listen: settings.listen.value.clone(),
        read_only: settings.read_only.value,
        limits: ServerLimits { grace: settings.grace.value, ..ServerLimits::default() },
        label: host_name(),
        audit: settings.audit.value,
    };
    let house = House::open(&line, options).await?;
    let mut happenings = house.events();
    tell_ready(here, line.home(), house.facts());
    if house.facts().first_start {
        invite(here, &house, &settings).await?;
    }
    here.out.say("\nStop with Ctrl-C.");

    let stop = CancellationToken::new();
    let running = house.run(stop.clone());
    tokio::pin!(running);
    let mut listening = true;
    let cut = loop {
        tokio::select! {
            cut = &mut running => break cut,
            () = signals.next() => {
                if stop.is_cancelled() {
                    here.out.warn("stopped at once; running calls were cut");
                    return Ok(Exit::Interrupted);
                }
                stop.cancel();
                tell_stopping(here, &settings);
            }
            happened = happenings.recv(), if listening => match happened {
                Ok(event) => events::tell(here, line.store(), event).await,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => listening = false,
            },
        }
    };
    tell_stopped(here, cut);
    Ok(Exit::Done)
}

fn absolute(path: &Path) -> Result<PathBuf, Fail> {
    std::path::absolute(path).map_err(|fault| Fail::io(format_args!("cannot find {}", path.display()), &fault))
}

fn tell_ready(here: &Here, home: &Home, facts: &HouseFacts) {
    let out = &here.out;
    if out.is_json() {
        out.object(&Ready::new(home.path(), facts));
    } else if let Some(first) = facts.listen.first() {
        out.line_now(format_args!("ready {first}"));
    }
    notify(&[NotifyState::Ready]);
    let rights = if facts.read_only { "others may read it" } else { "others may read and change it" };
    out.say(format_args!("Serving {} ({rights})", facts.share.display()));
    for (place, endpoint) in facts.reachable.iter().enumerate() {
        out.say(format_args!("  {:<12} {}", if place == 0 { "address" } else { "" }, dialled(&endpoint.to_string())));
    }
    for endpoint in facts.listen.iter().filter(|endpoint| matches!(endpoint, Endpoint::Unix(_))) {
        out.say(format_args!("  {:<12} {endpoint}", "socket"));
    }
    out.say(format_args!("  {:<12} {}", "fingerprint", facts.fingerprint));
    out.say(format_args!("  {:<12} {}", "state", home.path().display()));
    out.say(format_args!("  {:<12} {}", "own socket", facts.socket.display()));
    if !facts.read_only && access(&facts.share, Access::WRITE_OK).is_err() {
        out.warn(format_args!(
            "{} can't be written by this user, so nobody can send anything; to make that the rule: --read-only",
            facts.share.display()
        ));
    }
}

/// Without anybody to talk to there is nobody to invite.
async fn invite(here: &Here, house: &House, settings: &Settings) -> Result<(), Fail> {
    if here.out.is_quiet() && !here.out.is_json() {
        return Ok(());
    }
    let invitation = house.invite(settings.code_life.value).await.map_err(|fault| {
        Fail::new(fault.code.into(), format_args!("cannot invite: {}", crate::fail::fault_words(&fault)))
    })?;
    if here.out.is_json() {
        here.out.object(&events::Invited::new(&invitation));
    }
    here.out.say("\nNobody else knows this machine yet.");
    tell_invitation(here, &invitation);
    Ok(())
}

/// What the other machine's owner has to do; also said by `invite`.
pub(crate) fn tell_invitation(here: &Here, invitation: &Invitation) {
    let time = units::coarse(std::time::Duration::from_secs(invitation.expires_in));
    here.out.say(format_args!("To introduce another machine, run this on it within {time}:"));
    here.out.say(format_args!("  {}", join_command(invitation)));
    here.out.say("and when it asks for the code, type:");
    here.out.say(format_args!("  {}", invitation.code));
}

/// The exact command for the other machine.
pub(crate) fn join_command(invitation: &Invitation) -> String {
    let place = invitation.addresses.first().map_or("HOST:PORT", |address| dialled(address));
    match super::join::suggested_name(&[&host_name()]) {
        Some(name) => format!("landline join {place} --name {name}"),
        None => format!("landline join {place}"),
    }
}

/// An endpoint as a person types it: the scheme goes without saying.
pub(crate) fn dialled(endpoint: &str) -> &str {
    endpoint.strip_prefix("tcp://").unwrap_or(endpoint)
}

fn tell_stopping(here: &Here, settings: &Settings) {
    notify(&[NotifyState::Stopping]);
    if here.out.is_json() {
        here.out.object(&Simple { event: "stopping" });
    }
    let grace = units::coarse(settings.grace.value);
    here.out.say(format_args!("Stopping; running calls have up to {grace} to finish. Ctrl-C again ends them at once."));
}

fn tell_stopped(here: &Here, cut: usize) {
    if here.out.is_json() {
        here.out.object(&Stopped { event: "stopped", cut });
    }
    if cut == 0 {
        here.out.say("Stopped.");
    } else {
        here.out.warn(format_args!(
            "{} did not finish in time and had to be cut",
            units::count(u64::try_from(cut).unwrap_or(u64::MAX), "call")
        ));
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(fault) = sd_notify::notify(states) {
        tracing::debug!(%fault, "the service manager can't be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_for_the_other_machine_can_be_copied() {
        let invitation = Invitation {
            code: "7-cross-clock".to_owned(),
            expires_in: 600,
            addresses: vec!["tcp://192.0.2.1:5463".to_owned()],
            fingerprint: "abcd-efgh".to_owned(),
        };
        let command = join_command(&invitation);
        assert!(command.starts_with("landline join 192.0.2.1:5463"), "{command}");
        assert!(!command.contains("cross"), "the code must not travel in arguments");
    }
}
