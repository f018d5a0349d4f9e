//! libFuzzer on `typed_paths`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::typed_paths(data));
