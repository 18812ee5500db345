//! The numbers in a file, for node_exporter's textfile collector.
//!
//! Owns the file and the thread that writes it: whole or not at all, readable by all, and once more when the agent
//! ends. The folder may be another user's, so no link in it is followed. Must not know what a metric means.
use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::Board;

/// From one writing to the next; Prometheus scrapes rarely more often.
const EVERY: Duration = Duration::from_secs(15);
/// All may read it: node_exporter is another user.
const MODE: u32 = 0o644;

/// The file, kept up to date until this is dropped.
#[derive(Debug)]
pub struct Textfile {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Textfile {
    /// Writes it for the first time and starts the thread.
    ///
    /// # Errors
    /// When it cannot be written, or no thread can be started.
    pub fn start(path: PathBuf, board: Arc<Board>) -> io::Result<Self> {
        write(&path, &board.text())?;
        let (stop, stopped) = channel::<()>();
        let thread = thread::Builder::new().name("textfile".into()).spawn(move || {
            let mut fails = false;
            loop {
                let ends = stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                let written = write(&path, &board.text());
                if let (Err(error), false) = (&written, fails) {
                    log::warn!("[metrics] textfile: {}: {error}; tried again", path.display());
                }
                fails = written.is_err();
                if ends {
                    return;
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Textfile {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("[metrics] textfile: its thread panicked");
        }
    }
}

/// Puts a new file in the place of the old one.
fn write(path: &Path, text: &str) -> io::Result<()> {
    // Not `.prom` at its end, or node_exporter would read half of it.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&beside)?;
    // The umask may have taken something away.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(text.as_bytes())?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_file_is_replaced_whole_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("m.prom"), folder.path().join("target"));
        fs::write(&target, "untouched").unwrap();
        symlink(&target, &path).unwrap();
        symlink(&target, folder.path().join("m.prom.new")).unwrap();
        write(&path, "a 1\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a 1\n");
        assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
        let status = fs::symlink_metadata(&path).unwrap();
        assert_eq!((status.is_file(), status.permissions().mode() & 0o777), (true, MODE));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside it");
    }

    #[test]
    fn the_last_one_says_that_the_agent_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.prom");
        let board = Arc::new(Board::new("0.1.0", "abc"));
        let textfile = Textfile::start(path.clone(), Arc::clone(&board)).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("\nminewarden_up 1\n"));
        board.stop();
        drop(textfile);
        assert!(fs::read_to_string(&path).unwrap().contains("\nminewarden_up 0\n"));
        assert!(Textfile::start(folder.path().join("none/m.prom"), board).is_err());
    }
}
