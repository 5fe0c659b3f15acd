//! The one build. Clippy's driver is the compiler of the workspace's own crates: it lints and
//! makes code in the same pass, where `cargo clippy` and a build would each compile everything,
//! dependencies included.
//!
//! What it finds is a warning to cargo, so that there is something to test beside it, and a
//! failure to this gate.

use super::{Done, Job, Outcome, folder, shell};
use crate::workspace::cargo;
use anyhow::Context;
use serde_json::Value;
use std::process::Command;

/// What is built: everything, so that each crate has the same features in every step.
pub(super) const EVERYTHING: [&str; 2] = ["--workspace", "--all-targets"];

/// The programs that the end-to-end tests run.
const PROGRAMS: [&str; 2] = ["portreeve", "portreeve-verify"];

/// A cargo whose builds are all the same build.
pub(super) fn linting_cargo() -> Command {
    let mut command = cargo();
    command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
    command
}

/// Builds what is selected with all lints on.
pub(super) fn build(job: &mut Job<'_>, selected: &[&str]) -> anyhow::Result<Done> {
    let mut command = linting_cargo();
    command.args(["build", "--message-format", "json"]).args(selected);
    let (mut warning_count, mut is_built) = (0, false);
    let is_ok = shell::lines(job, &mut command, |line, out| match Said::of(line) {
        Said::Text(text) => writeln!(out, "{text}"),
        Said::Warning(text) => {
            warning_count += 1;
            write!(out, "{text}")
        }
        Said::End { is_ok } => {
            is_built = is_ok;
            Ok(())
        }
        Said::Nothing => Ok(()),
    })?;
    if warning_count > 0 {
        writeln!(job.out, "{warning_count} lints; hint: a lint is an error here")?;
    }
    let outcome = match (is_ok && is_built, warning_count) {
        (false, _) => Outcome::Unbuilt,
        (true, 0) => Outcome::Passed,
        (true, _) => Outcome::Failed,
    };
    Ok(Done { outcome, ..Done::of(false) })
}

/// Copies the programs to where no later step overwrites them.
pub(super) fn keep_programs(job: &Job<'_>) -> anyhow::Result<()> {
    for name in PROGRAMS {
        let from = job.root.join("target/debug").join(name);
        let to = folder(job.root).join(name);
        std::fs::copy(&from, &to).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

/// A line of cargo's output.
#[derive(PartialEq, Eq, Debug)]
enum Said {
    /// For people, as it is.
    Text(String),
    /// A lint or an error, as the compiler shows it.
    Warning(String),
    End {
        is_ok: bool,
    },
    /// For programs, and of no interest here.
    Nothing,
}

impl Said {
    fn of(line: &str) -> Self {
        let Some(message) = line.starts_with('{').then(|| serde_json::from_str::<Value>(line).ok())
        else {
            return Self::Text(line.to_owned());
        };
        let message = message.unwrap_or_default();
        let field = |name: &str| message.pointer(name).and_then(Value::as_str);
        let spans = message.pointer("/message/spans").and_then(Value::as_array);
        // The compiler also says how many warnings there were, as one more.
        let has_place = spans.is_some_and(|spans| !spans.is_empty());
        let is_error = |level: &str| level.starts_with("error");
        match (field("/reason"), field("/message/level")) {
            (Some("build-finished"), _) => {
                let is_ok = message.get("success").and_then(Value::as_bool);
                Self::End { is_ok: is_ok.unwrap_or(false) }
            }
            (Some("compiler-message"), Some("warning")) if !has_place => Self::Nothing,
            (Some("compiler-message"), Some(level)) if level == "warning" || is_error(level) => {
                Self::Warning(field("/message/rendered").unwrap_or_default().to_owned())
            }
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_lint_is_shown_and_counted() {
        let said = |level: &str, spans: Value| {
            let message = json!({"level": level, "rendered": "w\n", "spans": spans});
            json!({"reason": "compiler-message", "message": message}).to_string()
        };
        let message = |level: &str| said(level, json!([{"line_start": 1}]));
        for (line, expect) in [
            ("   Compiling a v1.0.0".to_owned(), Said::Text("   Compiling a v1.0.0".into())),
            (message("warning"), Said::Warning("w\n".into())),
            (message("error"), Said::Warning("w\n".into())),
            (message("note"), Said::Nothing),
            (said("warning", json!([])), Said::Nothing),
            (said("error", json!([])), Said::Warning("w\n".into())),
            (r#"{"reason":"compiler-artifact"}"#.to_owned(), Said::Nothing),
            (r#"{"reason":"build-finished","success":true}"#.to_owned(), Said::End { is_ok: true }),
            (r#"{"reason":"build-finished"}"#.to_owned(), Said::End { is_ok: false }),
        ] {
            assert_eq!(Said::of(&line), expect, "{line}");
        }
    }
}
