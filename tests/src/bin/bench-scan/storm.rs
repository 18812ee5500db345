//! Many programs that nobody has seen, executed at an even pace.
//!
//! Owns the files and their processes. Must not know the agent.
use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result};

use crate::Options;

/// What each is a copy of; what is behind its end is never loaded.
const PROGRAM: &str = "/bin/sleep";
/// Seconds that each runs: it has to be there when its turn to be searched comes, also behind what others execute.
const STAYS: &str = "20";
const LARGE_KIB: usize = 100_000_000 / 1_024;

/// Programs in a folder of their own, not executed yet.
pub(crate) struct Storm {
    folder: tempfile::TempDir,
    programs: Vec<PathBuf>,
    lasts: Duration,
    large_every: Duration,
}

impl Storm {
    /// Writes the programs, which takes a while.
    pub(crate) fn prepare(options: &Options, round: u32) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("minewarden-bench-").tempdir()?;
        let noise = noise(LARGE_KIB.max(options.kib))?;
        let body = noise.get(..options.kib * 1_024).context("noise is short")?;
        let write = |name: String, body: &[u8]| {
            let path = folder.path().join(&name);
            write(&path, body, &format!("{round} {name}")).with_context(|| path.display().to_string())?;
            anyhow::Ok(path)
        };
        let programs =
            (0..options.programs).map(|n| write(format!("program-{n}"), body)).collect::<Result<_>>()?;
        write("large".to_owned(), &noise)?;
        // Written back before anything is measured.
        rustix::fs::syncfs(File::open(folder.path())?)?;
        let lasts = Duration::from_secs(options.seconds);
        Ok(Self { folder, programs, lasts, large_every: Duration::from_secs(options.large_every) })
    }

    /// Executes all, and the large one every so often; gives how many that were. Returns when they have ended.
    pub(crate) fn rage(self) -> Result<u64> {
        let (begin, count) = (Instant::now(), u32::try_from(self.programs.len())?);
        let (mut children, mut executed, mut large_due) = (Vec::new(), 0, Duration::ZERO);
        for (number, program) in (0..).zip(&self.programs) {
            thread::sleep((self.lasts * number / count).saturating_sub(begin.elapsed()));
            if begin.elapsed() >= large_due {
                children.push(start(&self.changed_large()?)?);
                (executed, large_due) = (executed + 1, large_due + self.large_every);
            }
            children.push(start(program)?);
            executed += 1;
            children.retain_mut(|child| child.try_wait().is_ok_and(|status| status.is_none()));
        }
        for mut child in children {
            child.wait()?;
        }
        Ok(executed)
    }

    /// The large program with another time of change, which makes it another version.
    fn changed_large(&self) -> Result<PathBuf> {
        let path = self.folder.path().join("large");
        File::open(&path)?.set_modified(SystemTime::now())?;
        Ok(path)
    }
}

fn noise(kib: usize) -> Result<Vec<u8>> {
    let mut noise = vec![0; kib * 1_024];
    File::open("/dev/urandom")?.read_exact(&mut noise)?;
    Ok(noise)
}

/// A copy of the program with `body` behind its end and `mark`, which makes it one of a kind.
fn write(path: &Path, body: &[u8], mark: &str) -> Result<()> {
    fs::copy(PROGRAM, path)?;
    let mut file = File::options().append(true).open(path)?;
    file.write_all(body)?;
    file.write_all(mark.as_bytes())?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn start(program: &Path) -> Result<Child> {
    let mut command = Command::new(program);
    // Where one program is many, its name says which.
    command.arg0("sleep").arg(STAYS).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().with_context(|| program.display().to_string())
}
