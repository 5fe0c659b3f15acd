//! The end of a run: what each step came to, what was slow, and one line for whoever reads one.

use super::counts::Counts;
use super::{Outcome, Ran};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Ticks of Linux in a second, as `/proc` counts them.
const TICKS: f64 = 100.0;

pub(super) struct Summary<'a> {
    pub(super) ran: &'a [Ran],
    pub(super) took: Duration,
}

impl Summary<'_> {
    /// Prints it and writes it down.
    pub(super) fn finish(&self, root: &Path) -> anyhow::Result<ExitCode> {
        let mut total = Counts::default();
        for ran in self.ran {
            total.add(Counts { passed: ran.done.counts.passed, failed: ran.failed_count() });
        }
        let is_ok = total.failed == 0;
        let report = json!({
            "ok": is_ok,
            "passed": total.passed,
            "failed": total.failed,
            "seconds": self.took.as_secs_f64(),
            "cpu_seconds": cpu_seconds(),
            "steps": self.ran.iter().map(|ran| json!({
                "name": ran.step.name,
                "ok": ran.done.outcome == Outcome::Passed,
                "seconds": ran.took.as_secs_f64(),
                "passed": ran.done.counts.passed,
                "failed": ran.failed_count(),
            })).collect::<Vec<_>>(),
        });
        std::fs::write(root.join("target/xtask-ci.json"), format!("{report:#}\n"))?;
        println!("\n{}", self.table());
        println!("{} passed, {} failed", total.passed, total.failed);
        Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn table(&self) -> String {
        let mut table = format!("{:10} {:>7} {:>7} {:>9}\n", "step", "passed", "failed", "seconds");
        for ran in self.ran {
            let seconds = ran.took.as_secs_f64();
            let (passed, failed) = (ran.done.counts.passed, ran.failed_count());
            let slow = if seconds > ran.step.usual_seconds_max {
                format!("  slow: usually below {:.0}", ran.step.usual_seconds_max)
            } else {
                String::new()
            };
            let name = ran.step.name;
            table += &format!("{name:10} {passed:>7} {failed:>7} {seconds:>9.1}{slow}\n");
        }
        let cpu = cpu_seconds().map(|cpu| format!(", {cpu:.0} s of CPU")).unwrap_or_default();
        table + &format!("{:.0} s in all{cpu}\n", self.took.as_secs_f64())
    }
}

/// What all commands have used that have ended: user and system together. Linux only.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in brackets, and may hold anything; field 16 is `cutime`.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = fields.split(' ').skip(13).take(2).map(|field| field.parse::<f64>().ok());
    Some(ticks.sum::<Option<f64>>()? / TICKS)
}

#[cfg(test)]
mod tests {
    use super::super::steps::STEPS;
    use super::super::{Done, Outcome};
    use super::*;

    #[test]
    fn a_step_that_was_slow_says_so_and_a_failure_counts() {
        let step = STEPS.first().unwrap();
        let ran = |seconds: f64, is_ok: bool| Ran {
            step,
            done: Done { counts: Counts { passed: 3, failed: 0 }, ..Done::of(is_ok) },
            took: Duration::from_secs_f64(seconds),
        };
        let table = |ran: Ran| Summary { ran: &[ran], took: Duration::ZERO }.table();
        let line = |text: &str| text.lines().nth(1).unwrap().to_owned();
        let quick = line(&table(ran(0.1, true)));
        assert_eq!(quick.split_whitespace().collect::<Vec<_>>(), [step.name, "3", "0", "0.1"]);
        assert!(line(&table(ran(step.usual_seconds_max + 1.0, true))).contains("slow: usually"));
        assert!(line(&table(ran(0.1, false))).contains(" 1 "));
        assert_eq!(ran(0.1, false).done.outcome, Outcome::Failed);
    }

    #[test]
    fn the_time_of_commands_that_ended_is_known() {
        if cfg!(target_os = "linux") {
            assert!(cpu_seconds().unwrap() >= 0.0);
        }
    }
}
