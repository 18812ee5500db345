//! The second serial line of a virtual machine, on which what runs there tells `cargo xtask vm` what came of it: JSON
//! arrays of strings, one a line. The first serial line is the kernel's.
use std::{
    fs::File,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

const DEVICE: &str = "/dev/ttyS1";

/// The line; clones of it write whole lines in turn.
#[derive(Clone)]
pub struct Serial(Arc<Mutex<File>>);

impl Serial {
    /// Opens it, and keeps the terminal from changing what is written.
    ///
    /// # Errors
    /// When the machine has no such line.
    pub fn open() -> Result<Self> {
        let file = File::options().read(true).write(true).open(DEVICE).context(DEVICE)?;
        let mut mode = tcgetattr(&file).context(DEVICE)?;
        mode.make_raw();
        tcsetattr(&file, OptionalActions::Now, &mode).context(DEVICE)?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    /// Writes one array.
    pub fn tell(&self, words: &[&str]) {
        let line = format!("{}\n", serde_json::json!(words));
        // Nobody could be told that it cannot be told.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}
