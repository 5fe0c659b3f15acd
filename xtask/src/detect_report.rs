//! `cargo xtask detect-report`: scores the detector on annotated data and writes the tables
//! into `docs/detection.md`.

use crate::options::Options;
use crate::workspace::{cargo, root};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask detect-report --data DIR: the measured tables of docs/detection.md

  --data DIR   holds text.jsonl, columns.jsonl and types.json; it is not in the repository
  --check      write nothing; fail when the tables in the page are others

  cargo xtask detect-report --data pii
  cargo xtask detect-report --data pii --check";

const PAGE: &str = "docs/detection.md";
const BEGIN: &str = "<!-- measured: begin (cargo xtask detect-report) -->\n";
const END: &str = "<!-- measured: end -->";

pub(crate) fn run(mut options: Options) -> anyhow::Result<ExitCode> {
    if options.flag("--help") {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let data: Option<PathBuf> = options.value("--data")?;
    let check = options.flag("--check");
    options.finish()?;
    let Some(data) = data else {
        bail!("`--data` is needed\nhint: `cargo xtask detect-report --help`");
    };
    for name in ["text.jsonl", "columns.jsonl", "types.json"] {
        let path = data.join(name);
        if !path.is_file() {
            bail!("there is no file `{}`\nhint: `--data` names its folder", path.display());
        }
    }
    let root = root()?;
    let mut command = cargo();
    command.current_dir(&root).args(["run", "--release", "--quiet"]);
    command.args(["--package", "portreeve-detect", "--example", "report", "--"]);
    let output = command.arg(std::path::absolute(&data)?).output().context("the report")?;
    if !output.status.success() {
        bail!("the report failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let page = root.join(PAGE);
    let old = std::fs::read_to_string(&page).context(PAGE)?;
    let new = replace(&old, &String::from_utf8(output.stdout)?)?;
    if new == old {
        println!("{PAGE} is up to date");
    } else if check {
        println!(
            "{PAGE}: the tables differ\nhint: run `cargo xtask detect-report` without `--check`"
        );
        return Ok(ExitCode::FAILURE);
    } else {
        std::fs::write(&page, new)?;
        println!("{PAGE} is written");
    }
    Ok(ExitCode::SUCCESS)
}

/// The page with new tables between its marks.
fn replace(page: &str, tables: &str) -> anyhow::Result<String> {
    let (head, rest) = page.split_once(BEGIN).with_context(|| format!("{PAGE} lacks {BEGIN}"))?;
    let (_, tail) = rest.split_once(END).with_context(|| format!("{PAGE} lacks {END}"))?;
    Ok(format!("{head}{BEGIN}\n{}\n\n{END}{tail}", tables.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_go_between_the_marks() {
        let page = format!("a\n{BEGIN}old\n{END}\nb");
        let new = replace(&page, "new\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n\n{END}\nb"));
        assert_eq!(replace(&new, "new").unwrap(), new);
        assert!(replace("no marks", "new").is_err());
    }

    #[test]
    fn missing_data_is_named() {
        let options = Options::new(vec!["--data".into(), "/no/such/folder".into()]);
        let error = run(options).unwrap_err().to_string();
        assert!(error.contains("/no/such/folder") && error.contains("hint:"));
    }
}
