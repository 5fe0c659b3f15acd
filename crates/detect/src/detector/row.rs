//! Rows: values that are split over cells next to each other. A card in four cells, an IBAN in
//! pieces, the code of a country beside a telephone number, the two halves of an e-mail address,
//! a date of birth in three columns, a name in two.
//!
//! What stands in one cell is found there. Pieces are joined only where the names of their
//! columns say that they belong together, or check digits do that few neighbours pass by chance;
//! then all cells that hold a piece are findings, each from its first to its last character that
//! is no white space. Values that are split over rows are not joined.
//!
//! ```
//! use portreeve_detect::{Category, Detector, Row};
//! let row = Row::new(Detector::default(), &["a", "b", "c", "d", "note"]);
//! let mut findings = Vec::new();
//! row.detect(&["4111", "1111", "1111", "1111", "paid"], &mut findings);
//! assert!(findings[3].finding.category == Category::Card && findings[3].cell == 3);
//! ```

use crate::checks::identifiers;
use crate::context;
use crate::context::headers::{are_about_people, words};
use crate::context::topics::Topics;
use crate::context::value::ValueContext;
use crate::detector::Detector;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};

/// A finding in one cell of a row; the offsets are those of the cell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CellFinding {
    /// Index of the cell.
    pub cell: usize,
    /// What was found in it.
    pub finding: Finding,
}

/// Detects in the rows of a table whose columns are known: what the names of the columns say is
/// worked out once.
#[derive(Clone, Debug)]
pub struct Row {
    detector: Detector,
    contexts: Vec<ValueContext>,
    joins: Vec<Join>,
}

/// Columns next to each other that may hold the parts of one value.
#[derive(Clone, Copy, Debug)]
struct Join {
    first: usize,
    count: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Name,
    Email,
    Phone,
    Birth,
    Coordinates,
    /// An identifier that the labels announce and check digits confirm.
    Identifier,
}

/// Most cells that hold the pieces of one value.
const PIECES_MAX: usize = 10;

/// Longest piece, in bytes.
const PIECE_BYTES_MAX: usize = 30;

impl Row {
    /// For rows with these columns.
    #[must_use]
    pub fn new(detector: Detector, labels: &[&str]) -> Self {
        let parts: Vec<Part> = labels.iter().map(|label| Part::of(label)).collect();
        let mut joins = Vec::new();
        for first in 0..parts.len() {
            let rest = &parts[first..];
            joins.extend(pair(rest).map(|kind| Join { first, count: 2, kind }));
            if is_birth(rest) {
                joins.push(Join { first, count: 3, kind: Kind::Birth });
            }
            let count = identifier_columns(rest);
            if count > 1 && !(first > 0 && parts[first - 1].shares_identifier(&parts[first])) {
                joins.push(Join { first, count, kind: Kind::Identifier });
            }
        }
        let people = are_about_people("", labels.iter().copied());
        let named = |label: &&str| ValueContext { people, ..ValueContext::named(label) };
        let contexts = labels.iter().map(named).collect();
        Self { detector, contexts, joins }
    }

    /// Appends the findings in the cells of a row to `out`, sorted by cell and position, disjoint
    /// within each cell. Cells beyond the columns have no name.
    pub fn detect(&self, cells: &[&str], out: &mut Vec<CellFinding>) {
        let from = out.len();
        let mut found = Vec::new();
        for (cell, text) in cells.iter().enumerate() {
            let context = self.contexts.get(cell).copied().unwrap_or_default();
            self.detector.scan(text, context, &mut found);
            out.extend(found.drain(..).map(|finding| CellFinding { cell, finding }));
        }
        self.split(cells, |cells, finding| cover(cells, finding, out, from));
    }

    /// Appends only what is split over cells, for a caller that looked at each cell already.
    pub fn detect_split(&self, cells: &[&str], out: &mut Vec<CellFinding>) {
        let from = out.len();
        self.split(cells, |cells, finding| cover(cells, finding, out, from));
    }

    /// Reports the split values: the cells with their trimmed spans, and what they are.
    fn split(&self, cells: &[&str], mut report: impl FnMut(&[Piece<'_>], Finding)) {
        let mut report = |pieces: &[Piece<'_>], category, evidence, score, rule| {
            let finding = Finding::new(0..0, category, score, evidence, rule);
            if self.detector.wants(&finding) {
                report(pieces, finding);
            }
        };
        for join in &self.joins {
            let Some(texts) = cells.get(join.first..join.first + join.count) else { continue };
            let pieces: Vec<Piece<'_>> = texts
                .iter()
                .zip(join.first..)
                .map(|(text, cell)| Piece { cell, whole: text, text: text.trim() })
                .collect();
            if join.kind == Kind::Identifier {
                if let Some((used, finding)) = self.announced(&pieces) {
                    report(used, finding.category, finding.evidence, finding.score, finding.rule);
                }
            } else if let Some(category) = join.kind.confirm(&pieces) {
                report(&pieces, category, Evidence::Context, 80, "cells");
            }
        }
        let mut at = 0;
        while at + 1 < cells.len() {
            let Some((pieces, category, rule)) = proven(cells, at) else {
                at += 1;
                continue;
            };
            at += pieces.len();
            report(&pieces, category, Evidence::Checksum, 88, rule);
        }
    }

    /// The longest run of pieces that together are an identifier that their columns announce.
    fn announced<'p, 'c>(&self, pieces: &'p [Piece<'c>]) -> Option<(&'p [Piece<'c>], Finding)> {
        let short = |p: &Piece<'_>| p.text.len() <= PIECE_BYTES_MAX;
        for count in (2..=pieces.len().min(PIECES_MAX)).rev() {
            for used in pieces.windows(count) {
                if !used.iter().all(|p| short(p) && !p.text.is_empty()) {
                    continue;
                }
                let value: String = used.iter().map(|p| p.text).collect();
                let mut found = Vec::new();
                let context = self.contexts.get(used[0].cell).copied().unwrap_or_default();
                self.detector.decoded(context, &value, &mut found);
                let proven = found.into_iter().find(|f| {
                    f.evidence >= Evidence::Checksum && f.start == 0 && f.end == value.len()
                });
                if let Some(finding) = proven {
                    return Some((used, finding));
                }
            }
        }
        None
    }
}

/// A cell and its text without white space around.
#[derive(Clone, Copy)]
struct Piece<'a> {
    cell: usize,
    whole: &'a str,
    text: &'a str,
}

/// Puts a finding over whole cells, but where one as sure covers the cell already.
fn cover(pieces: &[Piece<'_>], finding: Finding, out: &mut Vec<CellFinding>, from: usize) {
    for Piece { cell, whole, text } in pieces.iter().filter(|p| !p.text.is_empty()) {
        let start = whole.len() - whole.trim_start().len();
        let end = start + text.len();
        let first = from + out[from..].partition_point(|f| f.cell < *cell);
        let last = from + out[from..].partition_point(|f| f.cell <= *cell);
        let surer = |f: &CellFinding| {
            f.finding.start <= start && end <= f.finding.end && f.finding.score >= finding.score
        };
        if out[first..last].iter().any(surer) {
            continue;
        }
        let finding = Finding { start, end, ..finding };
        out.splice(first..last, [CellFinding { cell: *cell, finding }]);
    }
}

/// What the name of a column says about parts of values.
struct Part {
    topics: Topics,
    /// The words of the name, between spaces.
    words: String,
}

const GIVEN: &[&str] = &[
    "first name",
    "firstname",
    "fname",
    "given name",
    "givenname",
    "forename",
    "name first",
    "vorname",
    "prenom",
    "nombre",
    "nombres",
    "nome",
    "voornaam",
    "imie",
    "jmeno",
    "krstne meno",
    "keresztnev",
    "prenume",
    "име",
    "fornamn",
    "fornavn",
    "etunimi",
    "eesnimi",
    "vards",
    "vardas",
    "ονομα",
    "ime",
];
const FAMILY: &[&str] = &[
    "last name",
    "lastname",
    "lname",
    "surname",
    "family name",
    "familyname",
    "name last",
    "nachname",
    "familienname",
    "nom",
    "nom de famille",
    "apellido",
    "apellidos",
    "cognome",
    "sobrenome",
    "apelido",
    "achternaam",
    "nazwisko",
    "prijmeni",
    "priezvisko",
    "vezeteknev",
    "nume",
    "фамилия",
    "efternamn",
    "efternavn",
    "etternavn",
    "sukunimi",
    "perekonnanimi",
    "uzvards",
    "pavarde",
    "επωνυμο",
    "prezime",
    "priimek",
];
const DOMAIN: &[&str] = &["domain", "host", "mail domain", "email domain", "domaine", "dominio"];
const LOCAL: &[&str] = &["local", "local part", "localpart", "mailbox", "mail", "email", "user"];
const CODE: &[&str] = &[
    "country code",
    "dial code",
    "dialing code",
    "calling code",
    "phone code",
    "area code",
    "cc",
    "prefix",
    "vorwahl",
    "landesvorwahl",
    "indicatif",
    "prefijo",
    "prefisso",
    "prefixo",
    "landnummer",
    "kierunkowy",
    "predvolba",
];
const DAY: &[&str] = &["day", "dd", "tag", "jour", "dia", "giorno", "dag", "dzien", "den"];
const MONTH: &[&str] = &["month", "mm", "monat", "mois", "mes", "mese", "maand", "miesiac"];
const YEAR: &[&str] = &["year", "yyyy", "jahr", "annee", "ano", "anno", "jaar", "rok", "yy"];
const LATITUDE: &[&str] = &["lat", "latitude", "breitengrad", "latitud", "latitudine"];
const LONGITUDE: &[&str] =
    &["lon", "lng", "long", "longitude", "langengrad", "longitud", "longitudine"];

const IDENTIFIERS: Topics = Topics::NATIONAL
    .or(Topics::TAX)
    .or(Topics::HEALTH)
    .or(Topics::BANK)
    .or(Topics::CARD)
    .or(Topics::PASSPORT);

impl Part {
    fn of(label: &str) -> Self {
        // `ssn1`, `card_no_2`: the number of the part is no part of the name.
        let name = label.trim_end_matches(|c: char| c.is_ascii_digit());
        let words = format!(" {} ", words(name).join(" "));
        Self { topics: context::label(label).or(context::label(name)), words }
    }

    fn says(&self, list: &[&str]) -> bool {
        list.iter().any(|phrase| self.words.contains(&format!(" {phrase} ")))
    }

    fn shares_identifier(&self, next: &Self) -> bool {
        self.topics.common(next.topics).any(IDENTIFIERS)
    }
}

/// What two columns at the beginning may hold together.
fn pair(parts: &[Part]) -> Option<Kind> {
    let [one, two, ..] = parts else { return None };
    let either = |a: &[&str], b: &[&str]| one.says(a) && two.says(b) || two.says(a) && one.says(b);
    if either(GIVEN, FAMILY) {
        Some(Kind::Name)
    } else if one.says(LOCAL) && two.says(DOMAIN) {
        Some(Kind::Email)
    } else if one.says(CODE) && two.topics.any(Topics::PHONE) {
        Some(Kind::Phone)
    } else if either(LATITUDE, LONGITUDE) {
        Some(Kind::Coordinates)
    } else {
        None
    }
}

/// Whether three columns are the day, the month and the year of a birth.
fn is_birth(parts: &[Part]) -> bool {
    let Some(three) = parts.get(..3) else { return false };
    three.iter().any(|part| part.topics.any(Topics::BIRTH))
        && [DAY, MONTH, YEAR].iter().all(|list| three.iter().any(|part| part.says(list)))
}

/// How many columns from the first on are about identifiers of one kind.
fn identifier_columns(parts: &[Part]) -> usize {
    let pairs = parts.windows(2).take_while(|pair| pair[0].shares_identifier(&pair[1]));
    1 + pairs.count()
}

impl Kind {
    /// The category of the pieces, when their shapes fit what their columns say.
    fn confirm(self, pieces: &[Piece<'_>]) -> Option<Category> {
        let texts: Vec<&str> = pieces.iter().map(|p| p.text).collect();
        let all = |test: fn(&str) -> bool| texts.iter().all(|text| test(text));
        let number = |text: &str, limit: f64| {
            text.contains('.') && text.parse::<f64>().is_ok_and(|n| n.abs() <= limit)
        };
        let (fits, category) = match self {
            Self::Name => (all(is_name), Category::PersonName),
            Self::Email => (is_local(texts[0]) && is_domain(texts[1]), Category::Email),
            Self::Phone => {
                let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
                let fits = all(is_phone_part)
                    && (1..=4).contains(&digits(texts[0]))
                    && (4..=14).contains(&digits(texts[1]));
                (fits, Category::Phone)
            }
            Self::Birth => (all(is_date_part), Category::DateOfBirth),
            Self::Coordinates => {
                let fits = texts.iter().all(|text| number(text, 180.0));
                (fits, Category::GeoCoordinates)
            }
            Self::Identifier => return None,
        };
        fits.then_some(category)
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.contains(char::is_alphabetic)
        && !text.contains(|c: char| c.is_ascii_digit() || matches!(c, '@' | ':' | '/'))
}

fn is_local(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() || b >= 0x80)
        && !text.contains('@')
}

fn is_domain(text: &str) -> bool {
    let host = text.strip_prefix('@').unwrap_or(text);
    let top = host.rsplit_once('.').map_or("", |(_, top)| top);
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    top.len() >= 2 && host.chars().all(fits) && top.chars().all(char::is_alphabetic)
}

fn is_phone_part(text: &str) -> bool {
    let mark = |b: u8| matches!(b, b' ' | b'+' | b'-' | b'/' | b'.' | b'(' | b')');
    text.len() <= 24 && text.bytes().all(|b| b.is_ascii_digit() || mark(b))
}

/// A day, a month or a year, in digits or as the name of a month.
fn is_date_part(text: &str) -> bool {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let name = || text.len() <= 24 && text.chars().all(|c| c.is_alphabetic() || c == '.');
    !text.is_empty() && (digits || name())
}

/// The pieces from cell `first` on that check digits prove to be one value: an IBAN however it is
/// cut, or a card in its usual groups.
fn proven<'a>(cells: &[&'a str], first: usize) -> Option<(Vec<Piece<'a>>, Category, &'static str)> {
    let piece = |cell: usize| {
        let whole = *cells.get(cell)?;
        let text = whole.trim();
        let fits = (1..=PIECE_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then_some(Piece { cell, whole, text })
    };
    let head = cells[first].trim().as_bytes();
    let card = matches!(head, [a, b, c, d] if [a, b, c, d].iter().all(|x| x.is_ascii_digit()));
    let iban = head.len() <= PIECE_BYTES_MAX
        && matches!(head, [a, b, rest @ ..] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic()
            && rest.iter().take(2).all(u8::is_ascii_digit));
    if !(card || iban) {
        return None;
    }
    let mut pieces = vec![piece(first)?];
    let mut value = pieces[0].text.to_ascii_uppercase();
    while pieces.len() < PIECES_MAX {
        let Some(next) = piece(first + pieces.len()) else { break };
        value.push_str(&next.text.to_ascii_uppercase());
        pieces.push(next);
        if value.len() > 34 {
            break;
        }
        if iban && (15..=34).contains(&value.len()) && identifiers::iban(value.as_bytes()) {
            return Some((pieces, Category::Iban, "iban"));
        }
        let sizes = || pieces.iter().map(|p| p.text.len());
        let grouped = card && (sizes().eq([4; 4]) || sizes().eq([4, 6, 5]));
        if grouped && identifiers::card(value.as_bytes()) {
            return Some((pieces, Category::Card, "card"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the findings in a row, written `cell category:value`.
    #[track_caller]
    fn check(labels: &[&str], cells: &[&str], expect: &[&str]) {
        let mut found = Vec::new();
        Row::new(Detector::default(), labels).detect(cells, &mut found);
        let told = |f: &CellFinding| {
            let value = &cells[f.cell][f.finding.range()];
            format!("{} {}:{value}", f.cell, f.finding.category.name())
        };
        assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expect, "{labels:?} {cells:?}");
    }

    #[test]
    fn check_digits_join_what_no_label_announces() {
        check(
            &["x", "a", "b", "c", "d"],
            &["7", "4111", "1111", " 1111", "1111"],
            &["1 card:4111", "2 card:1111", "3 card:1111", "4 card:1111"],
        );
        check(
            &[],
            &["DE89", "37040044", "0532013000", "paid"],
            &["0 iban:DE89", "1 iban:37040044", "2 iban:0532013000"],
        );
        check(&[], &["DE893704", "00440532", "013001"], &[]);
        check(&[], &["4111", "1111", "1111", "1112"], &[]);
        check(&[], &["12", "4111", "11111111", "1111"], &[]);
    }

    #[test]
    fn labels_join_identifiers_that_pass_their_check() {
        let labels = ["ssn_1", "ssn_2", "ssn_3", "total"];
        check(
            &labels,
            &["514", "69", "0360", "12"],
            &["0 national-id:514", "1 national-id:69", "2 national-id:0360"],
        );
        check(&["bsn a", "bsn b"], &["11122", "2"], &[]);
        check(
            &["card no 1", "card no 2"],
            &["41111111", "11111111"],
            &["0 card:41111111", "1 card:11111111"],
        );
    }

    #[test]
    fn labels_join_parts_of_other_values() {
        check(
            &["first_name", "lastName", "qty"],
            &["maria", "müller", "7"],
            &["0 person-name:maria", "1 person-name:müller"],
        );
        check(
            &["email_user", "email_domain"],
            &["eva", "example.org"],
            &["0 email:eva", "1 email:example.org"],
        );
        check(
            &["country code", "phone"],
            &["+49", "171 1234567"],
            &["0 phone:+49", "1 phone:171 1234567"],
        );
        check(
            &["birth_day", "birth_month", "birth_year"],
            &["10", "5", "1978"],
            &["0 date-of-birth:10", "1 date-of-birth:5", "2 date-of-birth:1978"],
        );
        check(
            &["lat", "lon"],
            &["52.37", "4.89"],
            &["0 geo-coordinates:52.37", "1 geo-coordinates:4.89"],
        );
        check(&["day", "month", "year"], &["10", "5", "1978"], &[]);
        check(&["lat", "lon"], &["", "unknown"], &[]);
    }

    #[test]
    fn a_short_row_is_no_row_of_its_columns() {
        check(&["first_name", "last_name"], &["42"], &[]);
    }
}
