//! The server is killed as by a power cut, and started again.

use std::fs;

use landline_testkit::{Cut, Way};

use super::{NEW, SIZE, is_new, moments, old};
use crate::scene::{MIB, Scene, residue, snapshot};

#[test]
fn a_server_that_is_killed_at_any_byte_of_a_put_has_the_old_file_or_the_new_one() {
    let mut scene = Scene::new();
    let line = scene.line();
    scene.laptop.write("file", &*NEW);
    let (mut kept, mut left) = (0, 0);
    for (n, moment) in moments(3).into_iter().enumerate() {
        let there = scene.shares(format!("in/name-{n}"), old(n));
        let before = line.passed(Way::Up);
        if moment.still {
            line.stall_after(Way::Up, moment.bytes);
        }
        let put = scene.put("file", format!("desk:in/name-{n}")).args(["--reconnect", "0"]).spawn();
        line.wait_until_passed(Way::Up, before + moment.bytes);
        scene.desk.sigkill();
        let machine = scene.desk.machine().clone();
        let dead = std::mem::replace(&mut scene.desk, {
            line.unplug(Cut::Reset);
            line.resume(Way::Up);
            let said = put.wait();
            let became_new = is_new(&there, n, moment);
            assert!(said.code() == Some(4) || became_new, "{moment:?}: not kept, and yet {said}");
            assert!(!became_new || !moment.still || moment.bytes >= SIZE as u64, "{moment:?}: new before all had come");
            kept += usize::from(!became_new);
            machine.serve()
        });
        assert_eq!(dead.wait().killed_by(), Some(9));
        line.leads_to(scene.desk.addr());
        line.plug_in();
        // What it left is not listed, and goes when the next file comes into that folder, if it is worth nothing.
        left += residue(scene.share()).len();
        if n % 8 == 7 {
            let listed = scene.laptop.cmd(["ls", "-a", "desk:in"]).succeeds();
            assert_eq!(listed.stdout_bytes().iter().filter(|byte| **byte == b'\n').count(), n + 1, "{listed}");
            let _ = scene.put(scene.laptop.write("small", "x"), format!("desk:in/name-{n}")).succeeds();
            // What nothing is verified of is gone; the rest waits for whoever sent it.
            let left = residue(scene.share());
            assert!(left.len().is_multiple_of(2), "each partial has its journal: {left:?}");
        }
    }
    assert!(kept >= 12, "only {kept} old files were kept: the moments are no longer in the middle");
    assert!(left > 0, "none was killed while a file was arriving");
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_get_leaves_the_old_file_here() {
    let mut scene = Scene::new();
    let line = scene.line();
    scene.shares("file", &*NEW);
    scene.laptop.write("name", old(0));
    for bytes in [1, 2000, SIZE as u64 / 3, SIZE as u64 - 1] {
        let before = line.passed(Way::Down);
        line.stall_after(Way::Down, bytes);
        let get = scene.get("desk:file", "name").args(["--reconnect", "0"]).spawn();
        line.wait_until_passed(Way::Down, before + bytes);
        scene.desk.sigkill();
        line.unplug(Cut::Fin);
        line.resume(Way::Down);
        let _ = get.wait().exits_with(4);
        assert!(scene.laptop.read("name") == old(0), "{bytes}");
        let left = residue(scene.laptop.work());
        assert!(left.is_empty() || bytes > MIB as u64 && left.len() == 2, "{bytes}: {left:?}");
        let machine = scene.desk.machine().clone();
        scene.desk = {
            drop(scene.desk);
            machine.serve()
        };
        line.leads_to(scene.desk.addr());
        line.plug_in();
    }
    let _ = scene.get("desk:file", "name").succeeds();
    assert!(scene.laptop.read("name") == *NEW);
    assert_eq!(snapshot(scene.laptop.work()).len(), 1);
}

#[test]
fn of_a_killed_server_nothing_but_the_staging_files_is_swept() {
    let scene = Scene::new();
    // As a killed one leaves it, beside names that only look like it.
    let stale = ".landline-part-0123456789abcdef";
    for name in
        [stale, ".landline-part-", ".landline-part-0123", ".landline-part-0123456789ABCDEF", ".landline-partial"]
    {
        scene.shares(format!("in/{name}"), "x");
    }
    fs::create_dir(scene.share().join("in/.landline-part-aaaaaaaaaaaaaaaa")).unwrap();
    std::os::unix::fs::symlink("target", scene.share().join("in/.landline-part-bbbbbbbbbbbbbbbb")).unwrap();
    let _ = scene.laptop.cmd(["ls", "-a", "desk:in"]).succeeds().stdout(".landline-partial\n");
    let _ = scene.put(scene.laptop.write("file", "x"), "desk:in/").succeeds();
    let there = snapshot(scene.share().join("in"));
    assert!(!there.contains_key(std::path::Path::new(stale)), "{there:?}");
    assert_eq!(there.len(), 7, "{there:?}");
}
