//! Values separated by marks (RFC 4180): cells, and the names in the first record.

use super::{Coding, Container, Leaf, Malformed, Role, Visit};
use crate::columns::{Column, classify};
use crate::detector::{Detector, Options};
use crate::finding::Evidence;
use std::collections::BTreeSet;
use std::ops::Range;

/// Shows the cells of a text; a cell's label is the name of its column.
pub(super) fn walk<'t>(text: &'t str, visit: &mut Visit<'t, '_>) -> Result<(), Malformed> {
    let mut reader = Reader::new(text, separators(text)?);
    let mut first = Vec::new();
    reader.record(&mut |cell| first.push(cell))?;
    let named = are_names(text, &first);
    let label = |cell: &Cell| if named { text.get(cell.range.clone()) } else { None };
    let labels: Vec<&str> = first.iter().map(|cell| label(cell).unwrap_or_default()).collect();
    for cell in &first {
        let leaf = Leaf::value_of(cell.range.clone(), cell.coding, "");
        visit(if named { Leaf { role: Role::Name, ..leaf } } else { leaf });
    }
    while reader.at < reader.bytes.len() {
        let mut column = 0;
        reader.record(&mut |cell| {
            let label = labels.get(column).copied().unwrap_or_default();
            column += 1;
            visit(Leaf::value_of(cell.range, cell.coding, label));
        })?;
    }
    Ok(())
}

struct Cell {
    range: Range<usize>,
    coding: Coding,
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// What ends a cell: one mark, or several where the text does not tell.
    marks: Vec<u8>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, marks: Vec<u8>) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, bytes: text.as_bytes(), at, marks }
    }

    /// Shows the cells of one record and goes behind its end.
    fn record(&mut self, show: &mut dyn FnMut(Cell)) -> Result<(), Malformed> {
        loop {
            let (range, coding) = match self.bytes.get(self.at) {
                Some(b'"') => (quoted(self.bytes, self.at)?, Coding::CsvQuoted),
                _ => {
                    let end = self.bare_end(&self.bytes[self.at..]);
                    let range = self.at..end.map_or(self.text.len(), |end| self.at + end);
                    (range, Coding::CsvBare(self.marks[0]))
                }
            };
            self.at = range.end + usize::from(coding == Coding::CsvQuoted);
            show(Cell { range, coding });
            match self.bytes.get(self.at) {
                Some(byte) if self.marks.contains(byte) => self.at += 1,
                Some(b'\r' | b'\n') | None => break,
                Some(_) => {
                    let what = "something follows a closing quote";
                    return Err(Malformed { container: Container::Csv, at: self.at, what });
                }
            }
        }
        self.at += match self.bytes[self.at..] {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        Ok(())
    }

    fn bare_end(&self, rest: &[u8]) -> Option<usize> {
        match self.marks[..] {
            [mark] => memchr::memchr3(mark, b'\r', b'\n', rest),
            _ => rest.iter().position(|b| matches!(b, b'\r' | b'\n') || self.marks.contains(b)),
        }
    }
}

/// What is between the quotes of the cell that begins at `at`.
fn quoted(bytes: &[u8], at: usize) -> Result<Range<usize>, Malformed> {
    let mut end = at + 1;
    loop {
        let Some(quote) = memchr::memchr(b'"', &bytes[end..]) else {
            let what = "a quoted cell does not end";
            return Err(Malformed { container: Container::Csv, at, what });
        };
        end += quote;
        if bytes.get(end + 1) != Some(&b'"') {
            return Ok(at + 1..end);
        }
        end += 2;
    }
}

/// The marks that divide the first records into equal numbers of cells; a comma where none does.
/// Where several do, a cell ends at each of them: whichever it is, no cell is lost.
fn separators(text: &str) -> Result<Vec<u8>, Malformed> {
    let mut marks = Vec::new();
    let mut quotes = false;
    let mut error = None;
    for mark in *b",;\t|" {
        let mut reader = Reader::new(text, vec![mark]);
        let mut counts = Vec::with_capacity(RECORDS_LOOKED_AT);
        while reader.at < reader.bytes.len() && counts.len() < RECORDS_LOOKED_AT {
            let mut count = 0;
            let empty = matches!(reader.bytes[reader.at], b'\r' | b'\n');
            let read = reader.record(&mut |cell| {
                count += 1;
                quotes |= cell.coding == Coding::CsvQuoted;
            });
            if let Err(found) = read {
                error = Some(found);
                counts.clear();
                break;
            }
            if !empty {
                counts.push(count);
            }
        }
        if counts.first().is_some_and(|first| *first > 1 && counts.iter().all(|n| n == first)) {
            marks.push(mark);
        }
    }
    match (marks.len(), error) {
        (0, Some(error)) => Err(error),
        (0, None) => Ok(vec![b',']),
        // With quotes it matters which mark it is.
        (2.., _) if quotes => {
            let what = "several marks divide it evenly";
            Err(Malformed { container: Container::Csv, at: 0, what })
        }
        _ => Ok(marks),
    }
}

/// Whether the cells of the first record name columns. When in doubt they are data: a name that
/// is masked is a smaller harm than a person who is not.
fn are_names(text: &str, cells: &[Cell]) -> bool {
    let names: Vec<&str> = cells.iter().map(|cell| &text[cell.range.clone()]).collect();
    let different: BTreeSet<&&str> = names.iter().collect();
    if different.len() < names.len() || names.iter().any(|name| !may_be_name(name)) {
        return false;
    }
    let written = |name: &&str| {
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && name.starts_with(|c: char| c.is_ascii_lowercase())
    };
    let known = |name: &&str| classify(&Column { name, ..Column::default() }).is_some();
    names.iter().all(written) || names.iter().any(known)
}

fn may_be_name(name: &str) -> bool {
    let mut found = Vec::new();
    let plain = Detector::new(Options { names: false, ..Options::default() });
    plain.detect(name, &mut found);
    !name.trim().is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.trim().parse::<f64>().is_err()
        && found.iter().all(|finding| finding.evidence < Evidence::Shape)
}

const RECORDS_LOOKED_AT: usize = 32;
const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Vec<String> {
        super::super::leaves(crate::mask::Container::Csv, "name", text).unwrap()
    }

    #[test]
    fn cells_have_the_names_of_their_columns() {
        assert_eq!(
            leaves("id,e_mail\r\n1,\"a\"\"b,\nc\"\r\n2,\n"),
            ["name=id", "name=e_mail", "id=1", "e_mail=a\"\"b,\nc", "id=2", "e_mail="]
        );
        assert_eq!(
            leaves("Name;First name\nx,y;z"),
            ["name=Name", "name=First name", "Name=x,y", "First name=z"]
        );
        assert_eq!(leaves("a\tb|c\n1\t2"), ["=a", "=b|c", "=1", "=2"]);
        assert_eq!(
            leaves("Eva,Madrid\nAnn,Oslo"),
            ["=Eva", "=Madrid", "=Ann", "=Oslo"],
            "no names"
        );
        assert_eq!(leaves("eva@b.org,x\na@b.org,y"), ["=eva@b.org", "=x", "=a@b.org", "=y"]);
        assert_eq!(leaves("A,b;c\n1,2;3\n"), ["=A", "=b", "=c", "=1", "=2", "=3"], "either");
        assert_eq!(leaves(""), ["="]);
    }

    #[test]
    fn what_is_not_divided_cleanly_is_refused() {
        assert!(walk("a,\"b", &mut |_| ()).is_err());
        assert!(walk("a,\"b\"c\n", &mut |_| ()).is_err());
        assert!(walk("\"a\",b;c\n", &mut |_| ()).is_ok());
        assert!(walk("a;b,\"c\"\n", &mut |_| ()).is_err());
    }
}
