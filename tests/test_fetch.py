"""Fetching against a real server on loopback that answers well, badly, slowly and endlessly."""

from __future__ import annotations

import contextlib
import gzip
import time
from collections.abc import Iterator

import pytest

from tests.web import Request, site
from tools.charset import decode
from tools.fetch import MAX_REDIRECTS, Fetched, Fetcher
from tools.settings import Settings, SettingsError
from tools.source import Skipped

PAGE = "<html><body><p>Café prices rose by 3 percent in May.</p></body></html>"
seen: list[tuple[str, float, str]] = []


def _pages(request: Request) -> None:
    path = request.path.split("?")[0]
    seen.append((request.path, time.monotonic(), request.headers.get("User-Agent", "")))
    if path == "/page":
        request.reply(PAGE)
    elif path == "/latin":
        request.reply(PAGE.encode("latin-1"), "text/html; charset=iso-8859-1")
    elif path == "/gzip":
        request.reply(gzip.compress(PAGE.encode()), Content_Encoding="gzip")
    elif path == "/liar":
        request.reply(PAGE, Content_Encoding="gzip")
    elif path == "/bomb":
        request.reply(gzip.compress(b" " * 5_000_000), Content_Encoding="gzip")
    elif path.startswith("/hop/"):
        left = int(path.rsplit("/", 1)[1])
        request.reply("", status=302, Location=f"/hop/{left - 1}" if left else "/page")
    elif path == "/loop":
        request.reply("", status=301, Location="/loop")
    elif path == "/to-file":
        request.reply("", status=302, Location="file:///etc/passwd")
    elif path == "/declared":
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", "900000000")
        request.end_headers()
        request.close_connection = True
    elif path == "/endless":
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Connection", "close")
        request.end_headers()
        for _ in range(100_000):
            request.wfile.write(b"<p>and so on</p>" * 1000)
    elif path == "/drip":
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Connection", "close")
        request.end_headers()
        for _ in range(1200):
            request.wfile.write(b"x")
            request.wfile.flush()
            time.sleep(0.05)
    elif path == "/drip-head":
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1200:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            time.sleep(0.05)
    elif path == "/picture":
        request.reply(b"\x89PNG", "image/png")
    elif path == "/flaky":
        tries = sum(1 for url, _, _ in seen if url == request.path)
        request.reply(PAGE if tries > 1 else "", status=200 if tries > 1 else 503)
    elif path == "/busy":
        tries = sum(1 for url, _, _ in seen if url == request.path)
        request.reply(PAGE if tries > 1 else "", status=200 if tries > 1 else 429, Retry_After="1")
    elif path == "/busy-for-long":
        request.reply("", status=429, Retry_After="86400")
    else:
        request.reply("<p>nothing here</p>", status=404)


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with site(_pages) as url:
        yield url


@pytest.fixture()
def fetcher(web: str) -> Iterator[Fetcher]:
    fetcher = Fetcher(Settings(contact="me@example.org"))
    fetcher.name(web)
    yield fetcher
    fetcher.close()


def _text(got: Fetched | Skipped) -> str:
    assert isinstance(got, Fetched), got
    return got.text


def _reason(got: Fetched | Skipped) -> str:
    assert isinstance(got, Skipped), got
    assert "\n" not in got.reason
    return got.reason


def test_a_page_arrives_decoded_and_the_server_learns_who_asked(web: str, fetcher: Fetcher) -> None:
    got = fetcher.get(web + "/page")
    assert _text(got) == PAGE and isinstance(got, Fetched) and got.content_type == "text/html" and got.status == 200
    assert seen[-1][2].startswith("Palimpsest/") and seen[-1][2].endswith("(+me@example.org)")
    assert _text(fetcher.get(web + "/latin")) == PAGE
    assert _text(fetcher.get(web + "/gzip")) == PAGE


def test_redirects_are_counted(web: str, fetcher: Fetcher) -> None:
    got = fetcher.get(f"{web}/hop/{MAX_REDIRECTS - 1}")
    assert isinstance(got, Fetched) and got.url == web + "/page"
    assert "redirects" in _reason(fetcher.get(f"{web}/hop/{MAX_REDIRECTS}"))
    before = len(seen)
    assert "redirects" in _reason(fetcher.get(web + "/loop"))
    assert len(seen) - before == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "url", ["/to-file", "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x", "http://", "http://[::", "nonsense"]
)
def test_only_http_and_https_are_fetched(web: str, fetcher: Fetcher, url: str) -> None:
    _reason(fetcher.get(web + url if url.startswith("/") else url))


def test_missing_pages_and_other_media_are_skipped(web: str, fetcher: Fetcher) -> None:
    before = len(seen)
    assert _reason(fetcher.get(web + "/nowhere")) == "HTTP 404"
    assert len(seen) - before == 1  # a 404 is not tried again
    assert "image/png" in _reason(fetcher.get(web + "/picture"))
    assert "Content-Encoding" in _reason(fetcher.get(web + "/liar"))


def test_large_bodies_are_cut_off(web: str, fetcher: Fetcher) -> None:
    for path in ("/declared", "/endless", "/bomb"):
        assert "larger than 2 MB" in _reason(fetcher.get(web + path)), path


@pytest.mark.parametrize("path", ["/drip", "/drip-head"])
def test_a_slow_drip_ends_at_the_deadline(web: str, fetcher: Fetcher, path: str) -> None:
    start = time.monotonic()
    assert "too long" in _reason(fetcher.get(web + path, timeout=1.0))
    assert time.monotonic() - start < 15.0
    assert _text(fetcher.get(web + "/page")) == PAGE  # the client still works


def test_a_drip_on_a_kept_connection_ends_too(web: str, fetcher: Fetcher) -> None:
    assert _text(fetcher.get(web + "/page"))
    start = time.monotonic()
    assert "too long" in _reason(fetcher.get(web + "/drip", timeout=1.0))
    assert time.monotonic() - start < 15.0


def test_busy_servers_are_asked_again(web: str, fetcher: Fetcher) -> None:
    assert _text(fetcher.get(web + "/flaky")) == PAGE
    start = time.monotonic()
    assert _text(fetcher.get(web + "/busy")) == PAGE
    assert time.monotonic() - start >= 1.0  # as Retry-After says
    before = len(seen)
    assert "429" in _reason(fetcher.get(web + "/busy-for-long"))
    assert len(seen) - before == 1


def test_an_unreachable_host_is_one_clear_line(fetcher: Fetcher) -> None:
    with contextlib.closing(Fetcher(Settings(attempts=1))) as once:
        once.name("http://127.0.0.1:9/")
        assert "cannot be reached" in _reason(once.get("http://127.0.0.1:9/"))
        assert "cannot be reached" in _reason(once.get("http://no-such-host.invalid/"))


def test_one_host_is_not_hurried() -> None:
    with contextlib.closing(Fetcher(Settings(delay=0.3))) as polite:
        polite._wait("http://example.org/a")
        start = time.monotonic()
        polite._wait("http://example.org/b")
        assert time.monotonic() - start >= 0.29
    with contextlib.closing(Fetcher(Settings(delay=60.0))) as polite:
        start = time.monotonic()
        for url in ("http://example.org/", "http://example.net/", "http://127.0.0.1/", "http://127.0.0.1/"):
            polite._wait(url)
        assert time.monotonic() - start < 30.0


def test_charsets() -> None:
    text = "<p>Grüße, naïve café</p>"
    assert decode(text.encode("utf-16")) == text
    assert decode(b"\xef\xbb\xbf" + text.encode()) == text
    assert decode(text.encode("latin-1"), "latin-1") == text
    assert decode(b'<meta charset="iso-8859-1">' + text.encode("latin-1")).endswith(text)
    assert decode(text.encode(), "no-such-charset") == text
    assert decode(b"PK", "zlib") == "PK"
    assert "Gr" in decode(text.encode("latin-1"))  # a guess, but no error


def test_settings_come_from_the_environment() -> None:
    environ = {"PALIMPSEST_CONTACT": "a@b.c", "PALIMPSEST_TIMEOUT": "3.5", "PALIMPSEST_ATTEMPTS": "2"}
    found = Settings.from_environment(environ)
    assert (found.contact, found.timeout, found.attempts) == ("a@b.c", 3.5, 2)
    for bad in ("soon", "-1", "nan", "inf"):
        with pytest.raises(SettingsError, match="PALIMPSEST_TIMEOUT"):
            Settings.from_environment({"PALIMPSEST_TIMEOUT": bad})
    agent = Settings(contact="me\r\nX-Evil: 1 (é)").user_agent
    assert agent.isascii() and agent.isprintable()
