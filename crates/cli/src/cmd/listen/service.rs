//! Which service `listen` gives, from its flags to a handler.

use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use landline_addr::raw::RawEndpoint;
use landline_net::raw::{AnyHandler, Connection, Handler, RawError, Responding};
use landline_services::simple::{self, Broker, Slow};
use tokio::sync::Mutex as TurnMutex;

use super::Args;
use crate::cmd::sockets::fail::talk_fail;
use crate::cmd::sockets::human::Human;
use crate::cmd::sockets::pump::{Fault, Pump};
use crate::cmd::sockets::qq::Answering;
use crate::cmd::sockets::turns::Turns;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;

/// What is served.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServiceFlags {
    /// What is done with each connection
    #[arg(long, value_name = "SERVICE", value_enum, default_value = "pipe", hide_default_value = true)]
    service: Name,
    /// What `ack` and `hello` answer
    #[arg(long, value_name = "TEXT")]
    answer: Option<String>,
    /// What is said when a connection stands
    #[arg(long, value_name = "TEXT")]
    greeting: Option<String>,
    /// The word that ends a conversation, said by either; an empty one stands for none. Left out it is
    /// `bye`, for ack `##`, for greet `exit`
    #[arg(long, value_name = "WORD")]
    closing: Option<String>,
    /// `talk`: the line of yours that ends a conversation without being sent
    #[arg(long, value_name = "WORD")]
    leave: Option<String>,
    /// What one says goes to all others, as --service broker
    #[arg(long, conflicts_with_all = ["service", "chat"])]
    broker: bool,
    /// The same with names, as --service chat
    #[arg(long, conflicts_with = "service")]
    chat: bool,
    /// `broker`, `chat`: what becomes of a member that does not keep up
    #[arg(long, value_name = "WHAT", value_enum, default_value = "close", hide_default_value = true)]
    slow: SlowMember,
    /// `talk`: speak first
    #[arg(long)]
    first: bool,
    /// `upper`: take white space off both ends first
    #[arg(long)]
    strip: bool,
    /// Close a connection after one answer
    #[arg(long)]
    one_answer: bool,
    /// `time`: answer an empty request with nothing, not with the default format
    #[arg(long)]
    empty_for_empty: bool,
}

/// The services, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Standard input and output (the default)
    Pipe,
    /// Sends back what came
    Echo,
    /// Sends back what came in upper case
    Upper,
    /// Answers everything with the same words
    Ack,
    /// Answers one message with a greeting, or greets first, and closes
    Hello,
    /// Takes a strftime format and answers with the local time
    Time,
    /// You and the other end in turns
    Talk,
    /// You answer each datagram with a line
    Qq,
    /// What one says goes to all others
    Broker,
    /// The same with names: `/name NAME` chooses one
    Chat,
    /// Takes everything and says nothing
    Discard,
    /// Tells what came
    Info,
}

/// What becomes of a member whose queue (256 KiB) is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SlowMember {
    /// Whoever talks waits for it
    Block,
    /// Its oldest messages are dropped, and counted
    DropOldest,
    /// It is closed (the default)
    Close,
}

impl From<SlowMember> for Slow {
    fn from(chosen: SlowMember) -> Self {
        match chosen {
            SlowMember::Block => Self::Block,
            SlowMember::DropOldest => Self::DropOldest,
            SlowMember::Close => Self::Close,
        }
    }
}

/// A service, ready.
pub(super) struct Serving {
    handler: AnyHandler,
    talks: bool,
    lost: Option<Box<dyn Fn() -> u64 + Send + Sync>>,
    fault: Arc<Mutex<Option<Fail>>>,
}

impl ServiceFlags {
    /// The service that the flags ask for at `endpoint`.
    ///
    /// # Errors
    /// If they don't fit together.
    pub(super) fn serving(&self, args: &Args, endpoint: &RawEndpoint, here: &Here) -> Result<Serving, Fail> {
        let fault = Arc::default();
        let word = |given: &Option<String>, default: &str| given.as_deref().unwrap_or(default).as_bytes().to_vec();
        let closing = |default: &str| Some(word(&self.closing, default)).filter(|word| !word.is_empty());
        let handler = match self.name() {
            Name::Pipe => return Ok(self.talking(args, here, None)),
            Name::Talk => {
                let turns = Turns {
                    second: !self.first,
                    closing: closing("bye"),
                    leave: self.leave.clone().map(String::into_bytes),
                    ..Turns::default()
                };
                return Ok(self.talking(args, here, Some(turns)));
            }
            Name::Qq => {
                let human = Human::new(&args.show, true, here);
                return Ok(Serving {
                    handler: AnyHandler::new(Answering::new(human)),
                    talks: false,
                    fault,
                    lost: None,
                });
            }
            Name::Echo => AnyHandler::new(Responding::new(simple::Echo)),
            Name::Upper => AnyHandler::new(Responding::new(simple::Upper { strip: self.strip, once: self.one_answer })),
            Name::Ack => AnyHandler::new(Responding::new(simple::Ack {
                answer: word(&self.answer, "Receive your message"),
                closing: closing("##"),
            })),
            Name::Hello => AnyHandler::new(Responding::new(simple::Hello {
                greeting: self.greeting.clone().map(String::into_bytes),
                answer: word(&self.answer, "hi"),
            })),
            Name::Time => AnyHandler::new(Responding::new(simple::Time::new(self.empty_for_empty))),
            Name::Broker | Name::Chat => {
                let broker = Broker::new(self.slow.into());
                let broker = if self.name() == Name::Chat { broker.named() } else { broker };
                let lost = Box::new(broker.lost());
                return Ok(Serving { handler: AnyHandler::new(broker), talks: false, fault, lost: Some(lost) });
            }
            Name::Discard => AnyHandler::new(Responding::new(simple::Discard)),
            Name::Info => AnyHandler::new(Responding::new(simple::Info)),
        };
        let _ = (args.is_guarded(endpoint), here);
        Ok(Serving { handler, talks: false, fault, lost: None })
    }

    fn name(&self) -> Name {
        match (self.broker, self.chat) {
            (true, _) => Name::Broker,
            (_, true) => Name::Chat,
            _ => self.service,
        }
    }

    fn talking(&self, args: &Args, here: &Here, turns: Option<Turns>) -> Serving {
        let fault: Arc<Mutex<Option<Fail>>> = Arc::default();
        let lines = args.talk.by_lines() || turns.is_some();
        let human = Human::new(&args.show, lines, here);
        let pump = Pump { lines, linger: args.life.linger, keeps: args.life.keep };
        let talker = Talker { human: TurnMutex::new(human), pump, turns, fault: Arc::clone(&fault) };
        Serving { handler: AnyHandler::new(talker), talks: true, fault, lost: None }
    }
}

impl Serving {
    pub(super) fn handler(&self) -> AnyHandler {
        self.handler.clone()
    }

    /// Whether the person here talks with one peer at a time.
    pub(super) fn talks(&self) -> bool {
        self.talks
    }

    /// Messages that slow members lost, of services that have members.
    pub(super) fn lost(&self) -> Option<u64> {
        self.lost.as_ref().map(|lost| lost())
    }

    /// How the last conversation ended.
    pub(super) fn outcome(&self) -> Result<Exit, Fail> {
        match self.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(fail) => Err(fail),
            None => Ok(Exit::Done),
        }
    }
}

/// The person here, and one peer after the other.
struct Talker {
    human: TurnMutex<Human>,
    pump: Pump,
    turns: Option<Turns>,
    fault: Arc<Mutex<Option<Fail>>>,
}

impl Handler for Talker {
    async fn handle(&self, connection: Connection) -> Result<(), RawError> {
        let mut human = self.human.lock().await;
        let peer = connection.peer().to_string();
        let outcome = match &self.turns {
            Some(turns) => turns.clone().run(connection, &mut human).await,
            None => self.pump.run(connection, &mut human).await,
        };
        let fail = match &outcome {
            Ok(()) => None,
            Err(Fault::Talk(fault)) => Some(talk_fail(&peer, fault)),
            Err(Fault::Here(fail)) => Some(fail.clone()),
        };
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fail;
        match outcome {
            Err(Fault::Talk(fault)) => Err(fault),
            Ok(()) | Err(Fault::Here(_)) => Ok(()),
        }
    }
}
