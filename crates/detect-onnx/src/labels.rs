//! What a model's outputs mean: its labels, read from `id2label`, as categories of ours. A label
//! that neither this table nor the caller knows is an error; left out, it would be a silent miss.

use crate::error::{Error, Result};
use portreeve_detect::{Category, TAXONOMY};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Labels of one model.
const LABELS_MAX: usize = 1024;

/// What one output of the model says about a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Label {
    /// Nothing for what is outside, and for what the caller does not want.
    pub(crate) category: Option<Category>,
    /// Whether a span begins here even if the one before has the same name.
    pub(crate) begins: bool,
    /// The same for labels that differ in `B-` and the like only.
    pub(crate) name: usize,
}

/// What `config.json` says.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) labels: Vec<Label>,
    /// The most tokens that the model has positions for.
    pub(crate) positions_max: Option<usize>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    id2label: BTreeMap<String, String>,
    max_position_embeddings: Option<usize>,
}

/// Reads a model's configuration. The caller's `mapping` goes before the table.
pub(crate) fn read(json: &str, mapping: &[(String, Option<Category>)]) -> Result<Config> {
    let file: File =
        serde_json::from_str(json).map_err(|error| Error::Config(error.to_string()))?;
    let count = file.id2label.len();
    if !(2..=LABELS_MAX).contains(&count) {
        return Err(Error::Config(format!(
            "`id2label` has {count} labels; 2 to {LABELS_MAX} are wanted"
        )));
    }
    let mut names = Vec::with_capacity(count);
    for id in 0..count {
        let name = file.id2label.get(&id.to_string());
        let name = name.ok_or_else(|| Error::Config(format!("`id2label` has no label {id}")))?;
        // SECURITY: they are shown, and would play with the terminal.
        if name.len() > 64 || name.chars().any(char::is_control) {
            return Err(Error::Config(format!("label {id} is no short name")));
        }
        names.push(name);
    }
    for (label, _) in mapping {
        if !names.iter().any(|name| plain(name.as_str()).1 == plain(label).1) {
            return Err(Error::Mapping(format!("the model has no label `{label}`")));
        }
    }
    let mut labels = Vec::with_capacity(count);
    let mut unknown: Vec<String> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        let (begins, name) = plain(name);
        let at = seen.iter().position(|it| *it == name).unwrap_or_else(|| {
            seen.push(name.clone());
            seen.len() - 1
        });
        match meaning(&name, mapping) {
            Some(category) => labels.push(Label { category, begins, name: at }),
            None if unknown.contains(&name) => {}
            None => unknown.push(name),
        }
    }
    if !unknown.is_empty() {
        return Err(Error::Labels(unknown));
    }
    if labels.iter().all(|label| label.category.is_some()) {
        return Err(Error::Config("no label stands for what is outside (`O`)".to_owned()));
    }
    Ok(Config { labels, positions_max: file.max_position_embeddings })
}

/// Whether the label begins a span, and its name without the letter that says so.
fn plain(label: &str) -> (bool, String) {
    match label.split_once('-') {
        Some(("B" | "S" | "U", name)) => (true, name.to_owned()),
        Some(("I" | "E" | "L", name)) => (false, name.to_owned()),
        _ => (false, label.to_owned()),
    }
}

/// Nothing when nobody knows; `Some(None)` for what is outside.
fn meaning(name: &str, mapping: &[(String, Option<Category>)]) -> Option<Option<Category>> {
    if let Some((_, category)) = mapping.iter().find(|(label, _)| plain(label).1 == name) {
        return Some(*category);
    }
    if name == "O" {
        return Some(None);
    }
    let folded = folded(name);
    let alias = ALIASES.iter().find(|(_, names)| names.contains(&folded.as_str()));
    let of_taxonomy = || {
        let is_it = |text: &str| self::folded(text) == folded;
        TAXONOMY.iter().find(|entry| is_it(entry.name)).map(|entry| entry.category)
    };
    alias.map(|(category, _)| *category).or_else(of_taxonomy).map(Some)
}

fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_uppercase).collect()
}

/// What models of names and of personal data call our categories, beside our own names for them:
/// capital letters and digits only.
const ALIASES: &[(Category, &[&str])] = &[
    (
        Category::PersonName,
        &[
            "PER",
            "PERS",
            "PERSON",
            "NAME",
            "FULLNAME",
            "GIVENNAME",
            "GIVENNAME1",
            "GIVENNAME2",
            "FIRSTNAME",
            "MIDDLENAME",
            "MIDDLENAMES",
            "LASTNAME",
            "LASTNAME1",
            "LASTNAME2",
            "LASTNAME3",
            "SURNAME",
            "FAMILYNAME",
            "PATIENT",
            "DOCTOR",
            "STAFF",
            "PRIVATEPERSON",
        ],
    ),
    (
        Category::Location,
        &[
            "LOC",
            "GPE",
            "FAC",
            "PLACE",
            "CITY",
            "TOWN",
            "STATE",
            "COUNTY",
            "COUNTRY",
            "REGION",
            "STREETSTATE",
        ],
    ),
    (
        Category::Address,
        &[
            "STREET",
            "STREETADDRESS",
            "STREETNUM",
            "STREETNAME",
            "BUILDINGNUM",
            "BUILDINGNUMBER",
            "SECADDRESS",
            "SECONDARYADDRESS",
            "PRIVATEADDRESS",
        ],
    ),
    (Category::Postcode, &["ZIP", "ZIPCODE", "POSTALCODE"]),
    (
        Category::GeoCoordinates,
        &["GEO", "GEOCOORD", "COORDINATE", "COORDINATES", "NEARBYGPSCOORDINATE", "LATLONG"],
    ),
    (Category::Organisation, &["ORG", "ORGANIZATION", "COMPANY", "COMPANYNAME", "CORPORATION"]),
    (Category::Email, &["EMAILADDRESS", "PRIVATEEMAIL"]),
    (
        Category::Phone,
        &["TEL", "TELEPHONE", "TELEPHONENUM", "PHONENUMBER", "PHONENUM", "FAX", "PRIVATEPHONE"],
    ),
    (Category::Url, &["URI", "WEBSITE", "PRIVATEURL"]),
    (Category::DateOfBirth, &["DOB", "BOD", "BIRTHDATE", "BIRTHDAY"]),
    (Category::Date, &["DATETIME", "PRIVATEDATE"]),
    (Category::Gender, &["SEX"]),
    (Category::Occupation, &["JOB", "JOBTITLE", "JOBAREA", "JOBTYPE", "PROFESSION"]),
    (Category::Title, &["PREFIX", "TITLEPREFIX"]),
    (Category::Username, &["USER", "ACCOUNTNAME", "DISPLAYNAME", "HANDLE"]),
    (Category::Nationality, &["NORP", "NRP"]),
    (
        Category::NationalId,
        &[
            "SSN",
            "GOVERNMENTID",
            "SOCIALNUM",
            "SOCIALNUMBER",
            "SOCIALSECURITYNUMBER",
            "IDCARD",
            "IDCARDNUM",
        ],
    ),
    (Category::TaxId, &["TAXNUM", "TAXNUMBER", "VAT", "VATNUMBER"]),
    (Category::Passport, &["PASSPORTNUM", "PASSPORTNUMBER", "PASS"]),
    (
        Category::DriverLicence,
        &["DRIVERLICENSE", "DRIVERLICENSENUM", "DRIVERSLICENSE", "DRIVERSLICENCE"],
    ),
    (Category::VehiclePlate, &["LICENSEPLATE", "PLATE", "VEHICLEVRM", "VEHICLEREGISTRATION"]),
    (Category::HealthId, &["MEDICALRECORD", "MEDICALRECORDNUMBER", "MRN", "HEALTHPLAN"]),
    (
        Category::BankAccount,
        &["BANKACCOUNTNUMBER", "ROUTINGNUMBER", "ACCOUNTNUM", "ACCOUNTNUMBER", "BIC", "SWIFT"],
    ),
    (Category::Iban, &["IBANCODE"]),
    (
        Category::Card,
        &["CREDITCARD", "CREDITCARDNUMBER", "CREDITDEBITCARD", "CARDNUMBER", "PAYMENTCARD"],
    ),
    (
        Category::CryptoAddress,
        &["BITCOINADDRESS", "ETHEREUMADDRESS", "LITECOINADDRESS", "WALLET", "CRYPTO"],
    ),
    (Category::OtherId, &["ID", "IDNUM", "UNIQUEID", "CUSTOMERID", "EMPLOYEEID"]),
    (Category::IpAddress, &["IP", "IPV4", "IPV6"]),
    (Category::MacAddress, &["MAC"]),
    (Category::DeviceId, &["DEVICE", "PHONEIMEI", "IMEI", "USERAGENT", "VEHICLEVIN"]),
    (Category::Secret, &["PASSWORD", "PIN", "CVV", "CREDITCARDCVV", "APIKEY", "TOKEN"]),
    (Category::Religion, &["RELIGIOUSBELIEF"]),
    (Category::Politics, &["POLITICALVIEW"]),
    (Category::Ethnicity, &["RACE", "RACEETHNICITY"]),
    (Category::Orientation, &["SEXUALITY"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn config(labels: &[&str]) -> String {
        let labels: serde_json::Map<_, _> =
            labels.iter().enumerate().map(|(id, it)| (id.to_string(), (*it).into())).collect();
        serde_json::json!({ "id2label": labels, "max_position_embeddings": 512 }).to_string()
    }

    #[track_caller]
    fn check(label: &str, category: Option<Category>, begins: bool) {
        let read = read(&config(&["O", label]), &[]).unwrap();
        assert_eq!(read.labels[1], Label { category, begins, name: 1 });
    }

    #[test]
    fn labels_of_other_people_mean_our_categories() {
        check("B-PER", Some(Category::PersonName), true);
        check("I-PER", Some(Category::PersonName), false);
        check("S-GPE", Some(Category::Location), true);
        check("E-LOC", Some(Category::Location), false);
        check("GIVENNAME", Some(Category::PersonName), false);
        check("date_of_birth", Some(Category::DateOfBirth), false);
        check("private_email", Some(Category::Email), false);
        check("I-Credit Card Number", Some(Category::Card), false);
        check("trade-union", Some(Category::TradeUnion), false);
    }

    #[test]
    fn an_alias_stands_for_one_category() {
        let mut seen = std::collections::BTreeSet::new();
        for name in ALIASES.iter().flat_map(|(_, names)| names.iter()) {
            assert!(seen.insert(*name), "`{name}` stands twice");
            assert_eq!(folded(name), **name);
        }
    }

    #[test]
    fn what_nobody_knows_is_an_error_until_somebody_says() {
        let json = config(&["O", "B-MISC", "I-MISC", "B-PER", "I-AURA"]);
        let error = read(&json, &[]).unwrap_err();
        assert_eq!(error, Error::Labels(vec!["MISC".to_owned(), "AURA".to_owned()]));
        let mapping = [("MISC".to_owned(), None), ("AURA".to_owned(), Some(Category::Religion))];
        let labels = read(&json, &mapping).unwrap().labels;
        assert_eq!(labels[2].category, None);
        assert_eq!(labels[4].category, Some(Category::Religion));
        let mapping = [("MISX".to_owned(), None)];
        let error = read(&json, &mapping).unwrap_err().to_string();
        assert_eq!(error, "the model has no label `MISX`");
    }

    #[test]
    fn a_configuration_has_to_name_all_outputs() {
        #[track_caller]
        fn refused(json: &str, why: &str) {
            let error = read(json, &[]).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        refused("[]", "invalid");
        refused("{}", "has 0 labels");
        refused(r#"{"id2label":{"0":"O","2":"B-PER"}}"#, "has no label 1");
        refused(&config(&["B-PER", "I-PER"]), "stands for what is outside");
        refused(&config(&["O", "\u{1b}[2J"]), "label 1 is no short name");
    }
}
