//! What `$ref` stands for, within a document.
//!
//! SPEC: RFC 6901. What stands in another file or at another address is not read.

use super::DocumentError;
use super::tree::Tree;
use portreeve_web::percent_decoded;

const HINT: &str = "a `$ref` names a place of the same document, as `#/components/schemas/Person`; \
                    bundle what stands in others into one file";

/// More steps from one reference to the next lead nowhere.
const STEPS_MAX: usize = 32;

/// What a reference of a value stands for; nothing where it has none.
///
/// # Errors
/// It stands for nothing that is here.
pub(super) fn pointed<'t>(
    root: &'t Tree,
    value: &Tree,
    place: &str,
) -> Result<Option<&'t Tree>, DocumentError> {
    for key in ["$dynamicRef", "$recursiveRef"] {
        if value.get(key).is_some() {
            return Err(DocumentError::new(place, format!("`{key}` is not followed"), HINT));
        }
    }
    let Some(reference) = value.get("$ref") else { return Ok(None) };
    let text = reference.text().unwrap_or_default();
    target(root, text, place).map(Some)
}

/// What the text of a reference stands for.
///
/// # Errors
/// Nothing that is here.
pub(super) fn target<'t>(
    root: &'t Tree,
    text: &str,
    place: &str,
) -> Result<&'t Tree, DocumentError> {
    let missing = |why: &str| DocumentError::new(place, format!("`$ref: {text}` {why}"), HINT);
    let path = match text.strip_prefix('#') {
        Some("") => return Ok(root),
        Some(path) if path.starts_with('/') => path.split('/').skip(1),
        _ => return Err(missing("is no place of this document")),
    };
    let mut found = root;
    for step in path {
        let step = percent_decoded(step);
        let step = String::from_utf8_lossy(&step).replace("~1", "/").replace("~0", "~");
        let next = match found {
            Tree::List(items) => step.parse().ok().and_then(|at: usize| items.get(at)),
            other => other.get(&step),
        };
        found = next.ok_or_else(|| missing("names what is not there"))?;
    }
    Ok(found)
}

/// A value, behind all references.
///
/// # Errors
/// It stands for nothing that is here, or for itself.
pub(super) fn resolved<'t>(
    root: &'t Tree,
    value: &'t Tree,
    place: &str,
) -> Result<&'t Tree, DocumentError> {
    let mut found = value;
    for _ in 0..STEPS_MAX {
        match pointed(root, found, place)? {
            Some(next) => found = next,
            None => return Ok(found),
        }
    }
    Err(DocumentError::new(place, "its `$ref` leads back to itself", HINT))
}
