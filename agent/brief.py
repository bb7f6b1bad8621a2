"""A question becomes a brief: cleaned, titled and taken apart into sub-questions.

By rules, not by a model: a brief must be the same in every run, and the words
of the user must not be changed into what they did not ask.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from dlm_core.english import KNOWN_VERBS

LONGEST = 400  # characters; the sentence model reads 256 word pieces
PARTS = 4  # sub-questions at most

_ASKS = r"(?:how|what|why|when|where|which|who|whose)"
_AUX = r"(?:do|does|did|is|are|was|were|can|could|should|would|will|may|might)"
_SPLIT = re.compile(rf"(?:\s*[;?]\s+|,?\s+and\s+|,\s+)(?=(?:(?:at|by|from|in|on|to|with)\s+)?{_ASKS}\b)", re.I)
_HEAD = re.compile(rf"({_ASKS}\s+{_AUX})\s+(.+)", re.I)
_PLAIN_HEAD = re.compile(rf"({_AUX})\s+(.+)", re.I)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Verbs that questions join ("write and revise"); what is not here is taken for a noun and nothing is split.
VERBS = _words("""
    adapt affect allow appear apply arise attract avoid become begin behave bind break breathe build cancel
    carry carve cause change check choose clean close collapse collect collide combine commit communicate
    compare compete compute condense connect consume contain control convert cool cope create decay decide
    decode defend define degrade deliver depend describe detect determine develop die differ digest disappear
    dissolve divide eat educate eliminate emerge encode end erode erupt evaporate evolve exist expand expire
    explain explode express fade fail fall feed fetch find fit fix flow fly forget form freeze function fuse
    generate get give go grow guide handle happen heal hear help hold hunt improve increase infect influence
    inherit interact invest join keep last lead learn lend limit live load lose maintain make manage map mask
    measure melt merge migrate mix move mutate navigate obtain operate orbit organise organize oscillate parse
    pay perform persist plan pollinate predict prepare prevent process produce propagate protect prove punish
    raise rank reach react read recall recover reduce regulate reject relate release remain remask remember
    remove repair replace represent reproduce require resolve respond resume retrieve return revise rewrite
    rotate run save search see select sell send settle shape share sink solve speak split spread start stay
    stop store suffer support survive sustain swim teach test think thrive train transfer transmit treat use
    validate vanish vary verify warm weaken wear work write
""")
_PRONOUN = re.compile(r"\b(?:it|they|them|its|their|this|these)\b", re.I)


class BriefError(ValueError):
    """The question cannot be used; one line that says why."""


@dataclass(frozen=True)
class Brief:
    """question: as asked, cleaned. title: of the report. parts: sub-questions in
    the order asked; a question of one part has itself."""

    question: str
    title: str
    parts: tuple[str, ...]


def clean(question: str) -> str:
    """The question on one line, NFC. BriefError if it is empty, too long or holds
    characters that no question is typed with."""
    text = unicodedata.normalize("NFC", question)
    for ch in text:
        kind = unicodedata.category(ch)
        if kind in ("Cc", "Cs", "Co", "Cn") and ch not in "\t\n\r":
            raise BriefError("the question holds control characters or broken text: type it as plain text")
        if unicodedata.bidirectional(ch) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"):
            raise BriefError("the question holds characters that change the direction of text: type it as plain text")
    text = "".join(ch for ch in text if unicodedata.category(ch) != "Cf")
    text = " ".join(text.split())
    if not text:
        raise BriefError('the question is empty: palimpsest "How do tides work?"')
    if not any(ch.isalpha() for ch in text):
        raise BriefError('the question has no words: palimpsest "How do tides work?"')
    if len(text) > LONGEST:
        raise BriefError(f"the question has {len(text)} characters; {LONGEST} is the most it may have")
    return text


def make_brief(question: str) -> Brief:
    """Brief of a question. Raises BriefError (see `clean`)."""
    text = clean(question)
    return Brief(text, title(text), parts(text))


def parts(question: str) -> tuple[str, ...]:
    """Sub-questions, at most PARTS: clauses with a question word of their own,
    and verbs joined after one subject ("How do stars form and die?")."""
    found: list[str] = []
    for clause in _SPLIT.split(question.rstrip("?!. ")):
        clause = clause.strip(" ,;?")
        if clause:
            found += _verbs_apart(clause)
    if len(found) > 1:
        topic = _topic(found[0])
        found = [p if i == 0 or not topic else _resolved(p, topic) for i, p in enumerate(found)]
    unique = list(dict.fromkeys(found))[:PARTS]
    return tuple(unique) if len(unique) > 1 else (question,)


def _verbs_apart(clause: str) -> list[str]:
    """ "How do stars form, evolve and die" as three questions; [clause] where that is not sure."""
    head = _HEAD.match(clause)
    if head is None:
        return [clause]
    opening, rest = head.groups()
    members = [m.strip() for m in re.split(r",\s+and\s+|,\s+|\s+and\s+", rest) if m.strip()]
    words = members[0].split()
    # One word beside verbs is a verb too: "form, linger and die".
    beside = words[-1].lower() in VERBS and members[-1].split()[0].lower() in VERBS
    alike = [m.split()[0].lower() in VERBS or (beside and len(m.split()) == 1) for m in members[1:]]
    if not alike or not all(alike):
        return [clause]
    at = _verb_at(opening.split()[-1], words)
    if at is None:
        at = len(words) - 1
    if at < 1:
        return [clause]
    subject = " ".join(words[:at])
    return [f"{opening} {members[0]}", *(f"{opening[0].lower()}{opening[1:]} {subject} {m}" for m in members[1:])]


def _verb_at(auxiliary: str, words: Sequence[str]) -> int | None:
    """Where the verb stands that belongs to an auxiliary before `words`: one of VERBS, "used" after "is", or what comes
    behind the plural that "do" asks of ("the kidneys filter blood"). None where no rule finds it."""
    inside = range(1, len(words))
    known = next((i for i in inside if words[i].lower() in VERBS), None)
    if known is None and auxiliary.lower() in ("is", "are", "was", "were"):
        return next((i for i in inside if words[i].lower().endswith("ed")), None)
    if known is None and auxiliary.lower() == "do":
        return next((i for i in inside if re.search(r"[^s]s$", words[i - 1])), None)
    return known


def _topic(first: str) -> str:
    """What the first sub-question is about: its last words, without verbs and question
    words; "" where its subject is no thing ("How do I ...")."""
    head = _HEAD.match(first) or _PLAIN_HEAD.match(first)
    words = (head[2] if head else re.sub(rf"^{_ASKS}\s+", "", first, flags=re.I)).split()
    if head:
        auxiliary = head[1].split()[-1].lower()
        at = _verb_at(auxiliary, words)
        if at is None and auxiliary in ("do", "does", "did"):  # of these a verb follows, whichever
            at = next((i for i, w in enumerate(words) if i and w.lower() in KNOWN_VERBS | {"do"}), None)
        words = words[:at]
    elif len(words) > 1:
        words = words[1:]  # the verb of "What causes unemployment"
    return "" if words and words[0].lower() in ("i", "we", "you", "one") else " ".join(words)


def _resolved(part: str, topic: str) -> str:
    """The sub-question with its first pronoun replaced by what it stands for."""
    return _PRONOUN.sub(lambda m: f"{topic}'s" if m[0].lower() in ("its", "their") else topic, part, count=1)


# --- title --------------------------------------------------------------------


def title(question: str) -> str:
    """A title of the question's own words: "How tides work", "A white dwarf";
    the question itself where its grammar is not plain."""
    text = question.rstrip("?!. ")
    clauses = [c.strip(" ,;") for c in _SPLIT.split(text)]
    made = [_statement(c) for c in clauses]
    if any(m is None for m in made):
        return _capital(text) + ("?" if question.endswith("?") else "")
    plain = [m for m in made if m]
    plain[1:] = [m[:1].lower() + m[1:] for m in plain[1:]]
    return _capital(" and ".join(filter(None, [", ".join(plain[:-1]), plain[-1]])))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _statement(clause: str) -> str | None:
    """The clause in the word order of a statement; None where that is not sure."""
    m = re.match(rf"({_ASKS})\s+(.+)", clause, re.I)
    if m is None:
        return None
    asks, rest = m[1], m[2]
    words = rest.split()
    first = words[0].lower()
    if first == "do":
        return f"{asks} {' '.join(words[1:])}"
    if first == "does":
        return _third_person(asks, words[1:])
    if first in ("is", "are", "was", "were"):
        plain = len(words) < 6 and not re.search(r"\b(?:and|used|for|to|by|when|if)\b", rest, re.I)
        if asks.lower() == "what" and plain:
            return " ".join(words[1:])
        if len(words) >= 3 and _PRONOUN.fullmatch(words[1]):  # "how is it measured"
            return f"{asks} {words[1]} {words[0]} {' '.join(words[2:])}"
        return None
    if first in ("did", "can", "could", "should", "would", "will", "may", "might", "has", "have", "had"):
        return None
    return clause  # "What causes unemployment"


def _third_person(asks: str, words: list[str]) -> str | None:
    """ "How does asyncio cancel a task and handle timeouts" -> "How asyncio cancels a task and handles timeouts"."""
    at = _verb_at("does", words)
    if at is None:
        return None
    out = list(words)
    out[at] = _inflected(words[at])
    for i in range(at + 1, len(words)):
        if words[i].lower() in VERBS and (words[i - 1].lower() == "and" or words[i - 1].endswith(",")):
            out[i] = _inflected(words[i])
    return f"{asks} {' '.join(out)}"


def _inflected(verb: str) -> str:
    word, tail = verb.rstrip(",;"), verb[len(verb.rstrip(",;")) :]
    if re.search(r"(?:s|x|z|ch|sh|o)$", word):
        return word + "es" + tail
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies" + tail
    return word + "s" + tail
