"""Web pages as sources: one that the user named, and those that a search gave."""

from __future__ import annotations

import datetime
from urllib.parse import urlsplit

from tools.extract import MAX_PICTURE, MEDIA_TYPES, Extractor
from tools.fetch import PICTURE_TYPES, Fetcher
from tools.figures import resolved
from tools.source import Figure, Hit, Picture, Skipped, Source, source_id

# How files begin that some servers call text: archives, pictures, programs, media.
NO_TEXT = (
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"\x7fELF",
    b"MZ\x90",
    b"OggS",
    b"Rar!",
    b"7z\xbc",
)


class Reader:
    """Reads pages, politely and as text. notes: what the user should know of how pages were read."""

    def __init__(self, fetcher: Fetcher, extractor: Extractor) -> None:
        self.fetcher = fetcher
        self.extractor = extractor

    @property
    def notes(self) -> list[str]:
        return [
            f"{url} was read although its site's robots.txt asks not to, because the setting robots is ignore"
            for url in self.fetcher.overridden
        ]

    def page(self, url: str, title: str = "", *, address: str = "", robots: bool = True) -> Source | Skipped:
        """The page at a URL as stored text. The URL that was asked for stays the source's, so that its id does not
        hang on where the site redirects today; `address` names another one for it. title: where it states none."""
        got = self.fetcher.get(url, robots=robots)
        if isinstance(got, Skipped):
            return got
        kind = "pdf" if got.body.startswith(b"%PDF-") else MEDIA_TYPES[got.content_type]
        if kind != "pdf" and got.body.startswith(NO_TEXT):
            return Skipped(url, "its body is not the text that the server says it is")
        found = self.extractor.read(kind, got.body if kind == "pdf" else got.text, url)
        if isinstance(found, Skipped):
            return found
        parts = urlsplit(got.url)
        name = found.title or title or parts.path.rsplit("/", 1)[-1] or (parts.hostname or "")
        return made(address or url, name, found.text, found.date, resolved(found.figures, got.url))

    def picture(self, figure: Figure, *, robots: bool = True) -> Picture | Skipped:
        """The bytes of a figure of a web page, by the same rules as the page."""
        got = self.fetcher.get(figure.url, accept=PICTURE_TYPES, attempts=2, robots=robots)
        if isinstance(got, Skipped):
            return got
        if len(got.body) > MAX_PICTURE:
            return Skipped(figure.url, f"larger than {MAX_PICTURE / 1e6:g} MB")
        return Picture(got.body)


class WebPages:
    """What providers share whose pages are read from the web by a `_reader`."""

    _reader: Reader

    def picture(self, source: Source, figure: Figure) -> Picture | Skipped | None:
        """The bytes of a figure of one of this provider's pages; None where the page cannot be one."""
        return self._reader.picture(figure) if source.url.startswith(("http://", "https://")) else None


def made(url: str, title: str, text: str, date: str = "", figures: tuple[Figure, ...] = ()) -> Source:
    """A source as it was read today."""
    return Source(source_id(url), url, title, text, datetime.date.today().isoformat(), date, figures)


class Page(WebPages):
    """One web page that the user named: every search gives it, fetch reads it."""

    def __init__(self, url: str, reader: Reader) -> None:
        self.name = url
        self.url = url
        self._reader = reader
        reader.fetcher.name(url)

    @property
    def notes(self) -> list[str]:
        return [note for note in self._reader.notes if note.startswith(self.url + " ")]

    def search(self, query: str, limit: int) -> list[Hit]:
        return [Hit(self.url, "", "", self.name)][: max(0, limit)]

    def fetch(self, hit: Hit) -> Source | Skipped:
        return self._reader.page(hit.url)

    def reachable(self) -> bool:
        """Does the page answer within three seconds? One try."""
        return not isinstance(self._reader.fetcher.get(self.url, attempts=1, timeout=3.0), Skipped)
