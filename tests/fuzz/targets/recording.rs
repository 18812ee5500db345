//! Any bytes as a recording: read to the end, an error or a warning is one line, and an event is written as it was
//! read.
#![no_main]
#[path = "../shared/mod.rs"]
mod shared;

use std::{io::Cursor, path::Path};

use libfuzzer_sys::fuzz_target;
use monitor::{
    event::{Event, Host},
    source::{Source as _, record::Recording},
};

use crate::shared::ready;

fuzz_target!(|data: &[u8]| {
    let input = Box::new(Cursor::new(data.to_vec()));
    let (_host, mut recording): (Host, _) = match Recording::new(Path::new("fuzz"), input) {
        Ok(opened) => opened,
        Err(error) => return assert!(!error.to_string().contains('\n'), "{error}"),
    };
    loop {
        match ready(recording.next()) {
            Ok(Some(event)) => {
                let text = serde_json::to_string(&event).unwrap();
                assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
            }
            Ok(None) => break,
            Err(error) => return assert!(!error.to_string().contains('\n'), "{error}"),
        }
    }
    assert!(recording.warnings().iter().all(|warning| !warning.contains('\n')));
});
