//! Answering single requests: what a service is that needs no conversation.
//!
//! In: a request, on whatever socket. Out: an answer, or none. On a stream or in a session each message is a request
//! ([`converse`]); on a datagram socket one loop answers all peers, many in one system call and each held to the guard
//! (`datagrams`).

use std::sync::Arc;

use super::{
    connection::{Connection, Message},
    error::RawError,
    server::Handler,
};

pub(super) mod datagrams;

/// What becomes of a request.
///
/// ```
/// use landline_net::raw::{Responder, Verdict};
///
/// /// Answers everything until somebody says the last word.
/// struct Polite;
///
/// impl Responder for Polite {
///     fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
///         answer.extend_from_slice(b"you too");
///         if request == b"bye" { Verdict::AnswerAndClose } else { Verdict::Answer }
///     }
/// }
/// assert_eq!(Polite.respond(b"bye", &mut Vec::new()), Verdict::AnswerAndClose);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is sent, also an empty one where that can be.
    Answer,
    /// Nothing is said.
    Silent,
    /// The answer is sent and the connection closed.
    AnswerAndClose,
    /// The connection is closed.
    Close,
}

/// A service that answers each request by itself.
///
/// ```
/// use landline_net::raw::{Connection, Talk, respond::{Responder, Responding, Verdict}, server::Handler};
///
/// struct Echo;
///
/// impl Responder for Echo {
///     fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
///         answer.extend_from_slice(request);
///         Verdict::Answer
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (mut here, there) = Connection::pair(1024, &Talk::default())?;
/// let serving = tokio::spawn(async move { Responding::new(Echo).handle(there).await });
/// here.send(b"hi").await?;
/// assert_eq!(here.receive().await?.expect("an answer").body, "hi");
/// drop(here);
/// serving.await.expect("no panic")?;
/// # Ok::<(), landline_net::raw::RawError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Responder: Send + Sync + 'static {
    /// Writes the answer to `request` behind what is in `answer`, and says what becomes of it.
    fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict;

    /// What is said when a connection stands, before any request; nothing is said to datagrams.
    fn greeting(&self) -> Option<&[u8]> {
        None
    }

    /// Whether `request`, by datagram, may be answered beyond loopback, link-local and private ranges.
    fn answers_strangers(&self, request: &[u8]) -> bool {
        let _ = request;
        false
    }
}

/// The [`Handler`] that a [`Responder`] is.
///
/// ```
/// use landline_net::raw::{Connection, Handler, Responder, Responding, Talk, Verdict};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// struct Length;
///
/// impl Responder for Length {
///     fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
///         answer.extend_from_slice(request.len().to_string().as_bytes());
///         Verdict::Answer
///     }
/// }
///
/// let (mut here, there) = Connection::pair(64, &Talk::default())?;
/// let serving = tokio::spawn(async move { Responding::new(Length).handle(there).await });
/// here.send(b"hello").await?;
/// assert_eq!(here.receive().await?.expect("an answer").body, "5");
/// drop(here);
/// serving.await??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Responding<R>(Arc<R>);

impl<R: Responder> Responding<R> {
    /// Serves `responder` on connections and datagrams alike.
    pub fn new(responder: R) -> Self {
        Self(Arc::new(responder))
    }
}

impl<R: Responder> Handler for Responding<R> {
    fn handle(&self, connection: Connection) -> impl Future<Output = Result<(), RawError>> + Send {
        converse(self.0.as_ref(), connection)
    }

    fn responder(&self) -> Option<Arc<dyn Responder>> {
        let responder: Arc<R> = Arc::clone(&self.0);
        Some(responder)
    }
}

/// Answers the requests of one connection until it ends.
///
/// # Errors
/// As the connection fails.
#[expect(clippy::manual_async_fn, reason = "an `async fn` holds what it is given twice, and there is one a connection")]
pub fn converse(
    responder: &dyn Responder,
    mut connection: Connection,
) -> impl Future<Output = Result<(), RawError>> + Send {
    async move {
        if let Some(greeting) = responder.greeting() {
            Box::pin(connection.send(greeting)).await?; // apart: it is over soon, the conversation is not
        }
        if connection.is_bare() {
            connection.answer_all(responder).await?;
        } else {
            Box::pin(by_messages(responder, &mut connection)).await?;
        }
        connection.finish().await
    }
}

async fn by_messages(responder: &dyn Responder, connection: &mut Connection) -> Result<(), RawError> {
    let packets = connection.keeps_bounds();
    while let Some(Message { body, .. }) = connection.receive().await? {
        let mut answer = Vec::new();
        let verdict = responder.respond(&body, &mut answer);
        if matches!(verdict, Verdict::Answer | Verdict::AnswerAndClose) && (packets || !answer.is_empty()) {
            connection.send(&answer).await?;
        }
        if matches!(verdict, Verdict::AnswerAndClose | Verdict::Close) {
            break;
        }
    }
    Ok(())
}
