//! The end of a copy that its owner ends: at a good place, so that both ends keep what came and its caller is told.
//!
//! In: a stream that runs, the word that its call shall end. Out: what the stream came to. One of its lanes may have been
//! meant as well. The name of the stream is remembered: whoever takes an end for a cut line and dials again hears the word.

use std::{future::Future, time::Duration};

use landline_net::{CallError, Card};
use landline_wire::{ErrorCode, Fault};
use tokio::time::sleep;

use crate::files::streams::{Entered, Lanes};

/// How long a sender may take to get a block of 1 MiB off before its line is cut in the middle of it; then its call can't be
/// told. Shorter than a server waits for a call that shall end.
const BLOCK_OFF: Duration = Duration::from_secs(3);

/// What whoever goes on with an ended stream hears.
pub(super) fn ended() -> Fault {
    Fault::new(ErrorCode::Refused, landline_net::server::ENDED_BY_OWNER)
}

/// Runs a stream to its end, or to that of its call or of one of its lanes.
///
/// # Errors
/// As the stream; a fault if it was ended.
pub(super) async fn heed<T>(
    card: &Card,
    (entered, lanes): (&Entered, &Lanes),
    run: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    tokio::pin!(run);
    let over = tokio::select! {
        biased;
        outcome = &mut run => Some(outcome),
        () = card.ending().cancelled() => None,
        () = lanes.ended() => None,
    };
    // A stream may have seen it first, by one of its lanes.
    let is_ended = card.ending().is_cancelled() || lanes.is_ended();
    let is_over = match over {
        Some(outcome) if outcome.is_ok() || !is_ended => return outcome,
        over => over.is_some(),
    };
    card.ending().cancel(); // if one of its lanes was meant, so that this caller is told as well
    entered.forbid();
    lanes.end();
    if is_over {
        return Err(ended().into());
    }
    let outcome = tokio::select! {
        biased;
        outcome = &mut run => outcome,
        () = sleep(BLOCK_OFF) => {
            lanes.displace();
            run.await
        }
    };
    outcome.map_err(|_| ended().into())
}

/// Carries a lane to its end; if its call shall end, so does the stream.
///
/// # Errors
/// As the lane.
pub(super) async fn heed_lane<T>(
    card: &Card,
    lanes: &Lanes,
    carry: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    tokio::pin!(carry);
    tokio::select! {
        biased;
        outcome = &mut carry => return outcome,
        () = card.ending().cancelled() => {}
    }
    lanes.end();
    carry.await
}
