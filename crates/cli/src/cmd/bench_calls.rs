//! `bench-calls`: how long from dialling to the first answer, for `cargo xtask bench files`. Hidden; prints JSON only.

use std::time::Instant;

use landline_addr::contact::Machine;
use landline_addr::path::SharePath;
use landline_services::files::ask::Files;
use serde::Serialize;

use crate::exit::Exit;
use crate::fail::{Fail, files_fail, line_fail};
use crate::here::Here;

/// Measure how long calls take from dialling to the first answer
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// Whom to call
    #[arg(value_name = "CONTACT")]
    machine: Machine,
    /// How many calls, one after the other
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
}

#[derive(Debug, Serialize)]
struct Times {
    first_ms: f64,
    further_ms: Vec<f64>,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let line = here.line()?;
    let name = args.machine.to_string();
    let mut times = Vec::new();
    for _ in 0..args.count {
        let start = Instant::now();
        let mut files = Files::open(&line, &args.machine).await.map_err(|fault| line_fail(&name, fault))?;
        files.stat(&SharePath::root(), false).await.map_err(|fault| files_fail(&name, fault))?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        files.close().await;
    }
    let mut times = times.into_iter();
    if let Some(first_ms) = times.next() {
        here.out.object(&Times { first_ms, further_ms: times.collect() });
    }
    Ok(Exit::Done)
}
