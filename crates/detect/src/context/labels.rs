//! The words that announce a kind of value, by topic, in the languages of Europe and of the
//! countries whose numbers are checked. How they are looked for is in `context`.

use crate::context::topics::Topics;

/// Announcing words by topic, in lower case, separated by bars. Words of at most five
/// bytes are whole words, longer ones may carry an ending. Those with `!` mean something else in
/// running text unless they are written in capitals (`sin`, `ein`, `dl`).
pub(crate) const LISTS: &[(&str, Topics)] = &[
    (
        "phone|telephone|tel|tel.|mobile|cell|cellphone|fax|call|telefon|telefonnummer|mobil|handy|\
         rufnummer|téléphone|portable|mob|gsm|teléfono|telefono|móvil|celular|cellulare|telefone|\
         telemóvel|telefoon|mobiel|telefoonnummer|puhelin|puhelinnumero|puh|matkapuhelin|kännykkä|\
         tlf|tlf.|telefonszám|mobilszám|numer telefonu|komórka|telefón|telefonní|mobilní|\
         telefonski|τηλέφωνο|τηλ|κινητό|телефон|тел|мобилен|telefonas|mobilus|tālrunis|talrunis|\
         mobilais|telefoninumber|mobiil|fón|guthán|sími|farsími|whatsapp|contact number|\
         phone_number|dial|fono|ring|sms|msisdn|telefax|faks|телефону|hotline|mon numéro est|son numéro est|au numéro|anrufen|\
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
         sécurité sociale|securite sociale|nir|numéro national|registre national|insee|dni|nif|nie!|\
         documento nacional|documento de identidad|codice fiscale|cod. fisc|carta d'identità|\
         cartão de cidadão|bilhete de identidade|contribuinte|bsn|burgerservicenummer|sofinummer|\
         rijksregisternummer|rijksregister|nationaal nummer|insz|niss|pesel|dowód osobisty|\
         rodné číslo|rodne cislo|rodné|občanský průkaz|občiansky preukaz|cnp|cod numeric personal|\
         egn|егн|единен граждански|oib|osobni identifikacijski|emšo|emso|jmbg|matični broj|\
         személyi szám|személyi azonosító|személyi|taj!|taj szám|personnummer|personnr|pers.nr|cpr|\
         cpr-nr|cprnr|\
         cpr-nummer|fødselsnummer|fødselsnr|fnr|personnumer|hetu|henkilötunnus|henkilotunnus|\
         isikukood|asmens kodas|personas kods|asmens kodą|kennitala|kt.|amka|αμκα|ταυτότητα|\
         αριθμός ταυτότητας|pps|ppsn|pps number|uimhir|karta tal-identità|karta tal-identita|\
         identity card no|matricule|ahv|avs|ahv-nummer|cpf|rg!|aadhaar|aadhar|uidai|uid!|sin!|\
         social insurance|curp|national_id|id no|id-nummer|id-nr|personid|nin!|rsa id|idno|\
         voter|epic!|documento|id nummer|asmens|kods|sotu|tunnus|идентификационен|ин код|\
         ид-номер|nric|fin!|itin|rrn|tnin|sa id|resident registration|tckn|kimlik|mbi|\
         personennummer|ssin|bis-nummer|лнч|личен номер|identiteitskaart|identiteitskaartnummer|\
         epic number|voter id|jmbg|јмбг|ембг|рнокпп|ідентифікаційний|cuil|cuit|atin|peid|\
         p-tal|ahv-nr|ahv-nr.|матичен број|personnr.|osobný identifikátor|birth number",
        Topics::NATIONAL,
    ),
    (
        "tax|tin!|tax id|taxpayer|tax number|steuer|steuernummer|steuer-id|\
        steueridentifikationsnummer|\
         idnr|st.-nr|steuer-nr|numéro fiscal|spi!|número de contribuinte|nif|contribuinte|fiscal|\
         partita iva|p.iva|vat|vat number|ust-idnr|ust-id|umsatzsteuer|mwst|tva|btw|moms|iva|nip|\
         nip:|dič|dic!|ičo|ič dph|adószám|adóazonosító|afm|αφμ|α.φ.μ|cui!|cif|данъчен|данъчен номер|\
         davčna|davčna številka|porezni|mokesčių|nodokļu|maksunumero|y-tunnus|ein!|utr|\
         unique taxpayer|itin|pan!|pan card|pan number|gstin|gst|abn|tfn|tax file|tax_id|cnpj|rut!|\
         nit!|rfc|inn!|инн|ssnit|steuerliche|fiskalni|uid!|uid-nummer|btw-nummer|btw-nr|n° tva|\
         numéro de tva|ddv|id za ddv|ддс|pvm|pvm kodas|pvn|kmkr|kmkr-nr|alv|alv-numero|mva|\
         moms-nr|momsnr|momsreg|áfa|áfaszám|αφτ|φπα|пиб|pib|едб|edb!|nipt|nrt!|v-tal|veronumero|cuit|\
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
         tarjeta sanitaria|tsi!|nass|nhc|cipa|historia clínica|número de historia|episodio|nºcol|\
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
         pasaporte|passaporto|passaporte|paspoort|paspoortnummer|paszport|cestovní cestovný pas č|útlevél|pașaport|pasaport|паспорт|pasas|pase|pass|passi|διαβατήριο|διαβατηρίου|\
         putovnica|\
         potni list|passinumber|vegabréf|pasi|passaport|pas nr|passport_no",
        Topics::PASSPORT,
    ),
    (
        "driver's license|driver’s license|drivers license|driver license|driving licence|\
         driving license|driver's licence|license number|licence number|dl!|dl:|dln|führerschein|\
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
         bankverbindung|kto|blz|bankleitzahl|compte|numéro de compte|rib!|cuenta|número de cuenta|\
         conto|conto corrente|abi!|cab!|conta|nib!|rekening|rekeningnummer|rachunek|numer konta|\
         číslo účtu|účet|bankszámla|számlaszám|cont|cont bancar|сметка|bankkonto|kontonr|tili|\
         tilinumero|arvelduskonto|konts|sąskaita|λογαριασμός|račun|tekući račun|žiro|sort code|\
         routing|routing number|aba!|swift|bic|ifsc|clabe|bankgiro|plusgiro|clearing|accnum|\
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
         карта|κάρτα|kartica|kartice|kredītkarte|kortelė|krediitkaart|kaardi|kaardinumber|cc!|ccn|cc number|pan!",
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
         matricula|targa|kenteken|rejestracyjny|tablica|spz|rz!|rendszám|număr de înmatriculare|\
         înmatriculare|регистрационен номер|registreringsnummer|regnr|reg.nr|rekisterinumero|\
         rekisteritunnus|numerimärk|numura zīme|valstybinis numeris|πινακίδα|registracija|\
         tablice|bílnúmer|vrm|vin!|fahrzeug|voiture|véhicule|vehículo|veicolo|voertuig|pojazd",
        Topics::PLATE,
    ),
    (
        "postcode|postal code|post code|zip|zip code|zipcode|plz|postleitzahl|code postal|cp|c.p.|\
        cp:|\
         código postal|codice postale|cap!|cep|kod pocztowy|psč|irányítószám|cod poștal|cod postal|\
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
         cégjegyzék|cui!|еик|bulstat|организационен|organisationsnummer|org.nr|orgnr|cvr|y-tunnus|\
         registrikood|abn|acn|uen|brn!|cnpj|gstin|gst|company identity code|org number",
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
    (
        "rodným číslem|rodného čísla|rodnému číslu|rodnom čísle|r.č|r. č|rč|rodným číslom|\
         pesel-u|peselu|numerem pesel|nr pesel|codul numeric personal|codului numeric personal|\
         cnp-ul|isikukoodi|personas kodu|personas koda|personas kodam|asmens kodu|asmens kodo|\
         a.k|p.k|henkilötunnu|hetun|sotun|personnr|pers nr|pnr|personnumret|personnummeret|\
         fødsels- og personnummer|fødsels|f.nr|d-nummer|samordningsnummer|kennitöl|kennitala|kt|\
         osobnog identifikacijskog|osobnim identifikacijskim|oib-a|oib-om|oiba|oib-u|emša|emšu|\
         enotna matična|enotne matične|matična številka|matične številke|matičnog broja|\
         егн-то|единния граждански|единен гр|лична карта|личната карта|личния номер|личен номер|\
         личен номер на чужденец|личния номер на чужденец|номер на чужденец|α.μ.κ.α|α.δ.τ|αδτ|\
         αμκα|δελτίο ταυτότητας|δελτίου ταυτότητας|αριθμό ταυτότητας|αριθμού ταυτότητας|\
         κοινωνικής ασφάλισης|uimhir psp|upsp|uimhir phearsanta|uimhir aitheantais|\
         numru tal-identità|numru ta' l-identità|numru tal-karta|karta tal-id",
        Topics::NATIONAL,
    ),
    (
        "n° national|n° de registre|numéro de registre|registre national|niss|numéro avs|n° avs|\
         navs|navs13|ahvn13|ahvn|numero avs|n. avs|n° ss|n° de sécu|numéro de sécu|n° sécu|\
         numéro insee|n° insee|numéro d'identification|numéro d'identité|carte d'identité|\
         carte nationale d'identité|cni|numéro personnel|identifiant national|\
         nas!|assurance sociale|documento nacional de identidad|d.n.i|n.i.e|n.i.f|\
         número de identidad|número de identificación|número de extranjero|cédula|cedula|\
         cédula de identidad|cédula de ciudadanía|rut!|nuip|idnp|dui!|carnet de identidad|\
         numero di identificazione|cod. fiscale|codice fisc|c.f|cf!|c. f|\
         carta di identità|carta d’identità|numero d'identità|número de identificação|\
         cartão do cidadão|cc n.º|bi/cc|número de identidade|cadastro de pessoa|registro geral|\
         cadastro de pessoas|título de eleitor|titulo eleitoral|pis!|pasep|pis/pasep|nis!|nit/pis",
        Topics::NATIONAL,
    ),
    (
        "personenkennziffer|personenkennzahl|personalausweisnummer|personalausweisnr|ausweisnr|ausweis-nr|sozialversicherungsnr|sv-nr|sv-nr.|asvg|versicherungsnr|\
         identifikationsnummer|identifikationsnr|aufenthaltstitel|identitätskarte|\
         identificatienummer|nationaalnummer|rijksregisternr|identiteitsnummer|id-kaart|\
         persoonsnummer|numer identyfikacyjny|numeru identyfikacyjnego|dowodu osobistego|\
         dowodem osobistym|seria i numer dowodu|numer dowodu|identifikační číslo|\
         identifikačním číslem|identifikačné číslo|občanského průkazu|číslo op|občianskeho preukazu|\
         személyazonosító|személyi igazolvány|személyi igazolványszám|azonosító szám|\
         azonosítószám|tb-szám|taj-szám|taj-száma|társadalombiztosítási|identifikaatio|\
         identifikatsiooninumber|identifikācijas numurs|identifikavimo numeris|tapatybės kortel|\
         personas apliecīb|isikutunnistus|id-kaardi|identifikasjonsnummer|identifikationsnr|\
         legitimation|id-kort|idkort|sundhedskort|henkilönumero|henkilökort|henkilöllisyystodistu|\
         identifikacijski broj|identifikacijskog broja|osobne iskaznice|osobna iskaznica|\
         broj osobne|osebna izkaznica|osebne izkaznice|identifikacijska številka|\
         carte de identitate|cărții de identitate|buletin|seria și numărul",
        Topics::NATIONAL,
    ),
    (
        "my social|social is|social #|social no|soc sec|ss#|ss #|ss number|social-security|\
         social insurance no|national register|national id number|national identity|\
         foreigner id|alien number|alien registration|a-number|residence permit|\
         resident identity|resident number|refugee id|permanent resident|citizen service|\
         personal public service|personal identification|personal numeric|personal identity|\
         unique master citizen|public service number|pps no|ni no|nat ins|fiscal code|tax code|\
         swedish id|thai id|israeli id|teudat zehut|mykad|ic number|ic no|kra pin|cnic|nadra|\
         my number|emirates id|hkid|umid|crn!|philsys|voter card|voter number|bvn|teudat|\
         government id|id code|identity no|identification no|identification code|id number is|\
         passport or id|uidai number|aadhar card|adhaar|t.c. kimlik|tc kimlik|tc no|tc kimlik no|\
         kimlik no|kimlik numara|vatandaşlık|matricule national|รหัสประจำตัว|เลขประจำตัว|บัตรประชาชน|เลขบัตร|\
         주민등록|주민번호|외국인등록|身份证|居民身份|マイナンバー|個人番号|תעודת זהות|ת.ז|आधार|ідентифікаційн|\
         іпн|удостоверение личности|nik!|ktp|personal no|indigenous id|tribal id|rfc/curp",
        Topics::NATIONAL,
    ),
    (
        "steuernr|st-nr|stnr|steuer-idnr|steueridnr|steueridentifikation|abgabenkonto|\
         abgabenkontonummer|umsatzsteuer-id|umsatzsteueridentifikation|mwst-nummer|mwst-nr|uid-nr|\
         identifiant fiscal|n° fiscal|numéro fiscal de référence|tva intracommunautaire|n° de tva|\
         numéro tva|referencia fiscal|identificación fiscal|identificación tributaria|\
         registro federal|cédula fiscal|clave única|nº contribuinte|nº de contribuinte|\
         contribuinte n|contribuinte nº|inscrição|p. iva|piva|part. iva|codice iva|numero iva|\
         fiscaal nummer|belastingnummer|btw-id|btw id|btwnummer|numer nip|nip-em|nip-u|\
         identyfikacji podatkowej|podatnika|daňové identifikač|daňovým identifikač|dič-om|\
         daňové číslo|adóazonosító jel|adószáma|adóazonosítója|közösségi adószám|\
         cod de identificare fiscală|codului fiscal|codul de identificare|cod fiscal|cif-ul|\
         cod de înregistrare|данъчна|идентификационен номер по ддс|даночен|по ддс|\
         φορολογικού μητρώου|φορολογικό μητρώο|φορολογικής ταυτότητας|α.φ.τ|φορολογικ|\
         davčno številk|davčne številk|davčn|porezni broj|poreznog broja|poreski|poreskog|\
         mokesčių mokėtojo|mokėtojo kodas|mokėtojo kodo|nodokļu maksātāja|maksukohustuslase|\
         käibemaksu|maksukohustuslas|verotunniste|veronumero|alv-tunnus|alv-numero|y-tunnu|\
         arvonlisävero|momsregistrering|momsnummer|momsregistreringsnummer|moms nr|skattenummer|\
         skatte-id|skatteregistrering|se-nummer|vsk|vsk númer|virðisaukaskatt|uimhir cbl|uimhir cánach|\
         numru tal-vat|numru tat-taxxa|vergi|vergi kimlik|vergi no|vkn|ird|ird number|npwp|\
         tax reference|tax identification|taxpayer id|tax ref|income tax|tax registration|\
         tax-id|employer identification|federal tax|pps/tax|provider tax|irs number|\
         business number|vat reg|vat registration|cpf/mf|gst registration|kra!|tin number",
        Topics::TAX,
    ),
    (
        "nhc-|nhc|cipa|cip!|cias|núm. de historia|nº historia|n.º de historia|nº de historia|nss|\
         afiliación|número de afiliación|seguro social|número de seguridad social|\
         krankenversicherungsnummer|krankenversichertennr|versichertennr|egk|egk-nummer|\
         patienten-id|patienten-nr|patientennr|fallnummer|lebenslange|e-card|numéro de patient|\
         dossier médical|numéro de dossier|numéro d'assuré|n° d'assuré|mutuelle n|\
         numero tessera|tessera|número de beneficiário|n.º de utente|nº de utente|nº utente|\
         número sns|cartão nacional de saúde|cns!|zorgpas|zorgnummer|verzekerdennummer|\
         verzekeringsnummer|patiëntennummer|patiënt|numer pacjenta|karta pacjenta|pacjenta|\
         číslo pacienta|zdravotní pojiště|betegazonosító|beteg|cod pacient|asigurat|\
         здравна осигуровка|здравноосигурителен|пациент|αριθμός ασθενούς|αριθμό μητρώου|\
         patientnummer|patient-id|potilasnumero|potilastunnu|haiguslugu|pacienta|paciento|\
         broj pacijenta|osigurane osobe|osiguranika|zdravstvene|zavarovanj|medical id|\
         health number|health card no|chart no|member no|\
         insurance no|insurance policy|policy id|group number|rx number|prior authorization|authorization number|claim no|claim id|health record|\
         medical file|hospital no|hospital id|patient no|pat. nr|provider number|npi number|\
         national provider|dea!|gp number|ohip|personal health|medicare number|medicare no",
        Topics::HEALTH,
    ),
    (
        "passeports|passport no|passport nr|passport id|pass number|travel passport|reisepassnr|\
         reisepassnummer|passnr|passport #|pasaportes|numero passaporto|número de passaporte|\
         passaportes|paspoortnr|reisdocument|documentnummer|numer paszportu|paszportu|\
         cestovního pasu|cestovného pasu|číslo pasu|pasu|útlevelem|útlevélszám|útlevele|\
         pașaportului|pașaportul|паспорта|задграничен паспорт|διαβατήριο|διαβατηρίου|putovnice|\
         putovnici|potnega lista|potni list|passin|passinnumero|passinro|passnumret|passets|\
         vegabréfs|vegabréfi|pases numurs|paso numeris|paso nr|passi number|passinumbri|\
         passaportu|numru tal-passaport|pas-nr|pasnummer|여권|여권번호|护照|パスポート|旅券|หนังสือเดินทาง|\
         pasaport numarası|pasaport no|דרכון|паспорт|document no|document number|\
         travel document|laissez-passer",
        Topics::PASSPORT,
    ),
    (
        "driver's licence number|driving licence no|driver license number|drivers licence|dl number|\
         dl no|dl#|driver's lic|driver id|permis n|numéro de permis|n° de permis|\
         licencia de conducir|permiso de conduc|carné de conducir|licença de condução|\
         carteira de motorista|cnh|carteira nacional|número da carta|numero patente|\
         patente n|rijbewijsnr|rijbewijsnummer|prawa jazdy|numer prawa jazdy|řidičského průkazu|\
         vodičského preukazu|vezetői|jogosítvány|permisul|permis de conducere|permisului|\
         шофьорска книжка|свидетелство|άδειας οδήγησης|δίπλωμα οδήγησης|vozačke dozvole|\
         vozačka dozvola|vozačke|vozniško dovoljenje|vozniškega|körkortsnummer|kørekortnummer|\
         førerkortnummer|ajokortin|ajokorttinumero|juhiloa|juhiloa number|vadītāja apliecības|\
         vairuotojo pažymėjim|ökuskírteinis|ceadúnas tiomána|liċenzja tas-sewqan|sürücü belgesi|\
         ehliyet|운전면허|運転免許|驾驶证|ใบขับขี่|führerscheinnr|fahrerlaubnis",
        Topics::DRIVER,
    ),
    (
        "swift|bic|bic/swift|swift/bic|bic-code|bic code|swift code|swift-code|ifsc code|ccc|\
         cuenta bancaria|cuenta corriente|cuenta nº|código cuenta|bankrekening|bankrekeningnummer|\
         rekeningnr|numer rachunku|rachunku bankowego|konta bankowego|bankovní účet|bankovního účtu|\
         číslom účtu|čísla účtu|účtu|bankszámlaszám|számlaszáma|contul|contului|contul bancar|\
         банкова сметка|сметката|банковата|αριθμός λογαριασμού|αριθμό λογαριασμού|λογαριασμού|\
         τραπεζικού|bankovni račun|broj računa|računa|transakcijski račun|številka računa|\
         tilinumeroni|pankkitili|pangakonto|kontonumber|bankas konts|konta numurs|\
         banko sąskait|sąskaitos numeris|reikningsnúmer|bankareikning|kontonummeret|regnr. og konto|\
         cuntas bainc|kont bankarju|kontoverbindung|kontonr.|iban-nr|banka hesap|hesap no|\
         계좌|계좌번호|口座番号|账号|银行账户|บัญชี|bsb|cbu|account #|acct no|acc no|acct #|a/c no|\
         giro|routing transit|transit number|account details",
        Topics::BANK,
    ),
    (
        "ondernemingsnummer|numéro d'entreprise|n° d'entreprise|булстат|еик|organisasjonsnummer|organisasjonsnr|orgnummer|org. nr|organisationsnr|org.nummer|\
         cvr-nr|cvr-nummer|mva-nummer|siret|siren|rcs!|handelsregisternummer|hrb-nummer|\
         firmenbuchnummer|firmenbuch|kvk-nr|numer krs|numer regon|regon-u|ič|iča|ičem|ičo|\
         cégjegyzékszám|registrul comerțului|číslo společnosti|rejstřík|matični broj firme|mbs!|\
         registrikood|reģistrācijas numurs|įmonės kodas|įmonės kodą|yritystunnus|\
         company identity|australian business|australian company|business registration|\
         unique entity|company no|company reg|crn!|registration number of the company|사업자|\
         사업자등록번호|법인등록|nuis|nrt!|coe!|edrpou|єдрпоу|ogrn|огрн|cin!|llpin|duns",
        Topics::COMPANY,
    ),
    (
        "číslo zákazníka|zákaznické číslo|zákaznícke číslo|ügyfélszám|ügyfélazonosító|cod client|\
         клиентски номер|αριθμός πελάτη|broj klijenta|številka stranke|kliendi number|\
         klienta numurs|kliento numeris|viðskiptamannanúmer|kundenr|kundenr.|kunde-nr|\
         personalnr|personal-nr|mitarbeiternummer|numéro d'employé|matricola|número de empleado|\
         número de empregado|personeelsnummer|numer pracownika|osobní číslo|osobné číslo|\
         dolgozói|angajat|ansattnummer|anställningsnummer|medarbejdernummer|henkilökuntanumero|\
         employee code|emp id|empid|worker id|payroll number|payroll id|student no|numéro étudiant|\
         numero matricola|studentnummer|číslo studenta|numer albumu|case ref|docket|\
         police id|suspect id|inmate|detainee|benefit number|licence number|permit number|\
         subscriber number|frequent flyer|customer ref|client no|client ref|member id",
        Topics::OTHER,
    ),
    (
        "plates|plate no|plate is|licence plates|registration plate|numberplate|reg no|reg. no|\
         registration no|vehicle reg|vehicle registration|kfz-kz|autokennzeichen|kennz|\
         plaque d'immatriculation|immatriculé|immatriculée|matrículas|placa|placas|chapa|targata|\
         targato|targhe|kentekens|nummerplaat|tablic|rejestracyjn|numerze rejestracyjnym|\
         numer rejestracyjny|poznávací značk|státní poznávací|evidenčné číslo vozidla|ečv|ečv:|\
         registrační značk|forgalmi rendszám|rendszámú|număr de inmatriculare|\
         numărul de înmatriculare|рег. номер|рег. №|регистрационен|регистрационни|с рег|\
         αριθμός κυκλοφορίας|αριθμό κυκλοφορίας|πινακίδες|πινακίδων|registarska|registarske|\
         registrska|registrske|rekisterinumeroltaan|rekisterikilp|\
         registreringsskylt|registreringsskilt|nummerplade|regnummer|reg.nummer|regnr.|numurzīme|valstybinį numer|registracijos numer|registreerimismärk|numbrimärk|númeraplat|\
         skráningarnúmer|uimhir chláraithe|numru tal-pjanċa|pjanċa|plaka|번호판|차량번호|车牌|ทะเบียนรถ|\
         vehicle number|motorcycle",
        Topics::PLATE,
    ),
    (
        "imei-nummer|imei number|meid|serial no|serial #|s/n|numéro de série|numero di serie|\
         serienummer|numer seryjny|sériové číslo|sorozatszám|număr de serie|сериен номер|\
         σειριακός αριθμός|sarjanumero|seerianumber|sērijas numurs|serijos numeris|serijska|\
         serijski broj|udi|advertising id|gaid|pacemaker",
        Topics::DEVICE,
    ),
    (
        "numero carta|numero di carta|número de cartão|nº do cartão|número do cartão|numéro de carte|\
         n° de carte|nº de tarjeta|número de tarjeta|card no|card ending|card #|nr karty|numer karty|\
         číslo karty|číslem karty|kártyaszáma|bankkártyaszám|numărul cardului|cardul|cardului|\
         broj kartice|številka kartice|αριθμός κάρτας|αριθμό κάρτας|κάρτας|номер на карта|картата|\
         kortnr|kortets nummer|kortin numero|kortin|kartes numurs|kortelės numeris|kortelės|\
         kortanúmer|greiðslukort|uimhir cárta|numru tal-karta ta|kart numarası|카드번호|カード番号|卡号|\
         kartennr|karten-nr|creditcardnummer|kaartnummer|maestro|unionpay|girocard|prepaid",
        Topics::CARD,
    ),
];
