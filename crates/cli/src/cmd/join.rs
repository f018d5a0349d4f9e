//! `join`: this machine is introduced to another by a code, and remembers it as a contact.

use std::path::PathBuf;
use std::time::SystemTime;

use landline_addr::contact::ContactName;
use landline_addr::endpoint::{Endpoint, Host};
use landline_net::DialError;
use landline_services::files;
use landline_services::introduce::{self, Introduced};
use landline_services::line::Line;
use landline_store::{Contact, Contacts as _};
use landline_wire::shown;
use serde::Serialize;

use crate::exit::Exit;
use crate::fail::{Fail, dial_fail, join_fail};
use crate::here::{Here, host_name};

mod code;

/// Introduce this machine to another one by a code
///
/// The other machine's owner gets the code from `landline invite`. It is asked for on the terminal; scripts give it by
/// --code-file or in the variable LANDLINE_CODE.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the other machine is: HOST or HOST:PORT; without a port, 5463
    #[arg(value_name = "HOST[:PORT]", value_parser = endpoint)]
    endpoint: Endpoint,
    /// What you will call the other machine [default: what it calls itself]
    #[arg(long, value_name = "NAME")]
    name: Option<ContactName>,
    /// Read the code from this file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    code_file: Option<PathBuf>,
    /// The code itself. Careful: other users of this computer can see it in the list of processes
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
}

#[derive(Debug, Serialize)]
struct Joined<'a> {
    contact: &'a str,
    fingerprint: String,
    address: String,
    label: &'a str,
}

pub(super) fn endpoint(text: &str) -> Result<Endpoint, String> {
    match text.parse::<Endpoint>().map_err(|fault| fault.to_string())? {
        Endpoint::Tcp { host: Host::Any, .. } => Err("name the other machine: HOST or HOST:PORT".to_owned()),
        Endpoint::Tcp { port: 0, .. } => Err("port 0 can't be dialled; leave the port out for 5463".to_owned()),
        Endpoint::Unix(_) => Err("an introduction goes over the network: HOST or HOST:PORT".to_owned()),
        endpoint @ Endpoint::Tcp { .. } => Ok(endpoint),
    }
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let line = here.line()?;
    // Whatever can be wrong without the code is found before it is typed, and before it is used up.
    if let Some(name) = &args.name {
        refuse_taken(&line, name, &args.endpoint, "code").await?;
    }
    let code = code::find(here, args.code.as_deref(), args.code_file.as_deref()).await?;
    let place = args.endpoint.to_string();
    let place = place.strip_prefix("tcp://").unwrap_or(&place);
    let introduced =
        introduce::join(&line, &args.endpoint, &code, &host_name()).await.map_err(|fault| join_fail(place, fault))?;
    let (name, new) = remember(&line, args.name.as_ref(), &introduced).await?;
    tell(here, &name, new, &introduced);
    Ok(Exit::Done)
}

/// A name that means another machine already must not come to mean this one.
pub(super) async fn refuse_taken(
    line: &Line,
    name: &ContactName,
    endpoint: &Endpoint,
    secret: &str,
) -> Result<(), Fail> {
    let Some(contact) = line.store().contact(name).await? else { return Ok(()) };
    match line.dialer().call(endpoint, &contact.keys, files::SERVICE).await {
        // The same machine again, perhaps at a new address: it shows the key that is known.
        Ok(_) => Ok(()),
        Err(DialError::WrongKey { .. }) => {
            Err(Fail::new(Exit::Conflict, format_args!("the name {name} is taken by another machine")).hint(
                format_args!(
                    "the {secret} was not used. Choose another name with --name, or free this one first: \
                 landline contacts rename {name} NEW, or landline contacts remove {name}"
                ),
            ))
        }
        Err(fault) => Err(dial_fail(name.as_str(), &fault)),
    }
}

/// Adds the contact, or its new address; answers with its name, and whether it is new.
pub(super) async fn remember(
    line: &Line,
    wanted: Option<&ContactName>,
    introduced: &Introduced,
) -> Result<(ContactName, bool), Fail> {
    let store = line.store();
    let known = store.contact_by_key(&introduced.key).await?;
    let name = match (wanted, &known) {
        (Some(name), _) => name.clone(),
        (None, Some(known)) => known.name.clone(),
        (None, None) => free_name(line, introduced).await?,
    };
    let new = known.is_none_or(|known| known.name != name);
    let contact = Contact {
        name: name.clone(),
        keys: vec![introduced.key],
        addresses: vec![introduced.endpoint.to_string()],
        added_at: SystemTime::now(),
    };
    store.add_contact(contact).await.map_err(|fault| {
        Fail::from(fault)
            .hint("the other machine knows this one now; do it again with another --name (join: and a new code)")
    })?;
    Ok((name, new))
}

/// The first suggestion that nobody has, with a number behind it if need be.
async fn free_name(line: &Line, introduced: &Introduced) -> Result<ContactName, Fail> {
    let host = match &introduced.endpoint {
        Endpoint::Tcp { host: Host::Name(host), .. } => host.as_str(),
        Endpoint::Tcp { .. } | Endpoint::Unix(_) => "",
    };
    let base =
        suggested_name(&[&introduced.host_label, host, "machine"]).ok_or_else(|| Fail::internal("no name fits"))?;
    let taken = line.store().list_contacts().await?;
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.to_string())
        .chain(numbered)
        .take(taken.len() + 2)
        .filter_map(|name| name.parse::<ContactName>().ok())
        .find(|name| taken.iter().all(|contact| contact.name != *name))
        .ok_or_else(|| Fail::new(Exit::Conflict, "no name is free").hint("give one with --name"))
}

/// The first of `labels` that can be made a contact's name: lower case, other characters to `-`, at most 40 of them.
pub(crate) fn suggested_name(labels: &[&str]) -> Option<ContactName> {
    let plain = |label: &&str| {
        let first = label.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let name: String = first.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
        name.trim_matches('-').parse().ok()
    };
    labels.iter().find_map(plain)
}

pub(super) fn tell(here: &Here, name: &ContactName, new: bool, introduced: &Introduced) {
    let fingerprint = introduced.key.fingerprint();
    if here.out.is_json() {
        here.out.object(&Joined {
            contact: name.as_str(),
            fingerprint: fingerprint.to_string(),
            address: introduced.endpoint.to_string(),
            label: &introduced.host_label,
        });
    }
    if new {
        here.out.say(format_args!("Introduced: {name} is a contact now, and knows this machine."));
    } else {
        here.out.say(format_args!("Introduced again: {name} was known already; its address is up to date."));
    }
    if !introduced.host_label.is_empty() && introduced.host_label != name.as_str() {
        here.out.say(format_args!("  calls itself {}", shown(&introduced.host_label)));
    }
    here.out.say(format_args!("  fingerprint  {fingerprint}"));
    here.out.say(format_args!("Try: landline ls {name}:      or: landline put FILE {name}:"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(labels: &[&str]) -> Option<String> {
        suggested_name(labels).map(|name| name.to_string())
    }

    #[test]
    fn what_a_machine_calls_itself_becomes_a_name_that_fits_the_rule() {
        assert_eq!(suggested(&["Ann's MacBook.local"]).as_deref(), Some("ann-s-macbook"));
        assert_eq!(suggested(&["-x-"]).as_deref(), Some("x"));
        assert_eq!(suggested(&[&"y".repeat(300)]).unwrap().len(), 40);
    }

    #[test]
    fn what_cannot_become_a_name_gives_way_to_the_next() {
        assert_eq!(suggested(&["localhost", "desk"]).as_deref(), Some("desk"));
        assert_eq!(suggested(&["电脑", "", "tcp", "machine"]).as_deref(), Some("machine"));
        assert_eq!(suggested(&["\u{1b}[2J"]).as_deref(), Some("2j"));
        assert_eq!(suggested(&[]), None);
    }

    #[test]
    fn only_what_can_be_dialled_is_joined() {
        assert!(endpoint("192.0.2.1").is_ok());
        for text in ["*", ":5463", "host:0", "unix:/x", "host:99999"] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }
}
