"""What `--sources` names, opened: folders and files, web pages, Wikipedia, Kiwix servers."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from urllib.parse import urlsplit

from tools.extract import MEDIA_TYPES, Extractor
from tools.fetch import Fetcher
from tools.kiwix import Kiwix
from tools.local import LocalFiles
from tools.mediawiki import MediaWiki
from tools.settings import Settings
from tools.source import Hit, Provider, Skipped, Source, SourceError, source_id

USAGE = "a source is a folder, a file, an http(s) URL, wikipedia, or kiwix:URL"


class Page:
    """One web page that the user named: every search gives it, fetch reads it."""

    def __init__(self, url: str, fetcher: Fetcher, extractor: Extractor) -> None:
        self.name = url
        self.url = url
        self._fetcher = fetcher
        self._extractor = extractor

    def search(self, query: str, limit: int) -> list[Hit]:
        return [Hit(self.url, "", "", self.name)][: max(0, limit)]

    def fetch(self, hit: Hit) -> Source | Skipped:
        got = self._fetcher.get(hit.url)
        if isinstance(got, Skipped):
            return got
        body = got.body if got.content_type == "application/pdf" else got.text
        found = self._extractor.read(MEDIA_TYPES[got.content_type], body, hit.url)
        if isinstance(found, Skipped):
            return found
        # The URL the user named stays the source's, so that its id does not hang on where the site redirects today.
        title = found.title or urlsplit(got.url).path.rsplit("/", 1)[-1] or (urlsplit(got.url).hostname or "")
        return Source(source_id(hit.url), hit.url, title, found.text, datetime.date.today().isoformat(), found.date)

    def reachable(self) -> bool:
        """Does the page answer within three seconds? One try."""
        return not isinstance(self._fetcher.get(self.url, attempts=1, timeout=3.0), Skipped)


def open_providers(specs: list[str], settings: Settings) -> list[Provider]:
    """A provider per spec, each spec once, in order: PATH, URL, "wikipedia" or "kiwix:URL" (with #BOOK for one book).

    Nothing is fetched yet. They share one Fetcher (manners are per host) and one Extractor (one worker process).
    Raises SourceError, one line, for a missing path, an empty folder or a spec of no known kind.
    """
    fetcher = Fetcher(settings)
    extractor = Extractor(settings.page_timeout)
    return [_open(spec, settings, fetcher, extractor) for spec in dict.fromkeys(spec.strip() for spec in specs)]


def _open(spec: str, settings: Settings, fetcher: Fetcher, extractor: Extractor) -> Provider:
    if not spec:
        raise SourceError(f"an empty source: {USAGE}")
    if spec.lower() == "wikipedia":
        return MediaWiki(settings.wikipedia, fetcher, extractor)
    if spec.lower().startswith("kiwix:"):
        return Kiwix(_web(spec[6:], spec), fetcher, extractor)
    if re.match(r"https?:", spec, re.I):
        return Page(_web(spec, spec), fetcher, extractor)
    path = Path(spec)
    if not path.expanduser().exists() and re.match(r"[a-z][a-z0-9+.-]+:", spec, re.I):
        raise SourceError(f"{_printable(spec)}: no such kind of source; {USAGE}")
    return LocalFiles(path, extractor)


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


def reachable(provider: Provider) -> bool:
    """Can the provider be used now? Local files always; a host is asked once, for three seconds at most."""
    ask = getattr(provider, "reachable", None)
    return True if ask is None else bool(ask())
