//! libFuzzer on `login_replies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::login_replies(data));
