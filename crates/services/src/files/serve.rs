//! The answering end of the files service: requests in order, each judged by the caller's grants.
//!
//! Every path goes through the one parser and the one tree; every decision through `trust::grant::may`. Disk work is
//! done on blocking threads. Source: PROTOCOL.md §7.

use std::{fs::File, io::Read as _, sync::Arc};

use landline_addr::path::SharePath;
use landline_net::{Call, CallError, CallWriter, Ended};
use landline_wire::{ErrorCode, Fault, MessageError, WireName};
use tokio_util::sync::CancellationToken;

use super::{
    company::Person,
    copy::{
        lanes::{crowded, no_stream},
        receive,
        send::{self, Load, Root},
    },
    digest::GROUP,
    engine::{LocalEngine, Owner, Policy},
    filter::Filter,
    memory::{Memory, identity},
    msg::{Ack, Answer, ENTRIES_PER_MESSAGE, EntryMsg, Request},
    streams::{Entered, Lanes, StreamId, Streams},
    tree::{Entry, Tree, TreeError},
    verify,
    watch::{Outcome, Watch},
};
use crate::audit::Audit;

mod account;
mod disk;
mod ending;
mod space;
mod visitor;

pub use visitor::Visitor;

use account::Account;
use disk::Disk;
use visitor::{only_visible, readable, visible};

/// A share as a service: one value for all calls.
#[derive(Debug, Clone)]
pub struct Share {
    engine: Arc<LocalEngine>,
    memory: Memory,
    disk: Disk,
    streams: Streams,
    read_only: bool,
    audit: Audit,
}

impl Share {
    /// Serves `tree`; with `read_only` whatever the grants say.
    #[must_use]
    pub fn new(tree: Arc<Tree>, read_only: bool) -> Self {
        let (engine, memory) = (Arc::new(LocalEngine::new(tree)), Memory::default());
        Self { engine, memory, disk: Disk::new(), streams: Streams::default(), read_only, audit: Audit::default() }
    }

    /// Remembers in `memory` what saves work later.
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        if let Some(index) = &memory.index {
            let engine = LocalEngine::new(Arc::clone(self.engine.tree())).with_index(Arc::clone(index));
            self.engine = Arc::new(engine);
        }
        self.memory = memory;
        self
    }

    /// Serves `tree` as this share is served: with what is remembered here, and within the same number of jobs on the disk.
    #[must_use]
    pub fn beside(&self, tree: Arc<Tree>) -> Self {
        let engine = LocalEngine::new(tree);
        let engine = match &self.memory.index {
            Some(index) => engine.with_index(Arc::clone(index)),
            None => engine,
        };
        Self { engine: Arc::new(engine), streams: self.streams.beside(), ..self.clone() }
    }

    /// What is served.
    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        self.engine.tree()
    }

    /// Notes in `audit` what is changed and handed out.
    #[must_use]
    pub fn with_audit(self, audit: Audit) -> Self {
        Self { audit, ..self }
    }

    /// Answers requests until the caller hangs up, or until `stop` between two of them.
    ///
    /// # Errors
    /// As the line fails or the caller breaks the protocol.
    pub async fn serve(
        &self,
        visitor: &Visitor,
        call: &mut Call,
        stop: &CancellationToken,
        idle: std::time::Duration,
    ) -> Result<Ended, CallError> {
        let ending = call.card().ending().clone();
        loop {
            call.set_read_idle(idle);
            let request = tokio::select! {
                () = stop.cancelled() => {
                    call.send(&Answer::Error(Fault::new(ErrorCode::Stopping, "this machine is stopping"))).await?;
                    return Ok(Ended::Well);
                }
                () = ending.cancelled() => return Ok(Ended::Well), // who serves the call says why
                request = call.recv::<Request>() => request,
            };
            let request = match request {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(Ended::Well),
                // The frame was whole, so the stream is in step: say so and go on.
                Err(CallError::Message(fault @ (MessageError::Malformed { .. } | MessageError::TooDeep))) => {
                    let text = format!("no such request in this version: {fault}");
                    call.send(&Answer::Error(Fault::new(ErrorCode::Unsupported, text))).await?;
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            self.answer(visitor, call, request).await?;
        }
    }

    async fn answer(&self, visitor: &Visitor, call: &mut Call, request: Request) -> Result<(), CallError> {
        let account = Account::of(&self.audit, visitor, call, &request);
        match request {
            Request::List { path } => self.list(visitor, call, &path).await,
            Request::Stat { path, hash } => self.stat(visitor, call, &path, hash).await,
            Request::Get { path, exclude, totals, by_hash, hard_links, attributes, rate, press, stream } => {
                let hashes = self.memory.hashes.clone();
                let press = press.into();
                let load = Load { totals, by_hash, hard_links, attributes, hashes, rate, press, ..Load::default() };
                self.get((visitor, account), call, (&path, &exclude), load, stream).await
            }
            Request::Hashes { path, exclude } => self.hashes(visitor, call, &path, &exclude).await,
            Request::Put { existing, backup, if_match, stream } => {
                let hash = if_match.map(blake3::Hash::from_hex).transpose();
                let Ok(if_match) = hash else {
                    let fault = Fault::new(ErrorCode::BadRequest, "a hash is 64 hex digits");
                    account.failed(&fault);
                    call.send(&Ack::Error(fault.clone())).await?;
                    return Err(fault.into()); // the stream is on its way already
                };
                let policy = Policy { existing: existing.into(), backup, if_match, ..Policy::default() };
                self.put((visitor, account), call, policy, stream).await
            }
            Request::Lane { of } => self.lane(call, of).await,
            Request::Space {} => self.space(visitor, call).await,
            Request::MakeDir { path, parents } => {
                let at = self.writable(visitor, &path);
                let make = move |tree: &Tree, at: SharePath| {
                    if parents { tree.make_dirs(&at) } else { tree.make_dir(&at, NEW_DIR_MODE) }
                };
                self.change((call, account), at, make).await
            }
            Request::Move { from, to, replace } => {
                let both = self.writable(visitor, &from).and_then(|from| Ok((from, self.writable(visitor, &to)?)));
                let both = both.and_then(|(from, to)| {
                    // Else moving were a way to read: out of where one may only write.
                    if visitor.may_read_about(&to) && !visitor.may_read(&from) {
                        return Err(visitor.may_not("read"));
                    }
                    Ok((from, to))
                });
                self.change((call, account), both, move |tree, (from, to)| tree.rename(&from, &to, replace)).await
            }
            Request::Remove { path, recursive } => {
                let at = self.writable(visitor, &path);
                self.change((call, account), at, move |tree, at| tree.remove(&at, recursive)).await
            }
        }
    }

    /// A change that is answered by `done`; what was judged goes in, or the fault goes out.
    async fn change<P: Send + 'static>(
        &self,
        (call, account): (&mut Call, Account),
        judged: Result<P, Fault>,
        act: impl FnOnce(&Tree, P) -> Result<(), TreeError> + Send + 'static,
    ) -> Result<(), CallError> {
        let answer = match judged {
            Err(fault) => Answer::Error(fault),
            Ok(what) => {
                let tree = Arc::clone(self.engine.tree());
                match self.disk.run(call, move |_| act(&tree, what)).await? {
                    Ok(()) => Answer::Done {},
                    Err(fault) => Answer::Error(fault_of(&fault)),
                }
            }
        };
        account.answered(&answer);
        call.send(&answer).await
    }

    async fn list(&self, visitor: &Visitor, call: &mut Call, path: &WireName) -> Result<(), CallError> {
        let entries = match visible(visitor, path) {
            Err(fault) => Err(fault),
            Ok(at) => {
                let (tree, looked) = (Arc::clone(self.engine.tree()), at.clone());
                let entries = self.disk.run(call, move |_| tree.list(&looked)).await?;
                entries.map(|entries| only_visible(visitor, &at, entries)).map_err(|fault| fault_of(&fault))
            }
        };
        match entries {
            Err(fault) => call.send(&Answer::Error(fault)).await,
            Ok(entries) => {
                let mut rest = entries.chunks(ENTRIES_PER_MESSAGE).peekable();
                let (_, writer) = call.halves();
                loop {
                    let part = rest.next().unwrap_or_default();
                    let more = rest.peek().is_some();
                    queue_entries(writer, part, more)?;
                    if writer.is_full() || !more {
                        writer.flush().await?;
                    }
                    if !more {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn stat(&self, visitor: &Visitor, call: &mut Call, path: &WireName, hash: bool) -> Result<(), CallError> {
        // A hash is of what is read; that a folder is there may also be known by who only passes through.
        let judged = if hash { readable(visitor, path) } else { visible(visitor, path) };
        let answer = match judged {
            Err(fault) => Answer::Error(fault),
            Ok(at) => {
                let tree = Arc::clone(self.engine.tree());
                let look = move |gone: &CancellationToken| {
                    if hash {
                        let (file, entry) = tree.open_file(&at)?;
                        let hash = hash_of(file, gone)
                            .map_err(|source| TreeError::Io { path: at.as_bytes().to_vec(), source })?;
                        Ok((entry, Some(hash)))
                    } else {
                        tree.stat(&at).map(|entry| (entry, None))
                    }
                };
                match self.disk.run(call, look).await? {
                    Ok((entry, hash)) => Answer::Entry { entry: EntryMsg::from(&entry), hash },
                    Err(fault) => Answer::Error(fault_of(&fault)),
                }
            }
        };
        call.send(&answer).await
    }

    async fn get(
        &self,
        (visitor, mut account): (&Visitor, Account),
        call: &mut Call,
        (path, exclude): (&WireName, &[String]),
        load: Load,
        stream: Option<StreamId>,
    ) -> Result<(), CallError> {
        let (root, filter) = match self.readable_tree(visitor, call, path, exclude).await? {
            Ok(ready) if !self.streams.is_forbidden(identity(call.peer()), stream) => ready,
            refused => {
                let fault = refused.err().unwrap_or_else(ending::ended);
                account.failed(&fault);
                return call.send(&Answer::Error(fault)).await;
            }
        };
        tracing::info!(visitor = %visitor.name, path = %landline_wire::shown(root.from.as_bytes()), "get");
        let _place = self.disk.place(call).await?;
        let lanes = send::Lanes::default();
        let (joins, card) = (Lanes::Away(lanes.clone()), call.card().clone());
        let entered = self.enter((call, visitor), stream, joins.clone()).await;
        let roots = vec![root];
        let watch = Watch::new(|_| {});
        account.copies(&watch);
        let run = send::run(call.halves(), Load { roots, filter, ..load }, &lanes, &watch);
        let ended = ending::heed(&card, (&entered, &joins), run).await;
        account.copied(&ended);
        ended.map(|_| ())
    }

    /// A copy stream begins, whose lanes others can find from now on.
    fn enter(
        &self,
        (call, visitor): (&Call, &Visitor),
        name: Option<StreamId>,
        lanes: Lanes,
    ) -> impl Future<Output = Entered> + use<> {
        let (streams, peer, line) = (self.streams.clone(), identity(call.peer()), call.line());
        let person = if visitor.is_default { Person::Machine(peer) } else { Person::User(visitor.name.clone()) };
        async move { streams.enter((peer, person), name, lanes, line).await }
    }

    /// This call carries groups of a stream that the same peer runs on another one, while no other user copies.
    async fn lane(&self, call: &mut Call, of: StreamId) -> Result<(), CallError> {
        let joined = match self.streams.find(identity(call.peer()), of) {
            None => Err(no_stream()),
            Some((_, place)) if place.is_shared().await => Err(crowded()),
            Some((lanes, place)) => lanes.join().map(|lane| (lanes, place, lane)),
        };
        match joined {
            Ok((lanes, place, lane)) => {
                if let Err(fault) = call.send(&Answer::Done {}).await {
                    lanes.displace(); // it was cut, and perhaps heard
                    lane.leave();
                    return Err(fault);
                }
                let (card, enough) = (call.card().clone(), CancellationToken::new());
                let crowding = async {
                    place.shared().await;
                    enough.cancel();
                    std::future::pending().await
                };
                let carry = async {
                    tokio::select! {
                        parted = lane.carry(call, &enough) => parted.map(drop),
                        never = crowding => never,
                    }
                };
                ending::heed_lane(&card, &lanes, carry).await
            }
            Err(CallError::Fault(fault)) => call.send(&Answer::Error(fault)).await,
            Err(fault) => Err(fault),
        }
    }

    /// What a caller wants to read, if he may and it is there.
    async fn readable_tree(
        &self,
        visitor: &Visitor,
        call: &mut Call,
        path: &WireName,
        exclude: &[String],
    ) -> Result<Result<(Root, Filter), Fault>, CallError> {
        let tree = Arc::clone(self.engine.tree());
        let bad = |fault: super::filter::FilterError| Fault::new(ErrorCode::BadRequest, fault.to_string());
        let at = match readable(visitor, path) {
            Err(fault) => return Ok(Err(fault)),
            Ok(at) => at,
        };
        let patterns = exclude.to_vec();
        let prepare = move |_: &CancellationToken| {
            let filter = Filter::new(&patterns).map_err(bad)?; // a peer's patterns take some ms to compile
            tree.stat(&at).map_err(|fault| fault_of(&fault))?;
            Ok((Root { tree, from: at, to: SharePath::root() }, filter))
        };
        self.disk.run(call, prepare).await
    }

    /// What is in a tree, with hashes: read here, compared there.
    async fn hashes(
        &self,
        visitor: &Visitor,
        call: &mut Call,
        path: &WireName,
        exclude: &[String],
    ) -> Result<(), CallError> {
        let (root, filter) = match self.readable_tree(visitor, call, path, exclude).await? {
            Ok(ready) => ready,
            Err(fault) => return call.send(&Answer::Error(fault)).await,
        };
        let place = self.disk.place(call).await?;
        verify::tell(root, filter, place, call.halves().1).await
    }

    async fn put(
        &self,
        (visitor, mut account): (&Visitor, Account),
        call: &mut Call,
        policy: Policy,
        stream: Option<StreamId>,
    ) -> Result<(), CallError> {
        let name = visitor.name.clone();
        let watch = Watch::new(move |outcome| match outcome {
            Outcome::Kept { path, size, .. } => {
                tracing::debug!(visitor = %name, path = %landline_wire::shown(&path), size, "kept");
            }
            Outcome::Failed { path, fault } => {
                tracing::info!(visitor = %name, path = %landline_wire::shown(&path), code = ?fault.code, "not kept");
            }
            Outcome::Resumed { path, held, changed } => {
                let path = landline_wire::shown(&path);
                tracing::info!(visitor = %name, %path, held, changed, "taken up where it was cut");
            }
            Outcome::Same { .. } | Outcome::Tree { .. } | Outcome::Planned { .. } | Outcome::Skipped { .. } => {}
        });
        let brought = account.puts(&watch);
        if self.streams.is_forbidden(identity(call.peer()), stream) {
            account.failed(&ending::ended());
            call.send(&Ack::Error(ending::ended())).await?;
            return Err(ending::ended().into()); // the stream is on its way already
        }
        let _place = self.disk.place(call).await?;
        let (share, judged_for) = (self.clone(), visitor.clone());
        let judge = Box::new(move |at: &SharePath, coming| {
            brought.add(at.as_bytes());
            share.judge_putting(&judged_for, (at, coming), policy)
        });
        let owner = Owner { id: identity(call.peer()), label: visitor.name.clone() };
        let to =
            receive::Destination { engine: Arc::clone(&self.engine), base: SharePath::root(), judge, owner, policy };
        let lanes = receive::Lanes::default();
        let (joins, card) = (Lanes::Here(lanes.clone()), call.card().clone());
        let entered = self.enter((call, visitor), stream, joins.clone()).await;
        let ended = ending::heed(&card, (&entered, &joins), receive::run(call.halves(), to, &lanes, &watch)).await;
        account.copied(&ended);
        let sum = watch.summary();
        tracing::info!(
            visitor = %visitor.name, files = sum.files, bytes = sum.bytes, same = sum.same, failed = sum.failed,
            whole = ended.is_ok(), "put"
        );
        ended
    }
}

/// Queues a part of a listing, in more messages than one if one can't hold it: escaped names and the targets of links
/// can be long. A single entry always fits.
fn queue_entries(writer: &mut CallWriter, part: &[Entry], more: bool) -> Result<(), CallError> {
    let queued = writer.queue(&Answer::Entries { entries: part.iter().map(EntryMsg::from).collect(), more });
    match queued {
        Err(CallError::Message(MessageError::TooLong(_))) if part.len() > 1 => {
            let (first, rest) = part.split_at(part.len() / 2);
            queue_entries(writer, first, true)?;
            queue_entries(writer, rest, more)
        }
        done => done,
    }
}

/// Mode of a directory made by request; the umask does not know who asks, so others get nothing they had not before.
const NEW_DIR_MODE: u32 = 0o755;

fn fault_of(fault: &TreeError) -> Fault {
    Fault::new(fault.code(), fault.to_string())
}

/// BLAKE3 of a file's content in hex; a lie once `gone`, when nobody waits for it.
fn hash_of(mut file: File, gone: &CancellationToken) -> std::io::Result<String> {
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; GROUP]);
    loop {
        match file.read(&mut buffer)? {
            n if n == 0 || gone.is_cancelled() => return Ok(hasher.finalize().to_hex().to_string()),
            n => {
                hasher.update(buffer.get(..n).unwrap_or_default());
            }
        }
    }
}
