//! A concurrent echo server. The endpoint decides the kind of socket; the handler is the same for all of them:
//!
//!     cargo run -p landline --example echo -- tcp://127.0.0.1:4000     then: nc 127.0.0.1 4000
//!     cargo run -p landline --example echo -- unix:/tmp/echo.sock      then: nc -U /tmp/echo.sock
//!
//! Each connection is served by a task of its own. Ctrl-C ends the server: connections may finish within ten seconds.
#![allow(clippy::print_stdout, reason = "a program for people")]

use landline::{CancellationToken, Connection, Handler, RawError, Server, ServerOptions};

struct Echo;

impl Handler for Echo {
    async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
        while let Some(message) = connection.receive().await? {
            connection.send(&message.body).await?;
        }
        connection.finish().await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:0".to_owned());
    let server = Server::bind(&endpoint.parse()?, ServerOptions::default()).await?;
    println!("listening on {}", server.bound());

    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(Echo, stop.clone()));
    tokio::signal::ctrl_c().await?;
    stop.cancel();
    println!("served {} connections", serving.await??.connections);
    Ok(())
}
