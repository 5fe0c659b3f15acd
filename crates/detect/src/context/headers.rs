//! What the name of a column says, in the languages of Europe.

use crate::finding::category::Category;
use aho_corasick::AhoCorasick;
use std::collections::HashMap;
use std::sync::LazyLock;

/// How sure a name is without a look at the values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Strength {
    /// The values must confirm it.
    Hint,
    /// The values must not contradict it.
    Clear,
}

use Category as C;
use Strength::{Clear, Hint};

/// Names by category, most telling first: the first list with a hit decides.
const NAMES: &[(C, Strength, &str)] = &[
    (
        C::Email,
        Clear,
        "email|e mail|mail|mail address|courriel|correo|correo electronico|emailadres|epost|\
        e post|sahkoposti|adres email|elektronska posta|имейл|correo e|e mailadresse|mailadresse|\
        epasts|el pastas|emailid",
    ),
    (C::MacAddress, Clear, "mac|mac address|mac addr|ethernet address"),
    (
        C::IpAddress,
        Clear,
        "ip|ip address|ip addr|ipaddr|ipv4|ipv6|client ip|remote addr|remote ip|source ip|\
        adresse ip|direccion ip|last ip|last login ip|login ip",
    ),
    (
        C::DeviceId,
        Clear,
        "imei|imsi|iccid|device id|udid|idfa|gaid|android id|advertising id|serial number device|\
        device serial|meid",
    ),
    (C::Iban, Clear, "iban|iban number"),
    (
        C::BankAccount,
        Clear,
        "bank account|account number|account no|acct no|acct num|bic|swift|swift code|\
        routing number|sort code|kontonummer|numero de compte|cuenta bancaria|conto corrente|\
        rekeningnummer|numer konta|cislo uctu|bankszamlaszam|kontonr|tilinumero|bank acct|aba",
    ),
    (
        C::Card,
        Clear,
        "credit card|card number|card no|cc number|cc num|ccn|debit card|kreditkarte|kartennummer|\
        numero de carte|tarjeta|carta di credito|kortnummer|pan number|creditcard",
    ),
    (
        C::Passport,
        Clear,
        "passport|passport no|passport number|reisepass|passeport|pasaporte|passaporto|paspoort|\
        paszport|pasport|utlevel|pass nr",
    ),
    (
        C::DriverLicence,
        Clear,
        "driver license|drivers license|driving licence|driver licence|licence number|\
        license number|fuhrerschein|permis de conduire|rijbewijs|dl number|prawo jazdy|korkort",
    ),
    (
        C::VehiclePlate,
        Clear,
        "license plate|licence plate|number plate|plate number|plate|kennzeichen|immatriculation|\
        matricula|targa|kenteken|rejestracja|spz|rendszam|vin|registration plate",
    ),
    (
        C::NationalId,
        Clear,
        "ssn|social security|social security number|national id|national identity|nationalid|nin|\
        nino|national insurance|personal id|personal number|id card|identity card|identity number|\
        citizen id|dni|nie|nif|codice fiscale|bsn|burgerservicenummer|pesel|rodne cislo|cnp|egn|\
        егн|oib|emso|jmbg|personnummer|cpr|fodselsnummer|hetu|henkilotunnus|isikukood|\
        asmens kodas|personas kods|kennitala|amka|ppsn|pps|nir|numero de securite sociale|insee|\
        rijksregisternummer|ahv|avs|svnr|sozialversicherungsnummer|cpf|aadhaar|aadhar|curp|nric|\
        id number|government id|personalausweis|ausweisnummer|szemelyi szam|cedula|rut|dui|\
        identity document|id no|idcard",
    ),
    (
        C::TaxId,
        Clear,
        "tax id|tax number|tin|taxpayer id|steuernummer|steuer id|tax file number|numero fiscal|\
        partita iva|nip|dic|afm|utr|itin|tfn|pan card|taxid|contribuinte",
    ),
    (
        C::HealthId,
        Clear,
        "nhs number|nhs|mrn|medical record number|patient id|patient number|patientid|\
        health insurance number|insurance number|medicare|medicaid|member id number|\
        krankenversichertennummer|kvnr|versichertennummer|npi|policy holder id|hospital number|\
        health id|health card",
    ),
    (
        C::Secret,
        Clear,
        "password|passwd|pwd|password hash|pass hash|passwort|mot de passe|contrasena|parola|\
        senha|wachtwoord|haslo|heslo|jelszo|losenord|api key|apikey|secret|secret key|\
        access token|auth token|refresh token|private key|client secret|token|pin|pin code|otp|\
        cvv|cvc|security answer|salt",
    ),
    (
        C::DateOfBirth,
        Clear,
        "dob|date of birth|birth date|birthdate|birthday|bday|bdate|birth dt|birth|born|birth day|\
        dateofbirth|birth year|year of birth|yob|geburtsdatum|geburtstag|geburtsjahr|\
        date de naissance|naissance|datenaissance|fecha de nacimiento|fecha nacimiento|fecha nac|\
        nacimiento|data di nascita|nascita|data de nascimento|nascimento|geboortedatum|\
        data urodzenia|datum narozeni|datum narodenia|szuletesi datum|szuletes|data nasterii|\
        дата на раждане|fodelsedatum|fodselsdato|syntymaaika|sunnikuupaev|dzimsanas datums|\
        gimimo data|datum rodenja|datum rojstva|birth place date|doby|month of birth",
    ),
    (
        C::Age,
        Clear,
        "age|age years|age in years|yrs|yo|years old|alter|edad|eta|idade|leeftijd|wiek|vek|\
        eletkor|varsta|възраст|alder|ika|vanus|vecums|amzius|patient age|age group|age range|\
        agegroup|age at",
    ),
    (
        C::Gender,
        Clear,
        "gender|sex|sex cd|gender code|geschlecht|sexe|sexo|sesso|genere|genero|geslacht|plec|\
        pohlavi|pohlavie|nem|пол|kon|kjonn|sukupuoli|sugu|dzimums|lytis|spol|gender identity|m f",
    ),
    (
        C::MaritalStatus,
        Clear,
        "marital|marital status|civil status|married|marriage|relationship status|familienstand|\
        etat civil|estado civil|stato civile|burgerlijke staat|stan cywilny|rodinny stav|\
        csaladi allapot|stare civila|civilstand|siviilisaaty|marstat",
    ),
    (
        C::Religion,
        Clear,
        "religion|faith|konfession|religious|religious affiliation|denomination|creed|vallas|\
        wyznanie|vallas|vera|religione|godsdienst",
    ),
    (
        C::Ethnicity,
        Clear,
        "ethnicity|ethnic|ethnic group|ethn|race|minority|minority group|ethnie|etnia|etnicita|\
        herkunft|raza|hispanic|latino|tribe|caste|skin color|indigenous|race ethnicity",
    ),
    (
        C::Nationality,
        Clear,
        "nationality|citizenship|nationalitat|staatsangehorigkeit|nationalite|nacionalidad|\
        nazionalita|nacionalidade|nationaliteit|narodowosc|obywatelstwo|statni prislusnost|\
        allampolgarsag|nationalitet|kansalaisuus|kodakondsus|citizen of|country of citizenship|\
        country of origin|nation origin",
    ),
    (
        C::Politics,
        Clear,
        "political party|party affiliation|political affiliation|political opinion|politics|\
        party membership|voting intention|partei",
    ),
    (
        C::TradeUnion,
        Clear,
        "union|union member|union membership|trade union|gewerkschaft|syndicat|sindicato|\
        sindacato|vakbond",
    ),
    (
        C::Orientation,
        Clear,
        "sexual orientation|orientation sexual|sexuality|lgbt|lgbtq|sexual preference",
    ),
    (
        C::Criminal,
        Clear,
        "criminal record|conviction|convictions|criminal history|offense|offence|vorstrafe|\
        vorstrafen|casier judiciaire|arrest|arrests|felony",
    ),
    (
        C::Biometric,
        Clear,
        "fingerprint|biometric|biometrics|face id|iris scan|faceprint|voiceprint|face embedding|\
        retina",
    ),
    (C::Genetic, Clear, "genome|genotype|dna|dna sequence|genetic|gene variant|snp"),
    (
        C::Health,
        Clear,
        "diagnosis|diagnoses|icd|icd10|icd 10|icd code|disease|illness|medical condition|\
        health condition|medication|medications|allergy|allergies|blood type|blood group|\
        bloodtype|disability|disabled|pregnant|pregnancy|hiv|hiv status|symptom|symptoms|diagnose|\
        krankheit|maladie|enfermedad|malattia|doenca|ziekte|choroba|nemoc|betegseg|boala|sygdom|\
        sjukdom|sairaus|treatment|prescription|vaccine|vaccination|vaccinated|bmi|blood pressure|\
        medical history|atc|atc code|comorbidity|chief complaint|handicap|mental health|smoker|\
        smoking status|cholesterol|glucose",
    ),
    (
        C::Phone,
        Clear,
        "phone|phone number|phonenumber|telephone|tel|tel no|tel num|telno|mobile|mobile number|\
        mobile phone|cell|cell phone|cellphone|phn|ph|ph no|fax|fax number|contact number|\
        contact no|telefon|telefonnummer|handy|mobil|rufnummer|numero de telephone|portable|\
        telefono|movil|celular|cellulare|telefone|telemovel|telefoon|telefoonnummer|puhelin|\
        puhelinnumero|tlf|telefonszam|numer telefonu|τηλεφωνο|телефон|telefonas|talrunis|whatsapp|\
        msisdn|home phone|work phone|phone1|phone2|telefoonnr|sms number|emergency contact number",
    ),
    (
        C::Postcode,
        Clear,
        "zip|zip code|zipcode|postal code|postalcode|postcode|post code|plz|postleitzahl|\
        code postal|codigo postal|cap|cep|kod pocztowy|psc|iranyitoszam|cod postal|пощенски код|\
        postnummer|postinumero|sihtnumber|pasta indekss|pasto kodas|postanski broj|eircode|postal|\
        zip5|ταχυδρομικος κωδικας|τκ|zip4|zcode",
    ),
    (
        C::GeoCoordinates,
        Clear,
        "latitude|longitude|lat|lon|lng|long|lat long|latlong|latlng|lat lon|coordinates|coords|\
        geo|gps|geolocation|geo location|geo point|geocode|breitengrad|langengrad|coordenadas|\
        coordonnees|gps coordinates|latitud|longitud|x coord|y coord|geo lat|geo lng|location gps|\
        lat deg|decimallatitude|decimallongitude",
    ),
    (
        C::Photo,
        Clear,
        "photo|photo url|avatar|avatar url|profile picture|profile photo|profile image|headshot|\
        selfie|portrait|foto|picture of person",
    ),
    (
        C::Username,
        Clear,
        "username|user name|login|login name|screen name|nickname|nick|handle|user handle|\
        twitter handle|skype|benutzername|nutzername|identifiant|usuario|nome utente|\
        gebruikersnaam|nazwa uzytkownika|uzivatelske jmeno|felhasznalonev|anvandarnamn|brugernavn|\
        login id|account name|twitter|instagram|telegram|discord",
    ),
    (
        C::Url,
        Hint,
        "url|website|web|web site|homepage|link|uri|href|profile url|site web|sitio web|webseite|\
        domain",
    ),
    (
        C::Language,
        Hint,
        "language|lang|spoken lang|spoken language|mother tongue|native language|sprache|langue|\
        idioma|lingua|taal|jezyk|jazyk|nyelv|limba|sprak|kieli|preferred language",
    ),
    (
        C::PersonName,
        Clear,
        "first name|firstname|fname|given name|givenname|forename|last name|lastname|lname|\
        surname|family name|familyname|full name|fullname|middle name|middlename|maiden name|\
        legal name|display name|person name|person|patient name|customer name|client name|\
        employee name|staff name|mid initial|middle initial|maiden|birth name|name initials|student name|teacher name|contact name|contact person|\
        officer name|doctor name|physician name|driver name|owner name|guest name|member name|\
        user full name|account holder|cardholder|card holder|cardholder name|applicant name|\
        candidate name|beneficiary name|recipient name|sender name|passenger name|passenger|\
        mother name|father name|mothers name|fathers name|parent name|guardian name|spouse name|\
        child name|next of kin|emergency contact|emergency contact name|player name|author name|\
        vorname|nachname|familienname|geburtsname|prenom|nom de famille|nom complet|\
        nombre completo|nombres|apellido|apellidos|primer apellido|nome completo|cognome|\
        sobrenome|apelido|voornaam|achternaam|imie|nazwisko|jmeno|prijmeni|meno a priezvisko|\
        priezvisko|vezeteknev|keresztnev|prenume|nume|фамилия|име|fornamn|efternamn|fornavn|\
        efternavn|etternavn|etunimi|sukunimi|eesnimi|perekonnanimi|vards|uzvards|vardas|pavarde|\
        ονομα|επωνυμο|prezime|priimek|ansprechpartner|sachbearbeiter|bearbeiter|patient|\
        interviewer name|respondent name|head of household|caretaker name|witness|signatory|\
        salutation name|reviewer name|manager name|supervisor name|agent name|name first|\
        name last|name full|employee|customer|teacher|doctor|physician|nurse name|donor name|\
        victim name|suspect name|tenant name|landlord|landlord name|buyer name|seller name|\
        borrower name|claimant|insured name|subscriber name|attendee|participant name|speaker|\
        instructor|principal name|coach|referee|artist name|composer|director name|actor|author|\
        authors",
    ),
    (
        C::Occupation,
        Clear,
        "occupation|profession|job|job title|jobtitle|beruf|metier|emploi|profesion|ocupacion|\
        puesto|professione|profissao|beroep|zawod|povolani|povolanie|foglalkozas|profesie|yrke|\
        ammatti|amet|work|employment status|job role|position title|position held|job name",
    ),
    (
        C::Address,
        Clear,
        "address|street|street address|addr|address line|address1|address2|address line 1|addr1|\
        home address|mailing address|billing address|shipping address|residence|\
        residential address|street name|streetname|house number|house no|hausnummer|adresse|\
        anschrift|strasse|straße|rue|domicile|direccion|domicilio|calle|indirizzo|via|endereco|\
        morada|rua|adres|straat|straatnaam|huisnummer|ulica|adresa|bydliste|lakcim|cim|utca|\
        adresă|адрес|улица|adress|gatuadress|osoite|katuosoite|aadress|adrese|adresas|διευθυνση|\
        naslov|heimilisfang|apartment|apt|apt no|suite|flat no|po box|full address|\
        current address|permanent address|location address|place of residence|addresse",
    ),
    (
        C::Location,
        Clear,
        "place of birth|birthplace|birth place|hometown|home town|wohnort|geburtsort|\
        lieu de naissance|woonplaats|home city|residence city|birth country|country of birth|\
        country of residence|city of birth",
    ),
    (
        C::Location,
        Hint,
        "city|town|village|municipality|county|state|province|region|district|country|location|\
        place|place of birth|birthplace|birth place|stadt|ort|wohnort|land|bundesland|ville|pays|\
        commune|ciudad|pais|provincia|citta|comune|paese|cidade|plaats|woonplaats|gemeente|miasto|\
        miejscowosc|mesto|obec|varos|telepules|oras|judet|град|stad|by|kommune|kaupunki|kunta|\
        linn|pilseta|miestas|πολη|grad|suburb|neighborhood|neighbourhood|hometown|home town|\
        locality|geburtsort|lieu de naissance|country code|state code|destination|origin|\
        territory|nation",
    ),
    (
        C::Organisation,
        Hint,
        "organization|organisation|org|org name|company|company name|employer|employer name|\
        business name|firma|firm|unternehmen|entreprise|societe|empresa|azienda|bedrijf|\
        institution|school|university|hospital|agency|vendor|supplier|manufacturer|brand|\
        publisher|bank name|team|club",
    ),
    (C::Title, Hint, "title|salutation|prefix|anrede|name prefix|honorific|titel"),
    (
        C::PersonName,
        Hint,
        "name|nom|nombre|nome|naam|nazwa|nev|navn|namn|nimi|ime|meno|jmeno|officer|manager|owner|\
        contact|created by|updated by|assigned to|approved by|reviewer|sender|recipient|student|\
        driver|guest|member|candidate|applicant|author|player|winner|user|sales rep|salesperson|\
        beneficiary|mother|father|spouse|child|names|reporter|assignee|pilot|captain|inventor|\
        editor",
    ),
];

/// Words that turn a name into something about the value, not the value.
const ABOUT: &[&str] = &[
    "count",
    "cnt",
    "flag",
    "type",
    "status",
    "sent",
    "verified",
    "verification",
    "template",
    "subject",
    "body",
    "enabled",
    "has",
    "is",
    "num of",
    "total",
    "length",
    "len",
    "hash type",
    "format",
    "valid",
    "opt",
    "optin",
    "consent",
    "expiry",
    "expires",
    "duration",
    "created",
    "updated",
    "modified",
    "deleted",
    "provider",
    "domain",
    "limit",
    "price",
    "cost",
    "rate",
    "score",
    "percent",
    "pct",
    "avg",
    "mean",
    "sum",
    "max",
    "min",
    "size",
    "version",
    "category",
    "group id",
    "class",
    "color",
    "confirmed",
    "preference",
    "allowed",
    "required",
    "reset",
    "changed",
    "at",
    "on",
    "attempts",
    "policy",
    "column",
    "table",
    "file",
    "filename",
    "path",
    "field",
    "key",
    "weeks",
    "days",
    "months",
    "visits",
    "id",
    "ids",
    "code type",
    "index",
    "idx",
    "order",
    "rank",
    "level",
    "region id",
    "count of",
    "number of",
    "bilingual",
    "schema",
    "role",
    "roles",
    "kind",
    "genre",
    "theme",
    "tag",
    "tags",
    "mode",
    "tier",
    "scope",
    "permission",
    "permissions",
    "privilege",
    "setting",
    "settings",
    "locale",
    "timezone",
    "currency",
];

/// Things that have names and are no people.
pub(super) const THINGS: &[&str] = &[
    "product",
    "item",
    "file",
    "table",
    "column",
    "host",
    "server",
    "event",
    "brand",
    "company",
    "org",
    "organisation",
    "organization",
    "project",
    "program",
    "programme",
    "department",
    "dept",
    "school",
    "city",
    "country",
    "state",
    "region",
    "street",
    "district",
    "county",
    "bank",
    "hotel",
    "store",
    "shop",
    "course",
    "class",
    "category",
    "tag",
    "domain",
    "model",
    "device",
    "game",
    "movie",
    "film",
    "song",
    "album",
    "band",
    "book",
    "journal",
    "species",
    "scientific",
    "gene",
    "drug",
    "chemical",
    "station",
    "route",
    "line",
    "airport",
    "airline",
    "ship",
    "vessel",
    "building",
    "room",
    "site",
    "app",
    "application",
    "package",
    "module",
    "function",
    "method",
    "variable",
    "field",
    "process",
    "service",
    "database",
    "db",
    "schema",
    "index",
    "key",
    "parameter",
    "attribute",
    "property",
    "feature",
    "layer",
    "map",
    "park",
    "river",
    "lake",
    "mountain",
    "dataset",
    "document",
    "report",
    "form",
    "template",
    "role",
    "group",
    "team",
    "club",
    "league",
    "stadium",
    "venue",
    "facility",
    "hospital",
    "clinic",
    "vendor",
    "supplier",
    "manufacturer",
    "campaign",
    "channel",
    "source",
    "sensor",
    "instrument",
    "test",
    "trial",
    "study",
    "sample",
    "protein",
    "cell",
    "strain",
    "locus",
    "taxon",
    "common",
    "display",
    "short",
    "long",
    "code",
    "type",
    "status",
    "level",
    "grade",
    "subject",
    "topic",
    "menu",
    "recipe",
    "food",
    "ingredient",
    "company",
    "publisher",
    "port",
    "queue",
    "job",
    "task",
    "currency",
    "language",
    "color",
    "colour",
    "size",
    "unit",
    "metric",
    "measure",
    "indicator",
    "variant",
    "version",
    "branch",
    "repo",
    "repository",
    "commit",
    "license",
    "family",
    "genus",
    "order",
];

/// Splits a name into words in small letters without accents.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            if !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
            lower = false;
            continue;
        }
        if c.is_uppercase() && lower && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        lower = c.is_lowercase();
        word.extend(c.to_lowercase().map(unaccented));
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

fn unaccented(c: char) -> char {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ī' | 'į' => 'i',
        'ł' | 'ľ' | 'ļ' => 'l',
        'ñ' | 'ń' | 'ň' | 'ņ' => 'n',
        'ò'..='ö' | 'ø' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'š' | 'ș' | 'ş' => 's',
        'ť' | 'ț' | 'ţ' => 't',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' => 'u',
        'ý' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' => 'ι',
        'ό' => 'ο',
        'ύ' => 'υ',
        'ώ' => 'ω',
        other => other,
    }
}

/// Whether a name says that the column names things.
pub(crate) fn names_thing(name: &str) -> bool {
    words(name).iter().any(|word| THINGS.contains(&word.as_str()))
}

/// An entry of the lists.
struct Entry {
    category: Category,
    strength: Strength,
    words: &'static str,
}

/// The entries by their words, so that a name costs a few look-ups.
struct Index {
    entries: Vec<Entry>,
    /// Entries by their words, and by their letters without the spaces.
    spaced: HashMap<&'static str, Vec<usize>>,
    squashed: HashMap<String, Vec<usize>>,
    /// Finds long entries within names that are written in one word.
    long: AhoCorasick,
    /// The entry of each pattern of `long`.
    long_entries: Vec<usize>,
}

/// Bytes of the shortest entry that is looked for within a word.
const LONG_BYTES: usize = 8;

/// Most words of an entry.
const ENTRY_WORDS_MAX: usize = 5;

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let listed = NAMES.iter().flat_map(|(category, strength, list)| {
        list.split('|').map(|words| Entry { category: *category, strength: *strength, words })
    });
    let entries: Vec<Entry> = listed.collect();
    let (mut spaced, mut squashed) = (HashMap::new(), HashMap::new());
    let (mut patterns, mut long_entries) = (Vec::new(), Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        let letters = entry.words.replace(' ', "");
        spaced.entry(entry.words).or_insert_with(Vec::new).push(index);
        if entry.words.len() >= LONG_BYTES {
            patterns.push(letters.clone());
            long_entries.push(index);
        }
        squashed.entry(letters).or_insert_with(Vec::new).push(index);
    }
    let long = AhoCorasick::new(patterns).expect("the lists are fixed");
    Index { entries, spaced, squashed, long, long_entries }
});

/// What a name says: the category, how clearly, and the words that said it.
pub(crate) fn read(name: &str) -> Option<(Category, Strength, &'static str)> {
    let words = words(name);
    if words.is_empty() {
        return None;
    }
    let index = &*INDEX;
    // The weightiest entry, of several the first one.
    let mut best: Option<(usize, usize)> = None;
    let mut weigh = |entry: usize, weight: usize| {
        if best.is_none_or(|(at, most)| weight > most || weight == most && entry < at) {
            best = Some((entry, weight));
        }
    };
    // `voided_by` is no town: what is a small word elsewhere is a name only alone.
    let small = |entry: usize| index.entries[entry].words == "by";
    let inside = |entry: usize, last: bool| {
        let Entry { strength, words, .. } = index.entries[entry];
        // The last words name the thing (`beneficiary_age`), clear names outdo hints.
        let clear = if strength == Clear { 20 } else { 0 };
        words.len().min(40) + clear + if last { 15 } else { 0 }
    };
    for first in 0..words.len() {
        for last in first + 1..=words.len().min(first + ENTRY_WORDS_MAX) {
            let phrase = words[first..last].join(" ");
            for entry in index.spaced.get(phrase.as_str()).into_iter().flatten() {
                let exact = first == 0 && last == words.len();
                if small(*entry) && !exact {
                    continue;
                }
                weigh(*entry, if exact { EXACT } else { inside(*entry, last == words.len()) });
            }
        }
    }
    let squashed = words.concat();
    let trimmed = squashed.trim_end_matches(|c: char| c.is_ascii_digit());
    for entry in index.squashed.get(trimmed).into_iter().flatten() {
        weigh(*entry, EXACT);
    }
    for hit in index.long.find_overlapping_iter(&squashed) {
        let entry = index.long_entries[hit.pattern().as_usize()];
        weigh(entry, inside(entry, false));
    }
    let (entry, weight) = best?;
    let Entry { category, strength, words: entry } = index.entries[entry];
    if weight < EXACT {
        let about =
            words.iter().any(|w| ABOUT.contains(&w.as_str()) && !entry.split(' ').any(|e| e == w));
        let thing =
            matches!(category, C::PersonName) && words.iter().any(|w| THINGS.contains(&w.as_str()));
        if about || thing && strength == Hint {
            return None;
        }
    }
    Some((category, strength, entry))
}

/// The weight of an entry that is the whole name.
const EXACT: usize = 100;

/// Whether columns of these names are about people, or their table is.
pub(crate) fn are_about_people<'n>(table: &str, names: impl Iterator<Item = &'n str>) -> bool {
    let personal = |name: &str| {
        read(name).is_some_and(|(category, strength, _)| strength == Clear && is_personal(category))
    };
    let people = |word: &String| PEOPLE.contains(&word.trim_end_matches('s'));
    words(table).iter().any(people) || names.into_iter().any(personal)
}

/// Whether a column of this category makes its neighbours likely to be about people.
pub(crate) fn is_personal(category: Category) -> bool {
    matches!(
        category,
        C::Email | C::Phone | C::DateOfBirth | C::Gender | C::NationalId | C::PersonName
    )
}

/// Words for people, in the singular.
const PEOPLE: &[&str] = &[
    "person", "people", "customer", "user", "patient", "employee", "client", "contact", "member",
    "student", "staff",
];
