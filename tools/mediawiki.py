"""A MediaWiki site (Wikipedia unless told otherwise) as a source of pages, by its API.

Follows https://www.mediawiki.org/wiki/API:Etiquette: serial requests, gzip, maxlag, a User-Agent with a contact.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from tools.answers import JSON_TYPES, inside, items, json_object, plain
from tools.captions import clipped
from tools.extract import Extractor
from tools.fetch import Fetcher
from tools.figures import resolved
from tools.pages import Reader, made
from tools.query import keywords, merge
from tools.source import Figure, Hit, Picture, ProviderError, Skipped, Source

WIDTH = "800"  # pixels across of a picture that is asked for
MAXLAG = "5"  # seconds of replication lag after which the site asks us to come back later
_TAG = re.compile(r"<[^<>]*>")


class MediaWiki:
    """Search and pages of one site. api: the URL of its api.php."""

    def __init__(self, api: str, fetcher: Fetcher, extractor: Extractor) -> None:
        parts = urlsplit(api)
        self.api = api
        self.name = "wikipedia" if (parts.hostname or "").endswith("wikipedia.org") else f"mediawiki:{parts.netloc}"
        self._fetcher = fetcher
        self._extractor = extractor
        fetcher.name(api)
        self._base = ""  # article URL without the title, from siteinfo
        self._titles: dict[str, str] = {}  # page URL -> title, of hits given

    def search(self, query: str, limit: int) -> list[Hit]:
        """Pages for a question, best first. ProviderError if the site is unreachable or busy.

        All content words are asked for first, then any of them; sites whose search engine knows no OR are asked for
        single words. The rankings are fused.
        """
        words = [word.replace('"', "") for word in keywords(query)]
        if not words or limit <= 0:
            return []
        found: dict[str, dict[str, Any]] = {}
        rankings: list[list[str]] = []
        loose = [" OR ".join(words), *words[:5]] if len(words) > 1 else []
        for number, text in enumerate([" ".join(words), *loose]):
            if len(found) >= limit or (number > 1 and rankings[1]):
                break
            results = self._search(text, limit)
            rankings.append([item["title"] for item in results])
            for item in results:
                found.setdefault(item["title"], item)
        hits = []
        for title in merge(rankings, limit):
            url = self._url(title)
            self._titles[url] = title
            snippet = " ".join(_TAG.sub("", str(found[title].get("snippet") or "")).split())
            hits.append(Hit(url, plain(title), plain(snippet), self.name))
        return hits

    def _search(self, text: str, limit: int) -> list[dict[str, Any]]:
        # srwhat: without it, wikis that search by their database look at titles only.
        answer = self._ask(
            action="query",
            list="search",
            srsearch=text,
            srwhat="text",
            srlimit=str(min(limit, 50)),
            srnamespace="0",
            srprop="snippet",
        )
        return [item for item in items(answer, "query", "search") if isinstance(item.get("title"), str)]

    def fetch(self, hit: Hit) -> Source | Skipped:
        """The page's rendered HTML (action=parse, redirects followed) as stored text."""
        title = self._titles.get(hit.url, hit.title)
        try:
            answer = self._ask(
                action="parse", page=title, prop="text", redirects="1", disableeditsection="1", disabletoc="1"
            )
        except ProviderError as error:
            return Skipped(hit.url, str(error))
        parsed = answer.get("parse")
        if not isinstance(parsed, dict) or not isinstance(parsed.get("text"), str):
            reason = inside(answer, "error", "info") or "the site gave no page"
            return Skipped(hit.url, plain(str(reason))[:200])
        html = f"<html><head></head><body>{parsed['text']}</body></html>"
        found = self._extractor.read("html", html, hit.url)
        if isinstance(found, Skipped):
            return found
        name = plain(str(parsed.get("title") or title))
        return made(hit.url, name, found.text, found.date, resolved(found.figures, hit.url))

    def picture(self, source: Source, figure: Figure) -> Picture | Skipped | None:
        """The bytes of a figure of one of this wiki's articles, as wide as WIDTH at most (an SVG as PNG), with what the
        picture's own page says of its maker and licence (API:Imageinfo, extmetadata); None for other sources' figures.
        """
        if not self._base:
            self._siteinfo()
        if not source.url.startswith(self._base):
            return None
        info: object = None
        if figure.name:
            try:
                answer = self._ask(
                    action="query",
                    titles=figure.name,
                    prop="imageinfo",
                    iiprop="url|extmetadata",
                    iiurlwidth=WIDTH,
                    iiextmetadatafilter="Artist|Credit|Attribution|LicenseShortName|LicenseUrl|UsageTerms",
                )
            except ProviderError as error:
                return Skipped(figure.url, str(error))
            info = next((i for page in items(answer, "query", "pages") for i in items(page, "imageinfo")), None)
        urls = [str(inside(info, name) or "") for name in ("thumburl", "url")]
        (found,) = resolved([Figure(next((u for u in urls if u), figure.url), "")], source.url) or (figure,)
        got = Reader(self._fetcher, self._extractor).picture(found)
        if isinstance(got, Skipped):
            return got

        def said(*names: str) -> str:
            values = (plain(_TAG.sub(" ", str(inside(info, "extmetadata", name, "value") or ""))) for name in names)
            return clipped(next((value for value in values if value), ""), 300)

        licence = str(inside(info, "extmetadata", "LicenseUrl", "value") or "").strip()
        return Picture(
            got.data,
            said("Attribution", "Artist", "Credit"),
            said("LicenseShortName", "UsageTerms"),
            licence if licence.startswith(("http://", "https://")) else "",
        )

    def reachable(self) -> bool:
        """Does the site answer within three seconds? One try."""
        try:
            self._siteinfo(attempts=1, timeout=3.0)
        except ProviderError:
            return False
        return True

    # ---- the API ----

    def _url(self, title: str) -> str:
        if not self._base:
            self._siteinfo()
        return self._base + quote(title.replace(" ", "_"), safe="/:@!$'()*,;~")

    def _siteinfo(self, attempts: int | None = None, timeout: float | None = None) -> None:
        answer = self._ask(attempts, timeout, action="query", meta="siteinfo", siprop="general")
        path = str(inside(answer, "query", "general", "articlepath") or "/wiki/$1")
        server = str(inside(answer, "query", "general", "server") or "")
        parts = urlsplit(self.api)
        if server.startswith("//"):
            server = f"{parts.scheme}:{server}"
        # The site may call itself by a name that is not the one the user reaches it by; only a web address will do.
        if urlsplit(server).scheme not in ("http", "https"):
            server = f"{parts.scheme}://{parts.netloc}"
        self._base = server + path.split("$1")[0]

    def _ask(self, attempts: int | None = None, timeout: float | None = None, **params: str) -> dict[str, Any]:
        """One API call. Raises ProviderError if no JSON object comes back or the site refuses."""
        params |= {"format": "json", "formatversion": "2", "maxlag": MAXLAG}
        got = self._fetcher.get(self.api, params=params, accept=JSON_TYPES, attempts=attempts, timeout=timeout)
        host = urlsplit(self.api).netloc
        if isinstance(got, Skipped):
            raise ProviderError(f"{self.name} ({host}): {got.reason}")
        answer = json_object(got.text)
        if answer is None:
            raise ProviderError(f"{self.name} ({host}): the answer is not that of a MediaWiki API")
        error = answer.get("error")
        if isinstance(error, dict) and error.get("code") in ("maxlag", "ratelimited", "readonly"):
            raise ProviderError(f"{self.name} ({host}): the site is busy, try again in a minute")
        return answer
