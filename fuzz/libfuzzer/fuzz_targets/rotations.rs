//! libFuzzer on `rotations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::rotations(data));
