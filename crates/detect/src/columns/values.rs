//! What sampled values say about their column.

use super::fits::{covers, fits, is_date};
use super::lists::{ETHNIC, GENDERS, JOBS, LANGUAGES, MARITAL, NATIONS, RELIGIONS, TITLES};
use crate::checks::rules::{RULES, UNCHECKED};
use crate::detector::Detector;
use crate::finding::Finding;
use crate::finding::category::Category;

/// Most values that are looked at.
const VALUES_MAX: usize = 64;

/// What is known of the values of a column.
pub(super) struct Values {
    /// How many values there are that are not empty.
    pub(super) count: usize,
    values: Vec<String>,
    found: Vec<Vec<Finding>>,
}

impl Values {
    pub(super) fn look(detector: &Detector, values: &[&str]) -> Self {
        let values: Vec<String> = values
            .iter()
            .map(|v| v.trim())
            .filter(|v| {
                !v.is_empty()
                    && !matches!(*v, "NULL" | "null" | "None" | "nan" | "NaN" | "N/A" | "n/a" | "-")
            })
            .take(VALUES_MAX)
            .map(str::to_owned)
            .collect();
        let found = values
            .iter()
            .map(|value| {
                let mut out = Vec::new();
                detector.detect(value, &mut out);
                out
            })
            .collect();
        Self { count: values.len(), values, found }
    }

    fn share(&self, test: impl Fn(&str, &[Finding]) -> bool) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let hits = self.values.iter().zip(&self.found).filter(|(v, f)| test(v, f)).count();
        hits as f64 / self.count as f64
    }

    fn listed(&self, list: &[&str]) -> f64 {
        self.share(|v, _| list.contains(&v.to_lowercase().as_str()))
    }

    /// The share of values that are wholly of a category.
    fn whole(&self, category: Category) -> f64 {
        self.share(|value, found| covers(value, found, category))
    }

    /// The share of values that could be of a category; nothing when there are no values.
    pub(super) fn fit(&self, category: Category) -> Option<f64> {
        let closed = category == Category::PersonName && self.is_closed();
        let share = self.share(|value, found| fits(category, value, found));
        (self.count > 0).then_some(if closed { share * 0.6 } else { share })
    }

    /// The share of values that look like names of people; nothing when there are no values.
    pub(super) fn people(&self) -> Option<f64> {
        let person =
            |v: &str, f: &[Finding]| covers(v, f, Category::PersonName) || crate::names::is_name(v);
        (self.count > 0).then(|| self.share(person))
    }

    /// The share of forms of address; nothing when there are no values.
    pub(super) fn titles(&self) -> Option<f64> {
        let title = |v: &str, _: &[Finding]| {
            TITLES.contains(&v.trim_end_matches('.').to_lowercase().as_str())
        };
        (self.count > 0).then(|| self.share(title))
    }

    /// Whether few different words fill the column, as states and kinds do.
    fn is_closed(&self) -> bool {
        let mut distinct: Vec<&str> = self.values.iter().map(String::as_str).collect();
        distinct.sort_unstable();
        distinct.dedup();
        self.count >= 12 && distinct.len() * 4 <= self.count
    }

    /// What the values say alone: category, share and rule.
    pub(super) fn verdict(&self) -> Option<(Category, f64, &'static str)> {
        if self.count == 0 {
            return None;
        }
        for (category, least) in [
            (Category::Email, 0.5),
            (Category::Iban, 0.6),
            (Category::MacAddress, 0.6),
            (Category::IpAddress, 0.6),
            (Category::Secret, 0.6),
            (Category::GeoCoordinates, 0.6),
            (Category::Phone, 0.6),
        ] {
            let share = self.whole(category);
            if share >= least {
                return Some((category, share, "detector"));
            }
        }
        let pairs = self.share(|v, _| is_degree_pair(v));
        if pairs >= 0.6 {
            return Some((Category::GeoCoordinates, pairs, "pairs of degrees"));
        }
        if let Some(found) = self.checked() {
            return Some(found);
        }
        let codes = self.share(|v, _| is_lettered_postcode(v));
        let plain = self.share(|v, _| v.len() == 5 && v.bytes().all(|b| b.is_ascii_digit()));
        if codes >= 0.3 && codes + plain >= 0.9 {
            return Some((Category::Postcode, codes + plain, "postal codes"));
        }
        if let Some(found) = self.of_lists() {
            return Some(found);
        }
        let letters = self.share(|v, _| v.chars().any(char::is_alphabetic));
        let births = self.share(|v, _| birth_year(v).is_some_and(|y| (1920..=2006).contains(&y)));
        if births >= 0.9 && self.spread() >= 12 {
            return Some((Category::DateOfBirth, births, "years of birth"));
        }
        if letters >= 0.6 {
            let street = self.share(|v, f| covers(v, f, Category::Address) || looks_like_street(v));
            // `Debian 12`, `Debian 11`: one word with numbers is no row of streets.
            if street >= 0.6 && (self.has_several_words() || self.count == 1) {
                return Some((Category::Address, street, "streets"));
            }
            let people = self.people().unwrap_or(0.0);
            let places =
                self.share(|v, f| covers(v, f, Category::Location) || crate::names::is_place(v));
            if people >= 0.6 && people > places && !self.is_closed() {
                return Some((Category::PersonName, people, "names"));
            }
            if places >= 0.6 && places > people {
                return Some((Category::Location, places, "places"));
            }
        }
        let fine = self.share(|v, _| is_degree(v));
        if fine >= 0.9 && self.count >= 3 && self.spread_degrees() {
            return Some((Category::GeoCoordinates, fine, "degrees"));
        }
        None
    }

    /// Values from closed lists: genders, states, nations, jobs.
    fn of_lists(&self) -> Option<(Category, f64, &'static str)> {
        let both =
            self.values.iter().map(|v| v.to_lowercase()).collect::<std::collections::BTreeSet<_>>();
        let gendered = both.iter().filter(|v| v.len() > 1 && GENDERS.contains(&v.as_str())).count()
            > 0
            || both.contains("m") && (both.contains("f") || both.contains("w"));
        // Codes of one digit may stand among the words.
        let code = |v: &str| v.len() == 1 && v.bytes().all(|b| b.is_ascii_digit());
        let coded =
            |list: &[&str]| self.share(|v, _| code(v) || list.contains(&v.to_lowercase().as_str()));
        if gendered && coded(GENDERS) >= 0.8 {
            return Some((Category::Gender, coded(GENDERS), "word list"));
        }
        let origins = both.iter().filter(|v| ETHNIC.contains(&v.as_str()));
        let plain = |v: &String| !matches!(v.as_str(), "black" | "white" | "mixed");
        if origins.clone().count() > 1 && origins.clone().any(plain) && coded(ETHNIC) >= 0.9 {
            return Some((Category::Ethnicity, coded(ETHNIC), "word list"));
        }
        for (category, list, least) in [
            (Category::MaritalStatus, MARITAL, 0.8),
            (Category::Ethnicity, ETHNIC, 0.6),
            (Category::Religion, RELIGIONS, 0.7),
            (Category::Nationality, NATIONS, 0.6),
            (Category::Language, LANGUAGES, 0.8),
            (Category::Occupation, JOBS, 0.5),
        ] {
            let share = self.listed(list);
            if share >= least
                && (category != Category::Ethnicity
                    || both.len() > 1 && !both.contains("red") && !both.contains("blue"))
            {
                return Some((category, share, "word list"));
            }
        }
        None
    }

    /// A scheme whose check rule nearly all values pass: by chance that does not happen.
    fn checked(&self) -> Option<(Category, f64, &'static str)> {
        let compact: Vec<Vec<u8>> = self
            .values
            .iter()
            .map(|v| {
                v.bytes()
                    .filter(|b| b.is_ascii_alphanumeric())
                    .map(|b| b.to_ascii_uppercase())
                    .collect()
            })
            .collect();
        let mut distinct = compact.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let enough = distinct.len() >= 4;
        for rule in RULES.iter().filter(|r| !UNCHECKED.contains(&r.name)) {
            let hits = compact
                .iter()
                .zip(&self.values)
                .filter(|(c, v)| {
                    (rule.length.0..=rule.length.1).contains(&c.len())
                        && v.len() <= c.len() + 6
                        && (!rule.numeric || c.iter().all(u8::is_ascii_digit))
                        && !crate::checks::uniform(c)
                        && (rule.check)(c)
                })
                .count();
            let share = hits as f64 / self.count as f64;
            let enough = enough || distinct.len() == 3 && rule.length.0 >= 15;
            if share >= 0.9 && (enough || rule.proof == crate::checks::rules::Proof::Sure) {
                return Some((rule.category, share, rule.name));
            }
        }
        let share = self.whole(Category::NationalId);
        (share >= 0.7).then_some((Category::NationalId, share, "detector"))
    }

    /// Whether the words of the values differ, and not only their numbers.
    fn has_several_words(&self) -> bool {
        let letters = |v: &String| v.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        let words: std::collections::BTreeSet<String> = self.values.iter().map(letters).collect();
        words.len() > 1
    }

    /// How many years lie between the first and the last date.
    fn spread(&self) -> u32 {
        let years: Vec<u32> = self.values.iter().filter_map(|v| birth_year(v)).collect();
        let (first, last) = (years.iter().min(), years.iter().max());
        first.zip(last).map_or(0, |(a, b)| b - a)
    }

    fn spread_degrees(&self) -> bool {
        let degrees: Vec<f64> = self.values.iter().filter_map(|v| v.parse().ok()).collect();
        let low = degrees.iter().copied().fold(f64::MAX, f64::min);
        let high = degrees.iter().copied().fold(f64::MIN, f64::max);
        // Small positive numbers with decimals are measures more often than degrees.
        (high - low) > 0.001 && degrees.iter().all(|d| d.abs() > 5.0)
    }
}

fn birth_year(value: &str) -> Option<u32> {
    if !is_date(value) || value.contains(':') {
        return None;
    }
    value.split(['-', '/', '.', ' ', 'T']).find(|p| p.len() == 4).and_then(|p| p.parse().ok())
}

fn looks_like_street(value: &str) -> bool {
    let words: Vec<&str> = value.split([' ', ',']).filter(|w| !w.is_empty()).collect();
    let number = |w: &&str| {
        w.len() <= 5
            && w.bytes().next().is_some_and(|b| b.is_ascii_digit())
            && w.bytes().filter(u8::is_ascii_digit).count() * 2 >= w.len()
    };
    let month = words.iter().any(|w| MONTHS.contains(&w.trim_end_matches('.')));
    let capital = !month
        && words.iter().any(|w| {
            w.len() > 2
                && w.chars().next().is_some_and(char::is_uppercase)
                && w.chars().skip(1).any(char::is_lowercase)
        });
    (2..=7).contains(&words.len())
        && capital
        && (words.last().is_some_and(number)
            || words.first().is_some_and(number) && words.len() >= 3)
}

/// Months as dates in words have them.
const MONTHS: &[&str] = &[
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Sept",
    "Oct",
    "Nov",
    "Dec",
    "January",
    "February",
    "March",
    "April",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn is_degree(value: &str) -> bool {
    let decimals = value.split_once('.').map_or(0, |(_, d)| d.len());
    decimals >= 4 && value.parse::<f64>().is_ok_and(|n| n.abs() <= 180.0)
}

/// `52.37,4.89`: latitude and longitude with two decimals or more.
fn is_degree_pair(value: &str) -> bool {
    let degree = |part: &str| {
        let part = part.trim();
        let decimals = part.split_once('.').map_or(0, |(_, rest)| rest.len());
        decimals >= 2 && part.parse::<f64>().is_ok_and(|n| n.abs() <= 180.0)
    };
    value.split_once(',').is_some_and(|(a, b)| degree(a) && degree(b))
}

/// Postal codes that letters or a dash tell from numbers: `1012 AB`, `SW1A 1AA`, `53-320`.
fn is_lettered_postcode(value: &str) -> bool {
    const SHAPES: &[&str] = &[
        "9999AA", "A9A9A9", "A99AA", "A999AA", "AA99AA", "AA999AA", "A9A9AA", "AA9A9AA", "99-999",
        "9999-999",
    ];
    let letters = value.chars().filter(|c| *c != ' ');
    let shape: String = letters
        .map(|c| match c {
            '0'..='9' => '9',
            'A'..='Z' => 'A',
            other => other,
        })
        .collect();
    SHAPES.contains(&shape.as_str())
}
