//! How far a large file has been read, for a person at a terminal.
//!
//! Owns the bar on stderr: there is one only if stderr is a terminal and the file has [`LARGE`] bytes or more. Must
//! not know what is read. Whatever is printed on the same terminal meanwhile goes through [`Progress::aside`].
use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Smaller files are read before a person has seen the bar.
const LARGE: u64 = 16 << 20;
const TEMPLATE: &str = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";

/// The bar of one file; gone from the terminal when dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    /// Results go to the terminal too.
    shared: bool,
}

impl Progress {
    /// For `file`, of which nothing was read. Pipes have no length, and get no bar.
    pub(super) fn of(file: &File) -> Self {
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map_or(0, |data| data.len());
        let shown = length >= LARGE && io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self { bar, shared: shown && io::stdout().is_terminal() }
    }

    /// Counts what is read from `input`.
    pub(super) fn watch(&self, input: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        if self.bar.is_hidden() { Box::new(input) } else { Box::new(self.bar.wrap_read(input)) }
    }

    /// Does what may print, with the bar out of the way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        if self.shared { self.bar.suspend(print) } else { print() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
