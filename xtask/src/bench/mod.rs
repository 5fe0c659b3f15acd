//! `cargo xtask bench`.
use crate::options::Options;
use std::process::ExitCode;
pub(crate) fn run(options: Options) -> anyhow::Result<ExitCode> {
    options.finish()?;
    Ok(ExitCode::SUCCESS)
}
