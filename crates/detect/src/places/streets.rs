//! Words for streets in the postal languages of Europe.

use crate::text::words::WordSet;
use std::sync::LazyLock;

/// Bytes of the longest of [`ENDS`].
pub(crate) const END_BYTES_MAX: usize = 12;

/// Ends of words for streets.
pub(crate) static ENDS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::of(
        "dreef|baan|steeg|bulevardi|bråten|stubben|åsen|svingen|kroken|haugen|bakken|straße|\
     strasse|straat|gasse|weg|platz|allee|ring|damm|ufer|stieg|steig|laan|plein|gracht|\
     kade|dijk|singel|gatan|vägen|gata|gränd|stigen|torget|vej|gade|allé|stræde|veien|\
     vegen|gaten|katu|tie|kuja|polku|kaari|raitti|str|utca|gatvė|iela|tänav|maantee|\
     promenade|markt|hof|park|götu|vegur|braut",
    )
});

/// Words for streets that stand behind the name.
pub(crate) static BEHIND: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::of(
        "annex|arcade|bayou|beach|bend|bluff|bridge|brook|burg|bypass|camp|canyon|cape|\
     causeway|center|cliff|club|common|corner|course|courts|cove|creek|crest|crossing|\
     crossroad|curve|dale|dam|divide|drives|estate|estates|expressway|extension|fall|\
     falls|ferry|field|fields|flats|ford|fords|forest|forge|fork|forks|fort|freeway|\
     garden|gateway|glen|greens|groves|harbor|harbors|haven|hills|hollow|inlet|island|\
     islands|isle|junction|key|keys|knoll|knolls|lake|lakes|landing|lodge|loop|mall|\
     manor|meadow|meadows|mill|mills|mission|motorway|mount|mountain|neck|orchard|oval|\
     overpass|parks|pass|passage|path|pike|pine|pines|plain|plains|point|points|port|\
     ports|prairie|radial|ramp|ranch|rapid|rapids|rest|ridges|river|roads|run|shoal|\
     shoals|shore|shores|skyway|spring|springs|spur|spurs|squares|station|stream|streets|\
     summit|throughway|trace|track|tunnel|turnpike|underpass|union|unions|valley|valleys|\
     viaduct|views|village|villages|ville|vista|walks|ways|well|wells|street|st|road|rd|\
     avenue|ave|lane|ln|drive|dr|court|ct|close|terrace|way|place|pl|square|sq|crescent|\
     gardens|grove|hill|park|boulevard|blvd|parkway|pkwy|highway|hwy|row|mews|walk|\
     circle|trail|utca|út|tér|körút|köz|rkp|iela|gatvė|tänav|tn|mnt|pst|straße|strasse|\
     str|weg|platz|allee|gasse|prospekt|bulvāris|laukums|alėja|sokak|cesta|trg|ulica|\
     ulice|náměstí|námestie|nábřeží|fasor|sétány|dűlő|sor|vej|gade|alley|plaza|heights|\
     ridge|view|green|puiestee",
    )
});

/// Words for streets that stand before the name.
pub(crate) static BEFORE: LazyLock<WordSet> = LazyLock::new(|| WordSet::of(WORDS_BEFORE));

const WORDS_BEFORE: &str = "\
     canale|rotonda|stretto|incrocio|borgo|acceso|callejón|cuesta|pasadizo|cañada|\
     urbanización|vía|riera|torrente|drumul|soseaua|pot|rue|avenue|boulevard|place|\
     chemin|impasse|allée|quai|route|cours|square|bd|av|via|viale|piazza|corso|vicolo|\
     largo|strada|contrada|calle|c|avda|avenida|plaza|paseo|carrer|ronda|travesía|camino|\
     carretera|glorieta|pasaje|rambla|cl|pza|rua|travessa|praça|alameda|estrada|beco|\
     praceta|ul|ulica|ulice|al|aleja|os|osiedle|plac|pl|str|bulevardul|calea|aleea|\
     șoseaua|sos|intrarea|piața|ул|улица|бул|булевард|пл|жк|площад|οδός|οδος|λεωφόρος|\
     λεωφ|λ|πλατεία|triq|vjal|pjazza|sqaq|trg|cesta|náměstí|nám|námestie|třída|tř|an|am|\
     im|rúa|sráid|bóthar|вул|вулиця|просп|улиця|domicilio|puente|urb";

/// Ends of names of streets that say so only where street and number are all there is.
pub(crate) static CELL_ENDS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::of("ova|ová|eva|ská|cká|ska|čka|ička|ovka|ická|ného|ského|holtet|gjerdet|tunet|ovog")
});

/// Words for a part of a building.
pub(crate) static UNITS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::of(
        "apt|apartment|suite|unit|flat|floor|room|whg|wohnung|apartament|ap|appartement|piso|planta|étage|interno|scala|byt|\
     lakás|em|lejlighed|lgh|as|bl|sc|et|вх|ап|ет|bldg|º|ª|izq|izqda|\
     izda|dcha|dch|bajo|puerta|pta|esc|escalera|portal|bloque|stiege|tür|stock|bus|bte|\
     boîte|bât|appt|tv|th|mf",
    )
});

/// Words and marks between a street and its number.
pub(crate) static NUMBERS: LazyLock<WordSet> = LazyLock::new(|| WordSet::of(WORDS_FOR_NUMBER));

const WORDS_FOR_NUMBER: &str = "nr|no|n|nº|num|número|č|º|.|?|bl";

/// The words of [`BEFORE`] and [`NUMBERS`].
pub(crate) static LEADS: LazyLock<WordSet> = LazyLock::new(|| {
    let words = WORDS_BEFORE.split('|').chain(WORDS_FOR_NUMBER.split('|'));
    WordSet::new(&words.collect::<Vec<_>>())
});
