//! `login`: this machine is let in at another by its user's password, once, and remembers it as a contact.

use std::path::PathBuf;

use landline_addr::contact::ContactName;
use landline_addr::endpoint::Endpoint;
use landline_addr::user::UserName;
use landline_services::introduce::Introduced;
use landline_services::login::login;

use super::{join, user};
use crate::exit::Exit;
use crate::fail::{Fail, login_fail};
use crate::here::{Here, host_name};

/// Let this machine in at another one by your password there
///
/// Once for each machine: the password enrols this machine\u{2019}s key, and from then on the key does the work. The password itself
/// never leaves this machine, and the other one proves that it is the one you have it at. It is asked for on the terminal;
/// scripts give it by --password-file or in the variable LANDLINE_PASSWORD.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the other machine is: HOST or HOST:PORT; without a port, 5463
    #[arg(value_name = "HOST[:PORT]", value_parser = join::endpoint)]
    endpoint: Endpoint,
    /// Who you are there
    #[arg(long, value_name = "USER")]
    user: UserName,
    /// What you will call the other machine [default: what it calls itself]
    #[arg(long, value_name = "NAME")]
    name: Option<ContactName>,
    /// Read the password from the first line of this file (- is standard input) instead of asking for it
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let line = here.line()?;
    // Whatever can be wrong without the password is found before it is typed.
    if let Some(name) = &args.name {
        join::refuse_taken(&line, name, &args.endpoint, "password").await?;
    }
    let place = args.endpoint.to_string();
    let place = place.strip_prefix("tcp://").unwrap_or(&place);
    let question = format!("Password of {} at {place}: ", args.user);
    let password = user::PASSWORD.known_one(args.password_file.as_deref(), &question, here).await?;
    let let_in = login(&line, &args.endpoint, &args.user, password, &host_name()).await;
    let let_in = let_in.map_err(|fault| login_fail(place, fault))?;
    let introduced = Introduced { key: let_in.key, endpoint: let_in.endpoint, host_label: let_in.host_label };
    let (name, new) = join::remember(&line, args.name.as_ref(), &introduced).await?;
    join::tell(here, &name, new, &introduced);
    Ok(Exit::Done)
}
