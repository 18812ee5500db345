//! When the rings are drained although nobody woke us.
//!
//! Owns the rule that answers the programs' sparing wake-ups (`emit.rs` of the programs): after one, records may
//! follow without another for [`limits::WAKE_NANOS`], so the rings are drained again until they have been quiet for
//! longer. Must not know rings.
use std::time::Duration;

use monitor_ebpf::limits;
use tokio::time::Instant;

/// What one pass over the rings came upon.
#[derive(Clone, Copy, Default)]
pub(super) struct Pass {
    /// A wake-up had come.
    pub(super) woken: bool,
    /// There were records.
    pub(super) records: bool,
    /// Payload was among them.
    pub(super) payload: bool,
}

/// When to drain next.
pub(super) struct Schedule {
    drain_at: Option<Instant>,
    /// Until then a record may be written without a wake-up.
    settled_at: Instant,
}

impl Schedule {
    /// Idle.
    pub(super) const fn new(now: Instant) -> Self {
        Self { drain_at: None, settled_at: now }
    }

    /// `None` while idle: then a wake-up will come.
    pub(super) const fn drain_at(&self) -> Option<Instant> {
        self.drain_at
    }

    /// Takes note of a pass.
    pub(super) fn passed(&mut self, now: Instant, pass: Pass) {
        // A wake-up may find nothing yet: a record that is still being written holds back those behind it.
        if pass.records || pass.woken {
            self.settled_at = now + Duration::from_nanos(limits::DRAIN_NANOS);
        }
        let soon = now + Duration::from_nanos(limits::URGENT_DRAIN_NANOS);
        // A pass that finds nothing, as the one that answers a wake-up too late, puts nothing off.
        let planned = self.drain_at.filter(|&at| at > now).unwrap_or(self.settled_at);
        self.drain_at = (now < self.settled_at).then_some(if pass.payload { soon } else { planned });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Pass = Pass { woken: false, records: false, payload: false };
    const RECORDS: Pass = Pass { woken: true, records: true, payload: false };
    const PAYLOAD: Pass = Pass { woken: true, records: true, payload: true };
    const DRAIN: Duration = Duration::from_nanos(limits::DRAIN_NANOS);
    const SOON: Duration = Duration::from_nanos(limits::URGENT_DRAIN_NANOS);

    #[test]
    fn an_idle_host_costs_no_timer() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        schedule.passed(start, NOTHING);
        assert_eq!(schedule.drain_at(), None);
        schedule.passed(start, RECORDS);
        assert_eq!(schedule.drain_at(), Some(start + DRAIN));
        schedule.passed(start + DRAIN, NOTHING);
        assert_eq!(schedule.drain_at(), None);
    }

    #[test]
    fn payload_is_drained_soon_and_then_until_the_rings_are_quiet() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        schedule.passed(start, PAYLOAD);
        assert_eq!(schedule.drain_at(), Some(start + SOON));
        schedule.passed(start + SOON, NOTHING);
        assert_eq!(schedule.drain_at(), Some(start + DRAIN));
        schedule.passed(start + DRAIN, NOTHING);
        assert_eq!(schedule.drain_at(), None);
    }

    #[test]
    fn an_empty_pass_puts_nothing_off() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        schedule.passed(start, PAYLOAD);
        schedule.passed(start + SOON / 2, NOTHING);
        assert_eq!(schedule.drain_at(), Some(start + SOON));
    }

    #[test]
    fn a_wake_up_that_finds_a_record_still_being_written_is_answered_again() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        schedule.passed(start, Pass { woken: true, ..NOTHING });
        assert_eq!(schedule.drain_at(), Some(start + DRAIN));
    }

    #[test]
    fn no_record_lies_longer_than_a_drain() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        for step in 0..1_000 {
            let now = start + Duration::from_millis(step);
            let records = step % 3 == 0;
            schedule.passed(now, Pass { woken: false, records, payload: records && step % 2 == 0 });
            let next = schedule.drain_at().unwrap();
            assert!(next > now && next <= now + DRAIN, "at step {step}");
        }
    }
}
