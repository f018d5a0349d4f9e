//! libFuzzer on `file_names`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::file_names(data));
