//! libFuzzer on `inviter_judges`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::inviter_judges(data));
