//! Special categories (GDPR Art. 9) and criminal records (Art. 10) in running text: words of
//! health, belief, opinion and conviction, reported only where the words around them speak of a
//! person, and codes of diseases and drugs where a word for a diagnosis announces them.
//! A word alone (`depression`, `union`, `orthodox`) is left alone: it means too much else.

use crate::context::Topics;
use crate::numbers::Scene;
use crate::terms::Hit;
use crate::{Category, Evidence, Finding};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Words by category, in lower case.
const WORDS: &[(Category, &str)] = &[
    (
        Category::Health,
        "hiv-positive|hiv positive|hiv-positiv|séropositif|seropositivo|schizophrenia|\
        schizophrenie|schizophrénie|\
         esquizofrenia|schizofrenia|bipolar disorder|bipolare störung|diabetes|diabète|diabetic|\
         diabetiker|epilepsy|\
         epilepsie|epilepsia|multiple sclerosis|multiple sklerose|cancer|krebs|leukaemia|leukemia|\
         leukämie|cáncer|\
         cancro|kanker|rakovina|nowotwór|rák|daganat|alzheimer|parkinson|hepatitis|hepatitis c|\
         tuberculosis|\
         tuberkulose|anorexia|anorexie|alcoholism|alkoholismus|alkoholiker|drug addiction|\
         suchtkrank|depression|\
         depresión|depressione|depressie|depresja|deprese|burnout|pregnant|schwanger|enceinte|\
         embarazada|incinta|\
         grávida|zwanger|asthma|dementia|demenz|démence|demencia|autism|autismus|autisme|adhd|\
         chemotherapy|\
         chemotherapie|chimiothérapie|quimioterapia|dialysis|heart attack|herzinfarkt|infarctus|\
         stroke|schlaganfall|\
         covid-19|crohn's disease|morbus crohn|disabled|schwerbehindert|handicapé|discapacitado|\
         abortion|abtreibung",
    ),
    (
        Category::Religion,
        "muslim|muslima|muslime|musulman|musulmán|musulmano|muçulmano|moslim|jewish|jude|jüdisch|\
        juif|judío|ebreo|\
         judeu|joods|catholic|katholisch|catholique|católico|cattolico|katholiek|katolik|\
         protestant|evangelisch|\
         jehovah's witness|zeuge jehovas|zeugin jehovas|buddhist|hindu|sikh|atheist|\
         konfessionslos|mormon",
    ),
    (
        Category::TradeUnion,
        "trade union|union member|gewerkschaft|gewerkschaftsmitglied|ver.di|ig metall|syndicat|\
        syndiqué|sindicato|\
         sindacato|vakbond|związek zawodowy|fagforening|fackförening|ammattiliitto|sindicat",
    ),
    (
        Category::Orientation,
        "homosexual|homosexuell|homosexuel|omosessuale|homoseksueel|gay|lesbian|lesbisch|\
        lesbienne|lesbiana|bisexual|\
         bisexuell|bisexuel|transgender|transsexual|transsexuell",
    ),
    (
        Category::Ethnicity,
        "roma and sinti|sinti und roma|ethnic origin|ethnische herkunft|origine ethnique|\
        origen étnico|african american",
    ),
    (
        Category::Criminal,
        "convicted of|previously convicted|criminal record|vorbestraft|verurteilt wegen|\
        casier judiciaire|condamné pour|\
         antecedentes penales|condenado por|precedenti penali|condannato per|strafblad|\
         veroordeeld voor|karany|skazany za|\
         sentenced to|on probation|auf bewährung|zu einer freiheitsstrafe",
    ),
    (
        Category::Politics,
        "member of the communist party|party member|parteimitglied|mitglied der spd|\
        mitglied der cdu|mitglied der afd|\
         member of the labour party|membre du parti|miembro del partido|iscritto al partito",
    ),
    (
        Category::Biometric,
        "fingerprint template|iris scan|iris template|voiceprint|face template|\
        fingerabdruckvorlage",
    ),
    // Said as a field (`sex: F`) or of an age (`mujer de 40 años`); see `gender`.
    (
        Category::Gender,
        "sex:|sexo:|gender:|geschlecht:|sexe:|sesso:|sexo |geslacht:|płeć:|pohlaví:|pohlavie:|\
        neme:|пол:|kön:|køn:|kjønn:|\
         sukupuoli:|sugu:|dzimums:|lytis:|φύλο:|spol:|mujer|varón|hombre|niño|niña|\
         old male|old female|old man|old woman|old boy|old girl",
    ),
    // They announce codes that may have no digit; see `bank_code`.
    (
        Category::BankAccount,
        "bic|bic/swift|swift|swift/bic|bic-code|swift-code|swift code|bic code|ifsc|ifsc code|\
         code bic|código bic|código swift|kod bic|kod swift|bic-kód|bic-kod|bic kód|swift kód|\
         codul bic|codul swift|codice bic|codice swift",
    ),
    (
        Category::Genetic,
        "brca1|brca2|genetic mutation|gene mutation|dna profile|dna-profil|profil adn|\
        perfil genético",
    ),
];

/// Words that speak of a person, looked for shortly before.
const PERSONS: &str = "he |she |i am|i have|i was|my |his |her |patient|diagnos|suffers|suffering|\
leidet|erkrankt|litt|\
    er ist|sie ist|ich bin|ich habe|seine |ihre |souffre|atteint|elle est|il est|je suis|padece|\
    sufre|ella es|él es|\
    soffre|affetto|lei è|lui è|sofre|ela é|ele é|lijdt|hij is|zij is|mitglied|member|membre|\
    miembro|membro|lid van|\
    klient|client|employee|mitarbeiter|mr |mrs |ms |herr |frau |est une|es una|choruje|\
    trpí|szenved|sufera|lider|kärsii|sairastaa|lider af|paciente|paziente|pacient|applicant|\
    bewerber|defendant|angeklagte";

/// How far before a word the person is looked for, in bytes.
const REACH: usize = 48;

/// The words, in the order of [`CATEGORIES`].
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().flat_map(|(_, words)| words.split('|'))
}

static CATEGORIES: LazyLock<Vec<Category>> = LazyLock::new(|| {
    WORDS.iter().flat_map(|(category, words)| words.split('|').map(|_| *category)).collect()
});
static CUES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(PERSONS.split('|'))
        .expect("the words are fixed")
});

/// Finds words of the special categories that are said of a person.
pub(crate) fn detect(scene: &Scene<'_>, hits: &[Hit], out: &mut Vec<Finding>) {
    let bytes = scene.text.as_bytes();
    if scene.label.any(Topics::BANK) && bytes.len() <= 14 {
        out.extend(bank_code(scene.text, 0));
    }
    for hit in hits {
        let letter = |i: Option<&u8>| i.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        if letter(bytes.get(hit.end)) && !matches!(bytes[hit.end - 1], b':' | b' ') {
            continue;
        }
        let category = CATEGORIES[hit.index];
        if category == Category::Gender {
            out.extend(gender(scene.text, hit.start, hit.end));
            continue;
        }
        if category == Category::BankAccount {
            out.extend(bank_code(scene.text, hit.end));
            continue;
        }
        let front = &bytes[hit.start.saturating_sub(REACH)..hit.start];
        // The person and the word stand in one sentence.
        let sentence = front.iter().rposition(|b| matches!(b, b'.' | b'!' | b'?' | b'\n'));
        let front = &front[sentence.map_or(0, |i| i + 1)..];
        let cue = CUES
            .find_overlapping_iter(front)
            .any(|cue| cue.start() == 0 || !front[cue.start() - 1].is_ascii_alphanumeric());
        if !cue {
            continue;
        }
        let range = hit.start..hit.end;
        out.push(Finding::new(range, category, 64, Evidence::Lexicon, "special"));
    }
}

/// Values of fields for gender, in small letters.
const GENDERS: &str = "m|f|h|w|d|v|k|ž|male|female|man|woman|masculino|femenino|feminino|varón|\
mujer|\
    hombre|männlich|weiblich|divers|homme|femme|masculin|féminin|maschio|femmina|\
    vrouw|muž|žena|muški|ženski|kobieta|mężczyzna|férfi|nő|мъж|жена|kvinna|mand|\
    kvinde|mann|kvinne|mies|nainen|non-binary|other";

/// The value of a field for gender, or the word that stands with an age.
fn gender(text: &str, start: usize, end: usize) -> Option<Finding> {
    let word = &text[start..end];
    let rest = &text[end..];
    if word.starts_with("old ") {
        return Some(Finding::new(
            start + 4..end,
            Category::Gender,
            66,
            Evidence::Context,
            "gender",
        ));
    }
    if word.ends_with([':', ' ']) {
        let value = rest.trim_start_matches(' ');
        let at = end + rest.len() - value.len();
        let length = value.find(|c: char| !c.is_alphabetic() && c != '-').unwrap_or(value.len());
        let known = GENDERS.split('|').any(|g| g == value[..length].to_lowercase());
        return known.then(|| {
            Finding::new(at..at + length, Category::Gender, 80, Evidence::Context, "gender")
        });
    }
    let aged =
        rest.strip_prefix(" de ").is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()));
    aged.then(|| Finding::new(start..end, Category::Gender, 66, Evidence::Context, "gender"))
}

/// The code of a bank (ISO 9362, IFSC) behind a word for it: `BIC: DEUTDEFF`, `SWIFT COBA DE FF`.
fn bank_code(text: &str, end: usize) -> Option<Finding> {
    const GAP_MAX: usize = 16;
    let tail = text.get(end..)?;
    let gap = tail.find(|c: char| c.is_ascii_uppercase()).filter(|gap| *gap <= GAP_MAX)?;
    if tail[..gap].contains('\n') {
        return None;
    }
    let value = &tail[gap..];
    let is_sign = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let mut size = value.bytes().take_while(is_sign).count();
    // `COBA DE FF 370` is written in blocks.
    for block in [2, 2, 3] {
        let rest = &value.as_bytes()[size..];
        if (4..=10).contains(&size)
            && rest.first() == Some(&b' ')
            && rest[1..].iter().take_while(|b| is_sign(b)).count() == block
        {
            size += 1 + block;
        }
    }
    let compact: Vec<u8> = value[..size].bytes().filter(|b| *b != b' ').collect();
    let bank = matches!(compact.len(), 8 | 11) && compact[..6].iter().all(u8::is_ascii_uppercase);
    let branch = compact.len() == 11
        && compact[..4].iter().all(u8::is_ascii_uppercase)
        && compact[4..].iter().any(u8::is_ascii_digit);
    let ends = value[size..].chars().next().is_none_or(|c| !c.is_alphanumeric());
    (ends && (bank || branch)).then(|| {
        let range = end + gap..end + gap + size;
        Finding::new(range, Category::BankAccount, 86, Evidence::Context, "bank-code")
    })
}

/// A code of the ICD-10 or of the ATC, which a word for it announces.
pub(crate) fn code(text: &str, start: usize, end: usize) -> Option<Finding> {
    let word = text.get(start..end)?.as_bytes();
    let chapter = |b: &u8| b.is_ascii_uppercase() && *b != b'U';
    let icd = matches!(word, [first, b'0'..=b'9', b'0'..=b'9' | b'A' | b'B', rest @ ..]
        if chapter(first) && (rest.is_empty() || rest[0] == b'.' && rest.len() <= 5));
    let atc = matches!(
        word,
        [
            b'A' | b'B'
                | b'C'
                | b'D'
                | b'G'
                | b'H'
                | b'J'
                | b'L'
                | b'M'
                | b'N'
                | b'P'
                | b'R'
                | b'S'
                | b'V',
            b'0'..=b'9',
            b'0'..=b'9',
            b'A'..=b'Z',
            b'A'..=b'Z',
            b'0'..=b'9',
            b'0'..=b'9'
        ]
    );
    if !(icd || atc) {
        return None;
    }
    let mut from = start.saturating_sub(40);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let front = text[from..start].to_lowercase();
    let said = ["icd", "diagnos", "atc", "diagnóst", "rozpoznanie", "dg.", "bno"]
        .iter()
        .any(|w| front.contains(w));
    said.then(|| Finding::new(start..end, Category::Health, 72, Evidence::Context, "medical-code"))
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn only_where_a_person_is_spoken_of() {
        check("she is hiv-positive", &["health:hiv-positive"]);
        check("er ist vorbestraft", &["criminal:vorbestraft"]);
        check("diagnosis: F20.0", &["health:F20.0"]);
        check("the great depression of the thirties", &[]);
        check("union all select", &[]);
        check(
            "SWIFT: DEUTDEFF, BIC COBA DE FF 370",
            &["bank-account:DEUTDEFF", "bank-account:COBA DE FF 370"],
        );
        check("swift abcdefgh", &[]);
    }
}
