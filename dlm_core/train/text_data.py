"""Examples for the text scale, from documents: (declared context, evidence, sentence).

The main task is to edit evidence into a claim: keep a sentence that is already
clean, delete what clutters one, shorten one, join a sentence to the one its
pronoun points at, give a sentence the subject its pronoun stands for. Every
target is made of words of its evidence, and what deletes must pass the check
that claims pass (dlm_core/support.py). Pairs of evidence and a book's own
summary sentence are taken only where at least `COVERAGE` of the content words
stand in the evidence: lower coverage teaches a small model to invent.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from dlm_core.boundaries import sentences
from dlm_core.clutter import CONNECTIVE, PARENTHESIS, clean
from dlm_core.facts import unsupported
from dlm_core.inline import clean_inline
from dlm_core.prompt import BRIEF, CLAIM, HEADING, prompt
from dlm_core.standalone import standalone
from dlm_core.support import problems
from dlm_core.tokenizer import FUNCTION_WORDS, TextTokenizer
from dlm_core.train.documents import Document, documents, shards
from dlm_core.train.draws import MAX_CANVAS, Example
from dlm_core.train.edits import brief, clutter, unnamed

COVERAGE = 0.9
MAX_TARGET = 60  # tokens
MAX_CONTEXT = 224
PRONOUN = re.compile(
    r"^(?:It|They) "
    r"(?!(?:(?:is|was|seems|appears|would|should|could|may|can|might|takes?)\b.* (?:that|to|for|if)\b))[a-z]"
)
# A compound as an author wrote it: taken apart at ", and it", its halves are two sentences that were one.
COMPOUND = re.compile(r"^(?P<first>[A-Z][^;:()]{20,}?), and (?P<pronoun>it|they) (?P<rest>[a-z][^;:()]{10,}\.)$")
# Shares of the mix. A clean sentence that stays as it is is the ground the edits stand on.
SHARES = {"keep": 0.18, "clean": 0.26, "brief": 0.28, "merge": 0.08, "named": 0.06, "summary": 0.06, "heading": 0.08}
ALIKE = 0.5  # of a summary sentence's tokens that stand in its evidence in order, for an edit to be told from a rewrite


@dataclass(frozen=True)
class Raw:
    text: str
    target: str
    lead: str  # the evidence the canvas starts from; "" where it starts from noise
    task: str


def content_words(text: str) -> set[str]:
    """Lower-case words that carry content, cut to seven letters as a crude stem."""
    return {w[:7] for w in re.findall(r"[a-z0-9][a-z0-9-]+", text.lower()) if w not in FUNCTION_WORDS}


def _sentences(paragraph: str) -> list[str]:
    paragraph = clean_inline(paragraph)
    return [paragraph[a:b] for a, b in sentences(paragraph)]


def parted(sentence: str) -> list[str]:
    """The two sentences that a compound joins, the second opened by its pronoun; [] where it is none."""
    found = COMPOUND.match(sentence)
    second = f"{found['pronoun'].capitalize()} {found['rest']}" if found else ""
    return [f"{found['first']}.", second] if found and PRONOUN.match(second) else []


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
                    pair = f"{before} {s}"
                    out.append(Raw(prompt(doc.title, section.heading, [before, s], CLAIM), joined, pair, "merge"))
                if before and (bare := unnamed(s, before)):
                    out.append(Raw(prompt(doc.title, section.heading, [bare, before], CLAIM), s, bare, "named"))
                if (parts := parted(s)) and not standalone(parts[0]) and len(s.split()) <= 42:
                    out.append(Raw(prompt(doc.title, section.heading, parts, CLAIM), s, " ".join(parts), "merge"))
                tidy = clean(s)
                if standalone(tidy) or not 6 <= len(tidy.split()) <= 42:
                    continue
                evidence = [s]
                if rng.random() < 0.2 and before and before != s:
                    evidence.append(before)  # a second pointer that adds nothing: the first one leads
                short = brief(s)
                if tidy != s and not problems(tidy, [s]):
                    out.append(Raw(prompt(doc.title, section.heading, evidence, CLAIM), tidy, s, "clean"))
                    extras.extend(m.group(0).strip() for m in PARENTHESIS.finditer(s))
                    extras.extend(m.group(0).strip() for m in CONNECTIVE.finditer(s))
                elif tidy == s:
                    roll = rng.random()
                    if roll < 0.45:
                        evidence[0] = clutter(s, extras[-400:], rng)
                    task = "keep" if evidence[0] == s else "clean"
                    out.append(Raw(prompt(doc.title, section.heading, evidence, CLAIM), tidy, evidence[0], task))
                if short == tidy == s:
                    out.append(Raw(prompt(doc.title, section.heading, evidence[:1], BRIEF), s, evidence[0], "keep"))
                elif short != tidy and not problems(short, [s]):
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
            out.append(Raw(prompt(doc.title, "", picked, HEADING), name, "", "heading"))
    return out


@dataclass(frozen=True)
class Pair:
    """A summary sentence and the one or two sentences of its page that hold its words."""

    title: str
    heading: str
    evidence: list[str]
    target: str
    covered: float  # share of the target's content words that stand in the evidence
    page: tuple[tuple[str, str], ...] = ()  # heading and text of each sentence of the page, as far as it is not long


def summary_pairs(doc: Document) -> Iterator[Pair]:
    """The sentences of a document's summary with the evidence that covers them best, whatever it covers."""
    pool = [
        (sec.heading, s) for sec in doc.sections for p in sec.paragraphs for s in _sentences(p) if len(s.split()) <= 45
    ]
    words = [content_words(s) for _, s in pool]
    page = tuple(pool)
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
            if chosen:
                evidence = [pool[i][1] for i in chosen]
                yield Pair(doc.title, pool[chosen[0]][0], evidence, target, 1 - len(left) / len(want), page)


def _summaries(doc: Document) -> list[Raw]:
    """(evidence, summary sentence) pairs of high coverage."""
    out = []
    for pair in summary_pairs(doc):
        target, evidence = pair.target, pair.evidence
        if pair.covered >= COVERAGE and not unsupported(target, evidence):
            task = BRIEF if len(target) < 0.75 * sum(map(len, evidence)) else CLAIM
            lead = max(evidence, key=lambda e: _alike(e, target))
            text = prompt(doc.title, pair.heading, evidence, task)
            out.append(Raw(text, target, lead if _alike(lead, target) >= ALIKE else "", "summary"))
    return out


def _alike(evidence: str, target: str) -> float:
    """Share of the target's words that stand in the evidence in the same order."""
    a, b = evidence.split(), target.split()
    return sum(m.size for m in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()) / len(b)


def _of_shard(file: Path, *, seed: int, share: int, every: bool) -> dict[str, list[Raw]]:
    """Examples of one file by task, about `share` of them. every: look at all pages with a summary, whose pairs are
    rare."""
    rng = random.Random(f"{seed}/{file.name}")
    extras: list[str] = []
    mine: list[Raw] = []
    docs = list(documents(file))
    rng.shuffle(docs)
    for doc in docs:
        mine += _edits(doc, rng, extras) + _headings(doc, rng) + _summaries(doc)
        if len(mine) >= 2 * share and not (every and doc.summary):
            break
    pools: dict[str, list[Raw]] = {}
    for task, part in SHARES.items():
        found = [r for r in mine if r.task == task]
        rng.shuffle(found)
        pools[task] = found if task == "summary" else found[: max(20, int(2 * share * part))]
    return pools


def build(
    data: Path,
    tokenizer: TextTokenizer,
    *,
    training: bool,
    limit: int,
    seed: int,
    folders: tuple[str, ...] = ("textbooks", "docs"),
    workers: int = 1,
) -> list[Example]:
    """About `limit` examples mixed by SHARES, drawn evenly over all shards, the same with any number of `workers`.

    training=False reads the held-out shards instead. Raises DataError.
    """
    files = shards(data, training=training, folders=folders)
    share = max(60, 3 * limit // len(files))  # no shard may dominate
    taken = partial(_of_shard, seed=seed, share=share, every=training)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if workers > 1 else nullcontext() as pool:
        found = list(pool.map(taken, files) if pool else map(taken, files))
    pools = {task: [raw for shard in found for raw in shard[task]] for task in SHARES}
    rng = random.Random(seed)
    chosen: list[Raw] = []
    for task, part in SHARES.items():
        rng.shuffle(pools[task])
        chosen += pools[task][: int(part * limit)]
    rng.shuffle(chosen)
    contexts = tokenizer.encode_batch([r.text for r in chosen])
    targets = tokenizer.encode_batch([" " + r.target for r in chosen])
    leads = tokenizer.encode_batch([" " + r.lead if r.lead else "" for r in chosen])
    return [
        Example(c, t, lead, len(lead) or len(t), r.task)
        for r, c, t, lead in zip(chosen, contexts, targets, leads, strict=True)
        if len(t) <= MAX_TARGET and len(c) <= MAX_CONTEXT and len(lead) <= MAX_CANVAS - 8
    ]
