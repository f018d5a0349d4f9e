//! QQ by UDP, as a tutorial has it: an address book, a friend is chosen, each message is answered by one.
//!
//! In: names and messages, line by line. Out: datagrams to the friend who was chosen. `q` goes back to the choice; an empty
//! message and an unknown name send nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use landline_addr::raw::RawEndpoint;
use landline_net::raw::dial::dial;
use landline_net::raw::{Connection, DialOptions, Handler, RawError};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::fail::{dial_fail, talk_fail};
use super::human::Human;
use super::pump::Fault;
use crate::fail::Fail;
use crate::here::Here;

/// The word that goes back to the choice of a friend.
const BACK: &[u8] = b"q";

/// One friend: a name and where.
#[derive(Debug, Clone)]
pub(crate) struct Friend {
    name: String,
    endpoint: RawEndpoint,
}

impl std::str::FromStr for Friend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, place) = text.split_once('=').ok_or("write NAME=HOST:PORT")?;
        let place = if place.contains("://") { place.to_owned() } else { format!("udp://{place}") };
        let endpoint: RawEndpoint = place.parse().map_err(|fault| format!("{fault}"))?;
        if name.is_empty() || !endpoint.is_datagram() {
            return Err("a friend has a name, and is reached by udp://".to_owned());
        }
        Ok(Self { name: name.to_owned(), endpoint })
    }
}

/// Talks with friends until the input ends. Waits `patience` for each answer.
///
/// # Errors
/// If a friend can't be reached or does not answer.
pub(crate) async fn talk(
    friends: &[Friend],
    options: &DialOptions,
    patience: Duration,
    human: &mut Human,
    here: &Here,
) -> Result<(), Fail> {
    let book: BTreeMap<&str, &RawEndpoint> = friends.iter().map(|one| (one.name.as_str(), &one.endpoint)).collect();
    let names: Vec<&str> = book.keys().copied().collect();
    loop {
        here.out.say(format_args!("friends: {}", crate::screen::tame(&names.join(", "))));
        let Some(name) = human.keys.line().await? else { return Ok(()) };
        let Some(endpoint) = std::str::from_utf8(&name).ok().and_then(|name| book.get(name.trim())) else {
            here.out.say("no friend has that name");
            continue;
        };
        let mut line = dial(endpoint, options).await.map_err(|fault| dial_fail(endpoint, &fault))?.connection;
        let peer = line.peer().to_string();
        match with_friend(&mut line, patience, human).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(Fault::Here(fail)) => return Err(fail),
            Err(Fault::Talk(fault)) => return Err(talk_fail(&peer, &fault)),
        }
    }
}

/// Messages to one friend, until `q`. Whether the input has ended.
async fn with_friend(line: &mut Connection, patience: Duration, human: &mut Human) -> Result<bool, Fault> {
    loop {
        let Some(message) = human.keys.line().await? else { return Ok(true) };
        if &message[..] == BACK {
            return Ok(false);
        }
        if message.is_empty() {
            continue;
        }
        line.send(&message).await?;
        let answer = timeout(patience, line.receive()).await.map_err(|_| RawError::Idle(patience))??;
        if let Some(answer) = answer {
            human.screen.show_from(&answer, line.peer()).await;
        }
    }
}

/// The end that is asked: shows each datagram and answers it with a line that is typed.
pub(crate) struct Answering {
    human: Mutex<Human>,
}

impl Answering {
    /// `human` answers.
    pub(crate) fn new(human: Human) -> Self {
        Self { human: Mutex::new(human) }
    }
}

impl Handler for Answering {
    async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
        while let Some(message) = connection.receive().await? {
            let mut human = self.human.lock().await; // one after the other: each is answered before the next is shown
            human.screen.show_from(&message, connection.peer()).await;
            let Ok(Some(line)) = human.keys.line().await else { return Ok(()) };
            connection.send(line.trim_ascii()).await?;
        }
        Ok(())
    }
}
