"""Errors planted in true sentences: what a checker of claims must find, and true edits, which it must let pass.

Each plant is an edit of a sentence that its evidence says, made of words of
that evidence, so that nothing but the meaning gives it away. Plants and edits
are made by rules of this file alone, which share nothing with the product's own
checks.
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
BREAK = re.compile(r"(?:,|;|—| because| while| although| so that| when| which) ")
HEDGE = re.compile(
    r"(?:^|(?<= )|,) ?\b(?:usually|often|sometimes|generally|probably|perhaps|likely|possibly|in part|to some extent"
    r"|in (?:most|some|many|certain|rare) cases|almost|nearly|approximately|at least|at most|only|mainly|mostly|largely"
    r"|typically|rarely|some|many|most|may|might|could)\b,?(?= )",
    re.I,
)
# What is left must be a sentence that follows from the text, or a refusal of it would be no false alarm: a bracket that
# begins with "but" or "not" or is a hedge limits, "(sub)chapter" is one word, and after ", such as the H1N1 strain,"
# comes the sentence's own verb, as it does in a long last item: "such as wars and the slow pace of it explain".
TRIMS = (
    re.compile(
        r" \((?!(?:but|not|or not|and not|never|except|unless|until|if|only|though|although|without)\b)"
        r"(?!(?:partly|mostly|mainly|largely|usually|often|sometimes|typically|generally|nearly|almost)\))"
        r"[^()]{2,80}(?<!\bonly)\)(?!\w)"
    ),
    re.compile(
        r"^(?:However|Therefore|Thus|Moreover|Furthermore|Finally|For example|In fact|In addition|Of course|As a result"
        r"|Also|Indeed), "
    ),
    re.compile(r", (?:however|therefore|of course|for example|in fact|in turn|then),"),
    re.compile(r", (?:which|who|where) [^,;]{8,120}(?=\.$)"),
    re.compile(
        r",? (?<![;:] )(?<!than )(?:such as|including) "
        r"(?!.* (?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should|does|do|did)\b)"
        r"(?:[^,.;]{4,120}|(?:[^,.;]+, )+(?:and|or) [^ ,.;]+(?: [^ ,.;]+){0,3})(?=\.$)"
    ),
    re.compile(
        r",? (?<!and )(?<!or )(?<!both )(?<!not )(?<!only )(?<!ly )"
        r"(?:because|although|whereas|while) [^,;.]{8,120}(?=\.$)"
    ),
)
SHORTEST = 4  # characters of a phrase that is moved


@dataclass(frozen=True)
class Plant:
    """kind: number | name | negation (one token is wrong), exchange | attribute | splice (true words, wrongly joined)
    or hedge (what was said of some is said of all). `at` is the span of the wrong words in `text`."""

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


def splice(text: str, evidence: list[str], rng: random.Random) -> Plant | None:
    """The beginning of the text with the end of another sentence of the evidence, both parted where a phrase begins."""
    other = next((e for e in evidence if e != text), "")
    heads, tails = list(BREAK.finditer(text)), list(BREAK.finditer(other))
    if not heads or not tails:
        return None
    head, tail = text[: rng.choice(heads).start()], other[rng.choice(tails).start() :]
    if not 6 <= len((head + tail).split()) <= 40 or head + tail in (text, other):
        return None
    return Plant("splice", head + tail, (len(head), len(head) + len(tail)))


def hedge(text: str, evidence: list[str], rng: random.Random) -> Plant | None:
    """A word gone that says how far the sentence holds: the span is what follows it."""
    found = list(HEDGE.finditer(text))
    if not found:
        return None
    where = rng.choice(found)
    head, tail = text[: where.start()].rstrip(), text[where.end() :].lstrip()
    out = f"{head} {tail}" if head else tail[0].upper() + tail[1:]
    start = len(head) + bool(head)
    return Plant("hedge", out, (start, start + len(tail.split()[0])))


def trims(text: str) -> list[str]:
    """True edits of a text: without a parenthesis, a connective, an aside, or what its main clause can do without."""
    out = []
    for rule in TRIMS:
        left = rule.sub("", text, count=1)
        if left != text and text.endswith(left):  # the beginning went
            left = left[:1].upper() + left[1:]
        whole = left.count("(") == left.count(")")  # what began in a bracket went on behind it
        if left != text and whole and len(left.split()) > SHORTEST:
            out.append(left)
    return out


TOKEN_PLANTS = (number, name, negation)
RECOMBINATIONS = (exchange, attribute, splice)
OMISSIONS = (hedge,)
