//! The time, by UDP: a datagram is a strftime format, its answer the time in it.
//!
//!     cargo run -p landline --example time_udp -- udp://127.0.0.1:4000     then: echo -n %H:%M | nc -u 127.0.0.1 4000
//!
//! `Time` is a `Responder`: each request is answered by itself, so one loop serves everybody, without a task or memory for
//! anyone. That loop withholds answers from sources that ask too often and never sends strangers more than they sent.
#![allow(clippy::print_stdout, reason = "a program for people")]

use landline::layers::Trace;
use landline::services::Time;
use landline::{CancellationToken, Handler as _, Responding, Server, ServerOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| "udp://127.0.0.1:0".to_owned());
    let server = Server::bind(&endpoint.parse()?, ServerOptions::default()).await?;
    println!("listening on {}", server.bound());

    // An empty request gets the time in the usual format. The layer tells each answer to whoever listens to `tracing`.
    let time = Responding::new(Time::new(false)).layered(Trace);
    server.serve(time, CancellationToken::new()).await?;
    Ok(())
}
