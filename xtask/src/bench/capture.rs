//! Captures of made-up traffic, the same for the same seed.
//!
//! Owns what goes into a file and in which order. Must not know who reads it.
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::{
    conversation::{Conversation, probe},
    packet::File,
    random::Random,
    talk::Kind,
};

/// Conversations open at a time.
const OPEN: usize = 256;

/// What is in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Traffic {
    /// Web, encrypted and plain; downloads, shells, names, JSON, telemetry, and a little mining
    Mixed,
    /// A scan: every packet or two is a conversation that comes to nothing
    Scan,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    pub(crate) conversations: u64,
    /// Those whose ends have something to say.
    pub(crate) carrying: u64,
    pub(crate) mining: u64,
}

/// Writes until there are `size` bytes; what goes on then is not captured to its end.
pub(crate) fn write(out: impl Write, traffic: Traffic, size: u64, seed: u64) -> io::Result<Contents> {
    let mut random = Random::new(seed);
    let mut file = File::new(out)?;
    let mut contents = match traffic {
        Traffic::Mixed => mixed(&mut file, size, &mut random)?,
        Traffic::Scan => scan(&mut file, size, &mut random)?,
    };
    (contents.bytes, contents.packets) = file.finish()?;
    Ok(contents)
}

fn mixed(file: &mut File<impl Write>, size: u64, random: &mut Random) -> io::Result<Contents> {
    let mut contents = Contents::default();
    let mut open = BTreeMap::new();
    while file.bytes < size {
        while open.len() < OPEN {
            let kind = Kind::draw(random);
            contents.conversations += 1;
            contents.carrying += 1;
            contents.mining += u64::from(kind.is_mining());
            let place = (0..OPEN).find(|place| !open.contains_key(place)).unwrap_or(OPEN);
            open.insert(place, Conversation::new(kind, random));
        }
        // Packets come in bursts: a window's worth from one conversation, then from another.
        let at = random.between(0, OPEN);
        let Some(conversation) = open.get_mut(&at) else { continue };
        for _ in 0..random.between(1, 8) {
            let Some(segment) = conversation.next(random) else {
                open.remove(&at);
                break;
            };
            file.write(&segment)?;
        }
    }
    Ok(contents)
}

fn scan(file: &mut File<impl Write>, size: u64, random: &mut Random) -> io::Result<Contents> {
    let mut contents = Contents::default();
    while file.bytes < size {
        for segment in probe(random) {
            file.write(&segment)?;
        }
        contents.conversations += 1;
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(traffic: Traffic, seed: u64) -> (Contents, Vec<u8>) {
        let mut bytes = Vec::new();
        let contents = write(&mut bytes, traffic, 3_000_000, seed).unwrap();
        (contents, bytes)
    }

    fn word(bytes: &[u8], at: usize) -> usize {
        usize::try_from(u32::from_le_bytes(*bytes[at..].first_chunk().unwrap())).unwrap()
    }

    #[test]
    fn a_seed_gives_one_file_whose_records_add_up() {
        for traffic in [Traffic::Mixed, Traffic::Scan] {
            let (contents, bytes) = written(traffic, 7);
            assert_eq!((&contents, &bytes), (&written(traffic, 7).0, &written(traffic, 7).1));
            assert!(bytes != written(traffic, 8).1);
            let (mut at, mut packets) = (24, 0);
            while at < bytes.len() {
                at += 16 + word(&bytes, at + 8);
                packets += 1;
            }
            assert_eq!((at, packets, at as u64), (bytes.len(), contents.packets, contents.bytes));
        }
    }

    #[test]
    fn the_mix_has_every_kind_and_packets_of_the_usual_size() {
        let (contents, _) = written(Traffic::Mixed, 7);
        let average = contents.bytes / contents.packets;
        assert!((400..=700).contains(&average), "{average}");
        assert!(contents.conversations > 100 && contents.mining > 0, "{contents:?}");
        let mut random = Random::new(7);
        let drawn: Vec<_> = (0..10_000).map(|_| Kind::draw(&mut random)).collect();
        assert!(Kind::SHARES.iter().all(|(kind, _)| drawn.contains(kind)));
    }

    #[test]
    fn a_scan_is_little_else_than_conversations() {
        let (contents, _) = written(Traffic::Scan, 7);
        assert!(contents.conversations * 3 / 2 > contents.packets, "{contents:?}");
    }
}
