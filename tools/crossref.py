"""Crossref by its works interface (https://api.crossref.org): papers by DOI, with abstracts where publishers give them.

Its operator asks for a mail address (mailto), which leads to its better servers.
"""

from __future__ import annotations

from typing import Any

from tools.answers import first_text, items, json_of, plain
from tools.pages import Reader
from tools.papers import Paper, Papers, day, words_of
from tools.settings import Settings

FIELDS = "DOI,title,abstract,URL,link,issued"


def crossref(settings: Settings, reader: Reader) -> Papers:
    """The provider."""
    reader.fetcher.name(settings.crossref)

    def ask(words: list[str], limit: int) -> list[Paper]:
        params = {"query": " ".join(words), "rows": str(limit), "select": FIELDS}
        if settings.mail:
            params["mailto"] = settings.mail
        answer = json_of(reader.fetcher, "crossref", settings.crossref, params=params)
        return [paper for paper in map(_paper, items(answer, "message", "items")) if paper.url]

    return Papers("crossref", ask, reader)


def _paper(item: dict[str, Any]) -> Paper:
    doi, titles = item.get("DOI"), item.get("title")
    open_text = [
        link.get("URL")
        for link in items(item, "link")
        if link.get("content-type") in ("application/pdf", "text/html") and link.get("intended-application") != "none"
    ]
    url = f"https://doi.org/{doi}" if isinstance(doi, str) and doi else first_text([item.get("URL")])
    abstract = words_of(item.get("abstract"))
    return Paper(
        url,
        plain(first_text(titles if isinstance(titles, list) else [titles])),
        abstract,
        # Where there is an abstract it will do: most publishers' texts are behind a wall.
        "" if abstract else first_text([*open_text, url]),
        _issued(item.get("issued")),
    )


def _issued(value: object) -> str:
    parts = value.get("date-parts") if isinstance(value, dict) else None
    first = parts[0] if isinstance(parts, list) and parts and isinstance(parts[0], list) else []
    numbers = [part for part in first if isinstance(part, int)]
    return day("{:04d}-{:02d}-{:02d}".format(*numbers[:3])) if len(numbers) >= 3 else ""
