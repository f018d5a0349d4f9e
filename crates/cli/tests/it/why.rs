//! Why a copy is slow or stuck: named by its counters, to people and to programs.

use landline_testkit::Way;

use crate::scene::{MIB, Scene, random, wait_until_put_away};

#[test]
fn a_slow_line_is_named_as_what_held_the_copy_up() {
    let scene = Scene::new();
    scene.laptop.write("big.bin", random(3, 8 * MIB));
    let line = scene.line();
    line.holds(Way::Up, 256 << 10);
    line.slow(Way::Up, 4 << 20, 1);
    let done = scene.put("big.bin", "desk:").arg("--json").succeeds().json().pop().unwrap();
    let slow = &done["slow"];
    assert!(["link", "window"].contains(&slow["by"].as_str().unwrap()), "{done}");
    assert!(slow["share"].as_f64().unwrap() >= 0.3, "{done}");
    assert!(slow["rtt_ms"].is_number() && slow["retransmits"].is_number() && slow["lost"].is_number(), "{done}");
}

#[test]
fn a_limit_is_named_and_verbose_tells_round_trip_and_losses() {
    let scene = Scene::new();
    scene.laptop.write("big.bin", random(4, 2 * MIB));
    let done = scene.put("big.bin", "desk:").args(["--limit", "500K", "-v"]).succeeds();
    done.stderr_has("held up by the limit that was asked for\n")
        .stderr_has("busy: reading ")
        .stderr_has("line: round trip ")
        .stderr_has(" lost\n");
}

#[test]
fn a_line_that_takes_nothing_is_named_while_it_does() {
    let scene = Scene::new();
    scene.laptop.write("big.bin", random(5, 30 * MIB));
    let line = scene.line();
    line.stall_after(Way::Up, 2 << 20);
    let sending = scene.put("big.bin", "desk:").arg("-v").spawn();
    sending.wait_for_stderr("the line to desk takes nothing (3 s)\n");
    line.resume(Way::Up);
    let _ = sending.wait().exits_with(0);
}

#[test]
fn a_machine_that_is_silent_is_named() {
    let scene = Scene::new();
    scene.shares("big.bin", random(6, 30 * MIB));
    let line = scene.line();
    line.stall_after(Way::Down, 2 << 20);
    let getting = scene.get("desk:big.bin", ".").arg("-v").spawn();
    getting.wait_for_stderr("nothing is heard from desk (");
    line.resume(Way::Down);
    let _ = getting.wait().exits_with(0);
}

#[test]
fn the_rate_is_that_of_what_moved_now() {
    let scene = Scene::new();
    let bytes = random(7, 12 * MIB);
    scene.laptop.write("big.bin", &bytes);
    let line = scene.line();
    line.cut_after(Way::Up, 9 << 20, landline_testkit::Cut::Reset);
    let _ = scene.put("big.bin", "desk:").args(["--reconnect", "0"]).fails_with(4);
    wait_until_put_away(scene.desk.machine());
    let done = scene.put("big.bin", "desk:").arg("--json").succeeds().json().pop().unwrap();
    let (resumed, seconds) = (done["resumed"].as_u64().unwrap(), done["seconds"].as_f64().unwrap());
    assert!(resumed >= MIB as u64, "{done}");
    let moved = done["rate"].as_f64().unwrap() * seconds;
    assert!((moved - (bytes.len() as u64 - resumed) as f64).abs() < 1000.0, "{done}");
}
