//! libFuzzer on `login_judges`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::login_judges(data));
