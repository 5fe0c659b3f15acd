//! What writes the gateway's own words has no bytes to write them from: a permit or a release is
//! made of what it writes, and no proof is made from bytes that somebody brings.
//!
//! The rule reads the declaration of each type that is a `NoticeEncoder` or an `OwnQuestion`. It
//! does not follow the types of its fields: an id that a client chose is text, too, and is written
//! as one value.

use super::source::{Source, item_end, words};
use super::{Finding, Tree};

const TRAITS: [&str; 2] = ["NoticeEncoder", "OwnQuestion"];

/// What holds any bytes.
const BYTES: [&str; 8] = ["Bytes", "BytesMut", "Vec", "String", "str", "u8", "Cow", "Value"];

const HINT: &str = "give it what its words say as data (an id, a state, what a request is about), \
                    and render inside `encode` and `to_target`";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let writes = |source: &&Source| {
        source.path.starts_with("crates/web/src")
            || source.path.to_str().is_some_and(|path| path.starts_with("crates/protocol-"))
    };
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(writes) {
        for (at, line) in source.product() {
            let Some(name) = implementor(line) else { continue };
            let own = tree.sources.iter().filter(|other| other.package == source.package);
            let mut declared = own.filter_map(|other| Some((other, declaration(other, name)?)));
            match declared.next() {
                Some((place, lines)) => findings.extend(held(place, lines, name)),
                None => {
                    let what =
                        format!("nobody sees what `{name}`, which writes its words, is made of");
                    findings.push(Finding::new(&source.path, at + 1, what, HINT));
                }
            }
        }
    }
    findings
}

/// The type in `impl NoticeEncoder for Type`.
fn implementor(line: &str) -> Option<&str> {
    let mut words = words(line).skip_while(|word| !TRAITS.contains(word));
    let is_impl = line.trim_start().starts_with("impl");
    (is_impl && words.next().is_some() && words.next() == Some("for")).then(|| words.next())?
}

/// The lines (from 0) that declare a type.
fn declaration(source: &Source, name: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let (at, _) = source.product().find(|(_, line)| {
        let mut words = words(line).skip_while(|word| !matches!(*word, "struct" | "enum"));
        words.next().is_some() && words.next() == Some(name)
    })?;
    Some(at..=item_end(&source.code, at))
}

fn held(source: &Source, lines: std::ops::RangeInclusive<usize>, name: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in lines {
        let line = source.code.get(at).map(String::as_str).unwrap_or_default();
        for held in words(line).filter(|word| BYTES.contains(word)) {
            let what = format!("`{name}` writes the gateway's words and holds `{held}`");
            findings.push(Finding::new(&source.path, at + 1, what, HINT));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    const FILE: &str = "crates/protocol-mcp/src/words.rs";
    const NONE: [&str; 0] = [];

    #[test]
    fn bytes_that_somebody_brings_are_found() {
        let tuple = "struct Declined(pub(super) Bytes);\nimpl NoticeEncoder for Declined {}\n";
        assert_eq!(
            found(check, "p", FILE, tuple),
            ["1: `Declined` writes the gateway's words and holds `Bytes`"]
        );
        let fields = "enum Words {\n    Nothing,\n    Of(Vec<u8>),\n}\n\
                      impl portreeve_session::NoticeEncoder for Words {\n}\n";
        assert_eq!(found(check, "p", FILE, fields).len(), 2, "`Vec` and `u8`");
        let elsewhere = "impl NoticeEncoder for Made {}\n";
        assert_eq!(
            found(check, "p", FILE, elsewhere),
            ["1: nobody sees what `Made`, which writes its words, is made of"]
        );
        let asked = "enum Asks<'a> {\n    Of(&'a [String]),\n}\nimpl OwnQuestion for Asks<'_> {}\n";
        assert_eq!(
            found(check, "p", FILE, asked),
            ["2: `Asks` writes the gateway's words and holds `String`"]
        );
    }

    #[test]
    fn data_with_a_type_are_free_and_so_is_the_engine() {
        let typed = "struct Words {\n    id: Id,\n    why: Option<Box<Unknown>>,\n}\n\
                     impl NoticeEncoder for Words {}\n";
        assert_eq!(found(check, "p", FILE, typed), NONE);
        let other = "struct Kept(Bytes);\nimpl Debug for Kept {}\n";
        assert_eq!(found(check, "p", FILE, other), NONE);
        let engine = "struct Own(Bytes);\nimpl NoticeEncoder for Own {}\n";
        assert_eq!(found(check, "p", "crates/session/src/a.rs", engine), NONE);
    }
}
