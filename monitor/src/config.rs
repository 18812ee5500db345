//! What an administrator may set, and its defaults.
//!
//! Owns the sections of `minewarden.toml`, their defaults and the ranges of their values. Must not know how a
//! file is found or read (`config/load.rs` does), nor who uses a value.
use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::sink::journald::namespace_socket;

mod load;
mod scope;
mod value;

pub use load::{DEFAULT_PATH, Loaded, Problem, load, parse};
pub use scope::Scope;

/// Everything that can be set. Every key is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The systemd journal.
    pub journal: Journal,
    /// What is watched.
    pub watch: Watch,
    /// When an incident is over.
    pub incident: Incident,
    /// What is known of miners beforehand.
    pub rules: Rules,
    /// Numbers for Prometheus.
    pub metrics: Metrics,
    /// The agent itself.
    pub agent: Agent,
}

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Journal {
    /// Whether entries carry `OBJECT_PID`. journald then adds its own, unredacted copy of the command line.
    pub object_pid: bool,
    /// What is written down for investigators beside the notices.
    pub record: Vec<RecordName>,
    /// The journal namespace that these go to, empty for the journal itself; see `record_socket`.
    #[serde(deserialize_with = "value::journal_namespace")]
    pub record_namespace: String,
    /// journald's native socket: an absolute path that fits into `sun_path`.
    #[serde(deserialize_with = "value::socket_path")]
    pub socket: PathBuf,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            object_pid: true,
            record: Vec::new(),
            record_namespace: "minewarden".to_owned(),
            socket: PathBuf::from("/run/systemd/journal/socket"),
        }
    }
}

impl Journal {
    /// Where the journald of the namespace for records listens; `None`: they go where notices go.
    #[must_use]
    pub fn record_socket(&self) -> Option<PathBuf> {
        (!self.record_namespace.is_empty()).then(|| namespace_socket(&self.record_namespace))
    }
}

/// What `record` in `[journal]` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordName {
    /// Each exec.
    Exec,
    /// Each outgoing TCP connection.
    Connect,
}

/// `[watch]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// Whose processes and connections are watched.
    pub cgroup: Scope,
}

/// `[incident]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Incident {
    /// An incident ends when its processes and flows have been gone for this long.
    #[serde(serialize_with = "humantime_serde::serialize", deserialize_with = "value::period")]
    pub end_after: Duration,
}

impl Default for Incident {
    fn default() -> Self {
        Self { end_after: Duration::from_secs(10 * 60) }
    }
}

/// `[rules]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Where the operator's own rules and lists lie: an absolute path.
    #[serde(deserialize_with = "value::absolute_path")]
    pub directory: PathBuf,
}

impl Default for Rules {
    fn default() -> Self {
        Self { directory: PathBuf::from("/etc/minewarden/rules.d") }
    }
}

/// `[metrics]`; nothing is offered by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// Where `GET /metrics` is answered: a loopback address, or nowhere.
    #[serde(serialize_with = "value::or_empty", deserialize_with = "value::loopback")]
    pub listen: Option<SocketAddr>,
    /// The file that node_exporter's textfile collector reads: an absolute path, or none.
    #[serde(serialize_with = "value::path_or_empty", deserialize_with = "value::textfile")]
    pub textfile: Option<PathBuf>,
}

/// `[agent]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// Time between two `heartbeat` entries.
    #[serde(serialize_with = "humantime_serde::serialize", deserialize_with = "value::period")]
    pub heartbeat: Duration,
}

impl Default for Agent {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(5 * 60) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, RecordName, parse};

    const SAMPLE: &str = include_str!("../assets/minewarden.toml");

    /// A line `#key = value` is a setting that is commented out; `# text` is prose.
    fn uncommented(sample: &str) -> String {
        let setting = |line: &str| line.strip_prefix('#').is_some_and(|rest| !rest.starts_with([' ', '#']));
        sample.lines().map(|line| if setting(line) { &line[1..] } else { line }.to_owned() + "\n").collect()
    }

    fn leaf_keys(table: &toml::Table) -> Vec<String> {
        let inner = |name: &String, value: &toml::Value| match value {
            toml::Value::Table(table) => leaf_keys(table).iter().map(|key| format!("{name}.{key}")).collect(),
            _ => vec![name.clone()],
        };
        table.iter().flat_map(|(name, value)| inner(name, value)).collect()
    }

    #[test]
    fn the_sample_as_shipped_changes_nothing() {
        let loaded = parse(SAMPLE).unwrap();
        assert_eq!((loaded.config, loaded.unknown), (Config::default(), vec![]));
    }

    #[test]
    fn the_sample_uncommented_shows_every_key_with_its_default() {
        let text = uncommented(SAMPLE);
        let loaded = parse(&text).unwrap();
        assert_eq!((loaded.config, loaded.unknown), (Config::default(), vec![]));
        let known = leaf_keys(&toml::Table::try_from(Config::default()).unwrap());
        assert!(known.len() >= 4, "{known:?}");
        assert_eq!(leaf_keys(&text.parse::<toml::Table>().unwrap()), known);
    }

    #[test]
    fn a_printed_configuration_reads_back_as_itself() {
        let mut config = Config::default();
        config.journal.object_pid = false;
        config.journal.record = vec![RecordName::Connect, RecordName::Exec];
        config.rules.directory = "/srv/rules".into();
        config.watch.cgroup = super::Scope::Own;
        config.metrics.listen = Some("[::1]:9256".parse().unwrap());
        config.metrics.textfile = Some("/run/m.prom".into());
        config.incident.end_after = std::time::Duration::from_millis(90_500);
        let loaded = parse(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!((loaded.config, loaded.unknown), (config, vec![]));
    }
}
