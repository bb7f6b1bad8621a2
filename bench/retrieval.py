"""How well the library finds passages: its fused search beside each of its parts.

    python -m bench.retrieval --data ../shared/data [--cases 300]

prints one JSON line a figure. A case is a learning objective of a page of a
validation textbook; gold are the passages of that page (of a chapter's pages,
where several have the objective). Two libraries a book: a shelf of its
first pages, as many as a report reads, in which a search looks at the vector of
every passage, and more of the book (--passages), in which BM25 says at which it
looks. Beside the library's search stand BM25, TF-IDF and MiniLM alone on the same passages,
BM25 and MiniLM by the library's own code.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.line import line
from bench.plan import interval
from dlm_core.embed import Embedder, EmbedError
from dlm_core.segment import tidy
from dlm_core.train.documents import DataError, Document, documents, shards
from tools.library import ALL, Library, terms
from tools.source import Source, source_id
from tools.stored import LibraryError

AT = 10  # passages looked at
Ranking = Callable[[str], list[str]]


@dataclass(frozen=True)
class Case:
    """A question and the ids of the sources that answer it."""

    question: str
    gold: frozenset[str]


def markdown(page: Document) -> str:
    """The page as a source has it: headings and paragraphs, neither summary nor objectives."""
    blocks = [f"# {page.title}"]
    for section in page.sections:
        if section.heading:
            blocks.append(f"{'#' * min(max(section.level + 1, 2), 6)} {section.heading}")
        blocks += section.paragraphs
    return "\n\n".join(blocks)


def source_of(page: Document) -> Source:
    url = f"https://example.org/{page.id}"
    return Source(source_id(url), url, page.title, tidy(markdown(page)), "2026-01-01", "")


def cases(pages: Sequence[Document], count: int, seed: int = 0) -> list[Case]:
    """At most `count` objectives of some pages, in an order of the seed's."""
    holders: dict[str, set[str]] = {}
    for page in pages:
        for objective in page.objectives:
            holders.setdefault(objective.strip().rstrip(".;"), set()).add(source_of(page).id)
    found = [Case(question, frozenset(ids)) for question, ids in sorted(holders.items()) if len(question.split()) > 2]
    random.Random(seed).shuffle(found)
    return found[:count]


def tfidf(texts: Sequence[str], ids: Sequence[str]) -> Ranking:
    """Passages by cosine of TF-IDF, with the words BM25 gets; tf is 1 + its logarithm (Salton and Buckley 1988)."""
    bags = [Counter(terms(t)) for t in texts]
    spread = Counter(w for bag in bags for w in bag)
    idf = {w: math.log(len(texts) / n) + 1 for w, n in spread.items()}
    rows = [{w: (1 + math.log(n)) * idf[w] for w, n in bag.items()} for bag in bags]
    norms = [math.sqrt(sum(v * v for v in row.values())) or 1.0 for row in rows]

    def rank(question: str) -> list[str]:
        asked = Counter(terms(question))
        scores = [sum(n * idf[w] * row[w] for w, n in asked.items() if w in row) for row in rows]
        order = sorted(range(len(rows)), key=lambda i: (-round(scores[i] / norms[i], 6), i))
        return [ids[i] for i in order[:AT] if scores[i] > 0]

    return rank


def ndcg(ranked: Sequence[str], gold: frozenset[str], held: int) -> float:
    """nDCG@10 of passage ids, gold ones worth 1; `held` gold passages are in the library."""
    gain = sum(1 / math.log2(i + 2) for i, p in enumerate(ranked[:AT]) if p.rsplit(".", 1)[0] in gold)
    return gain / sum(1 / math.log2(i + 2) for i in range(min(AT, held)))


def recall(ranked: Sequence[str], gold: frozenset[str], held: int) -> float:
    """Recall@10, of as many gold passages as ten can hold."""
    return sum(p.rsplit(".", 1)[0] in gold for p in ranked[:AT]) / min(AT, held)


def rankings(library: Library, sources: set[str]) -> dict[str, Ranking]:
    """The library's search of some sources and its parts, each a question's passage ids, best first."""
    index = library._prepare(sources)
    rows = range(len(index.ids))
    titles = {s.id: s.title for s in library.sources()}
    texts = [library._titled(p, titles[p.source]) for p in map(library.passage, index.ids)]

    def best(scores: dict[int, float]) -> list[str]:
        return [index.ids[i] for i in sorted(scores, key=lambda i: (-round(scores[i], 6), i))[:AT]]

    return {
        "fused": lambda q: [p.id for p, _ in library.search(q, AT, sources)],
        "bm25": lambda q: best(library._by_words(q, index)),
        "minilm": lambda q: best(library._nearest(q, index, rows)),
        "tfidf": tfidf(texts, index.ids),
    }


def shelves(book: Path, library: Library, passages: int) -> Iterator[tuple[str, list[Document]]]:
    """(name, pages) of a book's first pages, up to ALL passages and up to `passages`, put into the library."""
    pages: list[Document] = []
    first = 0
    for page in (d for d in documents(book) if d.sections):
        library.add(source_of(page))
        held = len(library._prepare(None).ids)
        if held > passages:
            break
        pages.append(page)
        first += held <= ALL
    yield "shelf", pages[:first]
    yield "book", pages


def measured(book: Path, embedder: Embedder, count: int, passages: int) -> dict[str, list[float]]:
    """nDCG and recall of every ranking, one entry a case, by "shelf_ndcg_fused" and the like."""
    out: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, Library(Path(folder), embedder) as library:
        for name, pages in shelves(book, library, passages):
            sources = {source_of(p).id for p in pages}
            held = Counter(i.rsplit(".", 1)[0] for i in library._prepare(sources).ids)
            ways = rankings(library, sources)
            for case in cases(pages, count):
                many = sum(held[s] for s in case.gold)
                if not many:
                    continue
                for way, rank in ways.items():
                    ranked = rank(case.question)
                    out.setdefault(f"{name}_ndcg_{way}", []).append(ndcg(ranked, case.gold, many))
                    out.setdefault(f"{name}_recall_{way}", []).append(recall(ranked, case.gold, many))
    return out


def figures(found: dict[str, list[float]]) -> Iterator[tuple[str, float, str | None, bool | None]]:
    """(name, value, goal, met): means with intervals, and how far the search is ahead of each of its parts."""
    for name, values in found.items():
        yield name, float(np.mean(values)), None, None
    for shelf in ("shelf", "book"):
        yield f"{shelf}_cases", float(len(found.get(f"{shelf}_ndcg_fused", ()))), None, None
        for measure in ("ndcg", "recall"):
            ours = np.array(found[f"{shelf}_{measure}_fused"])
            for way in ("bm25", "tfidf", "minilm"):
                gaps = ours - np.array(found[f"{shelf}_{measure}_{way}"])
                low, high = interval(gaps)
                goal = "over 0" if measure == "ndcg" else None
                yield f"{shelf}_{measure}_gap_{way}", float(gaps.mean()), goal, bool(gaps.mean() > 0) if goal else None
                yield f"{shelf}_{measure}_gap_{way}_low", low, goal, low > 0 if goal else None
                yield f"{shelf}_{measure}_gap_{way}_high", high, None, None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.retrieval", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of training text")
    parser.add_argument("--cases", type=int, default=300, help="questions a shelf and a book, all books together")
    parser.add_argument("--passages", type=int, default=1500, help="passages of a book at most")
    parser.add_argument("--books", nargs="*", help="textbooks by name, for tuning: never those of validation.txt")
    parser.add_argument("--threads", type=int, default=0, help="texts embedded at once (0: as many as cores)")
    args = parser.parse_args(arguments)
    try:
        held_out = not args.books
        books = [
            f
            for f in shards(args.data, training=not held_out, folders=("textbooks",))
            if held_out or f.name.removesuffix(".jsonl.gz") in args.books
        ]
        embedder = Embedder(threads=args.threads)
        found: dict[str, list[float]] = {}
        for book in books:
            for name, values in measured(book, embedder, -(-args.cases // len(books)), args.passages).items():
                found.setdefault(name, []).extend(values)
    except (DataError, EmbedError, LibraryError, OSError) as error:
        print(f"bench.retrieval: {error}", file=sys.stderr)
        return 1
    for name, value, goal, met in figures(found):
        line("retrieval", name, value, "count" if name.endswith("cases") else "share", goal, met)
    return 0


if __name__ == "__main__":
    sys.exit(main())
