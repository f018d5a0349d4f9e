//! libFuzzer on `spkis`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::spkis(data));
