//! libFuzzer on `admin_requests`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::admin_requests(data));
