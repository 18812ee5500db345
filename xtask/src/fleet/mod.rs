//! `cargo xtask fleet`: whole hosts on this one, as systemd-nspawn containers with systemd and sshd.
mod collector;
mod host;
mod list;
mod rig;
mod scenario;
mod test;
mod xtask;

use std::{
    env,
    net::SocketAddrV4,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Error, Result, ensure};

use crate::{
    cargo, exec, root,
    testbed::{
        boot::{self, Boot},
        fleet::Fleet,
        image::{self, Recipe},
        lab::{self, Lab},
    },
};

/// Packages that only some scenarios need.
const EXTRA: [&str; 1] = ["nginx-light"];

/// Run whole hosts as containers with systemd and sshd, and try a fleet of them
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Start hosts h1 to hN; those that run stay
    Up {
        /// How many
        hosts: u8,
        /// Debian suite: bookworm, trixie
        #[arg(long, default_value = image::SUITE)]
        suite: String,
        /// A host that may load no eBPF program, by its number
        #[arg(long, value_name = "N")]
        without_bpf: Vec<u8>,
    },
    /// End every host and remove all that was made for them
    Down,
    /// The hosts that run
    List,
    /// Run a command on host N, or a shell
    Ssh {
        /// Number of the host
        host: u8,
        /// The command, for the host's shell
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    Test(test::Options),
    /// Make the root tree that the hosts start from, or name the one that is there
    Image {
        /// Debian suite: bookworm, trixie
        #[arg(long, default_value = image::SUITE)]
        suite: String,
    },
    /// Become a host (`up` calls this)
    #[command(hide = true)]
    Boot(Boot),
    /// Connect into the hosts' network (ssh calls this)
    #[command(hide = true)]
    Connect {
        #[arg(long)]
        lab: String,
        host: String,
        port: u16,
    },
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    match &options.action {
        Action::Boot(boot) => return boot::run(boot).map(|()| ExitCode::SUCCESS),
        Action::Connect { lab, host, port } => {
            lab::hand_over(&Lab::named(lab), SocketAddrV4::new(lab::resolve(host)?, *port))?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let workspace = cargo::workspace()?;
    if !rustix::process::geteuid().is_root() {
        return Err(as_root(options, &workspace)?);
    }
    let fleet = Fleet::of(&workspace);
    match &options.action {
        Action::Image { suite } => println!("{}", image::root(&workspace, &recipe(suite)?)?.display()),
        Action::Up { hosts, suite, without_bpf } => {
            Fleet::check()?;
            let tree = image::root(&workspace, &recipe(suite)?)?;
            let start = Instant::now();
            let guests = fleet.up(&tree, *hosts, without_bpf)?;
            list::print(&fleet, &guests, Some(start.elapsed()))?;
        }
        Action::List => list::print(&fleet, &fleet.guests()?, None)?,
        Action::Down => down(&fleet)?,
        Action::Test(options) => return test::run(options, &workspace, &recipe(options.suite())?),
        Action::Ssh { host, command } => {
            return Err(exec::replace(fleet.ssh().command(&format!("h{host}")).args(command)));
        }
        Action::Boot(_) | Action::Connect { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Becomes the same command as root. What has to be built is built before.
fn as_root(options: &Options, workspace: &Path) -> Result<Error> {
    let variables = [("CARGO_MANIFEST_DIR", workspace.join("xtask").into_os_string())];
    let mut command = root::command(&env::current_exe()?, &variables)?;
    command.args(env::args_os().skip(1));
    if let Action::Test(options) = &options.action {
        command.args(options.build_before(workspace)?);
    }
    Ok(exec::replace(&mut command))
}

fn recipe(suite: &str) -> Result<Recipe> {
    Ok(Recipe::new(suite)?.with(&EXTRA))
}

fn down(fleet: &Fleet) -> Result<()> {
    Fleet::check()?;
    let start = Instant::now();
    let count = fleet.down()?;
    let left = fleet.left()?;
    ensure!(left.is_empty(), "still there: {}", left.join(", "));
    println!("{count} hosts ended in {}, nothing is left", seconds(start.elapsed()));
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
