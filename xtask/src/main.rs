//! The project's own chores: `cargo xtask test|ci|shape|deps|docs|fuzz|bench`.
//!
//! In: the workspace as it lies on disk. Out: what is wrong with it, in words, and an exit code: 0 well, 1 not, 2 usage.
//! Each chore is one file; a check is a plain function over texts or metadata, so that it can be tested without a disk.

#![expect(clippy::print_stdout, reason = "a chore talks to the developer")]

mod bench;
mod ci;
mod deps;
mod docs;
mod fuzz;
mod shape;
mod test;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask CHORE

  test [--install] [--strict] [ARGS]   all tests; ARGS go to the runner (a test's name, for instance)
                                       --install: fetch missing tools by sudo apt-get (as root that is the default)
                                       --strict: a skipped test is a failure
  ci                                   everything that CI does, in its order
  shape                                arrows between crates, file sizes, left-over markers, signs, private paths, README
  deps                                 licences, banned crates, versions, sources
  docs                                 rustdoc without warnings; links in *.md
  fuzz [SECONDS]                       every fuzz target under libFuzzer; needs a nightly compiler and cargo-fuzz
  bench [files|sockets|users|calls] …  side-by-side benchmarks, in release mode
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let chore = args.next();
    let rest: Vec<String> = args.collect();
    let run = |chore: fn(&Workspace) -> anyhow::Result<()>| {
        anyhow::ensure!(rest.is_empty(), "this chore takes no arguments\n{USAGE}");
        chore(&Workspace::here()?)
    };
    let result = match chore.as_deref() {
        Some("test") => Workspace::here().and_then(|workspace| test::run(&workspace, &rest)),
        Some("fuzz") => Workspace::here().and_then(|workspace| fuzz::run(&workspace, &rest)),
        Some("bench") => Workspace::here().and_then(|workspace| bench::run(&workspace, &rest)),
        Some("ci") => run(ci::run),
        Some("shape") => run(shape::run),
        Some("deps") => run(deps::run),
        Some("docs") => run(docs::run),
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            println!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
