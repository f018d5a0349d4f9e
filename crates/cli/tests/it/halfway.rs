//! Half-way: a `put` that stands still in the middle, for whatever shall happen to it then.
//!
//! Some of its files are kept by then, so the server is known to be at work on it; the big one is not.

use std::fs;
use std::path::Path;
use std::time::Instant;

use landline_testkit::{Linkbox, Machine, PATIENCE, Running, Serving, Way};

/// Files that a receiver keeps together: after so many it tells the sender.
const BATCH: usize = 64;

/// Bytes of the big file: far more than every buffer between the two machines holds.
pub(crate) const BIG: u64 = 1 << 28;

/// Bytes that go up before the line stands still: all the small files, and the beginning of the big one.
const PART: u64 = 1 << 20;

/// Starts `put load desk:` and answers once `desk` has kept `load/00` to `load/63` and waits for more of `load/big`.
pub(crate) fn put(desk: &Serving, laptop: &Machine) -> (Running, Linkbox) {
    let load = laptop.work().join("load");
    fs::create_dir_all(&load).unwrap();
    for n in 0..BATCH {
        fs::write(load.join(format!("{n:02}")), "small").unwrap();
    }
    fs::File::create(load.join("big")).unwrap().set_len(BIG).unwrap();
    let line = Linkbox::to(desk.addr());
    laptop.dials_through("desk", &line);
    line.stall_after(Way::Up, PART);
    let put = laptop.cmd(["put", "load", "desk:", "--json"]).spawn();
    line.wait_until_passed(Way::Up, PART);
    put.wait_for_stdout("\"load/63\"");
    (put, line)
}

/// The size of the big file if it has arrived in `share`, once no part of it is left there: a server that cuts a call
/// tidies up behind it.
pub(crate) fn big_in(share: &Path) -> Option<u64> {
    let load = share.join("load");
    let is_part = |entry: std::io::Result<fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().starts_with(".landline-part-")
    };
    let deadline = Instant::now() + PATIENCE;
    while fs::read_dir(&load).unwrap().any(is_part) {
        assert!(Instant::now() < deadline, "a staging file is left in {}", load.display());
        std::thread::yield_now();
    }
    fs::metadata(load.join("big")).ok().map(|meta| meta.len())
}
