//! libFuzzer on `lane_acks`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::lane_acks(data));
