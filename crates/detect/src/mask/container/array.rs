//! Arrays as PostgreSQL writes them (section 8.15.6 of its manual): `{a,"b c",{d,NULL}}`.

use super::{Coding, Container, Leaf, Malformed, Visit};

/// Shows the elements of an array.
pub(super) fn walk<'t>(text: &'t str, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
    let bytes = text.as_bytes();
    let error = |at: usize, what| Malformed { container: Container::Array, at, what };
    // `[2:3]={…}`: bounds stand before it.
    let mut at = match text.starts_with('[') {
        true => text.find("={").ok_or_else(|| error(0, "it has bounds and no elements"))? + 1,
        false => text.len() - text.trim_start().len(),
    };
    if bytes.get(at) != Some(&b'{') {
        return Err(error(at, "it begins with no bracket"));
    }
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => (depth, at) = (depth + 1, at + 1),
            b'}' => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    let rest = text[at..].trim();
                    let what = "something follows it";
                    return if rest.is_empty() { Ok(()) } else { Err(error(at, what)) };
                }
            }
            b',' | b' ' | b'\n' | b'\t' | b'\r' => at += 1,
            b'"' => {
                let end = quote(bytes, at + 1).ok_or_else(|| error(at, "a quote is open"))?;
                visit(Leaf::value_of(at + 1..end, Coding::ArrayQuoted, ""));
                at = end + 1;
            }
            _ => {
                let ends = |b: &u8| matches!(b, b',' | b'{' | b'}' | b'"');
                let length = bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at);
                let element = text[at..at + length].trim_end();
                if !element.eq_ignore_ascii_case("null") {
                    visit(Leaf::value_of(at..at + element.len(), Coding::ArrayBare, ""));
                }
                at += length;
            }
        }
    }
    Err(error(at, "a bracket is open"))
}

/// Where the quote is that ends an element.
fn quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_leaves() {
        let leaves = |text| super::super::leaves(Container::Array, "name", text);
        assert_eq!(
            leaves(r#"{a, "b \" c",{d e,NULL},""}"#).unwrap(),
            ["=a", r#"=b \" c"#, "=d e", "="]
        );
        assert_eq!(leaves("[0:1]={x,y}").unwrap(), ["=x", "=y"]);
        assert_eq!(leaves("{}").unwrap(), [""; 0]);
        for text in ["", "a", "{a", "{\"a}", "{a}b", "[1:2]"] {
            assert!(leaves(text).is_err(), "{text}");
        }
    }
}
