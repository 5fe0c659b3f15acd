//! `cargo xtask ci`: the one gate. Steps in order of cost, one profile and one target
//! folder for all, so that nothing is built twice; the first step that fails ends it.
//!
//! The last line is `N passed, N failed`; `target/xtask-ci.json` has the same for
//! programs. A step that fails without a failed test counts as one failure.

mod counts;
mod licences;

use crate::options::Options;
use crate::tidy;
use crate::workspace::{cargo, root};
use anyhow::{Context, bail};
use counts::Counts;
use serde_json::json;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Done {
    is_ok: bool,
    counts: Counts,
}

struct Step {
    name: &'static str,
    run: fn(&Path) -> anyhow::Result<Done>,
}

const STEPS: [Step; 8] = [
    Step { name: "fmt", run: |root| shell(root, cargo().args(["fmt", "--all", "--check"])) },
    Step { name: "tidy", run: |root| in_process(tidy::check(root)?) },
    Step { name: "clippy", run: clippy },
    Step { name: "features", run: features },
    Step { name: "tests", run: tests },
    Step { name: "doctests", run: doctests },
    Step { name: "docs", run: docs },
    Step { name: "licences", run: licences },
];

/// `cargo xtask ci [--only STEP,STEP]`.
pub(crate) fn run(mut options: Options) -> anyhow::Result<ExitCode> {
    let only = options.value::<String>("--only")?;
    options.finish()?;
    let only: Option<Vec<&str>> = only.as_ref().map(|list| list.split(',').collect());
    for name in only.iter().flatten() {
        if !STEPS.iter().any(|step| step.name == *name) {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; hint: {}", names.join(", "));
        }
    }
    let root = root()?;
    let mut total = Counts::default();
    let mut steps = Vec::new();
    let mut failed = None;
    let is_wanted = |step: &&Step| only.as_ref().is_none_or(|only| only.contains(&step.name));
    for step in STEPS.iter().filter(is_wanted) {
        println!("\n-- {}", step.name);
        let started = Instant::now();
        let done = (step.run)(&root).unwrap_or_else(|error| {
            println!("{error:#}");
            Done { is_ok: false, counts: Counts::default() }
        });
        let took = started.elapsed();
        println!("-- {}: {} in {}", step.name, word(done.is_ok), seconds(took));
        total.add(done.counts);
        total.failed += u64::from(!done.is_ok && done.counts.failed == 0);
        steps.push(json!({
            "name": step.name,
            "ok": done.is_ok,
            "seconds": took.as_secs_f64(),
            "passed": done.counts.passed,
            "failed": done.counts.failed,
        }));
        if !done.is_ok {
            failed = Some(step.name);
            break;
        }
    }
    let report = json!({
        "ok": failed.is_none(),
        "failed_step": failed,
        "passed": total.passed,
        "failed": total.failed,
        "steps": steps,
    });
    let target = root.join("target");
    std::fs::create_dir_all(&target)?;
    std::fs::write(target.join("xtask-ci.json"), format!("{report:#}\n"))?;
    println!();
    if let Some(name) = failed {
        println!("ci: `{name}` failed; what comes after it was not run");
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(if failed.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn word(is_ok: bool) -> &'static str {
    if is_ok { "ok" } else { "FAILED" }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn in_process(findings: Vec<String>) -> anyhow::Result<Done> {
    findings.iter().for_each(|finding| println!("{finding}"));
    Ok(Done { is_ok: findings.is_empty(), counts: Counts::default() })
}

fn clippy(root: &Path) -> anyhow::Result<Done> {
    // `-D warnings` after the dashes reaches clippy alone: RUSTFLAGS would rebuild all.
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    shell(root, cargo().args(arguments))
}

/// What the binary has only if it is asked for. Before the tests, so that they and whoever comes
/// after them find the default binary. All of the workspace, so that dependencies are built once.
fn features(root: &Path) -> anyhow::Result<Done> {
    let on = ["--workspace", "--features", "portreeve/onnx"];
    let lints = ["--all-targets", "--", "-D", "warnings"];
    let linted = shell(root, cargo().arg("clippy").args(on).args(lints))?;
    if !linted.is_ok {
        return Ok(linted);
    }
    shell(root, cargo().arg("test").args(on).args(["--test", "onnx"]))
}

fn tests(root: &Path) -> anyhow::Result<Done> {
    let has_nextest = cargo()
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let mut command = cargo();
    if has_nextest {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
        // One line for each test that matters, and the summary.
        command.args(["--status-level", "slow", "--final-status-level", "fail"]);
    } else {
        command.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
    }
    shell(root, &mut command)
}

fn doctests(root: &Path) -> anyhow::Result<Done> {
    shell(root, cargo().args(["test", "--doc", "--workspace"]))
}

fn docs(root: &Path) -> anyhow::Result<Done> {
    let mut command = cargo();
    shell(
        root,
        command.args(["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn licences(root: &Path) -> anyhow::Result<Done> {
    let has_deny = cargo()
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if has_deny {
        return shell(root, cargo().args(["deny", "check", "licenses", "bans", "sources"]));
    }
    println!("cargo-deny is not installed: the built-in check of deny.toml's lists");
    in_process(licences::check(root)?)
}

/// Runs a command with its output shown as it comes, and counts the tests in it.
fn shell(root: &Path, command: &mut Command) -> anyhow::Result<Done> {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{:?}", command.get_program()))?;
    let (sender, lines) = mpsc::sync_channel(1024);
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    let readers: Vec<_> = pipes
        .into_iter()
        .flatten()
        .map(|pipe| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let mut counts = Counts::default();
    let mut out = std::io::stdout().lock();
    for line in lines {
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        counts.add(Counts::of_line(&String::from_utf8_lossy(&line)));
    }
    for reader in readers {
        drop(reader.join());
    }
    Ok(Done { is_ok: child.wait()?.success(), counts })
}
