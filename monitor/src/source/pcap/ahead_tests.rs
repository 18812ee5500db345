//! Batches: that they end with the capture and not before, and what waits in them.
use std::{
    io::{Cursor, Read},
    path::Path,
};

use super::{
    super::{
        BATCH, BATCH_BYTES,
        tests::{TEXT, ethernet, ip, payloads, plain, read},
    },
    *,
};

#[test]
fn reading_ahead_changes_nothing() {
    let packets: Vec<_> = (0..3_000_u16)
        .map(|port| {
            let mut packet = ip(TEXT);
            packet[20..22].copy_from_slice(&(10_000 + port % 700).to_be_bytes());
            packet[24..28].copy_from_slice(&(u32::from(port) * 30).to_be_bytes());
            ethernet(0x0800, &packet)
        })
        .collect();
    for (file, fails) in [(plain(&packets), false), ([&plain(&packets)[..], &[0xff; 16]].concat(), true)] {
        let (events, capture, error) = read(&file);
        assert!(events.len() > 3_000 && error.is_some() == fails);
        let other = Capture::new(Path::new("test.pcap"), Box::new(Cursor::new(file))).unwrap();
        let mut ahead = Ahead::new(other).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut next = || runtime.block_on(ahead.next()).map_err(|error| error.to_string());
        for event in events {
            assert_eq!(next(), Ok(Some(event)));
        }
        assert_eq!(next().err(), error);
        assert_eq!(next(), Ok(None));
        assert_eq!(ahead.stop().unwrap().tally(), capture.tally());
    }
}

#[test]
fn what_makes_no_events_is_not_the_end() {
    let silent = ethernet(0x0806, &vec![0; 60_000]);
    let mut packets = vec![silent; 3 * BATCH_BYTES / 60_000];
    packets.push(ethernet(0x0800, &ip(TEXT)));
    let (events, capture, error) = read(&plain(&packets));
    assert_eq!((payloads(&events).len(), error), (1, None));
    assert_eq!(capture.tally().packets, packets.len() as u64);
}

#[test]
fn what_is_read_ahead_is_bounded_and_can_be_left() {
    /// A record without end.
    struct Endless(Vec<u8>, usize);
    impl Read for Endless {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            let left = &self.0[self.1..];
            let count = left.len().min(space.len());
            space[..count].copy_from_slice(&left[..count]);
            self.1 = if count == left.len() { 24 } else { self.1 + count };
            Ok(count)
        }
    }
    let input = Endless(plain(&[ethernet(0x0800, &ip(TEXT))]), 0);
    let mut ahead = Ahead::new(Capture::new(Path::new("x"), Box::new(input)).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(ahead.next()).unwrap().is_some());
    let read = ahead.stop().unwrap().tally().packets;
    assert!(read <= 8 * BATCH as u64, "{read}");
}
