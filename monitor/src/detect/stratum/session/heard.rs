//! How a message came, and what that says of it.
//!
//! Owns [`Heard`] and [`Ways`]. Must not know what was heard before.
use crate::{
    detect::{
        Claim,
        stratum::{
            dialect::{Dialect, Dialects},
            message::{Id, Message},
        },
    },
    event::Direction,
};

/// How a message came.
#[derive(Clone, Copy, Debug)]
pub(in crate::detect::stratum) struct Heard<'a> {
    /// What is looked for.
    pub(in crate::detect::stratum) dialects: Dialects,
    /// Which way it went.
    pub(in crate::detect::stratum) direction: Direction,
    /// It may be a quotation.
    pub(in crate::detect::stratum) guarded: bool,
    /// It stands in the middle of a line of text.
    pub(in crate::detect::stratum) quoted: bool,
    /// It is a request of a person, as far as it says.
    pub(in crate::detect::stratum) by_hand: bool,
    /// It is the body of an HTTP message.
    pub(in crate::detect::stratum) over_http: bool,
    /// Nothing of the other direction was seen.
    pub(in crate::detect::stratum) alone: bool,
    /// Less of the same object was heard before, or its other reading.
    pub(in crate::detect::stratum) again: bool,
    /// The string that a cut went through.
    pub(in crate::detect::stratum) torn: Option<&'a str>,
}

/// A set of directions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ways {
    pub(super) egress: bool,
    pub(super) ingress: bool,
}

impl Heard<'_> {
    /// Whether a message of `dialect` may be a quotation. Those of HTTP are read only as a message's whole body.
    pub(super) fn guards(&self, dialect: Dialect) -> bool {
        self.guarded && !(self.over_http && dialect.may_be_over_http())
    }

    /// What ties an answer to its request. Dialects without method words have no ids either: there the order does.
    pub(super) fn order(&self, message: &Message<'_>) -> Option<Id> {
        let answered = self.dialects.answered(message);
        answered.or_else(|| message.method.is_none().then_some(Id::IN_ORDER))
    }

    /// The name that the cut went through is left out of a list.
    pub(super) fn drop_torn_name(&self, names: &mut Option<String>) {
        let Some(torn) = self.torn else { return };
        let whole = |all: String| all.split(',').filter(|name| *name != torn).collect::<Vec<_>>().join(",");
        *names = names.take().map(whole).filter(|left| !left.is_empty());
    }

    /// A value that the cut went through is not learned: the whole one may still come.
    pub(super) fn drop_torn(&self, claim: &mut Claim) {
        let Some(torn) = self.torn.filter(|torn| !torn.is_empty()) else { return };
        let Claim { dialect: _, wallet, worker, agent, algorithm, coin, coin_inferred: _, pool, difficulty } =
            claim;
        for field in [wallet, worker, agent, algorithm, coin, pool, difficulty] {
            if field.as_deref().is_some_and(|value| torn.contains(value) || value.contains(torn)) {
                *field = None;
            }
        }
    }
}

impl Ways {
    pub(super) const fn add(&mut self, direction: Direction) {
        match direction {
            Direction::Egress => self.egress = true,
            Direction::Ingress => self.ingress = true,
        }
    }

    /// Whether `direction` is one of them.
    pub(super) const fn has(self, direction: Direction) -> bool {
        match direction {
            Direction::Egress => self.egress,
            Direction::Ingress => self.ingress,
        }
    }
}

/// The other direction.
pub(super) const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Egress => Direction::Ingress,
        Direction::Ingress => Direction::Egress,
    }
}
