//! Lines of text and of noise between messages: many are passed over at a time.
//!
//! Owns the search for what could end them. Must leave the framer as it would be had it gone through every line.
use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use memchr::memrchr;

use super::Framer;

/// A line with one of these is gone through: an object may begin in it, or it begins an HTTP message. The first are
/// what [`super::may_follow_brace`] lets follow.
const EVENTS: [&str; 7] = ["{\"", "{}", "{ ", "{\t", "{\r", "{\n", "HTTP/1."];
/// Bytes for which a search is not worth its set-up.
const FEW: usize = 64;

/// `None` where there are no wide instructions: then every line is gone through.
static SEARCH: LazyLock<Option<Searcher>> = LazyLock::new(|| Searcher::new(EVENTS));

impl Framer {
    /// Goes past whole lines, the first of which begins here, that are neither objects nor of an HTTP message's head.
    /// For another protocol than JSON's: what junk lines look like is of no interest then.
    pub(super) fn pass_text<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if !self.foreign || bytes.len() < FEW || !self.http.is_between_messages() {
            return bytes;
        }
        let Some(search) = SEARCH.as_ref() else { return bytes };
        let event = search.find(bytes).map_or(bytes.len(), |event| event.start());
        let passed = bytes.get(..event).and_then(|plain| memrchr(b'\n', plain)).map_or(0, |end| end + 1);
        bytes.get(passed..).unwrap_or_default()
    }
}
