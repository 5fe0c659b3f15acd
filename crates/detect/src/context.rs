//! The words around a candidate, in the languages of Europe: what kind of number is being
//! announced. It only looks near a candidate, so text without candidates costs nothing.

use crate::bytes::{find_high, word_starts};
use crate::terms::Terms;
use std::sync::LazyLock;

/// A set of announced kinds, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Topics(u32);

impl Topics {
    pub(crate) const PHONE: Self = Self(1);
    pub(crate) const NATIONAL: Self = Self(1 << 1);
    pub(crate) const TAX: Self = Self(1 << 2);
    pub(crate) const HEALTH: Self = Self(1 << 3);
    pub(crate) const PASSPORT: Self = Self(1 << 4);
    pub(crate) const DRIVER: Self = Self(1 << 5);
    pub(crate) const BANK: Self = Self(1 << 6);
    pub(crate) const CARD: Self = Self(1 << 7);
    pub(crate) const BIRTH: Self = Self(1 << 8);
    pub(crate) const PLATE: Self = Self(1 << 9);
    pub(crate) const POSTAL: Self = Self(1 << 10);
    pub(crate) const SECRET: Self = Self(1 << 11);
    pub(crate) const USER: Self = Self(1 << 12);
    pub(crate) const AGE: Self = Self(1 << 13);
    pub(crate) const GEO: Self = Self(1 << 14);
    pub(crate) const STREET: Self = Self(1 << 15);
    pub(crate) const OTHER: Self = Self(1 << 16);
    pub(crate) const NAME: Self = Self(1 << 17);
    pub(crate) const DEVICE: Self = Self(1 << 18);
    pub(crate) const COMPANY: Self = Self(1 << 19);
    pub(crate) const GENDER: Self = Self(1 << 20);
    /// An identifier of any kind.
    pub(crate) const ANY: Self = Self(1 << 22);
    /// Something that is counted or ordered, not a person's number.
    pub(crate) const THING: Self = Self(1 << 21);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The kinds announced before a candidate and the end of the closest announcing word.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Announced {
    pub(crate) topics: Topics,
    /// The topics of the closest word, and where that word ends.
    pub(crate) nearest: Topics,
    pub(crate) nearest_end: usize,
}

/// How far back announcing words are looked for.
const BEFORE_BYTES: usize = 72;
const AFTER_BYTES: usize = 28;

/// Looks at the text before (and a little after) the candidate `start..end`.
pub(crate) fn around(text: &str, start: usize, end: usize) -> Announced {
    let mut from = start.saturating_sub(BEFORE_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    // A record ends at an empty line or where a quoted field closes two fields back.
    let mut found = scan(&text[from..start]);
    found.nearest_end += from;
    let mut to = (end + AFTER_BYTES).min(text.len());
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    let mut after = &text[end..to];
    if let Some(stop) = memchr::memchr3(b'\n', b';', b',', after.as_bytes()) {
        after = &after[..stop];
    }
    if after.len() > 3 {
        found.topics = found.topics.or(scan(after).topics);
    }
    found
}

/// The topics of a column name or another short label.
pub(crate) fn label(text: &str) -> Topics {
    if text.is_empty() {
        return Topics::default();
    }
    let spaced: String =
        text.chars().map(|c| if matches!(c, '_' | '-' | '.') { ' ' } else { c }).collect();
    scan(&spaced).topics.or(scan(text).topics)
}

fn scan(window: &str) -> Announced {
    let lower = if window.is_ascii() { None } else { Some(lowered(window)) };
    let bytes = lower.as_deref().unwrap_or(window.as_bytes());
    let (words, mut found) = (&*WORDS, Announced::default());
    let visit = |start: usize| {
        if start > 0 && bytes[start - 1] >= 0x80 {
            return;
        }
        for (index, length) in words.at(&bytes[start..]) {
            let end = start + length;
            // Short words are whole words; longer ones may carry an ending.
            let after = bytes.get(end).copied();
            if length <= 5 && after.is_some_and(|b| b.is_ascii_alphabetic() || b >= 0xC3) {
                continue;
            }
            let topics = TOPICS[index];
            found.topics = found.topics.or(topics);
            if end > found.nearest_end {
                found.nearest_end = end;
                found.nearest = topics;
            } else if end == found.nearest_end {
                found.nearest = found.nearest.or(topics);
            }
        }
    };
    word_starts(bytes, |at| words.may_begin(bytes, at), visit);
    found
}

/// Small letters, but where that would move offsets. The table takes care of ASCII.
fn lowered(text: &str) -> Vec<u8> {
    let mut out = text.as_bytes().to_vec();
    let mut end = 0;
    while let Some(at) = find_high(&out, end) {
        // Most are small letters already.
        if let [0xC3, 0x9F..=0xBF, ..] = out[at..] {
            end = at + 2;
            continue;
        }
        let Some(c) = text[at..].chars().next() else { break };
        end = at + c.len_utf8();
        let lower = c.to_lowercase().next().filter(|l| *l != c && l.len_utf8() == c.len_utf8());
        if let Some(lower) = lower {
            lower.encode_utf8(&mut out[at..end]);
        }
    }
    out
}

static WORDS: LazyLock<Terms> =
    LazyLock::new(|| Terms::new(LISTS.iter().flat_map(|(words, _)| words.split('|'))));

static TOPICS: LazyLock<Vec<Topics>> = LazyLock::new(|| {
    LISTS.iter().flat_map(|(words, topics)| words.split('|').map(|_| *topics)).collect()
});

/// Announcing words by topic, in lower case, separated by bars.
const LISTS: &[(&str, Topics)] = &[
    (
        "phone|telephone|tel|tel.|mobile|cell|cellphone|fax|call|telefon|telefonnummer|mobil|handy|\
         rufnummer|téléphone|portable|mob|gsm|teléfono|telefono|móvil|celular|cellulare|telefone|\
         telemóvel|telefoon|mobiel|telefoonnummer|puhelin|puhelinnumero|puh|matkapuhelin|kännykkä|\
         tlf|tlf.|telefonszám|mobilszám|numer telefonu|komórka|telefón|telefonní|mobilní|\
         telefonski|τηλέφωνο|τηλ|κινητό|телефон|тел|мобилен|telefonas|mobilus|tālrunis|talrunis|\
         mobilais|telefoninumber|mobiil|fón|guthán|sími|farsími|whatsapp|contact number|\
         phone_number|dial|fono|ring|sms|msisdn|telefax|faks|phn|телефону|hotline|numéro|anrufen|\
         wählen|erreichbar unter|contact me at|reach me|mobitel|telefonu|telefonon|telefonnr",
        Topics::PHONE,
    ),
    (
        "ssn|social security|national id|national insurance|national identification|\
        identity number|\
         identification number|id number|id card|identity card|personal id|personal number|\
         personal code|\
         citizen|nino|ni number|personalausweis|ausweisnummer|sozialversicherungsnummer|svnr|\
         sv-nummer|\
         versicherungsnummer|rentenversicherungsnummer|rvnr|rentenversicherung|\
         numéro de sécurité sociale|\
         sécurité sociale|securite sociale|nir|numéro national|registre national|insee|dni|nif|nie|\
         documento nacional|documento de identidad|codice fiscale|cod. fisc|carta d'identità|\
         cartão de cidadão|bilhete de identidade|contribuinte|bsn|burgerservicenummer|sofinummer|\
         rijksregisternummer|rijksregister|nationaal nummer|insz|niss|pesel|dowód osobisty|\
         rodné číslo|rodne cislo|rodné|občanský průkaz|občiansky preukaz|cnp|cod numeric personal|\
         egn|егн|единен граждански|oib|osobni identifikacijski|emšo|emso|jmbg|matični broj|\
         személyi szám|személyi azonosító|személyi|taj|taj szám|personnummer|personnr|pers.nr|cpr|\
         cpr-nr|\
         cpr-nummer|fødselsnummer|fødselsnr|fnr|personnumer|hetu|henkilötunnus|henkilotunnus|\
         isikukood|asmens kodas|personas kods|asmens kodą|kennitala|kt.|amka|αμκα|ταυτότητα|\
         αριθμός ταυτότητας|pps|ppsn|pps number|uimhir|karta tal-identità|karta tal-identita|\
         identity card no|matricule|ahv|avs|ahv-nummer|cpf|rg|aadhaar|aadhar|uidai|uid|sin|\
         social insurance|curp|national_id|id no|id-nummer|id-nr|personid|nin|rsa id|idno|\
         voter|epic|documento|id nummer|asmens|kods|sotu|tunnus|идентификационен|ин код|\
         ид-номер|nric|fin|itin|rrn|tnin|sa id|resident registration|tckn|kimlik|mbi|\
         personennummer|ssin|bis-nummer|лнч|личен номер|identiteitskaart|identiteitskaartnummer|\
         epic number|voter id|jmbg|јмбг|ембг|рнокпп|ідентифікаційний|cuil|cuit|atin|peid|\
         p-tal|ahv-nr|ahv-nr.|матичен број|personnr.|osobný identifikátor|birth number",
        Topics::NATIONAL,
    ),
    (
        "tax|tin|tax id|taxpayer|tax number|steuer|steuernummer|steuer-id|\
        steueridentifikationsnummer|\
         idnr|st.-nr|steuer-nr|numéro fiscal|spi|número de contribuinte|nif|contribuinte|fiscal|\
         partita iva|p.iva|vat|vat number|ust-idnr|ust-id|umsatzsteuer|mwst|tva|btw|moms|iva|nip|\
         nip:|dič|dic|ičo|ič dph|adószám|adóazonosító|afm|αφμ|α.φ.μ|cui|cif|данъчен|данъчен номер|\
         davčna|davčna številka|porezni|mokesčių|nodokļu|maksunumero|y-tunnus|ein|utr|\
         unique taxpayer|itin|pan|pan card|pan number|gstin|gst|abn|tfn|tax file|tax_id|cnpj|rut|\
         nit|rfc|inn|инн|ssnit|steuerliche|fiskalni|uid|uid-nummer|btw-nummer|btw-nr|n° tva|\
         numéro de tva|ddv|id za ddv|ддс|pvm|pvm kodas|pvn|kmkr|kmkr-nr|alv|alv-numero|mva|\
         moms-nr|momsnr|momsreg|áfa|áfaszám|αφτ|φπα|пиб|pib|едб|nipt|nrt|v-tal|veronumero|cuit|\
         vat no|vat nr|vat id|vatin|cod fiscal|codul fiscal|identificação fiscal",
        Topics::TAX,
    ),
    (
        "nhs|nhs number|medical record|mrn|patient|patient id|patient number|health insurance|\
         insurance number|insurance id|insurance code|member id|medicare|medicaid|npi|\
         policy number|\
         policy no|krankenversicherung|krankenversichertennummer|versichertennummer|kvnr|\
         krankenkasse|gesundheitskarte|versicherten|patientennummer|patienten|carte vitale|\
         mutuelle|\
         tarjeta sanitaria|tsi|nass|nhc|cipa|historia clínica|número de historia|episodio|nºcol|\
         nº col|col.|colegiado|seguridad social|numero de la seguridad social|tessera sanitaria|\
         utente|número de utente|sns|zorgverzekering|polisnummer|patiëntnummer|ubezpieczenia|\
         kartoteka|pojištěnec|číslo pojištěnce|poistenec|ehic|european health|zdravotní|bsnr|lanr|\
         betriebsstättennummer|arztnummer|potilas|journalnummer|sjúkra|health card|hospital number|\
         prescription|claim number|hicn|subscriber|dea number|licence médicale|rpps|adeli|finess|\
         medical license|chart number|health id",
        Topics::HEALTH,
    ),
    (
        "passport|passport number|travel document|reisepass|passnummer|pass-nr|pass nr|passeport|\
         pasaporte|passaporto|passaporte|paspoort|paspoortnummer|paszport|cestovní pas|\
         cestovný pas|\
         pas č|útlevél|pașaport|pasaport|паспорт|pasas|pase|pass|passi|διαβατήριο|διαβατηρίου|\
         putovnica|\
         potni list|passinumber|vegabréf|pasi|passaport|pas nr|passport_no",
        Topics::PASSPORT,
    ),
    (
        "driver's license|driver’s license|drivers license|driver license|driving licence|\
         driving license|driver's licence|license number|licence number|dl|dl:|dln|führerschein|\
         führerscheinnummer|fuehrerschein|permis de conduire|permis|carnet de conducir|\
         permiso de conducir|patente|patente di guida|carta de condução|rijbewijs|rijbewijsnummer|\
         prawo jazdy|řidičský průkaz|vodičský preukaz|vozačka|vozniško|jogosítvány|\
         vezetői engedély|\
         permis auto|свидетелство за управление|шофьорска|körkort|kørekort|førerkort|ajokortti|\
         juhiluba|vadītāja apliecība|vairuotojo|άδεια οδήγησης|ökuskírteini|driver_license|\
         my license",
        Topics::DRIVER,
    ),
    (
        "account number|account no|bank account|account|acct|a/c|iban|kontonummer|konto|konto-nr|\
         bankverbindung|kto|blz|bankleitzahl|compte|numéro de compte|rib|cuenta|número de cuenta|\
         conto|conto corrente|abi|cab|conta|nib|rekening|rekeningnummer|rachunek|numer konta|\
         číslo účtu|účet|bankszámla|számlaszám|cont|cont bancar|сметка|bankkonto|kontonr|tili|\
         tilinumero|arvelduskonto|konts|sąskaita|λογαριασμός|račun|tekući račun|žiro|sort code|\
         routing|routing number|aba|swift|bic|ifsc|clabe|bankgiro|plusgiro|clearing|accnum|\
         direct debit|\
         wire|beneficiary account|account_number",
        Topics::BANK,
    ),
    (
        "card|credit card|debit card|card number|visa|mastercard|amex|american express|discover|\
         diners|jcb|maestro|kreditkarte|kreditkartennummer|kartennummer|karte|carte|carte bancaire|\
         carte de crédit|tarjeta|carta di credito|cartão|creditcard|kaart|karta|karty|kartou|kartu|\
         kort|kortnummer|kreditkort|luottokortti|kortti|bankkártya|kártyaszám|kártya|\
         card de credit|\
         карта|κάρτα|kartica|kartice|kredītkarte|kortelė|krediitkaart|cc|ccn|cc number|pan",
        Topics::CARD,
    ),
    (
        "birth|born|dob|d.o.b|birthday|birthdate|date of birth|geboren|geburtsdatum|geb|geb.|\
         geburtstag|né le|née le|naissance|date de naissance|nacido|nacida|nacimiento|\
         fecha de nacimiento|nato il|nata il|data di nascita|nascita|nascido|nascida|nascimento|\
         data de nascimento|geboortedatum|geboren op|geboorte|urodzony|urodzona|data urodzenia|ur.|\
         narozen|datum narození|narození|narodený|narodenia|dátum narodenia|született|\
         születési|szül|data nașterii|născut|nașterii|nasterii|роден|дата на раждане|раждане|\
         född|födelsedatum|født|fødselsdato|fødselsdag|syntynyt|syntymäaika|synt|sünnikuupäev|\
         sündinud|dzimšanas|dzimis|gimimo|gimė|γέννησης|γεννήθηκε|ημερομηνία γέννησης|rođen|\
         datum rođenja|rođenja|rojen|datum rojstva|rojstva|fæðingardagur|fæddur|dáta breithe|\
         data tat-twelid|twelid|birth_date|date_of_birth|bday",
        Topics::BIRTH,
    ),
    (
        "license plate|licence plate|number plate|plate|plate number|registration number|vehicle|\
         car|kennzeichen|kfz|kfz-kennzeichen|nummernschild|immatriculation|plaque|matrícula|\
         matricula|targa|kenteken|rejestracyjny|tablica|spz|rz|rendszám|număr de înmatriculare|\
         înmatriculare|регистрационен номер|registreringsnummer|regnr|reg.nr|rekisterinumero|\
         rekisteritunnus|numerimärk|numura zīme|valstybinis numeris|πινακίδα|registracija|\
         tablice|bílnúmer|vrm|vin|fahrzeug|voiture|véhicule|vehículo|veicolo|voertuig|pojazd",
        Topics::PLATE,
    ),
    (
        "postcode|postal code|post code|zip|zip code|zipcode|plz|postleitzahl|code postal|cp|c.p.|\
        cp:|\
         código postal|codice postale|cap|cep|kod pocztowy|psč|irányítószám|cod poștal|cod postal|\
         пощенски код|postnummer|postinumero|sihtnumber|pasta indekss|pašto kodas|τ.κ|\
         ταχυδρομικός|poštanski|poštna|eircode|póstnúmer|postal_code|p.k",
        Topics::POSTAL,
    ),
    (
        "password|passwd|pwd|passphrase|passcode|passwort|kennwort|mot de passe|mdp|contraseña|\
         contrasena|parola|senha|palavra-passe|wachtwoord|hasło|haslo|heslo|jelszó|парола|lösenord|\
         kodeord|adgangskode|passord|salasana|parool|parole|slaptažodis|κωδικός|lozinka|geslo|\
         lykilorð|pasfhocal|secret|api key|api_key|apikey|access key|secret key|client_secret|\
         auth token|access_token|token|private key|pin|pin code|otp|cvv|cvc|login credentials|\
         credentials|passwords|secret_key|access_key|authorization|bearer|pass|pw",
        Topics::SECRET,
    ),
    (
        "username|user name|login|user|account name|screen name|handle|nickname|benutzername|\
         benutzer|nutzername|identifiant|nom d'utilisateur|usuario|nombre de usuario|nome utente|\
         utilizador|gebruikersnaam|nazwa użytkownika|uživatelské jméno|felhasználónév|utilizator|\
         användarnamn|brugernavn|brukernavn|käyttäjätunnus|kasutajanimi|skype|twitter|instagram|\
         telegram|userid|user id|user_id",
        Topics::USER,
    ),
    (
        "age|aged|alter|âge|âgé|edad|età|idade|leeftijd|wiek|věk|vek|életkor|vârsta|възраст|ålder|\
         alder|ikä|vanus|vecums|amžius|ηλικία|dob|starost|aldur",
        Topics::AGE,
    ),
    (
        "latitude|longitude|lat|lon|lng|long|coordinates|coords|gps|koordinaten|coordonnées|\
         coordenadas|coordinate|geo|location|geolocation|position|breitengrad|längengrad|lat/lon",
        Topics::GEO,
    ),
    (
        "address|street|adresse|anschrift|straße|strasse|wohnhaft|wohnt|rue|domicile|dirección|\
         direccion|domicilio|calle|indirizzo|residente|endereço|morada|adres|ulica|adresa|bydliště|\
         bydlisko|lakcím|cím|lakhely|adresă|domiciliu|адрес|ул.|adress|gatuadress|osoite|aadress|\
         adrese|adresas|διεύθυνση|naslov|heimilisfang|seoladh|indirizz|lives at|living at|\
         resident at|\
         ship to|billing|shipping|bor på|bor i|asuu|moved to|address to",
        Topics::STREET,
    ),
    (
        "employee id|employee number|employee no|staff id|badge|personnel number|personalnummer|\
         customer id|customer number|customer no|client id|client number|kundennummer|\
         numéro client|matricule|número de cliente|numero cliente|klantnummer|numer klienta|\
         member number|membership|student id|student number|matrikelnummer|case number|case no|\
         file number|aktenzeichen|reference number|suspect identification|badge number|\
         mitgliedsnummer|asiakasnumero|kundnummer|kundenummer|licence no|license no|student_id|\
         employee_id|customer_id|account id|register number|handelsregister|registration no",
        Topics::OTHER,
    ),
    (
        "name|full name|first name|last name|surname|vorname|nachname|nom|prénom|nombre|apellidos|\
         nome|cognome|sobrenome|naam|voornaam|achternaam|imię|nazwisko|jméno|příjmení|meno|\
         priezvisko|név|vezetéknév|keresztnév|nume|prenume|име|фамилия|namn|förnamn|efternamn|navn|\
         fornavn|efternavn|etternavn|nimi|etunimi|sukunimi|eesnimi|perekonnanimi|vārds|uzvārds|\
         vardas|pavardė|όνομα|επώνυμο|ime|prezime|priimek|nafn|ainm|isem|kunjom",
        Topics::NAME,
    ),
    (
        "imei|imsi|iccid|serial|serial number|device id|device|udid|idfa|android id|hardware|\
         seriennummer|número de serie|mac address",
        Topics::DEVICE,
    ),
    (
        "company number|company id|company registration|registered number|vat|ust-idnr|\
         handelsregister|hrb|hra|siren|siret|partita iva|kvk|kvk-nummer|regon|krs|ičo|ico|\
         cégjegyzék|cui|еик|bulstat|организационен|organisationsnummer|org.nr|orgnr|cvr|y-tunnus|\
         registrikood|abn|acn|uen|brn|cnpj|gstin|gst|company identity code|org number",
        Topics::COMPANY,
    ),
    (
        "sex|gender|geschlecht|sexe|sexo|sesso|geslacht|płeć|pohlaví|pohlavie|neme|пол|kön|køn|\
         kjønn|sukupuoli|sugu|dzimums|lytis|φύλο|spol|kyn",
        Topics::GENDER,
    ),
    (
        "id|number|identifier|nummer|numero|número|numéro|numer|číslo|szám|număr|номер|αριθμός",
        Topics::ANY,
    ),
    (
        "order|invoice|ticket|version|build|port|pid|thread|bytes|size|error|errno|line|page|block|\
         blk|isbn|issn|doi|euro|eur|usd|percent|prozent|rechnung|bestellung|facture|commande|\
         factura|pedido|fattura|ordine|fatura|factuur|bestelling|faktura|zamówienie|objednávka|\
         számla|comandă|фактура|beställning|ordre|lasku|tilaus|arve|rēķins|sąskaita faktūra|\
         sku|part number|model|timestamp|uptime|latency|duration|offset|seq|req|request|session|\
         tracking|barcode|ean|amount|total|price|kg|km|meter|volt|memory|heap|cpu|pages|vol|\
         paragraph",
        Topics::THING,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announces_by_whole_words_before_and_after() {
        let text = "Meine Steuer-ID: 12345678903, ok";
        let found = around(text, 17, 28);
        assert!(found.topics.any(Topics::TAX));
        assert!(!found.topics.any(Topics::PHONE));
        assert_eq!(&text[..found.nearest_end], "Meine Steuer-ID");
        assert!(!around("hotel 123456", 6, 12).topics.any(Topics::PHONE), "tel inside a word");
        assert!(around("0171 1234567 (mobil)", 0, 12).topics.any(Topics::PHONE));
    }

    #[test]
    fn reads_column_names() {
        assert!(label("customer_phone_number").any(Topics::PHONE));
        assert!(label("").is_empty());
    }
}
