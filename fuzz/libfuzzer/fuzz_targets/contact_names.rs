//! libFuzzer on `contact_names`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landline_fuzz::contact_names(data));
