//! libFuzzer on `admin_answers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::admin_answers(data));
