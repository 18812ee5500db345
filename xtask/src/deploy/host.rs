//! A machine, as it is named on a command line or in an inventory.
//!
//! Owns what may be in such a name: it becomes an argument of ssh. Must not know how a machine is reached.
use std::{fmt, str::FromStr};

/// Longest name of a host: RFC 1035, section 2.3.4.
const NAME_MAX: usize = 253;

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// The one that we run on.
    Local,
    /// One that ssh reaches.
    Ssh(Address),
}

/// What ssh is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Login name; ssh's own choice when absent.
    pub(crate) user: Option<String>,
    /// Name, address, or a `Host` of the user's ssh configuration.
    pub(crate) name: String,
    /// TCP port; ssh's own choice when absent.
    pub(crate) port: Option<u16>,
}

impl Host {
    /// How tables and progress name it.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Local => "this machine".to_owned(),
            Self::Ssh(address) => address.to_string(),
        }
    }
}

impl fmt::Display for Address {
    /// Without the user: two lines for one host are a mistake, whoever logs in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => f.write_str(&self.name),
            Some(port) if self.name.contains(':') => write!(f, "[{}]:{port}", self.name),
            Some(port) => write!(f, "{}:{port}", self.name),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    /// `[user@]name[:port]`; an IPv6 address with a port stands in brackets.
    fn from_str(text: &str) -> Result<Self, String> {
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(self::user(user)?), rest),
            None => (None, text),
        };
        let (name, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, "")) => (name, None),
            Some((name, port)) => (name, Some(port.strip_prefix(':').unwrap_or(port))),
            // More than one colon: an IPv6 address.
            None if rest.matches(':').count() == 1 => {
                rest.split_once(':').map_or((rest, None), |(name, port)| (name, Some(port)))
            }
            None => (rest, None),
        };
        Ok(Self { user, name: self::name(name)?, port: port.map(self::port).transpose()? })
    }
}

/// A login name that ssh and the far shell take as one word.
pub(crate) fn user(text: &str) -> Result<String, String> {
    let fine =
        !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-$".contains(c));
    if text.is_empty() || !fine {
        return Err(format!("{text:?} is not the name of a user"));
    }
    Ok(text.to_owned())
}

/// A port from 1 to 65535.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|port| *port > 0).ok_or(format!("{text:?} is not a port (1 to 65535)"))
}

fn name(text: &str) -> Result<String, String> {
    let fine =
        !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:%".contains(c));
    if text.is_empty() || text.len() > NAME_MAX || !fine {
        return Err(format!("{text:?} is not the name of a host"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Result<(Option<String>, String, Option<u16>), String> {
        text.parse::<Address>().map(|address| (address.user, address.name, address.port))
    }

    #[test]
    fn user_and_port_are_optional_and_ipv6_is_understood() {
        let full = (Some("ops".to_owned()), "web1".to_owned(), Some(2222));
        assert_eq!(parts("ops@web1:2222"), Ok(full));
        assert_eq!(parts("web1"), Ok((None, "web1".to_owned(), None)));
        assert_eq!(parts("fd00::7"), Ok((None, "fd00::7".to_owned(), None)));
        assert_eq!(parts("[fd00::7]:22"), Ok((None, "fd00::7".to_owned(), Some(22))));
        assert_eq!("[fd00::7]:22".parse::<Address>().unwrap().to_string(), "[fd00::7]:22");
    }

    #[test]
    fn nothing_that_ssh_or_a_shell_would_read_otherwise_is_a_name() {
        for text in
            ["", "-oProxyCommand=x", "a b", "a;b", "$(x)", "@web1", "a@", "web1:0", "web1:x", "-x@web1"]
        {
            assert!(parts(text).is_err(), "{text}");
        }
    }
}
