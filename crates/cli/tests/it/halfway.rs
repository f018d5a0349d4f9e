//! Half-way: a `put` that stands still in the middle, for whatever shall happen to it then.
//!
//! Some of its files are kept by then, so the server is known to be at work on it; of the big one a part has arrived.

use std::fs;
use std::path::Path;

use landline_testkit::{Linkbox, Machine, Random, Running, Serving, Way};

use crate::scene::STAGING;

/// Files that a receiver keeps together: after so many it tells the sender.
const BATCH: usize = 1024;

/// Bytes of the big file: far more than every buffer between the two machines holds.
pub(crate) const BIG: u64 = 1 << 25;

/// Bytes that go up before the line stands still: all the small files, and the first groups of the big one.
const PART: u64 = 4 << 20;

/// Starts `put load/. desk:load` into a folder that is there, and answers once `desk` has kept `load/0000` to `load/1023`
/// and waits for more of `load/big`. A line that is cut stays cut.
pub(crate) fn put(desk: &Serving, laptop: &Machine) -> (Running, Linkbox) {
    let load = laptop.work().join("load");
    fs::create_dir_all(&load).unwrap();
    for n in 0..BATCH {
        fs::write(load.join(format!("{n:04}")), "small").unwrap();
    }
    fs::write(load.join("big"), Random::new(5).bytes(usize::try_from(BIG).unwrap())).unwrap();
    let _ = laptop.cmd(["mkdir", "-p", "desk:load"]).succeeds();
    let line = Linkbox::to(desk.addr());
    laptop.dials_through("desk", &line);
    line.stall_after(Way::Up, PART);
    let put = laptop.cmd(["put", "load/.", "desk:load", "--json", "--reconnect", "0"]).spawn();
    line.wait_until_passed(Way::Up, PART);
    put.wait_for_stdout("\"load/1023\"");
    (put, line)
}

/// The size of the big file if it has been published in `share`. Besides it and the small files only what is still
/// arriving may lie there.
pub(crate) fn big_in(share: &Path) -> Option<u64> {
    let load = share.join("load");
    for entry in fs::read_dir(&load).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let is_small = name.len() == 4 && name.parse::<usize>().is_ok_and(|number| number < BATCH);
        assert!(is_small || name == "big" || name.starts_with(STAGING), "{name} is left in {}", load.display());
    }
    fs::metadata(load.join("big")).ok().map(|meta| meta.len())
}
