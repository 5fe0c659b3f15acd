//! Kinds of objects: one table, a family of protocols after the other.
//!
//! Whatever depends on kinds is made from this table: the schema that policies are checked
//! against, entities and their ancestors, patterns of the configuration, messages and the
//! manual. A new kind is a row with its constant, and nothing else.

use crate::Action;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What sort of thing an object is. In records it is its word.
///
/// ```
/// use portreeve_model::{Family, ObjectKind};
///
/// let column = ObjectKind::COLUMN.row();
/// assert_eq!((column.family, column.word), (Family::Sql, "column"));
/// assert_eq!(column.parts, ["schema", "table", "column"]);
/// assert!(ObjectKind::COLUMN.ancestors().eq([
///     ObjectKind::TABLE,
///     ObjectKind::SCHEMA,
///     ObjectKind::RESOURCE,
/// ]));
/// ```
// INVARIANT: the number of a row of `ROWS`; only the constants make one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKind(u8);

/// Which protocols know a kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Family {
    /// Every protocol.
    Any,
    /// Databases that are asked in SQL.
    Sql,
    /// Services that answer requests for a path.
    Http,
    /// Machines that run programs.
    Shell,
    /// Servers that offer tools to agents.
    Tools,
}

/// What a family's targets do with the case of a name that stands without quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// They fold it to lower case.
    Folded,
    /// They keep it.
    Kept,
}

/// What there is to know of a kind.
#[derive(Debug)]
pub struct KindRow {
    /// Which protocols know it.
    pub family: Family,
    /// What records and patterns call it; no two kinds share a word.
    pub word: &'static str,
    /// What policies call it.
    pub type_name: &'static str,
    /// Stands behind its path where people read it.
    pub suffix: &'static str,
    /// What the names of its path are called, from the outside in.
    pub parts: &'static [&'static str],
    /// The kind that all names of its path but the last are the path of.
    pub parent: Option<ObjectKind>,
    /// What parts the names of things of this kind that lie in each other, as folders do; none
    /// where none do. Such a name begins with it.
    pub nested_by: Option<char>,
    /// What policy may be asked about it.
    pub actions: &'static [Action],
    /// For the manual.
    pub meaning: &'static str,
}

impl Family {
    /// Every family, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Any, Self::Sql, Self::Http, Self::Shell, Self::Tools];

    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Sql => "SQL",
            Self::Http => "HTTP",
            Self::Shell => "shell",
            Self::Tools => "tools",
        }
    }

    /// The longest name that a target can have, in bytes; none for the family whose kinds
    /// have no names.
    #[must_use]
    pub const fn name_bytes_max(self) -> usize {
        match self {
            Self::Any => 0,
            // Beyond it a target cuts names, and a pattern would match nothing.
            Self::Sql => 63,
            // SPEC: RFC 9110 section 4.1: what everybody should take as a URI.
            Self::Http | Self::Tools => 8_000,
            // The longest path of the common systems.
            Self::Shell => 4_096,
        }
    }

    /// The kind whose objects hold values that may be classified, and so masked; none where
    /// detectors alone say what is personal.
    #[must_use]
    pub fn classifiable(self) -> Option<ObjectKind> {
        let is_own = |kind: &ObjectKind| kind.row().family == self && kind.is_classifiable();
        ObjectKind::all().find(is_own)
    }

    /// What its targets do with the case of a name.
    #[must_use]
    pub const fn case(self) -> Case {
        match self {
            Self::Sql => Case::Folded,
            Self::Any | Self::Http | Self::Shell | Self::Tools => Case::Kept,
        }
    }
}

/// Of a resource as a whole.
const WHOLE: &[Action] = &[
    Action::Connect,
    Action::Read,
    Action::Write,
    Action::Define,
    Action::Administer,
    Action::Execute,
    Action::Lock,
    Action::Reveal,
];

/// Of what is in a resource.
const INNER: &[Action] = &[
    Action::Read,
    Action::Write,
    Action::Define,
    Action::Administer,
    Action::Execute,
    Action::Lock,
];

/// Of what texts come from in which values are found.
const TEXTS: &[Action] = &[
    Action::Read,
    Action::Write,
    Action::Define,
    Action::Administer,
    Action::Execute,
    Action::Lock,
    Action::Reveal,
];

/// Of what holds values, which may be classified.
const VALUES: &[Action] = &[
    Action::Read,
    Action::Write,
    Action::Define,
    Action::Administer,
    Action::Execute,
    Action::Lock,
    Action::Filter,
    Action::Probe,
    Action::Reveal,
];

/// Places of a row that differ from kind to kind in every way.
struct Names {
    word: &'static str,
    type_name: &'static str,
    parts: &'static [&'static str],
}

const fn names(
    word: &'static str,
    type_name: &'static str,
    parts: &'static [&'static str],
) -> Names {
    Names { word, type_name, parts }
}

const fn row(
    family: Family,
    names: Names,
    parent: ObjectKind,
    actions: &'static [Action],
    meaning: &'static str,
) -> KindRow {
    let Names { word, type_name, parts } = names;
    KindRow {
        family,
        word,
        type_name,
        suffix: "",
        parts,
        parent: Some(parent),
        nested_by: None,
        actions,
        meaning,
    }
}

static ROWS: [KindRow; ObjectKind::COUNT] = {
    use Family::{Http, Shell, Sql, Tools};
    use ObjectKind as K;
    [
        KindRow {
            parent: None,
            ..row(
                Family::Any,
                names("resource", "Resource", &[]),
                K::RESOURCE,
                WHOLE,
                "the whole resource, by its name in the configuration",
            )
        },
        row(Sql, names("schema", "Schema", &["schema"]), K::RESOURCE, INNER, "a schema"),
        row(
            Sql,
            names("table", "Table", &["schema", "name"]),
            K::SCHEMA,
            INNER,
            "a table, view or other relation",
        ),
        row(
            Sql,
            names("column", "Column", &["schema", "table", "column"]),
            K::TABLE,
            VALUES,
            "a column of a table",
        ),
        KindRow {
            suffix: "()",
            ..row(
                Sql,
                names("function", "Function", &["schema", "name"]),
                K::SCHEMA,
                INNER,
                "a function or procedure",
            )
        },
        row(Http, names("site", "Site", &["host"]), K::RESOURCE, INNER, "a host and its port"),
        row(
            Http,
            names("route", "Route", &["host", "route"]),
            K::SITE,
            INNER,
            "a path of a host, its variable parts named",
        ),
        row(
            Http,
            names("field", "Field", &["host", "route", "field"]),
            K::ROUTE,
            VALUES,
            "a field of what a route takes or answers",
        ),
        row(Shell, names("host", "Host", &["host"]), K::RESOURCE, TEXTS, "a machine"),
        row(
            Shell,
            names("program", "Program", &["host", "program"]),
            K::HOST,
            TEXTS,
            "a program that a machine runs",
        ),
        KindRow {
            nested_by: Some('/'),
            ..row(
                Shell,
                names("file", "File", &["host", "file"]),
                K::HOST,
                TEXTS,
                "a file or folder, by its path",
            )
        },
        row(
            Shell,
            names("terminal", "Terminal", &["host", "user"]),
            K::HOST,
            TEXTS,
            "a terminal of a machine, by the name of the user whose it is",
        ),
        row(Tools, names("server", "Server", &["server"]), K::RESOURCE, INNER, "a server of tools"),
        row(Tools, names("tool", "Tool", &["server", "tool"]), K::SERVER, INNER, "a tool"),
        row(
            Tools,
            names("argument", "Argument", &["server", "tool", "argument"]),
            K::TOOL,
            VALUES,
            "a field of what a tool takes or answers",
        ),
        row(
            Tools,
            names("server-resource", "ServerResource", &["server", "uri"]),
            K::SERVER,
            INNER,
            "what a server of tools calls a resource",
        ),
        row(
            Tools,
            names("prompt", "Prompt", &["server", "prompt"]),
            K::SERVER,
            INNER,
            "a prompt that a server offers",
        ),
    ]
};

impl ObjectKind {
    /// The whole resource; its path is empty.
    pub const RESOURCE: Self = Self(0);
    /// A schema: `[schema]`.
    pub const SCHEMA: Self = Self(1);
    /// A table, view or other relation: `[schema, table]`.
    pub const TABLE: Self = Self(2);
    /// A column: `[schema, table, column]`.
    pub const COLUMN: Self = Self(3);
    /// A function: `[schema, function]`.
    pub const FUNCTION: Self = Self(4);
    /// A host that answers requests: `[host]`.
    pub const SITE: Self = Self(5);
    /// A path of a site: `[host, route]`.
    pub const ROUTE: Self = Self(6);
    /// A field of what a route takes or answers: `[host, route, field]`.
    pub const FIELD: Self = Self(7);
    /// A machine: `[host]`.
    pub const HOST: Self = Self(8);
    /// A program that it runs: `[host, program]`.
    pub const PROGRAM: Self = Self(9);
    /// A file on it: `[host, file]`.
    pub const FILE: Self = Self(10);
    /// A terminal of a machine: `[host, user]`.
    pub const TERMINAL: Self = Self(11);
    /// A server of tools: `[server]`.
    pub const SERVER: Self = Self(12);
    /// A tool: `[server, tool]`.
    pub const TOOL: Self = Self(13);
    /// A field of what a tool takes or answers: `[server, tool, argument]`.
    pub const ARGUMENT: Self = Self(14);
    /// What a server of tools calls a resource: `[server, uri]`.
    pub const SERVER_RESOURCE: Self = Self(15);
    /// A prompt that a server offers: `[server, prompt]`.
    pub const PROMPT: Self = Self(16);

    /// How many kinds there are.
    pub const COUNT: usize = 17;

    /// Every kind, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        (0..).take(Self::COUNT).map(Self)
    }

    /// The kind with this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::all().find(|kind| kind.word() == word)
    }

    /// What there is to know of it.
    #[must_use]
    pub fn row(self) -> &'static KindRow {
        &ROWS[self.index()]
    }

    /// Its place in the table, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The word used in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// Whether it holds values that may be classified, and so masked.
    #[must_use]
    pub fn is_classifiable(self) -> bool {
        self.row().actions.contains(&Action::Filter)
    }

    /// Whether values in it may be of a category: those of a column that is classified, or what
    /// detectors find in texts.
    #[must_use]
    pub fn has_categories(self) -> bool {
        self.row().actions.contains(&Action::Reveal)
    }

    /// The names of its own kind that a name lies in, the nearest first: `/var/log` and `/var` and
    /// `/` of `/var/log/syslog`.
    pub fn around(self, name: &str) -> impl Iterator<Item = &str> {
        let parted_by = self.row().nested_by;
        std::iter::successors(Some(name), move |name| outer_name(name, parted_by?)).skip(1)
    }

    /// The kinds that it is inside of, the nearest first.
    pub fn ancestors(self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.row().parent, |kind| kind.row().parent)
    }
}

/// The name that a name lies in; none for the outermost.
fn outer_name(name: &str, parted_by: char) -> Option<&str> {
    let outer = name.get(..name.rfind(parted_by)?.max(1))?;
    (outer.len() < name.len()).then_some(outer)
}

impl fmt::Debug for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().type_name)
    }
}

impl Serialize for ObjectKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for ObjectKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = ObjectKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the word of a kind of object")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<ObjectKind, E> {
                let unknown = || E::custom(format_args!("`{word}` is no kind of object"));
                ObjectKind::named(word).ok_or_else(unknown)
            }
        }
        deserializer.deserialize_str(Word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn constants_are_the_numbers_of_their_rows() {
        let constants = [
            (ObjectKind::RESOURCE, "Resource"),
            (ObjectKind::SCHEMA, "Schema"),
            (ObjectKind::TABLE, "Table"),
            (ObjectKind::COLUMN, "Column"),
            (ObjectKind::FUNCTION, "Function"),
            (ObjectKind::SITE, "Site"),
            (ObjectKind::ROUTE, "Route"),
            (ObjectKind::FIELD, "Field"),
            (ObjectKind::HOST, "Host"),
            (ObjectKind::PROGRAM, "Program"),
            (ObjectKind::FILE, "File"),
            (ObjectKind::TERMINAL, "Terminal"),
            (ObjectKind::SERVER, "Server"),
            (ObjectKind::TOOL, "Tool"),
            (ObjectKind::ARGUMENT, "Argument"),
            (ObjectKind::SERVER_RESOURCE, "ServerResource"),
            (ObjectKind::PROMPT, "Prompt"),
        ];
        let rows = ObjectKind::all().map(|kind| (kind, kind.row().type_name));
        assert_eq!(rows.collect::<Vec<_>>(), constants);
    }

    #[test]
    fn no_two_kinds_share_a_word_or_a_type() {
        let words: BTreeSet<_> = ObjectKind::all().map(ObjectKind::word).collect();
        let types: BTreeSet<_> = ObjectKind::all().map(|kind| kind.row().type_name).collect();
        assert_eq!((words.len(), types.len()), (ObjectKind::COUNT, ObjectKind::COUNT));
    }

    /// An ancestor's path is the beginning of the path, so its entity can be made of it.
    #[test]
    fn each_kind_has_one_name_more_than_its_parent() {
        for kind in ObjectKind::all() {
            let row = kind.row();
            let Some(parent) = row.parent.map(ObjectKind::row) else {
                assert_eq!((kind, row.parts.len()), (ObjectKind::RESOURCE, 0));
                continue;
            };
            assert_eq!(row.parts.len(), parent.parts.len() + 1, "{kind:?}");
            assert!([Family::Any, row.family].contains(&parent.family), "{kind:?}");
            assert_eq!(kind.ancestors().last(), Some(ObjectKind::RESOURCE), "{kind:?}");
        }
    }

    #[test]
    fn families_follow_each_other_and_classify_one_kind_at_most() {
        let families: Vec<_> = ObjectKind::all().map(|kind| kind.row().family).collect();
        assert!(families.is_sorted());
        for family in Family::ALL {
            let of = |kind: &ObjectKind| kind.row().family == family;
            let classifiable = ObjectKind::all().filter(of).filter(|kind| kind.is_classifiable());
            assert!(classifiable.eq(family.classifiable()), "{family:?}");
        }
    }

    #[test]
    fn folders_lie_in_folders() {
        let around = |name: &'static str| ObjectKind::FILE.around(name).collect::<Vec<_>>();
        assert_eq!(around("/var/log/syslog"), ["/var/log", "/var", "/"]);
        assert_eq!(around("/var"), ["/"]);
        assert_eq!(around("/"), [""; 0]);
        assert_eq!(ObjectKind::ROUTE.around("/a/b").count(), 0);
    }

    #[test]
    fn records_hold_words() {
        for kind in ObjectKind::all() {
            let text = serde_json::to_string(&kind).unwrap();
            assert_eq!(text, format!("\"{}\"", kind.word()));
            assert_eq!(serde_json::from_str::<ObjectKind>(&text).unwrap(), kind);
        }
        let error = serde_json::from_str::<ObjectKind>("\"view\"").unwrap_err().to_string();
        assert!(error.contains("`view` is no kind of object"), "{error}");
    }
}
