//! Typing: the thread on which a person's line is edited, with history and completion.
//!
//! In: prompts, and answers to what the completer asks. Out: lines, Ctrl-C, the end; questions of the completer. The keys are only
//! read between a prompt and its line: what runs in between has the terminal as it was.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::sync::mpsc as waiting;
use std::thread;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use tokio::sync::mpsc;

use super::complete::{Wanted, at, candidates, verbs};
use super::glob::Named;
use super::history::History;
use crate::editor::Restore;

/// What comes of a prompt.
pub(super) enum Event {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C: the line is dropped.
    Interrupted,
    /// Ctrl-D.
    End,
    /// The completer asks.
    Ask(Ask),
    /// The terminal can't be read.
    Broken(io::Error),
}

/// Whose folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// This machine's.
    Here,
    /// The other's.
    There,
}

/// A folder to look in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Folder {
    pub(super) side: Side,
    /// As it was typed; nothing is where the shell is.
    pub(super) dir: Vec<u8>,
}

/// What is in a folder?
pub(super) struct Ask {
    pub(super) folder: Folder,
    pub(super) answer: waiting::Sender<Vec<Named>>,
}

/// A person's lines.
pub(super) struct Typing {
    prompts: waiting::Sender<String>,
    events: mpsc::Receiver<Event>,
    _before: Restore,
}

impl Typing {
    /// Gets ready; `None` where the terminal is not good enough for it.
    pub(super) fn open(mut history: History) -> Option<Self> {
        let before = Restore::later();
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            .max_history_size(super::history::MOST);
        let config = config.ok()?.build();
        let mut editor: Editor<Help, MemHistory> =
            Editor::with_history(config.clone(), MemHistory::with_config(&config)).ok()?;
        for line in history.lines() {
            drop(editor.add_history_entry(line)); // memory takes it
        }
        let (give, events) = mpsc::channel(1);
        editor.set_helper(Some(Help { asks: give.clone(), known: RefCell::default() }));
        let (prompts, take) = waiting::channel::<String>();
        thread::spawn(move || {
            while let Ok(prompt) = take.recv() {
                if let Some(helper) = editor.helper_mut() {
                    helper.known.borrow_mut().clear();
                }
                let event = match editor.readline(&prompt) {
                    Ok(line) => {
                        if !line.trim().is_empty() && editor.add_history_entry(line.as_str()).unwrap_or(false) {
                            history.add(&line);
                        }
                        Event::Line(line)
                    }
                    Err(ReadlineError::Interrupted) => Event::Interrupted,
                    Err(ReadlineError::Eof) => Event::End,
                    Err(ReadlineError::Io(fault)) => Event::Broken(fault),
                    Err(other) => Event::Broken(io::Error::other(other)),
                };
                if give.blocking_send(event).is_err() {
                    return;
                }
            }
        });
        Some(Self { prompts, events, _before: before })
    }

    /// Lets the person type a line.
    pub(super) fn prompt(&self, prompt: String) {
        drop(self.prompts.send(prompt)); // a thread that is gone is met by `next`
    }

    /// What comes of it. Cancel-safe.
    pub(super) async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap_or(Event::End)
    }
}

/// What completes words.
struct Help {
    asks: mpsc::Sender<Event>,
    /// What was told while this line is typed.
    known: RefCell<HashMap<Folder, Vec<Named>>>,
}

impl Help {
    fn names(&self, side: Side, dir: &[u8]) -> Vec<Named> {
        let folder = Folder { side, dir: dir.to_vec() };
        let known = self.known.borrow().get(&folder).cloned();
        known.unwrap_or_else(|| {
            let (answer, wait) = waiting::channel();
            let ask = Ask { folder: folder.clone(), answer };
            let told = self.asks.blocking_send(Event::Ask(ask)).ok().and_then(|()| wait.recv().ok());
            let names = told.unwrap_or_default();
            self.known.borrow_mut().insert(folder, names.clone());
            names
        })
    }
}

impl Completer for Help {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Some(spot) = line.get(..pos).and_then(at) else { return Ok((pos, Vec::new())) };
        let sides: &[Side] = match spot.wanted {
            Wanted::Verb => return Ok((spot.start, verbs(&spot))),
            Wanted::Nothing => &[],
            Wanted::There => &[Side::There],
            Wanted::Here => &[Side::Here],
            Wanted::ThereFirst => &[Side::There, Side::Here],
            Wanted::HereFirst => &[Side::Here, Side::There],
        };
        let found = sides.iter().map(|side| candidates(&spot, &self.names(*side, spot.dir())));
        let found = found.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
        let pair = |(display, replacement)| Pair { display, replacement };
        Ok((spot.start, found.into_iter().map(pair).collect()))
    }
}

impl Hinter for Help {
    type Hint = String;
}

impl Highlighter for Help {}
impl Validator for Help {}
impl Helper for Help {}
