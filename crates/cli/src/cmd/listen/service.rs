//! Which service `listen` gives, from its flags to a handler.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use landline_addr::raw::RawEndpoint;
use landline_net::raw::{AnyHandler, Connection, Handler, RawError, Responding};
use landline_services::files::engine::LocalEngine;
use landline_services::files::tree::Tree;
use landline_services::simple::{self, Bot, Broker, Files, Greet, Manner, Slow, Table, TableError, Uploads};
use landline_wire::framing::Framing;
use tokio::sync::Mutex as TurnMutex;
use tokio::time::timeout;

use super::Args;
use crate::cmd::sockets::exec::{self, ExecFlags};
use crate::cmd::sockets::fail::talk_fail;
use crate::cmd::sockets::human::Human;
use crate::cmd::sockets::pump::{Fault, Pump};
use crate::cmd::sockets::qq::Answering;
use crate::cmd::sockets::seconds::seconds;
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
    /// What `ack` and `hello` answer, `bot` to what it does not know, `upload` when a file is safe
    #[arg(long, value_name = "TEXT")]
    answer: Option<String>,
    /// What `hello` and `greet` say when a connection stands
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
    /// `broker`, `chat`: what becomes of a member that does not keep up; it is closed unless set otherwise
    #[arg(long, value_name = "WHAT", value_enum)]
    slow: Option<SlowMember>,
    /// `talk`: speak first
    #[arg(long)]
    first: bool,
    /// `greet`: how long each answer takes, a second unless set otherwise
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    delay: Option<Duration>,
    /// `bot`: the file of questions and answers, one pair a line, a tab or ` -> ` between
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// `file`, `upload`: the directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// `upload`: a file takes the place of one with its name; else it is refused
    #[arg(long)]
    replace: bool,
    /// `upload`: bytes of the largest file
    #[arg(long, value_name = "SIZE", value_parser = crate::units::parse_bytes)]
    max_file: Option<u64>,
    /// `upper`: take white space off both ends first
    #[arg(long)]
    strip: bool,
    /// Close a connection after one answer
    #[arg(long)]
    one_answer: bool,
    /// `time`: answer an empty request with nothing, not with the default format
    #[arg(long)]
    empty_for_empty: bool,
    #[command(flatten)]
    exec: ExecFlags,
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
    /// Welcomes, and greets by name after a moment, until `exit`
    Greet,
    /// Runs each message in a shell and answers with its output
    Exec,
    /// Answers questions from a table
    Bot,
    /// Sends the file that is named
    File,
    /// Takes files that come with a header of size, name and MD5
    Upload,
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

/// Counts messages that slow members lost.
type Lost = Box<dyn Fn() -> u64 + Send + Sync>;

/// Who answers, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answerer {
    /// A program, everybody who comes.
    Program,
    /// The person here, every datagram peer.
    ByHand,
    /// The person here, one peer at a time, bytes both ways at will.
    Pump,
    /// The person here, one peer at a time, in turns.
    Turns,
}

/// A service, ready.
pub(super) struct Serving {
    handler: AnyHandler,
    answerer: Answerer,
    lost: Option<Lost>,
    fault: Arc<Mutex<Option<Fail>>>,
}

impl ServiceFlags {
    /// The service that the flags ask for at `endpoint`.
    ///
    /// # Errors
    /// If they don't fit together.
    pub(super) fn serving(&self, args: &Args, endpoint: &RawEndpoint, here: &Here) -> Result<Serving, Fail> {
        self.check()?;
        let handler = match self.name() {
            Name::Pipe => return Ok(self.talking(args, here, None)),
            Name::Talk => {
                let turns = Turns {
                    second: !self.first,
                    closing: self.closing("bye"),
                    leave: self.leave.clone().map(String::into_bytes),
                    ..Turns::default()
                };
                return Ok(self.talking(args, here, Some(turns)));
            }
            Name::Qq => {
                let handler = AnyHandler::new(Answering::new(Human::new(&args.show, true, here)));
                return Ok(Serving { answerer: Answerer::ByHand, ..Serving::of(handler) });
            }
            Name::Broker | Name::Chat => {
                let broker = Broker::new(self.slow.unwrap_or(SlowMember::Close).into());
                let broker = if self.name() == Name::Chat { broker.named() } else { broker };
                let lost: Lost = Box::new(broker.lost());
                return Ok(Serving { lost: Some(lost), ..Serving::of(AnyHandler::new(broker)) });
            }
            Name::Exec if !args.is_guarded(endpoint) => {
                return Err(exec::refused(
                    endpoint,
                    "bind it to 127.0.0.1 or the file of a UNIX socket, or ask for a key with --auth",
                ));
            }
            Name::Greet if endpoint.is_datagram() => {
                return Err(Fail::usage("greet needs connections: it greets, and datagrams have nobody to greet"));
            }
            Name::Exec => self.exec.handler(&args.talk.talk(), endpoint.is_datagram()),
            Name::File | Name::Upload => self.files(args)?,
            Name::Bot => AnyHandler::new(Responding::new(self.bot()?)),
            name => self.answering(name),
        };
        Ok(Serving::of(handler))
    }

    /// Refuses what would do nothing at the service that was chosen.
    ///
    /// # Errors
    /// If there is such a thing.
    fn check(&self) -> Result<(), Fail> {
        use Name::{Ack, Bot, Broker, Chat, Exec, File, Greet, Hello, Talk, Time, Upload, Upper};
        let name = self.name();
        let asked: [(&str, bool, &[Name]); 14] = [
            ("--answer", self.answer.is_some(), &[Ack, Hello, Bot, Upload]),
            ("--greeting", self.greeting.is_some(), &[Hello, Greet]),
            ("--closing", self.closing.is_some(), &[Ack, Greet, Bot, Talk]),
            ("--leave", self.leave.is_some(), &[Talk]),
            ("--slow", self.slow.is_some(), &[Broker, Chat]),
            ("--first", self.first, &[Talk]),
            ("--delay", self.delay.is_some(), &[Greet]),
            ("--table", self.table.is_some(), &[Bot]),
            ("--dir", self.dir.is_some(), &[File, Upload]),
            ("--replace", self.replace, &[Upload]),
            ("--max-file", self.max_file.is_some(), &[Upload]),
            ("--strip and --one-answer", self.strip || self.one_answer, &[Upper]),
            ("--empty-for-empty", self.empty_for_empty, &[Time]),
            ("--output, --command-timeout, --after-end and --max-output", self.exec.is_asked(), &[Exec]),
        ];
        match asked.iter().find(|(_, given, services)| *given && !services.contains(&name)) {
            Some((option, _, services)) => {
                let words: Vec<String> = services.iter().map(|one| format!("{one:?}").to_lowercase()).collect();
                Err(Fail::usage(format_args!("{option}: only for --service {}", words.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// Services that answer each message by itself, and need nothing but words.
    fn answering(&self, name: Name) -> AnyHandler {
        let word = |default: &str| self.answer.as_deref().unwrap_or(default).as_bytes().to_vec();
        let greeting = self.greeting.clone().map(String::into_bytes);
        match name {
            Name::Echo => AnyHandler::new(Responding::new(simple::Echo)),
            Name::Upper => AnyHandler::new(Responding::new(simple::Upper { strip: self.strip, once: self.one_answer })),
            Name::Ack => {
                let answer = word("Receive your message");
                AnyHandler::new(Responding::new(simple::Ack { answer, closing: self.closing("##") }))
            }
            Name::Hello => AnyHandler::new(Responding::new(simple::Hello { greeting, answer: word("hi") })),
            Name::Greet => {
                let welcome = greeting.unwrap_or_else(|| Greet::default().welcome);
                AnyHandler::new(Greet {
                    welcome,
                    closing: self.closing("exit"),
                    delay: self.delay.unwrap_or_else(|| Greet::default().delay),
                })
            }
            Name::Time => AnyHandler::new(Responding::new(simple::Time::new(self.empty_for_empty))),
            Name::Info => AnyHandler::new(Responding::new(simple::Info)),
            _ => AnyHandler::new(Responding::new(simple::Discard)),
        }
    }

    fn bot(&self) -> Result<Bot, Fail> {
        let default = Bot::default();
        let table = match &self.table {
            None => default.table,
            Some(path) => Table::read(path).map_err(|fault| match fault {
                TableError::Io(fault) => Fail::io(format_args!("cannot read the table {}", path.display()), &fault),
                other => Fail::usage(format_args!("{}: {other}", path.display())),
            })?,
        };
        let unknown = self.answer.clone().map_or(default.unknown, String::into_bytes);
        Ok(Bot { table, unknown, closing: self.closing("bye") })
    }

    fn files(&self, args: &Args) -> Result<AnyHandler, Fail> {
        let dir = self.dir.as_ref().ok_or_else(|| Fail::usage("--service file and upload need a --dir"))?;
        let opened = Tree::open(dir).map_err(|fault| {
            Fail::new(Exit::NotFound, format_args!("cannot use the directory {}: {fault}", dir.display()))
        });
        let tree = Arc::new(opened?);
        if self.name() == Name::File {
            let headed = args.talk.talk().outgoing == Framing::Json;
            return Ok(AnyHandler::new(Files::new(tree, if headed { Manner::Headed } else { Manner::Bare })));
        }
        let mut uploads = Uploads::new(Arc::new(LocalEngine::new(tree)));
        uploads.replace = self.replace;
        uploads.most = self.max_file;
        uploads.answer = self.answer.clone().unwrap_or_default().into_bytes();
        Ok(AnyHandler::new(uploads))
    }

    /// The closing word; an empty one stands for none.
    fn closing(&self, default: &str) -> Option<Vec<u8>> {
        let word = self.closing.as_deref().unwrap_or(default);
        (!word.is_empty()).then(|| word.as_bytes().to_vec())
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
        let pump = Pump { lines, linger: args.life.linger, idle: args.talk.idle(), keeps: args.life.keep };
        let answerer = if turns.is_none() { Answerer::Pump } else { Answerer::Turns };
        let limit = args.life.timeout;
        let talker = Talker { human: TurnMutex::new(human), pump, turns, limit, fault: Arc::clone(&fault) };
        Serving { answerer, fault, ..Serving::of(AnyHandler::new(talker)) }
    }
}

impl Serving {
    fn of(handler: AnyHandler) -> Self {
        Self { handler, answerer: Answerer::Program, lost: None, fault: Arc::default() }
    }

    pub(super) fn handler(&self) -> AnyHandler {
        self.handler.clone()
    }

    /// Whether the person here talks with one peer at a time.
    pub(super) fn talks(&self) -> bool {
        matches!(self.answerer, Answerer::Pump | Answerer::Turns)
    }

    /// Whether each message is answered by itself.
    pub(super) fn answers(&self) -> bool {
        self.handler.responder().is_some()
    }

    /// Whether bytes go both ways without turns.
    pub(super) fn pumps(&self) -> bool {
        self.answerer == Answerer::Pump
    }

    /// Whether a person answers, whom nobody can put into a loop.
    pub(super) fn is_by_hand(&self) -> bool {
        self.answerer != Answerer::Program
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
    limit: Option<Duration>,
    fault: Arc<Mutex<Option<Fail>>>,
}

impl Handler for Talker {
    async fn handle(&self, connection: Connection) -> Result<(), RawError> {
        let mut human = self.human.lock().await;
        let peer = connection.peer().to_string();
        let talking = async {
            match &self.turns {
                Some(turns) => turns.clone().run(connection, &mut human).await,
                None => self.pump.run(connection, &mut human).await,
            }
        };
        let outcome = match self.limit {
            None => talking.await,
            // Here and not by the server, so that it is known how it ended.
            Some(limit) => timeout(limit, talking).await.unwrap_or(Err(Fault::Talk(RawError::TimedOut(limit)))),
        };
        human.screen.written().await;
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
