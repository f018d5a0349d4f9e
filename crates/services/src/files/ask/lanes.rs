//! Lanes of a copy, from the side that dials: how many calls it uses, and dialling them.
//!
//! In: a stream that runs, and what its watch counts. Out: further calls that join it or leave it again. A lane that can't
//! be had is no failure: the copy goes on with what it has. Where other users copy, too, the other machine lets none in; then
//! it is asked again after a while. What paid is remembered for each contact.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use landline_addr::contact::{ContactName, Machine};
use landline_net::CallError;
use landline_store::Lanes as LaneMemory;
use landline_wire::ErrorCode;
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{FilesError, Route};
use crate::files::{
    copy::lanes::{MAX_LANES, Parted},
    msg::{Answer, Request},
    streams::{Lanes, StreamId},
    watch::Watch,
};

mod prober;

use prober::{Prober, REST, Way};

/// How many calls a copy may use at once, the first among them.
pub const MOST: usize = MAX_LANES + 1;

/// Copies that are over sooner don't get the lanes that paid last time either: dialling them would take as long.
const START: Duration = Duration::from_millis(300);

/// How often it is looked how the copy does.
const LOOK: Duration = Duration::from_millis(250);

/// How long lanes whose stream has ended may take to hang up.
const HANG_UP: Duration = Duration::from_secs(1);

/// How many calls a copy uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LaneCount {
    /// One, and more where measuring says that they help.
    #[default]
    Auto,
    /// So many; at least 1, at most [`MOST`].
    Exactly(usize),
}

/// The lanes of one stream.
pub(super) struct Steering {
    route: Route,
    name: Option<StreamId>,
    count: LaneCount,
    watch: Watch,
    lanes: Lanes,
    dialled: JoinSet<()>,
    /// One for each lane that was not yet told to leave, the newest last.
    open: Vec<CancellationToken>,
    /// Rung when the other machine wants no lanes now.
    unwanted: Arc<Notify>,
    prober: Option<Prober>,
}

impl Steering {
    pub(super) fn new(route: &Route, name: Option<StreamId>, count: LaneCount, lanes: Lanes, watch: &Watch) -> Self {
        let (route, watch) = (route.clone(), watch.clone());
        let (dialled, open, unwanted) = (JoinSet::new(), Vec::new(), Arc::default());
        Self { route, name, count, watch, lanes, dialled, open, unwanted, prober: None }
    }

    /// Adds lanes and takes them away, for as long as the stream runs beside.
    pub(super) async fn run(&mut self) -> Infallible {
        self.lanes.begun().await;
        match (self.count, self.contact().cloned()) {
            (LaneCount::Exactly(calls), _) => self.insist(calls).await,
            (LaneCount::Auto, Some(contact)) => self.probe(&contact).await,
            (LaneCount::Auto, None) => pending().await, // on one machine there is no line to fill
        }
    }

    async fn insist(&mut self, calls: usize) -> Infallible {
        loop {
            // A bell of its own each time: several lanes that were sent away together may have rung twice.
            let unwanted = Arc::<Notify>::default();
            self.unwanted = Arc::clone(&unwanted);
            self.use_calls(calls);
            unwanted.notified().await;
            self.use_calls(1);
            sleep(REST).await;
        }
    }

    fn contact(&self) -> Option<&ContactName> {
        match &self.route.machine {
            Machine::Contact(name) => Some(name),
            Machine::Localhost => None,
        }
    }

    async fn probe(&mut self, contact: &ContactName) -> Infallible {
        sleep(START).await;
        let paid = self.remembered(contact.clone()).await.unwrap_or(1);
        let way = match self.lanes {
            Lanes::Away(_) => Way::Away,
            Lanes::Here(_) => Way::Here,
        };
        let mut prober = Prober::new(paid, Instant::now().into_std());
        let unwanted = Arc::clone(&self.unwanted);
        loop {
            self.use_calls(prober.calls());
            self.prober = Some(prober.clone());
            tokio::select! {
                () = unwanted.notified() => prober.is_unwanted(Instant::now().into_std()),
                () = sleep(LOOK) => {
                    prober.look(Instant::now().into_std(), self.watch.summary().moved, way.waits_for_line(&self.watch));
                }
            }
        }
    }

    /// Dials what lacks of `calls`, or lets the newest go.
    fn use_calls(&mut self, calls: usize) {
        let Some(name) = self.name else { return };
        let wanted = calls.clamp(1, MOST) - 1;
        for enough in self.open.drain(wanted.min(self.open.len())..) {
            enough.cancel();
        }
        while self.open.len() < wanted {
            let enough = CancellationToken::new();
            let (route, lanes) = (self.route.clone(), self.lanes.clone());
            let (watch, token, unwanted) = (self.watch.clone(), enough.clone(), Arc::clone(&self.unwanted));
            self.dialled.spawn(async move {
                let ended = one(&route, (name, &lanes), &token, &watch).await;
                if let Err(fault) = &ended {
                    tracing::debug!(%fault, "a lane ended early");
                }
                // Of several the first one says it for all.
                if is_unwanted(&ended) && !token.is_cancelled() {
                    watch.note_crowded();
                    unwanted.notify_one();
                }
            });
            self.open.push(enough);
        }
    }

    /// The stream has ended: its lanes hang up, and what was found out is remembered.
    pub(super) async fn finish(mut self) {
        let all = async { while self.dialled.join_next().await.is_some() {} };
        drop(timeout(HANG_UP, all).await); // who is still there is hung up on
        let found = self.prober.as_ref().and_then(Prober::found);
        if let (Some(calls), Some(contact)) = (found, self.contact().cloned()) {
            self.remember(contact, calls).await;
        }
    }

    async fn remembered(&self, contact: ContactName) -> Option<usize> {
        let home = self.route.line.home().clone();
        let look = move || LaneMemory::open(&home).ok()?.get(&contact);
        let calls = tokio::task::spawn_blocking(look).await.ok()??;
        usize::try_from(calls).ok()
    }

    async fn remember(&self, contact: ContactName, calls: usize) {
        let home = self.route.line.home().clone();
        // One is what everything begins with.
        let calls = u32::try_from(calls).ok().filter(|calls| *calls > 1).unwrap_or(0);
        let note = move || LaneMemory::open(&home).and_then(|memory| memory.set(&contact, calls));
        if let Ok(Err(fault)) = tokio::task::spawn_blocking(note).await {
            tracing::debug!(%fault, "how many lanes paid could not be noted");
        }
    }
}

/// One lane, from dialling to hanging up.
async fn one(
    route: &Route,
    (name, lanes): (StreamId, &Lanes),
    enough: &CancellationToken,
    watch: &Watch,
) -> Result<Parted, FilesError> {
    let mut call = tokio::select! {
        call = route.call() => call?,
        () = lanes.over() => return Ok(Parted::Done), // a short copy does not wait for lanes that it will not need
    };
    // Whoever receives waits for the lane before the sender knows of it, and never the other way round: then no group is
    // on its way that nobody waits for.
    let early = match lanes {
        Lanes::Here(_) => Some(lanes.join()?),
        Lanes::Away(_) => None,
    };
    let answer = match call.send(&Request::Lane { of: name }).await {
        Ok(()) => call.recv::<Answer>().await.and_then(|answer| answer.ok_or(CallError::HungUp)),
        Err(fault) => Err(fault),
    };
    if !matches!(answer, Ok(Answer::Done {})) {
        if let Some(lane) = early {
            if !matches!(answer, Ok(_) | Err(CallError::Fault(_))) {
                lanes.displace(); // it may have been taken, and groups be on their way
            }
            lane.leave();
        }
        return Err(answer.map_or_else(Into::into, super::unexpected));
    }
    let lane = match early {
        Some(lane) => lane,
        None => lanes.join()?,
    };
    watch.beside(call.line());
    let carried = lane.carry(&mut call, enough).await;
    watch.left();
    let parted = carried?;
    call.close().await?;
    Ok(parted)
}

/// Whether the other machine wants no lanes now.
fn is_unwanted(ended: &Result<Parted, FilesError>) -> bool {
    match ended {
        Ok(parted) => *parted == Parted::SentAway,
        Err(FilesError::Call(CallError::Fault(fault))) => fault.code == ErrorCode::Conflict,
        Err(_) => false,
    }
}
