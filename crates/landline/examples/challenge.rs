//! Upper case for those who hold the key. Both ends prove it by HMAC before anything else is said:
//!
//!     cargo run -p landline --example challenge -- tcp://127.0.0.1:4000              the server
//!     cargo run -p landline --example challenge -- tcp://127.0.0.1:4000 hello you    a client; with another KEY: refused
//!
//! Nothing is hidden by this: over a line that others can reach use tls://, to which the proof is bound.
#![allow(clippy::print_stdout, reason = "a program for people")]

use landline::{CancellationToken, Connection, DialOptions, Framing, Prover, Scheme, Secret};
use landline::{Server, ServerOptions, Talk, dial, handler_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let endpoint = words.next().unwrap_or_else(|| "tcp://127.0.0.1:0".to_owned()).parse()?;
    let key = std::env::var("KEY").unwrap_or_else(|_| "Jedan has a big key!".to_owned());
    let prover = Prover::new(Scheme::Mutual, Secret::new(key)?);
    let talk = Talk { incoming: Framing::Line, outgoing: Framing::Line, ..Talk::default() };

    if let Some(first) = words.next() {
        let mut connection = dial(&endpoint, &DialOptions { talk, ..DialOptions::default() }).await?.connection;
        prover.answer(&mut connection).await?;
        connection.send(words.fold(first, |line, word| line + " " + &word).as_bytes()).await?;
        let answer = connection.receive().await?.ok_or("the server said nothing")?;
        println!("{}", String::from_utf8_lossy(&answer.body));
        return Ok(());
    }
    let upper = handler_fn(async |mut connection: Connection| {
        while let Some(line) = connection.receive().await? {
            connection.send(&line.body.to_ascii_uppercase()).await?;
        }
        Ok(())
    });
    let server =
        Server::bind(&endpoint, ServerOptions { talk, prover: Some(prover), ..ServerOptions::default() }).await?;
    println!("listening on {}", server.bound());
    server.serve(upper, CancellationToken::new()).await?;
    Ok(())
}
