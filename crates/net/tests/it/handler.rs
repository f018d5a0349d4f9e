//! The handler of these tests: who is known is a set that a test changes, and a service is a behaviour.
//!
//! Whatever it is asked or does it also reports, so that a test waits for events instead of time.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
};

use landline_net::{Admission, Block, Call, CallError, Caller, Ended, Handler, Parting, Peer, Refusal, Standing, Whom};
use landline_wire::{ErrorCode, Fault, Reply};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// What the handler reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// It was asked whether this peer may use this service.
    Asked(Peer, String),
    /// It serves a request now.
    Busy(Peer),
    /// It was told to stop while it served.
    Stopping,
    /// A service ended with this fault.
    Broke(String),
}

/// The known peers and the gate; shared with the test.
#[derive(Debug)]
pub(crate) struct Book {
    known: Mutex<HashSet<Peer>>,
    /// `hold` answers when there is a permit here.
    pub(crate) gate: Semaphore,
    events: mpsc::UnboundedSender<Event>,
    partings: Mutex<Vec<Parting>>,
}

impl Book {
    pub(crate) fn new(events: mpsc::UnboundedSender<Event>) -> Arc<Self> {
        Arc::new(Self { known: Mutex::default(), gate: Semaphore::new(0), events, partings: Mutex::default() })
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, HashSet<Peer>> {
        self.known.lock().unwrap()
    }

    /// How the connections ended that are over, of which there will be `count`.
    pub(crate) async fn partings(&self, count: usize) -> Vec<Parting> {
        loop {
            let over = self.partings.lock().unwrap().clone();
            if over.len() >= count {
                return over;
            }
            tokio::task::yield_now().await;
        }
    }

    fn report(&self, event: Event) {
        self.events.send(event).ok();
    }
}

/// The handler.
#[derive(Debug)]
pub(crate) struct Desk(pub(crate) Arc<Book>);

/// The services, by what they do.
const SERVICES: &[&str] = &["echo", "whoami", "hold", "deaf", "pour", "stuff", "panic"];

impl Handler for Desk {
    type Pass = String;

    async fn admit(&self, caller: &Caller, service: &str) -> Result<Admission<String>, Refusal> {
        self.0.report(Event::Asked(caller.peer, service.to_owned()));
        let pass = service.to_owned();
        if service == "meet" {
            return Ok(Admission { pass, standing: Standing::Stranger, whom: Whom::default() });
        }
        if !self.0.known().contains(&caller.peer) {
            return Err(Refusal::Stranger);
        }
        match service {
            "panic-at-the-door" => panic!("the handler panics when it is asked"),
            "slow-door" => {
                self.0.gate.acquire().await.unwrap().forget();
                Ok(Admission { pass: "echo".to_owned(), standing: Standing::Known, whom: Whom::default() })
            }
            known if SERVICES.contains(&known) => {
                Ok(Admission { pass, standing: Standing::Known, whom: Whom::default() })
            }
            _ => Err(Refusal::Known(Fault::new(ErrorCode::Unsupported, "no such service here"))),
        }
    }

    async fn serve(&self, pass: String, call: &mut Call, stop: &CancellationToken) -> Result<Ended, CallError> {
        let outcome = self.behave(&pass, call, stop).await;
        if let Err(fault) = &outcome {
            self.0.report(Event::Broke(fault.to_string()));
        }
        outcome
    }

    fn parted(&self, parting: &Parting) {
        self.0.partings.lock().unwrap().push(parting.clone());
    }
}

impl Desk {
    async fn behave(&self, service: &str, call: &mut Call, stop: &CancellationToken) -> Result<Ended, CallError> {
        if service == "echo" {
            return echo(call, stop).await;
        }
        let Some(request) = call.recv::<Value>().await? else { return Ok(Ended::Well) };
        self.0.report(Event::Busy(call.peer()));
        match service {
            "whoami" => {
                let exporter = call.exporter().map(|bytes| format!("{bytes:?}"));
                call.send(&json!({"peer": call.peer().to_string(), "exporter": exporter})).await?;
            }
            "hold" => {
                stop.cancelled().await;
                self.0.report(Event::Stopping);
                self.0.gate.acquire().await.unwrap().forget();
                call.send(&Reply::Done {}).await?;
            }
            "deaf" => std::future::pending().await,
            "pour" => loop {
                let mut block = Block::new();
                block.set_len(Block::CAPACITY);
                call.halves().1.send_block(&mut block).await?;
            },
            "stuff" => {
                // Far more than the sockets take, left for the last words to send.
                for _ in 0..16 {
                    call.halves().1.queue_data(&vec![0; Block::CAPACITY])?;
                }
            }
            "meet" if request.get("wait").is_some() => drop(call.recv::<Value>().await?),
            "meet" => return Ok(Ended::Refused(Fault::new(ErrorCode::NoMatch, ""))),
            _ => panic!("the handler panics in the middle of a call"),
        }
        Ok(Ended::Well)
    }
}

/// Sends back each message and counts the bytes of each piece of data.
async fn echo(call: &mut Call, stop: &CancellationToken) -> Result<Ended, CallError> {
    use landline_net::Received;
    loop {
        let got = tokio::select! {
            () = stop.cancelled() => return Ok(Ended::Well),
            got = call.halves().0.recv() => got?,
        };
        match got {
            None => return Ok(Ended::Well),
            Some(Received::Message(body)) => call.send(&landline_wire::decode::<Value>(&body)?).await?,
            Some(Received::Data(body) | Received::Stderr(body) | Received::Records(body)) => {
                call.send(&json!({"bytes": body.len()})).await?;
                let (reader, _) = call.halves();
                reader.recycle(body);
                reader.release();
            }
        }
    }
}
