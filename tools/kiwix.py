"""A Kiwix server (kiwix-serve over ZIM files) as a source of pages: full-text search and articles.

Endpoints: https://kiwix-tools.readthedocs.io/en/latest/kiwix-serve.html. Links in search results are followed as they
stand, so servers of before and after the move of articles below /content/ both work.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from tools.answers import XML_TYPES, plain, xml
from tools.pages import Reader
from tools.query import keywords, merge
from tools.source import Figure, Hit, Picture, ProviderError, Skipped, Source

MAX_BOOKS = 20  # books of one server that are searched


class Kiwix:
    """Search and pages of one server. url: its root, with #NAME to search one book only (its name in the catalogue)."""

    def __init__(self, url: str, reader: Reader) -> None:
        root, _, book = url.partition("#")
        self.root = root.rstrip("/") + "/"
        self.name = f"kiwix:{urlsplit(self.root).netloc}"
        self._reader = reader
        self._fetcher = reader.fetcher
        self._fetcher.name(self.root)
        self._books: list[str] | None = [book] if book else None

    def books(self) -> list[str]:
        """Names of the server's books, from its catalogue; [] where the server has none (it is searched whole then)."""
        if self._books is None:
            got = self._fetcher.get(urljoin(self.root, "catalog/v2/entries"), params={"count": "-1"}, accept=XML_TYPES)
            if isinstance(got, Skipped):
                if not got.reason.startswith(("HTTP 4", "not a page")):
                    raise ProviderError(f"{self.name}: {got.reason}")
                self._books = []
            else:
                feed = xml(got.body)
                names = [] if feed is None else feed.xpath("//*[local-name()='entry']/*[local-name()='name']/text()")
                self._books = [str(name).strip() for name in names][:MAX_BOOKS]
        return self._books

    def search(self, query: str, limit: int) -> list[Hit]:
        """Pages for a question, best first. ProviderError if the server cannot be reached or cannot search.

        The server joins words by AND and likes long pages. So it is asked for all content words, for each pair of
        neighbours ("zip archives"), and, while that gives too few pages, for less; the rankings are fused with one
        by how many of the words stand in the title.
        """
        words = keywords(query, 6)
        if not words or limit <= 0:
            return []
        hits: dict[str, Hit] = {}
        rankings: list[list[str]] = []
        sure, spare = _patterns(words)
        for number, pattern in enumerate(sure + spare):
            if number >= len(sure) and len(hits) >= limit:
                break
            ranking = []
            for book in self.books() or [""]:
                for hit in self._search(pattern, book, max(limit, 10)):
                    hits.setdefault(hit.url, hit)
                    ranking.append(hit.url)
            rankings.append(ranking)
        titled = {url: sum(word.lower() in hit.title.lower() for word in words) for url, hit in hits.items()}
        best = sorted((url for url in hits if titled[url]), key=lambda url: -titled[url])
        return [hits[url] for url in merge([*rankings, best, best], limit)]

    def _search(self, pattern: str, book: str, limit: int) -> list[Hit]:
        params = {"pattern": pattern, "pageLength": str(min(limit, 50)), "format": "xml"}
        if book:
            params["books.name"] = book
        got = self._fetcher.get(urljoin(self.root, "search"), params=params, accept=XML_TYPES)
        if isinstance(got, Skipped):
            if got.reason in ("HTTP 400", "HTTP 404") and len(self._books or []) > 1:
                return []  # one book without a full-text index among others
            raise ProviderError(f"{self.name}: {_search_trouble(got.reason)}")
        feed = xml(got.body)
        if feed is None:
            raise ProviderError(f"{self.name}: the answer is not that of a Kiwix server")
        hits = []
        for item in feed.xpath("//item"):
            link = (item.findtext("link") or "").strip()
            if not link:
                continue
            url = urljoin(self.root, link)
            if urlsplit(url).netloc != urlsplit(self.root).netloc:
                continue
            description = item.find("description")
            snippet = "" if description is None else "".join(description.itertext())
            hits.append(Hit(url, _words(item.findtext("title") or ""), _words(snippet).strip(". "), self.name))
        return hits

    def fetch(self, hit: Hit) -> Source | Skipped:
        # The server is the user's choice, and its articles are asked for one by one: no robot's errand.
        return self._reader.page(hit.url, hit.title, robots=False)

    def picture(self, source: Source, figure: Figure) -> Picture | Skipped | None:
        """The bytes of a figure of one of this server's pages; None for any other page's. A picture that lies on
        another host than the server is not the book's, and is left there."""
        if not source.url.startswith(self.root):
            return None
        if not figure.url.startswith((self.root, "data:")):
            return Skipped(figure.url, "not a picture of this server")
        return self._reader.picture(figure, robots=False)

    def reachable(self) -> bool:
        """Does the server answer within three seconds? One try."""
        got = self._fetcher.get(self.root, attempts=1, timeout=3.0)
        return not isinstance(got, Skipped)


def _patterns(words: list[str]) -> tuple[list[str], list[str]]:
    """Search patterns: (all words, pairs of neighbours), (all words but each one, single words)."""
    pairs = [words[i : i + 2] for i in range(len(words) - 1)] if len(words) > 2 else []
    spare = [words[:i] + words[i + 1 :] for i in reversed(range(len(words)))] if len(words) > 3 else []
    spare += [[word] for word in words if len(words) > 1]
    return [" ".join(pattern) for pattern in [words, *pairs]], [" ".join(pattern) for pattern in spare]


def _search_trouble(reason: str) -> str:
    if reason in ("HTTP 400", "HTTP 404"):
        return "the server cannot search this book (a book needs a full-text index and a name in the catalogue)"
    return reason


def _words(text: str) -> str:
    return plain(text.replace("¶", " "))
