//! libFuzzer on `rekey_answers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::rekey_answers(data));
