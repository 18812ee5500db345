//! `cargo xtask dist`: the packages that are shipped.
//!
//! Owns the order of the steps. Everything lies in `target/dist`; the same commit gives the same bytes in whatever
//! folder it is built.
mod again;
mod agent;
mod artifacts;
mod crates;
mod epoch;
mod notices;
mod package;
mod sbom;
mod stage;
mod trial;
mod verify;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, ensure};

pub(crate) use self::artifacts::Artifacts;
use self::{artifacts::Architecture, epoch::Epoch};
use crate::{
    cargo::{self, linking},
    object::digest,
    run,
};

/// Make the packages that are shipped: .deb, .rpm, archive, sums, bill of materials
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Build a second time in another folder, and fail unless all bytes are the same
    #[arg(long)]
    check: bool,
    /// Do not ask lintian, rpm and rpmlint
    #[arg(long)]
    no_checks: bool,
    /// Build for this target, such as aarch64-unknown-linux-gnu
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Package this agent, which was built before, instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    agent: Option<PathBuf>,
    /// Give the packages this version: to try an upgrade
    #[arg(long, value_name = "VERSION", value_parser = version)]
    package_version: Option<String>,
    /// Where to put them
    #[arg(long, value_name = "FOLDER", default_value = "target/dist")]
    out: Option<PathBuf>,
}

impl Options {
    #[allow(dead_code, reason = "for the commands that deploy and try packages")]
    /// Packages of `agent`, which was built before, as `version`, in `out`; the checkers are not asked.
    pub(crate) fn of_agent(agent: &Path, version: Option<&str>, out: &Path) -> Self {
        let (agent, out) = (Some(agent.to_owned()), Some(out.to_owned()));
        Self { agent, out, package_version: version.map(str::to_owned), no_checks: true, ..Self::default() }
    }
}

/// What dpkg, rpm and file names take alike.
fn version(given: &str) -> Result<String, String> {
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let fine = given.split('.').count() == 3 && given.split('.').all(digits);
    fine.then(|| given.to_owned()).ok_or_else(|| "not of the form 1.2.3".to_owned())
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = cargo::workspace()?;
    run::prepare(&workspace)?;
    let artifacts = build(&workspace, options)?;
    println!("{}", artifacts.folder().display());
    Ok(ExitCode::SUCCESS)
}

#[allow(dead_code, reason = "for the commands that deploy and try packages")]
/// The packages that an earlier `cargo xtask dist` left in `target/dist`.
pub(crate) fn find(workspace: &Path) -> Result<Artifacts> {
    let target = linking::host()?;
    let version = package::version(workspace)?;
    let artifacts = Artifacts::new(&workspace.join("target/dist"), &version, Architecture::of(&target)?);
    for path in artifacts.summed() {
        ensure!(path.is_file(), "{} is not there: `cargo xtask dist` makes it", path.display());
    }
    Ok(artifacts)
}

/// Makes them.
pub(crate) fn build(workspace: &Path, options: &Options) -> Result<Artifacts> {
    let host = linking::host()?;
    let target = options.target.as_ref().unwrap_or(&host);
    let epoch = Epoch::of(workspace)?;
    let version = match &options.package_version {
        Some(version) => version.clone(),
        None => package::version(workspace)?,
    };
    let out = workspace.join(options.out.as_deref().unwrap_or(Path::new("target/dist")));
    let artifacts = Artifacts::new(&out, &version, Architecture::of(target)?);
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let built = match &options.agent {
        Some(agent) => agent.clone(),
        None => agent::build(workspace, target)?,
    };
    agent::split(&built, target, &artifacts)?;
    let crates = crates::shipped(workspace, target)?;
    let stage =
        stage::lay_out(workspace, &artifacts.binary(), &version, &notices::third_party(&crates)?, epoch)?;
    package::deb(workspace, &artifacts, target, epoch)?;
    package::rpm(workspace, &artifacts, target, epoch)?;
    package::archive(workspace, &stage, &artifacts, epoch)?;
    let agent = fs::read(artifacts.binary()).context("the agent")?;
    let sbom = sbom::document(&version, &crates, &digest::sha256(&agent), epoch)?;
    fs::write(artifacts.sbom(), sbom).with_context(|| artifacts.sbom().display().to_string())?;
    print!("{}", package::sums(&artifacts)?);
    if !options.no_checks {
        verify::check(workspace, &stage, &artifacts)?;
    }
    if options.check {
        again::compare(workspace, &artifacts, epoch, &options.repeated())?;
    }
    Ok(artifacts)
}

impl Options {
    /// What a second build is told.
    fn repeated(&self) -> Vec<String> {
        let target = self.target.iter().map(|target| format!("--target={target}"));
        target
            .chain(self.package_version.iter().map(|version| format!("--package-version={version}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_versions_are_taken() {
        assert!(version("0.1.1").is_ok());
        for wrong in ["", "1", "1.2", "1.2.3.4", "1.2.x", "1..3", "1.2.3-1", "1.2.3/../x"] {
            assert!(version(wrong).is_err(), "{wrong}");
        }
    }
}
