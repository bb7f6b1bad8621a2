"""The HTTP clients of a Fetcher: one for the public web, with a cache on disk, and one for what the user named.

Only public answers are cached, so that no run can be led to a page of this network that another one read.
"""

from __future__ import annotations

import contextlib
import os
import urllib.request
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
from hishel import CacheOptions, SqliteStorage
from hishel.httpx import CacheTransport
from platformdirs import user_cache_path

from tools.guard import Guard, Refused, Resolver, Transport
from tools.settings import Settings
from tools.urls import loopback, place


def cache_file() -> Path:
    """$PALIMPSEST_HOME/cache/web/pages.sqlite, else the same in the user's cache folder for palimpsest."""
    home = os.environ.get("PALIMPSEST_HOME")
    root = Path(home).expanduser() / "cache" if home else user_cache_path("palimpsest")
    return root / "web" / "pages.sqlite"


class Clients:
    """named: (host, port) pairs that may lie anywhere; the clients are made when they are first needed."""

    def __init__(self, settings: Settings, encodings: str, resolver: Resolver) -> None:
        self.named: set[tuple[str, int]] = set()
        self._settings = settings
        self._headers = {"User-Agent": settings.user_agent, "Accept-Encoding": encodings}
        self._resolver = resolver
        self._public = Guard(None, resolver)
        self._inside = Guard(self.named, resolver)
        self._made: dict[tuple[bool, bool], httpx.Client] = {}
        self._local: dict[tuple[str, int], bool] = {}

    def of(self, url: str, timeout: float, cached: bool = True) -> httpx.Client:
        """The client for a checked URL: the one for the public web unless it was named and lies inside.

        cached: whether answers of the public web may be kept and taken from the cache.
        """
        where = place(url)
        if where in self.named and where not in self._local:
            self._local[where] = self._lies_inside(where, timeout)
        return self._client(self._local.get(where, False), cached)

    def _lies_inside(self, where: tuple[str, int], timeout: float) -> bool:
        """Whether a host that was named must be reached as named: it is not at a public address or web port."""
        if loopback(where[0]):
            return True
        try:
            self._public.addresses(*where, timeout)
        except Refused:
            return True
        except OSError:
            pass  # the request will say so
        return False

    def _client(self, inside: bool, cached: bool) -> httpx.Client:
        if (inside, cached) not in self._made:
            keep = self._cached if cached else lambda transport: transport
            context = httpx.create_ssl_context()
            if inside:
                transport: httpx.BaseTransport = Transport(self._inside, context)
                mounts = {}
            else:
                transport = keep(Transport(self._public, context))
                mounts = {
                    pattern: keep(Transport(self._public, context, proxy)) if proxy else None
                    for pattern, proxy in proxies().items()
                }
            self._made[inside, cached] = httpx.Client(
                transport=transport,
                mounts=mounts,
                follow_redirects=False,
                timeout=self._settings.timeout,
                headers=self._headers,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none are kept, none are sent
                trust_env=False,
            )
        return self._made[inside, cached]

    def _cached(self, transport: Transport) -> httpx.BaseTransport:
        if self._settings.cache_mb == 0:
            return transport
        storage = SqliteStorage(
            database_path=cache_file(),
            max_size=int(self._settings.cache_mb * 1_000_000),
            max_stream_size=self._settings.max_pdf_bytes,
        )
        try:
            cache_file().parent.mkdir(parents=True, exist_ok=True)
            storage.get_entries("")
        except (RuntimeError, OSError):
            return transport  # a cache that cannot be used costs time only
        # RFC 9111 for one user: fresh answers are not asked for again, stale ones are asked for on condition.
        return CacheTransport(transport, storage, rfc=CacheOptions(shared=False))

    def close(self) -> None:
        for client in self._made.values():
            with contextlib.suppress(RuntimeError):
                client.close()


def proxies() -> dict[str, str | None]:
    """The environment's proxies as httpx mounts: pattern -> proxy URL, None for hosts to reach directly."""
    found = urllib.request.getproxies()
    mounts: dict[str, str | None] = {}
    for scheme in ("http", "https", "all"):
        proxy = found.get(scheme, "").strip()
        if proxy:
            mounts[f"{scheme}://"] = proxy if "://" in proxy else f"http://{proxy}"
    if mounts:
        for host in found.get("no", "").split(","):
            host = host.strip().lstrip(".")
            if host and host != "*":
                mounts[f"all://*{host}"] = None
        if "*" in found.get("no", ""):
            return {}
    return mounts
