//! The greeting service: a welcome, then a hello to each message, each after a while.
//!
//! In: a connection, the words, the delay. Out: `Welcome!`; for each message X, `Hello, X!`; to the closing word nothing but the
//! end. Each client waits for itself alone. Source: PROTOCOL.md §12; item T5 of the tutorials.

use std::time::Duration;

use landline_net::raw::{Connection, Handler, RawError};

/// Welcomes whoever connects and greets each message.
///
/// ```
/// use landline_services::simple::Greet;
///
/// let tutorial = Greet::default();
/// assert_eq!((&tutorial.welcome[..], tutorial.delay.as_secs()), (&b"Welcome!"[..], 1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greet {
    /// Said when a connection stands; nothing is if it is empty.
    pub welcome: Vec<u8>,
    /// What closes the connection, exactly so and without an answer.
    pub closing: Option<Vec<u8>>,
    /// How long every answer waits, and the close too.
    pub delay: Duration,
}

impl Default for Greet {
    /// The tutorials' words: `Welcome!`, `exit`, and one second.
    fn default() -> Self {
        Self { welcome: b"Welcome!".to_vec(), closing: Some(b"exit".to_vec()), delay: Duration::from_secs(1) }
    }
}

impl Handler for Greet {
    async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
        if !self.welcome.is_empty() {
            connection.send(&self.welcome).await?;
        }
        loop {
            let said = connection.receive().await?;
            tokio::time::sleep(self.delay).await;
            match said {
                Some(message) if self.closing.as_deref() != Some(&message.body[..]) => {
                    connection.send(&[b"Hello, ", &message.body[..], b"!"].concat()).await?;
                }
                Some(_) | None => return connection.finish().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use landline_net::raw::Talk;
    use tokio::{task::JoinHandle, time::Instant};

    use super::*;

    fn greeted(greet: Greet) -> (Connection, JoinHandle<Result<(), RawError>>) {
        let (here, there) = Connection::pair(1024, &Talk::default()).unwrap();
        (here, tokio::spawn(async move { greet.handle(there).await }))
    }

    async fn heard(connection: &mut Connection) -> Option<String> {
        let message = connection.receive().await.unwrap()?;
        Some(String::from_utf8(message.body.to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn the_tutorials_talk_is_held_word_by_word() {
        let (mut here, serving) = greeted(Greet::default());
        assert_eq!(heard(&mut here).await.as_deref(), Some("Welcome!"));
        for name in ["Rose", "Think", "Babala"] {
            let start = Instant::now();
            here.send(name.as_bytes()).await.unwrap();
            assert_eq!(heard(&mut here).await, Some(format!("Hello, {name}!")));
            assert_eq!(start.elapsed().as_secs(), 1);
        }
        let start = Instant::now();
        here.send(b"exit").await.unwrap();
        assert_eq!(heard(&mut here).await, None);
        assert_eq!(start.elapsed().as_secs(), 1);
        serving.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_stream_closes_after_the_same_while() {
        let (mut here, serving) = greeted(Greet::default());
        assert_eq!(heard(&mut here).await.as_deref(), Some("Welcome!"));
        let start = Instant::now();
        here.finish().await.unwrap();
        assert_eq!(heard(&mut here).await, None);
        assert_eq!(start.elapsed().as_secs(), 1);
        serving.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_closing_word_must_be_exact_and_can_be_left_out() {
        let (mut here, _serving) = greeted(Greet::default());
        assert_eq!(heard(&mut here).await.as_deref(), Some("Welcome!"));
        here.send(b"exit\n").await.unwrap();
        assert_eq!(heard(&mut here).await.as_deref(), Some("Hello, exit\n!"));

        let (mut here, _serving) = greeted(Greet { welcome: Vec::new(), closing: None, delay: Duration::ZERO });
        here.send(b"exit").await.unwrap();
        assert_eq!(heard(&mut here).await.as_deref(), Some("Hello, exit!"));
    }
}
