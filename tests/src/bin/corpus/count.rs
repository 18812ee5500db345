//! How many of how many.
use std::fmt;

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) part: usize,
    pub(crate) whole: usize,
}

impl Share {
    /// Counts `items`, and those of them for which `is_part` holds.
    pub(crate) fn of<T>(items: impl IntoIterator<Item = T>, mut is_part: impl FnMut(T) -> bool) -> Self {
        items.into_iter().fold(Self::default(), |share, item| Self {
            part: share.part + usize::from(is_part(item)),
            whole: share.whole + 1,
        })
    }

    /// At least `percent` of the whole. Nothing of nothing is enough: a corpus need not have every kind.
    pub(crate) const fn is_at_least(self, percent: usize) -> bool {
        self.part * 100 >= self.whole * percent
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_compared_without_rounding() {
        assert!(
            Share { part: 95, whole: 100 }.is_at_least(95)
                && !Share { part: 949, whole: 1000 }.is_at_least(95)
        );
        assert!(Share::default().is_at_least(100) && !Share { part: 255, whole: 256 }.is_at_least(100));
        assert_eq!(Share::of([1, 2, 3], |number| number > 1).to_string(), "2/3");
    }
}
