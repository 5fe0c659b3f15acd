//! The `policies` section: files, and names with `*` for several of them.

use super::section::{Reader, Section, as_list, as_text};
use portreeve_model::holds_pieces;
use std::path::{Path, PathBuf};

pub(crate) fn read(reader: &mut Reader<'_>, top: &mut Section) -> Vec<PathBuf> {
    let Some((_, node)) = top.take("policies") else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for item in as_list(reader, "policies", node) {
        let Some((text, span)) = as_text(reader, "policies", item) else {
            continue;
        };
        match expand(&reader.folder.join(&text)) {
            Ok(found) if found.is_empty() => {
                reader.problems.add(span, format!("no file is named like `{text}`"));
            }
            Ok(found) => files
                .extend(found.into_iter().filter(|file| !files.contains(file)).collect::<Vec<_>>()),
            Err(why) => reader.problems.add(span, format!("`{text}`: {why}")),
        }
    }
    files
}

/// The files that a name stands for, in the order of their names.
fn expand(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let folder = pattern.parent().unwrap_or(Path::new("."));
    if folder.to_string_lossy().contains('*') {
        return Err("`*` can stand in the file name only, not in a folder".into());
    }
    if !name.contains('*') {
        return Ok(if pattern.is_file() { vec![pattern.to_owned()] } else { Vec::new() });
    }
    let pieces: Vec<&str> = name.split('*').collect();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with('.') && holds_pieces(&pieces, name) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
