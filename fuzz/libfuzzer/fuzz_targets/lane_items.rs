//! libFuzzer on `lane_items`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::lane_items(data));
