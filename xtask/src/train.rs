//! `cargo xtask train`: the model of names from its inputs, byte for byte the same each time.

use crate::options::Options;
use crate::workspace::{cargo, root};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const HELP: &str = "\
cargo xtask train --dev FILE --corpora DIR: trains the model of names and places

  --dev FILE      annotated rows, one JSON object a line (text.jsonl, unpacked)
  --corpora DIR   git directories of the corpora, named owner+name;
                  crates/detect/training/corpora.py lists them with their licences
  --python FILE   a Python with the packages of crates/detect/training/requirements.txt (python3)
  --work DIR      where word list and sentences are written (target/train)
  --out FILE      the model (crates/detect/model/names.bin)
  --check         write nothing; fail when the model in the tree is another one

  cargo xtask train --dev text.jsonl --corpora mirrors
  cargo xtask train --dev text.jsonl --corpora mirrors --check";

/// Where the model lies in the tree.
const MODEL: &str = "crates/detect/model/names.bin";

pub(crate) fn run(mut options: Options) -> anyhow::Result<ExitCode> {
    if options.flag("--help") {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let root = root()?;
    let dev: Option<PathBuf> = options.value("--dev")?;
    let corpora: Option<PathBuf> = options.value("--corpora")?;
    let python: Option<PathBuf> = options.value("--python")?;
    let work = options.value("--work")?.unwrap_or_else(|| root.join("target/train"));
    let out = options.value("--out")?.unwrap_or_else(|| root.join(MODEL));
    let check = options.flag("--check");
    options.finish()?;
    let (Some(dev), Some(corpora)) = (dev, corpora) else {
        bail!("`--dev` and `--corpora` are needed\nhint: `cargo xtask train --help`");
    };
    if !dev.is_file() {
        bail!("there is no file `{}`\nhint: `--dev` names the annotated rows", dev.display());
    }
    if !corpora.is_dir() {
        bail!("there is no folder `{}`\nhint: `--corpora` names it", corpora.display());
    }
    let mut prepare = Command::new(python.unwrap_or_else(|| "python3".into()));
    // Sets of strings have one order only under a fixed hash seed.
    prepare.env("PYTHONHASHSEED", "0").arg(root.join("crates/detect/training/prepare.py"));
    prepare.arg("--dev").arg(&dev).arg("--corpora").arg(&corpora).arg("--out").arg(&work);
    step("prepare.py", &mut prepare)?;
    let made = if check { work.join("names.bin") } else { out.clone() };
    let mut train = cargo();
    train.current_dir(&root).args(["run", "--release", "--quiet", "--package", "portreeve-detect"]);
    train.args(["--example", "train", "--"]).arg(absolute(&work)?).arg(absolute(&made)?);
    step("the training", &mut train)?;
    if check && std::fs::read(&made)? != std::fs::read(&out)? {
        println!("the model in the tree is not what these inputs make: {}", out.display());
        return Ok(ExitCode::FAILURE);
    }
    println!("{}", made.display());
    Ok(ExitCode::SUCCESS)
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{}", path.display()))
}

fn step(name: &str, command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{name} did not start"))?;
    if !status.success() {
        bail!("{name} failed: {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(arguments: &[&str]) -> String {
        let options = Options::new(arguments.iter().map(|a| (*a).to_owned()).collect());
        run(options).unwrap_err().to_string()
    }

    #[test]
    fn missing_inputs_are_named() {
        assert!(error(&[]).contains("hint: `cargo xtask train --help`"));
        let missing = error(&["--dev", "/no/such/file", "--corpora", "/"]);
        assert!(missing.contains("/no/such/file") && missing.contains("hint:"));
    }
}
