//! Texts of one place, one after the other: what is found in them, and how they look afterwards.

use crate::beside::look_beside;
use crate::place::Place;
use crate::rules::{Screen, category};
use crate::unfolded::look_over_breaks;
use portreeve_decide::mask::{Masked, Masker, ValueKind};
use portreeve_detect::mask::{Container, detect_within, mask_document};
use portreeve_detect::{Category as Found, ColumnWatch, Evidence, Finding, ValueContext, mask};
use portreeve_model::{Category, Detected, Object, Unclassified};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

/// By what texts are masked, and what is not.
#[derive(Clone, Copy)]
pub struct Masking<'m> {
    /// The methods of the configuration.
    pub masker: &'m Masker,
    /// Whether policy lets the whole chain see a category in the texts of an object.
    pub reveals: &'m dyn Fn(&Object, &Category) -> bool,
}

/// What of a value may be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Shown {
    /// All of it; nothing was written.
    AsIs,
    /// What was written.
    Replaced,
    /// Nothing: NULL stands for it.
    Null,
}

/// Who words texts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Wording {
    /// Anybody: all of it may be somebody's.
    #[default]
    Anybodys,
    /// The server, which quotes values: outside of quotes and brackets its words look like names
    /// (`Hash`, `Seq Scan`) and are none.
    Servers,
}

/// The texts of one place.
#[derive(Clone, Debug)]
pub struct TextScreen {
    screen: Arc<Screen>,
    place: Place,
    wording: Wording,
    looks_beside: bool,
    watch: ColumnWatch,
    found: Vec<Finding>,
    tallies: BTreeMap<Found, Tally>,
    whole: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    masked: u64,
    revealed: u64,
    /// What policy says; asked once.
    is_revealed: Option<bool>,
}

impl TextScreen {
    /// For texts that go by these names, the most telling first.
    #[must_use]
    pub fn new(screen: &Arc<Screen>, place: Place, names: &[&str]) -> Self {
        Self::within(screen, place, ValueContext::of_names(names))
    }

    /// For texts of which something is known.
    #[must_use]
    pub fn within(screen: &Arc<Screen>, place: Place, context: ValueContext) -> Self {
        let watch = ColumnWatch::new(screen.detector(), context, screen.seed());
        let screen = screen.clone();
        Self {
            screen,
            place,
            wording: Wording::Anybodys,
            looks_beside: false,
            watch,
            found: Vec::new(),
            tallies: BTreeMap::new(),
            whole: 0,
        }
    }

    /// The same for texts of this wording.
    #[must_use]
    pub fn worded(self, wording: Wording) -> Self {
        Self { wording, ..self }
    }

    /// The same for texts in which somebody may have put letters beside a value to hide it.
    #[must_use]
    pub fn beside(self) -> Self {
        Self { looks_beside: true, ..self }
    }

    /// Looks at a text and appends what may be shown of it to `out`, where that is not all of it.
    /// The text stays one of its form.
    pub fn text(
        &mut self,
        text: &str,
        form: Container,
        masking: &Masking<'_>,
        out: &mut Vec<u8>,
    ) -> Shown {
        match self.screen.mode() {
            Unclassified::Clear => return Shown::AsIs,
            Unclassified::Mask => return self.unclassified(form, masking, out),
            Unclassified::Detect => {}
        }
        self.found.clear();
        let form = self.look(text, form);
        if form == Container::Text {
            look_over_breaks(self.screen.detector(), text, &mut self.found);
        }
        if self.looks_beside && matches!(form, Container::Text | Container::Csv) {
            look_beside(self.screen.detector(), text, true, &mut self.found);
        }
        self.settle(text.len(), masking, out, text, form)
    }

    /// The same for a value that has a name of its own beside its place's, such as a key.
    pub fn named_text(
        &mut self,
        name: &str,
        text: &str,
        masking: &Masking<'_>,
        out: &mut Vec<u8>,
    ) -> Shown {
        if self.screen.mode() != Unclassified::Detect {
            return self.text(text, Container::Text, masking, out);
        }
        self.found.clear();
        let context = ValueContext::of_names(&[name]);
        self.screen.detector().scan_long(text, context, &mut self.found);
        look_over_breaks(self.screen.detector(), text, &mut self.found);
        self.settle(text.len(), masking, out, text, Container::Text)
    }

    /// Appends a text with what was found in it masked.
    pub(crate) fn replace(
        &mut self,
        text: &str,
        found: Vec<Finding>,
        masking: &Masking<'_>,
        out: &mut Vec<u8>,
    ) {
        self.found = found;
        match self.settle(usize::MAX, masking, out, text, Container::Text) {
            Shown::AsIs => out.extend_from_slice(text.as_bytes()),
            Shown::Replaced | Shown::Null => {}
        }
    }

    /// Appends what stands for a text of which all is masked.
    pub(crate) fn mask_whole(&mut self, masking: &Masking<'_>, out: &mut Vec<u8>) {
        let _ = self.unclassified(Container::Text, masking, out);
    }

    /// Looks at a value that is no text (a number, a day), written as a text: what it is, if its
    /// place's name says so. Whoever asks masks it as a value of its type.
    pub fn typed(&mut self, text: &str, masking: &Masking<'_>) -> Option<&'static Category> {
        if self.screen.mode() == Unclassified::Clear {
            return None;
        }
        let finding = self.screen.detector().typed_value(text, self.watch.context());
        let finding = finding.filter(|finding| self.screen.counts(finding))?;
        self.counted(&finding, masking).then(|| category(finding.category))
    }

    /// Looks at a text whose form is not known: what it is, if something is found in it. Whoever
    /// asks masks it whole.
    pub fn opaque(&mut self, text: &str, masking: &Masking<'_>) -> Option<&'static Category> {
        match self.screen.mode() {
            Unclassified::Clear => return None,
            Unclassified::Mask => {
                self.whole += 1;
                return Some(&UNCLASSIFIED);
            }
            Unclassified::Detect => {}
        }
        self.found.clear();
        self.watch.scan(text, &mut self.found);
        self.keep(text, masking);
        self.found.first().map(|finding| category(finding.category))
    }

    /// The category of what was found last, or of what is masked whole.
    #[must_use]
    pub fn last_found(&self) -> &'static Category {
        self.found.last().map_or(&*UNCLASSIFIED, |finding| category(finding.category))
    }

    fn look(&mut self, text: &str, form: Container) -> Container {
        let context = self.watch.context();
        match form {
            Container::Text => self.watch.scan(text, &mut self.found),
            Container::Json
            | Container::Csv
            | Container::Sql
            | Container::Xml
            | Container::Array => {
                let detector = self.screen.detector();
                if detect_within(&detector, text, form, context, &mut self.found).is_err() {
                    // What is not of its form has no values to keep whole.
                    self.found.clear();
                    self.watch.scan(text, &mut self.found);
                    return Container::Text;
                }
            }
        }
        form
    }

    fn settle(
        &mut self,
        bytes: usize,
        masking: &Masking<'_>,
        out: &mut Vec<u8>,
        text: &str,
        form: Container,
    ) -> Shown {
        if self.found.is_empty() {
            return Shown::AsIs;
        }
        self.keep(text, masking);
        match self.found.as_slice() {
            [] => Shown::AsIs,
            // The whole value: as a column of the category is masked.
            [one] if one.range() == (0..bytes) && form == Container::Text => {
                match replacement(masking.masker, one.category, text, ValueKind::Text) {
                    Some(masked) => {
                        out.extend_from_slice(masked.as_bytes());
                        Shown::Replaced
                    }
                    None => Shown::Null,
                }
            }
            found => {
                let mut replace = |found, value: &str, kind| match kind {
                    mask::ValueKind::Text => {
                        replacement(masking.masker, found, value, ValueKind::Text)
                    }
                    // Documents have no types beyond these.
                    _ => replacement(masking.masker, found, value, ValueKind::Number),
                };
                match mask_document(text, form, found, &mut replace) {
                    Ok(masked) => {
                        out.extend_from_slice(masked.text.as_bytes());
                        Shown::Replaced
                    }
                    Err(_) => Shown::Null,
                }
            }
        }
    }

    /// Leaves the findings that are to be masked.
    fn keep(&mut self, text: &str, masking: &Masking<'_>) {
        self.sift(text);
        let mut found = std::mem::take(&mut self.found);
        found.retain(|finding| self.counted(finding, masking));
        self.found = found;
    }

    /// Leaves the findings that count.
    fn sift(&mut self, text: &str) {
        let mut found = std::mem::take(&mut self.found);
        let name_min = self.watch.context().name_score_min(text);
        let is_believed = |finding: &Finding| {
            finding.category != Found::PersonName
                || finding.evidence != Evidence::Model
                || finding.score >= name_min
                || self.screen.is_asked_for(finding.category)
        };
        let is_meant = |finding: &Finding| match self.wording {
            Wording::Anybodys => true,
            Wording::Servers => finding.evidence >= Evidence::Shape || is_quoted(text, finding),
        };
        found.retain(|finding| {
            is_meant(finding) && is_believed(finding) && !is_nobodys(text, finding)
        });
        found.retain(|finding| self.screen.counts(finding));
        self.found = found;
    }

    /// What is found in a text under a name, and would be masked there. Nothing is counted.
    pub fn findings(&mut self, name: &str, text: &str) -> &[Finding] {
        self.found.clear();
        let context = ValueContext::of_names(&[name]);
        self.screen.detector().scan_long(text, context, &mut self.found);
        look_over_breaks(self.screen.detector(), text, &mut self.found);
        self.sift(text);
        &self.found
    }

    /// Looks at a text that others take apart, and counts nothing.
    pub(crate) fn look_at(&mut self, text: &str) {
        self.found.clear();
        let context = self.watch.context();
        self.screen.detector().scan_long(text, context, &mut self.found);
        self.sift(text);
    }

    pub(crate) fn found(&self) -> &[Finding] {
        &self.found
    }

    pub(crate) fn mode(&self) -> Unclassified {
        self.screen.mode()
    }

    pub(crate) fn is_revealed(&self, found: Found, masking: &Masking<'_>) -> bool {
        (masking.reveals)(&self.place.object, category(found))
    }

    pub(crate) fn count_found(&mut self, found: Option<Found>, is_masked: bool) {
        let Some(found) = found else {
            self.whole += 1;
            return;
        };
        let tally = self.tallies.entry(found).or_default();
        *(if is_masked { &mut tally.masked } else { &mut tally.revealed }) += 1;
    }

    /// Counts a finding, and says whether it is to be masked.
    fn counted(&mut self, finding: &Finding, masking: &Masking<'_>) -> bool {
        let tally = self.tallies.entry(finding.category).or_default();
        let object = &self.place.object;
        let ask = || (masking.reveals)(object, category(finding.category));
        let is_revealed = *tally.is_revealed.get_or_insert_with(ask);
        *(if is_revealed { &mut tally.revealed } else { &mut tally.masked }) += 1;
        !is_revealed
    }

    fn unclassified(&mut self, form: Container, masking: &Masking<'_>, out: &mut Vec<u8>) -> Shown {
        self.whole += 1;
        let kind = match form {
            Container::Json => ValueKind::Json(portreeve_decide::mask::Form::Text),
            Container::Array => ValueKind::Other,
            Container::Text | Container::Csv | Container::Sql | Container::Xml => ValueKind::Text,
        };
        match masking.masker.mask_derived(&UNCLASSIFIED, kind, out) {
            Masked::Replaced => Shown::Replaced,
            Masked::Null => Shown::Null,
        }
    }

    /// Takes what was counted so far.
    pub fn drain(&mut self, into: &mut Vec<Detected>) {
        let count = |category: &Category, masked, revealed| Detected {
            category: category.clone(),
            object: (*self.place.object).clone(),
            place: self.place.name.to_string(),
            masked,
            revealed,
        };
        for (found, tally) in &mut self.tallies {
            let (masked, revealed) =
                (std::mem::take(&mut tally.masked), std::mem::take(&mut tally.revealed));
            if masked + revealed > 0 {
                into.push(count(category(*found), masked, revealed));
            }
        }
        if self.whole > 0 {
            into.push(count(&UNCLASSIFIED, std::mem::take(&mut self.whole), 0));
        }
    }
}

/// Whether an address is of no machine in particular.
fn is_nobodys(text: &str, finding: &Finding) -> bool {
    let address = text.get(finding.range()).and_then(|value| value.parse::<IpAddr>().ok());
    finding.category == Found::IpAddress
        && address.is_some_and(|address| address.is_loopback() || address.is_unspecified())
}

/// Whether a finding stands in quotes or brackets.
fn is_quoted(text: &str, finding: &Finding) -> bool {
    let before = text.get(..finding.start).unwrap_or_default().as_bytes();
    let count = |mark: u8| before.iter().filter(|byte| **byte == mark).count();
    count(b'\'') % 2 == 1 || count(b'"') % 2 == 1 || count(b'(') > count(b')')
}

/// What takes the place of a value; nothing for NULL.
pub(crate) fn replacement(
    masker: &Masker,
    found: Found,
    value: &str,
    kind: ValueKind,
) -> Option<String> {
    let mut out = Vec::new();
    match masker.mask(category(found), value.as_bytes(), kind, &mut out) {
        Masked::Null => None,
        Masked::Replaced => {
            let masked = String::from_utf8(out).expect("masks of texts are texts");
            // `health`, found as such, must not come back as `[health]`.
            Some(if repeats(&masked, value) { "***".to_owned() } else { masked })
        }
    }
}

/// Whether a mask holds the value, of more letters than chance brings together.
fn repeats(masked: &str, value: &str) -> bool {
    let value = value.trim().to_lowercase();
    value.chars().count() > 3 && masked.to_lowercase().contains(&value)
}

/// The category of what is masked because nobody has said what it is.
static UNCLASSIFIED: LazyLock<Category> = LazyLock::new(|| Category::from("unclassified"));

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_decide::mask::MaskKey;
    use portreeve_model::MaskMethod;

    fn masker(method: MaskMethod) -> Masker {
        Masker::new([].into(), method, MaskKey::new([7; 32]))
    }

    fn shown(screen: Screen, column: &str, text: &str, form: Container) -> (Shown, String) {
        let masker = masker(MaskMethod::Redact);
        let masking = Masking { masker: &masker, reveals: &|_, category| category.0 == "phone" };
        let place = Place::unnamed(column);
        let mut screen = TextScreen::new(&Arc::new(screen), place, &[column]);
        let mut out = Vec::new();
        let shown = screen.text(text, form, &masking, &mut out);
        (shown, String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_is_found_is_masked_and_the_form_stays() {
        let check = |column: &str, text: &str, form, expect: &str| {
            let got = shown(Screen::default(), column, text, form);
            assert_eq!(got, (Shown::Replaced, expect.to_owned()), "{text}");
        };
        check("note", "write to eva@example.org", Container::Text, "write to [email]");
        check("first_name", "yrsa", Container::Text, "[person-name]");
        check(
            "d",
            r#"{"login":"ydahl77","n":7}"#,
            Container::Json,
            r#"{"login":"[username]","n":7}"#,
        );
        check("d", r#"{a,"eva@example.org"}"#, Container::Array, r#"{a,"[email]"}"#);
        check("d", r#"{"a":"eva@example.org""#, Container::Json, r#"{"a":"[email]""#);
        check("diagnosis", "Diabetes", Container::Text, "[health]");
        let redact = masker(MaskMethod::Redact);
        let health = replacement(&redact, Found::Health, "Health", ValueKind::Text);
        assert_eq!(health.as_deref(), Some("***"));
        for text in ["paid", "", "3f786850e387550fdab836ed7e6dc881de23001b"] {
            assert_eq!(shown(Screen::default(), "state", text, Container::Text).0, Shown::AsIs);
        }
    }

    #[test]
    fn reveals_minimums_and_modes_hold() {
        let text = "eva@example.org, +49 171 1234567";
        let (_, out) = shown(Screen::default(), "note", text, Container::Text);
        assert_eq!(out, "[email], +49 171 1234567", "phones are revealed");
        let high = [(Category::from("email"), 100)].into();
        let strict = Screen::new(Unclassified::Detect, &high, 0);
        assert_eq!(shown(strict, "note", text, Container::Text).0, Shown::AsIs);
        let clear = Screen::new(Unclassified::Clear, &BTreeMap::new(), 0);
        assert_eq!(shown(clear, "note", text, Container::Text).0, Shown::AsIs);
        let mask = || Screen::new(Unclassified::Mask, &BTreeMap::new(), 0);
        assert_eq!(shown(mask(), "note", "paid", Container::Text).1, "[unclassified]");
        assert_eq!(shown(mask(), "note", "{}", Container::Json).1, "\"[unclassified]\"");
        assert_eq!(shown(mask(), "note", "{}", Container::Array).0, Shown::Null);
    }

    #[test]
    fn the_servers_own_words_are_nobodys_but_what_it_quotes() {
        let masker = masker(MaskMethod::Redact);
        let masking = Masking { masker: &masker, reveals: &|_, _| false };
        let check = |text: &str, expect: Option<&str>| {
            let screen = TextScreen::new(&Arc::default(), Place::unnamed("error"), &[]);
            let mut out = Vec::new();
            let mut screen = screen.worded(Wording::Servers);
            let shown = screen.text(text, Container::Text, &masking, &mut out);
            let got = (shown == Shown::Replaced).then(|| String::from_utf8(out).unwrap());
            assert_eq!(got.as_deref(), expect, "{text}");
        };
        check("  ->  Seq Scan on film f", None);
        check("        ->  Hash", None);
        check(
            "Filter: (title = 'eva@example.org'::text)",
            Some("Filter: (title = '[email]'::text)"),
        );
        check("the key eva@example.org is there", Some("the key [email] is there"));
        check(
            "invalid input syntax for type integer: \"Mrs. Annika Sundstr\u{f6}m\"",
            Some("invalid input syntax for type integer: \"Mrs. [person-name]\""),
        );
        check("Mrs. Annika Sundstr\u{f6}m", None);
    }

    #[test]
    fn what_tells_nobody_apart_counts_only_where_it_is_asked_for() {
        let town = |screen| shown(screen, "city", "Lille", Container::Text).0;
        assert_eq!(town(Screen::default()), Shown::AsIs);
        let asked = [(Category::from("location"), 50)].into();
        let text = "they moved to Lille last year, to a house in Paris";
        let screen = Screen::new(Unclassified::Detect, &asked, 0);
        assert_eq!(shown(screen, "note", text, Container::Text).0, Shown::Replaced);
    }

    #[test]
    fn findings_are_counted_by_category_and_place() {
        let masker = masker(MaskMethod::Pseudonym);
        let masking = Masking { masker: &masker, reveals: &|_, category| category.0 == "phone" };
        let object = Arc::new(Object::column("public", "log", "body"));
        let place = Place::of(object.clone(), "b");
        let mut screen = TextScreen::new(&Arc::default(), place, &["body"]);
        for _ in 0..2 {
            let text = "eva@example.org, +49 171 1234567";
            let _ = screen.text(text, Container::Text, &masking, &mut Vec::new());
        }
        let mut got = Vec::new();
        screen.drain(&mut got);
        let detected = |category: &str, masked, revealed| Detected {
            category: category.into(),
            object: (*object).clone(),
            place: "b".into(),
            masked,
            revealed,
        };
        assert_eq!(got, [detected("email", 2, 0), detected("phone", 0, 2)]);
        got.clear();
        screen.drain(&mut got);
        assert_eq!(got, []);
    }

    #[test]
    fn a_whole_value_looks_like_a_masked_column() {
        let masker = masker(MaskMethod::Pseudonym);
        let masking = Masking { masker: &masker, reveals: &|_, _| false };
        let mut column = Vec::new();
        let _ = masker.mask(&"email".into(), b"eva@example.org", ValueKind::Text, &mut column);
        let mut found = Vec::new();
        let mut screen = TextScreen::new(&Arc::default(), Place::unnamed("x"), &["x"]);
        let _ = screen.text("eva@example.org", Container::Text, &masking, &mut found);
        assert_eq!(found, column);
    }

    #[test]
    fn numbers_are_somebodys_where_their_name_says_so() {
        let masker = masker(MaskMethod::Redact);
        let masking = Masking { masker: &masker, reveals: &|_, _| false };
        let check = |name: &str, value: &str, expect: Option<&str>| {
            let mut screen = TextScreen::new(&Arc::default(), Place::unnamed(name), &[name]);
            let got = screen.typed(value, &masking).map(|category| category.0.as_str());
            assert_eq!(got, expect, "{name} {value}");
        };
        check("card_number", "4111111111111111", Some("card"));
        check("phone", "491711234567", Some("phone"));
        check("birth_date", "1978-05-10", Some("date-of-birth"));
        for name in ["id", "order_id", "customer_id", "total", "created_at", "n"] {
            check(name, "4111111111111111", None);
            check(name, "1978-05-10", None);
        }
    }
}
