//! XML and HTML: text between tags, values of attributes, sections and comments. Tags stay.

use super::{Coding, Container, Leaf, Malformed, Visit};

/// Shows the leaves of a text; a label is the name of the element or attribute. HTML is read
/// where XML would refuse: unquoted attributes, elements that are not closed.
pub(super) fn walk<'t>(text: &'t str, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, label: "" };
    while reader.at < text.len() {
        let start = reader.at;
        let end = reader.tag_start(start);
        if text[start..end].contains(|c: char| !c.is_whitespace()) {
            visit(Leaf::value_of(start..end, Coding::XmlText, reader.label));
        }
        reader.at = end;
        reader.markup(visit)?;
    }
    Ok(())
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    label: &'t str,
}

impl<'t> Reader<'t> {
    fn error(&self, at: usize, what: &'static str) -> Malformed {
        Malformed { container: Container::Xml, at, what }
    }

    /// Where the next markup begins; a `<` before a space or a digit is text of HTML.
    fn tag_start(&self, from: usize) -> usize {
        let begins = |at: &usize| {
            let next = self.bytes.get(at + 1);
            next.is_some_and(|b| {
                b.is_ascii_alphabetic() || matches!(b, b'/' | b'!' | b'?' | b'_' | 0x80..)
            })
        };
        let marks = memchr::memchr_iter(b'<', &self.bytes[from..]).map(|at| from + at);
        marks.into_iter().find(begins).unwrap_or(self.text.len())
    }

    fn markup(&mut self, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return Ok(());
        }
        if rest.starts_with("<!--") {
            return self.enclosed("<!--", "-->", Coding::XmlComment, visit);
        }
        if rest.starts_with("<![CDATA[") {
            return self.enclosed("<![CDATA[", "]]>", Coding::XmlSection, visit);
        }
        if rest.starts_with("<?") {
            return self.enclosed("<?", "?>", Coding::XmlComment, visit);
        }
        if rest.starts_with("<!") {
            let end = rest.find(['>', '[']).filter(|end| rest.as_bytes()[*end] == b'>');
            let what = "a declaration does not end, or declares entities";
            self.at += end.ok_or_else(|| self.error(self.at, what))? + 1;
            return Ok(());
        }
        if rest.starts_with("</") {
            let end = rest.find('>').ok_or_else(|| self.error(self.at, "a tag does not end"))?;
            self.at += end + 1;
            self.label = "";
            return Ok(());
        }
        self.tag(visit)
    }

    fn enclosed(
        &mut self,
        open: &str,
        close: &str,
        coding: Coding,
        visit: &mut Visit<'t, '_>,
    ) -> Result<(), Malformed> {
        let start = self.at + open.len();
        let length = self.text[start..].find(close);
        let end = start
            + length.ok_or_else(|| self.error(self.at, "a comment or section does not end"))?;
        // `<?xml version="1.0"?>` and `<!---->` hold nothing.
        if !(self.text[start..end].starts_with("xml ") || start == end) {
            let label = if coding == Coding::XmlSection { self.label } else { "" };
            visit(Leaf::value_of(start..end, coding, label));
        }
        self.at = end + close.len();
        Ok(())
    }

    /// Shows the attributes of a start tag, and the content of elements that hold code.
    fn tag(&mut self, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
        let start = self.at;
        let name = self.word(start + 1);
        self.label = &self.text[name.clone()];
        let mut at = name.end;
        loop {
            at += self.space(at);
            match self.bytes.get(at) {
                None => return Err(self.error(start, "a tag does not end")),
                Some(b'>') => break,
                Some(b'/' | b'=' | b'"' | b'\'') => at += 1,
                Some(_) => at = self.attribute(at, visit)?,
            }
        }
        self.at = at + 1;
        let closed = self.bytes[at - 1] == b'/';
        let code = ["script", "style"].iter().find(|name| self.label.eq_ignore_ascii_case(name));
        if let Some(name) = code.filter(|_| !closed) {
            let rest = &self.text[self.at..];
            let ends = |at: &usize| {
                let word = rest.get(at + 2..at + 2 + name.len());
                rest[*at..].starts_with("</") && word.is_some_and(|w| w.eq_ignore_ascii_case(name))
            };
            let end = memchr::memchr_iter(b'<', rest.as_bytes()).find(ends);
            let end = self.at + end.ok_or_else(|| self.error(start, "a script does not end"))?;
            visit(Leaf::value_of(self.at..end, Coding::Text, ""));
            self.at = end;
        }
        Ok(())
    }

    /// Shows the attribute at `at`, and gives where it ends.
    fn attribute(&self, at: usize, visit: &mut Visit<'t, '_>) -> Result<usize, Malformed> {
        let name = self.word(at);
        let label = &self.text[name.clone()];
        let equals = name.end + self.space(name.end);
        if self.bytes.get(equals) != Some(&b'=') {
            return Ok(name.end);
        }
        let start = equals + 1 + self.space(equals + 1);
        let rest = &self.text[start..];
        let (range, coding, end) = match rest.as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => {
                let length = memchr::memchr(*quote, &rest.as_bytes()[1..]);
                let length =
                    length.ok_or_else(|| self.error(start, "an attribute does not end"))?;
                (start + 1..start + 1 + length, Coding::XmlQuoted, start + length + 2)
            }
            _ => {
                let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '>');
                let end = start + end.unwrap_or(rest.len());
                (start..end, Coding::XmlBare, end)
            }
        };
        // Names of vocabularies are addresses that nobody lives at.
        if !(label == "xmlns" || label.starts_with("xmlns:") || label.ends_with("schemaLocation")) {
            visit(Leaf::value_of(range, coding, label));
        }
        Ok(end)
    }

    fn word(&self, start: usize) -> std::ops::Range<usize> {
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
        let rest = &self.text[start..];
        // At least one character, so that every attribute gets further.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        start..start + first + rest[first..].find(ends).unwrap_or(rest.len() - first)
    }

    fn space(&self, at: usize) -> usize {
        self.bytes[at.min(self.bytes.len())..]
            .iter()
            .take_while(|b| b.is_ascii_whitespace())
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Vec<String> {
        super::super::leaves(crate::mask::Container::Xml, "name", text).unwrap()
    }

    #[test]
    fn text_and_attributes_are_leaves() {
        let text = "<?xml version=\"1.0\"?><!DOCTYPE a><p id='1' mail = \"a@b\">x &amp; 1 < 2<br/>y\
            </p>z<!-- c --><![CDATA[d]]><a href=e checked>f</a>";
        assert_eq!(
            leaves(text),
            ["id=1", "mail=a@b", "p=x &amp; 1 < 2", "br=y", "=z", "= c ", "=d", "href=e", "a=f"]
        );
        assert_eq!(leaves("<script>if (a<b) '</p>'</SCRIPT>x"), ["=if (a<b) '</p>'", "=x"]);
        assert_eq!(leaves("plain"), ["=plain"]);
    }

    #[test]
    fn what_does_not_end_is_refused() {
        for text in [
            "<a",
            "<a b=\"c",
            "<!-- a",
            "<![CDATA[a]]",
            "<!DOCTYPE a [<!ENTITY b 'c'>]>",
            "</a",
            "<script>a",
        ] {
            assert!(walk(text, &mut |_| ()).is_err(), "{text}");
        }
    }
}
