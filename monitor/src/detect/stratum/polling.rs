//! Work that is asked for over and over: what one call does not show, several on one connection do.
//!
//! Owns [`Polling`]. Must not know what the calls are called. Nodes give work and templates to anyone who asks
//! over HTTP; only a miner goes on asking for Ethereum's work, or hands in something after it was given some.
use super::dialect::{Dialect, Purpose, Reply, Request};

/// A person who tries a call out does not keep the connection for that many.
const POLLS: u8 = 3;

/// One conversation.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// Calls for work that were answered with work.
    works: u8,
    /// Something was handed in: a solution, a hash rate.
    hands_in: bool,
}

impl Polling {
    /// A call was made. True when its sender is a miner, with what came before.
    pub(super) fn asked(&mut self, request: &Request) -> bool {
        self.hands_in |= matches!(request.purpose, Purpose::Submit | Purpose::Other);
        self.hands_in && self.works > 0
    }

    /// A call was answered. True when its sender is a miner, with what came before. `again`: this answer was counted.
    pub(super) fn answered(&mut self, request: &Request, reply: &Reply, again: bool) -> bool {
        if request.purpose == Purpose::Work && reply.accepts && !again {
            self.works = self.works.saturating_add(1);
        }
        // Who watches a chain's fees polls for templates, and mines nothing.
        let polls = self.works >= POLLS && request.dialect == Dialect::Getwork;
        polls || (self.works > 0 && self.hands_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(dialect: Dialect, asked: &[Purpose]) -> Vec<bool> {
        let mut polling = Polling::default();
        asked
            .iter()
            .map(|purpose| {
                let request = Request::plain(dialect, "call", *purpose);
                let asked = polling.asked(&request);
                polling.answered(&request, &Reply::fitting("an answer"), false) || asked
            })
            .collect()
    }

    #[test]
    fn an_answer_that_is_heard_again_is_one() {
        let mut polling = Polling::default();
        let request = Request::plain(Dialect::Getwork, "call", Purpose::Work);
        let reply = Reply::fitting("an answer");
        assert!((0..9).all(|look| !polling.answered(&request, &reply, look > 0)));
    }

    #[test]
    fn who_goes_on_is_a_miner() {
        use Purpose::{Other, Submit, Work};
        assert_eq!(given(Dialect::Getwork, &[Work, Work, Work]), [false, false, true]);
        assert_eq!(given(Dialect::Getwork, &[Other, Work]), [false, true]);
        assert_eq!(given(Dialect::GetBlockTemplate, &[Work, Submit]), [false, true]);
        assert_eq!(given(Dialect::GetBlockTemplate, &[Submit, Submit]), [false, false]);
        assert_eq!(given(Dialect::GetBlockTemplate, &[Work; 9]), [false; 9]);
    }
}
