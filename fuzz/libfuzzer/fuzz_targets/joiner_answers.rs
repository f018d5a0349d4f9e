//! libFuzzer on `joiner_answers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::joiner_answers(data));
