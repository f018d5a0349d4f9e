//! libFuzzer on `shown_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::shown_text(data));
