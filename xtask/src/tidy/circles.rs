//! No import circles: what stands beside each other in a folder, file or room, is in an order, so
//! that a reader can begin somewhere.
//!
//! A child may use what its own ancestors declare, and an ancestor its descendants: that is what
//! `mod.rs` is for. What a `mod.rs` shows of another file counts as that file. A circle that has a
//! reason stands in [`KNOWN`], which only becomes shorter.

use super::source::Source;
use super::{Finding, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A circle: the folder, what in it, and why.
type Known = (&'static str, &'static [&'static str], &'static str);

const KNOWN: [Known; 25] = [
    (
        "crates/control/src",
        &["api", "witness"],
        "a witness is served as the API is, and the API shows what witnesses say",
    ),
    (
        "crates/control/src/config",
        &["evidence", "exports", "listen", "masking", "read", "resources", "settings", "types"],
        "each section reads its part of the one type that all of them fill",
    ),
    (
        "crates/control/src/identity",
        &["claims", "parties"],
        "a chain in claims is made of parties, each of which is claims again",
    ),
    (
        "crates/control/src/search",
        &["feed", "findings", "index", "question"],
        "the tables of the index: what fills them and what asks them share their words",
    ),
    (
        "crates/decide/src/shell",
        &["parse", "syntax"],
        "what is read is written out, and what is written is read again before it is sent",
    ),
    (
        "crates/decide/src/shell",
        &["programs", "special", "words"],
        "the table of programs and what is read by hand: a name is on one side only",
    ),
    (
        "crates/decide/src/shell",
        &["reader", "rename", "value", "variables"],
        "a recursion: a word has variables in it, whose values are words",
    ),
    (
        "crates/decide/src/sql",
        &["catalog", "columns", "lineage", "statement"],
        "a catalog has views, which are statements with a lineage of their own",
    ),
    (
        "crates/decide/src/sql/postgres",
        &["analyzer", "command", "query", "value"],
        "a recursion, as the grammar is one: queries are values, and values stand in queries",
    ),
    (
        "crates/decide/src/sql/postgres/snapshot",
        &["assemble", "build", "code"],
        "a catalog's code runs over what is being built of it",
    ),
    (
        "crates/decide/src/sql/postgres/value",
        &["call", "expression", "made"],
        "a recursion: arguments of calls are expressions",
    ),
    (
        "crates/detect/src",
        &["checks", "context", "numbers", "signs"],
        "a number is told by its digits and by the words around it, and each by the other",
    ),
    (
        "crates/detect/src",
        &["columns", "detector"],
        "a column is told by the values in it, and a value by the column that it stands in",
    ),
    (
        "crates/evidence/src/log",
        &["receipt", "shared"],
        "whoever waits for a receipt alone commits what it stands for",
    ),
    (
        "crates/evidence/src/verify",
        &["extract", "report_file"],
        "a report is one of the extracts, and is told as they are",
    ),
    (
        "crates/protocol-ssh/src/service",
        &["files", "uploads"],
        "what is open is asked what is there before it is written to",
    ),
    (
        "crates/link/src/gateway",
        &["hub", "member", "stream"],
        "a stream tells its member that it ends, and a member the hub",
    ),
    (
        "crates/portreeve/src/wiring",
        &[
            "agents",
            "bridges",
            "certificates",
            "connectors",
            "discovery",
            "http",
            "mcp",
            "postgres",
            "protocols",
            "selftest",
            "served",
            "ssh",
            "web",
        ],
        "the table of protocols names the protocols, which are what the table asks for",
    ),
    (
        "crates/protocol-postgres/src/reply",
        &["machine", "running"],
        "the machine and the state that it is in while a reply runs",
    ),
    (
        "crates/protocol-postgres/src/request",
        &["assembler", "statements"],
        "one value in two files: how messages become requests, and what is asked of statements",
    ),
    (
        "crates/protocol-postgres/src/target",
        &["catalog", "inside"],
        "the catalog of a session is read with the questions of the whole one, and laid over it",
    ),
    (
        "crates/protocol-postgres/src/target",
        &["fence", "upstream"],
        "the fence asks on a line that its target keeps",
    ),
    (
        "crates/session/src",
        &["engine", "exchange", "session"],
        "a lattice: an exchange is of a session, which is of an engine, which knows all that live",
    ),
    (
        "crates/sql/src",
        &["catalog", "definitions", "masks", "names", "plan", "planner"],
        "a plan keeps the catalog that it was made with, which is asked what plans rest on",
    ),
    (
        "crates/web/src",
        &["connector", "credential", "target"],
        "a request is opened on its way out by the gateway or by the connector, with one code",
    ),
];

const HINT: &str = "move what both need into a file of its own, below both; circles that stay are \
                    in xtask/src/tidy/circles.rs";
const SHORTEN: &str = "take the circle out of `KNOWN`, or name what is left of it";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    compare(tree, &KNOWN)
}

fn compare(tree: &Tree, known: &[Known]) -> Vec<Finding> {
    let found: Vec<Circle> = crates(tree).into_iter().flat_map(|one| one.circles()).collect();
    let is_known = |circle: &&Circle| {
        known.iter().any(|(folder, members, _)| {
            circle.folder == Path::new(folder) && circle.members.iter().eq(members.iter())
        })
    };
    let new = found.iter().filter(|circle| !is_known(circle)).map(|circle| {
        let what = format!("`{}` import each other in a circle", circle.members.join("`, `"));
        Finding::new(&circle.folder, 0, what, HINT)
    });
    let gone = known.iter().filter(|(folder, members, _)| {
        !found.iter().any(|circle| {
            circle.folder == Path::new(folder) && circle.members.iter().eq(members.iter())
        })
    });
    let gone = gone.map(|(folder, members, _)| {
        let what = format!("`{}` are no such circle any more", members.join("`, `"));
        Finding::new(Path::new(folder), 0, what, SHORTEN)
    });
    new.chain(gone).collect()
}

/// What imports each other; the members in the order of their names.
struct Circle {
    folder: PathBuf,
    members: Vec<String>,
}

/// A module: the names from the crate's root to it.
type Module = Vec<String>;

/// One `use`, or a path in code.
struct Import {
    path: Vec<String>,
    /// What it is called here.
    name: String,
    /// Others see it under that name, too.
    is_shown: bool,
}

/// The files of one crate that ship.
#[derive(Default)]
struct Crate {
    folder: PathBuf,
    imports: BTreeMap<Module, Vec<Import>>,
}

fn crates(tree: &Tree) -> Vec<Crate> {
    let mut crates: BTreeMap<PathBuf, Crate> = BTreeMap::new();
    for source in tree.sources.iter().filter(|source| !source.is_test) {
        let folder = source.path.ancestors().find(|folder| folder.ends_with("src"));
        let Some(folder) = folder else { continue };
        let Some(module) = module(source.path.strip_prefix(folder).unwrap_or(folder)) else {
            continue;
        };
        let one = crates.entry(folder.to_owned()).or_default();
        one.folder = folder.to_owned();
        one.imports.insert(module, imports(source));
    }
    crates.into_values().collect()
}

/// `a/b.rs`, `a/b/mod.rs` → `a::b`; a root is no name at all. None for further binaries.
fn module(path: &Path) -> Option<Module> {
    let mut names: Module = Vec::new();
    for part in path.with_extension("").components() {
        names.push(part.as_os_str().to_str()?.to_owned());
    }
    let last = names.last()?;
    if last == "mod" || (names.len() == 1 && (last == "lib" || last == "main")) {
        names.pop();
    }
    (names.first().is_none_or(|first| first != "bin")).then_some(names)
}

impl Crate {
    fn circles(&self) -> Vec<Circle> {
        let mut circles = Vec::new();
        for (folder, edges) in self.edges() {
            let reached: BTreeMap<&String, BTreeSet<&String>> =
                edges.keys().map(|from| (from, reach(&edges, from))).collect();
            let mut told: BTreeSet<&String> = BTreeSet::new();
            for (from, theirs) in &reached {
                let is_mutual =
                    |to: &&&String| reached.get(**to).is_some_and(|back| back.contains(*from));
                let members: Vec<String> =
                    theirs.iter().filter(is_mutual).map(|name| (*name).clone()).collect();
                if !members.is_empty() && !told.contains(from) {
                    told.extend(theirs.iter().filter(is_mutual));
                    let folder = folder.iter().fold(self.folder.clone(), |at, name| at.join(name));
                    circles.push(Circle { folder, members });
                }
            }
        }
        circles
    }

    /// By folder: what in it imports from what else in it, whatever files of theirs do.
    fn edges(&self) -> BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> {
        let mut edges: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (from, imports) in &self.imports {
            for import in imports {
                let Some(to) = self.resolve(from, &import.path, 0) else { continue };
                let common = from.iter().zip(&to).take_while(|(one, two)| one == two).count();
                // Otherwise one is the other's ancestor.
                if let (Some(one), Some(two)) = (from.get(common), to.get(common)) {
                    let folder = from.get(..common).unwrap_or_default().to_vec();
                    let edges = edges.entry(folder).or_default();
                    edges.entry(one.clone()).or_default().insert(two.clone());
                }
            }
        }
        edges
    }

    /// The file of this crate that a path leads to, behind what others show of it.
    fn resolve(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let mut at: Module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => from.get(..from.len().checked_sub(1)?)?.to_vec(),
            child => from.iter().cloned().chain([child.to_owned()]).collect(),
        };
        if !self.imports.contains_key(&at) || depth > DEPTH_MAX {
            return None;
        }
        for name in rest {
            if name == "super" {
                at.pop()?;
                continue;
            }
            let child: Module = at.iter().cloned().chain([name.clone()]).collect();
            if !self.imports.contains_key(&child) {
                let mut shown = self.imports.get(&at)?.iter().filter(|import| import.is_shown);
                let shown = shown.find(|import| import.name == *name);
                let behind = shown.and_then(|import| self.resolve(&at, &import.path, depth + 1));
                return Some(behind.unwrap_or(at));
            }
            at = child;
        }
        Some(at)
    }
}

/// What shows what is shown elsewhere, at most.
const DEPTH_MAX: usize = 8;

/// Everything that can be come to from a place, itself only where a way leads back.
fn reach<'e>(edges: &'e BTreeMap<String, BTreeSet<String>>, from: &String) -> BTreeSet<&'e String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = edges.get(from).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(edges.get(next).into_iter().flatten());
        }
    }
    reached
}

/// What a file imports in code that ships.
fn imports(source: &Source) -> Vec<Import> {
    let text: Vec<&str> = source.product().map(|(_, line)| line).collect();
    let tokens = tokens(&text);
    let (mut imports, mut at) = (Vec::new(), 0);
    let mut is_shown = false;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "pub" => {
                is_shown = true;
                // `pub(crate)`, `pub(in path)`
                if tokens.get(at + 1).is_some_and(|next| next == "(") {
                    let end = tokens.iter().skip(at).position(|token| token == ")");
                    at += end.unwrap_or(0);
                }
            }
            "use" => at = tree(&tokens, at + 1, &[], is_shown, &mut imports),
            word => {
                is_shown = false;
                let follows = at > 0 && tokens.get(at - 1).is_some_and(|before| before == "::");
                if is_name(word) && !follows && tokens.get(at + 1).is_some_and(|t| t == "::") {
                    let path = path(&tokens, at);
                    imports.push(Import { path, name: String::new(), is_shown: false });
                }
            }
        }
        at += 1;
    }
    imports
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The names of a path that begins here.
fn path(tokens: &[String], mut at: usize) -> Vec<String> {
    let mut path = Vec::new();
    while let Some(name) = tokens.get(at).filter(|token| is_name(token)) {
        path.push(name.clone());
        if tokens.get(at + 1).is_none_or(|next| next != "::") {
            break;
        }
        at += 2;
    }
    path
}

/// Reads what stands behind `use` or in its braces; gives the place of what ends it.
fn tree(
    tokens: &[String],
    mut at: usize,
    before: &[String],
    is_shown: bool,
    imports: &mut Vec<Import>,
) -> usize {
    let mut path = before.to_vec();
    let mut name = None;
    let mut is_group = false;
    loop {
        let token = tokens.get(at).map_or(";", String::as_str);
        match token {
            "::" => {}
            "{" => {
                is_group = true;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = tree(tokens, at + 1, &path, is_shown, imports);
                }
            }
            "as" => {
                name = tokens.get(at + 1).cloned();
                at += 1;
            }
            "self" if !path.is_empty() => name = path.last().cloned(),
            "," | "}" | ";" => {
                if !is_group && path.len() > before.len() || name.is_some() {
                    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
                    imports.push(Import { path, name, is_shown });
                }
                return at;
            }
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
}

/// Names, `::` and single signs.
fn tokens(lines: &[&str]) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for line in lines {
        let mut is_open = false;
        for c in line.chars() {
            let is_part = c.is_alphanumeric() || c == '_';
            match tokens.last_mut() {
                Some(last) if is_open && is_part => last.push(c),
                Some(last) if c == ':' && last == ":" => last.push(':'),
                _ if c.is_whitespace() => {}
                _ => tokens.push(c.into()),
            }
            is_open = is_part;
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree_of(files: &[(&str, &str)]) -> Tree {
        let source = |(path, text): &(&str, &str)| {
            Source::new(Path::new("crates/a/src").join(path), "a", false, text)
        };
        Tree { sources: files.iter().map(source).collect(), ..Tree::default() }
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let findings = compare(&tree_of(files), &[]);
        findings.iter().map(|found| format!("{}: {}", found.path.display(), found.what)).collect()
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn files_and_rooms_that_import_each_other_are_found() {
        let two = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a.rs", "use crate::b::{C, D};"),
            ("b.rs", "use super::a;"),
        ];
        assert_eq!(found(&two), ["crates/a/src: `a`, `b` import each other in a circle"]);
        let rooms = [
            ("lib.rs", ""),
            ("x/mod.rs", ""),
            ("x/one.rs", "fn f() { crate::y::three::g() }"),
            ("x/two.rs", ""),
            ("y/mod.rs", "mod four;"),
            ("y/three.rs", ""),
            ("y/four.rs", "use crate::x::two::{self as t, U};"),
        ];
        assert_eq!(found(&rooms), ["crates/a/src: `x`, `y` import each other in a circle"]);
        let inside = [
            ("lib.rs", ""),
            ("x/mod.rs", "mod one;\nmod two;\npub(crate) use one::Shown;"),
            ("x/one.rs", "use super::two::T;"),
            ("x/two.rs", "use crate::x::Shown;"),
        ];
        assert_eq!(found(&inside), ["crates/a/src/x: `one`, `two` import each other in a circle"]);
    }

    #[test]
    fn ancestors_tests_and_other_crates_are_free() {
        let files = [
            ("lib.rs", "mod a;\npub use a::b::B;"),
            ("a/mod.rs", "mod b;\nuse b::B;\npub(crate) struct A;"),
            ("a/b.rs", "use super::A;\nuse crate::Root;\nuse other::c::C;"),
            (
                "c.rs",
                "use std::io;\nuse crate::B;\n#[cfg(test)]\nmod tests {\n    use crate::d::D;\n}",
            ),
            ("d.rs", "use crate::c;"),
        ];
        assert_eq!(found(&files), NONE);
    }

    #[test]
    fn the_list_of_what_stays_only_becomes_shorter() {
        let circle =
            tree_of(&[("lib.rs", ""), ("a.rs", "use crate::b;"), ("b.rs", "use crate::a;")]);
        let none = tree_of(&[("lib.rs", ""), ("a.rs", "use crate::b;"), ("b.rs", "")]);
        let known: [Known; 1] = [("crates/a/src", &["a", "b"], "they call each other")];
        assert_eq!(compare(&circle, &known), []);
        let gone = compare(&none, &known);
        assert_eq!(gone.first().unwrap().what, "`a`, `b` are no such circle any more");
    }
}
