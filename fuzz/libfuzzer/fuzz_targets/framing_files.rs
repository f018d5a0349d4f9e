//! libFuzzer on `framing_files`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::framing_files(data));
