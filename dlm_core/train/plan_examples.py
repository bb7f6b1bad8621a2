"""Plan examples drawn from pages: a question, a pool with distractors, a gold plan.

One to three related pages answer the question; their sections (or the pages
themselves) become the plan's sections, in book order, so that what is basic
comes first. A section's claims are the sentences that cover the page's summary
or glossary, and otherwise the ones nearest to their section and the question.
The rest of those pages and runs of sentences of the pages nearest to the
question are the distractors. See plan_data.py for where pages come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dlm_core.canvas import Kind
from dlm_core.plan_features import feature_matrix
from dlm_core.planning import Plan, compact, symbols
from dlm_core.train.plan_data import LEFT_OUT, VAGUE, Group, Page, PlanDataError

if TYPE_CHECKING:
    from dlm_core.train.plan_books import Book

MAX_SLOTS = 32
SECTIONS = (3, 5)
CLAIMS = (2, 5)
POOL = (24, 96)
TWIN = 0.86  # cosine over which two sentences say nearly the same
_DEFINING = 4  # a sentence this early in its section often defines its subject


@dataclass(frozen=True)
class Example:
    """One question with M pieces of evidence. `part` (M,) names the gold page's section a row stands in, -1 for
    distractors; `covers` (M,) how well a row covers the page's summary or glossary; `page` (M,) numbers the pages,
    those that answer first, and `place` (M,) is the offset in them; `plan` points at rows, in the order of the book."""

    asked: str
    question: np.ndarray  # (384,)
    vectors: np.ndarray  # (M, 384)
    features: np.ndarray  # (M, F)
    texts: list[str]
    titles: list[str]  # of the page that each row is of
    part: np.ndarray
    covers: np.ndarray
    page: np.ndarray
    place: np.ndarray
    plan: Plan


class Corpus:
    """Groups with what drawing examples needs: the centre of every page, and which group it belongs to."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = [g for g in groups if not LEFT_OUT.search(g.file)]
        self.pages: list[Page] = [p for g in self.groups for p in g.pages]
        self.owner = np.array([i for i, g in enumerate(self.groups) for _ in g.pages])
        if not self.pages:
            raise PlanDataError(
                "no documents to plan from: does the folder hold textbooks/ and docs/ with .jsonl.gz files?"
            )
        centres = np.stack([p.vectors.mean(0) for p in self.pages])
        self.centres = centres / np.linalg.norm(centres, axis=1, keepdims=True)
        self.first = {id(p): i for i, p in enumerate(self.pages)}
        self.books: dict[str, Book] = {}  # by file, where questions are put to whole ones (plan_books.shelve)


def question_of(group: Group, random: np.random.Generator) -> tuple[str, np.ndarray, list[Page]]:
    """(text, vector, gold pages): one page's own question, or one over two or three pages of the group."""
    pages = group.pages
    if len(pages) > 1 and random.random() < 0.45:
        pairs = min(len(pages) - 1, 6)
        whole = len(group.questions) - pairs
        if whole > 0 and random.random() < 0.5:
            at = int(random.integers(whole))
            near = np.array([float((p.vectors @ group.asked[at]).mean()) for p in pages])
            chosen = np.sort(np.argsort(-near)[: int(random.integers(2, 4))])
            return group.questions[at], group.asked[at], [pages[i] for i in chosen]
        if len(group.questions) == whole + pairs:
            i = int(random.integers(pairs))
            return group.questions[whole + i], group.asked[whole + i], pages[i : i + 2]
    page = pages[int(random.integers(len(pages)))]
    if not page.questions or VAGUE.match(page.title):
        centre = page.vectors.mean(0)
        return page.title, centre / np.linalg.norm(centre), [page]
    at = int(random.integers(len(page.questions)))
    return page.questions[at], page.asked[at], [page]


def _parts(page: Page, by_page: bool) -> list[np.ndarray]:
    """Rows of a page in runs that can be a section: by heading, a run of paragraphs where headings are too few."""
    if by_page:
        return [np.arange(len(page.texts))]
    runs = [np.flatnonzero(page.section == s) for s in dict.fromkeys(page.section.tolist())]
    if len(runs) <= 2:
        cut: list[np.ndarray] = []
        for rows in runs:
            pieces = max(1, min(4, len(rows) // 6))
            cut += [r for r in np.array_split(rows, pieces) if len(r)]
        runs = cut
    return [r for r in runs if len(r) >= CLAIMS[0]]


def sentence_scores(page: Page, rows: np.ndarray, question: np.ndarray) -> np.ndarray:
    """(len(rows),) how well a sentence serves a report on `question`: summary cover, closeness, early definition."""
    vectors = page.vectors[rows]
    centre = vectors.mean(0)
    centre /= max(float(np.linalg.norm(centre)), 1e-6)
    early = np.zeros(len(rows))
    early[:_DEFINING] = np.linspace(0.12, 0.03, min(_DEFINING, len(rows)))[: len(rows)]
    near = 0.9 * (vectors @ question) + 0.7 * (vectors @ centre)
    return page.cover[rows] + near + early + 0.05 * page.first[rows]


def gold_sections(
    pages: list[Page],
    question: np.ndarray,
    random: np.random.Generator,
    within: Mapping[int, np.ndarray] | None = None,
) -> list[tuple[int, np.ndarray]]:
    """[(page number, rows of its claims in reading order)] of the gold plan, in book order; of each page only the
    rows that `within` allows, (n,) bool by id(page), where it is given."""
    by_page = len(pages) > 2 or (len(pages) == 2 and random.random() < 0.5)
    found: list[tuple[float, int, np.ndarray]] = []
    for number, page in enumerate(pages):
        for rows in _parts(page, by_page):
            if within is not None:
                rows = rows[within[id(page)][rows]]
                if len(rows) < CLAIMS[0]:
                    continue
            scores = sentence_scores(page, rows, question)
            summed = int((page.cover[rows] > 0).sum())
            count = int(np.clip(max(summed, round(len(rows) * 0.45), min(3, len(rows))), *CLAIMS))
            kept: list[int] = []
            for i in np.argsort(-scores):
                twin = kept and float((page.vectors[rows[kept]] @ page.vectors[rows[i]]).max()) > TWIN
                if not twin:
                    kept.append(int(i))
                if len(kept) == count:
                    break
            if len(kept) >= CLAIMS[0]:
                worth = float(np.mean(np.sort(scores[kept])[-2:])) + 0.05 * len(kept)
                found.append((worth, number, rows[np.sort(kept)]))
    # The sections that answer best, at most five, back in book order.
    best = sorted(range(len(found)), key=lambda i: -found[i][0])[: SECTIONS[1]]
    if len(best) > SECTIONS[0]:
        floor = found[best[0]][0] * 0.72
        best = [i for n, i in enumerate(best) if n < SECTIONS[0] or found[i][0] >= floor]
    return [(found[i][1], found[i][2]) for i in sorted(best)]


def build(
    corpus: Corpus, asked: str, question: np.ndarray, pages: list[Page], random: np.random.Generator, size: int
) -> Example | None:
    """The example of a question that `pages` answer, with a pool of about `size`; None where they give no section."""
    sections = gold_sections(pages, question, random)
    if not sections:
        return None
    rows: list[tuple[Page, int]] = [(pages[n], int(r)) for n, gold in sections for r in gold]
    seen = {(id(p), r) for p, r in rows}
    share = random.uniform(0.25, 1.0)
    for page in pages:  # whole paragraphs of the gold pages, as retrieval would bring them
        for paragraph in random.permutation(np.unique(page.paragraph)):
            if random.random() < share and len(rows) < size * 0.75:
                members = np.flatnonzero(page.paragraph == paragraph).tolist()
                rows += [(page, r) for r in members if (id(page), r) not in seen]
    rows += _distractors(corpus, pages, question, size - len(rows), random)
    return example(asked, question, pages, sections, rows, random)


def example(
    asked: str,
    question: np.ndarray,
    pages: list[Page],
    sections: list[tuple[int, np.ndarray]],
    rows: list[tuple[Page, int]],
    random: np.random.Generator,
) -> Example:
    """The example whose pool is `rows`, (page, row) with those of the gold `sections` first, in a random order."""
    order = random.permutation(len(rows))
    rank = np.empty(len(rows), int)
    rank[order] = np.arange(len(rows))
    picked = [rows[i] for i in order]
    vectors = np.stack([p.vectors[r] for p, r in picked])
    plan = _gold_plan(sections, rank, vectors, [(p.id, int(p.paragraph[r])) for p, r in picked])
    numbers = {id(p): i for i, p in enumerate(pages)}
    every = {n: i for i, n in enumerate(dict.fromkeys([*numbers, *(id(p) for p, _ in picked)]))}
    told = _origins(picked, pages, random)
    features = feature_matrix(question, vectors, asked=asked, seed=int(random.integers(2**31)), **told)
    return Example(
        asked,
        question,
        vectors,
        features,
        [p.texts[r] for p, r in picked],
        [p.title for p, _ in picked],
        np.array([numbers[id(p)] * 1000 + int(p.section[r]) if id(p) in numbers else -1 for p, r in picked]),
        np.array([float(p.cover[r]) if id(p) in numbers else 0.0 for p, r in picked]),
        np.array([every[id(p)] for p, _ in picked]),
        np.array([int(p.start[r]) for p, r in picked]),
        plan,
    )


def _distractors(
    corpus: Corpus, pages: list[Page], question: np.ndarray, wanted: int, random: np.random.Generator
) -> list[tuple[Page, int]]:
    """Runs of one to six sentences, mostly from the pages nearest to the question, some from anywhere."""
    found: list[tuple[Page, int]] = []
    gold = {corpus.first[id(p)] for p in pages if id(p) in corpus.first}
    near = [int(i) for i in np.argsort(-(corpus.centres @ question))[:24] if int(i) not in gold]
    near = [int(i) for i in random.permutation(near)[: int(random.integers(1, 14))]]
    for _ in range(200):
        if len(found) >= wanted or not near:
            break
        at = int(random.integers(len(corpus.pages))) if random.random() < 0.1 else near[int(random.integers(len(near)))]
        if at in gold:
            continue
        page = corpus.pages[at]
        best = page.vectors @ question + 0.25 * random.standard_normal(len(page.texts))
        start = int(best.argmax())
        run = range(start, min(start + int(random.integers(1, 7)), len(page.texts)))
        found += [(page, r) for r in run if all(p is not page or q != r for p, q in found)]
    return found[: max(wanted, 0)]


def _origins(picked: list[tuple[Page, int]], pages: list[Page], random: np.random.Generator) -> dict[str, list]:
    """Sources, headings and places as the model is told them. Some gold pages are dealt out over several
    sources and some headings are hidden, so that sections are found by subject and not by where a row stood."""
    split = random.random() < 0.3
    blind = random.random() < 0.35
    deal = int(random.integers(2, 5))
    salt = int(random.integers(2**31))
    sources, headings = [], []
    for page, r in picked:
        spread = split and any(page is p for p in pages)
        sources.append(f"{page.id}/{hash((salt, int(page.paragraph[r]))) % deal}" if spread else page.id)
        headings.append("" if blind else page.headings[r])
    return {
        "sources": sources,
        "headings": headings,
        "starts": [int(p.start[r]) for p, r in picked],
        "opens": [bool(p.first[r]) for p, r in picked],
        "texts": [p.texts[r] for p, r in picked],
    }


def _gold_plan(
    sections: list[tuple[int, np.ndarray]], rank: np.ndarray, vectors: np.ndarray, places: list[tuple[str, int]]
) -> Plan:
    kinds: list[Kind] = []
    pointers: list[tuple[int, ...]] = []
    total = sum(len(gold) for _, gold in sections)
    taken = set(rank[:total].tolist())
    twins = vectors @ vectors.T
    at = 0
    for _, gold in sections:
        if len(kinds) + 1 + len(gold) > MAX_SLOTS:
            break
        kinds.append(Kind.SECTION)
        pointers.append(())
        for _ in gold:
            row = int(rank[at])
            at += 1
            # The same thing said at another place makes a second witness.
            close = np.flatnonzero(twins[row] > TWIN - 0.06).tolist()
            others = [i for i in close if i not in taken and places[i] != places[row]]
            second = max(others, key=lambda i: twins[row, i], default=None)
            kinds.append(Kind.CLAIM)
            pointers.append((row,) if second is None else (row, int(second)))
            if second is not None:
                taken.add(int(second))
    return Plan(kinds, pointers, [1.0] * len(kinds))


@dataclass(frozen=True)
class Batch:
    """B examples as tensors: what `Planner.forward` takes, clean symbols (B, N * 4), slots that must stay visible
    (B, N) bool, and which evidence the gold plan uses (B, M) bool."""

    brief: Tensor
    evidence: Tensor
    features: Tensor
    present: Tensor
    clean: Tensor
    size: Tensor
    fixed: Tensor
    used: Tensor

    def twice(self) -> Batch:
        """(2B, ...): the batch and once more, for a mask and its inverse."""
        return Batch(*(torch.cat([v, v]) for v in vars(self).values()))


def collate(examples: list[Example], random: np.random.Generator) -> Batch:
    """Pad to the largest pool; one slot count for the batch, some plans with LINK slots among their claims,
    half of them told how many claims and sections to plan."""
    plans = [_with_links(e.plan, random) for e in examples]
    slots = int(random.integers(max(len(p.kinds) for p in plans), MAX_SLOTS + 1))
    many = max(len(e.texts) for e in examples)
    batch = len(examples)
    evidence = torch.zeros(batch, many, examples[0].vectors.shape[1])
    features = torch.zeros(batch, many, examples[0].features.shape[1])
    present = torch.zeros(batch, many, dtype=torch.bool)
    used = torch.zeros(batch, many, dtype=torch.bool)
    fixed = torch.zeros(batch, slots, dtype=torch.bool)
    size = torch.zeros(batch, 2, dtype=torch.long)
    clean = []
    for b, (e, p) in enumerate(zip(examples, plans, strict=True)):
        m = len(e.texts)
        evidence[b, :m] = torch.from_numpy(e.vectors)
        features[b, :m] = torch.from_numpy(e.features)
        present[b, :m] = True
        used[b, p.claims()] = True
        pad = slots - len(p.kinds)
        full = Plan([*p.kinds, *[Kind.EMPTY] * pad], [*p.pointers, *[()] * pad], [1.0] * slots)
        fixed[b, [i for i, k in enumerate(full.kinds) if k == Kind.LINK]] = True
        clean.append(symbols(full, slots))
        if random.random() < 0.5:
            size[b, 0] = p.kinds.count(Kind.CLAIM)
        if random.random() < 0.5:
            size[b, 1] = p.kinds.count(Kind.SECTION)
    brief = torch.from_numpy(np.stack([e.question for e in examples]))
    return Batch(brief, evidence, features, present, torch.stack(clean), size, fixed, used)


def _with_links(plan: Plan, random: np.random.Generator) -> Plan:
    if random.random() > 0.15:
        return plan
    kinds, pointers = [], []
    for kind, points in zip(plan.kinds, plan.pointers, strict=True):
        kinds.append(kind)
        pointers.append(points)
        if kind == Kind.CLAIM and random.random() < 0.15:
            kinds.append(Kind.LINK)
            pointers.append(())
    if len(kinds) > MAX_SLOTS:
        return plan
    return replace(plan, kinds=kinds, pointers=pointers, confidence=[1.0] * len(kinds))


# --- figures -----------------------------------------------------------------------------------------------------


def set_f1(found: Sequence[int], gold: Sequence[int]) -> float:
    """F1 of two sets of evidence rows, 0..1."""
    a, b = set(found), set(gold)
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0


def coherence(plan: Plan, part: np.ndarray) -> tuple[int, int]:
    """(pairs from one gold section, pairs) over adjacent first pointers inside each planned section."""
    same = pairs = 0
    firsts: list[int] = []
    for kind, points in zip(compact(plan).kinds, compact(plan).pointers, strict=True):
        if kind == Kind.SECTION:
            firsts = []
        elif kind == Kind.CLAIM and points:
            if firsts:
                pairs += 1
                same += int(part[firsts[-1]] == part[points[0]] >= 0)
            firsts.append(points[0])
    return same, pairs
