//! libFuzzer on `framing_lengths`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::framing_lengths(data));
