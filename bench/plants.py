"""Errors planted in true sentences: what a checker of claims must find.

Each plant is an edit of a sentence that its evidence says, made of words of
that evidence, so that nothing but the meaning gives it away. They are made by
rules of this file alone, which share nothing with the product's own checks.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w])")
NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")
NEGATION = re.compile(r"\b(?:not|never|cannot) ?")
VERB = re.compile(r" (is|are|was|were|causes?|produces?|becomes?|leads? to|affects?|requires?|contains?|includes?) ")
ATTRIBUTE = re.compile(r"\b(?:the|a|an|more|most|very) ([a-z]{4,}(?:al|ive|ous|ic|ed|ful|ary|ant|ent)) (?=[a-z]{4,})")
SHORTEST = 4  # characters of a phrase that is moved


@dataclass(frozen=True)
class Plant:
    """kind: number | name | negation (one token is wrong) or exchange | attribute (true words, wrongly joined).
    `at` is the span of the wrong words in `text`."""

    kind: str
    text: str
    at: tuple[int, int]


def number(text: str, evidence: list[str], rng: random.Random) -> Plant | None:
    """A number of the text swapped for another one of the evidence."""
    return _swap("number", NUMBER, text, evidence, rng)


def name(text: str, evidence: list[str], rng: random.Random) -> Plant | None:
    """A name of the text swapped for another one of the evidence."""
    return _swap("name", NAME, text, evidence, rng)


def _swap(kind: str, rule: re.Pattern[str], text: str, evidence: list[str], rng: random.Random) -> Plant | None:
    found = list(rule.finditer(text))
    others = sorted({m.group() for e in evidence for m in rule.finditer(e)})
    pairs = [(m, o) for m in found for o in others if o != m.group() and o not in text]
    if not pairs:
        return None
    where, other = rng.choice(pairs)
    return Plant(kind, text[: where.start()] + other + text[where.end() :], (where.start(), where.start() + len(other)))


def negation(text: str, evidence: list[str], rng: random.Random) -> Plant | None:
    """A "not" gone: the span is the word after it."""
    found = list(NEGATION.finditer(text))
    if not found:
        return None
    where = rng.choice(found)
    stay = "can " if where.group().startswith("cannot") else ""
    out = text[: where.start()] + stay + text[where.end() :]
    after = re.match(r"\w+", out[where.start() :])
    return Plant("negation", out, (where.start(), where.start() + (after.end() if after else 1)))


def exchange(text: str, evidence: list[str], rng: random.Random) -> Plant | None:
    """Subject and object change places around the verb."""
    body = text.rstrip(".")
    found = [m for m in VERB.finditer(body) if "," not in body[: m.start()]]
    if not found:
        return None
    verb = found[0]
    subject, thing = body[: verb.start()], body[verb.end() :]
    end = re.search(r",| (?:and|but|that|which|because|when|if|so|who|by|in|of|from|to|for|with) ", thing)
    head, rest = (thing[: end.start()], thing[end.start() :]) if end else (thing, "")
    if min(len(subject), len(head)) < SHORTEST or len(subject.split()) > 8 or len(head.split()) > 8:
        return None
    lower = subject if re.match(r"[A-Z][\w]*[A-Z]|I\b", subject) else subject[0].lower() + subject[1:]
    out = f"{head[0].upper()}{head[1:]}{verb.group()}{lower}{rest}."
    return None if out == text else Plant("exchange", out, (0, len(out) - len(rest)))


def attribute(text: str, evidence: list[str], rng: random.Random) -> Plant | None:
    """An adjective of another sentence of the evidence in place of the text's own."""
    own = list(ATTRIBUTE.finditer(text))
    others = sorted({m.group(1) for e in evidence for m in ATTRIBUTE.finditer(e)} - set(re.findall(r"[a-z]+", text)))
    if not own or not others:
        return None
    where, other = rng.choice(own), rng.choice(others)
    a, b = where.span(1)
    return Plant("attribute", text[:a] + other + text[b:], (a, a + len(other)))


TOKEN_PLANTS = (number, name, negation)
RECOMBINATIONS = (exchange, attribute)
