//! libFuzzer on `framing_landline`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::framing_landline(data));
