//! What sampled values say about their column.

use crate::checks::rules::{RULES, UNCHECKED};
use crate::{Category, Detector, Finding};

/// Most values that are looked at.
const VALUES_MAX: usize = 64;

const GENDERS: &[&str] = &[
    "m",
    "f",
    "male",
    "female",
    "man",
    "woman",
    "w",
    "männlich",
    "weiblich",
    "divers",
    "homme",
    "femme",
    "masculin",
    "féminin",
    "feminin",
    "hombre",
    "mujer",
    "masculino",
    "femenino",
    "feminino",
    "maschio",
    "femmina",
    "vrouw",
    "kobieta",
    "mężczyzna",
    "muž",
    "žena",
    "férfi",
    "nő",
    "мъж",
    "жена",
    "kvinna",
    "mand",
    "kvinde",
    "mann",
    "kvinne",
    "mies",
    "nainen",
    "non-binary",
    "nonbinary",
    "transgender",
    "boy",
    "girl",
    "males",
    "females",
    "h",
];
const MARITAL: &[&str] = &[
    "single",
    "married",
    "divorced",
    "widowed",
    "separated",
    "ledig",
    "verheiratet",
    "geschieden",
    "verwitwet",
    "célibataire",
    "marié",
    "mariée",
    "divorcé",
    "soltero",
    "casado",
    "divorciado",
    "celibe",
    "sposato",
    "gehuwd",
    "żonaty",
    "never married",
    "cohabiting",
    "in a relationship",
    "engaged",
    "widow",
    "widower",
];
const ETHNIC: &[&str] = &[
    "white",
    "black",
    "asian",
    "hispanic",
    "latino",
    "caucasian",
    "african american",
    "native american",
    "pacific islander",
    "roma",
    "mixed",
    "arab",
    "black or african american",
    "american indian",
    "american indian or alaska native",
    "two or more races",
    "hispanic or latino",
    "not hispanic or latino",
    "other race",
    "native hawaiian",
    "indigenous",
    "white british",
    "black african",
    "black caribbean",
    "south asian",
    "multiracial",
    "biracial",
    "african-american",
];
const RELIGIONS: &[&str] = &[
    "christian",
    "catholic",
    "roman catholic",
    "protestant",
    "orthodox",
    "muslim",
    "islam",
    "jewish",
    "hindu",
    "buddhist",
    "sikh",
    "atheist",
    "agnostic",
    "christianity",
    "hinduism",
    "buddhism",
    "judaism",
    "evangelisch",
    "katholisch",
    "rk",
    "ev",
    "lutheran",
    "anglican",
    "baptist",
    "methodist",
    "mormon",
];
const NATIONS: &[&str] = &[
    "american",
    "british",
    "french",
    "german",
    "italian",
    "spanish",
    "dutch",
    "polish",
    "swedish",
    "danish",
    "norwegian",
    "finnish",
    "greek",
    "irish",
    "portuguese",
    "russian",
    "ukrainian",
    "chinese",
    "japanese",
    "korean",
    "indian",
    "canadian",
    "australian",
    "mexican",
    "brazilian",
    "argentine",
    "argentinian",
    "turkish",
    "swiss",
    "austrian",
    "belgian",
    "hungarian",
    "romanian",
    "bulgarian",
    "croatian",
    "serbian",
    "czech",
    "slovak",
    "slovenian",
    "estonian",
    "latvian",
    "lithuanian",
    "egyptian",
    "moroccan",
    "nigerian",
    "kenyan",
    "south african",
    "israeli",
    "iranian",
    "iraqi",
    "pakistani",
    "bangladeshi",
    "filipino",
    "vietnamese",
    "thai",
    "indonesian",
    "malaysian",
    "colombian",
    "chilean",
    "peruvian",
    "welsh",
    "scottish",
    "english",
    "icelandic",
    "jamaican",
    "cuban",
];
const LANGUAGES: &[&str] = &[
    "english",
    "french",
    "german",
    "spanish",
    "italian",
    "dutch",
    "portuguese",
    "arabic",
    "russian",
    "chinese",
    "japanese",
    "hindi",
    "polish",
    "turkish",
    "swedish",
    "greek",
    "mandarin",
    "urdu",
    "bengali",
];
const JOBS: &[&str] = &[
    "teacher",
    "nurse",
    "engineer",
    "doctor",
    "farmer",
    "driver",
    "student",
    "manager",
    "unemployed",
    "retired",
    "lawyer",
    "accountant",
    "clerk",
    "carpenter",
    "electrician",
    "plumber",
    "chef",
    "cook",
    "waiter",
    "physician",
    "dentist",
    "pharmacist",
    "programmer",
    "developer",
    "analyst",
    "consultant",
    "designer",
    "architect",
    "journalist",
    "writer",
    "artist",
    "musician",
    "actor",
    "police officer",
    "soldier",
    "fisherman",
    "housewife",
    "homemaker",
    "self-employed",
    "salesperson",
    "cashier",
    "secretary",
    "scientist",
    "professor",
    "mechanic",
    "tailor",
    "baker",
    "butcher",
    "firefighter",
    "pilot",
    "laborer",
    "labourer",
    "technician",
    "administrator",
    "director",
    "executive",
    "librarian",
    "psychologist",
    "therapist",
    "veterinarian",
    "economist",
    "politician",
    "footballer",
    "software engineer",
];

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
        if self.count == 0 {
            return None;
        }
        let letters = |v: &str| v.chars().any(char::is_alphabetic);
        let digits = |v: &str| v.bytes().filter(u8::is_ascii_digit).count();
        let flag = |v: &str| is_flag(v);
        Some(match category {
            Category::Email => self.share(|v, _| v.contains('@') && v.contains('.')),
            Category::Phone => self.share(|v, _| {
                digits(v) >= 5
                    && digits(v) <= 20
                    && !v.contains(':')
                    && v.chars().filter(|c| c.is_alphabetic()).count() <= 6
                    && !is_date(v)
            }),
            Category::DateOfBirth => self.share(|v, _| {
                is_date(v)
                    || v.parse::<u32>().is_ok_and(|y| (1850..2100).contains(&y))
                    || v.parse::<u64>().is_ok_and(|n| n > 19_000_000)
                    || v.len() > 7 && digits(v) >= 4 && letters(v)
            }),
            Category::Age => self.share(|v, _| {
                v.parse::<f64>().is_ok_and(|n| (0.0..=125.0).contains(&n))
                    || (digits(v) > 0 && v.len() < 14 && !is_date(v))
            }),
            Category::Gender => self.share(|v, _| {
                GENDERS.contains(&v.to_lowercase().as_str())
                    || v.len() <= 2
                    || v.chars().count() < 16 && letters(v) && !flag(v)
            }),
            Category::GeoCoordinates => self.share(|v, _| {
                digits(v) > 0
                    && (v.parse::<f64>().is_ok_and(|n| n.abs() <= 180.0)
                        || v.contains(['.', ',', '°']))
                    && !is_date(v)
            }),
            Category::Postcode => self.share(|v, _| {
                (2..=10).contains(&v.len()) && digits(v) >= 2 && !v.contains('.') && !is_date(v)
            }),
            Category::IpAddress => self.whole(Category::IpAddress),
            Category::MacAddress => self.share(|v, _| {
                v.len() >= 12 && v.bytes().filter(u8::is_ascii_hexdigit).count() >= 12
            }),
            other => self.fit_words(other),
        })
    }

    /// Like [`Self::fit`], for categories of words and identifiers.
    fn fit_words(&self, category: Category) -> f64 {
        let letters = |v: &str| v.chars().any(char::is_alphabetic);
        let digits = |v: &str| v.bytes().filter(u8::is_ascii_digit).count();
        let flag = |v: &str| is_flag(v);
        match category {
            Category::Url => self.share(|v, _| v.contains('.') && !v.contains(' ') && letters(v)),
            Category::PersonName => {
                self.share(|v, f| {
                    letters(v)
                        && digits(v) == 0
                        && v.chars().count() > 1
                        && !flag(v)
                        && v.split_whitespace().count() <= 8
                        && !v.contains(['@', '_', '/'])
                        && !f.iter().any(|x| matches!(x.category, Category::Url | Category::Email))
                }) * if self.is_closed() { 0.6 } else { 1.0 }
            }
            Category::Address => self.share(|v, _| {
                v.chars().count() > 2
                    && (letters(v) || v.starts_with('#') || digits(v) <= 5)
                    && !flag(v)
                    && !is_date(v)
                    && !v.contains("://")
                    && !v.starts_with("0x")
            }),
            Category::NationalId
            | Category::TaxId
            | Category::HealthId
            | Category::Passport
            | Category::DriverLicence
            | Category::BankAccount
            | Category::Iban
            | Category::Card
            | Category::DeviceId => {
                self.share(|v, _| digits(v) >= 4 && v.len() >= 5 && v.len() <= 40 && !is_date(v))
            }
            Category::VehiclePlate => {
                self.share(|v, _| v.len() >= 4 && v.len() <= 12 && digits(v) >= 1)
            }
            Category::Location => {
                self.share(|v, _| letters(v) && !flag(v) && v.chars().count() > 1)
            }
            Category::Occupation
            | Category::Organisation
            | Category::Language
            | Category::Title
            | Category::Nationality => self.share(|v, _| letters(v) && !flag(v) && digits(v) <= 2),
            Category::MaritalStatus | Category::Ethnicity | Category::Religion => {
                self.share(|v, _| !flag(v) || v.len() <= 2)
            }
            Category::Username => self.share(|v, _| letters(v) && !v.contains(' ') && !flag(v)),
            Category::Secret => self.share(|v, _| v.len() >= 3 && !flag(v)),
            Category::Photo => self.share(|v, _| v.len() > 4 && !flag(v)),
            _ => self.share(|v, _| !is_date(v)),
        }
    }

    /// The share of values that look like names of people; nothing when there are no values.
    pub(super) fn people(&self) -> Option<f64> {
        let person =
            |v: &str, f: &[Finding]| covers(v, f, Category::PersonName) || crate::names::is_name(v);
        (self.count > 0).then(|| self.share(person))
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
            if street >= 0.6 {
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

fn covers(value: &str, found: &[Finding], category: Category) -> bool {
    let length: usize =
        found.iter().filter(|f| f.category == category).map(|f| f.end - f.start).sum();
    length * 10 >= value.len() * 7
}

fn is_flag(value: &str) -> bool {
    matches!(
        value.to_ascii_lowercase().as_str(),
        "yes"
            | "no"
            | "true"
            | "false"
            | "y"
            | "n"
            | "t"
            | "confirmed"
            | "active"
            | "inactive"
            | "pending"
            | "unknown"
            | "other"
            | "none"
            | "ja"
            | "nein"
            | "oui"
            | "non"
            | "si"
            | "0"
            | "1"
            | "enabled"
            | "disabled"
            | "open"
            | "closed"
            | "done"
            | "ok"
            | "completed"
            | "approved"
            | "rejected"
    )
}

fn is_date(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let marks = value.bytes().filter(|b| matches!(b, b'-' | b'/' | b'.')).count();
    let plain = value
        .bytes()
        .take(10)
        .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'/' | b'.' | b' '));
    let parts: Vec<usize> = value.split(['-', '/', '.', ' ', 'T']).take(3).map(str::len).collect();
    let shape = matches!(parts.as_slice(), [4, 1..=2, 1..=2] | [1..=2, 1..=2, 2 | 4]);
    plain && digits >= 4 && marks >= 2 && shape
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
    let capital = words.iter().any(|w| {
        w.len() > 2
            && w.chars().next().is_some_and(char::is_uppercase)
            && w.chars().skip(1).any(char::is_lowercase)
    });
    (2..=7).contains(&words.len())
        && capital
        && (words.last().is_some_and(number)
            || words.first().is_some_and(number) && words.len() >= 3)
}

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
