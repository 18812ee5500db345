//! Events that wait to be handed on, and the bytes of their payload.
//!
//! Owns the memory: pieces share large chunks, so that a piece costs no allocation, and a batch has chunks of its
//! own, so that all are free when it is done with. Must not know packets.
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::event::{Body, BootTime, Event};

/// Bytes of a chunk; a longer piece gets one of its own.
const CHUNK: usize = 32 << 10;

/// Events in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) events: VecDeque<Event>,
    chunk: BytesMut,
}

impl Batch {
    pub(super) fn push(&mut self, at: BootTime, body: Body) {
        self.events.push_back(Event { at, owner: None, body });
    }

    /// A copy, which does not keep the buffer of the file alive.
    pub(super) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if self.chunk.capacity() < bytes.len() {
            self.chunk = BytesMut::with_capacity(CHUNK.max(bytes.len()));
        }
        self.chunk.extend_from_slice(bytes);
        self.chunk.split().freeze()
    }

    /// The events so far. What follows shares no memory with them.
    pub(super) fn take(&mut self) -> VecDeque<Event> {
        let next = Self { events: VecDeque::with_capacity(self.events.len()), chunk: BytesMut::new() };
        std::mem::replace(self, next).events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_bytes_whatever_comes_later() {
        let mut batch = Batch::default();
        let pieces: Vec<Bytes> = (0..=255_u8).map(|value| batch.copy(&vec![value; 700])).collect();
        let long = batch.copy(&[7; 2 * CHUNK]);
        assert!(pieces.iter().zip(0..=255).all(|(piece, value)| piece[..] == [value; 700]));
        assert_eq!((long.len(), batch.copy(b"").len()), (2 * CHUNK, 0));
        batch.push(BootTime(1), Body::Tick);
        assert_eq!((batch.take().len(), batch.take().len()), (1, 0));
    }
}
