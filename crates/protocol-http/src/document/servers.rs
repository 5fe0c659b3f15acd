//! The paths that a service is served under (`servers`).
//!
//! Where it is, the configuration says: of an address only the path counts.

use super::DocumentError;
use super::references::resolved;
use super::tree::Tree;
use std::collections::BTreeSet;

/// More base paths of one service are none that anybody has thought of.
const BASES_MAX: usize = 32;

const HINT: &str = "write `url: /v1` or `url: https://host/v1`, and for each `{name}` in it a \
                    `default` under `variables`";

/// The base paths that an object names; none where it names none.
///
/// # Errors
/// An address is none, or has a variable without a value.
pub(super) fn bases(
    root: &Tree,
    object: &Tree,
    place: &str,
) -> Result<Option<BTreeSet<String>>, DocumentError> {
    let Some(servers) = object.get("servers") else { return Ok(None) };
    let mut found = BTreeSet::new();
    for (at, server) in servers.items().iter().enumerate() {
        let place = format!("{place}.servers[{at}]");
        let server = resolved(root, server, &place)?;
        let url = server.get("url").and_then(Tree::text);
        let url = url.ok_or_else(|| DocumentError::new(&place, "it has no `url`", HINT))?;
        for url in filled(url, server.get("variables"), &place)? {
            found.insert(path_of(&url));
        }
        if found.len() > BASES_MAX {
            let what = format!("more than {BASES_MAX} base paths");
            return Err(DocumentError::new(place, what, HINT));
        }
    }
    Ok((!found.is_empty()).then_some(found))
}

/// An address with every value that its variables may have.
fn filled(url: &str, variables: Option<&Tree>, place: &str) -> Result<Vec<String>, DocumentError> {
    let mut done = Vec::new();
    let mut open = vec![url.to_owned()];
    while let Some(url) = open.pop() {
        let braces = url.split_once('{').and_then(|(before, rest)| {
            let (name, behind) = rest.split_once('}')?;
            Some((before, name, behind))
        });
        let Some((before, name, behind)) = braces else {
            done.push(url);
            continue;
        };
        let variable = variables.and_then(|all| all.get(name));
        let words = |key: &str| variable.and_then(|it| it.get(key));
        let mut values: Vec<String> = words("default").and_then(Tree::word).into_iter().collect();
        values.extend(
            words("enum").map(Tree::items).unwrap_or_default().iter().filter_map(Tree::word),
        );
        values.sort();
        values.dedup();
        if values.is_empty() || values.iter().any(|value| value.contains('{')) {
            return Err(DocumentError::new(place, format!("`{{{name}}}` has no value"), HINT));
        }
        open.extend(values.iter().map(|value| format!("{before}{value}{behind}")));
        if open.len() + done.len() > BASES_MAX {
            let what = format!("more than {BASES_MAX} addresses");
            return Err(DocumentError::new(place, what, HINT));
        }
    }
    Ok(done)
}

/// The path of an address, without a slash at its end.
fn path_of(url: &str) -> String {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
        None => match url.strip_prefix("//") {
            Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
            None => url,
        },
    };
    let path = rest.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    // What is relative to where the document lies is relative to the root: it lies nowhere.
    if path.is_empty() || path == "." { String::new() } else { format!("/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tree::Writing;

    fn read(text: &str) -> Result<Option<BTreeSet<String>>, DocumentError> {
        let tree = Tree::read(text, Writing::Yaml).unwrap();
        bases(&tree, &tree, "it")
    }

    #[test]
    fn of_an_address_the_path_counts() {
        let check = |text: &str, expect: &[&str]| {
            let found = read(text).unwrap().unwrap_or_default();
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expect, "{text}");
        };
        check("a: 1", &[]);
        check("servers: []", &[]);
        check("servers: [{url: /}]", &[""]);
        check(
            "servers: [{url: 'https://h:1/v1/'}, {url: '//h/v2'}, {url: /v3}, {url: 'https://h'}]",
            &["", "/v1", "/v2", "/v3"],
        );
        check(
            "servers: [{url: 'https://{r}.h/{v}', variables: {r: {default: eu}, v: {default: v1, enum: [v1, v2]}}}]",
            &["/v1", "/v2"],
        );
        check("servers: [{url: 'https://h/a?b#c'}]", &["/a"]);
    }

    #[test]
    fn a_variable_without_a_value_is_none() {
        assert!(read("servers: [{url: '/{v}'}]").is_err());
        assert!(read("servers: [{description: x}]").is_err());
        let many = (0..40).map(|at| at.to_string()).collect::<Vec<_>>().join(", ");
        assert!(
            read(&format!(
                "servers: [{{url: '/{{v}}', variables: {{v: {{default: 1, enum: [{many}]}}}}}}]"
            ))
            .is_err()
        );
    }
}
