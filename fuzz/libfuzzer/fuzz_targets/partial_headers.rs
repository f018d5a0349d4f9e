//! libFuzzer on `partial_headers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::partial_headers(data));
