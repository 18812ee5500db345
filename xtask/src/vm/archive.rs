//! The archive that a kernel starts from (initramfs, cpio `newc`): the first process, its plan, and the programs that
//! the plan names, each at the path where it lies on this machine, since the tests have such paths compiled in.
//!
//! Owns the archive's form. Must not know what the plan is for.
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::{BufWriter, Cursor, Read, Seek},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use cpio::{NewcBuilder, write_cpio};

use crate::exec;

/// File types of inode(7), with permissions.
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const PLAIN: u32 = 0o100_644;

trait Content: Read + Seek {}
impl<T: Read + Seek> Content for T {}

/// What goes into the archive, by its path there without the leading slash.
#[derive(Default)]
pub(crate) struct Archive {
    files: BTreeMap<PathBuf, (u32, Box<dyn Content>)>,
}

impl Archive {
    pub(crate) fn text(&mut self, path: &str, text: &str) {
        let content = Cursor::new(text.as_bytes().to_vec());
        self.files.insert(relative(Path::new(path)), (PLAIN, Box::new(content)));
    }

    /// A file of this machine; opened now.
    pub(crate) fn file(&mut self, path: &Path, from: &Path) -> Result<()> {
        let file = File::open(from).with_context(|| from.display().to_string())?;
        self.files.insert(relative(path), (PROGRAM, Box::new(file)));
        Ok(())
    }

    /// Writes it; folders come before what is in them.
    pub(crate) fn write(self, to: &Path) -> Result<()> {
        let mut entries: BTreeMap<PathBuf, (u32, Box<dyn Content>)> = BTreeMap::new();
        for path in self.files.keys() {
            for folder in path.ancestors().skip(1).filter(|folder| *folder != Path::new("")) {
                entries.entry(folder.to_owned()).or_insert((FOLDER, Box::new(Cursor::new(Vec::new()))));
            }
        }
        entries.extend(self.files);
        let named = entries
            .into_iter()
            .map(|(path, (mode, content))| {
                let name = path.to_str().with_context(|| format!("{} is no UTF-8", path.display()))?;
                Ok((NewcBuilder::new(name).mode(mode), content))
            })
            .collect::<Result<Vec<_>>>()?;
        let file = File::create(to).with_context(|| to.display().to_string())?;
        write_cpio(named.into_iter(), BufWriter::new(file)).with_context(|| to.display().to_string())?;
        Ok(())
    }
}

fn relative(path: &Path) -> PathBuf {
    path.strip_prefix("/").unwrap_or(path).to_owned()
}

/// The loader and the libraries that a program starts with, as ldd(1) names them; none for a static one.
pub(crate) fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("cannot run ldd")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // It fails for a program that asks for no loader.
    ensure!(!text.contains("not found"), "{}: {text}", program.display());
    let paths = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(paths.map(PathBuf::from).collect())
}

/// A copy of a program without its debugging information, which the machine would hold in memory; the program itself
/// where there is no strip(1).
pub(crate) fn stripped(program: &Path, folder: &Path) -> Result<PathBuf> {
    if exec::find("strip").is_none() {
        return Ok(program.to_owned());
    }
    let name = program.file_name().unwrap_or(OsStr::new("program"));
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let copy = folder.join(name);
    exec::run(Command::new("strip").arg("-o").arg(&copy).arg(program))?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use cpio::NewcReader;

    use super::*;

    #[test]
    fn a_program_is_followed_by_its_loader_and_libraries() {
        let own = libraries(&std::env::current_exe().unwrap()).unwrap();
        assert!(own.iter().any(|path| path.to_string_lossy().contains("libc.so")), "{own:?}");
        assert!(own.iter().any(|path| path.to_string_lossy().contains("ld-linux")), "{own:?}");
        assert!(own.iter().all(|path| path.is_file()), "{own:?}");
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "binary").unwrap();
        let mut archive = Archive::default();
        archive.text("/etc/passwd", "root");
        archive.file(Path::new("/b/in/program"), &program).unwrap();
        archive.file(Path::new("/init"), &program).unwrap();
        let to = folder.path().join("archive");
        archive.write(&to).unwrap();
        let mut reader = NewcReader::new(File::open(&to).unwrap()).unwrap();
        let mut found = Vec::new();
        while !reader.entry().is_trailer() {
            let (name, mode) = (reader.entry().name().to_owned(), reader.entry().mode());
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            found.push((name, mode, text));
            reader = NewcReader::new(reader.finish().unwrap()).unwrap();
        }
        let expected = [
            ("b", FOLDER, ""),
            ("b/in", FOLDER, ""),
            ("b/in/program", PROGRAM, "binary"),
            ("etc", FOLDER, ""),
            ("etc/passwd", PLAIN, "root"),
            ("init", PROGRAM, "binary"),
        ];
        assert_eq!(found, expected.map(|(name, mode, text)| (name.to_owned(), mode, text.to_owned())));
    }
}
