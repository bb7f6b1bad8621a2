"""A list of a page, told in one sentence: what leads to it, and its items.

"Postgres can log to:" and three bullets are no sentences, and often the answer. Stored text (dlm_core/segment.py) has a
list as a paragraph that ends in a colon and blocks that begin with "- "; `said` joins them with commas or semicolons,
in the words of the page. What cannot be joined without a doubt is left as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from dlm_core.boundaries import sentences
from dlm_core.english import FUNCTION, KNOWN_VERBS, STARTERS, THING
from dlm_core.phrases import base_forms
from dlm_core.standalone import has_verb

ITEM = "- "
FEWEST, MOST = 2, 8  # items
LONG = 22  # words of an item
LONGEST = 55  # words of the whole
BRIEF = 7  # words of an item up to which commas part items
_NUMBERS = {w: n for n, w in enumerate("one two three four five six seven eight nine ten".split(), 1)}
# A lead that ends so goes on in each of its items, and needs no colon: "sends mail when" before clauses, "is made by"
# before what is none.
_BEFORE_CLAUSES = frozenset("when if unless because while".split())
_BEFORE_PHRASES = frozenset("by to for of are is include includes as with from through".split())
_CHOICE = re.compile(
    r"\b(?:any|either|one of|one or more|at least one|options?|alternatives?|alternatively|choices)\b", re.I
)
# Of what may, can or must not be it is not said whether all of it or one.
_UNSURE = re.compile(r"\b(?:when|if|unless|by|may|might|can|could|not|cannot|no|should|never)\b|n[’']t\b", re.I)
_ENDS = re.compile(r"(?:(?:[,;] ?)?(?<![\w-])(and|or)|[,;])$")
_LABELLED = re.compile(r"([^:()–—;]{2,60}?)(?:: | [–—-] )([^:()]+)$")
_LABEL = re.compile(r": | [–—-] ")
_PARTS = re.compile(r"[,;:]|\b(?:and|or)\b")


@lru_cache(maxsize=4096)
def said(stored: str) -> str:
    """What a stretch of stored text says: a list with its lead as one sentence, anything else as it stands."""
    return told(stored) or stored


def told(stored: str) -> str:
    """A lead and the items under it as one sentence; "" where that is no list or cannot be told so."""
    lead, *blocks = stored.split("\n\n", MOST + 1)
    if not FEWEST <= len(blocks) <= MOST or not lead.endswith(":") or not all(b.startswith(ITEM) for b in blocks):
        return ""
    lead = lead[:-1].rstrip()
    counts = {_NUMBERS[w] for w in re.findall(r"[a-z]+", lead.lower()) if w in _NUMBERS} - {1}
    if not has_verb(lead) or (counts and len(blocks) not in counts):
        return ""
    items, own = [], ""
    for block in blocks:
        text = block[len(ITEM) :].strip()
        first = next((text[a:b] for a, b in sentences(text)), "")
        ending = _ENDS.search(first.rstrip("."))
        if ending and len(first) == len(text):
            own = ending[1] or own
            first = first.rstrip(".")[: ending.start()]
        first = first.rstrip(" .;,")
        if not first or first.endswith((":", "?", "!", "etc", "…")) or len(first.split()) > LONG:
            return ""
        items.append(first)
    named = [_bracketed(item) for item in items]
    if all(named):
        items = named
    elif any(_LABEL.search(item) for item in items):
        return ""
    small = [_small(item, stored) for item in items]
    before = _BEFORE_CLAUSES if any(has_verb(item) for item in items) else _BEFORE_PHRASES
    lowered = [s for s in small if s is not None]
    goes_on = len(lowered) == len(items) and lead.split()[-1].lower() in before
    listed = _joined(lowered if len(lowered) == len(items) else items, lead, own)
    text = f"{lead} {listed}." if goes_on else f"{lead}: {listed}."
    return text if len(text.split()) <= LONGEST else ""


def _bracketed(item: str) -> str:
    """An item that names a thing and says what it is, with that in brackets: "full: all lines" is "full (all lines)";
    "" for any other."""
    found = _LABELLED.match(item)
    if found is None:
        return ""
    meaning = _small(found[2], "")
    return f"{found[1]} ({meaning or found[2]})"


def _small(item: str, known: str) -> str | None:
    """The item as it goes on in a sentence; None where its first word may be a name or not, as far as can be told."""
    word = re.match(r"[\w’'-]+", item)
    if word is None or not re.fullmatch(r"[A-Z](?:[a-z’'-]+)?", word[0]) or word[0] == "I":
        return item
    low = word[0].lower()
    seen = re.search(rf"(?<![\w.]){re.escape(low)}(?![\w.])", known)
    if (
        low in FUNCTION
        or word[0] in STARTERS
        or low in THING
        or seen
        or base_forms(low) & KNOWN_VERBS
        or re.search(r".ly$|.ing$|tions?$", low)
    ):
        return low + item[len(low) :]
    return None


def _joined(items: list[str], lead: str, own: str) -> str:
    word = own or ("or" if _CHOICE.search(lead) else "" if _UNSURE.search(lead) else "and")
    brief = bool(word) and all(len(i.split()) <= BRIEF and not _PARTS.search(i) for i in items)
    mark = "," if brief else ";"
    if not word:
        return f"{mark} ".join(items)
    if brief and len(items) == 2:
        return f"{items[0]} {word} {items[1]}"
    return f"{mark} ".join(items[:-1]) + f"{mark} {word} {items[-1]}"
