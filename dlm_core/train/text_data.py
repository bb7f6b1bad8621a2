"""Examples for the text scale, from documents: (declared context, sentence).

The main task is to edit evidence into a claim: keep a sentence that is already
clean, delete what clutters one, shorten one, join a sentence to the one its
pronoun points at. Every target is made of words of its evidence. Pairs of
evidence and a book's own summary sentence are taken only where at least
`COVERAGE` of the content words stand in the evidence: lower coverage teaches a
small model to invent.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

from dlm_core.prompt import BRIEF, CLAIM, HEADING, prompt
from dlm_core.segment import clean_inline, sentences, standalone
from dlm_core.tokenizer import FUNCTION_WORDS, TextTokenizer
from dlm_core.train.documents import Document, documents, shards
from dlm_core.train.edits import CONNECTIVE, PARENTHESIS, brief, clean, clutter

COVERAGE = 0.85
MAX_TARGET = 60  # tokens
MAX_CONTEXT = 224
PRONOUN = re.compile(
    r"^(?:It|They) "
    r"(?!(?:(?:is|was|seems|appears|would|should|could|may|can|might|takes?)\b.* (?:that|to|for|if)\b))[a-z]"
)
# Shares of the mix. Copying a clean sentence is the ground the edits stand on.
SHARES = {"keep": 0.28, "clean": 0.31, "brief": 0.21, "merge": 0.05, "summary": 0.06, "heading": 0.09}


@dataclass(frozen=True)
class Example:
    """context and target are token ids; room is the evidence length in tokens,
    from which the canvas length is drawn; task names the kind of edit."""

    context: list[int]
    target: list[int]
    room: int
    task: str


@dataclass(frozen=True)
class Raw:
    text: str
    target: str
    lead: str  # the evidence sentence the canvas length follows
    task: str


def content_words(text: str) -> set[str]:
    """Lower-case words that carry content, cut to seven letters as a crude stem."""
    return {w[:7] for w in re.findall(r"[a-z0-9][a-z0-9-]+", text.lower()) if w not in FUNCTION_WORDS}


def _sentences(paragraph: str) -> list[str]:
    paragraph = clean_inline(paragraph)
    return [paragraph[a:b] for a, b in sentences(paragraph)]


def _edits(doc: Document, rng: random.Random, extras: list[str]) -> list[Raw]:
    """Keep, clean, brief and merge examples of one document."""
    out = []
    for section in doc.sections:
        for paragraph in section.paragraphs:
            found = _sentences(paragraph)
            for i, s in enumerate(found):
                before = found[i - 1] if i else ""
                if (
                    PRONOUN.match(s)
                    and before
                    and not standalone(before)
                    and len(before.split()) + len(s.split()) <= 42
                ):
                    joined = f"{before.rstrip('.')}, and {s[0].lower()}{s[1:]}"
                    out.append(Raw(prompt(doc.title, section.heading, [before, s], CLAIM), joined, before + s, "merge"))
                tidy = clean(s)
                if standalone(tidy) or not 6 <= len(tidy.split()) <= 42:
                    continue
                evidence = [s]
                if rng.random() < 0.2 and before and before != s:
                    evidence.append(before)  # a second pointer that adds nothing: the first one leads
                short = brief(s)
                if tidy != s:
                    out.append(Raw(prompt(doc.title, section.heading, evidence, CLAIM), tidy, s, "clean"))
                    extras.extend(m.group(0).strip() for m in PARENTHESIS.finditer(s))
                    extras.extend(m.group(0).strip() for m in CONNECTIVE.finditer(s))
                else:
                    roll = rng.random()
                    if roll < 0.3:
                        evidence[0] = clutter(s, extras[-400:], rng.random())
                    task = "keep" if evidence[0] == s else "clean"
                    out.append(Raw(prompt(doc.title, section.heading, evidence, CLAIM), tidy, evidence[0], task))
                if short != tidy:
                    out.append(Raw(prompt(doc.title, section.heading, evidence[:1], BRIEF), short, s, "brief"))
    return out


def _headings(doc: Document, rng: random.Random) -> list[Raw]:
    """Headings whose words stand in their section's sentences or title."""
    out = []
    for section in doc.sections:
        name = section.heading.strip()
        if not name or not 1 <= len(name.split()) <= 9 or name.endswith(("?", ":", ".")):
            continue
        if name.isupper():
            name = name.capitalize() if len(name.split()) > 1 else name
        good = [s for p in section.paragraphs[:4] for s in _sentences(p) if not standalone(s) and len(s.split()) <= 36]
        if len(good) < 2:
            continue
        picked = [good[0], *rng.sample(good[1:], min(2, len(good) - 1))]
        words = content_words(name)
        if words and len(words & content_words(" ".join(picked))) >= 0.6 * len(words):
            out.append(Raw(prompt(doc.title, "", picked, HEADING), name, name, "heading"))
    return out


def _summaries(doc: Document) -> list[Raw]:
    """(evidence, summary sentence) pairs of high coverage."""
    pool = [
        (sec.heading, s) for sec in doc.sections for p in sec.paragraphs for s in _sentences(p) if len(s.split()) <= 45
    ]
    words = [content_words(s) for _, s in pool]
    out = []
    for paragraph in doc.summary:
        for target in _sentences(paragraph):
            want = content_words(target)
            if standalone(target) or not 6 <= len(target.split()) <= 40 or len(want) < 4:
                continue
            chosen: list[int] = []
            left = set(want)
            for _ in range(2):
                best = max(range(len(pool)), key=lambda i: len(words[i] & left) - 0.01 * len(words[i]), default=-1)
                if best < 0 or len(words[best] & left) < 2:
                    break
                chosen.append(best)
                left -= words[best]
            if chosen and len(left) <= (1 - COVERAGE) * len(want):
                evidence = [pool[i][1] for i in chosen]
                task = BRIEF if len(target) < 0.75 * sum(map(len, evidence)) else CLAIM
                out.append(
                    Raw(
                        prompt(doc.title, pool[chosen[0]][0], evidence, task), target, max(evidence, key=len), "summary"
                    )
                )
    return out


def build(
    data: Path,
    tokenizer: TextTokenizer,
    *,
    training: bool,
    limit: int,
    seed: int,
    folders: tuple[str, ...] = ("textbooks", "docs"),
) -> list[Example]:
    """About `limit` examples mixed by SHARES, drawn evenly over all shards.

    training=False reads the held-out shards instead. Raises DataError.
    """
    rng = random.Random(seed)
    extras: list[str] = []
    pools: dict[str, list[Raw]] = {task: [] for task in SHARES}
    files = shards(data, training=training, folders=folders)
    share = max(60, 3 * limit // len(files))  # no shard may dominate
    for file in files:
        mine: list[Raw] = []
        docs = list(documents(file))
        rng.shuffle(docs)
        for doc in docs:
            mine += _edits(doc, rng, extras) + _headings(doc, rng) + _summaries(doc)
            if len(mine) >= 2 * share and not (training and doc.summary):  # summary pairs are rare: look at every page
                break
        for task in SHARES:
            found = [r for r in mine if r.task == task]
            rng.shuffle(found)
            pools[task] += found if task == "summary" else found[: max(20, int(2 * share * SHARES[task]))]
    chosen: list[Raw] = []
    for task, part in SHARES.items():
        rng.shuffle(pools[task])
        chosen += pools[task][: int(part * limit)]
    rng.shuffle(chosen)
    contexts = tokenizer.encode_batch([r.text for r in chosen])
    targets = tokenizer.encode_batch([" " + r.target for r in chosen])
    leads = tokenizer.encode_batch([r.lead for r in chosen])
    return [
        Example(c, t, len(lead), r.task)
        for r, c, t, lead in zip(chosen, contexts, targets, leads, strict=True)
        if len(t) <= MAX_TARGET and len(c) <= MAX_CONTEXT
    ]
