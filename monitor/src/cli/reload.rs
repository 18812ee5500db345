//! SIGHUP: reads configuration and rules again, or keeps the old ones and says why.
//!
//! Owns what may change while the agent runs and what waits for a restart. Reading and compiling happen on a thread of
//! their own: detection goes on. Must not know what the agent does with a change.
use std::{io, io::IsTerminal as _, path::PathBuf};

use anyhow::bail;
use tokio::{signal::unix::Signal, sync::mpsc};

use super::live::{Start, recorded};
use crate::{
    agent::Change,
    config::{self, Config},
    pipeline::Live,
    rules,
};

/// Settings that count at once, beside everything below the folder of rules; others wait for a restart.
const LIVE: [&str; 4] = ["agent.heartbeat", "incident.end_after", "journal.record", "rules.directory"];

/// Whether a hang-up means that our terminal is gone, which is the end; else it means "read the configuration again".
pub(super) fn ends_us() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}

/// What an agent was started with.
pub(super) struct Reload {
    /// The file that was named, if one was.
    pub(super) file: Option<PathBuf>,
    /// As started, but for what changed since.
    pub(super) start: Start,
}

impl Reload {
    /// Serves hang-ups until nobody listens.
    pub(super) async fn serve(mut self, mut hangup: Signal, changes: mpsc::Sender<Change>) {
        while hangup.recv().await.is_some() {
            if changes.send(Change::Begun).await.is_err() {
                return;
            }
            let read = tokio::task::spawn_blocking(move || {
                let change = self.read();
                (self, change)
            });
            let Ok((again, change)) = read.await else {
                log::error!("reload: the thread that reads ended early; no further reload is served");
                let _ = changes.send(Change::Refused("the thread that reads ended early".to_owned())).await;
                return;
            };
            self = again;
            if changes.send(change).await.is_err() {
                return;
            }
        }
    }

    fn read(&mut self) -> Change {
        self.load().unwrap_or_else(|error| Change::Refused(super::one_line(&format!("{error:#}"))))
    }

    /// A mistake anywhere keeps all of the old: half a change is no administrator's wish.
    fn load(&mut self) -> anyhow::Result<Change> {
        let loaded = config::load(self.file.as_deref())?;
        let file = self.file.as_deref().unwrap_or(config::DEFAULT_PATH.as_ref()).display().to_string();
        if let Some(problem) = loaded.unknown.first() {
            bail!("{file}:{problem}");
        }
        let (known, problems) = rules::load(&loaded.config.rules.directory);
        if let Some(first) = problems.first() {
            let more = problems.len() - 1;
            let others = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            bail!("{first}{others}");
        }
        let waiting = waits(&self.start.config, &loaded.config);
        if !waiting.is_empty() {
            log::warn!("{file}: {} will count after a restart", waiting.join(", "));
        }
        self.start.config.agent = loaded.config.agent;
        self.start.config.incident = loaded.config.incident;
        self.start.config.rules = loaded.config.rules;
        self.start.config.journal.record = loaded.config.journal.record;
        let live = Live {
            end_after: self.start.config.incident.end_after,
            heartbeat: self.start.config.agent.heartbeat,
            recorded: recorded(&self.start),
        };
        Ok(Change::Apply(Box::new((live, known))))
    }
}

/// Keys whose values differ and do not count before a restart.
fn waits(old: &Config, new: &Config) -> Vec<String> {
    let leaves = |config| leaves(&toml::Table::try_from(config).unwrap_or_default(), "");
    let (old, new) = (leaves(old), leaves(new));
    let changed = new.into_iter().filter(|leaf| !old.contains(leaf) && !LIVE.contains(&leaf.0.as_str()));
    changed.map(|(key, _)| key).collect()
}

fn leaves(table: &toml::Table, above: &str) -> Vec<(String, toml::Value)> {
    let of = |(key, value): (&String, &toml::Value)| {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match value {
            toml::Value::Table(inner) => leaves(inner, &path),
            _ => vec![(path, value.clone())],
        }
    };
    table.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::{LIVE, Reload, leaves, waits};
    use crate::{
        agent::Change,
        cli::live::{SinkKind, Start},
        config::{Config, RecordName},
    };

    fn reload(folder: &tempfile::TempDir) -> Reload {
        let mut config = Config::default();
        config.rules.directory = folder.path().join("rules.d");
        let start = Start { config, sinks: vec![SinkKind::Journald], record: None, file: None };
        Reload { file: Some(folder.path().join("minewarden.toml")), start }
    }

    fn write(reload: &Reload, text: &str) {
        let rules = reload.start.config.rules.directory.display();
        let text = format!("rules.directory = \"{rules}\"\n{text}");
        fs::write(reload.file.as_deref().unwrap(), text).unwrap();
    }

    fn refused(reload: &mut Reload) -> String {
        match reload.read() {
            Change::Refused(why) => why,
            Change::Begun | Change::Apply(_) => panic!("it was taken"),
        }
    }

    #[test]
    fn what_counts_at_once_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut reload = reload(&folder);
        write(
            &reload,
            "agent.heartbeat = \"7s\"\njournal.record = [\"exec\"]\nincident.end_after = \"8s\"\n",
        );
        let Change::Apply(new) = reload.read() else { panic!("it was refused") };
        let (live, known) = *new;
        assert_eq!((live.heartbeat, live.end_after), (Duration::from_secs(7), Duration::from_secs(8)));
        assert!(live.recorded.exec && !live.recorded.connect && known.rules.bundled > 0);
        assert_eq!(reload.start.config.journal.record, [RecordName::Exec]);
    }

    #[test]
    fn a_mistake_keeps_the_old_and_names_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut reload = reload(&folder);
        let before = reload.start.config.clone();
        for (text, wrong) in [
            ("agent.heartbeat = \"soon\"\n", "minewarden.toml:2: "),
            ("agent.heartbeat = \"9s\"\nagent.pulse = 1\n", "minewarden.toml:3: unknown key `agent.pulse`"),
        ] {
            write(&reload, text);
            let why = refused(&mut reload);
            assert!(why.contains(wrong), "{why}");
        }
        let rules = &reload.start.config.rules.directory;
        fs::create_dir_all(rules.join("digests.d")).unwrap();
        fs::write(rules.join("digests.d/own.txt"), "# fine\nno digest\n").unwrap();
        write(&reload, "agent.heartbeat = \"9s\"\n");
        let why = refused(&mut reload);
        assert!(why.contains("digests.d/own.txt:2: "), "{why}");
        fs::remove_file(reload.file.as_deref().unwrap()).unwrap();
        assert!(refused(&mut reload).contains("minewarden.toml"));
        assert_eq!(reload.start.config, before);
    }

    #[test]
    fn every_key_counts_at_once_or_is_told_to_wait() {
        let keys = leaves(&toml::Table::try_from(Config::default()).unwrap(), "");
        for live in LIVE {
            assert!(keys.iter().any(|(key, _)| key == live), "{live} is no key");
        }
        let mut new = Config::default();
        new.journal.object_pid = false;
        new.agent.heartbeat = Duration::from_secs(1);
        assert_eq!(waits(&Config::default(), &new), ["journal.object_pid"]);
    }
}
