"""Plan examples from documents: pages with vectors, gold plans, pools.

A document becomes a `Page`: its standalone sentences with their vectors, the
section each stands in, and how well each covers the page's own summary and
glossary. Pages of one chapter (or neighbours in one manual) form a `Group`.
Pages are embedded once and kept in shards on disk; examples are drawn from
them anew at every step, so that the same page meets different questions,
companions and distractors.

Anchors an example carries: title or heading or objective (the question),
sections and their order (the SECTION slots), summary and glossary (which
sentences are claims), chapter (which pages belong together).
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from dlm_core import segment
from dlm_core.boundaries import sentences
from dlm_core.embed import Embedder
from dlm_core.stems import stems

# Formulas without their symbols, dictionaries and narratives have no plan to learn from.
LEFT_OUT = re.compile(
    r"/se-|algebra|precalculus|contemporary-mathematics|foldoc|vera|wordnet|gcide|jargon|factbook|abstracts"
)
PERMITTED = re.compile(r"^(CC0|CC[ -]BY|(US )?public domain|BSD|MIT|Apache|PostgreSQL|PSF|ISC)", re.I)
RESTRICTED = re.compile(r"GPL|GFDL|GNU|-N[CD]\b", re.I)
HELD_OUT = ("textbooks/introduction-sociology-3e", "textbooks/microbiology", "docs/rust-book", "docs/kubernetes-docs")
PAGE_SENTENCES = 64  # of a page at most, whole sections first
TEMPLATES = ("{}", "What is {}?", "How does {} work?", "Explain {}.", "What is known about {}?", "An overview of {}")
VAGUE = re.compile(
    r"^(?:the )?(?:introduction|overview|index|summary|contents|preface|conclusion|references|getting started|"
    r"tutorials?|examples?|notes?|api reference|key terms|resources|how-?to|about|readme|faq|"
    r"part \d+|chapter \d+|[ivxlc]+)$",
    re.I,
)  # titles that ask nothing


class PlanDataError(RuntimeError):
    """Documents that no plan can be learned from; the message says what is wrong with them."""


@dataclass
class Page:
    """One document. Arrays have one row a sentence, in reading order."""

    id: str
    title: str
    texts: list[str]
    headings: list[str]
    section: np.ndarray  # (n,) int: which section a sentence stands in
    paragraph: np.ndarray  # (n,) int
    start: np.ndarray  # (n,) int: offset in the stored text
    first: np.ndarray  # (n,) bool: opens its paragraph
    cover: np.ndarray  # (n,) float: how well it covers a sentence of the page's summary or glossary, 0..1
    questions: list[str]
    vectors: np.ndarray = field(default_factory=lambda: np.zeros((0, 384), np.float32))  # (n, 384)
    asked: np.ndarray = field(default_factory=lambda: np.zeros((0, 384), np.float32))  # (questions, 384)

    def places(self) -> list[str]:
        """Where each sentence stands, as text: "title. heading" (`dlm_core.coverage.places`)."""
        return [f"{self.title}. {heading}" for heading in self.headings]


@dataclass
class Group:
    """Pages that belong together: a chapter, or neighbours in a manual."""

    file: str
    title: str
    pages: list[Page]
    questions: list[str]
    asked: np.ndarray = field(default_factory=lambda: np.zeros((0, 384), np.float32))


def permitted(licence: str) -> bool:
    """Whether weights trained on this licence may ship: public domain, CC0, CC BY, CC BY-SA or permissive."""
    return bool(PERMITTED.match(licence)) and not RESTRICTED.search(licence)


def _coverage(texts: list[str], gold: list[str]) -> np.ndarray:
    """(n,) for each gold sentence the text that covers most of its words gets that share, others 0."""
    best = np.zeros(len(texts), np.float32)
    have = [stems(t) for t in texts]
    for item in gold:
        want = stems(item)
        if len(want) < 3 or not texts:
            continue
        shares = [len(want & words) / len(want) for words in have]
        at = int(np.argmax(shares))
        if shares[at] >= 0.4:
            best[at] = max(best[at], shares[at])
    return best


def _gold_sentences(raw: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for paragraph in raw.get("summary") or []:
        found += [paragraph[a:b] for a, b in sentences(paragraph)]
    return found


def _questions(raw: dict[str, Any], headings: list[str], random: Random) -> list[str]:
    title = raw["title"].strip()
    plain = len(title.split()) > 6 or title.lower().startswith(("how ", "why ", "what ", "when "))
    asked = [title] if plain else [t.format(title) for t in random.sample(TEMPLATES, 3)]
    goals = [g.strip().rstrip(".;") for g in raw.get("objectives") or []]
    asked += random.sample(goals, min(3, len(goals)))
    named = [h for h in dict.fromkeys(headings) if len(h.split()) > 1]
    if len(named) >= 2:
        asked.append(f"{title}: {' and '.join(random.sample(named, 2))}")
    if plain and named:
        asked.append(random.choice(named))
    return [q for q in asked if 0 < len(q) < 240]


def read_page(raw: dict[str, Any], random: Random) -> Page | None:
    """A Page without vectors; None where too few sentences stand alone."""
    blocks: list[str] = []
    for part in raw["sections"]:
        if part["heading"]:
            blocks.append("#" * min(max(int(part["level"]), 1), 6) + " " + part["heading"])
        blocks += part["paragraphs"]
    text = segment.tidy("\n\n".join(blocks))
    _, evidence = segment.split(text, raw["id"])
    alone = [e for e in evidence if e.standalone]
    if len(alone) < 10:
        return None
    # Whole runs of a long page: its first sentences and a window from each later section.
    if len(alone) > PAGE_SENTENCES:
        by_heading: dict[str, list[segment.Evidence]] = {}
        for e in alone:
            by_heading.setdefault(e.heading, []).append(e)
        share = max(6, PAGE_SENTENCES // len(by_heading))
        alone = [e for group in by_heading.values() for e in group[:share]][:PAGE_SENTENCES]
        alone.sort(key=lambda e: e.start)
    headings = [e.heading for e in alone]
    order = {h: i for i, h in enumerate(dict.fromkeys(headings))}
    breaks = [text.count("\n\n", 0, e.start) for e in alone]
    texts = [e.said for e in alone]
    cover = (
        np.zeros(len(texts), np.float32)
        if raw.get("summary_scope") == "chapter"
        else _coverage(texts, _gold_sentences(raw))
    )
    terms = [f"{term} {meaning}" for term, meaning in raw.get("glossary") or []]
    cover = np.maximum(cover, 0.8 * _coverage(texts, terms))
    return Page(
        id=raw["id"],
        title=raw["title"],
        texts=texts,
        headings=headings,
        section=np.array([order[h] for h in headings]),
        paragraph=np.array(breaks),
        start=np.array([e.start for e in alone]),
        first=np.array([e.lead == "" for e in alone]),
        cover=cover,
        questions=_questions(raw, headings, random),
    )


def read_groups(path: Path, name: str, seed: int, cap: int = 10**9) -> Iterator[Group]:
    """Groups of one .jsonl.gz file, without vectors; `name` is its folder and stem; `cap` documents at most."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        raws = [json.loads(line) for line in lines]
    raws = [r for r in raws if permitted(r.get("licence", ""))]
    chapters: dict[str, list[dict[str, Any]]] = {}
    for i, raw in enumerate(raws):
        chapters.setdefault(str(raw.get("chapter") or f"part {i // 6}"), []).append(raw)
    keys = list(chapters)
    Random(f"{seed}{name}").shuffle(keys)
    taken = 0
    for key in keys:
        if taken >= cap:
            return
        random = Random(f"{seed}{name}{key}")
        pages = [p for p in (read_page(r, random) for r in chapters[key]) if p is not None]
        if not pages:
            continue
        taken += len(pages)
        whole = [s for r in chapters[key] if r.get("summary_scope") == "chapter" for s in _gold_sentences(r)]
        if whole:
            joint = _coverage([t for p in pages for t in p.texts], whole)
            for page, part in zip(pages, np.split(joint, np.cumsum([len(p.texts) for p in pages])[:-1]), strict=True):
                page.cover = np.maximum(page.cover, part)
        titled = key if not key.startswith("part ") else ""
        asked = [t.format(titled) for t in random.sample(TEMPLATES, 3)] if titled else []
        asked += [f"{a.title} and {b.title}" for a, b in zip(pages, pages[1:], strict=False)][:6]
        yield Group(name, titled, pages, [q for q in asked if len(q) < 240])


def embed_groups(groups: list[Group], embedder: Embedder) -> None:
    """Fill in the vectors of sentences and questions, in place."""
    for group in groups:
        texts = [*group.questions]
        for page in group.pages:
            texts += page.texts + page.questions
        vectors = embedder(texts)
        at = len(group.questions)
        group.asked = vectors[:at]
        for page in group.pages:
            n, q = len(page.texts), len(page.questions)
            page.vectors, page.asked = vectors[at : at + n], vectors[at + n : at + n + q]
            at += n + q


def save_shard(groups: list[Group], path: Path) -> None:
    """One shard: `path`.npz (vectors as float16) and `path`.json.gz (the rest)."""
    arrays: dict[str, np.ndarray] = {}
    rows: list[dict[str, Any]] = []
    for i, g in enumerate(groups):
        arrays[f"g{i}"] = g.asked.astype(np.float16)
        row: dict[str, Any] = {"file": g.file, "title": g.title, "questions": g.questions, "pages": []}
        for j, p in enumerate(g.pages):
            arrays[f"v{i}_{j}"], arrays[f"q{i}_{j}"] = p.vectors.astype(np.float16), p.asked.astype(np.float16)
            row["pages"].append(
                {
                    "id": p.id,
                    "title": p.title,
                    "texts": p.texts,
                    "headings": p.headings,
                    "questions": p.questions,
                    **{k: getattr(p, k).tolist() for k in ("section", "paragraph", "start", "first", "cover")},
                }
            )
        rows.append(row)
    with gzip.open(path.with_suffix(".json.gz"), "wt", encoding="utf-8", compresslevel=3) as out:
        json.dump(rows, out)
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]
    part.rename(path.with_suffix(".npz"))  # last, so that a shard with its vectors is whole


def load_shard(path: Path) -> list[Group]:
    """The groups of one shard written by `save_shard`; `path` is its .npz."""
    groups: list[Group] = []
    with np.load(path) as arrays, gzip.open(path.with_suffix(".json.gz"), "rt", encoding="utf-8") as lines:
        for i, row in enumerate(json.load(lines)):
            pages = []
            for j, r in enumerate(row["pages"]):
                pages.append(
                    Page(
                        id=r["id"],
                        title=r["title"],
                        texts=r["texts"],
                        headings=r["headings"],
                        section=np.array(r["section"]),
                        paragraph=np.array(r["paragraph"]),
                        start=np.array(r["start"]),
                        first=np.array(r["first"]),
                        cover=np.array(r["cover"], np.float32),
                        questions=r["questions"],
                        vectors=arrays[f"v{i}_{j}"].astype(np.float32),
                        asked=arrays[f"q{i}_{j}"].astype(np.float32),
                    )
                )
            groups.append(Group(row["file"], row["title"], pages, row["questions"], arrays[f"g{i}"].astype(np.float32)))
    return groups


def place_vectors(groups: list[Group], path: Path, embedder: Embedder) -> dict[str, np.ndarray]:
    """The vector (384,) of every place that sentences of `groups` stand in, by its text; kept in the file `path`."""
    known: dict[str, np.ndarray] = {}
    if path.is_file():
        with np.load(path) as held:
            known = dict(zip(held["texts"].tolist(), held["vectors"].astype(np.float32), strict=True))
    new = [t for t in dict.fromkeys(t for g in groups for p in g.pages for t in p.places()) if t not in known]
    if new:
        known |= dict(zip(new, embedder(new), strict=True))
        part = path.with_suffix(".part.npz")
        np.savez(part, texts=np.array(list(known)), vectors=np.stack(list(known.values())).astype(np.float16))
        part.replace(path)
    return known


def validation_files(data: Path) -> list[str]:
    """Folder and stem of the files named in validation.txt, which are never trained on."""
    lines = (data / "validation.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip().removesuffix(".jsonl.gz") for line in lines if line.strip() and not line.startswith("#")]


def prepare(
    data: Path, cache: Path, embedder: Embedder, *, seed: int = 0, cap: int = 45, held_out: bool = False
) -> None:
    """Write shards of embedded pages under `cache`: the training files, or validation and held-out ones.

    Shards that exist are kept, so a killed preparation goes on. Files are
    interleaved, so that the first shards already hold every subject.
    `cap` is the number of documents taken from one file of docs/ (three times as many from a textbook).
    """
    never = validation_files(data)
    files = sorted([*data.glob("textbooks/*.jsonl.gz"), *data.glob("docs/*.jsonl.gz")])
    sources: list[Iterator[Group]] = []
    for file in files:
        name = f"{file.parent.name}/{file.name.removesuffix('.jsonl.gz')}"
        test = name in never or name in HELD_OUT
        if test == held_out and not LEFT_OUT.search(name):
            sources.append(read_groups(file, name, seed, cap * 3 if "textbooks" in name else cap))
    cache.mkdir(parents=True, exist_ok=True)
    number, batch = 0, 0
    pending: list[Group] = []
    while sources:
        still: list[Iterator[Group]] = []
        for source in sources:
            group = next(source, None)
            if group is None:
                continue
            still.append(source)
            pending.append(group)
            batch += len(group.pages)
            if batch >= 60:
                _write(pending, cache / f"shard{number:03d}", embedder)
                number, batch, pending = number + 1, 0, []
        sources = still
    if pending:
        _write(pending, cache / f"shard{number:03d}", embedder)


def _write(groups: list[Group], path: Path, embedder: Embedder) -> None:
    if not path.with_suffix(".npz").exists():
        embed_groups(groups, embedder)
        save_shard(groups, path)


def shards(cache: Path) -> list[Path]:
    """The whole shards under `cache`, in order."""
    return sorted(p for p in cache.glob("shard*.npz") if ".part" not in p.name)


def load_groups(cache: Path) -> list[Group]:
    """All groups of all shards under `cache`, in shard order."""
    return [g for path in shards(cache) for g in load_shard(path)]
