//! Reads what a process was given beside its arguments: configuration files and environment.
//!
//! Owns the sizes and the order of the checks. What is read is judged here and dropped: only [`Setup`] leaves. Must not
//! know what makes a file a miner's (`detect::argv`).
use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{
    facts::{absolute, same},
    file::{self, Status},
    pool::Work,
    procfs::{ProcDir, ProcFs},
};
use crate::{
    detect::argv::{config, environment},
    event::{Body, Owner, Setup, SetupFile},
};

/// Files of one process.
const FILES: usize = 4;
/// Largest configuration file; XMRig's with the threads of 512 processors has 60 KiB.
const FILE_CAP: u64 = 256 * 1024;
/// Environment read: as much as one argument may have (`MAX_ARG_STRLEN` in include/uapi/linux/binfmts.h).
const ENVIRONMENT_CAP: usize = 128 * 1024;

/// What is asked of one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) owner: Owner,
    pub(super) files: Vec<String>,
}

/// Reads setups.
pub(super) struct SetupReader {
    procfs: Box<dyn ProcFs>,
    /// Files that were not opened or not read for what they are, since start.
    pub(super) refused: AtomicU64,
}

impl SetupReader {
    pub(super) fn new(procfs: Box<dyn ProcFs>) -> Self {
        Self { procfs, refused: AtomicU64::new(0) }
    }

    fn read(&self, question: &Question) -> io::Result<Setup> {
        let Question { owner, files } = question;
        if owner.pid == 0 {
            return Err(io::Error::other("not visible in the agent's PID namespace"));
        }
        let process = self.procfs.open(owner.pid)?;
        same(&*process, owner.key)?;
        let files = files.iter().take(FILES).map(|path| self.file(&*process, path)).collect();
        // Kernel threads have none, and those of others cannot be read without privilege.
        let environment = process.read("environ", ENVIRONMENT_CAP).unwrap_or_default();
        let setup = Setup { error: None, files, environment: environment::read(&environment) };
        same(&*process, owner.key)?;
        Ok(setup)
    }

    fn file(&self, process: &dyn ProcDir, path: &str) -> SetupFile {
        let mut answer = SetupFile { path: path.to_owned(), ..SetupFile::default() };
        match content(process, path) {
            Ok(content) => answer.told = config::read(&content),
            Err(e) => {
                // Many arguments only look like names of files.
                self.refused.fetch_add(u64::from(e.kind() != io::ErrorKind::NotFound), Relaxed);
                answer.error = Some(format!("{path}: {e}"));
            }
        }
        answer
    }
}

fn content(process: &dyn ProcDir, path: &str) -> io::Result<Vec<u8>> {
    let path = absolute(process, Path::new(path)).ok_or(io::ErrorKind::NotFound)?;
    let handle = process.in_root(&path)?;
    let status = Status::of(&handle)?;
    if status.regular && status.size > FILE_CAP {
        return Err(io::Error::other(format!("{} bytes, {FILE_CAP} is the most", status.size)));
    }
    let mut content = Vec::new();
    let file: File = file::open(&handle, Some(process))?;
    file.take(FILE_CAP).read_to_end(&mut content)?;
    Ok(content)
}

impl Work for SetupReader {
    type Request = Question;
    const NAME: &'static str = "setup";

    fn owner(request: &Question) -> Owner {
        request.owner
    }

    fn carry_out(&self, request: &Question) -> (Body, bool) {
        let setup = self.read(request).unwrap_or_else(|e| Setup {
            error: Some(format!("process {}: {e}", request.owner.pid)),
            ..Setup::default()
        });
        let failed = setup.error.is_some();
        (Body::Setup(Box::new(setup)), failed)
    }

    fn failure(_: &Question, why: String) -> Body {
        Body::Setup(Box::new(Setup { error: Some(why), ..Setup::default() }))
    }
}
