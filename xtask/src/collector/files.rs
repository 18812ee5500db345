//! The files of `monitor/assets/collector/`, filled in.
//!
//! Owns where each goes. Must not know certificates.
use super::{FOLDER, File, JOURNALS, NAMESPACE, PORT, REMOTE, Settings, Sources, Upload};

/// A file of the assets.
macro_rules! asset {
    ($name:literal) => {
        include_str!(concat!("../../../monitor/assets/collector/", $name))
    };
}

/// Room that the journals leave for others.
const KEEP_FREE: &str = "1G";
/// A file of one host is rotated at this size, so that what is removed is old and little.
const MAX_FILE_SIZE: &str = "64M";

pub(super) fn collector(settings: &Settings, sources: &Sources) -> Vec<File> {
    let unit = |name: &str| format!("/etc/systemd/system/{name}");
    let fill = |text: &str| fill(text, settings);
    vec![
        File::text("/etc/nginx/conf.d/minewarden-collector.conf", fill(asset!("nginx.conf"))),
        File::text(format!("{FOLDER}/sources.map"), sources.map()),
        File::text(format!("{JOURNALS}/sources.toml"), sources.toml()),
        File::text(
            unit("systemd-journal-remote.socket.d/minewarden.conf"),
            fill(asset!("systemd-journal-remote.socket.conf")),
        ),
        File::text(
            unit("systemd-journal-remote.service.d/minewarden.conf"),
            fill(asset!("systemd-journal-remote.service.conf")),
        ),
        File::text("/etc/systemd/journal-remote.conf.d/minewarden.conf", fill(asset!("journal-remote.conf"))),
        File::text(unit("minewarden-vacuum.service"), fill(asset!("minewarden-vacuum.service"))),
        File::text(unit("minewarden-vacuum.timer"), fill(asset!("minewarden-vacuum.timer"))),
    ]
}

pub(super) fn host(settings: &Settings) -> Vec<File> {
    let fill = |text: &str| fill(text, settings);
    let mut files = vec![
        File::text("/etc/systemd/journal-upload.conf.d/minewarden.conf", fill(asset!("journal-upload.conf"))),
        File::text(
            "/etc/systemd/system/systemd-journal-upload.service.d/minewarden.conf",
            fill(asset!("systemd-journal-upload.service.conf")),
        ),
    ];
    if settings.upload == Upload::OwnEntries {
        let path = "/etc/systemd/system/minewarden.service.d/fleet.conf";
        files.push(File::text(path, fill(asset!("minewarden.service.conf"))));
    }
    files
}

fn fill(template: &str, settings: &Settings) -> String {
    let what = match settings.upload {
        Upload::Everything => String::new(),
        // `--namespace` came with systemd 254; the folder is the same before and after.
        Upload::OwnEntries => format!(" --directory=/var/log/journal/%m.{NAMESPACE}"),
    };
    let collector = if settings.address.contains(':') {
        format!("[{}]:{PORT}", settings.address)
    } else {
        format!("{}:{PORT}", settings.address)
    };
    let values = [
        ("@FOLDER@", FOLDER),
        ("@JOURNALS@", JOURNALS),
        ("@REMOTE@", REMOTE),
        ("@LISTEN@", &format!("[::]:{PORT} ipv6only=off")),
        ("@COLLECTOR@", &collector),
        ("@MAX_USE@", &settings.max_use),
        ("@KEEP_FREE@", KEEP_FREE),
        ("@MAX_FILE_SIZE@", MAX_FILE_SIZE),
        ("@KEEP@", &settings.keep),
        ("@NAMESPACE@", NAMESPACE),
        ("@WHAT@", &what),
    ];
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}
