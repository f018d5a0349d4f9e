//! What was sealed opens under its passphrase, and under nothing else.

use proptest::prelude::*;

use super::*;

fn word(text: &str) -> Password {
    Password::new(text).unwrap()
}

fn sealed() -> Export {
    Export::seal(&MachineKey::from_seed([7; 32]), &[], &word("open sesame"), Cost::FLOOR, [1; SALT_BYTES]).unwrap()
}

/// Cheap enough to be tried by the hundred; not a text that [`Export::parse`] would take.
fn cheap() -> Export {
    Export::seal(&MachineKey::from_seed([7; 32]), &[], &word("open sesame"), Cost::TINY, [1; SALT_BYTES]).unwrap()
}

#[test]
fn the_text_gives_the_key_back() {
    let export = sealed();
    let read = Export::parse(&export.to_text()).unwrap();
    assert_eq!(read, export);
    let key = read.open(&word("open sesame")).unwrap();
    assert_eq!(key.danger_seed(), MachineKey::from_seed([7; 32]).danger_seed());
    assert_eq!((read.public(), read.cost()), (key.public(), Cost::FLOOR));
}

#[test]
fn another_passphrase_does_not_open_it() {
    for wrong in ["Open sesame", "open sesame ", "x"] {
        assert_eq!(cheap().open(&word(wrong)).err(), Some(ExportError::Shut), "{wrong}");
    }
}

#[test]
fn a_change_of_any_byte_keeps_it_shut() {
    let right = cheap();
    assert!(right.open(&word("open sesame")).is_ok());
    for place in 0..right.open.len() {
        let mut changed = right.clone();
        changed.open[place] ^= 1;
        assert_eq!(changed.open(&word("open sesame")).err(), Some(ExportError::Shut), "open {place}");
    }
    for place in 0..SEALED_LEN {
        let mut changed = right.clone();
        changed.sealed[place] ^= 0x80;
        assert_eq!(changed.open(&word("open sesame")).err(), Some(ExportError::Shut), "sealed {place}");
    }
}

#[test]
fn a_key_under_the_name_of_another_keeps_shut() {
    // Made by somebody who knows the passphrase: the seal is right, the name is not.
    let (open, cost) = (cheap().open, Cost::TINY);
    let mut sealed = MachineKey::from_seed([8; 32]).danger_seed().to_vec();
    let key = cipher(&word("open sesame"), &[1; SALT_BYTES], cost).unwrap();
    let (nonce, aad) = (Nonce::assume_unique_for_key(NONCE), Aad::from(associated(&open)));
    key.seal_in_place_append_tag(nonce, aad, &mut sealed).unwrap();
    let forged = Export { sealed: sealed.try_into().unwrap(), ..cheap() };
    assert_eq!(forged.open(&word("open sesame")).err(), Some(ExportError::Shut));
}

#[test]
fn what_is_no_export_is_told_before_anybody_is_asked() {
    let text = sealed().to_text();
    let middle = text.lines().nth(1).unwrap();
    for wrong in [
        "",
        "hello",
        BEGIN,
        END,
        "-----BEGIN LANDLINE KEY----------END LANDLINE KEY-----",
        &text.replace("LANDLINE", "OPENSSH"),
        &text.replace(middle, &middle[1..]),
        &text.replace(middle, &middle[4..]),
        &text.replace(middle, ""),
        &text.replace(middle, &format!("{middle}AAAA")),
        &text.replace(middle, &middle.replace(&middle[..1], "!")),
        &text.replace(&middle[..2], "Ag"), // version 2
        &format!("{text}{text}"),
        &" ".repeat(LONGEST_TEXT_BYTES),
    ] {
        assert_eq!(Export::parse(wrong).err(), Some(ExportError::NotAnExport), "{wrong}");
    }
}

#[test]
fn a_cost_over_the_cap_or_under_the_floor_is_refused_before_it_is_paid() {
    let with = |cost: [u32; 3]| {
        let mut export = sealed();
        export.open[1..=COST_LEN].copy_from_slice(&cost.map(u32::to_be_bytes).concat());
        Export::parse(&export.to_text()).err()
    };
    assert_eq!(with([4 * 1024 * 1024, 1, 1]), Some(ExportError::Cost(CostError::TooMuch)));
    assert_eq!(with([65536, u32::MAX, 1]), Some(ExportError::Cost(CostError::TooMuch)));
    assert_eq!(with([65536, 3, 1000]), Some(ExportError::Cost(CostError::TooMuch)));
    assert_eq!(with([8, 1, 1]), Some(ExportError::Cost(CostError::TooLittle)));
    assert_eq!(with([65536, 3, 4]), None);
    assert_eq!(Export::parse(&cheap().to_text()).err(), Some(ExportError::Cost(CostError::TooLittle)));
}

#[test]
fn white_space_on_the_way_does_not_matter() {
    let export = sealed();
    let text = export.to_text();
    for carried in [text.replace('\n', "\r\n"), format!("\n\n  {text}  \n"), text.replace('\n', "  \n\t")] {
        assert_eq!(Export::parse(&carried), Ok(export.clone()));
    }
    assert!(text.lines().all(|line| line.len() <= LINE_CHARS) && text.ends_with('\n'));
}

#[test]
fn neither_text_nor_debug_shows_the_seed() {
    let export = sealed();
    let shown = format!("{export:?}");
    assert!(!shown.contains("7, 7, 7, 7"), "{shown}");
    let bytes = [&export.open[..], &export.sealed].concat();
    assert!(!bytes.windows(4).any(|window| window == [7; 4]));
}

#[test]
fn the_statements_that_lead_to_the_key_go_with_it_and_no_others() {
    let key = |seed| MachineKey::from_seed([seed; 32]);
    let said = |old, new| Statement::sign(&key(old), &key(new), 1).unwrap();
    let sealed = |followed: &[Statement]| Export::seal(&key(7), followed, &word("x"), Cost::FLOOR, [1; 16]).unwrap();
    let chain = [said(5, 6), said(6, 7)];
    let read = Export::parse(&sealed(&chain).to_text()).unwrap();
    assert_eq!(read.statements(), chain);
    assert_eq!(read.open(&word("x")).unwrap().public(), key(7).public());
    for other in [&[][..], &[said(6, 8)], &[said(5, 6), said(4, 7)]] {
        assert_eq!(sealed(other).statements(), []);
    }
    let whole: Vec<_> = (20..32).map(|old| said(old, if old == 31 { 7 } else { old + 1 })).collect();
    let longest = sealed(&whole);
    assert!(longest.to_text().len() < 3600);
    assert_eq!(Export::parse(&longest.to_text()).unwrap().statements(), whole);
    // One that was changed on the way, one too few, and a number that promises more.
    for place in [62, 62 + STATEMENT_LEN - 1] {
        let mut changed = sealed(&chain);
        changed.open[place] ^= 1;
        assert_eq!(Export::parse(&changed.to_text()).err(), Some(ExportError::NotAnExport), "{place}");
    }
    for number in [0, 1, 3, 13, 255] {
        let mut changed = sealed(&chain);
        changed.open[61] = number;
        assert_eq!(Export::parse(&changed.to_text()).err(), Some(ExportError::NotAnExport), "{number}");
    }
    // Left out by whoever carries it: the seal does not fit any more.
    let mut robbed = sealed(&chain);
    robbed.open.truncate(62);
    robbed.open[61] = 0;
    let robbed = Export::parse(&robbed.to_text()).unwrap();
    assert_eq!(robbed.open(&word("x")).err(), Some(ExportError::Shut));
}

#[test]
fn two_salts_make_two_texts() {
    let with = |salt| Export::seal(&MachineKey::from_seed([7; 32]), &[], &word("x"), Cost::TINY, salt).unwrap();
    assert_ne!(with([1; 16]).sealed, with([2; 16]).sealed);
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), body in "[A-Za-z0-9+/=\n]{0,200}") {
        let _ = Export::parse(&text);
        let _ = Export::parse(&format!("{BEGIN}{body}{END}"));
    }

    #[test]
    fn any_key_and_passphrase_read_back(seed: [u8; 32], salt: [u8; 16], passphrase in ".{1,20}") {
        let key = MachineKey::from_seed(seed);
        let export = Export::seal(&key, &[], &word(&passphrase), Cost::TINY, salt).unwrap();
        prop_assert_eq!(export.open(&word(&passphrase)).map(|key| key.public()), Ok(key.public()));
    }
}
