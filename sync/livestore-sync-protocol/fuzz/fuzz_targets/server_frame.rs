#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| livestore_sync_protocol_fuzz::server_frame(bytes));
