"""What the outside world looks like from inside: sources, hits and providers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol


class SourceError(ValueError):
    """A source the user named cannot be used; one line that says what to do."""


class ProviderError(RuntimeError):
    """A provider could not be reached or answered nonsense; one line."""


def source_id(url: str) -> str:
    """ "src_" and ten hex digits of the URL's SHA-256: the same URL, the same id."""
    return "src_" + hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:10]


@dataclass(frozen=True)
class Figure:
    """A picture of a page, and what the page says of it; "" for what it does not say.

    url: http, https, file or a small data: address. start, end: where the words of the caption stand in the stored
    text, without the label before and the credit behind; equal where the caption is not part of it. licence: its
    name; licence_url: its text. name: the picture's own page on its wiki ("File:X.png").
    """

    url: str
    caption: str
    start: int = 0
    end: int = 0
    alt: str = ""
    credit: str = ""
    licence: str = ""
    licence_url: str = ""
    name: str = ""


@dataclass(frozen=True)
class Picture:
    """The bytes of a figure as they came, and what its place says of it beyond its page."""

    data: bytes
    credit: str = ""
    licence: str = ""
    licence_url: str = ""


@dataclass(frozen=True)
class Source:
    """One page or file as it was read. `text` is stored text (dlm_core.segment)."""

    id: str
    url: str
    title: str
    text: str
    accessed: str  # ISO date
    date: str = ""  # ISO date of the page itself, "" if unknown
    figures: tuple[Figure, ...] = ()

    def __post_init__(self) -> None:
        # From JSON they come as a list of objects.
        read = tuple(f if isinstance(f, Figure) else Figure(**f) for f in self.figures)
        object.__setattr__(self, "figures", read)


@dataclass(frozen=True)
class Hit:
    """A search result: something that can be fetched."""

    url: str
    title: str
    snippet: str
    provider: str


@dataclass(frozen=True)
class Skipped:
    """A hit that gave no source, and why, in a few words."""

    url: str
    reason: str


class Provider(Protocol):
    """A place to look things up."""

    name: str

    def search(self, query: str, limit: int) -> list[Hit]:
        """At most `limit` hits, best first. ProviderError when unreachable."""
        ...

    def fetch(self, hit: Hit) -> Source | Skipped:
        """The source behind a hit, or why there is none."""
        ...
