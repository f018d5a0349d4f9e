//! The real binary under test, and the line between two of them.
//!
//! In: the path of the `landline` binary, handed over by the test crate (`env!("CARGO_BIN_EXE_landline")`), since no library
//! can see it. Out: machines with a state folder of their own, commands whose outcome is checked in one sentence, servers
//! that are killed when the test ends or at a point of their progress, a line that can be cut, a disk that can be full, and
//! trees of files that can be compared.
//! Knows nothing of landline's insides: it uses the product as a person would. Never shipped; a dev-dependency only.
//! Invariant: no sleep and no guessed port. Every wait is for an event, has a deadline, and a missed deadline kills the
//! child and shows what it had said.
//!
//! ```no_run
//! use landline_testkit::{Cut, Linkbox, Office, Way};
//!
//! let office = Office::new("target/debug/landline"); // in a test crate: env!("CARGO_BIN_EXE_landline")
//! let (desk, laptop) = office.introduced();
//! let line = Linkbox::to(desk.addr());
//! laptop.dials_through("desk", &line);
//! line.cut_after(Way::Up, 1 << 20, Cut::Reset);
//! laptop.write("big.bin", vec![7; 4 << 20]);
//! laptop.cmd(["put", "big.bin", "desk:"]).fails_with(4).stderr_has("the line to desk was cut");
//! assert!(line.passed(Way::Up) >= 1 << 20);
//! assert!(!desk.machine().share().join("big.bin").exists());
//! ```

mod asking;
mod cmd;
mod linkbox;
mod needs;
mod office;
mod random;
mod running;
mod serving;
mod small_disk;
mod trap;
pub mod tree;

pub use asking::until;
pub use cmd::{Cmd, Done};
pub use linkbox::{Cut, Linkbox, Way};
pub use needs::{SKIP_LOG, TOOLS, Tool, needs};
pub use office::{Machine, Office};
pub use random::Random;
pub use running::{Running, Signal};
pub use serving::Serving;
pub use small_disk::SmallDisk;
pub use trap::{KillPoint, KillSite, Trap};

use std::time::Duration;

/// How long a test waits for an event before it gives up, unless [`Cmd::within`] says otherwise. Generous, because it is
/// only ever spent by a test that fails: two busy cores and an unoptimised build must not make it.
pub const PATIENCE: Duration = Duration::from_secs(120);
