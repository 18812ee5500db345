//! Times, and what a process has used.
//!
//! Owns percentiles and the fields of /proc that are read. Must not know what is measured.
use std::{fmt, fs, time::Duration};

use anyhow::{Context, Result};

/// Times of the same thing, done often.
#[derive(Clone, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The time that `percent` of all did not exceed (nearest rank), in milliseconds; 0 when there are none.
    fn at(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    pub(crate) fn ratio(&self, other: &Self) -> String {
        let ratio = |percent| self.at(percent) / other.at(percent);
        format!("p50 x{:.2}, p99 x{:.2}, max x{:.2}", ratio(50), ratio(99), ratio(100))
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, all] = [50, 99, 100].map(|percent| self.at(percent));
        write!(f, "{} logins, to notice: p50 {half:.2} ms, p99 {most:.2} ms, max {all:.2} ms", self.0.len())
    }
}

/// What a process has used.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    processor: Duration,
    resident_kib: u64,
    /// The most since [`forget_peak`].
    peak_kib: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Ok(Self {
            processor: processor(&stat).context("stat is odd")?,
            resident_kib: field(&status, "VmRSS:").context("no VmRSS")?,
            peak_kib: field(&status, "VmHWM:").context("no VmHWM")?,
        })
    }

    /// Processor time after `before`; memory as it is.
    pub(crate) fn since(self, before: &Self) -> Self {
        Self { processor: self.processor.saturating_sub(before.processor), ..self }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.processor.as_secs_f64();
        let (resident, peak) = (self.resident_kib, self.peak_kib);
        write!(f, "processor {seconds:.2} s, resident {resident} KiB, peak {peak} KiB")
    }
}

/// Lets the kernel count the peak of a process's memory from now on: proc(5), `clear_refs`.
pub(crate) fn forget_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("cannot reset the peak of memory")
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of /proc/PID/stat; what is behind the name begins with field 3.
fn processor(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Option<u64> =
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks? * 1_000 / rustix::param::clock_ticks_per_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = Times((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!([50, 99, 100].map(|percent| times.at(percent)), [100.0, 198.0, 200.0]);
        assert_eq!(Times::default().at(99), 0.0);
    }

    #[test]
    fn reads_itself() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.peak_kib >= usage.resident_kib && usage.resident_kib > 0);
        let stat = "7 (a b) c) S 1 7 7 0 -1 4 9 0 0 0 150 50 0 0 20 0 1 0 5";
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(processor(stat), Some(Duration::from_millis(200_000 / ticks)));
    }
}
