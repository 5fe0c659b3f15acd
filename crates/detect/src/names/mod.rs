//! Names of people, places and organisations: a small model over capitalised words.
//! It runs only where a capital letter or a labelled cell makes a name possible.

mod builtin;
mod features;
mod letters;
mod lexicon;
mod model;
mod remembered;
pub(crate) mod sentences;
pub(crate) mod small;
pub(crate) mod tokens;
pub mod train;

use crate::context::scene::Scene;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use crate::text::words::WordSet;
use builtin::MODEL;
use features::{Place, Word, look};
use lexicon::{CITY, COMMON, COUNTRY, GIVEN, ORGANISATION, SURNAME};
use model::{Model, Run, Scores};
use remembered::Remembered;
use sentences::Outside;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::LazyLock;
use tokens::{Kind, Token, next_run};

/// The least chance of a name that is reported: one in nine, for a miss costs more than a false
/// alarm.
const CHANCE_MIN: f32 = 1.0 / 9.0;

/// The least chance in a line of a log, where capitals mean less, and of a letter that stands
/// alone.
const SURE_MIN: f32 = 0.4;

const KINDS: [Category; 3] = [Category::PersonName, Category::Location, Category::Organisation];

/// Finds names, places and organisations outside the spans that are taken, which are sorted.
pub(crate) fn detect(
    scene: &Scene<'_>,
    tokens: &[Token],
    taken: &[Finding],
    out: &mut Vec<Finding>,
) {
    let Some(model) = MODEL.as_ref() else { return };
    let text = scene.text;
    let Some(last) = tokens.iter().rposition(Token::is_candidate) else { return };
    SCRATCH.with_borrow_mut(|scratch| {
        addressed(scene, &tokens[..=last], out);
        scratch.look_up(text, tokens, last, model);
        let mut at = 0;
        // How far the taken spans reach that begin before the run at hand.
        let (mut taken, mut taken_end) = (taken.iter().peekable(), 0);
        // The end of the line at hand, and the chance that a name needs in it.
        let (mut line_end, mut least) = (0, CHANCE_MIN);
        while at <= last
            && let Some(run) = next_run(text, tokens, at)
        {
            at = run.1;
            if tokens[run.0].start as usize >= line_end {
                let line = line_around(text, tokens[run.0].start as usize);
                line_end = line.end;
                let is_log = scene.traits.colon && is_log(&text.as_bytes()[line]);
                least = if is_log { SURE_MIN } else { CHANCE_MIN };
            }
            let (start, end) = (tokens[run.0].start as usize, tokens[run.1 - 1].end as usize);
            while let Some(finding) = taken.next_if(|f| f.start <= start) {
                taken_end = taken_end.max(finding.end);
            }
            if end <= taken_end {
                continue;
            }
            if is_plain(text, tokens, run, scratch, model) {
                continue;
            }
            at = scratch.label(text, tokens, run, least, model);
            report(scene, &tokens[run.0..at], &scratch.run, out);
        }
    });
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What a thread keeps from text to text, so that a text costs no allocation.
#[derive(Default)]
struct Scratch {
    /// The words of the text at hand up to where the last name may end, with those outside of the
    /// text that are in reach of the first and the last one.
    words: Vec<Word>,
    scores: Vec<Scores>,
    run: Run,
    remembered: Remembered,
    outside: Outside,
    /// A stretch of a text.
    stretch: Vec<Token>,
}

/// Calls `look` with what a thread keeps, and with room for some tokens.
fn with_scratch<T>(look: impl FnOnce(&mut Scratch, &mut Vec<Token>) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut stretch = std::mem::take(&mut scratch.stretch);
        stretch.clear();
        let told = look(scratch, &mut stretch);
        scratch.stretch = stretch;
        told
    })
}

/// Words of a text that is long.
const WORDS_LONG: usize = 256;

/// Most words that a thread keeps room for.
const WORDS_KEPT: usize = 64 * 1024;

/// Neighbours of a word that count, on each side.
const REACH: usize = 2;

impl Scratch {
    /// Makes room for the words up to those that a name with token `last` may reach. In a long
    /// text the words that may be names are looked up in one loop: the processor waits for many of
    /// them at once.
    fn look_up(&mut self, text: &str, tokens: &[Token], last: usize, model: &Model<'_>) {
        self.words.clear();
        self.words.shrink_to(WORDS_KEPT);
        let end = tokens.len().min(last + 1 + tokens::TAIL_MAX + REACH);
        self.words.resize(REACH, Word::default());
        let is_long = end > WORDS_LONG;
        self.words.extend(tokens[..end].iter().map(|token| {
            match is_long && token.is_candidate() {
                true => look(text, token, &model.lexicon),
                false => Word::UNKNOWN,
            }
        }));
        self.words.resize(end + 2 * REACH, Word::default());
    }

    /// What the list knows of a word.
    fn flags(&mut self, text: &str, token: &Token, at: usize, model: &Model<'_>) -> u8 {
        let word = &mut self.words[at + REACH];
        if word.is_unknown() {
            *word = look(text, token, &model.lexicon);
        }
        word.flags
    }

    /// Looks up the words in reach of a stretch of tokens that were not looked at yet.
    fn look_around(
        &mut self,
        text: &str,
        tokens: &[Token],
        stretch: Range<usize>,
        model: &Model<'_>,
    ) {
        let start = stretch.start.saturating_sub(REACH);
        let end = tokens.len().min(stretch.end + REACH);
        for (word, token) in self.words[start + REACH..].iter_mut().zip(&tokens[start..end]) {
            if word.is_unknown() {
                *word = look(text, token, &model.lexicon);
            }
        }
    }

    /// Whether token `at`, with no other word of a name beside it, belongs to none.
    fn is_outside(&mut self, text: &str, tokens: &[Token], at: usize, model: &Model<'_>) -> bool {
        self.look_up(text, tokens, at, model);
        self.label(text, tokens, (at, at + 1), CHANCE_MIN, model);
        self.run.labels.iter().all(|label| usize::from(*label) == model::OUTSIDE)
    }

    /// Labels the words of a run and of its tail; returns where the tail ends.
    fn label(
        &mut self,
        text: &str,
        tokens: &[Token],
        run: (usize, usize),
        least: f32,
        model: &Model<'_>,
    ) -> usize {
        let scene = RunScene { text, tokens, run, dense: tokens::is_dense(tokens, run) };
        let [a, b, c, d] = least.to_bits().to_le_bytes();
        let slot = self.remembered.slot(text, tokens, run, [a, b, c, d, scene.dense.into()]);
        if let Some(slot) = slot
            && self.remembered.recall(slot, &mut self.run)
        {
            return run.0 + self.run.labels.len();
        }
        self.scores.clear();
        self.look_around(text, tokens, run.0..run.1, model);
        for at in run.0..run.1 {
            let scores = self.score(&scene, at, model);
            self.scores.push(scores);
        }
        model.decode(&self.scores, least, &mut self.run);
        // A place or an organisation may go on in small letters.
        let mut at = run.1;
        let mut last = self.run.labels.last().copied().unwrap_or(0);
        while last > 2 && at - run.1 < tokens::TAIL_MAX && tokens::is_tail(tokens, at) {
            self.look_around(text, tokens, at..at + 1, model);
            if !model.goes_on(last, &self.score(&scene, at, model)) {
                break;
            }
            last = (last - 1) / 2 * 2 + 2;
            self.run.labels.push(last);
            self.run.chances.push(least);
            at += 1;
        }
        if let Some(slot) = slot {
            self.remembered.keep(slot, &self.run);
        }
        at
    }

    /// The scores of the labels of one token, around which all words were looked at.
    fn score(&self, scene: &RunScene<'_>, at: usize, model: &Model<'_>) -> Scores {
        let words = self.words[at..].first_chunk().expect("there are words outside of the text");
        let first = tokens::is_first(scene.tokens, at);
        let (position, size) = (at - scene.run.0, scene.run.1 - scene.run.0);
        let place = Place { words, position, size, first, dense: scene.dense };
        let mut sums = model.sums();
        features::all(scene.text, &scene.tokens[at], &place, &model.lexicon, &mut sums);
        sums.scores()
    }
}

/// The line that the byte `at` stands in.
fn line_around(text: &str, at: usize) -> std::ops::Range<usize> {
    let bytes = text.as_bytes();
    let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |i| i + 1);
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |i| at + i);
    start..end
}

/// Whether a line begins with a time, as logs have it: `hh:mm:ss` in its first bytes.
fn is_log(line: &[u8]) -> bool {
    const HEAD_BYTES: usize = 48;
    let digit = |b: u8| b.is_ascii_digit();
    line[..line.len().min(HEAD_BYTES)].windows(8).any(|w| {
        w[2] == b':' && w[5] == b':' && [0, 1, 3, 4, 6, 7].into_iter().all(|i| digit(w[i]))
    })
}

/// Where a run stands.
#[derive(Clone, Copy)]
struct RunScene<'a> {
    text: &'a str,
    tokens: &'a [Token],
    run: (usize, usize),
    dense: bool,
}

/// Whether a run is one common word at the beginning of a sentence.
fn is_plain(
    text: &str,
    tokens: &[Token],
    run: (usize, usize),
    scratch: &mut Scratch,
    model: &Model<'_>,
) -> bool {
    let token = &tokens[run.0];
    run.1 - run.0 == 1
        && token.kind == Kind::Capital
        && tokens::is_first(tokens, run.0)
        && scratch.flags(text, token, run.0, model) == COMMON
}

fn report(scene: &Scene<'_>, tokens: &[Token], run: &Run, out: &mut Vec<Finding>) {
    let labels = &run.labels;
    let mut index = 0;
    while index < labels.len() {
        let label = labels[index];
        if label == 0 {
            index += 1;
            continue;
        }
        let kind = usize::from(label - 1) / 2;
        let mut end = index + 1;
        while end < labels.len() && labels[end] == 2 * kind as u8 + 2 {
            end += 1;
        }
        let chance = run.chances[index..end].iter().copied().fold(0.0, f32::max);
        let mut last = end - 1;
        while last > index && tokens[last].kind == Kind::Mark && tokens[last].mark != b'.' {
            last -= 1;
        }
        let mut first = index;
        while first < last && is_label(tokens[first].text(scene.text)) {
            first += 1;
        }
        while last > first && is_label(tokens[last].text(scene.text)) {
            last -= 1;
        }
        // A full stop belongs to an initial only.
        if last > first && tokens[last].kind == Kind::Mark && tokens[last - 1].kind != Kind::Initial
        {
            last -= 1;
        }
        let (start, stop) = (tokens[first].start as usize, tokens[last].end as usize);
        let form = legal_form(&scene.text[stop..]);
        let range = start..stop + form.max(ending(&scene.text[stop..]));
        let score = (50.0 + 34.0 * chance) as u8;
        let category = if form > 0 { Category::Organisation } else { KINDS[kind] };
        let label = first == last && is_label(&scene.text[range.clone()]);
        // A letter alone is rarely a name; with a full stop it may stand for one.
        let letter = first == last
            && chance < SURE_MIN
            && tokens[first].kind == Kind::Initial
            && !scene.text[stop..].starts_with('.');
        if !label && !letter && scene.text[range.clone()].chars().any(char::is_alphabetic) {
            if category == Category::PersonName {
                out.extend(title(scene, tokens, first));
            }
            out.push(Finding::new(range, category, score, Evidence::Model, "names"));
        }
        index = end;
    }
}

/// The length of a legal form of a company that follows a name, with what stands between them.
fn legal_form(rest: &str) -> usize {
    let tail = rest.trim_start_matches([' ', ',', '.']);
    let gap = rest.len() - tail.len();
    let Some(first) = tail.bytes().next() else { return 0 };
    let forms = &LEGAL_BY_FIRST[usize::from(first)];
    if forms.is_empty() || !(1..=3).contains(&gap) || !rest[..gap].contains(' ') {
        return 0;
    }
    let ends = |form: &&&str| {
        let after = tail[form.len()..].chars().next();
        tail.starts_with(**form) && after.is_none_or(|c| !c.is_alphanumeric())
    };
    let starts = |form: &&&str| tail.is_char_boundary(form.len().min(tail.len()));
    let known = forms.iter().filter(|f| f.len() <= tail.len()).filter(starts).filter(ends);
    known.map(|form| gap + form.len()).max().unwrap_or(0)
}

/// Legal forms by their first byte.
static LEGAL_BY_FIRST: LazyLock<[Vec<&'static str>; 256]> = LazyLock::new(|| {
    std::array::from_fn(|first| {
        let begins = |form: &&&str| usize::from(form.as_bytes()[0]) == first;
        LEGAL_FORMS.iter().filter(begins).copied().collect()
    })
});

/// Legal forms of companies in Europe.
const LEGAL_FORMS: &[&str] = &[
    "d.o.o.",
    "d.d.",
    "j.d.o.o.",
    "s.p.",
    "s.r.o.",
    "a.s.",
    "v.o.s.",
    "k.s.",
    "o.s.",
    "spol. s r.o.",
    "Sp. z o.o.",
    "sp. z o.o.",
    "Sp.j.",
    "Sp.k.",
    "Sp. z o.o. Sp.k.",
    "S.A.",
    "S.K.A.",
    "Kft.",
    "Kft",
    "Zrt.",
    "Zrt",
    "Nyrt.",
    "Bt.",
    "GmbH",
    "GmbH & Co. KG",
    "GmbH & Co. KGaA",
    "GmbH & Co. OHG",
    "GbR",
    "KG",
    "OHG",
    "AG",
    "AG & Co. KG",
    "AG & Co. OHG",
    "Stiftung & Co. KG",
    "Stiftung & Co. KGaA",
    "e.V.",
    "e.G.",
    "KGaA",
    "UG",
    "mbH",
    "GesbR",
    "OG",
    "ApS",
    "A/S",
    "I/S",
    "K/S",
    "P/S",
    "AB",
    "HB",
    "KB",
    "Oy",
    "Oyj",
    "Ky",
    "AS",
    "ASA",
    "ANS",
    "DA",
    "OÜ",
    "SIA",
    "UAB",
    "AB",
    "MB",
    "SRL",
    "S.R.L.",
    "S.r.l.",
    "s.r.l.",
    "SpA",
    "S.p.A.",
    "s.n.c.",
    "S.n.c.",
    "s.a.s.",
    "SARL",
    "S.A.R.L.",
    "SAS",
    "S.A.S.",
    "SA",
    "S.L.",
    "S.L.U.",
    "S.L.L.",
    "S.L.N.E",
    "S.Com.",
    "S.C.P",
    "S.Coop.",
    "C.B.",
    "Lda",
    "Lda.",
    "S/A",
    "B.V.",
    "N.V.",
    "BV",
    "NV",
    "BVBA",
    "VOF",
    "V.O.F.",
    "CommV",
    "CVBA",
    "CV",
    "Ltd",
    "Ltd.",
    "Limited",
    "PLC",
    "plc",
    "LLP",
    "LLC",
    "Inc",
    "Inc.",
    "Corp.",
    "ООД",
    "ЕООД",
    "АД",
    "ЕАД",
    "ЕТ",
    "Α.Ε.",
    "Ο.Ε.",
    "Ε.Ε.",
    "Ε.Π.Ε.",
    "Ι.Κ.Ε.",
    "ehf.",
    "hf.",
];

/// The length of an ending in small letters that follows a colon or a hyphen, as in `EU:n`,
/// `NATO-u` and `Lego-klodser`.
fn ending(rest: &str) -> usize {
    const LETTERS_MAX: usize = 5;
    let letters_max = match rest.bytes().next() {
        Some(b':') => LETTERS_MAX,
        Some(b'-') => usize::MAX,
        _ => return 0,
    };
    let (mut count, mut bytes) = (0, 0);
    for c in rest[1..].chars().take_while(|c| c.is_alphanumeric()) {
        count += 1;
        bytes += c.len_utf8();
        if !c.is_lowercase() || count > letters_max {
            return 0;
        }
    }
    if count > 0 { 1 + bytes } else { 0 }
}

/// Names behind a form of address with the small words before them: `mevrouw van der Quarlen`.
fn addressed(scene: &Scene<'_>, tokens: &[Token], out: &mut Vec<Finding>) {
    let text = scene.text;
    for at in 0..tokens.len().saturating_sub(2) {
        let (token, next) = (&tokens[at], &tokens[at + 1]);
        let word = matches!(token.kind, Kind::Lower | Kind::Capital);
        let bytes = (token.end - token.start) as usize;
        if !word || bytes > TITLE_BYTES || next.kind != Kind::Lower {
            continue;
        }
        if !PARTICLES.contains(next.text(text)) {
            continue;
        }
        if !(TITLES.contains(token.text(text)) || SMALL_TITLES.contains(token.text(text))) {
            continue;
        }
        let small = tokens[at + 1..]
            .iter()
            .take(PARTICLES_MAX)
            .take_while(|t| !t.newline && PARTICLES.contains(t.text(text)));
        let first = at + 1 + small.count();
        let names = tokens[first.min(tokens.len())..]
            .iter()
            .take(2)
            .take_while(|t| !t.newline && t.kind == Kind::Capital);
        if let Some(last) = names.last() {
            let range = tokens[at + 1].start as usize..last.end as usize;
            let category = Category::PersonName;
            out.push(Finding::new(range, category, 85, Evidence::Context, "addressed"));
        }
    }
}

/// Most small words of a name, and bytes of the longest form of address.
const PARTICLES_MAX: usize = 3;
const TITLE_BYTES: usize = 8;

/// Small words that begin a surname.
static PARTICLES: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::of(
        "van|von|der|den|de|het|'t|ter|ten|te|zu|zum|zur|di|da|del|della|dos|das|do|du|des|la|le|el|al|af|av|vom|op",
    )
});

/// Forms of address that are written small within a sentence.
static SMALL_TITLES: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::of(
        "mevrouw|meneer|mevr|dhr|heer|madame|monsieur|señor|señora|signor|signora|senhor|senhora|don|doña|dona|herra|rouva|herr|fru|pan|pani|pán|paní",
    )
});

/// A form of address right before a name, within the run.
fn title(scene: &Scene<'_>, tokens: &[Token], index: usize) -> Option<Finding> {
    let dotted = index > 0 && tokens[index - 1].mark == b'.';
    let at = index.checked_sub(1 + usize::from(dotted))?;
    let word = tokens[at].text(scene.text);
    let known = TITLES.contains(word);
    let range = tokens[at].start as usize..tokens[index - 1].end as usize;
    known.then(|| Finding::new(range, Category::Title, 70, Evidence::Lexicon, "title"))
}

/// Forms of address.
static TITLES: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "Mr", "Mrs", "Ms", "Miss", "Dr", "Prof", "Sir", "Madam", "Herr", "Frau", "Herrn",
        "Monsieur", "Madame", "Mme", "Mlle", "Sr", "Sra", "Señor", "Señora", "Don", "Doña", "Sig",
        "Signor", "Signora", "Dott", "Dhr", "Mevr", "Mevrouw", "Pan", "Pani", "Pán", "Paní", "Hr",
        "Fru", "Ing", "Mgr", "Dra",
    ])
});

/// Words in capitals that label values and are no names.
fn is_label(word: &str) -> bool {
    word.len() <= LABEL_BYTES && FIELDS.contains(word)
}

/// Bytes of the longest of these words.
const LABEL_BYTES: usize = 8;

static FIELDS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "SSN", "IBAN", "PAN", "ID", "IDS", "DOB", "CSV", "PDF", "JSON", "XML", "IFSC", "MRN",
        "PHI", "PII", "DL", "NHS", "NINO", "VAT", "TIN", "SQL", "API", "URL", "HTTP", "HTTPS",
        "IP", "TCP", "UDP", "DNS", "SSH", "GET", "POST", "PUT", "DELETE", "HEAD", "OK", "ERROR",
        "WARN", "INFO", "DEBUG", "FATAL", "TRACE", "NULL", "TRUE", "FALSE", "UTC", "GMT", "CET",
        "EST", "PST", "AM", "PM", "USD", "EUR", "GBP", "CHF", "BIC", "SWIFT", "PIN", "CVV", "OTP",
        "SMS", "GPS", "CPU", "RAM", "NPI", "TNIN", "UEN", "ACN", "ABN", "TFN", "KYC", "AML",
        "GDPR", "Gecko", "Mozilla", "Trident", "KHTML", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat",
        "Sun", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "UUID",
        "EOF", "UTF", "ISO", "BSN", "DNI", "NIE", "NIF", "CPF", "CNPJ", "RFC", "Tel", "Fax",
        "Email", "E-mail", "Phone", "Passport", "Ref", "Nr", "No", "ID-Nr", "Null", "True",
        "False", "None", "CP", "NHC", "NASS", "CIPA", "IVA", "PLZ", "CAP", "BIRTH", "EUROS", "Id",
        "Code", "Number",
    ])
});

/// Whether every word of a value is known as a name of a person and one is little else.
pub(crate) fn is_name(value: &str) -> bool {
    const PERSON: u8 = GIVEN | SURNAME;
    let known = flags(value, PERSON);
    (1..=4).contains(&known.len())
        && known.iter().all(|f| f & PERSON != 0 || *f == 0 && known.len() > 1)
        && known
            .iter()
            .any(|f| f & PERSON != 0 && f & (CITY | COUNTRY | COMMON | ORGANISATION) == 0)
}

/// Whether a value is known as a name of a place.
pub(crate) fn is_place(value: &str) -> bool {
    let known = flags(value, CITY | COUNTRY);
    (1..=3).contains(&known.len()) && known.iter().all(|f| f & (CITY | COUNTRY) != 0)
}

/// What the word list says of each word of a short value; of two words together where `wanted`.
fn flags(value: &str, wanted: u8) -> Vec<u8> {
    let Some(model) = MODEL.as_ref() else { return Vec::new() };
    let lower = value.to_lowercase();
    let words: Vec<&str> = lower.split([' ', ',', '.']).filter(|w| !w.is_empty()).collect();
    if words.len() == 2 && value.chars().next().is_some_and(char::is_uppercase) {
        let both = model.lexicon.flags(lexicon::key(&format!("{} {}", words[0], words[1])));
        if both & wanted != 0 {
            return vec![both];
        }
    }
    if !value.chars().next().is_some_and(char::is_uppercase) {
        return Vec::new();
    }
    words.iter().map(|w| model.lexicon.flags(lexicon::key(w))).collect()
}
