//! What reports need to know of a configuration, and what people declare beside it.

use crate::config::{Config, Said, duration_text, read_bounded};
use portreeve_model::{MaskMethod, Unclassified};
use portreeve_reports::{
    Configured, ConfiguredColumn, ConfiguredResource, Declared, RetentionRule,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The name of the file with what people declare, beside the configuration.
pub const DECLARED_FILE: &str = "declared.yaml";

const DECLARED_BYTES_MAX: usize = 1 << 20;

/// Why what people declare cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeclaredError {
    /// The file is not readable.
    #[error("cannot read `{}`: {error}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not what a declaration looks like.
    #[error("`{}` is no declaration: {what}", path.display())]
    Invalid {
        /// Which.
        path: PathBuf,
        /// Why, with the place.
        what: String,
    },
}

/// Reads what people declare.
///
/// # Errors
/// The file is not there, too long, or has keys that nobody knows.
pub fn declared(path: &Path) -> Result<Declared, DeclaredError> {
    let unreadable = |error| DeclaredError::Unreadable { path: path.to_owned(), error };
    let bytes = read_bounded(path, DECLARED_BYTES_MAX).map_err(unreadable)?;
    let invalid = |what: String| DeclaredError::Invalid { path: path.to_owned(), what };
    let text = String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8".to_owned()))?;
    serde_saphyr::from_str(&text).map_err(|error| invalid(error.to_string()))
}

/// What a configuration says, as far as reports name it.
#[must_use]
pub fn configured(config: &Config) -> Configured {
    let resources = config.resources.iter().map(|(name, resource)| {
        let column = |(pattern, said): (&crate::config::ObjectPattern, &Said)| {
            let (category, reason) = match said {
                Said::Holds(category) => (Some(category.0.clone()), None),
                Said::Clear { reason } => (None, Some(reason.clone())),
            };
            ConfiguredColumn { pattern: pattern.to_string(), category, reason }
        };
        let subjects = resource.subjects.iter().map(|subject| {
            let path = [&subject.schema, &subject.table, &subject.column].map(String::as_str);
            (path.join("."), subject.kind.clone())
        });
        let unclassified = match resource.unclassified.mode {
            Unclassified::Detect => "detect",
            Unclassified::Mask => "mask",
            Unclassified::Clear => "clear",
        };
        let known = ConfiguredResource {
            protocol: resource.protocol.to_owned(),
            columns: resource.classify.entries().map(column).collect(),
            unclassified: unclassified.to_owned(),
            subjects: subjects.collect(),
        };
        (name.clone(), known)
    });
    Configured {
        resources: resources.collect(),
        masking: masking(config),
        recordings_kept: recordings_kept(config),
        records_kept: config.evidence.retention.log.map(duration_text),
        witnesses: config.evidence.witnesses.len(),
        custodians: config.evidence.custodians.clone(),
    }
}

fn masking(config: &Config) -> BTreeMap<String, String> {
    let word = |method: MaskMethod| match method {
        MaskMethod::Redact => "redact",
        MaskMethod::Pseudonym => "pseudonym",
        MaskMethod::Partial => "partial",
        MaskMethod::Null => "null",
    };
    let default = ("default".to_owned(), word(config.masking.default).to_owned());
    let named = config.masking.methods.iter();
    let named = named.map(|(category, method)| (category.0.clone(), word(*method).to_owned()));
    named.chain([default]).collect()
}

fn recordings_kept(config: &Config) -> Vec<RetentionRule> {
    let retention = &config.evidence.retention;
    let rule =
        |of: String, kept: std::time::Duration| RetentionRule { of, kept: duration_text(kept) };
    let default = retention.default.map(|kept| rule("default".to_owned(), kept));
    let resources =
        retention.resources.iter().map(|(name, kept)| rule(format!("resource {name}"), *kept));
    let categories = retention
        .categories
        .iter()
        .map(|(category, kept)| rule(format!("category {category}"), *kept));
    default.into_iter().chain(resources).chain(categories).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_with_an_unknown_key_is_refused() {
        let read = declare(
            "controller: { name: ACME }\nmodel_providers:\n  bot: { provider: P, country: FR }\n",
        )
        .unwrap();
        assert_eq!(read.controller.unwrap().name, "ACME");
        assert_eq!(read.model_providers["bot"].country, "FR");
        let error = declare("controler: { name: ACME }\n").unwrap_err().to_string();
        assert!(error.contains("controler"), "{error}");
        assert!(matches!(
            declared(Path::new("/nowhere/declared.yaml")),
            Err(DeclaredError::Unreadable { .. })
        ));
    }

    fn declare(text: &str) -> Result<Declared, DeclaredError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DECLARED_FILE);
        std::fs::write(&path, text).unwrap();
        declared(&path)
    }
}
