//! `cargo xtask fuzz`: the parsers of outside bytes on mutated input, for longer than the
//! tests take. The targets and their seeds are in `xtask/tests/fuzz` and `fuzz/`.

use crate::options::Options;
use crate::workspace::{cargo, root};
use std::process::ExitCode;

/// `cargo xtask fuzz [--seconds N] [--seed N] [--target NAME]`.
pub(crate) fn run(mut options: Options) -> anyhow::Result<ExitCode> {
    let seconds = options.value("--seconds")?.unwrap_or(10_u64);
    let seed = options.value::<u64>("--seed")?;
    let target = options.value::<String>("--target")?;
    options.finish()?;
    let mut command = cargo();
    command.current_dir(root()?).args(["test", "--package", "xtask", "--test", "fuzz", "--"]);
    command.args(["--nocapture", "--test-threads", "1"]).args(target);
    command.env("FUZZ_SECONDS", seconds.to_string());
    if let Some(seed) = seed {
        command.env("FUZZ_SEED", seed.to_string());
    }
    let status = command.status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
