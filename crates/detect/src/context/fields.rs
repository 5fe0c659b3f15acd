//! Values that a text gives a name: cells under a line of column names (comma, semicolon, tab or
//! bar between them, as `psql` and Markdown draw tables, too), `key=value`, `"key": "value"`,
//! `key: value` at the beginning of a line, and elements of XML. Nothing is refused: what has no
//! such form has no fields.
//!
//! A table goes on until a line has another number of cells. [`Tables`] remembers the one that is
//! open, for a text that comes in pieces.

use super::headers;
use super::value::ValueContext;
use std::ops::Range;

/// A value in a text, with what its name says.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) range: Range<usize>,
    pub(crate) context: ValueContext,
}

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Longest value that a name is taken to speak about.
const VALUE_BYTES_MAX: usize = 256;

/// Most cells of a line.
const CELLS_MAX: usize = 256;

/// Longest line of column names.
const LINE_BYTES_MAX: usize = 4096;

/// The table that is open where a piece of a text begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    open: Option<Header>,
    /// The beginning of the line at hand, where a piece ends within a line.
    line: String,
    /// Whether that line is too long to be remembered: its cells cannot be counted.
    lost: bool,
}

/// The columns of a table.
#[derive(Clone, Debug)]
struct Header {
    mark: u8,
    cells: Vec<ValueContext>,
    /// Whether rows have been seen: a name alone over nothing says little.
    rows: usize,
}

impl Tables {
    /// Whether the text begins in a table.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Finds the fields of the piece that comes next, without going on to what follows it.
    pub(crate) fn find(&self, piece: &str, out: &mut Vec<Field>) {
        let from = out.len();
        if has_tables(piece.as_bytes()) || self.open.is_some() {
            let mut tables = self.clone();
            tables.walk(piece, &mut |field| out.push(field));
            tables.end(piece, &mut |field| out.push(field));
        }
        pairs(piece, out);
        elements(piece, out);
        let people = out[from..].iter().any(|field| field.context.is_personal());
        for field in &mut out[from..] {
            field.context.people |= people;
        }
    }

    /// Goes behind a piece.
    pub(crate) fn pass(&mut self, piece: &str) {
        if self.open.is_some() || !self.line.is_empty() || has_tables(piece.as_bytes()) {
            self.walk(piece, &mut |_| ());
        } else {
            // Only the line at hand may still be one of names.
            let last = memchr::memrchr(b'\n', piece.as_bytes()).map_or(0, |at| at + 1);
            self.lost &= last == 0;
            self.keep(&piece[last..]);
        }
    }

    /// Reads the lines that end in a piece, and remembers the beginning of the last one.
    fn walk(&mut self, piece: &str, visit: &mut dyn FnMut(Field)) {
        let mut at = 0;
        while let Some(length) = memchr::memchr(b'\n', &piece.as_bytes()[at..]) {
            self.line(&piece[at..at + length], at, visit);
            at += length + 1;
        }
        self.keep(&piece[at..]);
    }

    fn keep(&mut self, rest: &str) {
        if self.line.len() + rest.len() > LINE_BYTES_MAX {
            self.lost = true;
            self.line.clear();
        } else if !self.lost {
            self.line.push_str(rest);
        }
    }

    /// Reads the line that the text ends with.
    fn end(mut self, piece: &str, visit: &mut dyn FnMut(Field)) {
        let start = memchr::memrchr(b'\n', piece.as_bytes()).map_or(0, |at| at + 1);
        // What was kept of it is read again, with where it stands.
        let kept = self.line.len().min(piece.len() - start);
        self.line.truncate(self.line.len() - kept);
        self.line(&piece[start..], start, visit);
    }

    /// Reads a line whose rest stands at `start` of the piece.
    fn line(&mut self, rest: &str, start: usize, visit: &mut dyn FnMut(Field)) {
        if std::mem::take(&mut self.lost) {
            self.line.clear();
            return;
        }
        let before = std::mem::take(&mut self.line);
        let joined;
        let line = match before.is_empty() {
            true => rest,
            false => {
                joined = before.clone() + rest;
                &joined
            }
        };
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some(header) = &mut self.open {
            if is_rule(line) {
                return;
            }
            if header.row(line, &mut |range, context| {
                // What stood in the piece before was shown there.
                if range.end > before.len() {
                    let end = start + range.end - before.len();
                    let begin = start + range.start.saturating_sub(before.len());
                    visit(Field { range: begin..end, context });
                }
            }) {
                return;
            }
        }
        self.open = Header::read(line);
    }
}

/// Whether a text may hold a table: a mark between cells, and a second line.
fn has_tables(bytes: &[u8]) -> bool {
    memchr::memchr(b'\n', bytes).is_some()
        && (memchr::memchr3(b',', b';', b'\t', bytes).is_some()
            || memchr::memchr(b'|', bytes).is_some())
}

/// Whether a line only divides names from rows: `----+----`, `|---|:--|`.
fn is_rule(line: &str) -> bool {
    line.len() > 2
        && line.contains("--")
        && line.bytes().all(|b| matches!(b, b'-' | b'+' | b'|' | b':' | b' ' | b'='))
}

impl Header {
    /// The columns that a line names, if it does.
    fn read(line: &str) -> Option<Self> {
        if line.len() > LINE_BYTES_MAX
            || !line.bytes().any(|b| matches!(b, b',' | b';' | b'\t' | b'|'))
        {
            return None;
        }
        [b'|', b'\t', b';', b','].into_iter().find_map(|mark| Self::divided(line, mark))
    }

    fn divided(line: &str, mark: u8) -> Option<Self> {
        let mut names: Vec<&str> = Vec::new();
        let whole = cells(line, mark, &mut |range| names.push(&line[range]));
        if !whole || !(2..=CELLS_MAX).contains(&names.len()) || !names.iter().all(|n| may_name(n)) {
            return None;
        }
        let read: Vec<_> = names.iter().map(|name| headers::read(name)).collect();
        let known = read.iter().flatten().count();
        // `Ann, phone, and tea`: words between commas are names of columns where they are written
        // like such, or most are known as such.
        let written = names.iter().all(|name| is_written(name));
        let enough = if written { known > 0 } else { known >= 2 && known * 2 >= names.len() };
        enough.then(|| {
            let cells = names.iter().map(|name| ValueContext::named(name)).collect();
            Self { mark, cells, rows: 0 }
        })
    }

    /// Shows the cells of a line that has as many as there are columns.
    fn row(&mut self, line: &str, show: &mut dyn FnMut(Range<usize>, ValueContext)) -> bool {
        let mut ranges: Vec<Range<usize>> = Vec::with_capacity(self.cells.len());
        let whole = cells(line, self.mark, &mut |range| {
            if ranges.len() <= CELLS_MAX {
                ranges.push(range);
            }
        });
        if !whole || ranges.len() != self.cells.len() {
            return false;
        }
        self.rows += 1;
        for (range, context) in ranges.into_iter().zip(&self.cells) {
            if context.says_something() && !range.is_empty() && range.len() <= VALUE_BYTES_MAX {
                show(range, *context);
            }
        }
        true
    }
}

/// Whether a cell may be the name of a column.
fn may_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '#')
        && name.split_whitespace().count() <= 4
        && !name.contains(['@', '=', '{', '<', '!', '?'])
        && name.bytes().filter(u8::is_ascii_digit).count() <= 3
}

/// Whether a name is written as programs write names: `first_name`, `postalCode`, `Phone`.
fn is_written(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'#'))
        && !name.contains("..")
}

/// Shows the cells of a line without the white space and quotes around them; says whether the
/// quotes are even. Bars at both ends of the line divide nothing.
fn cells(line: &str, mark: u8, show: &mut dyn FnMut(Range<usize>)) -> bool {
    let bytes = line.as_bytes();
    let (mut at, mut limit) = (0, bytes.len());
    if mark == b'|' {
        let trimmed = line.trim();
        if trimmed.len() > 1 && trimmed.starts_with('|') && trimmed.ends_with('|') {
            at = line.len() - line.trim_start().len() + 1;
            limit = line.trim_end().len() - 1;
        }
    }
    loop {
        let lead = bytes[at..limit].iter().take_while(|b| **b == b' ').count();
        let (range, end) = match bytes[..limit].get(at + lead) {
            Some(b'"') => {
                let start = at + lead + 1;
                let mut end = start;
                loop {
                    let Some(quote) = memchr::memchr(b'"', &bytes[end..limit]) else {
                        return false;
                    };
                    end += quote;
                    if bytes[..limit].get(end + 1) != Some(&b'"') {
                        break;
                    }
                    end += 2;
                }
                let rest = memchr::memchr(mark, &bytes[end..limit]);
                (start..end, rest.map(|n| end + n))
            }
            _ => {
                let rest = memchr::memchr(mark, &bytes[at..limit]).map(|n| at + n);
                let cell = &line[at..rest.unwrap_or(limit)];
                let start = at + (cell.len() - cell.trim_start().len());
                (start..start + cell.trim().len(), rest)
            }
        };
        show(range);
        match end {
            Some(end) => at = end + 1,
            None => return true,
        }
    }
}

/// `key=value`, `"key": "value"` and `key: value`.
fn pairs(text: &str, out: &mut Vec<Field>) {
    let bytes = text.as_bytes();
    for at in memchr::memchr2_iter(b'=', b':', bytes) {
        let found = match bytes[at] {
            b'=' => assigned(text, at),
            _ => quoted_key(text, at).or_else(|| line_key(text, at)),
        };
        let Some((name, ranges)) = found else { continue };
        let context = ValueContext::named(name);
        if !context.says_something() {
            continue;
        }
        let fits = |r: &Range<usize>| (1..=VALUE_BYTES_MAX).contains(&r.len());
        let fields = ranges.into_iter().filter(fits).map(|range| Field { range, context });
        out.extend(fields);
    }
}

/// The values behind `"key":`, more than one where they are an array.
fn quoted_key(text: &str, colon: usize) -> Option<(&str, Vec<Range<usize>>)> {
    let bytes = text.as_bytes();
    let front = text[..colon].trim_end_matches(' ');
    let quote = *front.as_bytes().last().filter(|b| matches!(b, b'"' | b'\''))?;
    let mut end = front.len() - 1;
    // JSON within a string escapes its quotes.
    let escapes = front[..end].bytes().rev().take_while(|b| *b == b'\\').count();
    end -= escapes;
    let low = end.saturating_sub(NAME_BYTES_MAX + 1);
    let start = memchr::memrchr(quote, &bytes[low..end])? + low + 1;
    let name = &text[start..end];
    if name.is_empty() || name.contains('\n') {
        return None;
    }
    let mut at = colon + 1;
    let mut ranges = Vec::new();
    let mut list = false;
    loop {
        // Fewer signs may escape the value than the name, and the text may end with them.
        at += bytes.get(at..)?.iter().take_while(|b| b.is_ascii_whitespace()).count();
        match *bytes.get(at)? {
            b'[' if !list => {
                list = true;
                at += 1;
            }
            b'\\' if escapes > 0 => at += escapes,
            b if b == quote => {
                let (range, behind) = string(bytes, at, quote, escapes)?;
                ranges.push(range);
                at = behind;
                at += bytes[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
                if !list || bytes.get(at) != Some(&b',') || ranges.len() == CELLS_MAX {
                    break;
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..]
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+'))
                    .count();
                ranges.push(at..at + length);
                break;
            }
            _ => break,
        }
    }
    Some((name, ranges))
}

/// What stands between the quote at `at` and the one that closes it, and where it ends.
fn string(bytes: &[u8], at: usize, quote: u8, escapes: usize) -> Option<(Range<usize>, usize)> {
    let start = at + 1;
    let mut end = start;
    loop {
        let limit = bytes.len().min(end + VALUE_BYTES_MAX * 2);
        end += memchr::memchr(quote, &bytes[end..limit])?;
        let before = bytes[start..end].iter().rev().take_while(|b| **b == b'\\').count();
        if before == escapes || escapes == 0 && before % 2 == 0 {
            return Some((start..end - before.min(escapes), end + 1));
        }
        end += 1;
    }
}

/// The value behind `key=`.
fn assigned(text: &str, sign: usize) -> Option<(&str, Vec<Range<usize>>)> {
    let bytes = text.as_bytes();
    let next = *bytes.get(sign + 1)?;
    if matches!(next, b'=' | b'>' | b'~') {
        return None;
    }
    let spaced = next == b' ';
    let front = if spaced { text[..sign].trim_end_matches(' ') } else { &text[..sign] };
    let name = key_before(front)?;
    let before = front[..front.len() - name.len()].chars().next_back();
    if !before.is_none_or(is_key_boundary) {
        return None;
    }
    let at = if spaced { sign + 2 } else { sign + 1 };
    match bytes.get(at)? {
        quote @ (b'"' | b'\'') => {
            let (range, _) = string(bytes, at, *quote, 0)?;
            Some((name, vec![range]))
        }
        b'\\' if matches!(bytes.get(at + 1), Some(b'"')) => {
            let (range, _) = string(bytes, at + 1, b'"', 1)?;
            Some((name, vec![range]))
        }
        _ if spaced => None,
        _ => Some((name, vec![bare(text, at, before)])),
    }
}

/// A value without quotes: up to a mark that divides pairs, or to the next key.
fn bare(text: &str, at: usize, before: Option<char>) -> Range<usize> {
    let limit = text.floor_char_boundary((at + VALUE_BYTES_MAX).min(text.len()));
    let rest = &text[at..limit];
    let divides =
        |c: char| matches!(c, ';' | '&' | '|' | '\t' | '\n' | '\r' | '"' | '<' | ')' | ']' | '}');
    let end = rest.find(divides).unwrap_or(rest.len());
    let value = &rest[..end];
    let marked = rest[end..].starts_with([';', '&', '|', '\t'])
        || matches!(before, Some(';' | '&' | '|' | '\t'));
    // `patient=Ann Lee state=open`, `a=1, b=2`.
    let words = value.match_indices([' ', ',']).map(|(i, _)| i);
    let opens = |i: usize| {
        let next = value[i..].trim_start_matches([' ', ',']);
        let key = next.find(|c: char| !is_key(c)).unwrap_or(next.len());
        key > 0 && next[key..].starts_with('=')
    };
    let length = match words.clone().find(|i| opens(*i)) {
        Some(next) => next,
        None if marked => value.len(),
        None => words.clone().next().unwrap_or(value.len()),
    };
    at..at + value[..length].trim_end_matches([' ', ',', '.']).len()
}

fn is_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The key that a text ends with.
fn key_before(front: &str) -> Option<&str> {
    let size: usize = front
        .chars()
        .rev()
        .take(NAME_BYTES_MAX)
        .take_while(|c| is_key(*c))
        .map(char::len_utf8)
        .sum();
    let name = &front[front.len() - size..];
    name.starts_with(|c: char| c.is_alphabetic() || c == '_').then_some(name)
}

fn is_key_boundary(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, ';' | '&' | '?' | ',' | '|' | '(' | '[' | '{' | '"' | '\'' | '<')
}

/// The value behind `key:` at the beginning of a line, or behind a mark between such pairs.
fn line_key(text: &str, colon: usize) -> Option<(&str, Vec<Range<usize>>)> {
    let bytes = text.as_bytes();
    if bytes.get(colon + 1) != Some(&b' ') {
        return None;
    }
    let low = text.ceil_char_boundary(colon.saturating_sub(NAME_BYTES_MAX));
    let front = &text[low..colon];
    let start = front.rfind(['\n', ',', ';', '|', '{', '(']).map(|i| i + 1);
    if start.is_none() && low > 0 {
        return None;
    }
    let name = front[start.unwrap_or(0)..].trim_start_matches([' ', '-', '*', '\t', '>', '#']);
    let name = name.trim_matches(['*', '_', '`', ' ']);
    if !may_name(name) || !headers::read(name).is_some_and(|(.., words)| is_said_by(name, words)) {
        return None;
    }
    let at = colon + 1 + text[colon + 1..].len()
        - text[colon + 1..].trim_start_matches([' ', '*', '`']).len();
    let limit = text.floor_char_boundary((at + VALUE_BYTES_MAX).min(text.len()));
    let rest = &text[at..limit];
    let end = rest.find(['\n', '\r', ',', ';', '|', '\t', '}', ')', '"']).unwrap_or(rest.len());
    let value = rest[..end].split("  ").next().unwrap_or("").trim_end_matches([' ', '.', '*', '`']);
    // A sentence may follow a word with a colon: names begin with capitals.
    let sentence = value.split_whitespace().count() > 4
        || value.chars().next().is_some_and(char::is_lowercase) && value.contains(' ');
    (!sentence).then(|| (name, std::iter::once(at..at + value.len()).collect()))
}

/// Whether a name is nothing but the words that say what it is, or a word beside them.
fn is_said_by(name: &str, words: &str) -> bool {
    headers::words(name).len() <= words.split(' ').count() + 1
}

/// `<key>value</key>`.
fn elements(text: &str, out: &mut Vec<Field>) {
    let bytes = text.as_bytes();
    if memchr::memchr(b'<', bytes).is_none() {
        return;
    }
    for at in memchr::memmem::find_iter(bytes, b"</") {
        let rest = &text[at + 2..];
        let length = rest.bytes().take(NAME_BYTES_MAX).take_while(|b| is_tag_byte(*b)).count();
        let name = &rest[..text[at + 2..].floor_char_boundary(length)];
        let low = text.ceil_char_boundary(at.saturating_sub(VALUE_BYTES_MAX));
        let Some(start) = memchr::memrchr(b'>', &bytes[low..at]).map(|i| low + i + 1) else {
            continue;
        };
        let Some(open) = memchr::memrchr(b'<', &bytes[..start]) else { continue };
        let named = text[open + 1..start].starts_with(name) && !name.is_empty();
        let context = if named { ValueContext::named(name) } else { continue };
        if context.says_something() && start < at {
            let value = &text[start..at];
            let begin = start + value.len() - value.trim_start().len();
            out.push(Field { range: begin..begin + value.trim().len(), context });
        }
    }
}

fn is_tag_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check;

    /// The fields of a text whose names say something, as their values.
    fn values(text: &str) -> Vec<&str> {
        let mut out = Vec::new();
        Tables::default().find(text, &mut out);
        out.iter().map(|field| &text[field.range.clone()]).collect()
    }

    #[test]
    fn tables_of_several_writings_have_fields() {
        assert_eq!(values("ref,phone\r\nK7,\"0432 1\"\r\nK8,0433"), ["0432 1", "0433"]);
        assert_eq!(values("nr;Postleitzahl;Vorname\n1;28195;Yrsa\n"), ["28195", "Yrsa"]);
        let psql = " ref | username \n-----+----------\n K1  | ydahl77  \n(1 row)\n";
        assert_eq!(values(psql), ["ydahl77"]);
        let markdown = "| nr | city | e-mail |\n|---|:--|---|\n| 1 | Husum | a@b.org |\n";
        assert_eq!(values(markdown), ["Husum", "a@b.org"]);
        assert_eq!(values("iban\tqty\nDE89\t7\n\nname, phone and tea"), ["DE89"]);
    }

    #[test]
    fn running_text_is_no_table() {
        assert!(
            values("He gave his name, and I, mine.\nWe left, it rained, and so on.").is_empty()
        );
        assert!(values("a,b\n1,2").is_empty());
        assert!(values("phone,name").is_empty(), "names of nothing");
        assert!(values("phone,name\n1").is_empty(), "another number of cells");
    }

    #[test]
    fn pairs_of_several_writings_have_fields() {
        assert_eq!(values("saved first_name=Yrsa city=Husum n=1"), ["Yrsa", "Husum"]);
        assert_eq!(values("a=1;patient=Yrsa Dahl;b=2"), ["Yrsa Dahl"]);
        assert_eq!(values("user_name='y d' x=\"z\""), ["y d"]);
        assert_eq!(values("last_name=Dahl-Ek failed again"), ["Dahl-Ek"]);
        assert_eq!(
            values(r#"{"login":"ydahl","n":1,"phone":432118,"tag":["x"]}"#),
            ["ydahl", "432118"]
        );
        assert_eq!(values(r#"{"email": ["a@b.org", "c@d.org"]}"#), ["a@b.org", "c@d.org"]);
        assert_eq!(values(r#""{\\"login\\":\\"ydahl\\"}""#), ["ydahl"]);
        assert_eq!(values("{'surname': 'Dahl'}"), ["Dahl"]);
        assert_eq!(values("  surname: Dahl\n  qty: 5\n"), ["Dahl"]);
        assert_eq!(values("<surname>Dahl</surname><x>y</x>"), ["Dahl"]);
        assert!(values("if (phone == other) x => y").is_empty());
        assert!(values("Note for the driver: bring the keys and the papers").is_empty());
    }

    #[test]
    fn a_text_may_end_within_an_escape() {
        for escapes in 1..4 {
            let key = format!("{0}\"login{0}\":", "\\".repeat(escapes));
            for end in 0..=escapes {
                assert!(values(&format!("{key}{}", "\\".repeat(end))).is_empty());
            }
        }
    }

    #[test]
    fn what_stands_under_a_name_is_that() {
        check(
            "ref,phone,tax_id\nK1,0432118907,73501928469\n",
            &["phone:0432118907", "tax-id:73501928469"],
        );
        check("retry login=ydahl77 try=3", &["username:ydahl77"]);
        check("qty=7 state=open login=true", &[]);
        check("surname=Dahl city=Husum", &["person-name:Dahl", "location:Husum"]);
        check("order=17 city=husum", &[]);
    }

    #[test]
    fn a_table_goes_on_in_the_next_piece_wherever_it_is_cut() {
        let text = "ref,username,qty\nK1,ydahl77,2\nK2,\"obeck, 9\",3\nK3,mlund5,1";
        let whole = values(text);
        assert_eq!(whole, ["ydahl77", "obeck, 9", "mlund5"]);
        for cut in 0..=text.len() {
            let mut tables = Tables::default();
            tables.pass(&text[..cut]);
            let mut found = Vec::new();
            tables.find(&text[cut..], &mut found);
            // What ends before the cut was found there, and what begins behind it is found here.
            let behind: Vec<&str> =
                whole.iter().copied().filter(|value| text.find(value).unwrap() >= cut).collect();
            let here: Vec<&str> =
                found.iter().map(|field| &text[cut..][field.range.clone()]).collect();
            assert!(here.ends_with(&behind), "cut at {cut}: {here:?} lacks {behind:?}");
        }
    }
}
