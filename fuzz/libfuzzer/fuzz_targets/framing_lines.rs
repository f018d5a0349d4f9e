//! libFuzzer on `framing_lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::framing_lines(data));
