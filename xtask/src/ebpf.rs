//! `cargo xtask ebpf`: builds the eBPF object and commits it to `monitor/assets`, or checks the committed one.
use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::{
    cargo,
    object::{
        self, Committed, OBJECT, RECORD, compile,
        digest::{self, sha256},
        record::Record,
        short,
        toolchain::{Compiler, LINKER},
    },
};

/// Build the eBPF object into monitor/assets; needs `cargo xtask setup` once
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Change nothing: fail unless the committed object is that of these sources, byte for byte where the
    /// compiler and the library source are the ones it was built with
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let workspace = cargo::workspace()?;
    if options.check { check(&workspace) } else { install(&workspace) }
}

fn install(workspace: &Path) -> Result<()> {
    let (bytes, record) = build(workspace)?;
    let object = workspace.join(OBJECT);
    let folder = object.parent().context("the object has no folder")?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    fs::write(&object, &bytes).with_context(|| OBJECT.to_owned())?;
    fs::write(workspace.join(RECORD), record.to_string()).with_context(|| RECORD.to_owned())?;
    println!("{OBJECT}: {} bytes, SHA-256 {}", bytes.len(), record.object);
    println!("{RECORD}: sources {}, compiler {}", short(&record.sources), short(&record.compiler));
    Ok(())
}

fn check(workspace: &Path) -> Result<()> {
    let (committed, record) = match object::committed(workspace)? {
        Committed::Current { bytes, record } => (bytes, record),
        Committed::Unusable(why) => bail!("{why}: run `cargo xtask ebpf` and commit the result"),
    };
    let (built, now) = build(workspace)?;
    if built == committed {
        println!("{OBJECT} was rebuilt byte for byte: {} bytes, SHA-256 {}", built.len(), now.object);
        return Ok(());
    }
    let tools = [
        ("compiler", &record.compiler, &now.compiler),
        ("library source", &record.library, &now.library),
        ("bpf-linker", &record.linker, &now.linker),
    ];
    if let Some((what, then, now)) = tools.into_iter().find(|(_, then, now)| then != now) {
        println!("{OBJECT} is that of these sources, and they build here.");
        println!(
            "Bytes cannot be compared: it was built with {what} {}, here is {}.",
            short(then),
            short(now)
        );
        return Ok(());
    }
    bail!(
        "{OBJECT} ({}) is not what its own sources and tools give ({}): run `cargo xtask ebpf` and commit the \
         result",
        short(&record.object),
        short(&now.object)
    )
}

/// Builds in `target/ebpf`, and says with what.
fn build(workspace: &Path) -> Result<(Vec<u8>, Record)> {
    let compiler = Compiler::find()?;
    println!("building the eBPF object with rustc {} ({})", compiler.release, short(&compiler.commit));
    let bytes = compile::object(workspace, &compiler, &workspace.join("target/ebpf"))
        .context("cannot build the eBPF object (`cargo xtask setup` brings what it needs)")?;
    let record = Record {
        sources: digest::sources(workspace)?,
        object: sha256(&bytes),
        compiler: compiler.commit.clone(),
        library: library(&compiler.library())?,
        linker: LINKER.to_owned(),
    };
    Ok((bytes, record))
}

/// Digest of the Rust files of the library source's `core` and `compiler-builtins`, the part of it that is
/// compiled into the object: the same compiler with another library source gives other bytes.
fn library(library: &Path) -> Result<String> {
    let mut files = Vec::new();
    for part in ["core/src", "compiler-builtins"] {
        digest::rust_files(&library.join(part), &mut files)?;
    }
    Ok(digest::hex(digest::hash_files(library, files)?))
}
