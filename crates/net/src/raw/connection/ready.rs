//! The framing `ready` on a connection: both directions are needed for one message. Source: PROTOCOL.md §10.

use bytes::{Bytes, BytesMut};
use landline_wire::{
    framing::ready::{Answer, READY, Receiving, Sending},
    limits::FramingLimits,
};

use super::{Connection, Message};
use crate::raw::error::RawError;

/// Tells the length, waits for the other end to be ready, then sends. If it says something else instead, body and word
/// are dropped.
pub(super) async fn send(connection: &mut Connection, body: &[u8], limits: FramingLimits) -> Result<(), RawError> {
    let (receiver, sender) = connection.halves();
    let mut sending = Sending::new(Bytes::copy_from_slice(body), &limits)?;
    sender.write(sending.length().as_bytes()).await?;
    let mut inbox = BytesMut::new();
    loop {
        match receiver.read_some(usize::MAX).await? {
            Some(part) => inbox.extend_from_slice(&part.body),
            None => {
                let _ = sending.finish(&mut inbox); // it asked for nothing
                return Ok(());
            }
        }
        match sending.handle(&mut inbox) {
            Answer::Ready(body) => {
                receiver.put_back(&inbox);
                return if body.is_empty() { Ok(()) } else { sender.write(&body).await };
            }
            Answer::Waiting(still) => sending = still,
            // Not what was waited for: no answer, and the message after it is the next one (item F5).
            Answer::Other(_) => return Ok(()),
        }
    }
}

/// Takes one read as the length, says that this end is ready, and collects the body.
pub(super) async fn receive(connection: &mut Connection, limits: FramingLimits) -> Result<Option<Message>, RawError> {
    let (receiver, sender) = connection.halves();
    let Some(length) = receiver.read_some(usize::MAX).await? else { return Ok(None) };
    let receiving = Receiving::after(&length.body, &limits)?;
    sender.write(READY).await?;
    let mut inbox = BytesMut::new();
    loop {
        if let Some(body) = receiving.body(&mut inbox) {
            receiver.put_back(&inbox);
            return Ok(Some(Message { body, ..Message::default() }));
        }
        match receiver.read_some(usize::MAX).await? {
            Some(part) => inbox.extend_from_slice(&part.body),
            None => {
                let body = receiving.finish(&mut inbox)?;
                return Ok(Some(Message { body, ..Message::default() }));
            }
        }
    }
}
