"""Polite fetching of one URL: named User-Agent, caps on time and size, counted redirects, retries with back-off."""

from __future__ import annotations

import codecs
import contextlib
import email.utils
import ipaddress
import re
import socket
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import httpx
import stamina

from tools.settings import Settings
from tools.source import Skipped

MAX_REDIRECTS = 5
MAX_RETRY_AFTER = 20.0  # seconds; a server that asks for more is not waited for
PAGE_TYPES = (
    "text/html",
    "application/xhtml+xml",
    "text/plain",
    "text/markdown",
    "text/x-markdown",
    "application/pdf",
)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.I)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Fetched:
    """A body that arrived whole. url: the last one, after redirects. text: decoded, "" for PDF."""

    url: str
    status: int
    content_type: str
    body: bytes
    text: str


class _Retry(Exception):
    """Worth another try. wait: seconds the server asked for, 0 if it did not. broken: no answer came at all."""

    def __init__(self, reason: str, wait: float = 0.0, broken: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.broken = broken


class _Stop(Exception):
    """Not worth another try; the message is the reason."""


# Every retry is told in the result already; stamina's own log lines would land between ours on the terminal.
stamina.instrumentation.set_on_retry_hooks(())


class Fetcher:
    """One HTTP client with its manners. Requests are serial: a second thread waits for the first."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._client = httpx.Client(
            follow_redirects=False,
            timeout=settings.timeout,
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=2),
            headers={"User-Agent": settings.user_agent, "Accept-Encoding": "gzip, deflate"},
        )

    def close(self) -> None:
        self._client.close()

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        accept: tuple[str, ...] = PAGE_TYPES,
        attempts: int | None = None,
        timeout: float | None = None,
    ) -> Fetched | Skipped:
        """The page at an http or https URL, or why there is none; raises nothing for what the net does.

        accept: media types to take; any other is skipped unread. attempts and timeout (seconds for the whole page)
        override the settings, for probes.
        """
        attempts = self.settings.attempts if attempts is None else attempts
        asked = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}" if params else url

        def again(error: Exception) -> bool | float:
            if not isinstance(error, _Retry) or error.wait > MAX_RETRY_AFTER:
                return False
            return error.wait or True

        try:
            with self._lock:
                for attempt in stamina.retry_context(
                    on=again,
                    attempts=max(1, attempts),
                    timeout=90.0,
                    wait_initial=0.5,
                    wait_jitter=0.25,
                    wait_max=8.0,
                ):
                    with attempt:
                        return self._follow(asked, accept, timeout or self.settings.deadline)
        except (_Retry, _Stop) as error:
            return Skipped(url, str(error))
        raise AssertionError("stamina gave no attempt")

    # ---- one attempt ----

    def _follow(self, url: str, accept: tuple[str, ...], deadline: float) -> Fetched:
        """Follows redirects by hand; each hop is checked and counted."""
        end = time.monotonic() + deadline
        url = checked_url(url)
        first_private = _private(url)
        for _ in range(MAX_REDIRECTS + 1):
            if _private(url) and not first_private:
                raise _Stop("the site redirects to an address inside this network")
            self._wait(url)
            answer = self._one(url, accept, end)
            if isinstance(answer, Fetched):
                return answer
            url = _target(url, answer)
        raise _Stop(f"more than {MAX_REDIRECTS} redirects")

    def _wait(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        if _loopback(host):
            return
        pause = self._last.get(host, -1e9) + self.settings.delay - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._last[host] = time.monotonic()

    def _one(self, url: str, accept: tuple[str, ...], end: float) -> Fetched | str:
        """One request. A string is where the server sends us instead."""
        try:
            with _Watch(end, self._sockets) as watch:
                request = self._client.build_request(
                    "GET", url, headers={"Accept": ", ".join(accept)}, extensions={"trace": watch.trace}
                )
                seconds = max(0.05, min(self.settings.timeout, watch.left()))
                request.extensions["timeout"] = httpx.Timeout(seconds).as_dict()
                response = self._client.send(request, stream=True)
                try:
                    return self._read(response, url, accept, watch)
                finally:
                    response.close()
        except httpx.InvalidURL as error:
            raise _Stop("not a URL that can be fetched") from error
        except httpx.DecodingError as error:
            raise _Stop("the body is not what its Content-Encoding says") from error
        except httpx.TimeoutException as error:
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
            raise _Stop(f"not a page that can be read ({_printable(kind, 60)})")
        limit = self.settings.max_pdf_bytes if kind == "application/pdf" else self.settings.max_bytes
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise _Stop(f"larger than {limit / 1e6:g} MB")
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > limit:
                raise _Stop(f"larger than {limit / 1e6:g} MB")
            if watch.left() <= 0:
                break
        if watch.fired or watch.left() <= 0:
            # A body without a length that was shut off looks like one that ended.
            raise _Stop("the page took too long")
        charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", rest, re.I)
        text = "" if kind == "application/pdf" else decode(bytes(body), charset.group(1) if charset else "")
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


# ---- URLs and bytes ----


def _target(url: str, location: str) -> str:
    """Where a redirect leads."""
    try:
        return checked_url(urljoin(url, location))
    except ValueError as error:
        raise _Stop("the site redirects to something that is no URL") from error


def checked_url(url: str) -> str:
    """The URL without its fragment and without a user name. Raises _Stop unless it is http or https with a host."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _Stop("not a URL that can be fetched") from error
    if parts.scheme not in ("http", "https"):
        raise _Stop("only http and https are fetched")
    if not host or any(ord(c) < 33 for c in host):
        raise _Stop("the URL names no host")
    where = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, f"{where}:{port}" if port else where, parts.path or "/", parts.query, ""))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _private(url: str) -> bool:
    """Does the URL name this machine or a machine of its network? Names are judged by what they say alone."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _loopback(host) or host.endswith((".local", ".internal", ".lan"))
    return not address.is_global


def _retry_after(value: str) -> float:
    """Seconds a Retry-After header asks for, 0 for none."""
    value = value.strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, moment.timestamp() - time.time())


def _short(error: Exception) -> str:
    return _printable(str(error).split("\n")[0].strip() or type(error).__name__, 100)


def _printable(text: str, limit: int) -> str:
    return "".join(c for c in text if c.isprintable())[:limit]


def _candidates(body: bytes, header: str) -> Iterator[str]:
    for mark, name in _BOMS:
        if body.startswith(mark):
            yield name
    if header:
        yield header
    meta = _META_CHARSET.search(body[:4096])
    if meta:
        yield meta.group(1).decode("ascii")
    yield "utf-8"


def decode(body: bytes, header: str = "") -> str:
    """Text of bytes: byte-order mark, then the header's charset, the page's own, UTF-8, a guess. Never raises."""
    for name in _candidates(body, header):
        with contextlib.suppress(UnicodeDecodeError, LookupError, ValueError):
            return body.decode(name)
    from charset_normalizer import from_bytes

    best = from_bytes(body[:65536]).best()
    return body.decode(best.encoding if best else "cp1252", "replace")
