"""Plan examples as a run meets them: a question put to a whole book, and a pool of what is nearest to it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dlm_core.train.plan_data import Page
from dlm_core.train.plan_examples import POOL, Corpus, Example, build, example, gold_sections, question_of

BOOK = 24  # pages from which a file is a book that questions are put to as a whole
WHOLE = 0.5  # share of the questions that are, where there is one
NEARER = 0.3  # weight of a page's closeness in which sentences of a book are at hand, as in a run
BLUR = 0.02  # standard deviation of what else moves them: words they share with the question, ranks of passages
OFF_TOPIC = (0.6, 0.85)  # a page under this share of the closest one's closeness is left out, as in a run
MOST_OF_ONE = 0.75  # of a pool from one page
FEWEST = 4  # claims of a plan that is worth learning


@dataclass(frozen=True)
class Book:
    """All sentences of a file, R of them: pages and (R,) which of them, (R,) row of the page, (R, 384) vectors of the
    sentences and of where they stand."""

    pages: list[Page]
    owner: np.ndarray
    row: np.ndarray
    vectors: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, pages: list[Page], places: Mapping[str, np.ndarray]) -> Book:
        return cls(
            pages,
            np.repeat(np.arange(len(pages)), [len(p.texts) for p in pages]),
            np.concatenate([np.arange(len(p.texts)) for p in pages]),
            np.concatenate([p.vectors for p in pages]),
            np.stack([places[where] for p in pages for where in p.places()]),
        )


def shelve(corpus: Corpus, places: Mapping[str, np.ndarray]) -> None:
    """Make books of the files with enough pages, so that questions are put to them whole; places: the vector of
    "title. heading" by that text (`plan_data.place_vectors`)."""
    files: dict[str, list[Page]] = {}
    for group in corpus.groups:
        files.setdefault(group.file, []).extend(group.pages)
    corpus.books = {file: Book.of(pages, places) for file, pages in files.items() if len(pages) >= BOOK}


def draw(corpus: Corpus, random: np.random.Generator, size: int) -> Example | None:
    """One example of a random group with a pool of about `size`; None where its pages give no section. Where the
    corpus has books, half of the questions are put to the whole book."""
    chosen = corpus.groups[int(random.choice(corpus.owner))]
    asked, question, pages = question_of(chosen, random)
    book = corpus.books.get(chosen.file)
    if book is not None and random.random() < WHOLE:
        return from_book(book, asked, question, pages, random, size)
    return build(corpus, asked, question, pages, random, size)


def from_book(
    book: Book, asked: str, question: np.ndarray, pages: list[Page], random: np.random.Generator, size: int
) -> Example | None:
    """The example of a question put to a whole book: the pool is what is nearest in it, by sentence and place, as a
    run gathers it (agent/evidence.py); the gold plan takes what the pages that answer have there."""
    near = (book.vectors @ question + book.places @ question) / 2
    by_page = [np.sort(near[book.owner == i])[-3:].mean() for i in range(len(book.pages))]
    closeness = np.array(by_page)
    near = near + NEARER * closeness[book.owner] + BLUR * random.standard_normal(len(near))
    far = closeness < random.uniform(*OFF_TOPIC) * closeness.max()
    near[far[book.owner]] = -np.inf
    held = np.zeros(len(book.pages), int)
    chosen: list[int] = []
    for i in np.argsort(-near, kind="stable").tolist():
        if len(chosen) == size or np.isinf(near[i]):
            break
        if held[book.owner[i]] < MOST_OF_ONE * size:
            held[book.owner[i]] += 1
            chosen.append(i)
    within = {id(p): np.zeros(len(p.texts), dtype=bool) for p in (*book.pages, *pages)}
    for i in chosen:
        within[id(book.pages[book.owner[i]])][book.row[i]] = True
    sections = gold_sections(pages, question, random, within)
    if sum(len(gold) for _, gold in sections) < FEWEST or len(chosen) < POOL[0]:
        return None
    first = [(pages[n], int(r)) for n, gold in sections for r in gold]
    seen = {(id(p), r) for p, r in first}
    rest = [(book.pages[book.owner[i]], int(book.row[i])) for i in chosen]
    rows = [*first, *((p, r) for p, r in rest if (id(p), r) not in seen)]
    return example(asked, question, pages, sections, rows, random)
