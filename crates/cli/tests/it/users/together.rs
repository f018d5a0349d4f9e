//! Many at once: who is slow holds up nobody.

use std::fs;

use landline_testkit::{Linkbox, Random, Way};

use super::House;

const MIB: usize = 1 << 20;

#[test]
fn users_send_at_once_and_one_who_stands_still_holds_up_nobody() {
    let house = House::new();
    let slow = house.added("slow", &["--quota", "1G"]);
    let content = Random::new(5).bytes(16 * MIB);
    slow.write("big", &content);
    let line = Linkbox::to(house.desk.addr());
    slow.dials_through("desk", &line);
    line.stall_after(Way::Up, 4 << 20);
    let standing = slow.cmd(["put", "big", "desk:"]).spawn();
    line.wait_until_passed(Way::Up, 4 << 20);
    // Meanwhile five others come, send, fetch and go.
    let others: Vec<_> = (0..5).map(|number| house.added(&format!("user{number}"), &["--quota", "1G"])).collect();
    let sending: Vec<_> = others
        .iter()
        .map(|machine| {
            machine.write("mine", machine.name().repeat(MIB));
            machine.cmd(["put", "mine", "desk:"]).spawn()
        })
        .collect();
    sending.into_iter().for_each(|put| drop(put.wait().exits_with(0)));
    for machine in &others {
        machine.cmd(["get", "desk:mine", "back"]).succeeds();
        assert_eq!(machine.read("back"), machine.name().repeat(MIB).as_bytes());
    }
    assert!(!house.home("slow").join("big").exists());
    line.resume(Way::Up);
    let _ = standing.wait().exits_with(0);
    assert!(fs::read(house.home("slow").join("big")).unwrap() == content);
}

#[test]
fn machines_of_one_user_share_his_home_and_his_quota() {
    let house = House::new();
    let laptop = house.added("amy", &["--quota", "3M"]);
    let phone = house.another_of("amy", "phone");
    for machine in [&laptop, &phone] {
        machine.write(machine.name(), vec![7; 2 * MIB]);
    }
    let both = [&laptop, &phone].map(|machine| machine.cmd(["put", machine.name(), "desk:"]).spawn());
    let mut codes = both.map(|put| put.wait().code());
    codes.sort_unstable();
    // One fits. Of two that come together each may stand in the other's way; together they never pass the limit.
    assert!(codes == [Some(0), Some(7)] || codes == [Some(7), Some(7)], "{codes:?}");
    assert!(house.told("amy")["used"].as_u64().unwrap() <= 3 << 20);
}
