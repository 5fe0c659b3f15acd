//! The taxonomy: what kinds of personal data there are, with their names in the
//! configuration, their labels in reports, the GDPR provision that covers them and the
//! class of the W3C Data Privacy Vocabulary (personal-data extension, `pd:`).
//! This is the one table; configuration, reports and documents read it.
//! It does not say what is done to a category: that is policy.

use serde::{Serialize, Serializer};

/// The provision of the GDPR that a category falls under.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provision {
    /// Article 4(1): personal data.
    Personal,
    /// Article 9(1): special categories.
    Special,
    /// Article 10: criminal convictions and offences.
    Criminal,
    /// Not personal by itself: credentials and company data that are masked all the same.
    Confidential,
}

/// One row of the taxonomy.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Entry {
    /// The category.
    #[serde(skip)]
    pub category: Category,
    /// The name in configuration and reports (`kebab-case`).
    pub name: &'static str,
    /// The label in the line protocol of `detect --jsonl`.
    pub label: &'static str,
    /// The provision of the GDPR.
    pub provision: Provision,
    /// The class in the W3C Data Privacy Vocabulary.
    pub dpv: &'static str,
    /// One line for people.
    pub title: &'static str,
}

macro_rules! taxonomy {
    ($(
        $variant:ident $name:literal $label:literal $provision:ident $dpv:literal $title:literal;
    )*) => {
        /// A category of personal data.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Category {
            $(#[doc = $title] $variant,)*
        }

        /// The taxonomy, one row a category, in the order of [`Category`].
        pub static TAXONOMY: &[Entry] = &[$(Entry {
            category: Category::$variant,
            name: $name,
            label: $label,
            provision: Provision::$provision,
            dpv: $dpv,
            title: $title,
        },)*];
    };
}

// One macro, because the enum and the table must never drift apart.
taxonomy! {
    PersonName "person-name" "PERSON" Personal "pd:Name" "Name of a natural person";
    Email "email" "EMAIL" Personal "pd:EmailAddress" "E-mail address";
    Phone "phone" "PHONE" Personal "pd:TelephoneNumber" "Telephone or fax number";
    Address "address" "ADDRESS" Personal "pd:PhysicalAddress" "Street address";
    Postcode "postcode" "POSTCODE" Personal "pd:PhysicalAddress" "Postal code";
    Location "location" "LOCATION" Personal "pd:Location" "Place name";
    GeoCoordinates "geo-coordinates" "GEO" Personal "pd:GPSCoordinate" "Geographic coordinates";
    DateOfBirth "date-of-birth" "DATE_OF_BIRTH" Personal "pd:BirthDate" "Date of birth";
    Date "date" "DATE" Personal "pd:LifeHistory" "Date in a person's record";
    Age "age" "AGE" Personal "pd:Age" "Age";
    Gender "gender" "GENDER" Personal "pd:Gender" "Gender";
    MaritalStatus "marital-status" "MARITAL" Personal "pd:MaritalStatus" "Marital status";
    Nationality "nationality" "NRP" Personal "pd:Nationality" "Nationality";
    Occupation "occupation" "OCCUPATION" Personal "pd:JobTitle" "Occupation";
    Title "title" "TITLE" Personal "pd:Name" "Form of address";
    Photo "photo" "PHOTO" Personal "pd:Picture" "Picture of a person";
    Language "language" "LANGUAGE" Personal "pd:Language" "Language spoken";
    Username "username" "USERNAME" Personal "pd:Username" "Account or user name";
    NationalId "national-id" "ID" Personal "pd:OfficialID" "National identification number";
    TaxId "tax-id" "TAX_ID" Personal "pd:TaxCode" "Tax number of a person";
    Passport "passport" "PASSPORT" Personal "pd:Passport" "Passport number";
    DriverLicence "driver-licence" "DRIVER" Personal "pd:DrivingLicense" "Driving licence number";
    VehiclePlate "vehicle-plate" "PLATE" Personal "pd:VehicleLicense" "Vehicle registration";
    HealthId "health-id" "HEALTH_ID" Personal "pd:HealthRecord" "Patient or insurance number";
    BankAccount "bank-account" "BANK" Personal "pd:BankAccount" "Bank account or routing code";
    Iban "iban" "IBAN" Personal "pd:BankAccount" "IBAN";
    Card "card" "CARD" Personal "pd:PaymentCardNumber" "Payment card number";
    CryptoAddress "crypto-address" "CRYPTO" Personal "pd:FinancialAccount" "Crypto wallet address";
    OtherId "other-id" "OTHER_ID" Personal "pd:UID" "Other identifier of a person";
    IpAddress "ip-address" "IP" Personal "pd:IPAddress" "IP address";
    MacAddress "mac-address" "MAC" Personal "pd:MACAddress" "MAC address";
    DeviceId "device-id" "DEVICE_ID" Personal "pd:DeviceBased" "Device identifier";
    Url "url" "URL" Confidential "pd:Identifying" "Web address";
    Organisation "organisation" "ORG" Confidential "pd:CompanyName" "Organisation";
    Secret "secret" "SECRET" Confidential "pd:Authenticating" "Password, key or token";
    Health "health" "HEALTH" Special "pd:Health" "Health";
    Religion "religion" "NRP" Special "pd:Religion" "Religious or philosophical belief";
    Politics "politics" "NRP" Special "pd:PoliticalAffiliation" "Political opinion";
    TradeUnion "trade-union" "NRP" Special "pd:TradeUnionMembership" "Trade-union membership";
    Ethnicity "ethnicity" "NRP" Special "pd:EthnicOrigin" "Racial or ethnic origin";
    Orientation "orientation" "NRP" Special "pd:SexualPreference" "Sex life or orientation";
    Genetic "genetic" "HEALTH" Special "pd:Genetic" "Genetic data";
    Biometric "biometric" "OTHER_ID" Special "pd:Biometric" "Biometric data";
    Criminal "criminal" "NRP" Criminal "pd:Criminal" "Criminal convictions and offences";
}

impl Category {
    /// The row of the taxonomy.
    #[must_use]
    pub fn entry(self) -> &'static Entry {
        &TAXONOMY[self as usize]
    }

    /// Whether its values prove themselves, whatever stands around them.
    pub(crate) fn is_sure(self) -> bool {
        matches!(
            self,
            Self::Email
                | Self::Iban
                | Self::Card
                | Self::IpAddress
                | Self::MacAddress
                | Self::Secret
        )
    }

    /// The name in configuration and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The label in the line protocol.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.entry().label
    }

    /// Finds a category by its name in the configuration.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TAXONOMY.iter().find(|entry| entry.name == name).map(|entry| entry.category)
    }
}

impl Serialize for Category {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A set of categories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Categories(u64);

impl Categories {
    /// No category.
    pub const NONE: Self = Self(0);
    /// Every category of the taxonomy.
    pub const ALL: Self = Self(u64::MAX);

    /// What a value that is no text can be, where the name of its column says so: numbers that
    /// somebody issued, and the day of a birth.
    pub const TYPED: Self = Self::NONE
        .with(Category::Phone)
        .with(Category::Card)
        .with(Category::NationalId)
        .with(Category::TaxId)
        .with(Category::Passport)
        .with(Category::DriverLicence)
        .with(Category::HealthId)
        .with(Category::BankAccount)
        .with(Category::DeviceId)
        .with(Category::DateOfBirth);

    /// The set with one more category.
    #[must_use]
    pub const fn with(self, category: Category) -> Self {
        Self(self.0 | 1 << category as u8)
    }

    /// The set with one category fewer.
    #[must_use]
    pub const fn without(self, category: Category) -> Self {
        Self(self.0 & !(1 << category as u8))
    }

    /// Whether the set holds a category.
    #[must_use]
    pub const fn contains(self, category: Category) -> bool {
        self.0 >> category as u8 & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum_and_names_are_unique() {
        for (index, entry) in TAXONOMY.iter().enumerate() {
            assert_eq!(entry.category as usize, index);
            assert_eq!(Category::from_name(entry.name), Some(entry.category));
            assert!(entry.dpv.starts_with("pd:"));
        }
        assert!(TAXONOMY.len() <= 64, "the set is one word");
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = Categories::NONE.with(Category::Iban);
        assert!(set.contains(Category::Iban) && !set.contains(Category::Card));
        assert!(!Categories::ALL.without(Category::Date).contains(Category::Date));
    }
}
