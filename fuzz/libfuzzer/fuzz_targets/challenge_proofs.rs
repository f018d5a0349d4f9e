//! libFuzzer on `challenge_proofs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::challenge_proofs(data));
