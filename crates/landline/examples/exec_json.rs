//! Runs the commands it is sent, for this machine only. Both ways a message is `struct.pack("<i", n)`, n bytes of JSON like
//! {"data_size": 4}, and as many bytes of body: a command line one way, what it printed the other.
//!
//!     cargo run -p landline --example exec_json -- tcp://127.0.0.1:4000
//!
//! Every program of every user here may call it: let it run only while you try it, or listen on a unix: path.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{process::Stdio, time::Duration};

use landline::layers::Timeout;
use landline::{CancellationToken, Connection, Framing, Handler as _, Server, ServerOptions, Talk, handler_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:0".to_owned());
    let talk = Talk { incoming: Framing::Json, outgoing: Framing::Json, ..Talk::default() };
    let server = Server::bind(&endpoint.parse()?, ServerOptions { talk, ..ServerOptions::default() }).await?;
    println!("listening on {}", server.bound());

    let exec = handler_fn(async |mut connection: Connection| {
        if connection.peer().address().is_some_and(|from| !from.ip().is_loopback()) {
            return Ok(()); // whoever is not on this machine is hung up on
        }
        while let Some(command) = connection.receive().await? {
            let line = String::from_utf8_lossy(&command.body).into_owned();
            let mut shell = tokio::process::Command::new("sh");
            shell.arg("-c").arg(line).stdin(Stdio::null()).kill_on_drop(true); // it dies with the connection
            let done = shell.output().await?;
            connection.send(&[done.stdout, done.stderr].concat()).await?;
        }
        Ok(())
    });
    server.serve(exec.layered(Timeout::new(Duration::from_secs(600))), CancellationToken::new()).await?;
    Ok(())
}
