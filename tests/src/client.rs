//! A program that speaks a protocol and tells on its standard output what it does, one JSON object a line with a
//! key `event`: the Python client, and our own pool and miner.
use std::{ffi::OsString, process::Command, sync::OnceLock, time::Duration};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::process::Running;

/// How long a step of a conversation may take.
pub const STEP: Duration = Duration::from_secs(30);

/// A running program of that kind. It ends when its standard input closes.
pub struct Client(pub Running);

impl Client {
    /// Starts `argv`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, argv: &[OsString]) -> Result<Self> {
        Running::start(name, argv).map(Self)
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Waits until it says `event`; gives the whole object.
    ///
    /// # Errors
    /// When it does not; with all that it wrote.
    pub fn says(&self, event: &str, limit: Duration) -> Result<Value> {
        let found = self.0.out.first(event, limit, |line| {
            serde_json::from_str::<Value>(line).ok().filter(|value| value.get("event") == Some(&event.into()))
        });
        found.map_err(|error| anyhow!("{error}\n{}", self.0.dump()))
    }

    /// The port in its `listening`.
    ///
    /// # Errors
    /// When it does not listen in time.
    pub fn port(&self) -> Result<u16> {
        let port = self.says("listening", STEP)?.get("port").and_then(Value::as_u64);
        port.and_then(|port| u16::try_from(port).ok()).context("no port in `listening`")
    }

    /// Closes its input and expects it to end well.
    ///
    /// # Errors
    /// When the conversation did not go as it should.
    pub fn finish(mut self) -> Result<()> {
        self.0.finish(STEP)
    }
}

/// The Python interpreter itself: a version manager's `python3` may be a script in front of it.
///
/// # Errors
/// When there is none.
pub fn python() -> Result<&'static str> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let output =
            Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
        let path = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !path.is_empty()).then_some(path)
    });
    found.as_deref().context("python3 does not work on this host")
}
