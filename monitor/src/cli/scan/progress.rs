//! How far a scan is, for a person at a terminal.
//!
//! Owns the bar on stderr: there is one only if stderr is a terminal. Must not know what is found.
use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const TEMPLATE: &str = "{wide_bar} {msg}";

/// The bar; gone from the terminal when dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Of a scan that listens for so long.
    pub(super) fn new(listen: Duration) -> Self {
        let shown = io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(millis(listen)), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows what was swept by name, and how much time has passed.
    pub(super) fn show(&self, passed: Duration, swept: [(&'static str, u64); 3]) {
        if self.0.is_hidden() {
            return;
        }
        let [(_, processes), (_, sockets), _] = swept;
        self.0.set_position(millis(passed));
        self.0.set_message(format!("{processes} processes, {sockets} connections, {} s", passed.as_secs()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
