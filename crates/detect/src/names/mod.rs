//! Names of people, places and organisations: a small model over capitalised words.
//! It runs only where a capital letter or a labelled cell makes a name possible.

mod features;
mod lexicon;
mod memory;
mod model;
pub(crate) mod tokens;
pub mod train;

use crate::numbers::Scene;
use crate::words::WordSet;
use crate::{Category, Evidence, Finding};
use features::{Place, Word, together};
use memory::Memory;
use model::{LABELS, Model, Run, Scores};
use std::cell::RefCell;
use std::sync::LazyLock;
use tokens::{Kind, Token, next_run};

static FILE: &[u8] = include_bytes!("../../model/names.bin");
static MODEL: LazyLock<Option<Model<'static>>> = LazyLock::new(|| Model::read(FILE));

/// The least chance of a name that is reported: one in twelve, for a miss costs more than a false
/// alarm.
const CHANCE_MIN: f32 = 1.0 / 12.0;

/// The least chance in a line of a log, where capitals mean less, and of a letter that stands
/// alone.
const SURE_MIN: f32 = 0.4;

const KINDS: [Category; 3] = [Category::PersonName, Category::Location, Category::Organisation];

/// Finds names, places and organisations outside the spans that are taken.
pub(crate) fn detect(
    scene: &Scene<'_>,
    tokens: &[Token],
    taken: &[Finding],
    out: &mut Vec<Finding>,
) {
    let Some(model) = MODEL.as_ref() else { return };
    let text = scene.text;
    SCRATCH.with_borrow_mut(|scratch| {
        let mut at = 0;
        // The end of the line at hand, and the chance that a name needs in it.
        let (mut line_end, mut least) = (0, CHANCE_MIN);
        while let Some(run) = next_run(text, tokens, at) {
            at = run.1;
            if tokens[run.0].start as usize >= line_end {
                let line = line_around(text, tokens[run.0].start as usize);
                line_end = line.end;
                least = if is_log(&text.as_bytes()[line]) { SURE_MIN } else { CHANCE_MIN };
            }
            let (start, end) = (tokens[run.0].start as usize, tokens[run.1 - 1].end as usize);
            if taken.iter().any(|f| f.start <= start && end <= f.end) {
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
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        memory: Memory::new(),
        words: Vec::new(),
        scores: Vec::new(),
        run: Run::default(),
    });
}

/// What a thread keeps from run to run, so that a run costs no allocation.
struct Scratch {
    memory: Memory,
    words: Vec<Word>,
    scores: Vec<Scores>,
    run: Run,
}

/// Neighbours of a word that count, on each side.
const REACH: usize = 2;

impl Scratch {
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
        self.score(&scene, run, model);
        model.decode(&self.scores, least, &mut self.run);
        // A place or an organisation may go on in small letters.
        let mut at = run.1;
        let mut last = self.run.labels.last().copied().unwrap_or(0);
        while last > 2 && at - run.1 < tokens::TAIL_MAX && tokens::is_tail(tokens, at) {
            self.score(&scene, (at, at + 1), model);
            if !model.goes_on(last, &self.scores[0]) {
                break;
            }
            last = (last - 1) / 2 * 2 + 2;
            self.run.labels.push(last);
            self.run.chances.push(least);
            at += 1;
        }
        at
    }

    /// Scores the labels of the tokens `part`. Each token is looked up once and gives its share
    /// to itself and to its neighbours.
    fn score(&mut self, scene: &RunScene<'_>, part: (usize, usize), model: &Model<'_>) {
        let RunScene { text, tokens, run, dense } = *scene;
        let size = part.1 - part.0;
        self.words.clear();
        self.scores.clear();
        self.scores.resize(size, [0; LABELS]);
        for index in 0..size + 2 * REACH {
            let token = (part.0 + index).checked_sub(REACH);
            let entry = match token.and_then(|i| tokens.get(i).map(|token| (i, token))) {
                Some((at, token)) => {
                    let entry = self.memory.entry(text, token, model);
                    if let Some(own) = index.checked_sub(REACH).filter(|own| *own < size) {
                        let first = tokens::is_first(tokens, at);
                        add(&mut self.scores[own], &entry.alone(text, token, first, model));
                    }
                    entry
                }
                None => self.memory.edge(),
            };
            self.words.push(entry.word);
            // Two before, one before, one after and two after the word that is scored.
            for (place, shift) in [0, 1, 3, 4].into_iter().enumerate() {
                if let Some(own) = index.checked_sub(shift).filter(|own| *own < size) {
                    add(&mut self.scores[own], &entry.beside(place, model));
                }
            }
        }
        for (own, sums) in self.scores.iter_mut().enumerate() {
            let words: &[Word; 2 * REACH + 1] =
                self.words[own..].first_chunk().expect("two words follow each word of the part");
            let at = part.0 + own;
            let first = tokens::is_first(tokens, at);
            let place = Place { words, position: at - run.0, size: run.1 - run.0, first, dense };
            model.add(&together(&place, &model.lexicon), sums);
        }
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

fn add(sums: &mut Scores, scores: &Scores) {
    for (sum, score) in sums.iter_mut().zip(scores) {
        *sum += score;
    }
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
        && scratch.memory.entry(text, token, model).word.flags == features::COMMON
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
    if !(1..=3).contains(&gap) || !rest[..gap].contains(' ') {
        return 0;
    }
    let ends = |form: &&&str| {
        let after = tail[form.len()..].chars().next();
        tail.starts_with(**form) && after.is_none_or(|c| !c.is_alphanumeric())
    };
    let starts = |form: &&&str| tail.is_char_boundary(form.len().min(tail.len()));
    let known = LEGAL_FORMS.iter().filter(|f| f.len() <= tail.len()).filter(starts).filter(ends);
    known.map(|form| gap + form.len()).max().unwrap_or(0)
}

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

/// The length of an ending that follows a colon, as in `EU:n` and `KTM:ltä`.
fn ending(rest: &str) -> usize {
    const LETTERS_MAX: usize = 5;
    let Some(tail) = rest.strip_prefix(':') else { return 0 };
    let letters = tail.chars().take_while(|c| c.is_alphanumeric());
    let (mut count, mut bytes) = (0, 0);
    for c in letters {
        count += 1;
        bytes += c.len_utf8();
        if !c.is_lowercase() || count > LETTERS_MAX {
            return 0;
        }
    }
    if count > 0 { 1 + bytes } else { 0 }
}

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
    FIELDS.contains(word)
}

static FIELDS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "SSN", "IBAN", "PAN", "ID", "IDS", "DOB", "CSV", "PDF", "JSON", "XML", "IFSC", "MRN",
        "PHI", "PII", "DL", "NHS", "NINO", "VAT", "TIN", "SQL", "API", "URL", "HTTP", "HTTPS",
        "IP", "TCP", "UDP", "DNS", "SSH", "GET", "POST", "PUT", "DELETE", "HEAD", "OK", "ERROR",
        "WARN", "INFO", "DEBUG", "FATAL", "TRACE", "NULL", "TRUE", "FALSE", "UTC", "GMT", "CET",
        "EST", "PST", "AM", "PM", "USD", "EUR", "GBP", "CHF", "BIC", "SWIFT", "PIN", "CVV", "OTP",
        "SMS", "GPS", "CPU", "RAM", "NPI", "TNIN", "UEN", "ACN", "ABN", "TFN", "KYC", "AML",
        "GDPR", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "Jun",
        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "UUID", "EOF", "UTF", "ISO", "BSN", "DNI", "NIE",
        "NIF", "CPF", "CNPJ", "RFC", "Tel", "Fax", "Email", "E-mail", "Phone", "Passport", "Ref",
        "Nr", "No", "ID-Nr", "Null", "True", "False", "None", "CP", "NHC", "NASS", "CIPA", "IVA",
        "PLZ", "CAP", "BIRTH", "EUROS", "Id", "Code", "Number",
    ])
});

/// Whether every word of a value is known as a name of a person and one is little else.
pub(crate) fn is_name(value: &str) -> bool {
    let known = flags(value, 1 | 2);
    (1..=4).contains(&known.len())
        && known.iter().all(|f| f & (1 | 2) != 0 || *f == 0 && known.len() > 1)
        && known.iter().any(|f| f & (1 | 2) != 0 && f & (4 | 8 | 16 | 32) == 0)
}

/// Whether a value is known as a name of a place.
pub(crate) fn is_place(value: &str) -> bool {
    let known = flags(value, 4 | 8);
    (1..=3).contains(&known.len()) && known.iter().all(|f| f & (4 | 8) != 0)
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
