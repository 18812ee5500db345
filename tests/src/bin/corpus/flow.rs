//! The labelled conversations of a corpus folder.
//!
//! Owns the reading of its gzip-compressed JSON lines (the folder's own README describes them). Must not know how
//! they are judged.
use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::{IpAddr, SocketAddr},
    path::Path,
};

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use serde::Deserialize;

/// Files that a corpus has to have.
const REQUIRED: [&str; 3] = ["positives", "benign", "hard_negatives"];
/// Files that it may have.
const OPTIONAL: [&str; 3] = ["mining_http", "positives_sv2", "excluded"];

/// What a conversation is, and so what has to be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Plaintext Stratum from a capture.
    Captured,
    /// Plaintext Stratum put together from documentation.
    Documented,
    /// Stratum V2 frames.
    StratumV2,
    /// getwork, getblocktemplate or `eth_getWork` over HTTP.
    Http,
    /// Ordinary protocols, from captures.
    Benign,
    /// Close to mining, but none; from captures.
    HardCaptured,
    /// Close to mining, but none; put together from documentation.
    HardConstructed,
    /// Constructed to have the shape of mining messages.
    Adversarial,
    /// Nobody can say what it is: not scored.
    Unscored,
}

impl Kind {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 9] = [
        Self::Captured,
        Self::Documented,
        Self::StratumV2,
        Self::Http,
        Self::Benign,
        Self::HardCaptured,
        Self::HardConstructed,
        Self::Adversarial,
        Self::Unscored,
    ];

    /// For a person.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Captured => "Stratum, captured",
            Self::Documented => "Stratum, documented",
            Self::StratumV2 => "Stratum V2, constructed",
            Self::Http => "mining over HTTP",
            Self::Benign => "benign",
            Self::HardCaptured => "hard negatives, captured",
            Self::HardConstructed => "hard negatives, constructed",
            Self::Adversarial => "hard negatives, adversarial",
            Self::Unscored => "not scored",
        }
    }

    /// It is mining, and has to be found.
    pub(crate) const fn is_mining(self) -> bool {
        matches!(self, Self::Captured | Self::Documented | Self::StratumV2 | Self::Http)
    }

    /// It is no mining, and nothing may be found.
    pub(crate) const fn is_harmless(self) -> bool {
        matches!(self, Self::Benign | Self::HardCaptured | Self::HardConstructed)
    }
}

/// Who sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that connected.
    Client,
    /// The other.
    Server,
}

/// A packet with payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Packet {
    pub(crate) side: Side,
    /// Bytes of payload.
    pub(crate) size: u64,
    /// Seconds since the first.
    pub(crate) seconds: f64,
}

/// What one side said.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// The first of it.
    pub(crate) bytes: Vec<u8>,
    /// All that it said, in bytes; never less than there are.
    pub(crate) total: u64,
    /// The bytes end at a hole.
    pub(crate) gap: bool,
}

/// A conversation.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) label: String,
    /// What the server answered in, where that is another dialect.
    pub(crate) server_dialect: Option<String>,
    pub(crate) dataset: String,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    /// Its beginning was not captured.
    pub(crate) midstream: bool,
    /// The server answered as a pool does.
    pub(crate) confirmed: bool,
    pub(crate) from_client: Stream,
    pub(crate) from_server: Stream,
    /// The first packets; sizes may count what was sent twice.
    pub(crate) packets: Vec<Packet>,
}

/// Everything in `folder`, in the order of its files.
pub(crate) fn load(folder: &Path) -> Result<Vec<Flow>> {
    let mut flows = Vec::new();
    for name in REQUIRED.iter().chain(&OPTIONAL) {
        let path = folder.join(format!("{name}.jsonl.gz"));
        if !path.exists() && OPTIONAL.contains(name) {
            continue;
        }
        let file = File::open(&path).with_context(|| path.display().to_string())?;
        for (index, line) in BufReader::new(GzDecoder::new(file)).lines().enumerate() {
            let at = || format!("{}:{}", path.display(), index + 1);
            let record: Record = serde_json::from_str(&line.with_context(at)?).with_context(at)?;
            flows.push(record.flow().with_context(at)?);
        }
    }
    ensure!(!flows.is_empty(), "{}: holds no conversations", folder.display());
    Ok(flows)
}

#[derive(Deserialize)]
struct Record {
    id: String,
    class: String,
    label: String,
    source_dataset: String,
    #[serde(default)]
    hard_negative: bool,
    #[serde(default)]
    adversarial: bool,
    #[serde(default)]
    packets_synthetic: bool,
    #[serde(default)]
    server_confirmed: bool,
    server_dialect: Option<String>,
    client_ip: IpAddr,
    client_port: u16,
    server_ip: IpAddr,
    server_port: u16,
    midstream: bool,
    gap: [bool; 2],
    c2s_b64: String,
    s2c_b64: String,
    c2s_total: u64,
    s2c_total: u64,
    packets: Vec<(char, u64, f64)>,
}

impl Record {
    fn flow(self) -> Result<Flow> {
        let packets = self.packets.iter().map(|(side, size, seconds)| {
            let side = match side {
                'c' => Side::Client,
                's' => Side::Server,
                other => bail!("packets: `{other}` is neither c nor s"),
            };
            Ok(Packet { side, size: *size, seconds: *seconds })
        });
        Ok(Flow {
            kind: self.kind()?,
            packets: packets.collect::<Result<_>>()?,
            from_client: stream(&self.c2s_b64, self.c2s_total, self.gap[0]).context("c2s_b64")?,
            from_server: stream(&self.s2c_b64, self.s2c_total, self.gap[1]).context("s2c_b64")?,
            client: SocketAddr::new(self.client_ip, self.client_port),
            server: SocketAddr::new(self.server_ip, self.server_port),
            id: self.id,
            label: self.label,
            server_dialect: self.server_dialect,
            dataset: self.source_dataset,
            midstream: self.midstream,
            confirmed: self.server_confirmed,
        })
    }

    fn kind(&self) -> Result<Kind> {
        Ok(match (self.class.as_str(), self.hard_negative, self.packets_synthetic) {
            ("stratum", _, false) => Kind::Captured,
            ("stratum", _, true) => Kind::Documented,
            ("stratum_v2", ..) => Kind::StratumV2,
            ("mining_http", ..) => Kind::Http,
            ("benign", true, _) if self.adversarial => Kind::Adversarial,
            ("benign", true, true) => Kind::HardConstructed,
            ("benign", true, false) => Kind::HardCaptured,
            ("benign", false, _) => Kind::Benign,
            ("excluded", ..) => Kind::Unscored,
            (other, ..) => bail!("class: `{other}` is not known"),
        })
    }
}

fn stream(base64: &str, total: u64, gap: bool) -> Result<Stream> {
    let bytes = STANDARD.decode(base64)?;
    Ok(Stream { total: total.max(bytes.len() as u64), bytes, gap })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{fs, io::Write as _};

    use flate2::{Compression, write::GzEncoder};
    use serde_json::{Value, json};

    use super::*;

    /// A record as the corpus writes it.
    pub(crate) fn record(class: &str, client: &str, server: &str) -> Value {
        json!({
            "id": "test-1", "class": class, "label": "cryptonote-login", "source_dataset": "ours",
            "client_ip": "192.0.2.1", "client_port": 40_000, "server_ip": "198.51.100.1", "server_port": 3333,
            "midstream": false, "gap": [false, false], "server_confirmed": true,
            "c2s_b64": STANDARD.encode(client), "s2c_b64": STANDARD.encode(server),
            "c2s_total": client.len(), "s2c_total": server.len(),
            "packets": [["c", client.len(), 0.0], ["s", server.len(), 0.5]],
        })
    }

    pub(crate) fn flow(record: Value) -> Result<Flow> {
        serde_json::from_value::<Record>(record)?.flow()
    }

    fn folder(benign: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let positive = record("stratum", "a", "b").to_string();
        for (name, text) in [("positives", positive.as_str()), ("benign", benign), ("hard_negatives", "")] {
            let file = File::create(folder.path().join(format!("{name}.jsonl.gz"))).unwrap();
            GzEncoder::new(file, Compression::fast()).write_all(text.as_bytes()).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_is_read() {
        let here = folder(&record("benign", "GET /", "").to_string());
        let flows = load(here.path()).unwrap();
        assert_eq!(flows.iter().map(|flow| flow.kind).collect::<Vec<_>>(), [Kind::Captured, Kind::Benign]);
        assert_eq!(
            (flows[1].from_client.bytes.as_slice(), flows[1].server.port()),
            (b"GET /".as_slice(), 3333)
        );
    }

    #[test]
    fn a_broken_record_is_named_with_its_line() {
        let good = record("benign", "a", "b").to_string();
        let here = folder(&format!("{good}\n{{\n"));
        assert!(format!("{:#}", load(here.path()).unwrap_err()).contains("benign.jsonl.gz:2"));
        fs::remove_file(here.path().join("benign.jsonl.gz")).unwrap();
        assert!(format!("{:#}", load(here.path()).unwrap_err()).contains("benign.jsonl.gz"));
        for (field, value) in
            [("class", json!("other")), ("packets", json!([["x", 1, 0]])), ("c2s_b64", json!("*"))]
        {
            let mut record = record("benign", "a", "b");
            record[field] = value;
            assert!(format!("{:#}", flow(record).unwrap_err()).contains(field), "{field}");
        }
    }

    #[test]
    fn kinds_are_told_by_class_and_marks() {
        let kind = |class: &str, marks: &[&str]| {
            let mut record = record(class, "a", "b");
            marks.iter().for_each(|mark| record[*mark] = json!(true));
            flow(record).unwrap().kind
        };
        assert_eq!(kind("stratum", &["packets_synthetic"]), Kind::Documented);
        assert_eq!(kind("benign", &["hard_negative"]), Kind::HardCaptured);
        assert_eq!(kind("benign", &["hard_negative", "packets_synthetic"]), Kind::HardConstructed);
        assert_eq!(kind("benign", &["hard_negative", "packets_synthetic", "adversarial"]), Kind::Adversarial);
        assert_eq!((kind("mining_http", &[]), kind("excluded", &[])), (Kind::Http, Kind::Unscored));
    }
}
