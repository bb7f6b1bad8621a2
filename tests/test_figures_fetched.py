"""How pictures of pages are fetched: from sites, folders, and a real wiki and Kiwix server."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.figures import BAD, FETCHED, NEW, PROSE, drawn, page
from tests.support import need
from tests.web import Request, site
from tools.extract import Extractor
from tools.fetch import Fetcher
from tools.figures import resolved
from tools.kiwix import Kiwix
from tools.mediawiki import MediaWiki
from tools.pages import Page, Reader
from tools.providers import open_providers, picture
from tools.settings import Settings
from tools.source import Figure, Hit, Picture, Skipped, Source, source_id

# ---- fetching ----


def why(got: Picture | Skipped) -> str:
    assert isinstance(got, Skipped), got
    return got.reason


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    def serve(request: Request) -> None:
        path = request.path
        if path == "/robots.txt":
            request.reply("User-agent: *\nDisallow: /private", "text/plain")
        elif path.startswith("/to/"):
            target = {"metadata": "http://169.254.169.254/x.png", "file": "file:///etc/passwd"}[path[4:]]
            request.reply("", status=302, Location=target)
        elif path == "/huge.png":
            request.reply(drawn() + bytes(2_100_000), "image/png")
        elif path == "/a.svg":
            request.reply(BAD["figure-svg-script"][0], "image/svg+xml")
        elif path == "/page":
            request.reply("<html></html>")
        elif path == "/missing.png":
            request.reply("", status=404)
        else:
            request.reply(drawn(), "image/png")

    with site(serve) as url:
        yield url


@pytest.mark.parametrize("case", FETCHED)
def test_pictures_are_fetched_by_the_rules_of_pages(case: str, pages: str) -> None:
    url, reason = FETCHED[case]
    reader = Reader(Fetcher(Settings(attempts=1, cache_mb=0)), Extractor())
    provider = Page(pages + "/article", reader)
    source = Source(source_id(provider.url), provider.url, "T", "Text.", "2026-01-01")
    url = url if url.startswith("http") else pages + url
    assert reason in why(picture([provider], source, Figure(url, "A caption")))
    assert picture([provider], source, Figure(pages + "/good.png", "A caption")) == Picture(drawn())


def test_a_folder_s_pictures_lie_in_it(tmp_path: Path) -> None:
    """figure-outside, figure-link, figure-hidden, figure-local-web"""
    folder = tmp_path / "folder"
    (folder / "img").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(drawn())
    (folder / "img" / "good one.png").write_bytes(drawn())
    (folder / ".hidden.png").write_bytes(drawn())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    names = ["img/good%20one.png", "../secret.png", "link.png", ".hidden.png", "none.png", "https://x.example/a.png"]
    names += [(tmp_path / "secret.png").as_uri(), "file://elsewhere/x.png"]
    caption = "<figcaption>The lake of the hills.</figcaption>"
    body = "".join(f'<figure><img src="{n}">{caption}</figure>{PROSE}' for n in names)
    (folder / "page.html").write_text(page(body))
    (provider,) = open_providers([str(folder)], Settings())
    (hit,) = provider.search("lakes", 3)
    source = provider.fetch(hit)
    assert isinstance(source, Source) and len(source.figures) == len(names)
    got = [picture([provider], source, figure) for figure in source.figures]
    assert got[0] == Picture(drawn())
    assert [why(one) for one in got[1:]] == [
        "no picture in this folder",
        "no picture in this folder",
        "a hidden file",
        "no picture in this folder",
        "a picture on the web, which a file's is not asked for",
        "no picture in this folder",
        "a picture on the web, which a file's is not asked for",
    ]
    provider._extractor.close()  # type: ignore[attr-defined]


def test_a_small_picture_in_its_page_needs_no_fetching() -> None:
    url = "data:image/png;base64," + base64.b64encode(drawn(size=(120, 120))).decode()
    (figure,) = resolved([Figure(url, "c")], "https://x.example/")
    source = Source("src_0000000000", "https://x.example/", "T", "Text.", "2026-01-01")
    assert picture([], source, figure) == Picture(drawn(size=(120, 120)))
    assert "none of these" in why(picture([], source, Figure("https://x.example/a.png", "c")))


def test_a_real_mediawiki_gives_pictures_with_maker_and_licence() -> None:
    api = os.environ.get("PALIMPSEST_MEDIAWIKI", "")
    need(bool(api), "PALIMPSEST_MEDIAWIKI names no wiki (tests/mediawiki.sh start)")
    (wiki,) = open_providers([f"mediawiki:{api}"], Settings(cache_mb=0))
    assert isinstance(wiki, MediaWiki)
    source = wiki.fetch(Hit(api, "Aurora", "", ""))
    assert isinstance(source, Source)
    source = replace(source, url=api.removesuffix("/api.php") + "/index.php/Aurora")
    green, red = source.figures
    assert green.caption.startswith("Oxygen atoms emit the green light") and green.end > green.start
    assert (green.alt, green.name) == ("Green bands in the sky", "File:Green aurora.png")
    assert red.caption == "Nitrogen and high oxygen atoms emit the red light of an aurora."
    got = picture([wiki], source, green)
    assert isinstance(got, Picture) and got.data.startswith(b"\x89PNG")
    assert (got.credit, got.licence) == ("A. Painter & Sons", "CC BY-SA 4.0")
    assert got.licence_url == "https://creativecommons.org/licenses/by-sa/4.0"
    other = picture([wiki], source, red)
    assert isinstance(other, Picture) and (other.credit, other.licence, other.licence_url) == ("", "", "")


@pytest.fixture
def kiwix(tmp_path: Path) -> Iterator[str]:
    """A server over a ZIM of one article with a thumb, made here."""
    for program in ("zimwriterfs", "kiwix-serve"):
        need(
            shutil.which(program) is not None, f"{program} is not installed (Debian: apt install kiwix-tools zim-tools)"
        )
    work = tmp_path / "html"
    (work / "I").mkdir(parents=True)
    (work / "I" / "aurora.png").write_bytes(drawn())
    (work / "illustration.png").write_bytes(drawn(size=(48, 48)))
    thumb = NEW.replace("/images/9/98/Green_aurora.png", "I/aurora.png")
    (work / "index.html").write_text(page(f'<div class="mw-parser-output">{PROSE}{thumb}{PROSE}</div>'))
    zim = tmp_path / "book.zim"
    command = ["zimwriterfs", "--welcome=index.html", "--illustration=illustration.png", "--language=eng", "--title=B"]
    command += ["--description=b", "--name=book", "--creator=c", "--publisher=p", str(work), str(zim)]
    subprocess.run(command, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["kiwix-serve", f"--port={port}", "--address=127.0.0.1", str(zim)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                urllib.request.urlopen(url, timeout=2).close()
                break
            except OSError:
                time.sleep(0.05)
        yield url
    finally:
        server.terminate()
        server.wait()


def test_a_real_kiwix_server_gives_the_pictures_of_its_book(kiwix: str) -> None:
    (provider,) = open_providers([f"kiwix:{kiwix}"], Settings(cache_mb=0))
    assert isinstance(provider, Kiwix)
    hits = provider.search("reservoir hills", 3)
    source = provider.fetch(hits[0])
    assert isinstance(source, Source)
    (figure,) = source.figures
    assert figure.caption.startswith("Oxygen atoms") and figure.url.startswith(kiwix)
    assert picture([provider], source, figure) == Picture(drawn())
    assert "not a picture of this server" in why(
        picture([provider], source, replace(figure, url="http://x.example/a.png"))
    )
    provider._reader.extractor.close()
