//! Dates written with digits, and with names of months. A date that a birth announces is a
//! date of birth; others are reported as dates, which few policies mask.

use super::chain::Chain;
use super::hit::Hit;
use crate::checks::day_month;
use crate::context;
use crate::context::scene::Scene;
use crate::context::topics::Topics;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use crate::text::words::{WordSet, small};
use std::sync::LazyLock;

fn number(bytes: &[u8]) -> u64 {
    crate::checks::number(bytes)
}

fn is_year(bytes: &[u8]) -> bool {
    bytes.len() == 4 && (1850..=2100).contains(&number(bytes))
}

/// `1978-05-10`, `10/05/1978`, `10.5.78`, `4/14/1962` at group `index`.
pub(crate) fn numeric(
    scene: &Scene<'_>,
    chain: &Chain,
    index: usize,
    word_end: usize,
) -> Option<Hit> {
    let bytes = scene.text.as_bytes();
    let groups = chain.groups();
    let word = groups.get(index..=word_end)?;
    if let [day, month, year] = word {
        let named = day.is_numeric() && month.digits == 0 && year.is_numeric();
        if named
            && day.len() <= 2
            && matches!(year.len(), 2 | 4)
            && is_month(&scene.text[month.start..month.end])
        {
            let finding = judge(scene, day.start..year.end, false);
            return Some(Hit { last: word_end, finding });
        }
    }
    if word.len() < 3 || word[..2].iter().any(|g| !g.is_numeric()) || word[2].digits == 0 {
        return None;
    }
    let mark = word[1].separator;
    if !matches!(mark, b'-' | b'.' | b'/') || word[2].separator != mark {
        return None;
    }
    // `23T07:40`: the digits up to the letter.
    let last = &bytes[word[2].start..word[2].end];
    let last = &last[..last.iter().take_while(|b| b.is_ascii_digit()).count()];
    let part = |i: usize| &bytes[word[i].start..word[i].end];
    let (a, b, c) = (part(0), part(1), last);
    let short = |v: &[u8]| (1..=2).contains(&v.len());
    let year_first = is_year(a) && short(b) && short(c) && day_month(number(c), number(b));
    let either = short(a)
        && short(b)
        && (day_month(number(a), number(b)) || mark != b'.' && day_month(number(b), number(a)));
    let year_last = either && (is_year(c) || c.len() == 2 && mark != b'-');
    let end = word[2].start + c.len();
    if !(year_first || year_last) || end < word[2].end && bytes[end] != b'T' {
        return None;
    }
    let two_digit_year = !year_first && c.len() == 2;
    if word.len() > 3 && !matches!(word[3].separator, b':') && !bytes[end..].starts_with(b"T") {
        return None;
    }
    let end = end + time_length(&bytes[end..]);
    let finding = judge(scene, word[0].start..end, two_digit_year);
    let last = (word_end..groups.len()).take_while(|i| groups[*i].start < end).last();
    Some(Hit { last: last.unwrap_or(word_end), finding })
}

/// The length of the time behind a date (RFC 3339, or with a space): `T07:40:00.25+02:00`,
/// ` 07:40`.
fn time_length(rest: &[u8]) -> usize {
    let two =
        |at: usize| rest.get(at..at + 2).is_some_and(|pair| pair.iter().all(u8::is_ascii_digit));
    if !(matches!(rest.first(), Some(b'T' | b' '))
        && two(1)
        && rest.get(3) == Some(&b':')
        && two(4))
    {
        return 0;
    }
    let mut at = 6;
    if rest.get(at) == Some(&b':') && two(at + 1) {
        at += 3;
        if matches!(rest.get(at), Some(b'.' | b',')) {
            let digits = rest[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
            at += if digits > 0 { 1 + digits } else { 0 };
        }
    }
    match rest.get(at) {
        Some(b'Z') => at += 1,
        Some(b'+' | b'-') if two(at + 1) => {
            at += 3;
            let minutes = usize::from(rest.get(at) == Some(&b':'));
            at += if two(at + minutes) { minutes + 2 } else { 0 };
        }
        _ => {}
    }
    // A time goes on in nothing.
    if rest.get(at).is_some_and(u8::is_ascii_alphanumeric) { 0 } else { at }
}

fn judge(scene: &Scene<'_>, range: std::ops::Range<usize>, vague: bool) -> Option<Finding> {
    let found = context::around(scene, range.start, range.end);
    let topics = found.topics.or(scene.label);
    if topics.any(Topics::BIRTH) {
        return Some(Finding::new(range, Category::DateOfBirth, 88, Evidence::Context, "birth"));
    }
    let score = if vague { 50 } else { 60 };
    Some(Finding::new(range, Category::Date, score, Evidence::Shape, "date"))
}

/// Beginnings of month names in the languages of the Union, longest first where they clash.
static MONTHS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "jan", "feb", "febr", "mar", "mär", "maart", "marts", "mars", "apr", "avr", "abr", "mai",
        "may", "mei", "maj", "mag", "jun", "juin", "giu", "jul", "juil", "lug", "aug", "août",
        "ago", "sep", "set", "sept", "oct", "okt", "ott", "out", "nov", "dec", "dez", "déc", "dic",
        "ene", "gen", "led", "úno", "bře", "dub", "kvě", "čer", "srp", "zář", "říj", "lis", "pro",
        "sty", "lut", "kwi", "cze", "lip", "sie", "wrz", "paź", "gru", "sij", "velj", "ožu", "tra",
        "svi", "lip", "srp", "kol", "ruj", "stu", "pros", "tam", "hel", "maa", "huh", "tou", "kes",
        "hei", "elo", "syy", "lok", "mar", "jou", "ιαν", "φεβ", "μαρ", "απρ", "μαΐ", "μαι", "ιουν",
        "ιουλ", "αυγ", "σεπ", "οκτ", "νοε", "δεκ", "яну", "фев", "мар", "апр", "май", "юни", "юли",
        "авг", "сеп", "окт", "ное", "дек", "ian", "iun", "iul", "saus", "vas", "kov", "bal", "geg",
        "birž", "liep", "rugp", "rugs", "spal", "lapk", "gruod", "szept", "már", "ápr", "máj",
        "jún", "júl", "veeb", "juun", "juul", "dets", "janv", "maij", "jūn", "jūl",
    ])
});

/// Words that stand before a year that says when something happened.
static YEAR_WORDS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::of(
        "in|during|since|year|en|em|año|anno|année|ano|jahr|jahre|jaar|rok|roku|roce|år|året|\
         vuonna|vuoden|aastal|gadā|anul|godine|leta|godini|sinds|seit|depuis|desde|dal|nel|\
         през|година|έτος|από|od|sedan|siden|árið|bliain",
    )
});

/// A year behind such a word.
fn year_alone(word: &str, year: usize) -> Option<Finding> {
    YEAR_WORDS
        .contains(&small(word))
        .then(|| Finding::new(year..year + 4, Category::Date, 50, Evidence::Context, "year"))
}

/// Bytes of the shortest and the longest of them.
const MONTH_BYTES_MIN: usize = 3;
const MONTH_BYTES_MAX: usize = 8;

fn is_month(word: &str) -> bool {
    let lower = small(word);
    let begins = |bytes| lower.get(..bytes).is_some_and(|begin| MONTHS.contains(begin));
    word.chars().count() >= 3 && (MONTH_BYTES_MIN..=MONTH_BYTES_MAX).any(begins)
}

/// `12 mai 1978`, `12. Mai 1978`, `May 12, 1978`, `12 de mayo de 1978` around the four-digit
/// year at `year..year + 4`.
pub(crate) fn written(scene: &Scene<'_>, year: usize) -> Option<Finding> {
    let text = scene.text;
    if !is_year(&text.as_bytes()[year..year + 4]) {
        return None;
    }
    let front = text[..year].trim_end_matches([' ', ',']);
    let front = front.strip_suffix(" de").or_else(|| front.strip_suffix(" del")).unwrap_or(front);
    let word_start = front.rfind([' ', '\n', '-', '(', '\t']).map_or(0, |i| i + 1);
    let word = front[word_start..].trim_end_matches('.');
    if front.len() - word_start <= 2 || year - word_start > 24 {
        // `May 12, 1978`: a day stands between month and year.
        let day = front.trim_end_matches(|c: char| c.is_ascii_digit());
        let before = day.trim_end();
        let start = before.rfind([' ', '\n', '(']).map_or(0, |i| i + 1);
        let fits = front.len() > day.len() && is_month(before[start..].trim_end_matches('.'));
        if fits && year - start < 24 {
            return judge(scene, start..year + 4, false);
        }
        return year_alone(word, year);
    }
    if !is_month(word) {
        return year_alone(word, year);
    }
    let before = front[..word_start].trim_end();
    let before = before.strip_suffix(" de").unwrap_or(before);
    let day = before.strip_suffix(['.', ',']).unwrap_or(before);
    let day =
        ["st", "nd", "rd", "th", "º", "er"].iter().find_map(|s| day.strip_suffix(s)).unwrap_or(day);
    let start = day.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let digits = day.len() - start;
    if (1..=2).contains(&digits) {
        judge(scene, start..year + 4, false)
    } else {
        judge(scene, word_start..year + 4, true)
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn dates_and_births() {
        check("geboren am 10.05.1978 in X", &["date-of-birth:10.05.1978"]);
        check("Fecha de nacimiento: 12 de mayo de 1978", &["date-of-birth:12 de mayo de 1978"]);
        check("born 1988-11-23T07:40:00.5Z", &["date-of-birth:1988-11-23T07:40:00.5Z"]);
        check("seen 1988-11-23 07:40+02:00 x", &["date:1988-11-23 07:40+02:00"]);
        check("seen 1988-11-23 7 times", &["date:1988-11-23"]);
        check("since 4/14/1962", &["date:4/14/1962"]);
        check("version 10.05.19781", &[]);
        check("he was treated in 2004, again en 2011", &["date:2004", "date:2011"]);
        check("the 2004 of them", &[]);
    }
}
