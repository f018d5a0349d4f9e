//! Every target on its seeds, then on seeds that a fixed chance has changed: the same inputs in every run.
//!
//! `LANDLINE_FUZZ_ROUNDS` raises the number of inputs for each target.

use std::{fmt::Write as _, panic::catch_unwind};

use landline_fuzz::{
    TARGETS,
    mutate::{Random, mutated},
    seeds::seeds,
};

/// Inputs for each target unless the environment says more: a second or two for all of them.
const ROUNDS: u64 = 4000;
/// For a step of an introduction, a search through all words for the nearest, a call to a share: each takes milliseconds.
const ROUNDS_OF_SLOW: u64 = 200;
/// For what stretches a password: each takes some tens of milliseconds.
const ROUNDS_OF_STRETCHED: u64 = 40;

fn rounds(target: &str) -> u64 {
    let asked = std::env::var("LANDLINE_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds = asked.unwrap_or(ROUNDS);
    match target {
        "codes" | "streams" | "joiner_answers" | "inviter_judges" | "joiner_judges" | "login_answers"
        | "login_judges" | "kept_passwords" => rounds / (ROUNDS / ROUNDS_OF_SLOW),
        "login_finishes" => rounds / (ROUNDS / ROUNDS_OF_STRETCHED),
        _ => rounds,
    }
}

fn holds(target: &str) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).expect("the target is in the table");
    let seeds = seeds(target);
    let mut random = Random::new(1);
    let changed = (0..rounds(target)).map(|_| mutated(&seeds, &mut random));
    for input in seeds.clone().into_iter().chain(changed) {
        assert!(catch_unwind(|| run(&input)).is_ok(), "{target} fails on {}", written(&input));
    }
}

fn written(input: &[u8]) -> String {
    let hex = input.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    });
    format!("b\"{}\" = {hex}", input.escape_ascii())
}

macro_rules! each {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            holds(stringify!($target));
        })*

        #[test]
        fn every_target_of_the_table_has_its_test() {
            let tested = [$(stringify!($target)),*];
            assert_eq!(TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), tested);
        }
    };
}

each! {
    frames headers names blobs shown_text opens replies requests answers items acks lane_items lane_acks puts says seens
    inflates partial_headers tree_headers tables streams joinings invitings labels
    admin_requests admin_answers rekey_requests rekey_answers login_calls login_replies patterns share_paths typed_paths file_names places contact_names endpoints codes grants
    spkis fingerprints joiner_answers inviter_judges joiner_judges costs login_answers login_finishes login_judges kept_passwords rotations
    exports challenge_answers challenge_proofs
    framing_lines framing_marks framing_lengths
    framing_json framing_files framing_ready framing_landline framing_words
}
