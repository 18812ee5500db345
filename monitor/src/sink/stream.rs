//! Whole records into a byte stream that may fail half-way.
//!
//! Owns the rest of a record that a failed write left behind. Must not know what the bytes mean.
use std::io::{self, ErrorKind, Write};

/// A writer that goes on where a failed write stopped, so that no record is torn or begun twice.
pub(super) struct Stream<W> {
    out: W,
    /// Id of the notice whose bytes these are, and the bytes that did not get out yet.
    rest: Option<(String, Vec<u8>)>,
}

impl<W: Write> Stream<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { out, rest: None }
    }

    /// Writes and flushes the record that `render` gives for the notice `id`.
    ///
    /// # Errors
    /// The writer's; the same call again goes on where this one stopped.
    pub(super) fn put(&mut self, id: &str, render: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<()> {
        let begun = self.rest.as_ref().is_some_and(|(begun, _)| begun == id);
        self.finish()?;
        if !begun {
            self.rest = Some((id.to_owned(), render()?));
            self.finish()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some((_, bytes)) = &mut self.rest else { return Ok(()) };
        while !bytes.is_empty() {
            match self.out.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => drop(bytes.drain(..written.min(bytes.len()))),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.flush()?;
        self.rest = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Write};

    use super::Stream;

    /// Takes two bytes at a time and fails every other time.
    #[derive(Default)]
    struct Flaky {
        taken: Vec<u8>,
        calls: usize,
    }

    impl Write for Flaky {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls.is_multiple_of(2) {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = bytes.get(..2).unwrap_or(bytes);
            self.taken.extend(taken);
            Ok(taken.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_record_that_fails_half_way_is_neither_torn_nor_repeated() {
        let mut stream = Stream::new(Flaky::default());
        let mut failures = 0;
        for id in ["first", "second"] {
            while stream.put(id, || Ok(format!("<{id}>\n").into_bytes())).is_err() {
                failures += 1;
            }
        }
        assert_eq!(String::from_utf8(stream.out.taken).unwrap(), "<first>\n<second>\n");
        assert!(failures >= 4, "{failures}");
    }

    #[test]
    fn a_record_given_up_is_still_completed_before_the_next() {
        let mut stream = Stream::new(Flaky::default());
        assert!(stream.put("first", || Ok(b"first\n".to_vec())).is_err());
        while stream.put("second", || Ok(b"second\n".to_vec())).is_err() {}
        assert_eq!(String::from_utf8(stream.out.taken).unwrap(), "first\nsecond\n");
    }
}
