//! A window over a file that is read once, from front to back.
//!
//! Owns the memory: it grows to the largest stretch that was asked for, and no further. Must not know formats.
use std::{
    io::{self, Read},
    ops::Range,
};

/// Bytes asked of the file at a time.
const CHUNK: usize = 256 << 10;

/// Bytes of a file from the first that was not consumed.
pub(super) struct Buffer<R> {
    input: R,
    memory: Vec<u8>,
    /// The part of `memory` that was read and not consumed.
    filled: Range<usize>,
    offset: u64,
}

impl<R: Read> Buffer<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, memory: Vec::new(), filled: 0..0, offset: 0 }
    }

    /// Where in the file the first byte that was not consumed is.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is there.
    pub(super) fn data(&self) -> &[u8] {
        self.memory.get(self.filled.clone()).unwrap_or_default()
    }

    /// Reads until `need` bytes are there; says whether they are.
    pub(super) fn fill(&mut self, need: usize) -> io::Result<bool> {
        if self.filled.len() >= need { Ok(true) } else { self.read(need) }
    }

    /// Moves what is there to the front and reads behind it.
    #[cold]
    fn read(&mut self, need: usize) -> io::Result<bool> {
        self.memory.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        if self.memory.len() < need.max(CHUNK) {
            self.memory.resize(need.max(CHUNK), 0);
        }
        while self.filled.len() < need {
            let space = self.memory.get_mut(self.filled.end..).unwrap_or_default();
            match self.input.read(space) {
                Ok(0) => return Ok(false),
                Ok(read) => self.filled.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Consumes at most `bytes` of what is there, and gives them.
    pub(super) fn take(&mut self, bytes: usize) -> &[u8] {
        let taken = self.filled.start..self.filled.start + bytes.min(self.filled.len());
        self.filled.start = taken.end;
        self.offset += taken.len() as u64;
        self.memory.get(taken).unwrap_or_default()
    }

    /// Consumes bytes without keeping them; says whether all were there.
    pub(super) fn pass_over(&mut self, mut left: usize) -> io::Result<bool> {
        while left > 0 {
            if !self.fill(1)? {
                return Ok(false);
            }
            left -= self.take(left).len();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives three bytes at a time, after an interruption.
    struct Slow(u8, bool);

    impl Read for Slow {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = 3.min(space.len()).min(usize::from(20 - self.0));
            for byte in &mut space[..count] {
                *byte = self.0;
                self.0 += 1;
            }
            Ok(count)
        }
    }

    #[test]
    fn bytes_come_in_order_however_they_are_read() {
        let mut buffer = Buffer::new(Slow(0, false));
        assert!(buffer.fill(4).unwrap());
        assert_eq!(buffer.take(2), [0, 1]);
        assert!(buffer.pass_over(9).unwrap());
        assert_eq!(buffer.offset(), 11);
        assert!(buffer.fill(9).unwrap());
        assert_eq!(buffer.data()[..9], [11, 12, 13, 14, 15, 16, 17, 18, 19]);
        assert!(!buffer.fill(10).unwrap());
        assert!(!buffer.pass_over(10).unwrap());
        assert_eq!((buffer.offset(), buffer.data()), (20, &[][..]));
    }
}
