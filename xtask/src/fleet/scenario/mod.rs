//! The scenarios: one function each, on hosts of its own making, with an error where anything is not as it must be.
mod bed;
mod deploy;
mod guest;

use anyhow::Result;

use super::rig::Rig;

/// A story with hosts in it.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// One line.
    pub(super) what: &'static str,
    pub(super) run: fn(&Rig) -> Result<()>,
}

pub(super) const ALL: [Scenario; 3] = [
    Scenario {
        name: "bed",
        what: "a start that is cut off leaves nothing once the fleet is taken down, and hosts know each other's keys",
        run: bed::run,
    },
    Scenario {
        name: "guest",
        what: "an agent inside a container names the container's own pid, and only what its container does",
        run: guest::run,
    },
    Scenario {
        name: "deploy",
        what: "deploy to five hosts, one of which cannot run the agent; again; another package and back; undeploy",
        run: deploy::run,
    },
];
