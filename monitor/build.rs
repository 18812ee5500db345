//! Puts the eBPF object where the agent embeds it: `OUT_DIR/minewarden.bpf.o`, its SHA-256 in the environment
//! variable `MINEWARDEN_BPF_DIGEST`; and the bundled rules, `OUT_DIR/rules.bin`.
//!
//! Uses the committed object when it was built from the sources that are there, so that a plain stable
//! toolchain is enough; else builds from source; else fails and says how to get the toolchain.
#![expect(clippy::print_stderr, reason = "cargo shows a failed build script's standard error")]
use std::{env, fs, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};

use object::{Committed, compile, digest, toolchain::Compiler};

#[path = "../xtask/src/object/mod.rs"]
mod object;

#[path = "src/rules/veil.rs"]
mod veil;

/// One YARA file each; every file here is bundled.
const RULES: &str = "assets/rules";

fn main() -> ExitCode {
    match embed().and_then(|()| bundle_rules()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Returned from main it would come with a backtrace where that is switched on.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<()> {
    let manifest_dir = env::var("CARGO_MANIFEST_DIR")?;
    let out_dir = env::var("OUT_DIR")?;
    let (root, out_dir) =
        (Path::new(&manifest_dir).parent().context("no workspace root")?, Path::new(&out_dir));
    for input in digest::INPUTS.into_iter().chain([object::OBJECT, object::RECORD, "xtask/src/object"]) {
        println!("cargo:rerun-if-changed={}", root.join(input).display());
    }
    println!("cargo:rerun-if-changed=build.rs");

    let bytes = match object::committed(root)? {
        Committed::Current { bytes, record } => {
            let sources = object::short(&record.sources);
            println!("cargo:warning=using the committed eBPF object, source digest {sources}");
            bytes
        }
        Committed::Unusable(why) => from_source(root, out_dir).with_context(|| {
            format!("{why}, and it cannot be built from source: run `cargo xtask setup` to get the toolchain")
        })?,
    };
    fs::write(out_dir.join("minewarden.bpf.o"), &bytes)?;
    println!("cargo:rustc-env=MINEWARDEN_BPF_DIGEST={}", digest::sha256(&bytes));
    Ok(())
}

/// `name NUL text NUL` of every rule file, in the order of the names. The bytes are veiled: in clear the agent's own
/// executable would hold the marks of every miner it knows, and match.
fn bundle_rules() -> Result<()> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(RULES);
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name =
            path.file_name().and_then(|name| name.to_str()).context("a rule file's name is no text")?;
        if name.ends_with(".yar") {
            println!("cargo:rerun-if-changed={}", path.display());
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.push((name.to_owned(), text));
        }
    }
    files.sort();
    let clear: Vec<u8> = files
        .iter()
        .flat_map(|(name, text)| [name.as_bytes(), &[0], text.as_bytes(), &[0]].concat())
        .collect();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("rules.bin"), veil::veil(&clear))?;
    Ok(())
}

fn from_source(root: &Path, out_dir: &Path) -> Result<Vec<u8>> {
    let compiler = Compiler::find()?;
    let bytes = compile::object(root, &compiler, &out_dir.join("ebpf"))?;
    let sources = digest::sources(root)?;
    println!(
        "cargo:warning=built the eBPF object from source, source digest {}, with rustc {} ({})",
        object::short(&sources),
        compiler.release,
        object::short(&compiler.commit)
    );
    Ok(bytes)
}
