//! Any bytes as a record of the kernel side: an event or an error.
#![no_main]
use libfuzzer_sys::fuzz_target;
use monitor::{decode::decode, event::Body};

fuzz_target!(|data: &[u8]| match decode(data) {
    Ok(event) => {
        if let Body::Payload(payload) = &event.body {
            assert!(payload.bytes.len() <= data.len());
        }
        assert!(!format!("{event:?}").is_empty());
    }
    Err(error) => assert!(!error.to_string().contains('\n')),
});
