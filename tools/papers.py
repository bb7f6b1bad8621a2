"""What the services for papers share: a paper is a source by its full text, or else by its abstract."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tools.answers import plain
from tools.extract import Extractor
from tools.pages import Reader, WebPages, made
from tools.query import keywords, merge
from tools.source import Hit, Skipped, Source
from tools.text_blocks import iso_date

SNIPPET = 300  # characters of an abstract


@dataclass(frozen=True)
class Paper:
    """url: its lasting address. full: where its text lies, "" where that is not known. date: ISO or ""."""

    url: str
    title: str
    abstract: str
    full: str = ""
    date: str = ""


class Papers(WebPages):
    """Papers by search. ask: (search words, how many) -> papers, best first; raises ProviderError."""

    def __init__(self, name: str, ask: Callable[[list[str], int], list[Paper]], reader: Reader) -> None:
        self.name = name
        self._ask = ask
        self._reader = reader
        self._found: dict[str, Paper] = {}

    @property
    def notes(self) -> list[str]:
        return [note for note in self._reader.notes if note.split(" ", 1)[0] in {p.full for p in self._found.values()}]

    def search(self, query: str, limit: int) -> list[Hit]:
        """Papers for a question, best first. One request a query, a second one with fewer words where few come."""
        words = keywords(query)
        if not words or limit <= 0:
            return []
        found: dict[str, Paper] = {}
        rankings = []
        for tried in [words, words[:3]] if len(words) > 3 else [words]:
            if len(found) >= min(limit, 3):
                break
            papers = [paper for paper in self._ask(tried, min(limit, 50)) if paper.title]
            rankings.append([paper.url for paper in papers])
            found |= {paper.url: paper for paper in papers if paper.url not in found}
        self._found |= found
        best = [found[url] for url in merge(rankings, limit)]
        return [Hit(paper.url, paper.title, paper.abstract[:SNIPPET], self.name) for paper in best]

    def fetch(self, hit: Hit) -> Source | Skipped:
        """The paper's text where it can be read, else its abstract, which the title then says."""
        paper = self._found.get(hit.url) or self._again(hit)
        got: Source | Skipped = Skipped(hit.url, "no text and no abstract of this paper can be read")
        if paper.full:
            got = self._reader.page(paper.full, paper.title, address=paper.url)
            if isinstance(got, Source):
                return replace(got, title=paper.title or got.title, date=paper.date or got.date)
        if paper.abstract:
            text = abstract_text(paper, self._reader.extractor)
            if isinstance(text, Skipped):
                return text
            return made(paper.url, f"{paper.title} (abstract)", text, paper.date)
        return Skipped(hit.url, got.reason) if isinstance(got, Skipped) else got

    def _again(self, hit: Hit) -> Paper:
        """A paper found by an earlier process of this run is looked up by its title."""
        for paper in self._ask(keywords(hit.title), 5):
            if paper.url == hit.url:
                self._found[paper.url] = paper
                return paper
        return Paper(hit.url, hit.title, "")

    def reachable(self) -> bool:
        """Does the service answer? One search for one word."""
        from tools.source import ProviderError

        try:
            self._ask(["science"], 1)
        except ProviderError:
            return False
        return True


def abstract_text(paper: Paper, extractor: Extractor) -> str | Skipped:
    """An abstract as stored text, through the same worker as a page."""
    found = extractor.read("plain", f"# {paper.title}\n\n{paper.abstract}", paper.url)
    return found if isinstance(found, Skipped) else found.text


def words_of(text: object) -> str:
    """An abstract without its markup, its label and its line breaks."""
    bare = re.sub(r"</?[A-Za-z][^<>]{0,200}>", " ", text if isinstance(text, str) else "")
    return re.sub(r"^(?:Abstract|ABSTRACT|Summary)[:.\s]+(?=[A-Z])", "", plain(bare)).strip()


def day(value: object) -> str:
    """An ISO date of a timestamp, "" for anything else."""
    return iso_date(value) if isinstance(value, str) else ""
