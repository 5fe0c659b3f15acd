//! What policies say of objects comes from one table: the manual says what it says, and every
//! kind of every family is decided on.

use portreeve_decide::policy::{Ask, Context, Counters, Policies, object_named};
use portreeve_model::{
    Action, Chain, Facts, Family, Need, Object, ObjectKind, Party, PartyKind, Usage, Verdict,
};
use std::fmt::Write;
use std::path::Path;

/// The types and ids of all kinds, as the manual shows them.
fn objects() -> String {
    let mut text = "\n| family | type | what | id | attributes | in |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for kind in ObjectKind::all() {
        let row = kind.row();
        let family = if row.family == Family::Any { "" } else { row.family.word() };
        let id = match row.parts {
            [] => "shop".to_owned(),
            parts => format!("shop/{}", parts.join(".")),
        };
        let outer = row.parts.split_last().map_or(&[][..], |(_, outer)| outer);
        let attributes: Vec<_> =
            outer.iter().chain([&"name"]).map(|name| format!("`{name}`")).collect();
        let category = kind.has_categories().then_some("`Category`".to_owned());
        let parent = row.parent.map(|parent| format!("`{parent:?}`"));
        let parents: Vec<_> = parent.into_iter().chain(category).collect();
        writeln!(
            text,
            "| {family} | `{kind:?}` | {} | `\"{id}\"` | {} | {} |",
            row.meaning,
            attributes.join(", "),
            parents.join(", ")
        )
        .unwrap();
    }
    text.push_str(
        "| | `Category` | personal data of a kind, as in `classify` | `\"email\"` | | |\n\n",
    );
    text
}

/// On which kinds an action can be asked about.
fn on(action: Action) -> String {
    let has = |kind: &ObjectKind| kind.row().actions.contains(&action);
    let kinds: Vec<_> = ObjectKind::all().filter(has).collect();
    if kinds.len() == ObjectKind::COUNT {
        return "all".to_owned();
    }
    kinds.iter().map(|kind| format!("`{kind:?}`")).collect::<Vec<_>>().join(", ")
}

/// The manual with everything that comes from the table written anew.
fn fresh(manual: &str) -> String {
    let (begin, end) = ("<!-- kinds: begin", "<!-- kinds: end -->");
    let (head, rest) = manual.split_once(begin).unwrap();
    let (marker, rest) = rest.split_once("-->\n").unwrap();
    let (_, tail) = rest.split_once(end).unwrap();
    let (before, actions) = tail.split_once("| action | on | meaning |\n").unwrap();
    let (actions, after) = actions.split_once("\n\n").unwrap();
    let line = |line: &str| {
        let cells: Vec<&str> = line.split('|').collect();
        let action = cells[1].trim().trim_matches('`');
        match Action::ALL.into_iter().find(|known| known.word() == action) {
            Some(action) => format!("| `{action}` | {} |{}|", on(action), cells[3]),
            None => line.to_owned(),
        }
    };
    let actions = actions.lines().map(line).collect::<Vec<_>>().join("\n");
    let objects = objects();
    format!(
        "{head}{begin}{marker}-->\n{objects}{end}{before}| action | on | meaning |\n{actions}\n\n{after}"
    )
}

#[test]
fn the_manual_says_what_the_table_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policies.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let fresh = fresh(&text);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap();
    assert!(committed == fresh, "docs/policies.md is old: run with UPDATE=1");
    for action in Action::ALL {
        assert!(fresh.contains(&format!("\n| `{action}` | {} |", on(action))), "{action}");
    }
}

#[test]
fn the_committed_schema_is_what_the_table_gives() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/policy/portreeve.cedarschema");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, Policies::schema()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == Policies::schema(), "the schema is old: run with UPDATE=1");
}

/// An object of a kind whose names need their quotes.
fn object(kind: ObjectKind) -> Object {
    let name = |part: &&str| format!("a.{part}/\"x\"");
    Object { kind, path: kind.row().parts.iter().map(name).collect() }
}

/// How a policy names an object of the resource `shop`.
fn id(object: &Object) -> String {
    let parts: Vec<_> =
        object.path.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
    let id = match parts.as_slice() {
        [] => "shop".to_owned(),
        parts => format!("shop/{}", parts.join(".")),
    };
    format!("{:?}::\"{}\"", object.kind, id.replace('"', "\\\""))
}

fn verdict(policy: &str, action: Action, object: &Object) -> Verdict {
    let text = format!("@id(\"x\") {policy};");
    let policies = Policies::load(&[("a.cedar".to_owned(), text)])
        .unwrap_or_else(|error| panic!("{policy}: {error}"));
    let chain = Chain::new(Party::new(PartyKind::Person, "local", "ann"), vec![]);
    let needs = [Need { action, object: object.clone() }];
    let ask = Ask {
        chain: &chain,
        resource: "shop",
        verb: "x",
        needs: &needs,
        facts: Facts::default(),
        categories: &|_| Some("email".into()),
        counters: Counters::default(),
        day: &|_| Usage::default(),
        context: Context { hour: 0 },
    };
    policies.decide(&ask).verdict
}

#[test]
fn every_kind_is_decided_on_by_name_type_attribute_and_what_it_is_in() {
    for kind in ObjectKind::all() {
        let object = object(kind);
        let row = kind.row();
        let has_categories = kind == ObjectKind::TABLE || kind.has_categories();
        let other = if has_categories { "Column" } else { "Table" };
        let own = object.path.last().map_or("shop", String::as_str).replace('"', "\\\"");
        for action in [row.actions.first(), row.actions.last()].into_iter().flatten() {
            let head = format!("permit(principal, action == Action::\"{action}\", resource");
            let check = |rest: &str, expect| {
                assert_eq!(verdict(&format!("{head}{rest}"), *action, &object), expect, "{rest}");
            };
            check(&format!(" == {})", id(&object)), Verdict::Allow);
            check(&format!(" is {kind:?})"), Verdict::Allow);
            check(&format!(") when {{ resource.name == \"{own}\" }}"), Verdict::Allow);
            check(&format!(") when {{ resource.name == \"{own}.\" }}"), Verdict::Deny);
            for ancestor in kind.ancestors() {
                let path = object.path[..ancestor.row().parts.len()].to_vec();
                let ancestor = Object { kind: ancestor, path };
                check(&format!(" in {})", id(&ancestor)), Verdict::Allow);
            }
            if kind.is_classifiable() {
                check(" in Category::\"phone\")", Verdict::Deny);
                check(" in Category::\"email\")", Verdict::Allow);
                check(&format!(" is {kind:?} in Category::\"email\")"), Verdict::Allow);
            }
            for (part, name) in row.parts.iter().rev().skip(1).rev().zip(&object.path) {
                let name = name.replace('"', "\\\"");
                let when = format!("resource is {kind:?} && resource.{part} == \"{name}\"");
                check(&format!(") when {{ {when} }}"), Verdict::Allow);
            }
            if kind != ObjectKind::RESOURCE && !kind.is_classifiable() {
                check(&format!(" is {other})"), Verdict::Deny);
            }
        }
        let bare = Object { kind, path: vec!["one".into(); row.parts.len() + 1] };
        assert_eq!(
            verdict("permit(principal, action, resource)", Action::Read, &bare),
            Verdict::Deny
        );
    }
}

#[test]
fn people_name_objects_of_every_kind() {
    for kind in ObjectKind::all().filter(|kind| *kind != ObjectKind::RESOURCE) {
        let object = object(kind);
        let parts: Vec<_> =
            object.path.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        let text = format!("{}:{}{}", kind.word(), parts.join("."), kind.row().suffix);
        assert_eq!(object_named(&text), Some(object), "{text}");
    }
}

#[test]
fn an_attribute_that_not_every_kind_has_needs_its_type() {
    let load = |when: &str| {
        let text = format!(
            "@id(\"x\") permit(principal, action == Action::\"reveal\", resource) when {{ {when} }};"
        );
        Policies::load(&[("a.cedar".to_owned(), text)]).map_err(|error| error.to_string())
    };
    assert!(load("resource is Column && resource.table == \"people\"").is_ok());
    assert!(load("resource.name == \"email\"").is_ok());
    let error = load("resource.table == \"people\"").unwrap_err();
    assert!(error.contains("write `resource is Column && …`"), "{error}");
    let error = load("resource[\"route\"] == \"/people\"").unwrap_err();
    assert!(error.contains("write `resource is Field && …`"), "{error}");
}

/// A record's policies were checked by the schema of their time, which may have known fewer
/// kinds; they decide as they did.
#[test]
fn policies_of_a_record_are_not_checked_by_a_newer_schema() {
    let text = "// file: a.cedar\n@id(\"x\") permit(principal, action == Action::\"reveal\", \
                resource) when { resource.table == \"people\" };\n";
    let policies = Policies::from_source(text).unwrap();
    let chain = Chain::new(Party::new(PartyKind::Person, "local", "ann"), vec![]);
    let ask = |table| {
        let column = Object::column("public", table, "email");
        policies.reveals(
            &Ask {
                chain: &chain,
                resource: "shop",
                verb: "SELECT",
                needs: &[],
                facts: Facts::default(),
                categories: &|_| None,
                counters: Counters::default(),
                day: &|_| Usage::default(),
                context: Context { hour: 0 },
            },
            &column,
            &"email".into(),
        )
    };
    assert!(ask("people"));
    assert!(!ask("orders"));
}
