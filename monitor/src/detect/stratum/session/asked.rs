//! Requests, and what they wait for.
//!
//! Owns [`Asked`]: a bounded list of requests not answered yet, and the one that was answered last. Must not know what
//! follows from an answer.
use std::collections::VecDeque;

use super::heard::Heard;
use crate::{
    detect::stratum::{
        dialect::{Dialect, Purpose, Reply, Request},
        message::{Id, Message},
    },
    event::Direction,
};

/// Open requests kept: a client waits for one answer at a time while it logs in, and shares are rare. A share whose
/// request was pushed out, or whose request or answer was not captured, is not counted.
const OPEN_REQUESTS: usize = 16;

/// A request not answered yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: Id,
    pub(super) direction: Direction,
    pub(super) quoted: bool,
    /// Its end was missing: the whole one may still come.
    pub(super) cut: bool,
    pub(super) by_hand: bool,
    pub(super) request: Request,
    /// In which object it came: its readings may have two ids, and one of them is answered.
    pub(super) object: u64,
}

/// The requests of one conversation.
#[derive(Debug, Default)]
pub(super) struct Asked {
    open: VecDeque<Open>,
    /// Those of the object that was answered last: an answer that was heard in part, or in one of two readings, is
    /// heard again.
    answered: VecDeque<Open>,
    /// Objects heard.
    objects: u64,
}

/// Where a request is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It waits.
    Open(usize),
    /// The same answer was heard for it, or for the other reading of it.
    Answered(usize),
}

impl Asked {
    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Another object is heard: what the one before answered is done.
    pub(super) fn done(&mut self, direction: Direction) {
        self.objects = self.objects.wrapping_add(1);
        self.answered.retain(|open| open.direction == direction);
    }

    /// A message is heard again when more of it has come, and when its members can be read in two ways: the better
    /// one is the one to answer.
    pub(super) fn await_answer(&mut self, new: Open, again: bool) {
        let same = |open: &Open| {
            open.id == new.id
                && open.id != Id::IN_ORDER
                && open.direction == new.direction
                && open.request.method == new.request.method
                && open.request.purpose == new.request.purpose
        };
        let good = |open: &Open| open.request.sure && !open.cut;
        if again && !good(&new) && self.open.iter().any(|open| same(open) && good(open)) {
            return;
        }
        self.open.retain(|open| !(same(open) && (again || !good(open))));
        if self.open.len() == OPEN_REQUESTS {
            self.open.pop_front();
        }
        self.open.push_back(Open { object: self.objects, ..new });
    }

    /// The dialect turned out to be a more special one: answers are read as its.
    pub(super) fn refine(&mut self, dialect: Dialect) {
        for open in self.open.iter_mut().filter(|open| dialect.refines(open.request.dialect)) {
            open.request.dialect = dialect;
        }
    }

    /// The request that `message` answers. Some clients use one id for all.
    pub(super) fn answered_by(&self, message: &Message<'_>, heard: &Heard<'_>) -> Option<(Place, Reply)> {
        let id = heard.order(message)?;
        // Over HTTP the answer follows its request, and its id may be behind the cut.
        let in_order = message.cut && message.id.is_none() && message.carrier.http().is_some();
        let fits = |open: &Open| {
            let tied = open.id == id || (in_order && open.request.dialect.is_over_http());
            let other = open.direction != heard.direction && !(open.quoted && heard.quoted);
            (tied && other).then(|| heard.dialects.answer(&open.request, message)).flatten()
        };
        self.find(heard, fits)
    }

    /// The share with `id` that waits for an answer from the direction of `heard`.
    pub(super) fn share(&self, id: Id, heard: &Heard<'_>) -> Option<Place> {
        let fits = |open: &Open| {
            let share = open.request.purpose == Purpose::Submit;
            (open.id == id && open.direction != heard.direction && share).then_some(())
        };
        self.find(heard, fits).map(|(place, ())| place)
    }

    /// The first request that waits for an answer of `purpose` in its order.
    pub(super) fn first(&self, purpose: Purpose, heard: &Heard<'_>) -> Option<Place> {
        let waits = |open: &Open| {
            open.id == Id::IN_ORDER && open.direction != heard.direction && open.request.purpose == purpose
        };
        self.open.iter().position(waits).map(Place::Open)
    }

    fn find<T>(&self, heard: &Heard<'_>, fits: impl Fn(&Open) -> Option<T>) -> Option<(Place, T)> {
        // An object answers one request with an id, however often it is heard.
        let answered = |id: Id| {
            heard.again && self.answered.iter().any(|open| open.id == id && open.direction != heard.direction)
        };
        let before = best(&self.answered, |open| fits(open).filter(|_| heard.again));
        let open = || best(&self.open, |open| fits(open).filter(|_| !answered(open.id)));
        let before = before.map(|(place, found)| (Place::Answered(place), found));
        before.or_else(|| open().map(|(place, found)| (Place::Open(place), found)))
    }

    /// Takes the request at `place`; [`Self::keep`] it, as long as its answer may be heard again.
    pub(super) fn take(&mut self, place: Place) -> Option<Open> {
        match place {
            Place::Answered(place) => self.answered.remove(place),
            Place::Open(place) => {
                let taken = self.open.remove(place)?;
                let is_other = |open: &Open| open.object == taken.object && open.id != Id::IN_ORDER;
                let (others, open) = self.open.drain(..).partition(is_other);
                (self.answered, self.open) = (others, open);
                Some(taken)
            }
        }
    }

    /// It was answered.
    pub(super) fn keep(&mut self, open: Open) {
        self.answered.push_back(open);
    }
}

/// The first that fits; of the readings of one object, the one that says more.
fn best<T>(requests: &VecDeque<Open>, fits: impl Fn(&Open) -> Option<T>) -> Option<(usize, T)> {
    let fitting = || requests.iter().enumerate().filter_map(|(place, open)| Some((place, open, fits(open)?)));
    let (place, first, found) = fitting().next()?;
    let better = fitting().find(|(_, open, _)| open.object == first.object && open.request.sure);
    Some(better.map_or((place, found), |(place, _, found)| (place, found)))
}
