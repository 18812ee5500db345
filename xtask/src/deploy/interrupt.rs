//! Ctrl-C: the first lets the hosts in progress finish, the second aborts them.
//!
//! Owns the signals and how often they came. Must not know what is in progress.
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Whether to go on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// Takes the place of what SIGINT and SIGTERM do; a third signal ends the process at once.
    pub(crate) fn watch() -> io::Result<Self> {
        let interrupt = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let count = Arc::clone(&interrupt.0);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                match count.fetch_add(1, Ordering::SeqCst) {
                    0 => eprintln!(
                        "\nstopping: hosts in progress are finished, no other is begun (again: abort)"
                    ),
                    1 => eprintln!("\naborting: what runs on the hosts in progress is cut off"),
                    _ => std::process::exit(130),
                }
            }
        })?;
        Ok(interrupt)
    }

    /// Begin no other host.
    pub(crate) fn stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    /// End those in progress.
    pub(crate) fn aborted(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 1
    }

    /// As Ctrl-C would.
    #[cfg(test)]
    pub(crate) fn press(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
