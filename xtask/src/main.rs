//! The project's own chores: `cargo xtask tidy`, `ci`, `e2e`, `fuzz`, `bench`,
//! `train`, `detect-report`.
//!
//! Nothing depends on this, and it depends on nothing of the project, so that it also
//! runs while the rest does not build.

#![cfg_attr(test, allow(clippy::unwrap_used))]
// What it prints is its product.
#![expect(clippy::print_stdout, reason = "a command-line tool talks on standard output")]

mod bench;
mod ci;
mod detect_report;
mod fuzz;
mod options;
mod tidy;
mod train;
mod workspace;

use anyhow::bail;
use options::Options;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  tidy    the house rules that no compiler checks: floors, names, sizes, dead files, words
  ci      everything that must pass: format, tidy, lints, tests, documentation, licences, the
          end-to-end tests (--only LIST for some of it)
  e2e     the end-to-end tests alone, with pytest's arguments; --soak for the long forms
  fuzz    the parsers of outside bytes on mutated input: --seconds N (each, default 10)
  train   the model of names from its corpora; `cargo xtask train --help`
  detect-report
          the measured tables of docs/detection.md; `cargo xtask detect-report --help`
  bench   direct, PgBouncer and Portreeve in one run; `cargo xtask bench --help`";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    match run(&command, Options::new(arguments.collect())) {
        Ok(code) => code,
        Err(error) => {
            println!("xtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, options: Options) -> anyhow::Result<ExitCode> {
    match command {
        "tidy" => tidy::run(options),
        "ci" => ci::run(options),
        "e2e" => ci::end_to_end(options),
        "fuzz" => fuzz::run(options),
        "bench" => bench::run(options),
        "train" => train::run(options),
        "detect-report" => detect_report::run(options),
        "" | "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("there is no command `{other}`\n\n{HELP}"),
    }
}
