"""Facts whose truth can be checked by string: numbers, dates, names, negations.

`facts` finds their spans in a sentence; `unsupported` says which of them do
not stand in the evidence. Numbers are compared by value (1,000 is 1000, "two"
is 2, "10 percent" is 10%), dates by year, month and day, names by their words.
A checker of strings finds a changed number, year, name or negation. It cannot
find true words joined into something false; that is the reader's part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from dlm_core.english import STARTERS, word_set
from dlm_core.negation import EMPTY, WORD, flips, plain, stem

Key = tuple[str, object]


@dataclass(frozen=True)
class _Fact:
    start: int
    end: int
    kind: str  # number | date | name
    keys: frozenset[Key]  # readings of it; one that stands in the evidence is enough


# --- numbers --------------------------------------------------------------------

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)
_VALUE = {w: i for i, w in enumerate(_UNITS)} | {w: 10 * (i + 2) for i, w in enumerate(_TENS)}
_WORD_NUMBER = "|".join([*_UNITS, *_TENS])
_SCALE = "|".join(_SCALES)
_NUMBER = re.compile(
    r"(?P<digits>(?:(?<=[\s(\[“\"'])|^)[-−](?=\d)|(?<![\w.,])|(?<=[–—-]))(?P<value>\d[\d,]*(?:\.\d+)*)"
    r"(?P<suffix>(?:st|nd|rd|th)\b|s\b)?"
    rf"(?:[ -](?P<scale>{_SCALE})\b)?(?P<percent> ?%| percent\b| per cent\b| percentage\b)?"
)
_SPELLED = re.compile(
    rf"\b(?:{_WORD_NUMBER})(?:(?:[ -]| and )(?:{_WORD_NUMBER}|{_SCALE}))*\b"
    r"(?P<fraction>[ -](?:thirds?|quarters?|fifths?|sixths?|eighths?|tenths?)\b)?(?P<percent> percent\b| per cent\b)?",
    re.I,
)
_ORDINAL = re.compile(rf"\b(?:{'|'.join(_ORDINALS[1:])})\b", re.I)  # "first" is said of too many things
_PARTS = {"third": 3, "quarter": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_RANGE_PERCENT = re.compile(r"(?: ?[–—-] ?| to | and | or )[-−]?[\w.,]+(?: ?%| percent\b| per cent\b)")


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", "").rstrip("."))
    except InvalidOperation:
        return None  # a version such as 3.11.2


def _spelled(words: str) -> int:
    total = current = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in _VALUE:
            current += _VALUE[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total += max(current, 1) * _SCALES[word]
            current = 0
    return total + current


def _number_key(value: Decimal, percent: bool) -> Key:
    return ("%" if percent else "n", value.normalize())


def _numbers(text: str) -> Iterator[_Fact]:
    for m in _NUMBER.finditer(text):
        raw = m["value"].rstrip(",")
        end = m.end() if m.end() > m.end("value") else m.start("value") + len(raw)
        value = _decimal(raw)
        if value is None:
            yield _Fact(m.start("value"), end, "number", frozenset({("v", raw)}))
            continue
        if m["digits"]:
            value = -value
        if m["scale"]:
            value *= _SCALES[m["scale"]]
        if m["suffix"] == "s":
            keys: set[Key] = {("decade", value)}
        elif m["suffix"]:
            keys = {("o", int(value))}
        else:
            keys = {_number_key(value, bool(m["percent"]))}
            if not m["percent"] and _RANGE_PERCENT.match(text, m.end()):
                keys.add(_number_key(value, True))  # the 5 of "5 to 10%"
        kind = "date" if m["suffix"] == "s" else "number"
        yield _Fact(m.start("digits"), end, kind, frozenset(keys))
    for m in _SPELLED.finditer(text):
        words = m.group().lower()
        if m["fraction"]:
            below = _PARTS[m["fraction"].strip(" -").lower().rstrip("s")]
            above = _spelled(words[: m.start("fraction") - m.start()])
            yield _Fact(m.start(), m.end(), "number", frozenset({("f", Decimal(above) / Decimal(below))}))
        elif words != "one":  # a pronoun, nearly always
            value = Decimal(_spelled(words))
            yield _Fact(m.start(), m.end(), "number", frozenset({_number_key(value, bool(m["percent"]))}))
    for m in _ORDINAL.finditer(text):
        yield _Fact(m.start(), m.end(), "number", frozenset({("o", _ORDINALS.index(m.group().lower()) + 1)}))


# --- dates ------------------------------------------------------------------------

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_DATES = (
    re.compile(rf"\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>\d{{4}})\b)?"),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? (?P<year>\d{{4}})\b)?"),
    re.compile(rf"\b{_MONTH},?(?: of)? (?P<year>\d{{4}})\b"),
    re.compile(r"\b(?P<year>\d{4})-(?P<number>0\d|1[0-2])-(?P<day>[0-3]\d)\b"),
    re.compile(rf"(?<=\b[Ii]n ){_MONTH}|(?<=\b[Ss]ince ){_MONTH}".replace("?P<month>", "?:")),
    re.compile(r"(?<![\w.,$£€])(?P<year>1[0-9]{3}|20[0-9]{2})(?![\w%]|[.,]\d| ?(?:percent|million|billion))"),
)
Date = tuple[int | None, int | None, int | None]


def _dates(text: str) -> Iterator[tuple[int, int, Date]]:
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for m in pattern.finditer(text):
            if any(a < m.end() and m.start() < b for a, b in taken):
                continue
            groups = m.groupdict()
            name = groups.get("month") or (m.group() if not groups else None)
            month = int(groups["number"]) if groups.get("number") else None
            if name:
                month = next(i for i, x in enumerate(MONTHS, 1) if x.startswith(name.lower().rstrip(".")[:3]))
            year, day = groups.get("year"), groups.get("day")
            taken.append(m.span())
            yield m.start(), m.end(), (int(year) if year else None, month, int(day) if day else None)


# --- names ------------------------------------------------------------------------

_START = re.compile(r"(?:^|[.!?:]['\"”’)]*\s+|^\s*[-*•]\s+)[\"“‘'(\[]*$")
_CODE = re.compile(r"\w\.\w{2,}|_|\(\)$|[a-z]\d|[a-z][A-Z]|^[A-Z]+[a-z]+[A-Z]|[A-Z]{2}|^[A-Z]\d|\+\+$|#$|[₀-₉]")


def _names(text: str) -> Iterator[tuple[int, int, list[str], bool]]:
    """(start, end, words, begins a sentence) of runs of name-like words."""
    run: list[re.Match[str]] = []
    initial = False
    for m in WORD.finditer(text):
        word = m.group()
        first = bool(_START.search(text[max(0, m.start() - 40) : m.start()]))
        code = bool(_CODE.search(word))
        namelike = (word[0].isupper() or code) and word not in ("I", "A") and not (first and word in STARTERS)
        joined = bool(run) and namelike and not first and not code and text[run[-1].end() : m.start()] == " "
        if run and (not joined or _CODE.search(run[-1].group())):
            yield run[0].start(), run[-1].end(), [r.group() for r in run], initial
            run = []
        if namelike:
            initial = initial if run else first
            run.append(m)
    if run:
        yield run[0].start(), run[-1].end(), [r.group() for r in run], initial


# --- the two public functions -----------------------------------------------------------


def _found(text: str) -> tuple[list[_Fact], list[tuple[int, int, Date]], list[tuple[int, int, list[str], bool]]]:
    """Facts of a text without overlap: dates first, then names, then numbers."""
    dates = sorted(_dates(text))
    taken = [(a, b) for a, b, _ in dates]

    def free(a: int, b: int) -> bool:
        return all(b <= x or y <= a for x, y in taken)

    names = [n for n in _names(text) if free(n[0], n[1])]
    taken += [(n[0], n[1]) for n in names if any(_CODE.search(w) for w in n[2])]
    numbers = [f for f in _numbers(text) if free(f.start, f.end)]
    covered = [(f.start, f.end) for f in numbers]
    names = [n for n in names if all(n[1] <= a or b <= n[0] for a, b in covered)]
    return numbers, dates, names


def facts(text: str) -> list[tuple[int, int, str]]:
    """(start, end, kind) in reading order, kind "number", "date" or "name".

    A capital at the start of a sentence makes a name only with more capitals
    after it or inside it.
    """
    numbers, dates, names = _found(text)
    spans = [(f.start, f.end, f.kind) for f in numbers] + [(a, b, "date") for a, b, _ in dates]
    for start, end, words, initial in names:
        if not initial or len(words) > 1 or _CODE.search(words[0]):
            spans.append((start, end, "name"))
    return sorted(spans)


@dataclass(frozen=True)
class Valued:
    """A fact with a key that is equal where the value is. sure: False for a
    capitalised word that begins a sentence and may be no name."""

    start: int
    end: int
    kind: str  # number | date | name
    key: object
    sure: bool


def valued(text: str) -> list[Valued]:
    """The facts of a text with what they are worth, in reading order; a name's key is its words in small letters."""
    numbers, dates, names = _found(text)
    out = [Valued(f.start, f.end, f.kind, min(f.keys, key=str), True) for f in numbers]
    out += [Valued(a, b, "date", date, True) for a, b, date in dates]
    for start, end, words, initial in names:
        sure = not initial or len(words) > 1 or bool(_CODE.search(words[0]))
        low = plain(words[0])
        if sure or not (low in _COMMON or low in EMPTY or _ORDINARY.search(low)):
            out.append(Valued(start, end, "name", " ".join(map(plain, words)), sure))
    return sorted(out, key=lambda f: (f.start, f.end))


_COMMON = word_set("""
    people person research researchers scientists students studies study evidence results data water air light
    time children adults women men workers firms companies countries governments developers users systems
    models methods programs functions objects values errors tasks processes information energy cells plants
    animals examples groups members several various different certain modern early recent new old large small
    high low long short good better best common general special important major main key simple complex
    following first second third according based using given since until after before during through within
    without because although though whereas unless whether once even still today overall together however
    therefore thus also often usually sometimes generally typically
""")
_ORDINARY = re.compile(
    r"(?:ing|ly|ed|tion|tions|ment|ments|ness|ity|ities|ism|ance|ence|ers|ors|ists|ies|ves|ous|ful|able|ible|ics)$"
)


@dataclass(frozen=True)
class _Names:
    """The words of the evidence: where each stands, and the parts of dotted and hyphened ones."""

    places: dict[str, list[int]]
    parts: frozenset[str]
    lower: frozenset[str]  # words written without a capital somewhere

    @staticmethod
    def of(text: str) -> _Names:
        tokens = [plain(w) for w in WORD.findall(text)]
        places: dict[str, list[int]] = {}
        for i, token in enumerate(tokens):
            places.setdefault(token, []).append(i)
        parts = {".".join(t.split(".")[i:]) for t in tokens for i in range(1, t.count(".") + 1)}  # run of asyncio.run
        parts |= {p for t in tokens for p in re.split(r"[-/]", t) if p}
        return _Names(places, frozenset(parts), frozenset(w for w in WORD.findall(text) if w.islower()))

    def has(self, form: str) -> bool:
        if form in self.places or form in self.parts:
            return True
        if (form.endswith("s") and form[:-1] in self.places) or form + "s" in self.places:
            return True
        pieces = [p for p in re.split(r"[-/]", form) if p]
        return len(pieces) > 1 and all(p in self.places or p in self.parts or p.isdigit() for p in pieces)


def _name_stands(words: list[str], initial: bool, known: _Names) -> bool:
    """The words stand in the evidence, together and in this order."""
    forms = [plain(w) for w in words]
    index = known.places
    common = forms[0] in _COMMON or forms[0] in known.lower or bool(_ORDINARY.search(forms[0]))
    opener = initial and len(forms) > 1 and common
    if not all(known.has(f) for f in forms):
        # "Researchers Watson and ...": a common word opens the sentence before the name
        return opener and _name_stands(words[1:], False, known)
    if len(forms) < 2 or any(f not in index for f in forms):
        return True
    # the words must also stand together, up to two others between them ("George Hale" for "George Ellery Hale")
    for place in index[forms[0]]:
        at = place
        for form in forms[1:]:
            step = next((p for p in index[form] if at < p <= at + 3), None)
            if step is None:
                break
            at = step
        else:
            return True
    return opener and _name_stands(words[1:], False, known)


def unsupported(text: str, evidence: list[str]) -> list[str]:
    """Facts of `text` that do not stand in the evidence, as they are written, in reading order.

    Flipped negations follow them: "not raise" where the evidence does not deny
    it, "dropped: not raise" where the evidence does and the text does not, or
    the word whose opposite stands in the evidence.
    """
    joined = "\n".join(evidence)
    numbers, dates, names = _found(text)
    ev_numbers = list(_numbers(joined))
    ev_dates = [d for _, _, d in _dates(joined)]
    keys: set[Key] = {k for f in ev_numbers for k in f.keys}
    keys |= {_number_key(Decimal(d[0]), False) for d in ev_dates if d[0] is not None}
    if re.search(r"\bone\b", joined, re.I):
        keys.add(_number_key(Decimal(1), False))
    bad: list[tuple[int, str]] = []
    for fact in numbers:
        if not fact.keys & keys:
            bad.append((fact.start, text[fact.start : fact.end].strip()))
    for start, end, date in dates:
        stands = any(all(want is None or want == have for want, have in zip(date, d, strict=True)) for d in ev_dates)
        only_year = date[1] is None and date[2] is None and date[0] is not None
        if not stands and not (only_year and _number_key(Decimal(date[0] or 0), False) in keys):
            bad.append((start, text[start:end]))
    known = _Names.of(joined)
    stems = {stem(t) for t in known.places}
    for start, end, words, initial in names:
        if initial and len(words) == 1 and not _CODE.search(words[0]):
            low = plain(words[0])
            if low in _COMMON or low in EMPTY or _ORDINARY.search(low) or stem(low) in stems:
                continue
        if not _name_stands(words, initial, known):
            bad.append((start, text[start:end]))
    return [b for _, b in sorted(bad)] + flips(text, joined)
