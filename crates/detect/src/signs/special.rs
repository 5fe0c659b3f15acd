//! Special categories (GDPR Art. 9) and criminal records (Art. 10) in running text: words of
//! health, belief, opinion and conviction, reported only where the words around them speak of a
//! person, and codes of diseases and drugs where a word for a diagnosis announces them.
//! A word alone (`depression`, `union`, `orthodox`) is left alone: it means too much else.

use crate::context::scene::Scene;
use crate::context::topics::Topics;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use crate::text::terms::Hit;
use aho_corasick::{AhoCorasick, MatchKind};
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
    (
        Category::Health,
        "schizofren~|епилепсия|диабет~|шизофрения|рак на|депресия|бременна|инвалид~|диагноза рак|\
         σχιζοφρένεια|διαβήτη~|επιληψία|καρκίνο~|κατάθλιψη|έγκυος|άνοια|cukrovk~|epilepsi~|rakovin~|\
         těhotn~|tehotn~|závislost na|závislosť od|cukrzyc~|padaczk~|w ciąży|choroba nowotworowa|\
         raka piersi|cukorbeteg~|epilepsziá~|terhes|rákos|szenvedélybeteg|diabet zaharat|însărcinată|\
         cancer de|epilepsie|gravidă|šećernu bolest|noseča|sladkorn~|epilepsij~|\
         raskausaja|raskaana|syöpä~|syövä~|masennu~|sokeritau~|diabeeti~|epilepsia~|vähihaig~|diabēt~|epilepsij~|vēzi|grūtniec~|diabet~|epileps~|vėži~|nėščia|sukkersyge|kræft|gravid|\
         cukrzyk~|cukorbetegség~|krabbamein~|sykursýki|ólétt|ailse|diaibéiteas|torrach|kanċer|dijabete|\
         tqila|hiv-positivní|hiv-pozitivní|hiv-pozytywn~|hiv-fertőz~|hiv-positief|hiv-positiv~|\
         seropositiva|sieropositiv~|seropozitiv~|вич|хив|dyslexia|down syndrome|down-syndrom|trisomie|\
         sclérose en plaques|esclerosis múltiple|sclerosi multipla|stwardnienie rozsiane|roztroušen~|\
         borderline personality|ptsd|bulimia|bulimie|kidney failure|copd|migraine|osteoporosis",
    ),
    (
        Category::Religion,
        "muslimsk~|muzułman~|muzulmán~|moszlim~|mohamed~|musliman~|muslimansk~|мюсюлман~|\
         μουσουλμάν~|musulmon~|moslem~|islamist~|żydow~|żyd~|židovsk~|zsidó~|evrei~|židov~|евреи~|\
         εβραί~|jødisk~|judisk~|juutalai~|juudi|ebrej~|žyd~|gyðing~|lhudi~|iúdach~|katolick~|katolíc~|\
         katolisk~|katolinen|katoli~|katolik~|католи~|καθολικ~|catolic~|caitliceach~|kattolik~|\
         kaþólsk~|правосла~|ορθόδοξ~|prawosławn~|pravoslav~|ortodox~|ortodoks~|protestán~|\
         protestan~|luteran~|luterán~|evangelick~|evangélik~|református~|kalvin~|calvinist~|\
         jehovan todista~|jehovas vittne~|jehovas vidne~|świadkiem jehowy|\
         svědek jehovův|testigo de jehová|testemunha de jeová|testimone di geova|témoin de jéhovah|\
         buddyst~|budist~|budhist~|bouddhist~|hinduist~|ateist~|athée|ateo|atea|ateu|ateia|sikhs|\
         anglican|methodist|baptist|quaker|pentecostal|scientolog~|alevi~|sunni~|shia|shii~|sunnit~|\
         schiit~|rastafari~|druze",
    ),
    (
        Category::TradeUnion,
        "członek związku|członkini związku|związku zawodowego|odborová organizace|odborář~|odborár~|szakszervezet~|\
         sindicatul~|sindicalist~|sindacalist~|syndicalist~|синдикат~|συνδικάτ~|συνδικαλ~|sindikat~|\
         ammattiliito~|ametiühing~|arodbiedr~|profsąjung~|fagforbund~|fackförbund~|facklig~|\
         fagforenings~|stéttarfélag~|ceardchumann|trejdunjin|vakbondslid|gewerkschafter~|cgt|cfdt|cgil|works council",
    ),
    (
        Category::Orientation,
        "homoseksual~|homosexuál~|homoszexuál~|homosexual~|homosexuel~|homossexual|homoseksuaal~|\
         homoseksuel~|homoseksuell~|хомосексуал~|ομοφυλόφιλ~|leszbikus|lezb~|lesb~|λεσβία|лесбийка|\
         gej|geja|gejem|biseksual~|bisexuál~|biszexuál~|biseksuel~|bisexuell~|bisessual~|\
         transpłciow~|transgender~|transnemű|transzne~|transseksual~|transsukupuoli~|transkön~|\
         transkjønn~|transpersona|queer|asexual|pansexual|non-binary person|intersex",
    ),
    (
        Category::Ethnicity,
        "romani|romský|rómsk~|romsk~|roma származású|cigány~|romani origin|ρομά|sinti|sinto|sámi|samisk~|saame~|inuit|hispanic|latino|latina|afro-american|\
         african-american|native american|aboriginal|caucasian|asian descent|african descent|\
         of colour|of color|person of color|origen gitano|etnia gitana|etnia rom|afrodescend~|kurdish|kurde|kurdin|kurdisk~|tatar~|berber|basque|ashkenazi|sephardi",
    ),
    (
        Category::Criminal,
        "skazana za|skazany za|prawomocnie skazan~|odsouzena za|odsouzen za|odsúdený za|odsúdená za|trestaný|trestaná|\
         trestán|elítél~|büntetett előéletű|condamnat pentru|condamnată pentru|cazier judiciar|\
         condenada por|condannata per|condamnée pour|осъден за|осъдена за|осъждан~|криминално досие|\
         καταδικάστηκε|ποινικό μητρώο|osuđen za|osuđena za|osuđivan~|kazneno evidentiran~|obsojen zaradi|obsojena zaradi|\
         tuomittu|tuomittiin|rikosrekister~|süüdi mõistet~|karistusregist~|notiesāt~|nuteist~|\
         teistum~|dømt for|dømt til|straffeattest|dömd för|dömdes för|brottsregist~|sakfelldur|\
         ciontaithe|misjub ħati|veroordeelde|vorstrafe~|straffällig|found guilty of|pleaded guilty|\
         arrested for|charged with|served a sentence|served time|ex-convict|on parole|\
         registro de antecedentes|delincuente|recluso|detenuto|rechtskräftig verurteilt",
    ),
    (
        Category::Politics,
        "członek partii|członkiem partii|członkinią partii|členem strany|členkou strany|členom strany|\
         člen strany|párttag~|párt tagja|membru al partidului|membră a partidului|membru pd|membru psd|\
         член на партия~|член на бсп|член на герб|μέλος του κόμματος|μέλος κόμματος|član stranke|\
         članica stranke|puolueen jäsen|erakonna liige|partijas biedr~|partijos nar~|partimedlem~|\
         medlem af parti|medlem av parti|medlem i parti|partilid|lid van de partij|félagi í flokk|\
         ball den pháirtí|membru tal-partit|parteifreund|mitglied der grünen|mitglied der fdp|\
         mitglied der linken|parteibuch|militante del|militant du|militante do|filiado ao|iscritta al|\
         member of the conservative|member of the green|member of the republican|\
         member of the democratic|registered democrat|registered republican|votes labour|votes tory|\
         voted for|communist|socialist|anarchist|kommunist~|komunist~",
    ),
    (Category::Nationality, NATIONS),
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

/// Beginnings of words for the people of a country and for what is theirs, in many languages.
/// They are reported as a person's nationality where one is spoken of; see `is_national`.
const NATIONS: &str = "\
    afghan~|albania~|saudi~|ecuador~|équator~|brunei~|surinam~|paragua~|urugua~|chilean~|chilen~|\
    peruvian~|peruan~|péruvien~|bolivia~|venezuel~|cuban~|cubain~|kuban~|dominican~|haitian~|\
    jamaica~|kenyan~|ethiopia~|somali~|ghana~|senegal~|sénégal~|tunisi~|libya~|lebanes~|libanes~|\
    libanais~|jordania~|korea~|coréen~|corean~|coreano|thai|thailänd~|indonesi~|malaysia~|nepal~|\
    bangladesh~|sri lankan|kazakh~|uzbek~|montenegr~|macedon~|makedon~|macédon~|kosov~|\
    liechtenstein~|new zealand~|south african|greenland~|kuwait~|qatar~|yemen~|eritre~|congol~|\
    cameroon~|camerun~|angola~|mozambi~|zimbabw~|albanes~|albanais~|algeria~|algéri~|algerisch~|\
    american~|amerikan~|américain~|estadounidens~|statunitens~|amerykań~|americ|argentin~|\
    armenia~|armenisch~|australia~|australisch~|austria~|österreich~|autrichien~|austríac~|\
    oostenrijk~|austriac~|rakous~|osztrák~|østrig~|belg~|belarus~|białorus~|bosnia~|bosnisch~|\
    brazilia~|brasileir~|brasilian~|brésilien~|brasileñ~|british|briton|britisch~|britann~|\
    británi~|brytyj~|britsk~|britti~|english~|englisch~|anglais~|inglés~|ingles~|inglés|engels~|\
    angiels~|anglick~|engelsk~|bulgar~|българ~|βούλγαρ~|canadi~|canadien~|kanad~|chines~|chinois~|\
    chinesisch~|chiń~|čínsk~|číňan~|kines~|kínai|colombia~|croat~|kroat~|croate~|croata~|chorwa~|\
    hrvat~|cypriot~|kypri~|κύπρι~|czech~|tschech~|tchèque~|checo|checa|čech~|češk~|tjekk~|tjeck~|\
    cseh~|danish|dänisch~|däne|dänin|danois~|danés~|danese|duńsk~|dánsk~|dansk~|tanskal~|dutch~|\
    niederländ~|holländ~|néerland~|holland~|neerland~|olandes~|nederland~|nizozem~|egypt~|ägypt~|\
    égypti~|eston~|estnisch~|estnier~|estnisk~|eesti~|virolai~|filipin~|finnish|finn|finnisch~|\
    finnin|finnois~|finnländ~|finlandez~|finland~|finlandais~|finlandés~|fiński~|fińsk~|suomal~|\
    finsk~|french~|franz~|franç~|frances~|francouz~|francuz~|francusk~|franciaország~|fransk~|\
    fransman|franse|ranskal~|georgia~|german~|deutsche~|allemand~|alemán|alemana|alemão|alemã|\
    tedesc~|duits~|niemiec~|niemk~|niemc~|němec~|němc~|nemec~|német~|tysk~|saksal~|герман~|немец~|\
    немк~|γερμαν~|greek|greeks|griech~|grecque~|grieg~|greco|greca|grieks~|grek~|řek~|görög~|\
    græsk~|kreikkal~|έλλην~|ελλην~|hungar~|ungar~|hongrois~|húngar~|ungheres~|hongaars~|węgier~|\
    węgr~|maďar~|magyar~|ungersk~|unkaril~|indian~|indien~|indisch~|indisk~|iran~|iraq~|irak~|\
    irish~|irisch~|irlandais~|irlandés~|irlandes~|ierse|irland~|icelandic~|isländ~|islandais~|\
    islandés~|island~|íslen~|israel~|italian~|italien~|italiaan~|włoch~|włosk~|włoszk~|talian~|\
    itališk~|italsk~|italijan~|itāli~|olasz~|италиан~|ιταλ~|japan~|japon~|japán~|latvia~|\
    lettland~|lettin|letton~|letón~|lettisch~|łotew~|łotysz~|latvi~|lithuan~|litau~|lituan~|\
    litew~|litwin~|lietuv~|luxembour~|luxemburg~|maltes~|maltais~|maltański~|malti~|maroc~|\
    marokk~|moroccan~|marrok~|mexica~|mexikan~|moldov~|nigeria~|norweg~|norvégien~|noruego|\
    noruega|norw~|norsk~|norjal~|pakistan~|polish~|poln~|polonais~|polaco|polaca|polacc~|pools~|\
    polsk~|polak~|polka|polki|polkę|polką|poľsk~|lengyel~|puolal~|поляк~|полск~|πολων~|portug~|\
    portoghes~|romania~|rumän~|roumain~|ruman~|rumun~|român~|rumen~|románi~|румън~|ρουμάν~|\
    russian~|russisch~|russe~|ruso|rusa|russo|russa|rusă|ruský|ruská|rosjan~|rosyj~|rusk~|orosz~|\
    venäl~|руск~|руснак~|ρώσ~|serb~|slovak~|slowak~|slovaq~|eslovac~|słowac~|slovensk~|szlovák~|\
    sloven~|slowen~|slovèn~|słoweń~|spanish~|spaniard|spanier~|spanisch~|spaniol~|espagnol~|\
    español~|espanhol~|spagnol~|spaans~|hiszpan~|španěl~|španiel~|spanyol~|spansk~|espanjal~|\
    испан~|ισπαν~|swedish~|schwed~|suédois~|suec~|svedes~|zweed~|szwed~|šved~|svéd~|svensk~|\
    ruotsal~|swiss~|schweiz~|suisse~|suiz~|svizzer~|zwitser~|szwajcar~|švýcar~|schweizisk~|syria~|\
    syrisch~|syrien~|turkish~|türk~|turc|turque~|turco|turca|turks~|turek|tureck~|turečk~|turkki~|\
    turc~|török~|tyrk~|ukrain~|украин~|vietnam~|frenchm~|frenchw~|englishm~|irishm~|dutchm~|\
    welsh~|scottish~|scotsman|scots";

/// Words for a person, or for belonging to a country, that follow an adjective of a nation.
const PERSON_NOUNS: &str = "\
    citizen|national|president|minister|prime minister|chancellor|woman|women|man|men|girl|boy|\
    student|nurse|doctor|worker|driver|patient|player|footballer|actor|actress|singer|author|\
    writer|poet|journalist|artist|painter|scientist|politician|king|queen|prince|princess|\
    ambassador|tourist|immigrant|migrant|refugee|family|parents|wife|husband|mother|father|couple|\
    soldier|passport|nationality|citizenship|descent|origin|ancestry|born|teenager|lawyer|\
    engineer|employee|colleague|friend|businessman|businesswoman|staatsbürger|staatsangehör|\
    staatsbürgerschaft|präsident|kanzler|frau|mann|student|ärztin|arzt|schauspieler|sänger|autor|\
    schriftsteller|journalist|politiker|könig|botschafter|herkunft|abstammung|pass|familie|\
    obywatel|obywatelk|prezydent|premier|aktor|aktork|pisarz|polityk|dziennikarz|studentk|občan|\
    občank|herec|hereč|spisovatel|novinář|állampolg|színész|író|elnök|miniszter|medborgare|\
    medborgarskap|skådespelare|författare|statsminister|statsborger|skuespiller|forfatter|\
    kansalai|näyttelijä|kirjailija|kodanik|pilson|piliet|državljan|glumac|pisac|igralec|граждани|\
    гражданк|президент|актьор|писател|υπήκο|πολίτ|πρόεδρος|ríkisborg|staatsburger|vrouw|schrijver";

/// Words for belonging to a country that stand before an adjective: `citoyenne italienne`.
const CITIZEN: &str = "\
    ciudadan|citoyen|cidadã|cittadin|obywatel|občan|občian|állampolg|cetățean|cetățen|граждан|\
    гражданство|πολίτ|υπήκο|υπηκοότητα|statsborger|statsbürg|staatsbürg|staatsangehör|\
    staatsburger|medborgar|kansalai|kodanik|kodakond|pilson|pilsoņ|piliet|državljan|ríkisborg|\
    ċittadin|saoránach|nacionalidad|nationalit|nationality|nazionalit|nacionalidade|narodowoś|\
    národnos|státní příslušn|štátna prísluš|nemzetis|naționalit|националност|εθνικότητα|ιθαγένεια|\
    rahvus|tautīb|tautyb|proud|fier|fière|orgullos|orgoglios|dumn|hrd|büszke|mândr|stolt|ylpe|\
    de origen|di origine|de origem|originaire|born|né en|geborene|gebürtig|a native|natif|nativ|\
    mère|père|madre|padre|mutter|vater|mother|father|wife|husband|esposa|marido|moglie|marito|\
    épouse|mari|femme|homme|mujer|hombre|donna|uomo|mulher|homem|femeie|bărbat|président|\
    presidente|ministr|actrice|acteur|actor|actriz|attore|attrice|étudiant|estudiante|estudante|\
    studente|joven|jeune|giovane|jovem";

/// Words that speak of a person, looked for shortly before.
const PERSONS: &str = "\
    he |she |i am|i have|i was|my |his |her |patient|diagnos|suffers|suffering|leidet|erkrankt|\
    litt|er ist|sie ist|ich bin|ich habe|seine |ihre |souffre|atteint|elle est|il est|je suis|\
    padece|sufre|ella es|él es|soffre|affetto|lei è|lui è|sofre|ela é|ele é|lijdt|hij is|zij is|\
    mitglied|member|membre|miembro|membro|lid van|klient|client|employee|mitarbeiter|mr |mrs |ms |\
    herr |frau |est une|es una|choruje|trpí|szenved|sufera|lider|kärsii|sairastaa|lider af|\
    paciente|paziente|pacient|applicant|bewerber|defendant|angeklagte|i'm |he's |she's |they are |\
    we are |you are |was born|who is |who was |wir sind|sie sind|ihr mann|ihre frau|du bist|\
    nous sommes|ils sont|elles sont|tu es |vous êtes|je m'|son mari|sa femme|soy |eres |somos |\
    mi |su |yo |sono |sei |siamo |lui |lei |suo |sua |mio |mia |sou |és |somos |são |meu |minha |\
    seu |ik ben |wij zijn|ze is|hij |zij |mijn |zijn |haar |jestem |jesteśmy |mój |moja |jego |\
    jej |ona |jsem |jste |jsou |můj |jeho |její |sme |môj |moja |vagyok|ő |felesége|férje|apja|\
    anyja|sunt |suntem |soțul |soția |mea |meu |tatăl |mama |съм |той |тя |е |съпруг|майка|баща|\
    είναι |είμαι |μου |jeg er|han er|hun er|jag är|han är|hon är|min |hans |hennes |hendes |hän |\
    minä |olen |hänen |ta on|tema on|olen |minu |viņš |viņa |esmu |mans |mana |jis |esu |mano |\
    on je |ona je|ja sam|sam |moj |moja |njegov|njen|jaz sem|ég er|hún |hann |is í|is é|tá sé|\
    tá sí|jien |huwa |hija |pacijent|pacjent|pacjentk|pacient|beteg|pacientk|potilas|patsient|\
    pacients|pacientas|ασθενής|пациент|sjúkling|othar|pazjent|bolnik|bolnica|klijent|stranka|\
    zaměstnan|zamestnan|pracowni|munkavállal|angajat|служител|υπάλληλος|medarbejder|medarbetar|\
    ansatt|työntekijä|töötaja|darbiniek|darbuotoj|zaposlen|diagnóz|rozpoznan|διάγνωση|диагноз|\
    diagnosti|sufre|padece|souffr|lider|trpi|boluje|cierpi|kenčia|slimo|serga|boleh|boli|страда|\
    πάσχει|członk|člen|tagja|член|μέλος|jäsen|liige|biedr|narys|narė|član|meðlim|accused|suspect|\
    inmate|prisoner|victim|plaintiff|beschuldigte|accusé|acusad|imputat|oskarżon|obviněn|vádlott|\
    inculpat|обвиняем|tiltalt|åtalad";

/// How far before a word the person is looked for, in bytes.
const REACH: usize = 48;

/// The words, in the order of [`CATEGORIES`].
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().flat_map(|(_, words)| words.split('|')).map(|word| word.trim_end_matches('~'))
}

/// Most bytes of an ending behind a stem.
const ENDING_MAX: usize = 12;

/// The category of each word, and whether it is a stem (`~`) that endings follow.
static CATEGORIES: LazyLock<Vec<(Category, bool)>> = LazyLock::new(|| {
    WORDS
        .iter()
        .flat_map(|(category, words)| words.split('|').map(|w| (*category, w.ends_with('~'))))
        .collect()
});
static CUES: LazyLock<AhoCorasick> = LazyLock::new(|| list(PERSONS));

/// Finds words of the special categories that are said of a person.
pub(crate) fn detect(scene: &Scene<'_>, hits: &[Hit], out: &mut Vec<Finding>) {
    let bytes = scene.text.as_bytes();
    if scene.label.any(Topics::BANK) && bytes.len() <= 14 {
        out.extend(bank_code(scene.text, 0));
    }
    for hit in hits {
        let letter = |i: Option<&u8>| i.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        let (category, stem) = CATEGORIES[hit.index];
        let mut end = hit.end;
        if letter(bytes.get(end)) && !matches!(bytes[end - 1], b':' | b' ') {
            end += word_rest(&scene.text[end..]);
            if !stem || end - hit.end > ENDING_MAX {
                continue;
            }
        }
        if category == Category::Gender {
            out.extend(gender(scene.text, hit.start, hit.end));
            continue;
        }
        if category == Category::BankAccount {
            out.extend(bank_code(scene.text, hit.end));
            continue;
        }
        let front = sentence_before(bytes, hit.start);
        // A nation is surer than a place of that name (`Italian`).
        let (spoken, score) = if category == Category::Nationality {
            (is_national(scene.text, (hit.start, end), front), 88)
        } else {
            (has_cue(&CUES, front), 64)
        };
        if spoken {
            out.push(Finding::new(hit.start..end, category, score, Evidence::Lexicon, "special"));
        }
    }
}

/// The sentence before a word, as far as it is looked at.
fn sentence_before(bytes: &[u8], start: usize) -> &[u8] {
    let front = &bytes[start.saturating_sub(REACH)..start];
    let end = front.iter().rposition(|b| matches!(b, b'.' | b'!' | b'?' | b'\n'));
    &front[end.map_or(0, |i| i + 1)..]
}

/// Whether a word of a list begins somewhere in the text.
fn has_cue(words: &AhoCorasick, text: &[u8]) -> bool {
    words.find_overlapping_iter(text).any(|cue| {
        cue.start() == 0
            || !(text[cue.start() - 1].is_ascii_alphanumeric() || text[cue.start() - 1] >= 0x80)
    })
}

/// How many bytes the rest of the word has.
fn word_rest(text: &str) -> usize {
    text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())
}

/// Whether a word for a nation is said of a person: a word for a person or for belonging to a
/// country stands beside it, or the sentence says what somebody is (`she is Italian`).
fn is_national(text: &str, (start, end): (usize, usize), front: &[u8]) -> bool {
    /// A few words before and behind count.
    const NEAR: usize = 24;
    if is_country(&text[start..end]) {
        return false;
    }
    let near = &front[front.len().saturating_sub(NEAR)..];
    if has_cue(&CITIZENS, near) {
        return true;
    }
    let tail = text[end..].trim_start_matches([' ', '-']);
    let next = &tail[..word_rest(tail)];
    let noun = NOUNS.find(next).is_some_and(|found| found.start() == 0);
    // An adjective of a thing has a noun behind it.
    let closed = !tail.starts_with(char::is_alphabetic) || tail.starts_with("and ");
    noun || closed && has_cue(&CUES, near)
}

/// Whether a word is the name of the country: adjectives rarely end like that.
fn is_country(word: &str) -> bool {
    const ENDINGS: [&str; 27] = [
        "ia", "ía", "ija", "ië", "iën", "ien", "ie", "land", "lands", "landi", "stan", "tan",
        "reich", "ország", "gal", "iraq", "irak", "iran", "israel", "way", "zil", "japan", "ça",
        "maroc", "dova", "rik", "rige",
    ];
    let capital = word.starts_with(char::is_uppercase);
    let open = word.ends_with(['a', 'á', 'o', 'ă', 'а', 'α']);
    let country = word.contains("ország") || ENDINGS.iter().any(|end| word.ends_with(end));
    capital && (open || country)
}

static CITIZENS: LazyLock<AhoCorasick> = LazyLock::new(|| list(CITIZEN));
static NOUNS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst)
        .build(PERSON_NOUNS.split('|'))
        .expect("the words are fixed")
});

fn list(words: &str) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(words.split('|'))
        .expect("the words are fixed")
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
    fn nationalities_of_people() {
        check("she is Italian.", &["nationality:Italian"]);
        check("er ist Franzose", &["nationality:Franzose"]);
        check("a Danish citizen", &["nationality:Danish"]);
        check("polska obywatelka", &["nationality:polska"]);
        check("citoyenne italienne", &["nationality:italienne"]);
        check("som portugisisk sommar", &[]);
        check("a danish pastry", &[]);
        check("her years in Portugal.", &["location:Portugal"]);
    }

    #[test]
    fn only_where_a_person_is_spoken_of() {
        check("she is hiv-positive", &["health:hiv-positive"]);
        check("er ist vorbestraft", &["criminal:vorbestraft"]);
        check("ona jest chora na cukrzycę", &["health:cukrzycę"]);
        check("hon är katolsk", &[]);
        check("he was arrested for theft", &["criminal:arrested for"]);
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
