"""arXiv by its query interface (https://info.arxiv.org/help/api/): papers with their PDF.

Its operator asks for one request in three seconds over all its hosts, and one connection at a time.
"""

from __future__ import annotations

from tools.answers import XML_TYPES, asked, plain, xml
from tools.pages import Reader
from tools.papers import Paper, Papers, day, words_of
from tools.source import ProviderError
from tools.urls import BadURL, place

PACE = 3.0  # seconds
HOSTS = ("export.arxiv.org", "arxiv.org", "www.arxiv.org")
ATOM = "{http://www.w3.org/2005/Atom}"


def arxiv(api: str, reader: Reader) -> Papers:
    """The provider. api: URL of the query interface."""
    fetcher = reader.fetcher
    fetcher.name(api)
    try:
        fetcher.pace((place(api)[0], *HOSTS), PACE)
    except BadURL as error:
        raise ProviderError(f"arxiv: {error}") from None

    def ask(words: list[str], limit: int) -> list[Paper]:
        wanted = " AND ".join(f'all:"{word}"' for word in (w.replace('"', "") for w in words) if word)
        params = {"search_query": wanted, "max_results": str(limit), "sortBy": "relevance"}
        feed = xml(asked(fetcher, "arxiv", api, XML_TYPES, params=params).body)
        if feed is None or feed.tag != f"{ATOM}feed":
            raise ProviderError("arxiv: the answer is not what this interface gives")
        found = []
        for entry in feed.iterfind(f"{ATOM}entry"):
            url = (entry.findtext(f"{ATOM}id") or "").strip()
            links = {link.get("title") or link.get("rel"): link.get("href") or "" for link in entry.iter(f"{ATOM}link")}
            if "/abs/" not in url:
                continue  # the interface tells errors as entries
            found.append(
                Paper(
                    url.replace("http://", "https://", 1) if "arxiv.org/" in url else url,
                    plain(entry.findtext(f"{ATOM}title")),
                    words_of(entry.findtext(f"{ATOM}summary")),
                    links.get("pdf", "").replace("http://arxiv.org", "https://arxiv.org", 1),
                    day(entry.findtext(f"{ATOM}published")),
                )
            )
        return found

    return Papers("arxiv", ask, reader)
