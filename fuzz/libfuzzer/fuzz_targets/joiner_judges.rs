//! libFuzzer on `joiner_judges`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::joiner_judges(data));
