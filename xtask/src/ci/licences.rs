//! The lists of `deny.toml`, checked without cargo-deny: licences, banned crates, sources.

use crate::workspace::{cargo, metadata_of_this_machine};
use anyhow::{Context, bail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What is not allowed.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let rules = Rules::read(&std::fs::read_to_string(root.join("deny.toml"))?);
    let metadata = metadata_of_this_machine(root)?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("no packages")?;
    // Metadata also lists what a lock file merely mentions: optional and never built.
    let built = built(root)?;
    let packages: Vec<_> = packages.iter().filter(|it| built.contains(&name_of(it))).collect();
    let findings: Vec<_> = packages.iter().flat_map(|package| rules.judge(package)).collect();
    println!("{} packages, {} findings", packages.len(), findings.len());
    Ok(findings)
}

/// Name and version of everything that is built here: `serde v1.0.0`.
fn built(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let arguments = ["tree", "--workspace", "--prefix", "none", "--format", "{p}"];
    let output = cargo().current_dir(root).args(arguments).output().context("cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let first_two = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(text.lines().map(first_two).collect())
}

fn name_of(package: &Value) -> String {
    let field = |name: &str| package.get(name).and_then(Value::as_str).unwrap_or_default();
    format!("{} v{}", field("name"), field("version"))
}

#[derive(Debug)]
struct Rules {
    allowed: Vec<String>,
    banned: Vec<String>,
}

impl Rules {
    /// Reads what this check needs: `allow = [ "…", ]` and `{ crate = "…" }`.
    fn read(text: &str) -> Self {
        let text = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let (mut allowed, mut banned, mut within) = (Vec::new(), Vec::new(), false);
        for line in text {
            within |= line.starts_with("allow = [");
            let quoted = || line.split('"').skip(1).step_by(2).map(str::to_owned);
            if within {
                allowed.extend(quoted());
            } else if line.contains("crate =") {
                banned.extend(quoted().next());
            }
            within &= !line.contains(']');
        }
        Self { allowed, banned }
    }

    fn judge(&self, package: &Value) -> Vec<String> {
        let field = |name: &str| package.get(name).and_then(Value::as_str);
        let name = name_of(package);
        let mut findings = Vec::new();
        match field("license") {
            None => findings.push(format!("{name}: no licence; hint: choose another crate")),
            Some(licence) if !self.permits(licence) => {
                findings.push(format!("{name}: `{licence}` is not allowed by deny.toml"));
            }
            Some(_) => {}
        }
        if self.banned.iter().any(|banned| field("name") == Some(banned)) {
            findings.push(format!("{name}: banned by deny.toml"));
        }
        if let Some(source) = field("source").filter(|source| *source != REGISTRY) {
            findings.push(format!("{name}: comes from `{source}`"));
        }
        findings
    }

    /// Whether an SPDX expression can be met. `AND` binds tighter than `OR`; the old `/`
    /// is an `OR`.
    fn permits(&self, expression: &str) -> bool {
        let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut words = spaced.split_whitespace().peekable();
        self.any(&mut words)
    }

    fn any<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> bool {
        let mut met = self.all(words);
        while words.next_if_eq(&"OR").is_some() {
            met |= self.all(words);
        }
        met
    }

    fn all<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> bool {
        let mut met = self.one(words);
        while words.next_if_eq(&"AND").is_some() {
            met &= self.one(words);
        }
        met
    }

    fn one<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> bool {
        let Some(word) = words.next() else { return false };
        if word == "(" {
            let met = self.any(words);
            return words.next() == Some(")") && met;
        }
        let mut licence = word.to_owned();
        if words.next_if_eq(&"WITH").is_some() {
            licence = format!("{word} WITH {}", words.next().unwrap_or_default());
        }
        self.allowed.contains(&licence)
    }
}

type Words<'a, I> = std::iter::Peekable<I>;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RULES: &str = "[licenses]\nallow = [\n  \"MIT\", # short\n  \"ISC\",\n]\n\
                         [bans]\ndeny = [{ crate = \"openssl\", reason = \"one provider\" }]\n";

    #[test]
    fn expressions_are_met_or_not() {
        let rules = Rules::read(RULES);
        for (expression, expect) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("GPL-3.0 OR MIT", true),
            ("MIT/GPL-3.0", true),
            ("MIT AND GPL-3.0", false),
            ("MIT AND (GPL-3.0 OR ISC)", true),
            ("ISC AND MIT OR GPL-3.0", true),
            ("MIT WITH some-exception", false),
            ("(MIT", false),
            ("", false),
        ] {
            assert_eq!(rules.permits(expression), expect, "{expression}");
        }
    }

    #[test]
    fn licences_bans_and_sources_are_judged() {
        let rules = Rules::read(RULES);
        let judge = |name: &str, licence: Value, source: &str| {
            rules.judge(
                &json!({"name": name, "version": "1.0.0", "license": licence, "source": source}),
            )
        };
        assert!(judge("a", json!("MIT"), REGISTRY).is_empty());
        assert_eq!(
            judge("openssl", json!("MIT"), REGISTRY),
            ["openssl v1.0.0: banned by deny.toml"]
        );
        assert_eq!(
            judge("a", json!("MIT"), "git+https://x"),
            ["a v1.0.0: comes from `git+https://x`"]
        );
        assert_eq!(judge("a", Value::Null, REGISTRY).len(), 1);
    }
}
