//! Live tests: the built agent as root against the real kernel and a real journald.
//!
//! Run one at a time by default, in the order of the table. A test that cannot run here says why, and fails when
//! `MINEWARDEN_REQUIRE_LIVE=1`; where a kernel is all there is, `MINEWARDEN_REQUIRE_LIVE=kernel` fails those that need
//! no more. Every program started is ended by its pid.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test program reports on its output")]
use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use lab::Lab;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use minewarden_tests::require::{BARE, LIVE, Need, reason_to_skip};

mod ancestry;
mod argv;
mod bare;
mod benign;
mod collector;
mod container;
mod content;
mod dialects;
mod ending;
mod exec;
mod expect;
mod hostile;
mod journal;
mod known;
mod lab;
mod late;
mod latency;
mod metrics;
mod namespace;
mod passed;
mod recorded;
mod recording;
mod records;
mod report;
mod respawn;
mod roles;
mod running;
mod secrets;
mod selftest;
mod service;
mod sockets;
mod storm;
mod third_party;
mod transports;
mod verifier;
mod watch;

type Run = Box<dyn FnOnce(&Lab) -> Result<()> + Send>;

/// One live test, and what it needs.
struct Test {
    name: String,
    /// [`LIVE`], or less.
    base: &'static [Need],
    /// Beyond that.
    needs: &'static [Need],
    run: Run,
}

impl Test {
    fn new(name: impl Into<String>, run: impl FnOnce(&Lab) -> Result<()> + Send + 'static) -> Self {
        Self { name: name.into(), base: &LIVE, needs: &[], run: Box::new(run) }
    }

    fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    /// It needs a kernel and the agent, and nothing else of a system.
    fn bare(self) -> Self {
        self.needs_only(&BARE)
    }

    /// It needs these alone.
    const fn needs_only(mut self, needs: &'static [Need]) -> Self {
        self.base = needs;
        self
    }

    fn trial(self, lab: &Arc<Lab>) -> Trial {
        let lab = Arc::clone(lab);
        let Self { name, base, needs, run } = self;
        Trial::ignorable_test(name.clone(), move || {
            let attempt = || -> Result<Completion> {
                if let Some(why) = reason_to_skip(&name, &[base, needs].concat())? {
                    return Ok(Completion::ignored_with(why));
                }
                run(&lab).map(|()| Completion::Completed)
            };
            attempt().map_err(|error| Failed::from(told(&error)))
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
        transports::tests(),
        sockets::tests(),
        passed::tests(),
        running::tests(),
        known::tests(),
        secrets::tests(),
        argv::tests(),
        container::tests(),
        exec::tests(),
        ancestry::tests(),
        content::tests(),
        hostile::tests(),
        recording::tests(),
        records::tests(),
        namespace::tests(),
        service::tests(),
        report::tests(),
        collector::tests(),
        respawn::tests(),
        benign::tests(),
        ending::tests(),
        third_party::tests(),
        storm::tests(),
        bare::tests(),
        verifier::tests(),
        watch::tests(),
        selftest::tests(),
        metrics::tests(),
        latency::tests(),
        late::tests(),
    ];
    let trials = tables.into_iter().flatten().map(|test| test.trial(&lab)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Err(error) = lab.close() {
        eprintln!("the shared agent: {}", told(&error));
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// An error and its causes, without the backtrace.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join("\n  because: ")
}
