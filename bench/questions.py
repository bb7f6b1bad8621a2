"""The questions of `bench.reports`: where their pages come from, and which pages are gold."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.folders import make_folder
from dlm_core.boundaries import sentences

FILE = Path(__file__).parent / "report_questions.json"
PAGES = 500  # of a folder at most: the whole book


class QuestionError(ValueError):
    """A question does not fit its book or source; one line."""


@dataclass(frozen=True)
class Question:
    """id, the question as it is asked, its shard ("" for the Python documentation)
    and its gold pages: titles in the shard, or ends of URLs."""

    id: str
    question: str
    shard: str
    gold: tuple[str, ...]


@dataclass(frozen=True)
class Gold:
    """What a question is measured by: where to read, the URLs that are gold (or
    their ends), and the sentences of the gold pages' own summaries, which the
    pages that are read do not hold."""

    source: str
    urls: frozenset[str]
    summary: tuple[str, ...] = field(default=())

    def holds(self, url: str) -> bool:
        return any(url == u or (u.startswith("/") and url.endswith(u)) for u in self.urls)


def questions(only: Sequence[str] = ()) -> list[Question]:
    """All questions of the file, or those whose id begins with one of `only`."""
    raw = json.loads(FILE.read_text(encoding="utf-8"))["questions"]
    made = [Question(q["id"], q["question"], q.get("shard", ""), tuple(q["gold"])) for q in raw]
    return [q for q in made if not only or q.id.startswith(tuple(only))]


def gold(question: Question, data: Path, kiwix: str, cache: Path) -> Gold:
    """The question's source and gold; a book's folder of pages is made once under `cache`.

    Raises QuestionError where the book lacks a gold page or has too few pages.
    """
    if not question.shard:
        return Gold(f"kiwix:{kiwix}#python-doc", frozenset(f"/{g}" for g in question.gold))
    file = data / f"{question.shard}.jsonl.gz"
    if not file.is_file():
        raise QuestionError(f"{file} is missing: name the folder of training text with --data")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        book: list[dict[str, Any]] = [json.loads(line) for line in lines]
    book = [page for page in book if any(section["paragraphs"] for section in page["sections"])]
    folder = cache / "folders" / file.name.removesuffix(".jsonl.gz")
    paths = make_folder(folder, file, contains=None, limit=PAGES)
    if len(paths) < 40 or len(paths) != min(len(book), PAGES):
        raise QuestionError(f"{file} gives {len(paths)} pages; a bench folder needs 40")
    wanted = {title: [n for n, page in enumerate(book[:PAGES]) if page["title"] == title] for title in question.gold}
    for title, places in wanted.items():
        if len(places) != 1:
            raise QuestionError(f"{question.id}: {len(places)} pages are called {title!r}, there must be one")
    places = [found[0] for found in wanted.values()]
    summary = [p[a:b] for n in places for p in book[n]["summary"] for a, b in sentences(p)]
    return Gold(str(folder), frozenset(paths[n].resolve().as_uri() for n in places), tuple(summary))
