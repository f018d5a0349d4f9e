//! A chat room: what one member says, all the others hear. Try it, with as many members as you like:
//!     cargo run -p landline --example chat -- tcp://127.0.0.1:4000     then: nc 127.0.0.1 4000
//! The room keeps the last 256 lines. A member that reads slowly never slows the others: it misses lines, and is told.
#![allow(clippy::print_stdout, reason = "a program for people")]

use landline::{CancellationToken, Connection, Framing, Server, ServerOptions, Talk, handler_fn};
use tokio::sync::broadcast::{self, error::RecvError};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:0".to_owned());
    let talk = Talk { incoming: Framing::Line, outgoing: Framing::Line, ..Talk::default() };
    let server = Server::bind(&endpoint.parse()?, ServerOptions { talk, ..ServerOptions::default() }).await?;
    println!("listening on {}", server.bound());
    let room = broadcast::Sender::new(256);
    let chat = handler_fn(move |connection: Connection| {
        let (room, mut heard) = (room.clone(), room.subscribe());
        let me = connection.peer().clone();
        let (mut ear, mut mouth) = connection.split();
        async move {
            mouth.send(b"(welcome)").await?;
            loop {
                tokio::select! {
                    line = ear.receive() => match line? {
                        Some(line) => _ = room.send((me.clone(), line.body)),
                        None => return Ok(()), // the member has left
                    },
                    line = heard.recv() => match line {
                        Ok((from, line)) if from != me => mouth.send(&line).await?,
                        Err(RecvError::Lagged(count)) => mouth.send(format!("({count} missed)").as_bytes()).await?,
                        Ok(_) | Err(RecvError::Closed) => {} // our own words; the room is never closed
                    },
                }
            }
        }
    });
    server.serve(chat, CancellationToken::new()).await?;
    Ok(())
}
