//! Live tests: the built agent as root against the real kernel and a real journald.
//!
//! Run one at a time by default, in the order of the table. A test that cannot run here says why, and fails when
//! `MINEWARDEN_REQUIRE_LIVE=1`. Every program started is ended by its pid.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test program reports on its output")]
use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use lab::Lab;
use libtest_mimic::{Arguments, Failed, Trial};
use minewarden_tests::{
    live_or_skip,
    require::{LIVE, Need},
};

mod argv;
mod benign;
mod dialects;
mod ending;
mod expect;
mod journal;
mod lab;
mod late;
mod latency;
mod recording;
mod roles;
mod secrets;
mod storm;

type Run = Box<dyn FnOnce(&Lab) -> Result<()> + Send>;

/// One live test.
struct Test {
    name: String,
    run: Run,
}

impl Test {
    fn new(name: impl Into<String>, run: impl FnOnce(&Lab) -> Result<()> + Send + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }

    fn trial(self, lab: &Arc<Lab>) -> Trial {
        let lab = Arc::clone(lab);
        let name = self.name.clone();
        Trial::test(name, move || {
            let run = || -> Result<()> {
                live_or_skip!(&self.name, &LIVE);
                live_or_skip!(&self.name, &[Need::Journald]);
                (self.run)(&lab)
            };
            run().map_err(|error| Failed::from(format!("{error:?}")))
        })
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    let lab = Arc::new(Lab::default());
    // The late conversations begin with the shared agent, in `dialects`, and are over when their turn comes.
    let tables = [
        dialects::tests(),
        journal::tests(),
        roles::tests(),
        secrets::tests(),
        argv::tests(),
        recording::tests(),
        benign::tests(),
        ending::tests(),
        storm::tests(),
        latency::tests(),
        late::tests(),
    ];
    let trials = tables.into_iter().flatten().map(|test| test.trial(&lab)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Err(error) = lab.close() {
        eprintln!("the shared agent: {error:?}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}
