//! Values that are more than their TOML type.
//!
//! Owns their ranges. An error raised here carries the line of the value, because the reader adds it.
use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use serde::{
    Deserialize as _, Deserializer, Serializer,
    de::{Error, IntoDeserializer as _, Unexpected, Visitor},
};

/// Shortest period: below it the agent would be busy with itself.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longest period: a year, far from any overflow in sums of times.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Bytes of a socket path without its NUL: `sun_path` in `struct sockaddr_un`, unix(7).
const SOCKET_PATH_MAX: usize = 107;

/// Bytes of a journal namespace's name: far below what a unit's name may have, far above what a person types.
const NAMESPACE_MAX: usize = 64;

/// The name of a journal namespace: it becomes part of a path and of a unit's name. Empty for none.
pub(super) fn journal_namespace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.len() > NAMESPACE_MAX || !name.chars().all(fine) {
        let wanted = format!("a name of at most {NAMESPACE_MAX} letters, digits, - and _ is wanted, or \"\"");
        return Err(D::Error::custom(wanted));
    }
    Ok(name)
}

/// A time such as `"90s"` or `"5m"`, from a second to a year.
pub(super) fn period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let period = deserializer.deserialize_str(Period)?;
    if (SHORTEST..=LONGEST).contains(&period) {
        return Ok(period);
    }
    Err(D::Error::custom("a time from \"1s\" to \"365d\" is wanted"))
}

/// humantime's own visitor only says that it wants "a duration".
struct Period;

impl Visitor<'_> for Period {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as \"90s\" or \"5m\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        let parsed: Result<Duration, E> = humantime_serde::deserialize(text.into_deserializer());
        parsed.map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// An absolute path.
pub(super) fn absolute_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    absolute(PathBuf::deserialize(deserializer)?)
}

fn absolute<E: Error>(path: PathBuf) -> Result<PathBuf, E> {
    if !path.is_absolute() || path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(E::custom("an absolute path is wanted"));
    }
    Ok(path)
}

/// An absolute path that a socket address can hold.
pub(super) fn socket_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = absolute_path(deserializer)?;
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.len() > SOCKET_PATH_MAX {
        return Err(D::Error::custom(format!("a socket's path has at most {SOCKET_PATH_MAX} bytes")));
    }
    Ok(path)
}

/// A loopback address with a port; nothing for nowhere. Whoever is on the host may read what is offered there, nobody
/// else: there is neither a password nor encryption.
pub(super) fn loopback<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let address: Option<SocketAddr> = text.parse().ok();
    let wanted = "a loopback address with a port is wanted, such as \"127.0.0.1:9256\" or \"[::1]:9256\"";
    let address = address.filter(|address| address.ip().is_loopback() && address.port() != 0);
    address.map(Some).ok_or_else(|| D::Error::custom(wanted))
}

/// What it is, or an empty text.
pub(super) fn or_empty<S: Serializer, T: fmt::Display>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.as_ref().map(T::to_string).unwrap_or_default())
}

/// An absolute path that node_exporter takes for one of its files; an empty text for none.
pub(super) fn textfile<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let path = absolute(path)?;
    if path.extension().is_none_or(|extension| extension != "prom") {
        return Err(D::Error::custom(
            "a path that ends in \".prom\" is wanted: node_exporter reads no other",
        ));
    }
    Ok(Some(path))
}

/// The path, or an empty text.
pub(super) fn path_or_empty<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    or_empty(&path.as_ref().map(|path| path.display()), serializer)
}
