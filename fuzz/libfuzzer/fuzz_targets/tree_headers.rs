//! libFuzzer on `tree_headers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::tree_headers(data));
