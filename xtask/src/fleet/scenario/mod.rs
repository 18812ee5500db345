//! The scenarios: one function each, on hosts of its own making, with an error where anything is not as it must be.
mod bed;
mod collector;
mod deploy;
mod guest;

use anyhow::Result;

use super::rig::Rig;

/// A story with hosts in it.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// One line.
    pub(super) what: &'static str,
    /// Whether it deploys packages.
    pub(super) packages: bool,
    pub(super) run: fn(&Rig) -> Result<()>,
}

pub(super) const ALL: [Scenario; 4] = [
    Scenario {
        name: "bed",
        what: "a start that is cut off leaves nothing once the fleet is taken down, and hosts know each other's keys",
        packages: false,
        run: bed::run,
    },
    Scenario {
        name: "guest",
        what: "an agent inside a container names the container's own pid, and only what its container does",
        packages: false,
        run: guest::run,
    },
    Scenario {
        name: "deploy",
        what: "deploy to five hosts, one of which cannot run the agent; again; another package and back; undeploy",
        packages: true,
        run: deploy::run,
    },
    Scenario {
        name: "collector",
        what: "five agents send to one collector over mutual TLS, through an outage; one agent is killed",
        packages: true,
        run: collector::run,
    },
];
