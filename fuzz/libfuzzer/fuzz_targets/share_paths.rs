//! libFuzzer on `share_paths`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::share_paths(data));
