//! How fast files are searched in the long run.
//!
//! Owns one allowance of bytes that fills with time. Must not know what is read.
use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Bytes a second: about a tenth of a core.
const RATE: f64 = (32 << 20) as f64;
/// Bytes that may be searched at once: the executables of everything that runs when the agent starts.
const BURST: f64 = (1 << 30) as f64;
/// What a search counts at least: opening and answering cost too. So at most 256 small files a second.
const LEAST: u64 = 128 << 10;

/// The allowance, shared by all threads.
pub(super) struct Pace(Mutex<Allowance>);

struct Allowance {
    bytes: f64,
    at: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(Allowance { bytes: BURST, at: Instant::now() }))
    }
}

impl Pace {
    /// Takes `bytes` from the allowance; first waits until there is no debt, for as long as what was read last takes.
    pub(super) fn wait_for(&self, bytes: u64) {
        let wait = self.0.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, Instant::now());
        if !wait.is_zero() {
            thread::sleep(wait);
        }
    }
}

impl Allowance {
    fn take(&mut self, bytes: u64, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.bytes = (self.bytes + passed * RATE).min(BURST);
        let debt = -self.bytes.min(0.0);
        self.bytes -= bytes.max(LEAST) as f64;
        Duration::from_secs_f64(debt / RATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_bytes_cost_time() {
        let now = Instant::now();
        let mut allowance = Allowance { bytes: BURST, at: now };
        let file = 256 << 20;
        let waits: Vec<_> = (0..6).map(|_| allowance.take(file, now).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 8], "the fifth makes a debt, the sixth waits it off");
        let later = now + Duration::from_secs(16);
        assert_eq!(allowance.take(file, later), Duration::ZERO);
        let idle = now + Duration::from_secs(3600);
        assert_eq!(allowance.take(0, idle), Duration::ZERO);
        assert_eq!(allowance.bytes, BURST - LEAST as f64, "no more than a burst is saved up");
    }
}
