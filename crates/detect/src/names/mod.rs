//! Names of people, places and organisations: a small model over capitalised words.
//! It runs only where a capital letter or a labelled cell makes a name possible.

mod features;
mod lexicon;
mod model;
pub(crate) mod tokens;
pub mod train;

use crate::numbers::Scene;
use crate::{Category, Evidence, Finding};
use features::{Word, extract, look};
use model::{LABELS, Model};
use std::sync::LazyLock;
use tokens::{Kind, Token, next_run};

static FILE: &[u8] = include_bytes!("../../model/names.bin");
static ROWS: LazyLock<Vec<[i8; LABELS]>> = LazyLock::new(|| Model::rows(FILE));
static MODEL: LazyLock<Option<Model<'static>>> = LazyLock::new(|| Model::read(FILE, &ROWS));

/// What is added to the score of `outside`, in steps of the weights: the price of a name.
const CAUTION: i32 = -40;

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
    let mut words: Vec<Option<Word>> = vec![None; tokens.len()];
    let mut labels = Vec::new();
    let mut emissions: Vec<[i32; LABELS]> = Vec::new();
    let mut at = 0;
    while let Some(run) = next_run(text, tokens, at) {
        at = run.1;
        let (start, end) = (tokens[run.0].start as usize, tokens[run.1 - 1].end as usize);
        if taken.iter().any(|f| f.start <= start && end <= f.end) {
            continue;
        }
        if is_plain(text, tokens, run, model) {
            continue;
        }
        let (low, high) = (run.0.saturating_sub(2), (run.1 + 2).min(tokens.len()));
        for index in low..high {
            if words[index].is_none() {
                words[index] = Some(look(text, &tokens[index], &model.lexicon));
            }
        }
        let word = |i: isize| {
            usize::try_from(i)
                .ok()
                .and_then(|i| words.get(i).copied().flatten())
                .unwrap_or_default()
        };
        emissions.clear();
        for index in run.0..run.1 {
            let features = extract(text, tokens, index, run, &word, &model.lexicon);
            emissions.push(model.emit(&features));
        }
        model.decode(&mut emissions, CAUTION, &mut labels);
        report(scene, &tokens[run.0..run.1], &labels, &emissions, out);
    }
}

/// Whether a run is one common word at the beginning of a sentence.
fn is_plain(text: &str, tokens: &[Token], run: (usize, usize), model: &Model<'_>) -> bool {
    const COMMON: u8 = 16;
    let token = &tokens[run.0];
    let first = token.newline || run.0 == 0 || matches!(tokens[run.0 - 1].mark, b'.' | b'!' | b'?');
    run.1 - run.0 == 1
        && first
        && token.kind == Kind::Capital
        && features::flags(text, token, &model.lexicon) == COMMON
}

fn report(
    scene: &Scene<'_>,
    tokens: &[tokens::Token],
    labels: &[u8],
    emissions: &[[i32; LABELS]],
    out: &mut Vec<Finding>,
) {
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
        let margin: i32 = (index..end)
            .map(|i| emissions[i][usize::from(labels[i])] - emissions[i][0])
            .sum::<i32>()
            / (end - index) as i32;
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
        let range = tokens[first].start as usize..tokens[last].end as usize;
        let score = (52 + margin / 8).clamp(50, 84) as u8;
        let category = KINDS[kind];
        let label = first == last && is_label(&scene.text[range.clone()]);
        if !label && scene.text[range.clone()].chars().any(char::is_alphabetic) {
            if category == Category::PersonName {
                out.extend(title(scene, tokens, first));
            }
            out.push(Finding::new(range, category, score, Evidence::Model, "names"));
        }
        index = end;
    }
}

/// A form of address right before a name, within the run.
fn title(scene: &Scene<'_>, tokens: &[Token], index: usize) -> Option<Finding> {
    let dotted = index > 0 && tokens[index - 1].mark == b'.';
    let at = index.checked_sub(1 + usize::from(dotted))?;
    let word = tokens[at].text(scene.text);
    let known = TITLES.contains(&word);
    let range = tokens[at].start as usize..tokens[index - 1].end as usize;
    known.then(|| Finding::new(range, Category::Title, 70, Evidence::Lexicon, "title"))
}

/// Forms of address.
const TITLES: &[&str] = &[
    "Mr", "Mrs", "Ms", "Miss", "Dr", "Prof", "Sir", "Madam", "Herr", "Frau", "Herrn", "Monsieur",
    "Madame", "Mme", "Mlle", "Sr", "Sra", "Señor", "Señora", "Don", "Doña", "Sig", "Signor",
    "Signora", "Dott", "Dhr", "Mevr", "Mevrouw", "Pan", "Pani", "Pán", "Paní", "Hr", "Fru", "Ing",
    "Mgr", "Dra",
];

/// Words in capitals that label values and are no names.
fn is_label(word: &str) -> bool {
    const LABELS: &[&str] = &[
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
    ];
    LABELS.contains(&word)
}

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
