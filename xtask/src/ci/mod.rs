//! `cargo xtask ci`: the one gate.
//!
//! One build serves every step that runs something: the whole workspace, all targets, one set of
//! features, compiled by clippy's driver, so that lints and code come from the same pass. Once it
//! is there, the end-to-end tests run beside the rest. A step that fails does not hide the next;
//! only what needs a build that is not there is left out.
//!
//! The last line is `N passed, N failed`; `target/xtask-ci.json` has the same for programs. A
//! step that fails without a failed test counts as one failure.

mod build;
mod counts;
mod shell;
mod steps;
mod summary;

use crate::options::Options;
use crate::workspace::root;
use anyhow::Context;
use counts::Counts;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use steps::{Form, Needs, STEPS, Step};
use summary::Summary;

/// Whether what comes after a step has something to stand on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Passed,
    Failed,
    /// There are no programs to run.
    Unbuilt,
}

impl Outcome {
    fn of(is_ok: bool) -> Self {
        if is_ok { Self::Passed } else { Self::Failed }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed | Self::Unbuilt => "FAILED",
        }
    }
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Done {
    outcome: Outcome,
    counts: Counts,
}

impl Done {
    fn of(is_ok: bool) -> Self {
        Self { outcome: Outcome::of(is_ok), counts: Counts::default() }
    }
}

/// What a step is given.
struct Job<'a> {
    root: &'a Path,
    /// What pytest is told beyond its files.
    pytest: &'a [String],
    out: &'a mut (dyn Write + Send),
}

/// A step that was run, or could not be.
#[derive(Clone, Copy, Debug)]
struct Ran {
    step: &'static Step,
    done: Done,
    took: Duration,
}

impl Ran {
    fn failed_count(&self) -> u64 {
        let is_failed = self.done.outcome != Outcome::Passed;
        self.done.counts.failed.max(u64::from(is_failed))
    }
}

/// `cargo xtask ci [--only STEP,STEP]`.
pub(crate) fn run(mut options: Options) -> anyhow::Result<ExitCode> {
    let only = options.value::<String>("--only")?;
    options.finish()?;
    let wanted: Vec<&'static Step> = match &only {
        None => STEPS.iter().filter(|step| step.form == Form::Gate).collect(),
        Some(only) => only.split(',').map(step).collect::<anyhow::Result<_>>()?,
    };
    gate(&root()?, &wanted, &[])
}

/// `cargo xtask e2e [--soak] [pytest arguments]`: the end-to-end tests alone, as cargo builds for
/// whoever works on them; the long forms with a release build.
pub(crate) fn end_to_end(mut options: Options) -> anyhow::Result<ExitCode> {
    let is_soak = options.flag("--soak");
    let mut pytest = options.rest();
    let steps = if is_soak { ["release", "soak"] } else { ["programs", "e2e"] };
    if is_soak {
        // A case that is known not to hold, and does, is news there.
        let words = ["--soak", "-o", "xfail_strict=true"];
        pytest.splice(..0, words.map(str::to_owned));
    }
    gate(&root()?, &[step(steps[0])?, step(steps[1])?], &pytest)
}

fn step(name: &str) -> anyhow::Result<&'static Step> {
    let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
    let found = STEPS.iter().find(|step| step.name == name);
    found.with_context(|| format!("there is no step `{name}`; hint: {}", names.join(", ")))
}

fn gate(root: &Path, wanted: &[&'static Step], pytest: &[String]) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    std::fs::create_dir_all(folder(root))?;
    let of = |needs: Needs| wanted.iter().copied().filter(move |step| step.needs == needs);
    let mut ran: Vec<Ran> = of(Needs::Nothing).map(|step| in_front(step, root, pytest)).collect();
    if ran.iter().any(|ran| ran.done.outcome == Outcome::Unbuilt) {
        let left = of(Needs::Build).chain(of(Needs::Programs));
        let names: Vec<_> = left.map(|step| step.name).collect();
        println!("\nnot run, for want of a build: {}", names.join(", "));
    } else if of(Needs::Build).next().is_none() {
        ran.extend(of(Needs::Programs).map(|step| in_front(step, root, pytest)));
    } else {
        std::thread::scope(|scope| {
            let beside = |step| scope.spawn(move || behind(step, root, pytest));
            let threads: Vec<_> = of(Needs::Programs).map(beside).collect();
            ran.extend(of(Needs::Build).map(|step| in_front(step, root, pytest)));
            ran.extend(threads.into_iter().map(|it| shown(it.join().expect("steps do not panic"))));
        });
    }
    Summary { ran: &ran, took: started.elapsed() }.finish(root)
}

/// Where the gate keeps what is its own: logs, copies of the programs.
fn folder(root: &Path) -> PathBuf {
    root.join("target/gate")
}

/// Runs a step with its output shown as it comes.
fn in_front(step: &'static Step, root: &Path, pytest: &[String]) -> Ran {
    println!("\n-- {}", step.name);
    let ran = timed(step, Job { root, pytest, out: &mut std::io::stdout() });
    said(&ran)
}

/// Runs a step with its output in a file, which [`shown`] shows in one piece.
fn behind(step: &'static Step, root: &Path, pytest: &[String]) -> (Ran, PathBuf) {
    let log = folder(root).join(format!("{}.log", step.name));
    match File::create(&log) {
        Ok(mut file) => (timed(step, Job { root, pytest, out: &mut file }), log),
        Err(error) => {
            println!("{}: {error}", log.display());
            (Ran { step, done: Done::of(false), took: Duration::ZERO }, log)
        }
    }
}

fn shown((ran, log): (Ran, PathBuf)) -> Ran {
    println!("\n-- {} (ran beside the others)", ran.step.name);
    let text = std::fs::read(&log).unwrap_or_default();
    print!("{}", String::from_utf8_lossy(&text));
    said(&ran)
}

fn timed(step: &'static Step, job: Job<'_>) -> Ran {
    let started = Instant::now();
    let done = (step.run)(job).unwrap_or_else(|error| {
        println!("{}: {error:#}", step.name);
        Done::of(false)
    });
    Ran { step, done, took: started.elapsed() }
}

fn said(ran: &Ran) -> Ran {
    let (word, seconds) = (ran.done.outcome.word(), ran.took.as_secs_f64());
    println!("-- {}: {word} in {seconds:.1} s", ran.step.name);
    *ran
}
