//! libFuzzer on `login_answers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::login_answers(data));
