//! libFuzzer on `rekey_requests`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::rekey_requests(data));
