"""What a sentence denies, and whether a text denies what its evidence says, or says what that denies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dlm_core.english import word_set

WORD = re.compile(r"[^\W\d_](?:\w|[’'.&/+-](?=\w))*(?:\(\))?(?:\+\+|#)?|_\w+(?:\(\))?|\d+(?=[A-Za-z])\w+")


_NEGATION = re.compile(r"(?:not|never|no|cannot|none|neither|nor|without|nobody|nothing|nowhere|\w+n['’]t)\Z", re.I)
EMPTY = word_set("""
    a an the of to in on at by for from with as is are was were be been being am do does did done has have had
    can could will would shall should may might must it its they them their he she his her this that these
    those there any all some more most much many very quite yet only just even also always often usually ever
    so such too than then if when while and or but which who whom whose what one ones other each every both
    either longer need needs able
""")
_DIS = word_set("""
    agree agrees allow allows allowed able connect connected honest appear appears approve advantage similar
""")
_IN = word_set("""
    complete correct direct valid dependent efficient effective secure sufficient visible capable accurate
    active finite formal consistent adequate compatible tolerant frequent appropriate
""")
_IM = word_set("possible mutable proper perfect mature practical precise permeable balance")
_CLAUSE = re.compile(r"[;:.!?](?:\s|$)|,|—|\b(?:but|because|although|while|unless|if|when)\b")


def plain(word: str) -> str:
    """A word's form for comparing: no possessive, brackets or case."""
    word = word.replace("’", "'").removesuffix("()")
    word = word.removesuffix("'s").removesuffix("'")
    return word.casefold()


def stem(word: str) -> str:
    """What is left of a word without its ending, crudely: "tolerates" and "tolerated" have one."""
    low = plain(word)
    for ending in ("ational", "ations", "ation", "ings", "ing", "edly", "ed", "ies", "es", "ly", "s", "e", "y"):
        if low.endswith(ending) and len(low) - len(ending) >= 3:
            low = low[: -len(ending)]
            break
    return low[:-1] if len(low) > 3 and low[-1] == low[-2] and low[-1] not in "aeiou" else low


@dataclass
class _Polarity:
    """What a text says plainly and what it denies, by stem and by (stem before, stem)."""

    plain: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    plain_pairs: set[tuple[str, str]] = field(default_factory=set)
    denied_pairs: set[tuple[str, str]] = field(default_factory=set)
    scopes: list[list[str]] = field(default_factory=list)  # denied content words of each negation, in order


def _polarity(text: str, reach: int) -> _Polarity:
    """A negation denies the next `reach` content words of its clause."""
    out = _Polarity()
    for clause in _CLAUSE.split(text):
        words = re.findall(r"[^\W_][\w’'.-]*", clause)
        scope: list[str] | None = None
        last = ""
        for i, word in enumerate(words):
            following = words[i + 1].lower() if i + 1 < len(words) else ""
            if _NEGATION.match(word) and following not in ("only", "matter", "doubt"):
                scope = []
                out.scopes.append(scope)
                continue
            low = plain(word)
            if low in EMPTY or low.endswith("ly"):
                continue
            root = stem(word)
            denies = scope is not None and len(scope) < reach
            if denies and scope is not None:
                scope.append(root)
            (out.denied if denies else out.plain).add(root)
            (out.denied_pairs if denies else out.plain_pairs).add((last, root))
            last = root
        if scope == [] and last:  # "but the other is not": it denies what went before
            scope.append(last)
            out.denied.add(last)
            out.plain.discard(last)
    return out


def flips(text: str, evidence: str) -> list[str]:
    said, stands = _polarity(text, 6), _polarity(evidence, 6)
    out = []
    close = _polarity(text, 2)
    for scope in _polarity(text, 3).scopes:
        flat = close.denied_pairs & (stands.plain_pairs - stands.denied_pairs)  # denied here, said plainly there
        against = bool(scope) and any(s == scope[0] for _, s in flat)
        if any(s in stands.denied for s in scope) and not against:
            continue
        if against or not stands.scopes or any(s in stands.plain for s in scope):
            out.append("not " + scope[0] if scope else "not")
    near = _polarity(evidence, 2)
    if len(said.scopes) < len(near.scopes):
        lost = {b for _, b in near.denied_pairs & (said.plain_pairs - said.denied_pairs - near.plain_pairs)}
        lost |= {scope[0] for scope in near.scopes if scope and scope[0] not in near.plain}
        for scope in near.scopes:
            if scope and scope[0] in lost and scope[0] in said.plain and scope[0] not in said.denied:
                out.append(f"dropped: not {scope[0]}")
    return out + _opposites(text, evidence)


def _opposites(text: str, evidence: str) -> list[str]:
    """Words of the text whose opposite by prefix (possible, impossible) is what the evidence has."""
    words = {plain(w) for w in WORD.findall(text)}
    known = {plain(w) for w in WORD.findall(evidence)}
    out = []
    for word in sorted(words | known):
        pairs = [p + word for p in ("un", "non", "non-", "il", "ir") if len(word) > 3]
        pairs += ["dis" + word] * (word in _DIS) + ["in" + word] * (word in _IN) + ["im" + word] * (word in _IM)
        for other in pairs:
            for said, stands in ((word, other), (other, word)):
                if said in words and stands in known and said not in known and stands not in words:
                    out.append(said)
    return out
