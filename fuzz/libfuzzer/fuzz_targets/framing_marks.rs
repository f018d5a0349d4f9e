//! libFuzzer on `framing_marks`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::framing_marks(data));
