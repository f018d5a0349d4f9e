//! The asking end: telling a contact that our key has changed, and finding out whether a contact's has.
//!
//! In: a dialler, an endpoint, what is pinned. Out: whether the contact knows us now, or a chain that was verified.
//! Changes nothing here: what follows is the caller's.

use landline_addr::endpoint::Endpoint;
use landline_net::{DialError, Dialer, Peer};
use landline_trust::{
    key::PublicKey,
    rotation::{Chain, Statement},
};
use landline_wire::Blob;

use super::msg::{Answer, Request, SERVICE, blobs, bytes};

/// Tells the contact with one of `pins` at `endpoint` that this machine's key follows those of `chain`, oldest first. True:
/// it knows this machine by its key now.
///
/// # Errors
/// As dialling or the line fails; that the contact refuses is no error but false.
pub async fn tell(
    dialer: &Dialer,
    endpoint: &Endpoint,
    pins: &[PublicKey],
    chain: &[Statement],
) -> Result<bool, DialError> {
    let mut call = dialer.call(endpoint, pins, SERVICE).await?;
    let known = matches!(call.ask(&Request::Moved { chain: blobs(chain) }).await, Ok(Answer::Known {}));
    drop(call.close().await); // everything was said
    Ok(known)
}

/// Asks whoever answers at `endpoint` how its key follows one of `pins`. The chain begins at a key of `pins` or before it
/// and ends at the key that was shown in this very connection. `None`: there is no such chain, so it is another machine.
///
/// Says the keys of `pins` to a machine that is not known; they are public.
///
/// # Errors
/// As dialling or the line fails.
pub async fn ask(dialer: &Dialer, endpoint: &Endpoint, pins: &[PublicKey]) -> Result<Option<Chain>, DialError> {
    let mut call = dialer.introduce(endpoint, SERVICE).await?;
    let Peer::Key(shown) = call.peer() else { return Ok(None) };
    let keys = pins.iter().map(|key| Blob(key.as_bytes().to_vec())).collect();
    let Ok(Answer::Chain { chain }) = call.ask(&Request::Follow { keys }).await else { return Ok(None) };
    drop(call.close().await); // everything was said
    let chain = Chain::decode(&bytes(&chain), &shown).ok();
    Ok(chain.filter(|chain| chain.ended().any(|key| pins.contains(&key))))
}
