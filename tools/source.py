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
class Source:
    """One page or file as it was read. `text` is stored text (dlm_core.segment)."""

    id: str
    url: str
    title: str
    text: str
    accessed: str  # ISO date
    date: str = ""  # ISO date of the page itself, "" if unknown


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
