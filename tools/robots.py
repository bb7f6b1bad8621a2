"""What a site asks robots not to read, by protego after RFC 9309."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from protego import Protego

LARGEST = 512_000  # bytes of a robots.txt that are read, as RFC 9309 asks at least
RULES = 5_000  # lines that are looked at; each costs time for every page
KEPT = 24 * 3600.0  # seconds
SLOWEST = 10.0  # seconds between two pages that a site may ask for


@dataclass(frozen=True)
class Rules:
    """One site's rules for our name."""

    parsed: Protego | None  # None: everything may be read
    delay: float  # seconds asked for between pages, 0 for none
    until: float  # monotonic time up to which they are kept

    def allow(self, url: str, agent: str) -> bool:
        return self.parsed is None or self.parsed.can_fetch(url, agent)


class Robots:
    """Rules by site, each read once a day. read: the text of a robots.txt by URL, None where the site has none."""

    def __init__(self, read: Callable[[str], str | None], agent: str) -> None:
        self._read = read
        self._agent = agent
        self._known: dict[str, Rules] = {}

    def rules(self, site: str) -> Rules:
        """Rules of a site (scheme, host and port). Raises what `read` raises: a site whose rules cannot be had
        is not read."""
        known = self._known.get(site)
        if known is None or known.until < time.monotonic():
            known = self._known[site] = _rules(self._read(site + "/robots.txt"), self._agent)
        return known

    def allow(self, site: str, url: str) -> bool:
        """May the page be read?"""
        return self.rules(site).allow(url, self._agent)


def _rules(text: str | None, agent: str) -> Rules:
    until = time.monotonic() + KEPT
    if not text:
        return Rules(None, 0.0, until)
    lines = text[:LARGEST].splitlines()[:RULES]
    parsed = Protego.parse("\n".join(line[:2000] for line in lines))
    try:
        delay = float(parsed.crawl_delay(agent) or 0.0)
    except (TypeError, ValueError):
        delay = 0.0
    return Rules(parsed, min(SLOWEST, max(0.0, delay)) if delay == delay else 0.0, until)
