"""A question becomes a brief: cleaned, titled and taken apart into sub-questions (agent/splitting.py).

By rules, not by a model: a brief must be the same in every run, and the words
of the user must not be changed into what they did not ask.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from agent.splitting import ASKS, AUX, DEGREE, PRONOUN, SPLIT, VERBS, parts, verb_at
from dlm_core.phrases import capital

LONGEST = 400  # characters; the sentence model reads 256 word pieces


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


# --- title --------------------------------------------------------------------


def title(question: str) -> str:
    """A title of the question's own words: "How tides work", "A white dwarf";
    the question itself where its grammar is not plain."""
    text = question.rstrip("?!. ")
    clauses = [c.strip(" ,;") for c in SPLIT.split(text)]
    made = [_statement(c) for c in clauses]
    if not all(made):
        return capital(text) + ("?" if question.endswith("?") else "")
    plain = [m for m in made if m]
    plain[1:] = [m[:1].lower() + m[1:] for m in plain[1:]]
    return capital(" and ".join(filter(None, [", ".join(plain[:-1]), plain[-1]])))


def _statement(clause: str) -> str | None:
    """The clause in the word order of a statement; None where that is not sure."""
    m = re.match(rf"({ASKS})\s+(.+)", clause, re.I)
    if m is None:
        return None
    asks, rest = m[1], m[2]
    words = rest.split()
    first = words[0].lower()
    if asks.lower() == "how" and re.match(rf"{DEGREE}\b.*\s{AUX}\s", rest, re.I):
        return None  # "how long does protection last"
    if first == "do" and len(words) > 2 and words[1].lower() in ("i", "we", "you"):
        return None if asks.lower() == "why" else f"{asks} to {' '.join(words[2:])}"  # "How to roll back a Deployment"
    if first == "do":
        return f"{asks} {' '.join(words[1:])}"
    if first == "does":
        return _third_person(asks, words[1:])
    if first in ("is", "are", "was", "were"):
        plain = len(words) < 6 and not re.search(r"\b(?:and|used|for|to|by|when|if)\b", rest, re.I)
        if asks.lower() == "what" and plain:
            return " ".join(words[1:])
        if len(words) >= 3 and PRONOUN.fullmatch(words[1]):  # "how is it measured"
            return f"{asks} {words[1]} {words[0]} {' '.join(words[2:])}"
        return None
    if first in ("did", "can", "could", "should", "would", "will", "may", "might", "has", "have", "had"):
        return None
    if re.search(rf"\s(?:do|does|did)\s|\s{AUX}\s+{PRONOUN.pattern}", rest, re.I):
        return None  # "What role does the Moon play", "how safe is it"
    # "What causes unemployment", "What kinds of tea there are"
    return re.sub(rf"\s({AUX})\s+there\b", r" there \1", clause, flags=re.I)


def _third_person(asks: str, words: list[str]) -> str | None:
    """ "How does asyncio cancel a task and handle timeouts" -> "How asyncio cancels a task and handles timeouts"."""
    at = verb_at("does", words)
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
