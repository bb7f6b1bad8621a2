"""What `--sources` names, opened: folders and files, web pages, encyclopedias, papers, feeds, search engines."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tools.arxiv import arxiv
from tools.crossref import crossref
from tools.deadline import Deadline
from tools.extract import Extractor
from tools.feeds import Listed
from tools.fetch import Fetcher
from tools.kiwix import Kiwix
from tools.local import LocalFiles
from tools.mediawiki import MediaWiki
from tools.openalex import openalex
from tools.pages import Page, Reader, WebPages
from tools.settings import Settings
from tools.source import Figure, Picture, Provider, ProviderError, Skipped, Source, SourceError
from tools.websearch import brave, ddgs, searxng, tavily

USAGE = (
    "a source is a folder, a file, an http(s) URL, wikipedia, arxiv, openalex, crossref, ddgs, brave, tavily, or one of"
    " kiwix: mediawiki: searxng: sitemap: feed: with a URL"
)

# Sources known by a word alone.
NAMED: dict[str, Callable[[Settings, Reader], Provider]] = {
    "wikipedia": lambda settings, reader: MediaWiki(settings.wikipedia, reader.fetcher, reader.extractor),
    "arxiv": lambda settings, reader: arxiv(settings.arxiv, reader),
    "openalex": openalex,
    "crossref": crossref,
    "ddgs": ddgs,
    "brave": brave,
    "tavily": tavily,
}
# Sources that are a word and a URL.
AT_URL: dict[str, Callable[[str, Reader], Provider]] = {
    "kiwix": Kiwix,
    "mediawiki": lambda url, reader: MediaWiki(url, reader.fetcher, reader.extractor),
    "searxng": searxng,
    "sitemap": lambda url, reader: Listed(url, reader, "sitemap"),
    "feed": lambda url, reader: Listed(url, reader, "feed"),
}


def open_providers(specs: list[str], settings: Settings, deadline: Deadline | None = None) -> list[Provider]:
    """A provider per spec, each spec once, in order: PATH, URL, a word of NAMED, or KIND:URL with a kind of AT_URL
    (kiwix:URL#BOOK for one book).

    Nothing is fetched yet. They share one Fetcher (manners are per host; deadline: when it stops waiting for servers)
    and one Extractor (one worker process).
    Raises SourceError, one line, for a missing path, an empty folder, a missing key or a spec of no known kind.
    """
    reader = Reader(Fetcher(settings, deadline=deadline), Extractor(settings.page_timeout))
    return [_open(spec, settings, reader) for spec in dict.fromkeys(spec.strip() for spec in specs)]


def _open(spec: str, settings: Settings, reader: Reader) -> Provider:
    if not spec:
        raise SourceError(f"an empty source: {USAGE}")
    if spec.lower() in NAMED:
        return NAMED[spec.lower()](settings, reader)
    kind, colon, rest = spec.partition(":")
    if colon and kind.lower() in AT_URL:
        return AT_URL[kind.lower()](_web(rest, spec), reader)
    if re.match(r"https?:", spec, re.I):
        return Page(_web(spec, spec), reader)
    path = Path(spec)
    if not path.expanduser().exists() and re.match(r"[a-z][a-z0-9+.-]+:", spec, re.I):
        raise SourceError(f"{_printable(spec)}: no such kind of source; {USAGE}")
    return LocalFiles(path, reader.extractor, keep=settings.cache_mb > 0)


def _web(url: str, spec: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or any(ord(c) < 33 for c in url):
        raise SourceError(f"{_printable(spec)}: not a URL that can be fetched; {USAGE}")
    return url


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:200]


def picture(providers: Sequence[Provider], source: Source, figure: Figure) -> Picture | Skipped:
    """The bytes of a figure, from the provider its page came from, by that one's rules."""
    if figure.url.startswith("data:"):
        try:
            return Picture(base64.b64decode(figure.url.partition(",")[2], validate=False))
        except ValueError:
            return Skipped("data:", "not base64")
    # Those that know their own pages by the address come before those that take any page of the web.
    for provider in sorted(providers, key=lambda p: isinstance(p, WebPages)):
        ask = getattr(provider, "picture", None)
        try:
            got: Picture | Skipped | None = None if ask is None else ask(source, figure)
        except ProviderError as error:
            got = Skipped(figure.url, str(error))
        if got is not None:
            return got
    return Skipped(figure.url, "its page came from none of these sources")


def reachable(provider: Provider) -> bool:
    """Can the provider be used now? Local files always; a host is asked once, for three seconds at most."""
    ask = getattr(provider, "reachable", None)
    return True if ask is None else bool(ask())
