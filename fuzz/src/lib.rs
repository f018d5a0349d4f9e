//! Fuzz targets: for every decoder a plain function of bytes that asserts what must hold whatever the bytes are.
//!
//! In: bytes from anywhere. Out: nothing, or a panic that names the invariant. [`TARGETS`] lists them, [`seeds`] gives
//! each something to start from, [`mutate`] changes that by a seeded chance. The tests drive them so under every
//! `cargo nextest`; libFuzzer does through `libfuzzer/` (see README.md there above). What either finds becomes a named
//! unit test beside the decoder.
//! Knows nothing of sockets and clocks; the introduction draws from a fixed source, so every run is the same.
#![forbid(unsafe_code)]

mod challenge;
mod framings;
mod kept;
mod messages;
pub mod mutate;
mod places;
mod proof;
mod records;
pub mod seeds;
mod state;
mod streams;
pub mod vectors;
mod wire;

pub use challenge::{challenge_answers, challenge_proofs};
pub use framings::{
    framing_files, framing_json, framing_landline, framing_lengths, framing_lines, framing_marks, framing_ready,
    framing_words,
};
pub use kept::{costs, exports, kept_passwords, login_answers, login_finishes, login_judges, rotations};
pub use messages::{
    acks, admin_answers, admin_requests, answers, invitings, items, joinings, labels, lane_acks, lane_items,
    login_calls, login_replies, opens, patterns, rekey_answers, rekey_requests, replies, requests,
};
pub use places::{codes, contact_names, endpoints, file_names, places, share_paths, typed_paths};
pub use proof::{fingerprints, grants, inviter_judges, joiner_answers, joiner_judges, spkis};
pub use records::{inflates, puts, says, seens};
pub use state::{partial_headers, tables, tree_headers};
pub use streams::streams;
pub use wire::{blobs, frames, headers, names, shown_text};

/// A target: panics if an invariant is broken.
pub type Target = fn(&[u8]);

/// Every target, by the name that its libFuzzer program and its seeds have too.
pub const TARGETS: &[(&str, Target)] = &[
    ("frames", frames),
    ("headers", headers),
    ("names", names),
    ("blobs", blobs),
    ("shown_text", shown_text),
    ("opens", opens),
    ("replies", replies),
    ("requests", requests),
    ("answers", answers),
    ("items", items),
    ("acks", acks),
    ("lane_items", lane_items),
    ("lane_acks", lane_acks),
    ("puts", puts),
    ("says", says),
    ("seens", seens),
    ("inflates", inflates),
    ("partial_headers", partial_headers),
    ("tree_headers", tree_headers),
    ("tables", tables),
    ("streams", streams),
    ("joinings", joinings),
    ("invitings", invitings),
    ("labels", labels),
    ("admin_requests", admin_requests),
    ("admin_answers", admin_answers),
    ("rekey_requests", rekey_requests),
    ("rekey_answers", rekey_answers),
    ("login_calls", login_calls),
    ("login_replies", login_replies),
    ("patterns", patterns),
    ("share_paths", share_paths),
    ("typed_paths", typed_paths),
    ("file_names", file_names),
    ("places", places),
    ("contact_names", contact_names),
    ("endpoints", endpoints),
    ("codes", codes),
    ("grants", grants),
    ("spkis", spkis),
    ("fingerprints", fingerprints),
    ("joiner_answers", joiner_answers),
    ("inviter_judges", inviter_judges),
    ("joiner_judges", joiner_judges),
    ("costs", costs),
    ("login_answers", login_answers),
    ("login_finishes", login_finishes),
    ("login_judges", login_judges),
    ("kept_passwords", kept_passwords),
    ("rotations", rotations),
    ("exports", exports),
    ("challenge_answers", challenge_answers),
    ("challenge_proofs", challenge_proofs),
    ("framing_lines", framing_lines),
    ("framing_marks", framing_marks),
    ("framing_lengths", framing_lengths),
    ("framing_json", framing_json),
    ("framing_files", framing_files),
    ("framing_ready", framing_ready),
    ("framing_landline", framing_landline),
    ("framing_words", framing_words),
];
