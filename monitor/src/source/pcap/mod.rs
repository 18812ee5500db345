//! Captures: pcap and pcapng files as events.
//!
//! Owns [`Capture`]: packets in the order of the file, TCP only, no owner, the client as the local end. Must not
//! know the pipeline, nor what the bytes mean. Memory does not grow with the file.
use std::{
    collections::VecDeque,
    io::{self, Read},
    path::Path,
};

use self::{batch::Batch, blocks::Blocks, conversations::Conversations, packet::Skip};
use super::Source;
use crate::event::{Body, BootTime, Event, FlowId};

mod ahead;
mod batch;
mod blocks;
mod buffer;
mod conversation;
mod conversations;
mod gate;
mod opening;
mod packet;
mod section;
mod stream;
#[cfg(test)]
mod tests;

pub use ahead::Ahead;

/// A batch is full with as many events.
const BATCH: usize = 1_024;
/// It is full with as many bytes of packets, too.
const BATCH_BYTES: usize = 512 << 10;
const SECOND: u64 = 1_000_000_000;
/// Ticks that fill a silence; a longer one (or a time stamp far in the future) gets one more at its end.
const MAX_GAP: u64 = 60;

/// What a capture held, and what of it was not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets read.
    pub packets: u64,
    /// TCP segments among them.
    pub segments: u64,
    /// Conversations.
    pub flows: u64,
    /// Packets of a link layer that is not read.
    pub link: u64,
    /// Fragments of IP datagrams, which are not put together.
    pub fragments: u64,
    /// Neither TCP nor broken.
    pub other: u64,
    /// Packets with a header that is cut off or contradicts itself.
    pub malformed: u64,
    /// Packets with more headers than are looked behind.
    pub deep: u64,
    /// Segments whose payload was cut by the snap length.
    pub cut: u64,
    /// Segments from before the first byte captured of their direction.
    pub before_start: u64,
    /// Packet blocks of the obsolete kind.
    pub obsolete: u64,
    /// Conversations that the table had no room for any more.
    pub evicted: u64,
    /// The same, of those that had carried nothing yet.
    pub silent: u64,
}

impl Tally {
    /// What was left out and may hide something, with its count. Nothing that is zero.
    fn losses(&self) -> impl Iterator<Item = String> {
        [
            (self.link, "packets of a link layer that is not read"),
            (self.fragments, "IP fragments"),
            (self.malformed, "packets with a malformed or cut header"),
            (self.deep, "packets in too many tunnels"),
            (self.obsolete, "obsolete packet blocks"),
            (self.cut, "segments cut by the snap length"),
            (self.evicted, "conversations ended early because the table was full"),
            (self.silent, "conversations forgotten before they carried anything because the table was full"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what}: {count}"))
    }
}

/// A capture file as a source of events.
pub struct Capture {
    name: String,
    blocks: Blocks<Box<dyn Read + Send>>,
    conversations: Conversations,
    pending: Batch,
    /// Bytes of the packets that made what is pending.
    batch_bytes: usize,
    /// A batch that is handed out one by one.
    batch: VecDeque<Event>,
    /// Conversations whose end is told when nothing is pending.
    open: VecDeque<FlowId>,
    tally: Tally,
    /// The second of the last tick.
    second: Option<u64>,
    /// Time of the latest packet.
    last: BootTime,
    done: bool,
    /// What ended the reading early, not said yet.
    failure: Option<io::Error>,
}

impl Capture {
    /// Reads the header of `input`; `name` is for messages.
    ///
    /// # Errors
    /// When the input cannot be read, and when it is no capture: one line with the name.
    pub fn new(name: &Path, input: Box<dyn Read + Send>) -> io::Result<Self> {
        let name = name.display().to_string();
        let blocks = Blocks::new(input).map_err(|error| named(&name, &error))?;
        Ok(Self {
            name,
            blocks,
            conversations: Conversations::new(),
            pending: Batch::default(),
            batch_bytes: 0,
            batch: VecDeque::new(),
            open: VecDeque::new(),
            tally: Tally::default(),
            second: None,
            last: BootTime(0),
            done: false,
            failure: None,
        })
    }

    /// What was read so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            packets: self.blocks.packets(),
            flows: self.conversations.begun(),
            before_start: self.conversations.before_start(),
            obsolete: self.blocks.obsolete(),
            evicted: self.conversations.evicted(),
            silent: self.conversations.silent(),
            ..self.tally
        }
    }

    /// What a reader of the verdict must know: where the file was cut off, what was left out. One line each, with
    /// the file's name; complete at the end of the capture.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let truncated = self.blocks.truncated().map(|what| format!("{what}; what came before was judged"));
        let losses = self.tally().losses().collect::<Vec<_>>().join(", ");
        let losses = (!losses.is_empty()).then(|| format!("not fully judged: {losses}"));
        truncated.into_iter().chain(losses).map(|what| format!("{}: {what}", self.name)).collect()
    }

    /// The next events, about a thousand; none at the end.
    ///
    /// # Errors
    /// What ended the reading early, named; once, after the events that came before it.
    pub fn read(&mut self) -> io::Result<VecDeque<Event>> {
        self.batch_bytes = 0;
        // No events is the end, however much there is that makes none.
        while !self.done && (self.pending.events.is_empty() || !self.is_full()) {
            self.read_packet().unwrap_or_else(|error| self.end(Some(error)));
        }
        while let Some(flow) = self.open.pop_front_if(|_| self.pending.events.len() < BATCH) {
            self.pending.push(self.last, Body::Close { flow });
        }
        if self.pending.events.is_empty() {
            self.failure.take().map_or(Ok(()), Err)?;
        }
        Ok(self.pending.take())
    }

    fn is_full(&self) -> bool {
        self.pending.events.len() >= BATCH || self.batch_bytes >= BATCH_BYTES
    }

    fn advance(&mut self) -> io::Result<Option<Event>> {
        if self.batch.is_empty() {
            self.batch = self.read()?;
        }
        Ok(self.batch.pop_front())
    }

    /// Turns one packet into pending events.
    fn read_packet(&mut self) -> io::Result<()> {
        let Some(packet) = self.blocks.next()? else {
            self.end(None);
            return Ok(());
        };
        self.last = self.last.max(packet.at);
        self.batch_bytes += packet.data.len();
        tick(&mut self.second, packet.at, &mut self.pending);
        match packet::dissect(packet.link, packet.data) {
            Ok(segment) => {
                self.tally.segments += 1;
                self.tally.cut += u64::from(segment.payload.len() < segment.length as usize);
                self.conversations.take(packet.at, &segment, &mut self.pending);
            }
            Err(Skip::Link) => self.tally.link += 1,
            Err(Skip::Fragment) => self.tally.fragments += 1,
            Err(Skip::Other) => self.tally.other += 1,
            Err(Skip::Malformed) => self.tally.malformed += 1,
            Err(Skip::Deep) => self.tally.deep += 1,
        }
        Ok(())
    }

    /// Ends all conversations; what stopped the reading is said after that.
    fn end(&mut self, error: Option<io::Error>) {
        self.done = true;
        self.open = self.conversations.end();
        let error = error.or_else(|| self.unread());
        self.failure = error.map(|error| named(&self.name, &error));
    }

    /// A capture of which no packet could be read must not look like one without miners.
    fn unread(&self) -> Option<io::Error> {
        let unread = self.tally.link + self.blocks.obsolete();
        let all = unread > 0 && unread == self.blocks.packets() + self.blocks.obsolete();
        let what = "no packet has a link layer that is read (Ethernet, Linux cooked, raw IP, loopback)";
        all.then(|| io::Error::new(io::ErrorKind::InvalidData, what))
    }
}

impl Source for Capture {
    async fn next(&mut self) -> io::Result<Option<Event>> {
        self.advance()
    }
}

/// One tick for each second that began since the last one.
fn tick(last: &mut Option<u64>, at: BootTime, out: &mut Batch) {
    let now = at.0 / SECOND;
    let before = last.unwrap_or(now);
    if last.is_some() && now <= before {
        return;
    }
    let filled = (before + 1..now).take(usize::try_from(MAX_GAP).unwrap_or(usize::MAX));
    for second in filled.chain([now]) {
        out.push(BootTime(second * SECOND), Body::Tick);
    }
    *last = Some(now);
}

fn named(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}
