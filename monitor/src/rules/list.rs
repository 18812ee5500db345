//! Lists of one entry a line.
//!
//! Owns comments, the numbers of lines, and how mistakes are told. Must not know what an entry is.
use super::Problem;

/// Mistakes told of one list; the rest is a number.
const MISTAKES_MAX: usize = 10;

/// What became of an entry.
pub(super) enum Entry {
    /// It was taken.
    Taken,
    /// It has not the form; this is what is wanted.
    Wrong(&'static str),
    /// There is no room; this is how many of what there may be.
    Full(usize, &'static str),
}

/// Hands each entry, without its comment and blanks, to `take`, with the number of its line; `#` begins a comment.
pub(super) fn read(
    file: &str,
    text: &str,
    problems: &mut Vec<Problem>,
    mut take: impl FnMut(&str, u32) -> Entry,
) {
    let mut mistakes = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let content = line.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        let mut tell = |message: String| problems.push(Problem::at(file, number, message));
        match take(content, u32::try_from(number).unwrap_or(u32::MAX)) {
            Entry::Taken => {}
            Entry::Wrong(wanted) => {
                mistakes += 1;
                if mistakes <= MISTAKES_MAX {
                    tell(format!("{wanted} wanted"));
                }
            }
            Entry::Full(most, what) => {
                tell(format!("more than {most} {what}; the rest is not loaded"));
                break;
            }
        }
    }
    if mistakes > MISTAKES_MAX {
        problems.push(Problem::of(file, format!("{mistakes} wrong lines in all")));
    }
}
