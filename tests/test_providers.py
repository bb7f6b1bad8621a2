"""Providers: folders on disk, a site on loopback, a real Kiwix server where one is named."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support import need
from tests.web import Request, site
from tools.kiwix import Kiwix
from tools.local import LocalFiles
from tools.mediawiki import MediaWiki
from tools.providers import open_providers, reachable
from tools.query import keywords, merge
from tools.settings import Settings
from tools.source import Hit, Provider, ProviderError, Skipped, Source, SourceError, source_id

QUICK = Settings(attempts=1)
TOPICS = {
    "dam.md": "# Dams\n\nA dam holds water back. Concrete dams are heavy, and their weight resists the water.",
    "bees.txt": "Bees and honey\n\nHoney bees dance to tell where flowers are. The dance gives direction and distance.",
    "sub/wind.html": "<html><body><main><h1>Wind</h1><p>Wind turbines turn moving air into power. "
    "A turbine stops when the wind is too strong.</p></main></body></html>",
}


def only(specs: list[str], settings: Settings = QUICK) -> Provider:
    (provider,) = open_providers(specs, settings)
    return provider


def source(got: Source | Skipped) -> Source:
    assert isinstance(got, Source), got
    assert got.id == source_id(got.url) and re.fullmatch(r"\d{4}-\d\d-\d\d", got.accessed)
    return got


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    for name, text in TOPICS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


# ---- files ----


def test_a_folder_is_ranked_by_what_its_files_say(folder: Path) -> None:
    provider = only([str(folder)])
    assert reachable(provider)
    for query, name in (
        ("How do bees tell where a flower is?", "bees.txt"),
        ("When is a wind turbine stopped?", "sub/wind.html"),
        ("concrete dams", "dam.md"),
    ):
        hits = provider.search(query, 2)
        assert hits[0].url == (folder / name).resolve().as_uri(), query
        assert source(provider.fetch(hits[0])).url == hits[0].url
    assert [hit.title for hit in provider.search("bees flower", 1)] == ["Bees and honey"]
    # A question that matches nothing still gets the folder's files, in path order.
    assert [hit.title for hit in provider.search("quantum chromodynamics", 9)] == ["Bees and honey", "Dams", "Wind"]
    assert len(provider.search("wind", 0)) == 0


def test_a_long_file_on_the_subject_beats_a_passing_mention(tmp_path: Path) -> None:
    """Files are judged by their best blocks and titles: not by their length, and words count in all their forms."""
    filler = "Prices rise and fall with the seasons, and shops change what they sell. " * 12
    long = f"# How unemployment is measured\n\n{filler}\n\nA survey measures unemployment each month.\n\n{filler}"
    (tmp_path / "long.md").write_text(long)
    (tmp_path / "short.md").write_text("# Shops\n\nQueues were measured in one shop.\n")
    (tmp_path / "other.md").write_text(f"# Seasons\n\n{filler}\n\nUnemployment is named here once.\n")
    hits = only([str(tmp_path)]).search("What causes unemployment and how is it measured?", 3)
    assert hits[0].title == "How unemployment is measured"


def test_one_file_is_a_source(folder: Path) -> None:
    provider = only([str(folder / "dam.md")])
    (hit,) = provider.search("anything at all", 5)
    got = source(provider.fetch(hit))
    assert got.title == "Dams" and got.url.startswith("file:///") and got.url.endswith("/dam.md")
    assert isinstance(provider.fetch(Hit("file:///etc/passwd", "", "", "")), Skipped)


def test_hidden_files_and_ways_out_are_ignored(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("# Secret\n\nThis file lies outside of the folder.")
    (folder / ".hidden.md").write_text("# Hidden\n\nNobody asked for this file.")
    (folder / ".git").mkdir()
    (folder / ".git" / "note.md").write_text("# Git\n\nNor for this one.")
    (folder / "link.md").symlink_to(outside / "secret.md")
    (folder / "away").symlink_to(outside)
    (folder / "circle").symlink_to(folder)
    (folder / "again.md").symlink_to(folder / "dam.md")
    (folder / "program.py").write_text("print('not prose')")
    assert len(only([str(folder)]).search("a file", 99)) == len(TOPICS)


def test_files_that_cannot_be_read_are_counted_with_the_reason(folder: Path) -> None:
    (folder / "empty.md").write_text("")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nonsense")
    (folder / "binary.txt").write_bytes(b"\x00\x01\x02" * 100)
    (folder / "latin.txt").write_bytes("Das Café liegt an der Straße nach Süden und öffnet früh.".encode("latin-1"))
    provider = only([str(folder)])
    assert isinstance(provider, LocalFiles)
    assert len(provider.search("qwxyz", 99)) == len(TOPICS) + 1
    reasons = {skipped.url.rsplit("/", 1)[1]: skipped.reason for skipped in provider.skipped}
    assert set(reasons) == {"empty.md", "broken.pdf", "binary.txt"} and all(reasons.values())
    provider.search("again", 3)
    assert len(provider.skipped) == 3  # read once, counted once


@pytest.mark.parametrize(
    "spec", ["", "no/such/folder", "gopher://x/", "kiwix:", "kiwix:nonsense", "http://", "https:x", "http://a b/"]
)
def test_sources_that_cannot_be_used_are_one_clear_line(spec: str) -> None:
    with pytest.raises(SourceError) as error:
        open_providers([spec], QUICK)
    assert str(error.value) and "\n" not in str(error.value)


def test_an_empty_folder_and_a_strange_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no file that can be read"):
        open_providers([str(tmp_path)], QUICK)
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(SourceError, match="not a kind of file"):
        open_providers([str(tmp_path / "a.zip")], QUICK)


def test_specs_are_opened_once_each_in_order(folder: Path) -> None:
    specs = ["wikipedia", str(folder), "kiwix:http://127.0.0.1:9#book", "http://127.0.0.1:9/a", "wikipedia"]
    found = open_providers(specs, QUICK)
    assert [type(provider).__name__ for provider in found] == ["MediaWiki", "LocalFiles", "Kiwix", "Page"]
    assert found[0].name == "wikipedia"
    assert not reachable(found[2]) and not reachable(found[3])


# ---- queries ----


def test_keywords_are_what_a_question_is_about() -> None:
    words = keywords("How does asyncio cancel a task and handle timeouts?")
    assert words == ["asyncio", "cancel", "task", "handle", "timeouts"]
    assert keywords("What is the C++ ABI in Python 3.11?") == ["C++", "ABI", "Python", "3.11"]
    assert keywords("who is it") == ["who", "is", "it"]
    assert keywords("???") == []
    assert merge([["a", "b"], ["b", "c"]], 2) == ["b", "a"]


# ---- a page and a wiki on loopback ----

WIKI = {
    "Zebra": "<p>Zebras are African equines with stripes.<sup class='reference'>[1]</sup> They live in herds.</p>",
    "Lion & lioness?": "<p>Lions hunt zebras in groups, most often at night when the moon is down.</p>",
}


def _wiki(request: Request) -> None:
    """Answers as MediaWiki 1.39 does for the calls made here (format 2), and one HTML page beside it."""
    path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
    if path == "/article":
        request.reply("<html><head><title>A page</title></head><body><p>Here herons eat fish.</p></body></html>")
        return
    if path == "/data":
        request.reply(b"\x00", "application/octet-stream")
        return
    if path != "/w/api.php":
        request.reply("gone", status=404)
        return
    assert query["maxlag"] == ["5"] and query["formatversion"] == ["2"]
    assert "gzip" in request.headers["Accept-Encoding"] and "Palimpsest/" in request.headers["User-Agent"]
    answer: dict[str, object] = {"error": {"code": "unknown_action", "info": "Unrecognized value."}}
    if query.get("meta") == ["siteinfo"]:
        answer = {"query": {"general": {"server": "//wiki.example.org", "articlepath": "/wiki/$1"}}}
    elif query.get("list") == ["search"]:
        words = query["srsearch"][0]
        if words == "overload":
            answer = {"error": {"code": "maxlag", "info": "Waiting for a database server: 8 seconds lagged."}}
        else:
            joined = all if " OR " not in words else any
            titles = [
                title
                for title, text in WIKI.items()
                if joined(word.lower() in (title + text).lower() for word in words.replace(" OR ", " ").split())
            ]
            items = [{"title": t, "snippet": "<span class='searchmatch'>zebra</span> &amp; co"} for t in titles]
            answer = {"query": {"search": items[: int(query["srlimit"][0])]}}
    elif query["action"] == ["parse"]:
        title = query["page"][0]
        if title in WIKI:
            answer = {"parse": {"title": title, "text": f"<div class='mw-parser-output'>{WIKI[title]}</div>"}}
        else:
            answer = {"error": {"code": "missingtitle", "info": "The page you specified doesn't exist."}}
    request.reply(json.dumps(answer), "application/json; charset=utf-8")


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with site(_wiki) as url:
        yield url


def test_a_named_page_is_a_source_or_says_why_not(web: str) -> None:
    provider = only([web + "/article"])
    (hit,) = provider.search("anything", 5)
    got = source(provider.fetch(hit))
    assert got.url == web + "/article" and got.title == "A page" and "herons eat fish" in got.text
    assert reachable(provider)
    for path, reason in (("/nothing", "HTTP 404"), ("/data", "application/octet-stream")):
        other = only([web + path])
        found = other.fetch(other.search("x", 1)[0])
        assert isinstance(found, Skipped) and reason in found.reason


def test_mediawiki_search_and_page(web: str) -> None:
    wiki = only(["wikipedia"], Settings(wikipedia=web + "/w/api.php", attempts=1))
    assert isinstance(wiki, MediaWiki) and reachable(wiki)
    hits = wiki.search("Where do zebras and giraffes live?", 5)  # nothing has all words, two pages have some
    assert [hit.title for hit in hits] == ["Zebra", "Lion & lioness?"]
    assert hits[0].url == "http://wiki.example.org/wiki/Zebra" and hits[0].snippet == "zebra & co"
    assert hits[1].url == "http://wiki.example.org/wiki/Lion_%26_lioness%3F"
    got = source(wiki.fetch(hits[0]))
    assert got.url == hits[0].url and got.title == "Zebra"
    assert got.text == "Zebras are African equines with stripes. They live in herds."
    assert source(wiki.fetch(hits[1])).text.startswith("Lions hunt zebras")
    missing = wiki.fetch(Hit("https://wiki.example.org/wiki/Nope", "Nope", "", ""))
    assert isinstance(missing, Skipped) and "exist" in missing.reason


def test_a_wiki_that_is_busy_or_absent_is_one_clear_line(web: str) -> None:
    with pytest.raises(ProviderError, match="busy"):
        only(["wikipedia"], Settings(wikipedia=web + "/w/api.php", attempts=1)).search("overload", 3)
    with pytest.raises(ProviderError, match="404"):
        only(["wikipedia"], Settings(wikipedia=web + "/api.php", attempts=1)).search("zebra", 3)
    nowhere = only(["wikipedia"], Settings(wikipedia="http://127.0.0.1:9/api.php", attempts=1))
    assert not reachable(nowhere)
    with pytest.raises(ProviderError, match="cannot be reached"):
        nowhere.search("zebra", 3)


# ---- a real Kiwix server ----


@pytest.fixture(scope="module")
def kiwix() -> Kiwix:
    url = os.environ.get("PALIMPSEST_KIWIX", "")
    need(bool(url), "PALIMPSEST_KIWIX names no Kiwix server over python3-doc (tests/kiwix.sh start)")
    provider = only([f"kiwix:{url}"], Settings())
    assert isinstance(provider, Kiwix)
    return provider


def test_kiwix_finds_the_pages_a_question_is_about(kiwix: Kiwix) -> None:
    assert reachable(kiwix) and kiwix.books() == ["python-doc"]
    for question, page in (
        ("How does asyncio cancel a task and handle timeouts?", "library/asyncio-task.html"),
        ("How do I open and read zip archives safely?", "library/zipfile.html"),
        ("Which module parses command-line options?", "library/argparse.html"),
    ):
        hits = kiwix.search(question, 5)
        assert len(hits) == 5 and len({hit.url for hit in hits}) == 5
        assert any(hit.url.endswith(page) for hit in hits[:3]), (question, hits)
    assert kiwix.search("qwxyz zzzqq", 5) == []


def test_kiwix_pages_are_clean_prose(kiwix: Kiwix) -> None:
    hit = next(hit for hit in kiwix.search("asyncio task cancellation", 8) if hit.url.endswith("asyncio-task.html"))
    got = source(kiwix.fetch(hit))
    assert got.title.startswith("Coroutines and Tasks")
    blocks = got.text.split("\n\n")
    assert (
        "Tasks can easily and safely be cancelled. When a task is cancelled, asyncio.CancelledError will be raised"
        " in the task at the next opportunity."
    ) in blocks
    assert "## Task Cancellation" in blocks
    assert "¶" not in got.text and "Previous topic" not in got.text and "kiwix" not in got.text.lower()
    prose = [block for block in blocks if not block.startswith(("#", "```", "| ", "- "))]
    assert not any("Changed in version" in block or "New in version" in block for block in prose)
    code = [block for block in blocks if block.startswith("```")]
    assert any("coroutine asyncio.wait_for(aw, timeout)" in block for block in code)
    missing = kiwix.fetch(Hit(hit.url.replace("asyncio-task", "no-such-page"), "", "", ""))
    assert isinstance(missing, Skipped) and missing.reason == "HTTP 404"


def test_a_kiwix_server_that_is_not_there_or_not_one(web: str) -> None:
    absent = only(["kiwix:http://127.0.0.1:9"])
    assert not reachable(absent)
    with pytest.raises(ProviderError, match="cannot be reached"):
        absent.search("asyncio", 3)
    with pytest.raises(ProviderError):
        only([f"kiwix:{web}"]).search("asyncio", 3)


def test_a_book_that_does_not_exist_is_named(kiwix: Kiwix) -> None:
    with pytest.raises(ProviderError, match="cannot search this book"):
        only([f"kiwix:{kiwix.root}#no-such-book"]).search("asyncio", 3)
