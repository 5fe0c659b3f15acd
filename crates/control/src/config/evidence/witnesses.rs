//! The witnesses in the `evidence` section: who is shown the log's checkpoints.

use crate::config::scalar;
use crate::config::section::{Reader, Section, as_list};
use portreeve_evidence::VerifierKey;
use schemars::JsonSchema;
use std::path::PathBuf;

/// A witness as the gateway reaches it.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct WitnessAddress {
    /// Its name in metrics and messages. By default `witness-1`, `witness-2`, …
    #[schemars(extend("default" = "witness-1 and so on"))]
    pub name: String,
    /// Its public key, as it prints it: `name+id+base64`.
    #[schemars(with = "String")]
    pub key: VerifierKey,
    /// Its address: the prefix of `/add-checkpoint`. `http` for loopback only.
    pub url: String,
    /// PEM file with the authorities to trust for that address. By default those of
    /// the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
}

/// Reads the list; also says how many entries it has, those with mistakes included.
pub(crate) fn read(reader: &mut Reader<'_>, section: &mut Section) -> (Vec<WitnessAddress>, u32) {
    let items = match section.take("witnesses") {
        Some((_, node)) => as_list(reader, &section.path("witnesses"), node),
        None => Vec::new(),
    };
    let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let mut witnesses: Vec<WitnessAddress> = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let name = format!("{}[{index}]", section.path("witnesses"));
        let span = item.span.start..item.span.start;
        let section = Section::open(reader, name, span.clone(), Some(item));
        let Some(witness) = read_witness(reader, section, index) else { continue };
        let twice = witnesses.iter().any(|w| w.name == witness.name || w.key == witness.key);
        if twice {
            let message = format!("`evidence.witnesses[{index}]` is the same as an earlier one");
            let help = "every witness has a name and a key of its own";
            reader.problems.add_with_help(span, message, help);
        }
        witnesses.push(witness);
    }
    (witnesses, count)
}

fn read_witness(
    reader: &mut Reader<'_>,
    mut section: Section,
    index: usize,
) -> Option<WitnessAddress> {
    let name = section.text(reader, "name");
    let key = section.required_text(reader, "key");
    let url = section.required_text(reader, "url");
    let ca = section.file(reader, "ca");
    let path = section.path("key");
    section.close(reader);
    let name = match name {
        Some((name, span)) => {
            if !scalar::is_resource(&name) {
                let message = format!("`{name}` cannot name a witness");
                let help = "use letters, digits, `_`, `-` and `.`, at most 63";
                reader.problems.add_with_help(span, message, help);
            }
            name
        }
        None => format!("witness-{}", index + 1),
    };
    let key = key.and_then(|(text, span)| match text.parse::<VerifierKey>() {
        Ok(key) if key.kind().is_for_witnesses() => Some(key),
        Ok(_) => {
            let message = format!("`{path}` is the key of a log, not of a witness");
            let help = "`portreeve witness` prints its keys when it starts";
            reader.problems.add_with_help(span, message, help);
            None
        }
        Err(why) => {
            let message = format!("`{path}` is no public key: {why}");
            let help = "it looks like `audit.example/w1+0123abcd+BA…`";
            reader.problems.add_with_help(span, message, help);
            None
        }
    });
    let (url, span) = url?;
    if let Err(why) = scalar::secure_url(&url) {
        reader.problems.add(span, format!("`{url}` {why}"));
        return None;
    }
    Some(WitnessAddress { name, key: key?, url: url.trim_end_matches('/').to_owned(), ca })
}
