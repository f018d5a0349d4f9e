//! libFuzzer on `login_finishes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::login_finishes(data));
