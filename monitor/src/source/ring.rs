//! Live events from the kernel's two rings.
//!
//! Owns waiting, draining and the counting of records. The programs wake us at most once per
//! [`limits::WAKE_NANOS`], so after a wake-up the rings are drained again every [`limits::DRAIN_NANOS`] (sooner after
//! payload) until one pass finds nothing; an idle host costs no timer but the tick. Must not know what a record means
//! (`decode.rs`) or what is done with an event.
use std::{collections::VecDeque, io, time::Duration};

use aya::maps::{MapData, RingBuf};
use aya_log::EbpfLogger;
use log::Log;
use monitor_ebpf::limits;
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

use self::schedule::{Pass, Schedule};
use super::Source;
use crate::{
    decode::decode,
    event::{Body, Counters, Event},
    kernel::stats::Stats,
    worker::{boot_now, unix_offset},
};

mod schedule;

/// Records taken from each ring before the events so far are handed on: bounds our own queue.
const BATCH: usize = 1024;
/// A wall clock that was set by less than this, in nanoseconds, is not told: it is read a moment after the other.
const CLOCK_STEP: u64 = 100_000_000;
/// Passes when the agent stops: more records than the rings can hold, the smallest being of 32 bytes.
const FINAL_PASSES: usize = limits::FLOW_RING as usize / 32 / BATCH;
/// Counters are told at least this often, in ticks.
const COUNTERS_EVERY: u32 = 15;
/// Kinds in the order in which they are shown.
const KINDS: [&str; 6] = ["exec", "fork", "exit", "connect", "payload", "close"];

/// The rings, the counters and the timer.
pub struct RingSource {
    tasks: AsyncFd<RingBuf<MapData>>,
    flows: AsyncFd<RingBuf<MapData>>,
    stats: Stats,
    log: Option<EbpfLogger<&'static dyn Log>>,
    seen: [u64; KINDS.len()],
    undecodable: u64,
    ready: VecDeque<Event>,
    schedule: Schedule,
    /// The last pass stopped at [`BATCH`].
    more: bool,
    tick: Interval,
    /// Wall clock minus boot clock as the pipeline knows it, nanoseconds.
    unix_offset: i64,
    ticks: u32,
    lost: u64,
}

impl RingSource {
    /// Events from now on, and a [`Body::Tick`] every second.
    ///
    /// # Errors
    /// When the rings cannot be polled. Panics never; needs a tokio runtime with I/O and time.
    pub fn new(
        tasks: RingBuf<MapData>,
        flows: RingBuf<MapData>,
        stats: Stats,
        log: Option<EbpfLogger<&'static dyn Log>>,
        unix_offset: i64,
    ) -> io::Result<Self> {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            tasks: readable(tasks)?,
            flows: readable(flows)?,
            stats,
            log,
            seen: [0; KINDS.len()],
            undecodable: 0,
            ready: VecDeque::new(),
            schedule: Schedule::new(Instant::now()),
            more: false,
            tick,
            unix_offset,
            ticks: 0,
            lost: 0,
        })
    }

    /// Empties the rings once, up to [`BATCH`] records each; tasks first, so that who comes before what. `woken`: a
    /// program sent a wake-up, and none may come for the records right behind it.
    fn drain(&mut self, woken: bool) {
        let Self { tasks, flows, seen, undecodable, ready, .. } = self;
        let (mut most, mut urgent) = (0, false);
        for ring in [tasks.get_mut(), flows.get_mut()] {
            let mut taken = 0;
            while taken < BATCH {
                let Some(record) = ring.next() else { break };
                taken += 1;
                match decode(&record) {
                    Ok(event) => {
                        urgent |= matches!(event.body, Body::Payload(_));
                        if let Some(count) = kind(&event).and_then(|kind| seen.get_mut(kind)) {
                            *count += 1;
                        }
                        ready.push_back(event);
                    }
                    Err(error) => {
                        *undecodable += 1;
                        log::warn!("kernel programs and agent do not match: {error}");
                    }
                }
            }
            most = most.max(taken);
        }
        self.more = most == BATCH;
        let pass = Pass { woken, records: most > 0, payload: urgent };
        self.schedule.passed(Instant::now(), pass);
    }

    fn on_tick(&mut self) -> io::Result<()> {
        if let Some(log) = &mut self.log {
            log.flush();
        }
        let unix_offset_nanos = unix_offset();
        if self.unix_offset.abs_diff(unix_offset_nanos) >= CLOCK_STEP {
            self.unix_offset = unix_offset_nanos;
            self.push(Body::Clock { unix_offset_nanos });
        }
        let counters = self.counters()?;
        let lost = counters.lost_total();
        if lost != self.lost || self.ticks.is_multiple_of(COUNTERS_EVERY) {
            self.lost = lost;
            self.push(Body::Counters(counters));
        }
        self.ticks = self.ticks.wrapping_add(1);
        self.push(Body::Tick);
        Ok(())
    }

    fn push(&mut self, body: Body) {
        self.ready.push_back(Event { at: boot_now(), owner: None, body });
    }

    fn counters(&self) -> io::Result<Counters> {
        let kernel = self.stats.read()?;
        let mut lost = kernel.lost;
        lost.push(("undecodable".to_owned(), self.undecodable));
        let records = KINDS.iter().zip(self.seen).map(|(name, n)| ((*name).to_owned(), n));
        Ok(Counters { seen: records.chain(kernel.seen).collect(), lost })
    }
}

fn readable(ring: RingBuf<MapData>) -> io::Result<AsyncFd<RingBuf<MapData>>> {
    // SAFETY: a ring owns its descriptor, always gives the same one, and closes it only when dropped, which the
    // `AsyncFd` that now owns the ring does after deregistering it.
    let registered = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
    registered.map_err(io::Error::from)
}

/// Index into [`KINDS`] of an event that came from a record.
const fn kind(event: &Event) -> Option<usize> {
    Some(match event.body {
        Body::Exec(_) => 0,
        Body::Fork(_) => 1,
        Body::Exit { .. } => 2,
        Body::Connect { .. } => 3,
        Body::Payload(_) => 4,
        Body::Close { .. } => 5,
        _ => return None,
    })
}

impl Source for RingSource {
    async fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.more {
                self.drain(false);
                continue;
            }
            // Far away while idle: then only a wake-up or the tick ends the wait.
            let drain_at =
                self.schedule.drain_at().unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            let woken = tokio::select! {
                guard = self.tasks.readable_mut() => {
                    guard?.clear_ready();
                    true
                }
                guard = self.flows.readable_mut() => {
                    guard?.clear_ready();
                    true
                }
                () = sleep_until(drain_at) => false,
                _ = self.tick.tick() => {
                    self.on_tick()?;
                    false
                }
            };
            self.drain(woken);
        }
    }

    fn finish(&mut self) -> Vec<Event> {
        // Not until nothing is left: the programs go on writing, perhaps faster than we read.
        for _ in 0..FINAL_PASSES {
            self.drain(false);
            if !self.more {
                break;
            }
        }
        match self.counters() {
            Ok(counters) => self.push(Body::Counters(counters)),
            Err(error) => log::warn!("counters: {error}"),
        }
        self.ready.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::BootTime;

    #[test]
    fn every_record_has_a_counter() {
        let event = |body| Event { at: BootTime(1), owner: None, body };
        assert_eq!(kind(&event(Body::Exit { code: 0 })), Some(2));
        assert_eq!(kind(&event(Body::Close { flow: crate::event::FlowId(1) })), Some(5));
        assert_eq!(kind(&event(Body::Tick)), None);
    }
}
