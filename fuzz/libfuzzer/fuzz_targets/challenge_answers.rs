//! libFuzzer on `challenge_answers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::challenge_answers(data));
