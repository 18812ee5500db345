//! Waiting for a condition, never for a time.
use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Time between two looks at a condition that cannot wake us.
const POLL: Duration = Duration::from_millis(50);

/// Asks `probe` until it gives a value. An error names `what` was waited for, and what `probe` last complained of.
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        let complaint = match probe() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => String::new(),
            Err(error) => format!(": {error:#}"),
        };
        if start.elapsed() >= limit {
            bail!("waited {:.0} s in vain for {what}{complaint}", limit.as_secs_f64());
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_value_and_names_what_never_came() {
        let mut left = 2;
        let value = until("two looks", Duration::from_secs(5), || {
            left -= 1;
            Ok((left == 0).then_some("here"))
        });
        assert_eq!(value.unwrap(), "here");
        let never = until("a miracle", Duration::ZERO, || -> Result<Option<()>> { bail!("none today") });
        assert_eq!(never.unwrap_err().to_string(), "waited 0 s in vain for a miracle: none today");
    }
}
