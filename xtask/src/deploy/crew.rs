//! Many hosts at a time: who is next, when it is enough, and what is shown meanwhile.
//!
//! Owns order, the limit of failures and progress. Must not know what is done on a host.
use std::{
    io::IsTerminal as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt::Interrupt;

/// What bounds a run over many hosts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Hosts at a time.
    pub(crate) jobs: usize,
    /// With that many failed no other host is begun; 0: never.
    pub(crate) failures: usize,
}

/// One host's line of progress.
pub(crate) struct Step<'a> {
    host: &'a str,
    bar: Option<ProgressBar>,
}

impl Step<'_> {
    /// What is being done now.
    pub(crate) fn says(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("{}: {what}", self.host)),
            None => eprintln!("{}: {what}", self.host),
        }
    }
}

/// What `work` made of each item, in order; `None` where it was not begun, because enough had `failed` or the operator
/// stopped it. `work` gets the item's number.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    limits: Limits,
    interrupt: &Interrupt,
    label: impl Fn(&T) -> String + Sync,
    work: impl Fn(usize, &T, &Step<'_>) -> R + Sync,
    failed: impl Fn(&R) -> bool + Sync,
) -> Vec<Option<R>> {
    let (next, failures) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = Mutex::new(items.iter().map(|_| None).collect::<Vec<Option<R>>>());
    let shown = Shown::new(items.len());
    let worker = || {
        loop {
            let enough = limits.failures > 0 && failures.load(Ordering::SeqCst) >= limits.failures;
            if enough || interrupt.stopped() {
                return;
            }
            let number = next.fetch_add(1, Ordering::SeqCst);
            let Some(item) = items.get(number) else { return };
            let name = label(item);
            let step = shown.begin(&name);
            let result = work(number, item, &step);
            if failed(&result) {
                failures.fetch_add(1, Ordering::SeqCst);
            }
            shown.end(step);
            // A worker that panicked left whole results behind.
            if let Some(place) = results.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number) {
                *place = Some(result);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..limits.jobs.clamp(1, items.len().max(1)) {
            scope.spawn(worker);
        }
    });
    shown.clear();
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Bars on a terminal, plain lines elsewhere.
struct Shown {
    bars: Option<(MultiProgress, ProgressBar)>,
}

impl Shown {
    fn new(hosts: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bars: None };
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} hosts, {elapsed}");
        let count = all.add(ProgressBar::new(u64::try_from(hosts).unwrap_or(u64::MAX)));
        count.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        count.enable_steady_tick(Duration::from_millis(250));
        Self { bars: Some((all, count)) }
    }

    fn begin<'a>(&self, host: &'a str) -> Step<'a> {
        let bar = self.bars.as_ref().map(|(all, count)| {
            let bar = all.insert_before(count, ProgressBar::new_spinner());
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        Step { host, bar }
    }

    fn end(&self, step: Step<'_>) {
        if let (Some((all, count)), Some(bar)) = (&self.bars, step.bar) {
            bar.finish_and_clear();
            all.remove(&bar);
            count.inc(1);
        }
    }

    fn clear(&self) {
        if let Some((all, count)) = &self.bars {
            count.finish_and_clear();
            // Nothing is lost when a terminal cannot be cleared.
            let _ = all.clear();
        }
    }
}

/// Seconds since `begin`, for a table.
pub(crate) fn seconds(begin: Instant) -> f64 {
    (begin.elapsed().as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(items: &[u32], limits: Limits, interrupt: &Interrupt) -> Vec<Option<u32>> {
        let work = |_: usize, item: &u32, _: &Step<'_>| {
            if *item == 7 {
                interrupt.press();
            }
            *item
        };
        each(items, limits, interrupt, |item| format!("h{item}"), work, |result| *result == 0)
    }

    #[test]
    fn results_stand_in_the_order_of_the_hosts() {
        let items: Vec<u32> = (1..=6).collect();
        let limits = Limits { jobs: 3, failures: 1 };
        assert_eq!(
            run(&items, limits, &Interrupt::default()),
            items.iter().map(|n| Some(*n)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn after_enough_failures_no_other_host_is_begun() {
        let run = |failures| run(&[1, 0, 2, 0, 3], Limits { jobs: 1, failures }, &Interrupt::default());
        assert_eq!(run(2), [Some(1), Some(0), Some(2), Some(0), None]);
        assert_eq!(run(0), [Some(1), Some(0), Some(2), Some(0), Some(3)]);
    }

    #[test]
    fn after_ctrl_c_the_one_in_progress_is_finished_and_no_other_begun() {
        let limits = Limits { jobs: 1, failures: 0 };
        assert_eq!(run(&[1, 7, 2], limits, &Interrupt::default()), [Some(1), Some(7), None]);
    }
}
