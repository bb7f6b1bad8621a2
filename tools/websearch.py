"""Search engines of the whole web: what they find is read as web pages.

SearXNG is a server of the user's choice. Brave and Tavily need a key, ddgs a package; all three are asked only when
they are named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

from tools.answers import first_text, items, json_of, plain
from tools.pages import Reader, WebPages
from tools.settings import Settings
from tools.source import Hit, ProviderError, Skipped, Source, SourceError
from tools.urls import printable

MOST = 20  # results of one search
LONGEST = 300  # characters of a query, which engines cut or refuse beyond

Found = tuple[str, str, str]  # URL, title, what the engine says of it


class WebSearch(WebPages):
    """ask: (query, how many) -> results, best first; raises ProviderError."""

    def __init__(self, name: str, ask: Callable[[str, int], list[Found]], reader: Reader) -> None:
        self.name = name
        self._ask = ask
        self._reader = reader
        self._given: set[str] = set()

    @property
    def notes(self) -> list[str]:
        return [note for note in self._reader.notes if note.split(" ", 1)[0] in self._given]

    def search(self, query: str, limit: int) -> list[Hit]:
        """Pages that the engine finds, in its order."""
        query = " ".join(query.split())[:LONGEST]
        if not query or limit <= 0:
            return []
        hits: dict[str, Hit] = {}
        for url, title, snippet in self._ask(query, min(limit, MOST)):
            if urlsplit(url).scheme in ("http", "https") and len(hits) < limit:
                hits.setdefault(url, Hit(url, plain(title), plain(snippet)[:LONGEST], self.name))
        self._given |= set(hits)
        return list(hits.values())

    def fetch(self, hit: Hit) -> Source | Skipped:
        self._given.add(hit.url)
        return self._reader.page(hit.url, hit.title)

    def reachable(self) -> bool:
        """Does the engine answer? One search for one word."""
        try:
            self._ask("science", 1)
        except ProviderError:
            return False
        return True


def _results(found: list[dict[str, Any]], *said: str) -> list[Found]:
    return [
        (first_text([item.get("url")]), first_text([item.get("title")]), first_text(item.get(name) for name in said))
        for item in found
    ]


def searxng(url: str, reader: Reader) -> WebSearch:
    """A SearXNG (or searx) server by its root. Its settings must allow the format json."""
    root = url.rstrip("/") + "/"
    name = f"searxng:{urlsplit(root).netloc}"
    reader.fetcher.name(root)

    def ask(query: str, limit: int) -> list[Found]:
        params = {"q": query, "format": "json", "language": "en"}
        try:
            answer = json_of(reader.fetcher, name, urljoin(root, "search"), params=params)
        except ProviderError as error:
            if "HTTP 403" in str(error):
                raise ProviderError(f"{name}: the server's settings do not allow the format json") from None
            raise
        found = _results(items(answer, "results"), "content")
        silent = answer.get("unresponsive_engines")
        if not found and isinstance(silent, list) and silent:
            raise ProviderError(f"{name}: none of its engines answered ({printable(str(silent[0]), 60)})")
        return found

    return WebSearch(name, ask, reader)


def brave(settings: Settings, reader: Reader) -> WebSearch:
    """Brave Search by its web interface. SourceError without a key."""
    key = _key(settings.brave_key.get_secret_value(), "brave", "https://brave.com/search/api")
    reader.fetcher.name(settings.brave)

    def ask(query: str, limit: int) -> list[Found]:
        params = {"q": query, "count": str(limit), "search_lang": "en"}
        headers = {"X-Subscription-Token": key}
        answer = json_of(reader.fetcher, "brave", settings.brave, params=params, headers=headers)
        return _results(items(answer, "web", "results"), "description")

    return WebSearch("brave", ask, reader)


def tavily(settings: Settings, reader: Reader) -> WebSearch:
    """Tavily by its search interface. SourceError without a key."""
    key = _key(settings.tavily_key.get_secret_value(), "tavily", "https://tavily.com")
    reader.fetcher.name(settings.tavily)

    def ask(query: str, limit: int) -> list[Found]:
        body = {"query": query, "max_results": limit, "search_depth": "basic"}
        headers = {"Authorization": f"Bearer {key}"}
        return _results(
            items(json_of(reader.fetcher, "tavily", settings.tavily, json=body, headers=headers), "results"), "content"
        )

    return WebSearch("tavily", ask, reader)


def ddgs(settings: Settings, reader: Reader) -> WebSearch:
    """Keyless search through the package ddgs, which asks engines in its own way. SourceError where it is missing."""
    try:
        from ddgs import DDGS
    except ImportError:
        raise SourceError("the source ddgs needs a package: pip install 'palimpsest[ddgs]'") from None

    def ask(query: str, limit: int) -> list[Found]:
        try:
            found = DDGS(timeout=int(settings.timeout) or 10).text(query, max_results=limit)
        except Exception as error:  # the package raises what its engines give it
            raise ProviderError(
                f"ddgs: {printable(str(error).splitlines()[0] if str(error) else type(error).__name__, 100)}"
            ) from None
        return [
            (str(item.get("href") or ""), str(item.get("title") or ""), str(item.get("body") or "")) for item in found
        ]

    return WebSearch("ddgs", ask, reader)


def _key(key: str, name: str, where: str) -> str:
    """A key that can stand in a header. The key itself is in no message."""
    key = key.strip()
    if not key:
        setting = f"PALIMPSEST_{name.upper()}_KEY, or {name}_key in the settings file"
        raise SourceError(f"the source {name} needs a key ({where}): set {setting}")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SourceError(f"the key for {name} holds characters that no key has: copy it again")
    return key
