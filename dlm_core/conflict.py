"""Do two sentences give different values for the same thing? Decided by their words.

Both sentences become rows of content words and facts. Facts that only one of
them has are paired by kind and by the words around them; a pair is a
contradiction where the sentences otherwise speak of the same thing: they share
their words, and differ in no other fact. Two sentences with another year and
another number are two points in time, and two with another name and another
number speak of two things.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from dlm_core.facts import valued
from dlm_core.tokenizer import FUNCTION_WORDS

OVERLAP = 0.7  # share of the shorter sentence's content words the other must have
NAMES_OVERLAP = 0.8  # the same where a name differs: many sentences say the same of two names
AROUND = 3  # content words on each side of a value that say what it is a value of
LIKE = 0.34  # share of them that two values of one thing have in common
FEWEST = 2  # content words two sentences on the same thing share

# Words that frame what is said and say nothing of it: "a 2024 review found that".
_FRAME: frozenset[object] = frozenset(
    "accord new data research survey study review report show found find estimate recent figure edition recount"
    " correction".split()
)


# One in the place of the other makes it another thing: "in the north" and "in the south" may have two values.
_OPPOSITES = """north/south northern/southern northeast/northwest east/west eastern/western upper/lower inner/outer
    men/women man/woman boys/girls boy/girl male/female husbands/wives fathers/mothers sons/daughters
    children/adults younger/older young/old newborns/adults urban/rural cities/countryside public/private
    summer/winter spring/autumn spring/fall day/night daytime/nighttime morning/evening morning/afternoon
    weekday/weekend first/second second/third first/last early/late earlier/later before/after
    high/low higher/lower highest/lowest largest/smallest larger/smaller large/small longest/shortest
    long/short hot/cold warm/cool wet/dry rich/poor
    import/export demand/supply buyers/sellers lenders/borrowers employers/employees employed/unemployed
    domestic/foreign national/international developed/developing internal/external positive/negative left/right
    liquid/gas solid/liquid solid/gas increase/decrease rise/fall gain/loss minimum/maximum least/most
    democrats/republicans democratic/republican black/white primary/secondary secondary/tertiary acute/chronic
    direct/indirect active/passive single/married undergraduate/graduate freshwater/marine plants/animals"""
# "A 2024 review found that", "As of 2024,", "In the 2024 edition,": the year of the source, none of what it says.
_FRAMED = re.compile(
    r"^(?:An?|The|In the|In an?) ((?:19|20)\d\d) (?:[a-z]+ )?"
    r"(?:edition|review|study|survey|report|recount|analysis|update)\b"
    r"|^As of ((?:19|20)\d\d), |^A correction published in ((?:19|20)\d\d) "
    r"|, (?:according to|as) an? ((?:19|20)\d\d) (?:[a-z]+ )?(?:review|study|survey|report|analysis)\b"
)


@dataclass(frozen=True)
class Change:
    """One thing with two values. kind: number | date | name. old, new: as written, of
    names the words that differ; unit: the word that a number counts, as the old sentence has it, "" for none."""

    kind: str
    old: str
    new: str
    unit: str = ""

    def named_in(self, text: str) -> bool:
        """Whether a text names the old value, a number with its unit."""
        return says(text, self.old, self.unit)


def says(text: str, value: str, unit: str = "") -> bool:
    """Whether a text has a value as a whole word or number, before `unit` where there is one."""
    tail = rf"[ -]{re.escape(unit)}" if unit else ""
    return bool(re.search(rf"(?<![\w.,-]){re.escape(value)}{tail}(?![\w-]|[.,]\d)", text, re.IGNORECASE))


@dataclass(frozen=True)
class _Item:
    kind: str  # word | number | date | name
    key: object
    text: str
    sure: bool = True  # a capital at the start of a sentence may make no name
    unit: str = ""  # as written


def _stem(word: str) -> str:
    low = word.lower()
    low = low[:-3] + "y" if low.endswith("ies") and len(low) > 4 else low
    return re.sub(r"(?:es|s|ed|ing)$", "", low) if len(low) > 4 else low


def _items(text: str) -> list[_Item]:
    """Content words and facts of a sentence, in order, without the year of a frame around it."""
    frame = _FRAMED.search(text)
    dated = frame.span(frame.lastindex or 0) if frame else (0, 0)
    found = [f for f in valued(text) if not dated[0] <= f.start < dated[1]]
    out: list[tuple[int, _Item]] = []
    for f in found:
        unit = re.match(r"[ -]([A-Za-z%]+)", text[f.end :]) if f.kind == "number" else None
        word = unit.group(1) if unit and unit.group(1).lower() not in FUNCTION_WORDS | {"per"} else ""
        out.append((f.start, _Item(f.kind, f.key, text[f.start : f.end].strip(), f.sure, word)))
    for m in re.finditer(r"[A-Za-z][A-Za-z-]+", text):
        if m.group().lower() not in FUNCTION_WORDS and not any(f.start < m.end() and m.start() < f.end for f in found):
            stem = _stem(m.group())
            out.append((m.start(), _Item("word", stem, m.group())))
    return [item for _, item in sorted(out, key=lambda pair: pair[0])]


OPPOSITES = frozenset(frozenset(_stem(word) for word in pair.split("/")) for pair in _OPPOSITES.split() if "/" in pair)


def _another(mine: set[object], theirs: set[object]) -> bool:
    """Whether one sentence has a word where the other has its opposite."""
    apart = [{str(w) for w in a - b} for a, b in ((mine, theirs), (theirs, mine))]
    return any(frozenset((a, b)) in OPPOSITES for a in apart[0] for b in apart[1])


def _around(items: list[_Item], at: int) -> set[object]:
    near = [*items[max(0, at - AROUND) : at], *items[at + 1 : at + 1 + AROUND]]
    return {i.key for i in near}


def _differing(old: str, new: str) -> tuple[str, str]:
    """Two names without the words they share in front, and up to their possessive: who took whose place
    (“President Woodrow Wilson’s Senate” and “President Woodrow Harding’s Senate”: Wilson, Harding)."""
    a, b = (re.split(r"[’']s?(?:\s|$)", name)[0].split() or [name] for name in (old, new))
    while len(a) > 1 and len(b) > 1 and a[0].lower() == b[0].lower():
        a, b = a[1:], b[1:]
    return " ".join(a), " ".join(b)


def _has(items: list[_Item], fact: _Item, own: list[_Item]) -> bool:
    """Whether a fact is among them; a name also as part of a longer one, and the other way round, but for names that
    the fact's `own` sentence has too ("the Cherokee" of both is no part of one's "Cherokee Phoenix")."""
    if any(i.key == fact.key for i in items):
        return True
    mine = set(str(fact.key).split())
    both = {i.key for i in own}
    theirs = (set(str(i.key).split()) for i in items if i.kind == "name" and i.key not in both)
    return fact.kind == "name" and any(mine <= t or t <= mine for t in theirs)


def _pairs(old: list[_Item], new: list[_Item]) -> list[tuple[float, int, int]]:
    """(likeness, index in old, index in new) of facts that only one side has, the likeliest first,
    each in one pair."""
    gone = [a for a, i in enumerate(old) if i.kind != "word" and not _has(new, i, old)]
    come = [b for b, i in enumerate(new) if i.kind != "word" and not _has(old, i, new)]
    opcodes = SequenceMatcher(None, [i.key for i in old], [i.key for i in new], autojunk=False).get_opcodes()
    facing = [(range(a, b), range(c, d)) for tag, a, b, c, d in opcodes if tag == "replace"]
    scored = []
    for a in gone:
        for b in come:
            if old[a].kind != new[b].kind or (old[a].unit and new[b].unit and _stem(old[a].unit) != _stem(new[b].unit)):
                continue
            mine, theirs = _around(old, a), _around(new, b)
            like = len(mine & theirs) / max(1, min(len(mine), len(theirs)))
            if like >= LIKE or _only(old, gone, a) and _only(new, come, b):
                scored.append((like + 0.1 * any(a in r and b in s for r, s in facing), a, b))
    scored.sort(key=lambda s: (-s[0], s[1], s[2]))
    out: list[tuple[float, int, int]] = []
    for like, a, b in scored:
        if all(a != x and b != y for _, x, y in out):
            out.append((like, a, b))
    return out


def _only(items: list[_Item], some: list[int], at: int) -> bool:
    """Whether it is the one of its kind among `some`: "In 1960, ..." against "... in 1958" stands elsewhere, and yet
    there is nothing else it could be the other value of."""
    return [i for i in some if items[i].kind == items[at].kind] == [at]


def share(text: str, held: str) -> float:
    """How much of what `text` says another sentence has: its content words and facts, 0..1."""
    mine = {i.key for i in _items(text)} - _FRAME
    return len(mine & {i.key for i in _items(held)}) / max(1, len(mine))


def changes(old: str, new: str, *, strict: bool = False) -> list[Change]:
    """Where `new` gives another value than `old` for what reads as the same thing.

    strict: one says all that the other says, values aside; for two sources of
    which neither is known to be a correction.
    """
    mine, theirs = _items(old), _items(new)
    pairs = _pairs(mine, theirs)
    words = {i.key for n, i in enumerate(mine) if all(n != a for _, a, _ in pairs)} - _FRAME
    others = {i.key for n, i in enumerate(theirs) if all(n != b for _, _, b in pairs)} - _FRAME
    shared, small = len(words & others), min(len(words), len(others))
    if not pairs or small < FEWEST or shared < OVERLAP * small:
        return []
    if _another(words, others):
        return []
    if strict and words - others and others - words:
        return []
    found = [(mine[a], theirs[b]) for _, a, b in pairs]
    kinds = {a.kind for a, _ in found}
    if len(kinds) != 1:
        return []
    if kinds == {"name"}:
        # Much is said of two names alike; of one name that took another's place, everything is, wherever it is named.
        if shared < max(3, NAMES_OVERLAP * small) or len({(a.key, b.key) for a, b in found}) != 1:
            return []
        (a, b), *_ = found
        if not (a.sure or b.sure):
            return []
        return [Change(a.kind, *_differing(a.text, b.text))]
    return [Change(a.kind, a.text, b.text, a.unit) for a, b in found]


def conflict(old: str, new: str) -> list[tuple[str, str]]:
    """(old value, new value) pairs in small letters; [] where two sentences do not contradict each other."""
    return [(c.old.lower(), c.new.lower()) for c in changes(old, new)]
