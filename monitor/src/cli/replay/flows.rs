//! How judged conversations are shown: a table, or JSON lines.
//!
//! Owns the two forms. Must not know how a conversation was judged. Every value of a claim was chosen by a watched
//! process, so it is escaped.
use std::{io::Write, net::SocketAddr, path::Path};

use serde::Serialize;

use crate::{
    cli::table,
    notice::{FlowView, Level},
    sink::escape::escape,
};

/// Rows held back to find the widths of the columns; more make a new table with widths of its own.
const BATCH: usize = 1_000;
const COLUMNS: usize = 8;
const HEAD: [&str; COLUMNS] = ["CLIENT", "SERVER", "DIALECT", "LEVEL", "SCORE", "WALLET", "WORKER", "RULES"];

/// Shows the conversations of one capture after the other.
pub(super) struct Report<W> {
    out: W,
    json: bool,
    all: bool,
    /// There is more than one file, so the table says which.
    many: bool,
    file: String,
    rows: Vec<[String; COLUMNS]>,
    conversations: u64,
    mining: u64,
}

/// One line of JSON.
#[derive(Serialize)]
struct Object<'a> {
    file: &'a str,
    client: SocketAddr,
    server: SocketAddr,
    dialect: Option<String>,
    level: String,
    score: u32,
    rules: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wallet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difficulty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares_accepted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares_rejected: Option<u64>,
}

impl<'a> Object<'a> {
    fn new(file: &'a str, flow: &FlowView) -> Self {
        let shown = |value: &Option<String>| value.as_deref().map(escape);
        let claim = &flow.claim;
        let shares = Some(flow.shares).filter(|shares| shares.total() > 0);
        Self {
            file,
            client: flow.ends.local,
            server: flow.ends.remote,
            dialect: shown(&claim.dialect),
            level: flow.level.to_string(),
            score: flow.score,
            rules: flow.evidence.iter().map(|(rule, _)| rule.name).collect(),
            wallet: shown(&claim.wallet),
            worker: shown(&claim.worker),
            agent: shown(&claim.agent),
            algorithm: shown(&claim.algorithm),
            coin: shown(&claim.coin),
            pool: shown(&claim.pool),
            difficulty: shown(&claim.difficulty),
            shares_accepted: shares.map(|shares| shares.accepted),
            shares_rejected: shares.map(|shares| shares.rejected),
        }
    }

    fn row(self) -> [String; COLUMNS] {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let rules = if self.rules.is_empty() { "-".to_owned() } else { self.rules.join(",") };
        [
            self.client.to_string(),
            self.server.to_string(),
            or_dash(self.dialect),
            self.level,
            self.score.to_string(),
            or_dash(self.wallet),
            or_dash(self.worker),
            rules,
        ]
    }
}

impl<W: Write> Report<W> {
    pub(super) fn new(out: W, json: bool, all: bool, many: bool) -> Self {
        let (file, rows) = (String::new(), Vec::new());
        Self { out, json, all, many, file, rows, conversations: 0, mining: 0 }
    }

    /// The next conversations are those of this file.
    pub(super) fn begin(&mut self, path: &Path) {
        self.file = path.display().to_string();
        (self.conversations, self.mining) = (0, 0);
    }

    /// Whether a conversation is to be shown.
    pub(super) fn shows(&self, flow: &FlowView) -> bool {
        self.all || flow.level > Level::None
    }

    /// One judged conversation.
    pub(super) fn flow(&mut self, flow: &FlowView) -> anyhow::Result<()> {
        self.conversations += 1;
        self.mining += u64::from(flow.level > Level::None);
        if !self.shows(flow) {
            return Ok(());
        }
        let object = Object::new(&self.file, flow);
        if self.json {
            let mut line = serde_json::to_vec(&object)?;
            line.push(b'\n');
            return Ok(self.out.write_all(&line)?);
        }
        self.rows.push(object.row());
        if self.rows.len() >= BATCH { self.table() } else { Ok(()) }
    }

    /// The file has no more.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        if !self.json {
            self.table()?;
            let name = if self.many { format!("{}: ", escape(&self.file)) } else { String::new() };
            writeln!(self.out, "{name}conversations: {}, mining: {}", self.conversations, self.mining)?;
        }
        Ok(self.out.flush()?)
    }

    fn table(&mut self) -> anyhow::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        Ok(table::write(&mut self.out, HEAD, &rows)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::{STRATUM_CLIENT, STRATUM_SESSION},
        event::{Ends, FlowId},
        finding::{Claim, Shares},
    };

    fn flow(level: Level) -> FlowView {
        let ends =
            Ends { local: "[2001:db8::1]:4000".parse().unwrap(), remote: "192.0.2.1:33".parse().unwrap() };
        if level == Level::None {
            let (evidence, claim) = (Vec::new(), Claim::default());
            let shares = Shares::default();
            return FlowView { flow: FlowId(1), ends, level, score: 0, evidence, claim, shares };
        }
        let claim = Claim {
            dialect: Some("cryptonote".to_owned()),
            wallet: Some("48w\u{1b}[2J\u{202e}".to_owned()),
            difficulty: Some("10000".to_owned()),
            ..Claim::default()
        };
        let evidence = vec![(&STRATUM_SESSION, "seen".to_owned()), (&STRATUM_CLIENT, "seen too".to_owned())];
        let shares = Shares { accepted: 3, rejected: 0 };
        FlowView { flow: FlowId(1), ends, level, score: 100, evidence, claim, shares }
    }

    fn shown(json: bool, all: bool, flows: &[FlowView]) -> String {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, json, all, false);
        report.begin(Path::new("a.pcap"));
        flows.iter().for_each(|flow| report.flow(flow).unwrap());
        report.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_has_the_fields_of_the_interface_and_no_raw_control_character() {
        let line = shown(true, false, &[flow(Level::Confirmed), flow(Level::None)]);
        let expected = r#"{"file":"a.pcap","client":"[2001:db8::1]:4000","server":"192.0.2.1:33","dialect":"cryptonote","level":"confirmed","score":100,"rules":["stratum.session","stratum.client"],"wallet":"48w\\x1b[2J\\u{202e}","difficulty":"10000","shares_accepted":3,"shares_rejected":0}"#;
        assert_eq!(line, format!("{expected}\n"));
    }

    #[test]
    fn all_adds_the_others_with_level_none() {
        let line = shown(true, true, &[flow(Level::None)]);
        let expected = r#"{"file":"a.pcap","client":"[2001:db8::1]:4000","server":"192.0.2.1:33","dialect":null,"level":"none","score":0,"rules":[]}"#;
        assert_eq!(line, format!("{expected}\n"));
    }

    #[test]
    fn the_table_lines_up_and_sums_up() {
        let table = shown(false, true, &[flow(Level::Confirmed), flow(Level::None)]);
        let expected = "\
CLIENT              SERVER        DIALECT     LEVEL      SCORE  WALLET              WORKER  RULES
[2001:db8::1]:4000  192.0.2.1:33  cryptonote  confirmed  100    48w\\x1b[2J\\u{202e}  -       stratum.session,stratum.client
[2001:db8::1]:4000  192.0.2.1:33  -           none       0      -                   -       -
conversations: 2, mining: 1
";
        assert_eq!(table, expected);
    }

    #[test]
    fn nothing_found_is_said() {
        assert_eq!(shown(false, false, &[flow(Level::None)]), "conversations: 1, mining: 0\n");
        assert_eq!(shown(true, false, &[flow(Level::None)]), "");
    }
}
