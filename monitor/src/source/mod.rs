//! Where events come from.
//!
//! Owns [`Source`] and the encoding of payload bytes in recordings. Must not know the pipeline.
use std::io;

use crate::event::Event;

pub mod pcap;
pub mod record;
pub mod ring;

/// A stream of events in the order that the pipeline shall see them.
pub trait Source {
    /// The next event; `None` when there will be no more. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = io::Result<Option<Event>>> + Send;

    /// What is still queued when the agent stops.
    fn finish(&mut self) -> Vec<Event> {
        Vec::new()
    }
}

/// Payload bytes as base64 text, so that a recording is one JSON object per line.
pub mod base64_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Writes base64.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    /// Reads base64.
    ///
    /// # Errors
    /// The deserializer's, and text that is not base64.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}
