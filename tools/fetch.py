"""Polite fetching of one URL: named User-Agent, caps on time and size, counted redirects, retries with back-off.

Connections go through tools.guard: public addresses only, but for the hosts and ports that the user named.
"""

from __future__ import annotations

import contextlib
import email.utils
import logging
import re
import socket
import threading
import time
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin

import httpx
import stamina

from tools.charset import decode
from tools.clients import Clients
from tools.deadline import SPENT, Deadline
from tools.decompress import ACCEPTED, BadBody, pieces
from tools.guard import Refused, Resolver, resolve
from tools.robots import Robots
from tools.settings import Settings
from tools.source import Skipped
from tools.urls import BadURL, checked_url, loopback, origin, place, printable

MAX_REDIRECTS = 5
MAX_RETRY_AFTER = 20.0  # seconds; a server that asks for more is not waited for
ROBOTS_DEADLINE = 10.0  # seconds for a robots.txt
PAGE_TYPES = (
    "text/html",
    "application/xhtml+xml",
    "text/plain",
    "text/markdown",
    "text/x-markdown",
    "application/pdf",
)
# What a picture may come as; its first bytes say what it is. Asked for by name, so that no server sends SVG or AVIF.
PICTURE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/octet-stream")


@dataclass(frozen=True)
class Fetched:
    """A body that arrived whole. url: the last one, after redirects. text: decoded, "" for PDF and pictures."""

    url: str
    status: int
    content_type: str
    body: bytes
    text: str


@dataclass(frozen=True)
class _Ask:
    """What is asked for, the same at every hop."""

    accept: tuple[str, ...]
    end: float  # monotonic time
    headers: Mapping[str, str]
    json: Any = None
    robots: bool = False
    secret: bool = False  # it must reach the server that was named and no other, and stay out of the cache


class _Retry(Exception):
    """Worth another try. wait: seconds the server asked for, 0 if it did not. broken: no answer came at all."""

    def __init__(self, reason: str, wait: float = 0.0, broken: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.broken = broken


class _Stop(Exception):
    """Not worth another try; the message is the reason."""


# Every retry is told in the result already; log lines of the libraries would land between ours on the terminal.
stamina.instrumentation.set_on_retry_hooks(())
logging.getLogger("hishel").setLevel(logging.CRITICAL + 1)


class Fetcher:
    """HTTP with its manners. Requests are serial: a second thread waits for the first.

    resolver: how names become addresses, another one in tests. deadline: when to stop waiting, whoever is asked.
    """

    def __init__(self, settings: Settings, resolver: Resolver = resolve, deadline: Deadline | None = None) -> None:
        self.settings = settings
        self.deadline = deadline or Deadline()
        self.overridden: list[str] = []  # pages read although their site's robots.txt asks not to
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}
        self._pace: dict[str, tuple[str, float]] = {}  # host -> (whose clock, seconds)
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._clients = Clients(settings, ACCEPTED, resolver)
        self._robots = Robots(self._robots_text, "Palimpsest")

    def close(self) -> None:
        self._clients.close()

    def name(self, url: str) -> None:
        """The user named this URL: its host and port may be asked wherever they are, this machine included."""
        with contextlib.suppress(BadURL):
            self._clients.named.add(place(checked_url(url)))

    def pace(self, hosts: Iterable[str], seconds: float) -> None:
        """Between two requests to any of these hosts, at least so many seconds."""
        hosts = tuple(hosts)
        for host in hosts:
            self._pace[host] = (hosts[0], seconds)

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        accept: tuple[str, ...] = PAGE_TYPES,
        attempts: int | None = None,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        robots: bool = False,
        secret: bool = False,
    ) -> Fetched | Skipped:
        """The page at an http or https URL, or why there is none; raises nothing for what the net does.

        accept: media types to take; any other is skipped unread. attempts and timeout (seconds for the whole page)
        override the settings, for probes. json: a body to post. secret: the request holds a key; so it goes to the
        host that was named and to no other, and no cache keeps it, as with headers and json. robots: ask the site's
        robots.txt first.
        """
        attempts = self.settings.attempts if attempts is None else attempts
        asked = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}" if params else url
        secret = secret or bool(headers) or json is not None

        told = SPENT  # what the try before came to

        def again(error: Exception) -> bool | float:
            nonlocal told
            told = str(error)
            if not isinstance(error, _Retry) or error.wait > min(MAX_RETRY_AFTER, self.deadline.left()):
                return False
            return error.wait or True

        try:
            with self._lock:
                for attempt in stamina.retry_context(
                    on=again,
                    attempts=max(1, attempts),
                    timeout=min(90.0, max(0.01, self.deadline.left())),
                    wait_initial=0.5,
                    wait_jitter=0.25,
                    wait_max=min(8.0, max(0.5, self.deadline.left())),
                ):
                    with attempt:
                        if self.deadline.passed():
                            raise _Stop(told)
                        end = time.monotonic() + min(timeout or self.settings.deadline, self.deadline.left())
                        return self._follow(asked, _Ask(accept, end, headers or {}, json, robots, secret))
        except (_Retry, _Stop, BadURL) as error:
            return Skipped(url, str(error))
        raise AssertionError("stamina gave no attempt")

    # ---- one attempt ----

    def _follow(self, url: str, ask: _Ask) -> Fetched:
        """Follows redirects by hand; each hop is checked and counted."""
        url = checked_url(url)
        for hop in range(MAX_REDIRECTS + 1):
            if ask.robots:
                self._obey(url)
            self._wait(url)
            try:
                answer = self._one(url, ask)
            except Refused as error:
                raise _Stop(f"the site redirects to {error}" if hop else str(error)) from error
            finally:
                self._rest(url)
            if isinstance(answer, Fetched):
                return answer
            if ask.secret:
                raise _Stop("the service redirects, and a key is not carried elsewhere")
            url = _target(url, answer)
        raise _Stop(f"more than {MAX_REDIRECTS} redirects")

    def _obey(self, url: str) -> None:
        """Raises _Stop where robots.txt asks not to read the page, _Retry where it cannot be had."""
        site = origin(url)
        if self._robots.allow(site, url):
            delay = self._robots.rules(site).delay
            host = place(url)[0]
            if delay and host not in self._pace:
                self._pace[host] = (host, delay)
        elif self.settings.robots == "obey":
            raise _Stop("its robots.txt asks not to read it")
        elif url not in self.overridden:
            self.overridden.append(url)

    def _robots_text(self, url: str) -> str | None:
        end = time.monotonic() + min(ROBOTS_DEADLINE, self.settings.deadline, self.deadline.left())
        try:
            return self._follow(url, _Ask(("text/plain",), end, {})).text
        except _Retry as error:
            if error.broken:
                raise
            raise _Retry(f"{error} for its robots.txt", error.wait) from error
        except _Stop:
            return None  # none, or none that is text: nothing was asked of us

    def _wait(self, url: str) -> None:
        host = place(url)[0]
        if loopback(host) and host not in self._pace:
            return
        clock, seconds = self._pace.get(host, (host, 0.0))
        pause = self._last.get(clock, -1e9) + max(seconds, self.settings.delay) - time.monotonic()
        if pause > 0:
            if pause > self.deadline.left():
                raise _Stop(SPENT)
            time.sleep(pause)
        self._last[clock] = time.monotonic()

    def _rest(self, url: str) -> None:
        """The pause to the next request is counted from the end of this one."""
        host = place(url)[0]
        clock = self._pace.get(host, (host, 0.0))[0]
        if clock in self._last:
            self._last[clock] = time.monotonic()

    def _one(self, url: str, ask: _Ask) -> Fetched | str:
        """One request. A string is where the server sends us instead."""
        try:
            with _Watch(ask.end, self._sockets) as watch:
                client = self._clients.of(url, max(0.05, watch.left()), cached=not ask.secret)
                request = client.build_request(
                    "GET" if ask.json is None else "POST",
                    url,
                    headers={"Accept": ", ".join(ask.accept), **ask.headers},
                    json=ask.json,
                    extensions={"trace": watch.trace},
                )
                seconds = max(0.05, min(self.settings.timeout, watch.left()))
                request.extensions["timeout"] = httpx.Timeout(seconds).as_dict()
                response = client.send(request, stream=True)
                try:
                    return self._read(response, url, ask.accept, watch)
                finally:
                    response.close()
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            raise _Stop("not a URL that can be fetched") from error
        except BadBody as error:
            raise _Stop(str(error)) from error
        except httpx.RemoteProtocolError as error:
            if "location header" in str(error):
                raise _Stop("the site redirects to something that is no URL") from error
            if watch.fired:
                raise _Stop("the page took too long") from error
            raise _Retry(f"cannot be reached ({_short(error)})", broken=True) from error
        except httpx.TimeoutException as error:
            if watch.left() < 0.1:
                raise _Stop("the page took too long") from error
            raise _Retry(f"no answer within {self.settings.timeout:g} s", broken=True) from error
        except (httpx.TransportError, OSError) as error:
            if watch.fired:
                raise _Stop("the page took too long") from error
            raise _Retry(f"cannot be reached ({_short(error)})", broken=True) from error

    def _read(self, response: httpx.Response, url: str, accept: tuple[str, ...], watch: _Watch) -> Fetched | str:
        status = response.status_code
        if status in (301, 302, 303, 307, 308) and response.headers.get("location"):
            return response.headers["location"]
        if status in (429, 500, 502, 503, 504):
            raise _Retry(f"HTTP {status}", _retry_after(response.headers.get("retry-after", "")))
        if status != 200:
            raise _Stop(f"HTTP {status}")
        kind, _, rest = response.headers.get("content-type", "").partition(";")
        kind = kind.strip().lower() or "text/html"
        if kind not in accept:
            raise _Stop(f"not a page that can be read ({printable(kind, 60)})")
        limit = self.settings.max_pdf_bytes if kind == "application/pdf" else self.settings.max_bytes
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and len(declared) < 20 and int(declared) > limit:
            raise _Stop(f"larger than {limit / 1e6:g} MB")
        body = bytearray()
        for piece in pieces(response.iter_raw(), response.headers.get("content-encoding", "")):
            body += piece
            if len(body) > limit:
                raise _Stop(f"larger than {limit / 1e6:g} MB")
            if watch.left() <= 0:
                break
        if watch.fired or watch.left() <= 0:
            # A body without a length that was shut off looks like one that ended.
            raise _Stop("the page took too long")
        charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", rest, re.I)
        wordless = kind == "application/pdf" or kind in PICTURE_TYPES
        text = "" if wordless else decode(bytes(body), charset.group(1) if charset else "")
        return Fetched(url, status, kind, bytes(body), text)


class _Watch:
    """Ends a request at a fixed time, also one whose bytes drip in slowly enough to pass every read timeout.

    httpx's timeouts are per operation. The trace hook shows each socket as it opens; at the deadline a timer shuts
    them, and the blocked read returns. sockets: those of the client, kept-alive ones included.
    """

    def __init__(self, end: float, sockets: weakref.WeakSet[socket.socket]) -> None:
        self.end = end
        self.fired = False
        self._sockets = sockets
        self._timer = threading.Timer(max(0.01, self.left()), self._fire)
        self._timer.daemon = True

    def left(self) -> float:
        """Seconds until the deadline, 0 once it has passed."""
        return max(0.0, self.end - time.monotonic())

    def trace(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            raw = info["return_value"].get_extra_info("socket")
            if isinstance(raw, socket.socket):
                self._sockets.add(raw)

    def _fire(self) -> None:
        self.fired = True
        for raw in list(self._sockets):
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> _Watch:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


# ---- headers ----


def _target(url: str, location: str) -> str:
    """Where a redirect leads."""
    try:
        return checked_url(urljoin(url, location))
    except BadURL as error:
        raise _Stop(f"the site redirects elsewhere: {error}") from error
    except ValueError as error:
        raise _Stop("the site redirects to something that is no URL") from error


def _retry_after(value: str) -> float:
    """Seconds a Retry-After header asks for, 0 for none."""
    value = value.strip()
    if value.isdecimal():
        return float(value[:9])
    try:
        moment = email.utils.parsedate_to_datetime(value)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0


def _short(error: Exception) -> str:
    return printable(str(error).split("\n")[0].strip() or type(error).__name__, 100)
