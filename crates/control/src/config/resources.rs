//! The `resources` section: targets and the classification of their columns.

use super::classify::{Classification, ColumnPattern};
use super::masking::not_a_category;
use super::problem::closest;
use super::scalar;
use super::section::{Reader, Section, as_text};
use super::types::{PostgresTarget, Resource, SecretSource, TargetTls, TlsMode};
use portreeve_model::{Category, SubjectColumn};
use std::collections::BTreeMap;

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
    let postgres = match section.take("postgres") {
        Some((key, node)) => {
            let path = section.path("postgres");
            let section = Section::open(reader, path, key.span, Some(node));
            read_postgres(reader, section, name)
        }
        None => {
            section.missing(reader, "postgres");
            None
        }
    };
    let audience = section.text(reader, "audience").map(|(audience, _)| audience);
    let classify = section.section(reader, "classify");
    let classify = read_classify(reader, classify);
    let subjects = section.section(reader, "subjects");
    let subjects = read_subjects(reader, subjects, &classify);
    section.close(reader);
    Some(Resource { postgres: postgres?, audience, classify, subjects })
}

fn read_postgres(
    reader: &mut Reader<'_>,
    mut section: Section,
    resource: &str,
) -> Option<PostgresTarget> {
    let host = section.required_text(reader, "host");
    let port = section.number(reader, "port", 5432u16, 1..=65535);
    let database = section.text_or(reader, "database", resource);
    let user = section.required_text(reader, "user");
    let password = match section.take("password") {
        None => None,
        Some((key, node)) => {
            let name = section.path("password");
            let has_text = matches!(node.value, super::tree::Value::Text(_));
            if has_text {
                // SECURITY: a credential is never shown, not even in its own file.
                reader.problems.hide(node.span);
                reader.problems.add_with_help(
                    key.span,
                    format!("`{name}` must say where the password is, not what it is"),
                    "write `{ env: NAME }` or `{ file: PATH }`",
                );
                None
            } else {
                let section = Section::open(reader, name, key.span, Some(node));
                read_secret(reader, section)
            }
        }
    };
    let tls_section = section.section(reader, "tls");
    let host_text = host.as_ref().map(|(host, _)| host.as_str());
    let tls = read_target_tls(reader, tls_section, host_text);
    section.close(reader);
    let (host, span) = host?;
    if host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
        reader.problems.add(span, format!("`{host}` is not a host name or address"));
    }
    let (user, _) = user?;
    Some(PostgresTarget { host, port, database, tls, user, password })
}

fn read_secret(reader: &mut Reader<'_>, mut section: Section) -> Option<SecretSource> {
    let variable = section.text(reader, "env");
    let file = section.file(reader, "file");
    let span = section.span();
    let name = section.path("");
    section.close(reader);
    match (variable, file) {
        (Some((name, _)), None) => Some(SecretSource::Env(name)),
        (None, Some(file)) => Some(SecretSource::File(file)),
        (None, None) | (Some(_), Some(_)) => {
            let name = name.trim_end_matches('.');
            if reader.problems_free_of(&span) {
                let message = format!("`{name}` must be one of `env` and `file`");
                reader.problems.add(span, message);
            }
            None
        }
    }
}

fn read_target_tls(reader: &mut Reader<'_>, mut section: Section, host: Option<&str>) -> TargetTls {
    let mut tls = TargetTls { mode: TlsMode::VerifyFull, ca: None };
    if let Some((word, span)) = section.text(reader, "mode") {
        match word.as_str() {
            "verify-full" => {}
            "disable" => {
                if host.is_some_and(|host| !scalar::is_loopback(host)) {
                    reader.problems.add_with_help(
                        span,
                        "`disable` is for targets on loopback only",
                        "use `verify-full`, with `ca` for an authority of your own",
                    );
                }
                tls.mode = TlsMode::Disable;
            }
            other => {
                let known = ["verify-full", "disable"];
                let help = match closest(other, &known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "use `verify-full`; there is no mode that encrypts without checking"
                        .to_owned(),
                };
                reader.problems.add_with_help(span, format!("`{other}` is not a TLS mode"), help);
            }
        }
    }
    tls.ca = section.file(reader, "ca");
    section.close(reader);
    tls
}

fn read_classify(reader: &mut Reader<'_>, mut section: Section) -> Classification {
    let mut entries = Vec::new();
    let mut places = Vec::new();
    for (key, node) in section.take_all() {
        let name = section.path(&key.text);
        let category = as_text(reader, &name, node).and_then(|(category, span)| {
            let good = scalar::is_category(&category) && category != "default";
            if !good {
                not_a_category(reader, span, &category);
            }
            good.then_some(category)
        });
        match (ColumnPattern::parse(&key.text), category) {
            (Ok(pattern), Some(category)) => {
                entries.push((pattern, Category(category)));
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
                        "`{}` and `{}` can name the same column, and neither is more specific",
                        second.text, first.text
                    ),
                    "give both the same category, or add a more specific pattern for each side",
                );
            }
            Classification::default()
        }
    }
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
        let column = match ColumnPattern::parse(&key.text) {
            Ok(pattern) => pattern.exact(),
            Err(why) => {
                reader.problems.add(key.span, format!("the column `{}` {why}", key.text));
                continue;
            }
        };
        let Some([schema, table, column]) = column else {
            reader.problems.add_with_help(
                key.span,
                format!("`{}` is not one column", key.text),
                "name it without `*`: one column identifies the people of one table",
            );
            continue;
        };
        if classify.category_of(&schema, &table, &column).is_none() {
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
