//! `invite`: a one-time code for another machine. Needs the running server, which is the one that will be joined.

use std::time::{Duration, SystemTime};

use landline_addr::contact::{ContactName, Machine};
use landline_addr::endpoint::{Endpoint, Host};
use landline_addr::user::UserName;
use landline_services::admin::{Admin, Invitation};
use landline_services::line::Line;
use landline_store::Event;
use serde::Serialize;

use crate::cmd::serve;
use crate::config::Flags;
use crate::exit::Exit;
use crate::fail::{Fail, line_fail};
use crate::here::Here;

/// How often it is looked whether the code was used.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Make a one-time code that lets another machine call this one
///
/// Needs `landline serve` to be running. With USER the machine calls as that user (see landline user), else as friends. Read the code to the other machine's owner: it works once, and only for a while.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Whose machine it will be [default: the user friends]
    #[arg(value_name = "USER")]
    user: Option<UserName>,
    /// Make it at another machine, which needs the grant admin
    #[arg(long, value_name = "CONTACT", conflicts_with = "wait")]
    at: Option<ContactName>,
    /// How many minutes the code can be used for [default: 10]
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<u64>,
    /// Wait until the code is used, burned or over; exit code 1 unless it was used
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Serialize)]
struct Invited<'a> {
    #[serde(flatten)]
    invitation: &'a Invitation,
    command: String,
}

#[derive(Debug, Serialize)]
struct Ended {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let settings = here.settings(&Flags { code_minutes: args.minutes, ..Flags::default() })?;
    let line = here.line()?;
    let mut happenings = line.store().events();
    let user = args.user.as_ref().map(UserName::as_str);
    let mut admin = match &args.at {
        Some(contact) => {
            let opened = Admin::open_at(&line, &Machine::Contact(contact.clone())).await;
            opened.map_err(|fault| line_fail(contact.as_str(), fault))?
        }
        None => Admin::open(&line).await?,
    };
    let invitation = admin.invite(settings.code_life.value, user).await?;
    if here.out.is_json() {
        here.out.object(&Invited { command: serve::join_command(&invitation), invitation: &invitation });
    } else {
        here.out.line_now(&invitation.code);
        tell(here, &invitation);
    }
    if args.wait { wait(here, &line, &invitation, &mut happenings).await } else { Ok(Exit::Done) }
}

fn tell(here: &Here, invitation: &Invitation) {
    let time = crate::units::coarse(Duration::from_secs(invitation.expires_in));
    here.out.say(format_args!("That is the code, for {time} and one machine. On the other machine run:"));
    here.out.say(format_args!("  {}", serve::join_command(invitation)));
    here.out.say("and type the code when it asks.");
    let others = other_addresses(&invitation.addresses);
    if !others.is_empty() {
        here.out.say(format_args!("If it can't be reached there, try: {}", others.join(" ")));
    }
}

/// Where else another machine may find this one, as a person types it: no address that means the machine that dials.
fn other_addresses(all: &[String]) -> Vec<&str> {
    let is_own = |address: &str| match address.parse::<Endpoint>() {
        Ok(Endpoint::Tcp { host: Host::Ip(ip), .. }) => ip.is_loopback(),
        _ => false,
    };
    all.iter().skip(1).map(String::as_str).filter(|address| !is_own(address)).map(serve::dialled).collect()
}

async fn wait(
    here: &Here,
    line: &Line,
    invitation: &Invitation,
    happenings: &mut tokio::sync::broadcast::Receiver<Event>,
) -> Result<Exit, Fail> {
    let number = invitation.code.split('-').next().and_then(|number| number.parse::<u16>().ok());
    let ends = SystemTime::now() + Duration::from_secs(invitation.expires_in);
    let mut beat = tokio::time::interval(LOOK_EVERY);
    loop {
        beat.tick().await;
        let over = SystemTime::now() >= ends;
        line.store().pull_events().await?;
        while let Ok(event) = happenings.try_recv() {
            match event {
                Event::CodeUsed { number: used, key } if Some(used) == number => {
                    let fingerprint = key.fingerprint();
                    ended(here, "introduced", Some(fingerprint.to_string()));
                    here.out.say(format_args!("Introduced: a machine with the key {fingerprint} may call now."));
                    return Ok(Exit::Done);
                }
                Event::CodeBurned { number: burned } if Some(burned) == number => {
                    ended(here, "code-burned", None);
                    here.out.warn("somebody tried the code with wrong words, so it is used up: make a new one");
                    return Ok(Exit::No);
                }
                _ => {}
            }
        }
        if over {
            ended(here, "code-expired", None);
            here.out.warn("nobody used the code in time");
            return Ok(Exit::No);
        }
    }
}

fn ended(here: &Here, event: &'static str, fingerprint: Option<String>) {
    if here.out.is_json() {
        here.out.object(&Ended { event, fingerprint });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_an_address_that_means_himself() {
        let all = ["tcp://192.0.2.2:1", "tcp://[fd00::2]:1", "tcp://127.0.0.1:1", "tcp://[::1]:1"].map(str::to_owned);
        assert_eq!(other_addresses(&all), ["[fd00::2]:1"]);
        assert!(other_addresses(&all[2..]).is_empty());
    }
}
