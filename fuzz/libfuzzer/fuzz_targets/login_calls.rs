//! libFuzzer on `login_calls`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::login_calls(data));
