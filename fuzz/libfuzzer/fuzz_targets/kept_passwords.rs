//! libFuzzer on `kept_passwords`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::kept_passwords(data));
