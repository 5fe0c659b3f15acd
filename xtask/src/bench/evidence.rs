//! The evidence log's own numbers: the crate's example measures, this asks it and shows.

use anyhow::{Context, bail};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

/// Runs the example with its logs in a folder, on the disk that a gateway would have.
pub(super) fn measure(root: &Path, folder: &Path) -> anyhow::Result<Value> {
    println!("measuring the evidence log");
    let mut cargo = crate::workspace::cargo();
    cargo.current_dir(root).args(["run", "--release", "--quiet", "--package"]);
    cargo.args(["portreeve-evidence", "--example", "bench", "--", "--json"]).arg(folder);
    let output = cargo.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the evidence bench ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("the evidence bench prints no JSON")
}

/// The numbers for people.
pub(super) fn text(found: &Value) -> String {
    let mut text = "\nevidence\n".to_owned();
    let number = |path: &str| found.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let mut line = |name: &str, value: f64, unit: &str| {
        let _ = writeln!(text, "  {name:<46} {value:>10.0} {unit}");
    };
    let commands = found.pointer("/commands").and_then(Value::as_array);
    for (at, _) in commands.into_iter().flatten().enumerate() {
        let of = |field: &str| number(&format!("/commands/{at}/{field}"));
        line(&format!("durable commands, {} clients", of("clients")), of("durable_per_s"), "/s");
        line("  at a client, median", of("p50_us"), "µs");
    }
    line("both barriers of a command, one client", number("/barriers/both_p50_us"), "µs");
    line("  two fdatasyncs alone", number("/barriers/two_fdatasyncs_p50_us"), "µs");
    line("  added", number("/barriers/added_p50_us"), "µs");
    line("sealed stream, durable", number("/stream/durable_mb_per_s"), "MB/s");
    line("  sealing alone", number("/stream/sealing_alone_mb_per_s"), "MB/s");
    for (kind, name) in [("requests", "records alone"), ("exchanges", "with sealed bytes")] {
        let of = |field: &str| number(&format!("/verify/{kind}/{field}"));
        line(&format!("verify, {name}"), of("leaves_per_core_s"), "leaves/s/core");
        line("  records to a signature", of("leaves") / of("footers"), "");
        line("  most memory at once", of("memory_peak_mib"), "MiB");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_number_has_its_line_and_a_missing_one_is_no_zero() {
        let found = json!({
            "commands": [{"clients": 8, "durable_per_s": 9000.4, "p50_us": 800}],
            "barriers": {"both_p50_us": 400, "two_fdatasyncs_p50_us": 300, "added_p50_us": 100},
            "verify": {"requests": {"leaves_per_core_s": 1.1e6}},
        });
        let text = text(&found);
        let has = |name: &str, value: &str| {
            let line = text.lines().find(|line| line.trim().starts_with(name)).unwrap();
            assert!(line.contains(value), "{line}");
        };
        has("durable commands, 8 clients", " 9000 /s");
        has("added", " 100 µs");
        has("verify, records alone", " 1100000 leaves/s/core");
        has("sealed stream", "NaN");
    }
}
