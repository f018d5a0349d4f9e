//! libFuzzer on `framing_ready`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::framing_ready(data));
