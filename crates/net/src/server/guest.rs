//! The life of one connection, from accept to its end.

use std::{
    borrow::Cow,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use landline_wire::{ErrorCode, Fault, Limits, Open, Reply, open::VERSION};
use tokio::{
    net::{TcpStream, UnixStream},
    time::{Instant as Deadline, sleep, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Admission, Caller, End, Ended, Handler, Parting, Refusal, Shared, Standing,
    door::{Failure, Place},
    live::Registered,
};
use crate::{
    call::{Call, Proved},
    error::CallError,
    handshake,
    peer::{Origin, Peer},
};

/// A caller on this machine: known by its user id, no handshake, no penalty.
pub(super) async fn local<H: Handler>(stream: UnixStream, shared: &Arc<Shared<H>>) {
    let Ok(credentials) = stream.peer_cred() else { return };
    let peer = Peer::Uid(credentials.uid());
    let call = Call::over(stream, peer, Origin::Unix, None, Limits::STRANGER, &shared.limits.call);
    greeted(call, None, Instant::now(), shared).await;
}

/// A caller over the network: TLS first, the door's place held until it is admitted.
pub(super) async fn remote<H: Handler>(
    stream: TcpStream,
    from: SocketAddr,
    place: Place,
    arrived: Instant,
    shared: &Arc<Shared<H>>,
) {
    let handshake = timeout(shared.limits.handshake, shake_hands(stream, from, shared));
    let outcome = tokio::select! {
        () = shared.stop.cancelled() => return,
        outcome = handshake => outcome,
    };
    let (failure, why) = match outcome {
        Ok(Ok(call)) => return greeted(call, Some(place), arrived, shared).await,
        Ok(Err(NoCall::Nothing)) => (Failure::NoAttempt, "it left without a word"),
        Ok(Err(NoCall::Broken)) => (Failure::RanOut, "it did not speak landline/1 over TLS"),
        Err(_) => (Failure::RanOut, "the handshake took too long"),
    };
    place.penalise(failure, Instant::now());
    shared.handler.parted(&Parting::at_the_door(Origin::Tcp(from), why));
}

/// Why a connection did not become a call.
enum NoCall {
    /// It left without a word.
    Nothing,
    /// It spoke something else, or wrongly.
    Broken,
}

async fn shake_hands<H: Handler>(mut stream: TcpStream, from: SocketAddr, shared: &Shared<H>) -> Result<Call, NoCall> {
    stream.set_nodelay(true).map_err(|_| NoCall::Broken)?;
    let hello = handshake::hello(&mut stream).await.map_err(|fault| match fault.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => NoCall::Nothing,
        _ => NoCall::Broken,
    })?;
    // One port, told apart by ALPN; the browser's half comes later, everything else is closed.
    if !hello.offers_landline {
        return Err(NoCall::Broken);
    }
    let shaken = handshake::answer(&mut stream, hello, &shared.tls).await.map_err(|_| NoCall::Broken)?;
    let peer = Peer::Key(shaken.peer.ok_or(NoCall::Broken)?);
    let proved = Proved { peer, origin: Origin::Tcp(from), exporter: shaken.exporter };
    Call::secured(stream, shaken.established, proved, Limits::STRANGER, &shared.limits.call).map_err(|_| NoCall::Broken)
}

/// A connection that proved its peer, until it ends or is cut. What is cut does nothing more, not even a last word.
async fn greeted<H: Handler>(call: Call, place: Option<Place>, arrived: Instant, shared: &Arc<Shared<H>>) {
    let caller = Caller { peer: call.peer(), origin: call.origin() };
    let card = call.card().clone();
    let cut = shared.cut.child_token();
    let registered = shared.live.register(&call, cut.clone());
    let others = registered.others;
    // A call that panics is told of too, by the drop of this.
    let mut leaving = Leaving { shared, registered, end: End::Panicked };
    leaving.end = tokio::select! {
        biased;
        () = cut.cancelled() => {
            tracing::info!(peer = %caller.peer, origin = %caller.origin, "cut");
            if card.ending().is_cancelled() { End::ByOwner } else { End::Cut }
        }
        end = judged(call, caller, others, place, arrived, shared) => end,
    };
}

/// A call on its way out: tells the handler how it ended, then goes off the list.
struct Leaving<'a, H: Handler> {
    shared: &'a Shared<H>,
    registered: Registered,
    end: End,
}

impl<H: Handler> Drop for Leaving<'_, H> {
    fn drop(&mut self) {
        let end = std::mem::replace(&mut self.end, End::Panicked);
        if let Some(parting) = self.registered.parting(end) {
            self.shared.handler.parted(&parting);
        }
    }
}

/// The opening message, the judgement, and what follows from it. `others`: calls of the same peer that run already.
async fn judged<H: Handler>(
    mut call: Call,
    caller: Caller,
    others: usize,
    place: Option<Place>,
    arrived: Instant,
    shared: &Arc<Shared<H>>,
) -> End {
    let deadline = Deadline::from_std(arrived + shared.limits.greeting);
    let opened = tokio::select! {
        () = shared.stop.cancelled() => return refused("this machine was stopping"),
        opened = timeout_at(deadline, opened(&mut call)) => opened,
    };
    let service = match opened {
        Ok(Some(service)) => service,
        Ok(None) => {
            note(place.as_ref(), Failure::NoAttempt);
            return refused("it left without a word");
        }
        Err(_) => {
            note(place.as_ref(), Failure::RanOut);
            refuse(call, Fault::stranger(), arrived, shared).await;
            return refused("its opening message took too long");
        }
    };
    call.card().set_service(&service);
    // A refusal's time counts from here: a stranger that waits with its opening must not see how long we judge. And how
    // long that takes is no fault of the caller's, so it has a deadline of its own and costs nothing.
    let heard = Instant::now();
    let judging = timeout(shared.limits.greeting, shared.handler.admit(&caller, &service));
    match judging.await.unwrap_or(Err(Refusal::Unknown)) {
        Ok(admission) if admission.standing == Standing::Known && others >= shared.most(&caller) => {
            let text = format!("{others} calls of this machine run already; end some, or wait");
            last_words(call, Fault::new(ErrorCode::Refused, text.clone()), shared).await;
            refused(text)
        }
        Ok(admission) => serve(call, admission, place, arrived, shared).await,
        Err(Refusal::Known(fault)) => {
            tracing::debug!(peer = %caller.peer, code = ?fault.code, "refused");
            let why = fault.text.clone();
            last_words(call, fault, shared).await;
            End::Refused(why)
        }
        Err(Refusal::Stranger) => {
            note(place.as_ref(), Failure::Refused);
            refuse(call, Fault::stranger(), heard, shared).await;
            refused("not known here, or not a landline/1 opening")
        }
        Err(Refusal::Unknown) => {
            refuse(call, Fault::stranger(), heard, shared).await;
            refused("it could not be told who this is")
        }
    }
}

fn refused(why: impl Into<Cow<'static, str>>) -> End {
    End::Refused(why.into())
}

impl<H> Shared<H> {
    /// Calls that this caller may have at once.
    fn most(&self, caller: &Caller) -> usize {
        match caller.peer {
            Peer::Key(_) => self.limits.calls_per_key,
            Peer::Uid(_) => self.limits.local_calls,
        }
    }
}

/// The service that the opening message names; `None` if the caller left. Whoever breaks the protocol names no service:
/// the handler decides between a stranger's refusal and words for a known peer.
async fn opened(call: &mut Call) -> Option<String> {
    match call.recv::<Open>().await {
        Ok(None) | Err(CallError::Cut | CallError::Io(_)) => None,
        Ok(Some(Open::Open { landline: VERSION, service })) => Some(service),
        Ok(Some(Open::Open { .. })) | Err(_) => Some(String::new()),
    }
}

async fn serve<H: Handler>(
    mut call: Call,
    admission: Admission<H::Pass>,
    place: Option<Place>,
    arrived: Instant,
    shared: &Arc<Shared<H>>,
) -> End {
    let Admission { pass, standing, whom } = admission;
    let (peer, origin, ending) = (call.peer(), call.origin(), call.card().ending().clone());
    let deadline = match standing {
        Standing::Stranger => Some(Deadline::from_std(arrived + shared.limits.introduction)),
        Standing::Known => {
            call.set_limits(Limits::KNOWN);
            call.set_read_idle(shared.limits.idle);
            call.card().admit(whom.user, whom.label);
            None
        }
    };
    let place = place.filter(|_| standing == Standing::Stranger); // an admitted call makes room in the door
    match standing {
        Standing::Known => tracing::info!(%peer, %origin, "call"),
        Standing::Stranger => tracing::debug!(%peer, %origin, "introduction"), // strangers do not fill our log
    }
    let serving = shared.handler.serve(pass, &mut call, &shared.stop);
    let outcome = tokio::select! {
        () = wait_until(deadline) => {
            note(place.as_ref(), Failure::RanOut);
            return refused("it took too long");
        }
        () = overstayed(&ending, shared.limits.ending) => Ok(Ended::Well),
        outcome = serving => outcome,
    };
    if ending.is_cancelled() {
        // If a block was dropped in the middle this can't be said any more, and the call just ends.
        last_words(call, Fault::new(ErrorCode::Refused, ENDED_BY_OWNER), shared).await;
        return End::ByOwner;
    }
    match outcome {
        Ok(Ended::Well) => {
            call.hang_up(shared.limits.linger).await;
            End::Well
        }
        Ok(Ended::Refused(fault)) => {
            note(place.as_ref(), Failure::Refused);
            let why =
                if fault.code == ErrorCode::NoMatch { "what it knows did not match" } else { "it was not let in" };
            refuse(call, fault, arrived, shared).await;
            refused(why)
        }
        Err(fault) => {
            let end = if standing == Standing::Known { End::of(&fault) } else { refused("it broke off") };
            tracing::debug!(%peer, %origin, %fault, "the call broke");
            match (standing, fault_of_peer(&fault)) {
                (Standing::Known, Some(words)) => last_words(call, words, shared).await,
                // It was said already, by one side or the other; a reset must not destroy it on its way.
                (Standing::Known, None) if matches!(fault, CallError::Fault(_)) => {
                    call.hang_up(shared.limits.linger).await;
                }
                (Standing::Known, None) => {}
                (Standing::Stranger, Some(_)) => {
                    note(place.as_ref(), Failure::RanOut);
                    refuse(call, Fault::stranger(), arrived, shared).await;
                }
                (Standing::Stranger, None) => note(place.as_ref(), Failure::NoAttempt),
            }
            end
        }
    }
}

/// What the caller hears whose call the owner ended.
pub const ENDED_BY_OWNER: &str = "the owner of that machine ended this call";

/// Resolves once a call that its owner ends has had its time to do so.
async fn overstayed(ending: &CancellationToken, patience: Duration) {
    ending.cancelled().await;
    sleep(patience).await;
}

async fn last_words<H: Handler>(mut call: Call, fault: Fault, shared: &Shared<H>) {
    if call.send(&Reply::Error(fault)).await.is_ok() {
        call.hang_up(shared.limits.linger).await;
    }
}

/// What a known peer is told about a protocol it broke; nothing where the line itself is gone.
fn fault_of_peer(fault: &CallError) -> Option<Fault> {
    match fault {
        CallError::Frame(_) | CallError::Message(_) | CallError::OutOfTurn { .. } => {
            Some(Fault::new(ErrorCode::BadRequest, fault.to_string()))
        }
        CallError::Silent(_) => Some(Fault::new(ErrorCode::TimedOut, fault.to_string())),
        CallError::Fault(_) | CallError::Cut | CallError::HungUp | CallError::Io(_) => None,
    }
}

/// Sends a refusal at the one time at which every refusal is sent, so that how long it took tells nothing.
async fn refuse<H: Handler>(call: Call, fault: Fault, since: Instant, shared: &Shared<H>) {
    sleep_until(Deadline::from_std(since + shared.limits.refusal)).await;
    last_words(call, fault, shared).await;
}

fn note(place: Option<&Place>, failure: Failure) {
    if let Some(place) = place {
        place.penalise(failure, Instant::now());
    }
}

async fn wait_until(deadline: Option<Deadline>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
