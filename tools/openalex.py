"""OpenAlex by its works interface (https://docs.openalex.org): papers of all fields, with open copies where known.

Its operator asks for a mail address (mailto) and, for more than some tens of searches a day, for a key, which is free.
"""

from __future__ import annotations

from typing import Any

from tools.answers import first_text, items, json_of, plain
from tools.pages import Reader
from tools.papers import Paper, Papers, day, words_of
from tools.settings import Settings

FIELDS = "id,doi,display_name,publication_date,abstract_inverted_index,best_oa_location"
LONGEST = 3000  # words of an abstract


def openalex(settings: Settings, reader: Reader) -> Papers:
    """The provider."""
    fetcher = reader.fetcher
    fetcher.name(settings.openalex)
    key = settings.openalex_key.get_secret_value()

    def ask(words: list[str], limit: int) -> list[Paper]:
        params = {"search": " ".join(words), "per-page": str(limit), "select": FIELDS}
        if settings.mail:
            params["mailto"] = settings.mail
        if key:
            params["api_key"] = key
        answer = json_of(fetcher, "openalex", settings.openalex, params=params, secret=bool(key))
        return [paper for paper in map(_paper, items(answer, "results")) if paper.url]

    return Papers("openalex", ask, reader)


def _paper(item: dict[str, Any]) -> Paper:
    place = item.get("best_oa_location")
    place = place if isinstance(place, dict) else {}
    return Paper(
        first_text([item.get("doi"), item.get("id")]),
        plain(item.get("display_name")),
        words_of(_abstract(item.get("abstract_inverted_index"))),
        first_text([place.get("pdf_url"), place.get("landing_page_url")]),
        day(item.get("publication_date")),
    )


def _abstract(index: object) -> str:
    """The words of an inverted index (word -> its places) in their order."""
    if not isinstance(index, dict):
        return ""
    placed = {
        place: str(word)
        for word, places in index.items()
        if isinstance(places, list)
        for place in places
        if isinstance(place, int) and 0 <= place < LONGEST
    }
    return " ".join(placed[place] for place in sorted(placed))
