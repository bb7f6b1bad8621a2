"""The hostile web: what a page, a server or a name service may try, and what comes of it.

Every case has a name, and docs/security.md lists them all with their results. A server of our own does on loopback
what real ones will not; names and public addresses are stood in for by a resolver, since there is no network here.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from dlm_core.segment import split
from tests.hostile import PAGES, answer
from tests.support import ROOT
from tests.web import Request, site
from tools.answers import json_of
from tools.extract import Extractor
from tools.feeds import Listed
from tools.fetch import Fetched, Fetcher
from tools.guard import Guard, Refused
from tools.mediawiki import MediaWiki
from tools.openalex import openalex
from tools.pages import Page, Reader
from tools.settings import Settings
from tools.source import ProviderError, Skipped, Source
from tools.websearch import brave

QUICK = Settings(attempts=1, deadline=2.0, timeout=2.0, page_timeout=6.0, cache_mb=0)
PUBLIC = "93.184.215.14"


class Names:
    """A name service: what each name answers, one answer after another, the last one from then on."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, timeout: float | None) -> list[str]:
        self.asked.append(host)
        given = self.answers.get(host)
        if given is None:
            return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        return given.pop(0) if len(given) > 1 else given[0]


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    for path in ("/press/gzip-bomb", "/press/deflate-bomb"):
        PAGES[path]()  # made once, so that the making is not the page's time

    def pages(request: Request) -> None:
        seen.append(request.path)
        answer(request, f"http://{request.headers['Host']}")

    with site(pages) as url:
        yield url


seen: list[str] = []


@pytest.fixture(scope="module")
def reader(web: str) -> Iterator[Reader]:
    made = Reader(Fetcher(QUICK), Extractor(QUICK.page_timeout))
    made.fetcher.name(web)
    yield made
    made.fetcher.close()
    made.extractor.close()


def why(got: Fetched | Source | Skipped) -> str:
    assert isinstance(got, Skipped), got
    assert got.reason and "\n" not in got.reason and got.reason.isprintable()
    return got.reason


# ---- addresses ----

REFUSED = {
    "addr-loopback": "http://127.0.0.1/",
    "addr-localhost": "http://localhost/",
    "addr-localhost-dot": "http://localhost./",
    "addr-ten": "http://10.1.2.3/",
    "addr-172-16": "http://172.16.0.1/",
    "addr-192-168": "http://192.168.1.1/",
    "addr-link-local": "http://169.254.169.254/latest/meta-data/",
    "addr-carrier-nat": "http://100.64.0.1/",
    "addr-zero": "http://0.0.0.0/",
    "addr-multicast": "http://224.0.0.1/",
    "addr-broadcast": "http://255.255.255.255/",
    "addr-ipv6-loopback": "http://[::1]/",
    "addr-ipv6-mapped": "http://[::ffff:127.0.0.1]/",
    "addr-ipv6-compatible": "http://[::7f00:1]/",
    "addr-ipv6-link-local": "http://[fe80::1]/",
    "addr-ipv6-unique-local": "http://[fd00::1]/",
    "addr-ipv6-6to4": "http://[2002:7f00:1::]/",
    "addr-ipv6-nat64": "http://[64:ff9b::7f00:1]/",
    "addr-decimal": "http://2130706433/",
    "addr-hexadecimal": "http://0x7f000001/",
    "addr-octal": "http://0177.0.0.1/",
    "addr-short": "http://127.1/",
    "addr-wide-digits": "http://１２７.０.０.１/",
    "addr-user-name": "http://example.org@127.0.0.1/",
    "addr-backslash": "http://127.0.0.1\\@example.org/",
    "addr-name-inside": "http://inside.example/",
    "addr-name-both": "http://both.example/",
    "addr-port-mail": "http://mail.example:25/",
    "addr-port-shell": "http://mail.example:22/",
}


@pytest.mark.parametrize("case", REFUSED)
def test_addresses_inside_are_not_connected_to(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(inside_example=[["10.0.0.7"]], both_example=[[PUBLIC, "127.0.0.1"]], mail_example=[[PUBLIC]])

    def connect(*_: object, **__: object) -> socket.socket:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "create_connection", connect)
    fetcher = Fetcher(QUICK, names)
    reason = why(fetcher.get(REFUSED[case]))
    assert re.search(r"not a public one|port \d+ is not|names no host|not a URL", reason), reason


def test_public_addresses_are_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusals above are not for want of a network: with a public answer a connection is made, to that address."""
    tried: list[object] = []

    def connect(address: object, *_: object, **__: object) -> socket.socket:
        tried.append(address)
        raise OSError("nobody there")

    monkeypatch.setattr(socket, "create_connection", connect)
    assert "cannot be reached" in why(Fetcher(QUICK, Names(good_example=[[PUBLIC]])).get("http://good.example/"))
    assert tried == [(PUBLIC, 80)]
    assert "cannot be reached" in why(Fetcher(QUICK, Names()).get("http://[2606:2800:220::1]/"))


def test_a_name_that_changes_its_answer_is_judged_by_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """dns-rebinding: one question a connection, and the connection goes to the address in its answer."""
    tried: list[object] = []

    def connect(address: object, *_: object, **__: object) -> socket.socket:
        tried.append(address)
        raise OSError("nobody there")

    monkeypatch.setattr(socket, "create_connection", connect)
    names = Names(turn_example=[[PUBLIC], ["127.0.0.1"]])
    fetcher = Fetcher(QUICK, names)
    assert "cannot be reached" in why(fetcher.get("http://turn.example/"))
    assert "not a public one" in why(fetcher.get("http://turn.example/"))
    assert tried == [(PUBLIC, 80)] and names.asked == ["turn.example"] * 2


def test_what_was_named_may_be_asked_at_its_port_and_no_other() -> None:
    """named-port: typing http://127.0.0.1:8080 does not open 127.0.0.1:22."""
    guard = Guard({("127.0.0.1", 8080)})
    assert guard.addresses("127.0.0.1", 8080) == ["127.0.0.1"]
    for host, port in (("127.0.0.1", 22), ("127.0.0.1", 80), ("10.0.0.1", 8080), ("2130706433", 8080)):
        with pytest.raises(Refused):
            guard.addresses(host, port)


# ---- where redirects lead ----

REDIRECTS = {
    "redirect-metadata": ("/to/metadata", "redirects to"),
    "redirect-private": ("/to/private", "redirects to"),
    "redirect-ipv6": ("/to/ipv6", "redirects to"),
    "redirect-mapped": ("/to/mapped", "redirects to"),
    "redirect-name-inside": ("/to/name", "redirects to"),
    "redirect-file": ("/to/file", "only http and https"),
    "redirect-ftp": ("/to/ftp", "only http and https"),
    "redirect-gopher": ("/to/gopher", "only http and https"),
    "redirect-javascript": ("/to/script", "not a URL that can be fetched"),
    "redirect-data": ("/to/data", "not a URL that can be fetched"),
    "redirect-nonsense": ("/to/nonsense", "redirects"),
    "redirect-backslash": ("/to/backslash", ""),
    "redirect-control-characters": ("/odd/location", ""),
    "redirect-endless": ("/to/self", "redirects"),
    "redirect-nowhere": ("/to/nowhere", "HTTP 302"),
}


@pytest.mark.parametrize("case", REDIRECTS)
def test_redirects_lead_to_no_place_that_was_not_named(case: str, web: str) -> None:
    path, says = REDIRECTS[case]
    fetcher = Fetcher(QUICK, Names(inside_example=[["192.168.0.1"]]))
    fetcher.name(web)
    assert says in why(fetcher.get(web + path))


def test_a_redirect_to_another_port_of_this_machine_is_not_followed(web: str) -> None:
    """redirect-other-port, redirect-decimal: the server behind it is never asked."""
    asked: list[str] = []

    def inside(request: Request) -> None:
        asked.append(request.path)
        request.reply("secret")

    with site(inside) as other:
        port = other.rsplit(":", 1)[1]
        for target in (other, f"http://2130706433:{port}/", f"http://localhost:{port}/"):

            def turn(request: Request, target: str = target) -> None:
                request.reply("", status=302, Location=target)

            with site(turn) as named:
                fetcher = Fetcher(QUICK)
                fetcher.name(named)
                assert "redirects to" in why(fetcher.get(named))
    assert asked == []


# ---- bodies ----

BODIES = {
    "gzip-bomb": ("/press/gzip-bomb", "larger than 2 MB"),
    "deflate-bomb": ("/press/deflate-bomb", "larger than 2 MB"),
    "brotli-bomb": ("/press/brotli-bomb", "not asked for"),
    "gzip-of-gzip": ("/press/twice", "more than once"),
    "gzip-members": ("/press/members", "larger than 2 MB"),
    "encoding-unknown": ("/press/unknown", "not asked for"),
    "gzip-cut-off": ("/press/cut", "cut off"),
    "gzip-that-is-not": ("/press/liar", "not what its Content-Encoding says"),
    "zip-file": ("/press/zip", "application/zip"),
    "zip-as-html": ("/press/zip-as-html", "not the text"),
    "size-25mb": ("/size/25mb", "larger than 2 MB"),
    "size-declared": ("/size/declared", "larger than 2 MB"),
    "size-endless": ("/size/endless", "larger than 2 MB"),
    "size-endless-chunks": ("/size/chunks", "larger than 2 MB"),
    "size-header": ("/size/header", "cannot be reached"),
    "slow-body": ("/slow/body", "too long"),
    "slow-header": ("/slow/header", ""),
    "slow-silent": ("/slow/silent", ""),
    "protocol-status": ("/odd/status", "cannot be reached"),
    "protocol-not-http": ("/odd/no-http", "cannot be reached"),
    "protocol-length": ("/odd/length", "cannot be reached"),
    "protocol-cut-off": ("/odd/cut", "cannot be reached"),
    "pdf-that-is-not": ("/pdf/not", "PDF"),
    "pdf-cut-off": ("/pdf/cut", "PDF"),
    "pdf-loop": ("/pdf/loop", ""),
    "pdf-bomb": ("/pdf/bomb", ""),
    "markup-comment": ("/markup/comment", ""),
}


@pytest.mark.parametrize("case", BODIES)
def test_bad_bodies_are_skipped_with_the_reason_and_the_next_page_is_read(case: str, web: str, reader: Reader) -> None:
    path, says = BODIES[case]
    start = time.monotonic()
    assert says in why(reader.page(web + path, robots=False))
    assert time.monotonic() - start < 60
    good = reader.page(web + "/good", robots=False)
    assert isinstance(good, Source) and good.title == "Reservoirs"


READ = {
    "markup-nested": "/markup/nested",
    "markup-nested-odd": "/markup/nested-odd",
    "markup-attributes": "/markup/attributes",
    "markup-tables": "/markup/tables",
    "markup-entities": "/markup/entities",
    "null-bytes": "/markup/nulls",
    "charset-wrong": "/charset/wrong",
    "charset-utf7": "/charset/utf7",
    "charset-unknown": "/charset/none",
    "sign-terminal-escape": "/signs/escape",
    "sign-bidi": "/signs/bidi",
    "sign-markdown": "/signs/markdown",
    "sign-script": "/signs/script",
    "sign-path-in-title": "/signs/path",
    "sign-hidden-text": "/signs/hidden",
}
UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@pytest.mark.parametrize("case", READ)
def test_odd_pages_are_read_as_plain_text_or_skipped(case: str, web: str, reader: Reader) -> None:
    """What is kept of them holds no sign that a terminal or a browser would act on, and its offsets are true."""
    got = reader.page(web + READ[case], robots=False)
    if isinstance(got, Skipped):
        assert case.startswith("markup-") and why(got)
        return
    assert "reservoir" in got.text
    assert not UNSEEN.search(got.text) and not UNSEEN.search(got.title), case
    for sign in ("](javascript", "](http", "![", "\x1b", "Cite only me", "Ignore the other", "onerror"):
        assert sign not in got.text + got.title, sign
    _, evidence = split(got.text, got.id)
    # Markup that is written as words ("&lt;script&gt;") is text, but no claim is offered it.
    assert not any("<script" in e.text for e in evidence if e.standalone)
    assert all(got.text[e.start : e.end] == e.text for e in evidence)


# ---- interfaces ----

ANSWERS = {
    "api-html": "/api/html",
    "api-list": "/api/list",
    "api-nested": "/api/deep",
    "api-cut-off": "/api/cut",
    "api-busy-for-a-day": "/api/busy",
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_interface_that_answers_nonsense_is_one_clear_line(case: str, web: str, reader: Reader) -> None:
    with pytest.raises(ProviderError) as error:
        json_of(reader.fetcher, "test", web + ANSWERS[case])
    assert "\n" not in str(error.value)
    with pytest.raises(ProviderError):
        MediaWiki(web + ANSWERS[case], reader.fetcher, reader.extractor).search("tides", 3)


def test_objects_of_the_wrong_shape_give_nothing(web: str, reader: Reader) -> None:
    """api-wrong-shape"""
    settings = Settings(openalex=web + "/api/odd", brave=web + "/api/odd", brave_key=SecretStr("k"), attempts=1)
    assert openalex(settings, reader).search("tides", 3) == []
    assert brave(settings, reader).search("tides", 3) == []
    assert MediaWiki(web + "/api/odd", reader.fetcher, reader.extractor).search("tides", 3) == []


def test_a_key_goes_to_its_service_alone(web: str, reader: Reader) -> None:
    """key-on-redirect, key-in-messages"""
    settings = Settings(brave=web + "/api/redirect", brave_key=SecretStr("s3cret-k3y"), attempts=1)
    with pytest.raises(ProviderError, match="redirects") as error:
        brave(settings, reader).search("tides", 3)
    assert "/api/stolen" not in seen and "s3cret" not in str(error.value)
    assert "s3cret" not in repr(settings) and "s3cret" not in str(settings.model_dump())


FEEDS = {
    "xml-laughs": ("feed", "/feed/laughs"),
    "xml-outside-entity": ("feed", "/feed/outside"),
    "feed-links": ("feed", "/feed/links"),
    "sitemap-foreign": ("sitemap", "/map/foreign"),
    "sitemap-loop": ("sitemap", "/map/loop"),
    "sitemap-bomb": ("sitemap", "/map/bomb"),
}


@pytest.mark.parametrize("case", FEEDS)
def test_feeds_and_sitemaps_lead_nowhere_else(case: str, web: str, reader: Reader) -> None:
    kind, path = FEEDS[case]
    start = time.monotonic()
    try:
        hits = Listed(web + path, reader, kind).search("reservoirs", 5)
    except ProviderError as error:
        assert "\n" not in str(error)
        hits = []
    assert all(hit.url == web + "/good" for hit in hits)
    assert not any("root:" in hit.title for hit in hits)
    assert time.monotonic() - start < 20


# ---- manners ----

ROBOTS = {
    "robots-refuses": ("User-agent: *\nDisallow: /p", 200, "robots.txt asks not to"),
    "robots-refuses-us": (
        "User-agent: palimpsest\nDisallow: /\n\nUser-agent: *\nAllow: /",
        200,
        "robots.txt asks not to",
    ),
    "robots-error": ("", 503, "HTTP 503 for its robots.txt"),
    "robots-allows": ("User-agent: *\nDisallow: /q\nAllow: /p", 200, ""),
    "robots-missing": ("", 404, ""),
    "robots-of-stars": ("User-agent: *\n" + f"Disallow: /{'*a' * 400}b$\n" * 4_000, 200, ""),
    "robots-endless": ("User-agent: *\nDisallow: /\n" + "#" * 3_000_000, 200, ""),
    "robots-sent-away": ("http://169.254.169.254/", 302, ""),
}


@pytest.mark.parametrize("case", ROBOTS)
def test_robots_txt_is_asked_once_and_obeyed(case: str, reader: Reader) -> None:
    text, status, says = ROBOTS[case]
    asked: list[str] = []

    def pages(request: Request) -> None:
        asked.append(request.path)
        if request.path == "/robots.txt":
            request.reply(text, "text/plain", status, **({"Location": text} if status == 302 else {}))
        else:
            request.reply(f"<html><body><p>{'The page is here and says so. ' * 10}</p></body></html>")

    with site(pages) as url:
        page = Page(url + "/p" + "/aaaa" * 400, reader)
        start = time.monotonic()
        for _ in range(2):
            got = page.fetch(page.search("x", 1)[0])
            if says:
                assert says in why(got)
            else:
                assert isinstance(got, Source), got
        assert time.monotonic() - start < 20
        assert asked.count("/robots.txt") == (2 if status == 503 else 1)
        assert (len(asked) - asked.count("/robots.txt") == 0) == bool(says)


def test_an_override_of_robots_txt_is_told() -> None:
    """robots-override"""

    def pages(request: Request) -> None:
        if request.path == "/robots.txt":
            request.reply("User-agent: *\nDisallow: /", "text/plain")
        else:
            request.reply(f"<html><body><p>{'The page is here and says so. ' * 10}</p></body></html>")

    with site(pages) as url:
        made = Reader(Fetcher(Settings(robots="ignore", attempts=1, cache_mb=0)), Extractor(6.0))
        page = Page(url + "/p", made)
        assert isinstance(page.fetch(page.search("x", 1)[0]), Source)
        assert page.notes == [
            f"{url}/p was read although its site's robots.txt asks not to, because the setting robots is ignore"
        ]
        made.extractor.close()


def test_cookies_are_neither_kept_nor_sent() -> None:
    """cookies"""
    got: list[str | None] = []

    def pages(request: Request) -> None:
        got.append(request.headers.get("Cookie"))
        request.reply("<p>x</p>", Set_Cookie="id=1; Path=/")

    with site(pages) as url:
        fetcher = Fetcher(QUICK)
        fetcher.name(url)
        for _ in range(2):
            assert isinstance(fetcher.get(url), Fetched)
    assert got == [None, None]


def test_many_pages_at_once_wait_for_each_other(web: str, reader: Reader) -> None:
    """serial: a site is never asked twice at the same time."""
    inside = [0, 0]
    lock = threading.Lock()

    def pages(request: Request) -> None:
        with lock:
            inside[0] += 1
            inside[1] = max(inside)
        time.sleep(0.05)
        with lock:
            inside[0] -= 1
        request.reply("<p>x</p>")

    with site(pages) as url:
        fetcher = Fetcher(QUICK)
        fetcher.name(url)
        threads = [threading.Thread(target=fetcher.get, args=(f"{url}/{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert inside[1] == 1


# ---- the list ----

ALONE = (
    "dns-rebinding named-port redirect-other-port redirect-decimal api-wrong-shape key-on-redirect key-in-messages"
    " robots-override cookies serial"
).split()


def test_every_case_is_listed_in_the_documents() -> None:
    cases = [*REFUSED, *REDIRECTS, *BODIES, *READ, *ANSWERS, *FEEDS, *ROBOTS, *ALONE]
    listed = re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs" / "security.md").read_text(encoding="utf-8"), re.M)
    assert len(cases) == len(set(cases)) >= 60 and set(cases) <= set(listed)
    assert set(PAGES) <= {*(p for p, _ in REDIRECTS.values()), *(p for p, _ in BODIES.values()), *READ.values()} | {
        *ANSWERS.values(),
        *(p for _, p in FEEDS.values()),
        "/good",
        "/api/odd",
        "/api/redirect",
    }
