//! The `resources` section: targets and the classification of their columns.

use super::classify::{Classification, ObjectPattern, Said};
use super::masking::not_a_category;
use super::problem::closest;
use super::scalar;
use super::section::{Reader, Section, as_text, listed};
use super::settings::{self, Part, Settings};
use super::tree::{Node, Value};
use super::types::{Resource, Unlisted, Via};
use portreeve_model::{
    Category, Family, Manifest, ObjectKind, SubjectColumn, UNKNOWN, Unclassified,
};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) fn read(reader: &mut Reader<'_>, top: &mut Section) -> BTreeMap<String, Resource> {
    let mut resources = BTreeMap::new();
    let Some((key, node)) = top.take("resources") else {
        top.missing(reader, "resources");
        return resources;
    };
    let mut section = Section::open(reader, "resources", key.span.clone(), Some(node));
    let entries = section.take_all();
    if entries.is_empty() {
        reader.problems.add(key.span, "`resources` must name at least one resource");
    }
    for (key, node) in entries {
        if !scalar::is_resource(&key.text) {
            reader.problems.add_with_help(
                key.span.clone(),
                format!("`{}` cannot name a resource", key.text),
                "use letters, digits, `_`, `-` and `.`, at most 63",
            );
        }
        let name = section.path(&key.text);
        let section = Section::open(reader, name, key.span, Some(node));
        if let Some(resource) = read_resource(reader, section, &key.text) {
            resources.insert(key.text, resource);
        }
    }
    resources
}

fn read_resource(reader: &mut Reader<'_>, mut section: Section, name: &str) -> Option<Resource> {
    let via = read_via(reader, &mut section);
    let mut target: Option<(&'static Manifest, Option<Settings>)> = None;
    for manifest in reader.protocols {
        let Some((key, node)) = section.take(manifest.name) else { continue };
        if let Some((first, _)) = &target {
            let message = format!(
                "`resources.{name}` cannot be both `{}` and `{}`",
                first.name, manifest.name
            );
            reader.problems.add_with_help(key.span, message, "make two resources of it");
            continue;
        }
        let path = section.path(manifest.name);
        let settings = Section::open(reader, path, key.span, Some(node));
        let part = match via {
            Via::Gateway => Part::Whole,
            Via::Connector => Part::Gateways,
        };
        let settings = settings::read_target(reader, settings, manifest, name, part);
        target = Some((*manifest, settings));
    }
    let audience = section.text(reader, "audience").map(|(audience, _)| audience);
    let classify = section.section(reader, "classify");
    let family = target.as_ref().map_or(Family::Any, |(manifest, _)| manifest.family);
    let classify = read_classify(reader, family, classify);
    let unclassified = read_unclassified(reader, &mut section, family);
    let known_columns = read_known_columns(reader, &mut section, family);
    let subjects = section.section(reader, "subjects");
    let subjects = match family {
        // Where no protocol is named, nothing is known to be classified.
        Family::Any => Vec::new(),
        Family::Sql | Family::Http | Family::Shell | Family::Tools => {
            read_subjects(reader, subjects, &classify)
        }
    };
    let harmless = section.section(reader, "harmless_functions");
    let harmless_functions = read_harmless(reader, family, harmless);
    let names: Vec<&str> = reader.protocols.iter().map(|manifest| manifest.name).collect();
    let is_misspelt = section.keys().any(|key| closest(key, &names).is_some());
    if target.is_none() && !is_misspelt {
        reader.problems.add_with_help(
            section.span(),
            format!("`resources.{name}` names no protocol"),
            format!("add a section that says how it is reached: {}", listed(&names)),
        );
    }
    section.close(reader);
    let (manifest, target) = target?;
    let (protocol, target) = (manifest.name, target?);
    Some(Resource {
        protocol,
        target,
        via,
        audience,
        classify,
        unclassified,
        known_columns,
        subjects,
        harmless_functions,
    })
}

fn read_via(reader: &mut Reader<'_>, section: &mut Section) -> Via {
    let Some((word, span)) = section.text(reader, "via") else { return Via::Gateway };
    match word.as_str() {
        "gateway" => Via::Gateway,
        "connector" => Via::Connector,
        _ => {
            let help = match closest(&word, &["gateway", "connector"]) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    "write `gateway` or `connector`; which one is said by its invitation".into()
                }
            };
            reader.problems.add_with_help(span, format!("`{word}` reaches no targets"), help);
            Via::Gateway
        }
    }
}

/// `detect`, `mask`, or `clear: "reason"`.
fn read_unclassified(reader: &mut Reader<'_>, section: &mut Section, family: Family) -> Unlisted {
    let name = section.path("unclassified");
    let Some((key, node)) = section.take("unclassified") else { return Unlisted::default() };
    match family {
        Family::Sql | Family::Http | Family::Shell | Family::Any => {}
        // A setting that nothing follows would be a promise that nobody keeps.
        Family::Tools => {
            let what = format!("texts of a {} target are not looked through", family.word());
            reader.problems.add_with_help(key.span, what, "remove `unclassified`");
            return Unlisted::default();
        }
    }
    if matches!(node.value, Value::Mapping(_)) {
        let reason = read_reason(reader, name, node);
        return Unlisted { mode: Unclassified::Clear, reason };
    }
    let Some((word, span)) = as_text(reader, &name, node) else { return Unlisted::default() };
    let mode = match word.as_str() {
        "detect" => Unclassified::Detect,
        "mask" => Unclassified::Mask,
        _ => {
            let help = match word.as_str() {
                "clear" => "say why: `unclassified: { clear: \"synthetic data only\" }`".to_owned(),
                _ => match closest(&word, &["detect", "mask", "clear"]) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "known: `detect`, `mask`, or `{ clear: \"reason\" }`".to_owned(),
                },
            };
            let message = format!("`{word}` does not say what becomes of unclassified texts");
            reader.problems.add_with_help(span, message, help);
            Unclassified::Detect
        }
    };
    Unlisted { mode, reason: None }
}

fn read_known_columns(
    reader: &mut Reader<'_>,
    section: &mut Section,
    family: Family,
) -> Option<PathBuf> {
    let span = section.span();
    let file = section.file(reader, "known_columns")?;
    match family {
        Family::Sql | Family::Any => Some(file),
        Family::Http | Family::Shell | Family::Tools => {
            let what = format!("a {} target has no columns", family.word());
            reader.problems.add_with_help(span, what, "remove `known_columns`");
            None
        }
    }
}

/// The reason in `{ clear: "reason" }`: what is not looked through is somebody's word.
fn read_reason(reader: &mut Reader<'_>, name: String, node: Node) -> Option<String> {
    let mut section = Section::open(reader, name.clone(), node.span.clone(), Some(node));
    let reason = section.required_text(reader, "clear");
    section.close(reader);
    let (reason, span) = reason?;
    if reason.trim().is_empty() {
        let message = format!("`{name}` clears without a reason");
        let help = "say how it is known that nobody's data is in it";
        reader.problems.add_with_help(span, message, help);
        return None;
    }
    Some(reason)
}

fn read_harmless(
    reader: &mut Reader<'_>,
    family: Family,
    mut section: Section,
) -> BTreeMap<String, String> {
    let mut functions = BTreeMap::new();
    for (key, node) in section.take_all() {
        let name = section.path(&key.text);
        let Some((digest, span)) = as_text(reader, &name, node) else { continue };
        let has_functions = match family {
            Family::Sql | Family::Any => true,
            Family::Http | Family::Shell | Family::Tools => false,
        };
        let path = key.text.split_once('(').map(|(path, _)| path).unwrap_or_default();
        if !has_functions {
            let what = format!("a {} target has no functions", family.word());
            reader.problems.add_with_help(key.span, what, "remove `harmless_functions`");
        } else if !path.contains('.') || !key.text.ends_with(')') {
            reader.problems.add_with_help(
                key.span,
                format!("`{}` is not a function", key.text),
                "write it as `schema.name(arguments)`, with the arguments as \
                 `pg_get_function_identity_arguments` gives them",
            );
        } else if digest.len() != DIGEST_CHARS || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            reader.problems.add_with_help(
                span,
                format!("`{digest}` is not a SHA-256 in hexadecimal"),
                "leave 64 zeros: the log names the digest that the target has",
            );
        } else {
            functions.insert(key.text, digest.to_ascii_lowercase());
        }
    }
    functions
}

/// SHA-256 in hexadecimal.
const DIGEST_CHARS: usize = 64;

fn read_classify(reader: &mut Reader<'_>, family: Family, mut section: Section) -> Classification {
    let Some(kind) = family.classifiable() else {
        return read_unclassifiable(reader, family, section);
    };
    let mut entries = Vec::new();
    let mut places = Vec::new();
    for (key, node) in section.take_all() {
        let name = section.path(&key.text);
        let said = match node.value {
            Value::Mapping(_) => {
                read_reason(reader, name, node).map(|reason| Said::Clear { reason })
            }
            _ => read_category(reader, &name, node).map(Said::Holds),
        };
        match (ObjectPattern::parse(kind, &key.text), said) {
            (Ok(pattern), Some(said)) => {
                entries.push((pattern, said));
                places.push(key);
            }
            (Ok(_), None) => {}
            (Err(why), _) => {
                reader.problems.add(key.span, format!("the pattern `{}` {why}", key.text));
            }
        }
    }
    match Classification::new(entries) {
        Ok(classification) => classification,
        Err(conflicts) => {
            for conflict in conflicts {
                let pair = places.get(conflict.first).zip(places.get(conflict.second));
                let Some((first, second)) = pair else {
                    continue;
                };
                reader.problems.add_with_help(
                    second.span.clone(),
                    format!(
                        "`{}` and `{}` can name the same {}, and neither is more specific",
                        second.text,
                        first.text,
                        kind.word()
                    ),
                    "say the same of both, or add a more specific pattern for each side",
                );
            }
            Classification::default()
        }
    }
}

fn read_category(reader: &mut Reader<'_>, name: &str, node: Node) -> Option<Category> {
    let (category, span) = as_text(reader, name, node)?;
    if category == UNKNOWN {
        reader.problems.add_with_help(
            span,
            format!("`{UNKNOWN}` is the category of columns that nobody has looked at"),
            "say what is in it, or `{ clear: \"reason\" }`",
        );
        return None;
    }
    let good = scalar::is_category(&category) && category != "default";
    if !good {
        not_a_category(reader, span, &category);
    }
    good.then_some(Category(category))
}

/// What cannot be classified is looked through by detectors alone; a classification that
/// nothing follows would be a promise that nobody keeps.
fn read_unclassifiable(
    reader: &mut Reader<'_>,
    family: Family,
    mut section: Section,
) -> Classification {
    // Where no protocol is named, that is the mistake, and it is told.
    let keys = section.take_all().into_iter().filter(|_| family != Family::Any);
    for (key, _) in keys {
        let what = format!("nothing of a {} target can be classified", family.word());
        reader.problems.add_with_help(key.span, what, "remove `classify` from the resource");
    }
    Classification::default()
}

fn read_subjects(
    reader: &mut Reader<'_>,
    mut section: Section,
    classify: &Classification,
) -> Vec<SubjectColumn> {
    let mut subjects: Vec<SubjectColumn> = Vec::new();
    for (key, node) in section.take_all() {
        let name = section.path(&key.text);
        let Some((kind, span)) = as_text(reader, &name, node) else { continue };
        if !scalar::is_category(&kind) {
            reader.problems.add_with_help(
                span,
                format!("`{kind}` is not a kind of identifier"),
                "use lower-case letters, digits and `-`: `email`, `customer-id`",
            );
            continue;
        }
        let column = match ObjectPattern::parse(ObjectKind::COLUMN, &key.text) {
            Ok(pattern) => pattern.exact(),
            Err(why) => {
                reader.problems.add(key.span, format!("the column `{}` {why}", key.text));
                continue;
            }
        };
        let column = column.and_then(|path| <[String; 3]>::try_from(path).ok());
        let Some([schema, table, column]) = column else {
            reader.problems.add_with_help(
                key.span,
                format!("`{}` is not one column", key.text),
                "name it without `*`: one column identifies the people of one table",
            );
            continue;
        };
        if classify.category_of(ObjectKind::COLUMN, &[&schema, &table, &column]).is_none() {
            reader.problems.add_with_help(
                key.span,
                format!("`{}` is not classified", key.text),
                "what identifies a person is personal: name its category in `classify`",
            );
        } else if subjects.iter().any(|known| known.schema == schema && known.table == table) {
            let what = format!("`{schema}.{table}` has another column that identifies people");
            reader.problems.add_with_help(key.span, what, "keep one for each table");
        } else {
            subjects.push(SubjectColumn { schema, table, column, kind });
        }
    }
    subjects
}
