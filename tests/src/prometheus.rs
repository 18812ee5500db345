//! A Prometheus and an Alertmanager of the test's own, and a webhook that the latter calls.
//!
//! Owns their configuration, their folders and their ends. Everything is on loopback. Must not know what is measured.
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::{process::Running, wait};

/// The programs, by their names in Debian.
const PROGRAMS: [&str; 3] = ["prometheus", "promtool", "prometheus-alertmanager"];
/// Without it Debian's Alertmanager ends at its start.
const TEMPLATE: &str = "/usr/share/prometheus/alertmanager/default.tmpl";
/// How long either may take to be ready.
const START: Duration = Duration::from_secs(60);
/// How long one answer over HTTP may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Largest body of a call to the webhook.
const BODY: u64 = 1 << 20;

/// Why there can be no Prometheus here; `None` when there can.
#[must_use]
pub fn missing() -> Option<String> {
    let lacks =
        |program: &&str| !Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    if let Some(program) = PROGRAMS.into_iter().find(lacks) {
        return Some(format!(
            "`{program} --version` does not work on this host (Debian: prometheus prometheus-alertmanager)"
        ));
    }
    (!Path::new(TEMPLATE).exists())
        .then(|| format!("{TEMPLATE} is missing (Debian: prometheus-alertmanager)"))
}

/// An address on loopback that nobody listens on.
///
/// # Errors
/// When there is none.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Status and body of `GET path`.
///
/// # Errors
/// When nobody answers in time, or not in HTTP.
pub fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("no HTTP status")?, body.to_owned()))
}

/// Both programs and the webhook; they end when this is dropped.
pub struct Monitoring {
    prometheus: Running,
    alertmanager: Running,
    calls: Receiver<Value>,
    address: SocketAddr,
    _folder: TempDir,
}

impl Monitoring {
    /// Starts them: `target` is scraped every second as the job `minewarden`, `rules` are judged as often.
    ///
    /// # Errors
    /// When they do not start; with what they wrote.
    pub fn start(target: SocketAddr, rules: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("minewarden-prometheus-").tempdir()?;
        let path = |name: &str| folder.path().join(name);
        let (address, manager) = (free_address()?, free_address()?);
        let (hook, calls) = webhook()?;
        fs::write(path("rules.yml"), rules)?;
        fs::write(
            path("prometheus.yml"),
            format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
                 alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{manager}']}}]}}]}}\n\
                 scrape_configs: [{{job_name: minewarden, static_configs: [{{targets: ['{target}']}}]}}]\n"
            ),
        )?;
        fs::write(
            path("alertmanager.yml"),
            format!(
                "route: {{receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 1s}}\n\
                 receivers: [{{name: hook, webhook_configs: [{{url: 'http://{hook}/', send_resolved: true}}]}}]\n"
            ),
        )?;
        let alertmanager = Running::spawn(
            "prometheus-alertmanager",
            Command::new("prometheus-alertmanager")
                .arg(format!("--config.file={}", path("alertmanager.yml").display()))
                .arg(format!("--storage.path={}", path("alertmanager").display()))
                .args([format!("--web.listen-address={manager}"), "--cluster.listen-address=".to_owned()]),
        )?;
        let prometheus = Running::spawn(
            "prometheus",
            Command::new("prometheus")
                .arg(format!("--config.file={}", path("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", path("prometheus").display()))
                .arg(format!("--web.listen-address={address}")),
        )?;
        let monitoring = Self { prometheus, alertmanager, calls, address, _folder: folder };
        for (what, address) in [("Alertmanager", manager), ("Prometheus", address)] {
            let ready = wait::until(what, START, || {
                get(address, "/-/ready").ok().filter(|(status, _)| *status == 200)
            });
            ready.map_err(|error| anyhow!("{error}\n{}", monitoring.dump()))?;
        }
        Ok(monitoring)
    }

    /// The value of an instant query that gives one.
    ///
    /// # Errors
    /// When Prometheus does not answer, or gives none.
    pub fn value(&self, query: &str) -> Result<f64> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let (status, body) = get(self.address, &format!("/api/v1/query?query={encoded}"))?;
        ensure!(status == 200, "{query}: {body}");
        let answer: Value = serde_json::from_str(&body).with_context(|| body.clone())?;
        let value = answer.pointer("/data/result/0/value/1").and_then(Value::as_str);
        value.and_then(|value| value.parse().ok()).with_context(|| format!("{query}: no value in {body}"))
    }

    /// Waits until Alertmanager calls for an alert of this name and status (`firing`, `resolved`).
    ///
    /// # Errors
    /// When it does not; with what was called instead.
    pub fn called(&self, name: &str, status: &str, limit: Duration) -> Result<Value> {
        let deadline = Instant::now() + limit;
        let mut others = Vec::new();
        while let Ok(call) = self.calls.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            let alerts = call.get("alerts").and_then(Value::as_array).cloned().unwrap_or_default();
            let is = |alert: &Value, pointer: &str, wanted: &str| {
                alert.pointer(pointer) == Some(&Value::from(wanted))
            };
            let fits = |alert: &Value| is(alert, "/labels/alertname", name) && is(alert, "/status", status);
            if let Some(alert) = alerts.iter().find(|alert| fits(alert)) {
                return Ok(alert.clone());
            }
            others.push(call);
        }
        Err(anyhow!("no {status} {name}; called instead: {others:#?}\n{}", self.dump()))
    }

    /// The end of what both wrote.
    #[must_use]
    pub fn dump(&self) -> String {
        format!("{}{}", self.alertmanager.dump(), self.prometheus.dump())
    }
}

/// Listens on loopback; each body that is posted comes out of the receiver. Its thread ends with that.
fn webhook() -> Result<(SocketAddr, Receiver<Value>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (send, calls) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if posted(&stream).is_ok_and(|call| send.send(call).is_err()) {
                return;
            }
        }
    });
    Ok((address, calls))
}

fn posted(mut stream: &TcpStream) -> Result<Value> {
    stream.set_read_timeout(Some(ANSWER))?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    let call = serde_json::from_reader(reader.take(length.min(BODY)));
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(call?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_webhook_gives_what_is_posted() {
        let (address, calls) = webhook().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 7\r\n\r\n{\"a\":1}").unwrap();
        assert_eq!(calls.recv_timeout(ANSWER).unwrap(), serde_json::json!({"a": 1}));
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}
