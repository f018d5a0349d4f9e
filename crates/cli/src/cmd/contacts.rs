//! `contacts`: the address book: whom this machine calls, under which name, where.

use landline_addr::contact::ContactName;
use landline_addr::endpoint::{Endpoint, Host};
use landline_store::{Contact, Contacts as _, StoreError};
use serde::Serialize;

use crate::exit::Exit;
use crate::fail::{Fail, nearest};
use crate::here::Here;
use crate::units;

/// Show or change the address book: the machines that you can call
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

/// What to do with the address book.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// List the contacts with their addresses and fingerprints
    List,
    /// Give a contact another name
    Rename {
        /// Its name now
        from: ContactName,
        /// Its new name
        to: ContactName,
    },
    /// Forget a contact: its key and addresses. It may still call you; see landline key revoke
    Remove {
        /// Its name
        name: ContactName,
    },
    /// Tell where a contact is; replaces the addresses known so far
    Address {
        /// Its name
        name: ContactName,
        /// HOST or HOST:PORT; several are tried in this order
        #[arg(required = true, value_name = "HOST[:PORT]", value_parser = dialled)]
        addresses: Vec<Endpoint>,
    },
}

#[derive(Debug, Serialize)]
struct ContactObject<'a> {
    name: &'a str,
    keys: Vec<String>,
    addresses: &'a [String],
    added: Option<String>,
}

fn dialled(text: &str) -> Result<Endpoint, String> {
    match text.parse::<Endpoint>().map_err(|fault| fault.to_string())? {
        Endpoint::Tcp { host: Host::Any, .. } => Err("name a machine: HOST or HOST:PORT".to_owned()),
        Endpoint::Tcp { port: 0, .. } => Err("port 0 can't be dialled".to_owned()),
        Endpoint::Unix(_) => Err("contacts are called over the network: HOST or HOST:PORT".to_owned()),
        endpoint @ Endpoint::Tcp { .. } => Ok(endpoint),
    }
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let store = here.store()?;
    let book = store.list_contacts().await?;
    let unknown = |name: &ContactName, fault: StoreError| unknown(&book, name, fault);
    match args.what.unwrap_or(What::List) {
        What::List => list(here, &book),
        What::Rename { from, to } => {
            store.rename_contact(&from, &to).await.map_err(|fault| unknown(&from, fault))?;
            changed(here, store.contact(&to).await?.as_ref());
            here.out.say(format_args!("{from} is called {to} now."));
        }
        What::Remove { name } => {
            if !store.remove_contact(&name).await? {
                return Err(unknown(&name, StoreError::UnknownContact { name: name.clone() }));
            }
            changed(here, book.iter().find(|contact| contact.name == name));
            here.out.say(format_args!(
                "{name} is forgotten. If it may no longer call you: landline key list, landline key revoke"
            ));
        }
        What::Address { name, addresses } => {
            let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            let told = texts.join(", ");
            store.set_addresses(&name, texts).await.map_err(|fault| unknown(&name, fault))?;
            changed(here, store.contact(&name).await?.as_ref());
            here.out.say(format_args!("{name} will be called at {told}."));
        }
    }
    Ok(Exit::Done)
}

fn unknown(book: &[Contact], name: &ContactName, fault: StoreError) -> Fail {
    let near = match fault {
        StoreError::UnknownContact { .. } => {
            nearest(name.as_str(), book.iter().map(|contact| contact.name.as_str())).map(str::to_owned)
        }
        _ => None,
    };
    let fail = Fail::from(fault);
    match near {
        Some(near) => fail.hint(format_args!("did you mean {near}?")),
        None => fail,
    }
}

fn list(here: &Here, book: &[Contact]) {
    if here.out.is_json() {
        return book.iter().for_each(|contact| here.out.row(&object(contact)));
    }
    let width = book.iter().map(|contact| contact.name.as_str().len()).max().unwrap_or(0);
    for contact in book {
        let keys: Vec<String> = contact.keys.iter().map(ToString::to_string).collect();
        let addresses = if contact.addresses.is_empty() { "-".to_owned() } else { contact.addresses.join(" ") };
        let addresses = crate::screen::tame(&addresses);
        here.out.line(format_args!("{:<width$}  {}  {addresses}", contact.name.as_str(), keys.join(" ")));
    }
    if book.is_empty() {
        here.out
            .say("No contacts yet. Ask another machine's owner for a code (landline invite), then: landline join HOST");
    }
}

/// For programs: the contact as it is now, or as it was when it was removed.
fn changed(here: &Here, contact: Option<&Contact>) {
    if let Some(contact) = contact.filter(|_| here.out.is_json()) {
        here.out.object(&object(contact));
    }
}

fn object(contact: &Contact) -> ContactObject<'_> {
    ContactObject {
        name: contact.name.as_str(),
        keys: contact.keys.iter().map(ToString::to_string).collect(),
        addresses: &contact.addresses,
        added: units::utc(contact.added_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_dialled_is_an_address() {
        assert_eq!(dialled("192.0.2.1").unwrap().to_string(), "tcp://192.0.2.1:5463");
        for text in ["*", ":80", "host:0", "unix:/x", "udp://h:1"] {
            assert!(dialled(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mistyped_name_is_told_the_near_one() {
        let contact = Contact {
            name: "desk".parse().unwrap(),
            keys: vec![landline_trust::key::PublicKey::from_bytes([1; 32])],
            addresses: Vec::new(),
            added_at: std::time::SystemTime::UNIX_EPOCH,
        };
        let name: ContactName = "dexk".parse().unwrap();
        let fail = unknown(&[contact], &name, StoreError::UnknownContact { name: name.clone() });
        assert_eq!((fail.exit(), fail.hint_text()), (Exit::NotFound, Some("did you mean desk?")));
    }
}
