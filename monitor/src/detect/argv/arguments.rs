//! Takes a command line apart into options, values and the rest.
//!
//! Owns the ways in which an option and its value are written. Must not know what any option means.

/// Arguments looked at.
pub(super) const ARGUMENTS: usize = 512;

/// One reading of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// `--name`, `-name`, `-n`, without dashes, with the value that may be its own.
    Option(&'a str, Option<&'a str>),
    /// What is no option, and perhaps the value of the option before.
    Other(&'a str),
}

/// Every reading of every argument: `-ovalue` is the option `ovalue` and the option `o` with a value; a word behind
/// an option is its value and a word of its own.
pub(super) fn pieces<'a>(args: &'a [&'a str]) -> impl Iterator<Item = Piece<'a>> {
    let args = args.get(..args.len().min(ARGUMENTS)).unwrap_or_default();
    args.iter().enumerate().flat_map(move |(at, argument)| {
        let next = || args.get(at + 1).copied().filter(|next| !next.starts_with('-'));
        readings(argument, next).into_iter().flatten()
    })
}

fn readings<'a>(argument: &'a str, next: impl Fn() -> Option<&'a str>) -> [Option<Piece<'a>>; 2] {
    let long = argument.strip_prefix("--");
    let Some(body) = long.or_else(|| argument.strip_prefix('-')) else {
        return [Some(Piece::Other(argument)), None];
    };
    if let Some((name, value)) = body.split_once('=') {
        return [Some(Piece::Option(name, Some(value))), None];
    }
    let attached = long.is_none().then(|| attached(body)).flatten();
    [Some(Piece::Option(body, next())), attached]
}

/// `-ovalue`.
fn attached(body: &str) -> Option<Piece<'_>> {
    let (name, value) = body.split_at_checked(1)?;
    let letter = name.starts_with(|c: char| c.is_ascii_alphabetic());
    (letter && !value.is_empty()).then_some(Piece::Option(name, Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Vec<String> {
        let text = |piece| match piece {
            Piece::Option(name, value) => format!("{name}={}", value.unwrap_or("-")),
            Piece::Other(other) => format!("({other})"),
        };
        pieces(args).map(text).collect()
    }

    #[test]
    fn every_way_to_write_an_option_is_read() {
        assert_eq!(read(&["--url=a=b", "--url", "c", "-o", "d"]), ["url=a=b", "url=c", "(c)", "o=d", "(d)"]);
        assert_eq!(read(&["-oe", "-o=f", "-pool", "g"]), ["oe=-", "o=e", "o=f", "pool=g", "p=ool", "(g)"]);
        assert_eq!(read(&["--nicehash", "--tls"]), ["nicehash=-", "tls=-"]);
        assert_eq!(read(&["-", "--", "", "-\u{fc}x"]), ["=-", "=", "()", "\u{fc}x=-"]);
    }

    #[test]
    fn the_number_of_arguments_is_bounded() {
        let many = vec!["--x"; 100_000];
        assert_eq!(pieces(&many).count(), ARGUMENTS);
    }
}
