//! libFuzzer on `framing_words`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::framing_words(data));
