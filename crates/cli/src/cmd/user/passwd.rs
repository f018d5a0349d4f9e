//! `user passwd`: sets the password that `landline login` asks for. The server gets a record of it, never the password.

use std::path::PathBuf;

use landline_addr::user::UserName;
use landline_services::admin::msg::{UserAnswer, UserRequest};
use landline_trust::password::Enrolment;
use landline_trust::stretch::Cost;
use landline_wire::Blob;
use rand::rngs::OsRng;

use super::{Office, unexpected_answer};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::phrase::Phrase;

/// The password of a user.
pub(crate) const PASSWORD: Phrase = Phrase {
    noun: "password",
    variable: "LANDLINE_PASSWORD",
    flag: "--password-file",
    meaning: "With this password the user can let machines of his own in, by landline login.",
    short: 10,
    warning: "the password is short: whoever steals this machine\u{2019}s state folder can try many; several random words are better",
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose
    name: UserName,
    /// Read the password from the first line of this file (- is standard input) instead of asking for it
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take the password away; machines that are in stay in
    #[arg(long, conflicts_with = "password_file")]
    remove: bool,
}

pub(super) async fn run(args: Args, office: &Office<'_>) -> Result<(), Fail> {
    let Args { name, password_file, remove } = args;
    let user = || name.to_string();
    if remove {
        let said = format_args!("{name} has no password any more; machines that are in stay in.");
        return office.change(&name, UserRequest::NoPassword { name: user() }, said).await;
    }
    office.ask(UserRequest::Show { name: user() }).await?; // nobody types a password for a user that there is not
    let password = PASSWORD.new_one(password_file.as_deref(), office.here).await?;
    let (begun, step) = Enrolment::start(&password, &mut OsRng);
    let answers = office.ask(UserRequest::Password { name: user(), step: Blob(step) }).await?;
    let Some(UserAnswer::Stretch { step, cost }) = answers.into_iter().next_back() else {
        return Err(unexpected_answer());
    };
    let cost = Cost::from_bytes(&cost.0).map_err(|fault| Fail::new(Exit::Refused, fault))?;
    let stretching = tokio::task::spawn_blocking(move || begun.finish(&step.0, cost, &mut OsRng));
    let stretched = stretching.await.map_err(|_| Fail::internal("the password could not be stretched"))?;
    let record = stretched.map_err(|fault| Fail::new(Exit::NoSpace, fault))?;
    let said =
        format_args!("{name} has a new password. On a machine of {name}\u{2019}s: landline login HOST --user {name}");
    office.change(&name, UserRequest::SetPassword { name: user(), step: Blob(record) }, said).await
}
