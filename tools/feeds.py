"""Sitemaps and feeds as sources of pages: their entries are ranked by what is said of them, and read as web pages.

Formats: https://www.sitemaps.org/protocol.html (with indexes), RSS 2.0, RSS 1.0 and Atom.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree

from tools.answers import XML_TYPES, asked, plain, xml
from tools.pages import Reader, WebPages
from tools.query import keywords, merge, stem
from tools.source import Hit, ProviderError, Skipped, Source

TYPES = (*XML_TYPES, "text/plain", "text/html", "application/gzip", "application/x-gzip", "application/octet-stream")
MAX_ENTRIES = 5_000
MAX_MAPS = 20  # sitemaps of one index that are read
LARGEST = 20_000_000  # bytes of a sitemap that came as .gz


@dataclass(frozen=True)
class Entry:
    """A page that a sitemap or feed names; title and summary are "" in a sitemap."""

    url: str
    title: str = ""
    summary: str = ""


class Listed(WebPages):
    """Pages of a sitemap or a feed. Of a sitemap only pages of its own host count, as its protocol says."""

    def __init__(self, url: str, reader: Reader, kind: str) -> None:
        self.name = f"{kind}:{urlsplit(url).netloc}"
        self._url = url
        self._kind = kind
        self._reader = reader
        self._entries: dict[str, Entry] | None = None
        reader.fetcher.name(url)

    @property
    def notes(self) -> list[str]:
        known = self._entries or {}
        return [note for note in self._reader.notes if note.split(" ", 1)[0] in known]

    def entries(self) -> dict[str, Entry]:
        """All entries by URL, at most MAX_ENTRIES, read once. ProviderError if it cannot be read or is neither."""
        if self._entries is None:
            found: dict[str, Entry] = {}
            todo, maps = [self._url], 0
            while todo and maps < MAX_MAPS and len(found) < MAX_ENTRIES:
                here = todo.pop(0)
                maps += 1
                try:
                    pages, more = self._read(here)
                except ProviderError:
                    if maps == 1:
                        raise
                    continue  # one map of an index that is gone
                todo += more
                for entry in pages:
                    if len(found) < MAX_ENTRIES:
                        found.setdefault(entry.url, entry)
            self._entries = found
        return self._entries

    def _read(self, url: str) -> tuple[list[Entry], list[str]]:
        got = asked(self._reader.fetcher, self.name, url, TYPES)
        body = got.body
        if body.startswith(b"\x1f\x8b"):
            try:
                body = gzip.GzipFile(fileobj=io.BytesIO(body)).read(LARGEST)
            except (OSError, EOFError):
                body = b""
        tree = xml(body)
        kind = "" if tree is None else etree.QName(tree).localname.lower()
        if tree is not None and self._kind == "sitemap" and kind in ("urlset", "sitemapindex"):
            places = [(text or "").strip() for text in tree.xpath("./*/*[local-name()='loc']/text()")]
            own = [place for place in places if urlsplit(place).netloc == urlsplit(self._url).netloc]
            return ([], own) if kind == "sitemapindex" else ([Entry(place) for place in own], [])
        if tree is not None and self._kind == "feed" and kind in ("rss", "rdf", "feed"):
            return _feed(tree, got.url), []
        raise ProviderError(f"{self.name}: {url} is no {self._kind}")

    def search(self, query: str, limit: int) -> list[Hit]:
        """Entries that share words with the query in title, summary or address, best first; where none does, the
        feed's first. ProviderError if it cannot be read."""
        entries = list(self.entries().values())
        asked_for = {stem(word) for word in keywords(query, 64)}
        told = [_words(entry) for entry in entries]
        named = {n: len(asked_for & title) for n, (title, _) in enumerate(told)}
        said = {n: len(asked_for & all_words) for n, (_, all_words) in enumerate(told)}
        rankings = [
            [str(n) for n in sorted((n for n in score if score[n]), key=lambda n, s=score: (-s[n], n))]  # type: ignore[misc]
            for score in (named, said)
        ]
        order = [int(n) for n in merge(rankings, limit)] if any(rankings) else list(range(min(limit, len(entries))))
        return [
            Hit(entries[n].url, entries[n].title or _name(entries[n].url), entries[n].summary[:300], self.name)
            for n in order[: max(0, limit)]
        ]

    def fetch(self, hit: Hit) -> Source | Skipped:
        return self._reader.page(hit.url, hit.title)

    def reachable(self) -> bool:
        """Can it be read?"""
        try:
            self.entries()
        except ProviderError:
            return False
        return True


def _feed(tree: etree._Element, base: str) -> list[Entry]:
    found = []
    for item in tree.xpath("//*[local-name()='item' or local-name()='entry']"):
        parts: dict[str, str] = {}
        link = ""
        for part in item:
            if not isinstance(part.tag, str):
                continue
            name = etree.QName(part).localname.lower()
            if name == "link" and part.get("rel", "alternate") == "alternate":
                link = link or (part.get("href") or part.text or "").strip()
            else:
                parts.setdefault(name, "".join(part.itertext()))
        link = link or parts.get("guid", "").strip()
        url = urljoin(base, link)
        if link and urlsplit(url).scheme in ("http", "https"):
            summary = parts.get("description") or parts.get("summary") or ""
            found.append(Entry(url, plain(parts.get("title")), plain(summary)))
    return found


def _name(url: str) -> str:
    """Words of an address: the last part of its path."""
    last = unquote(urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1]).rsplit(".", 1)[0]
    return plain(" ".join(last.replace("-", " ").replace("_", " ").split()))


def _words(entry: Entry) -> tuple[set[str], set[str]]:
    head = _stems(f"{entry.title} {unquote(urlsplit(entry.url).path)}")
    return head, head | _stems(entry.summary)


def _stems(text: str) -> set[str]:
    return {stem(word) for word in "".join(c if c.isalnum() else " " for c in text).split()}
