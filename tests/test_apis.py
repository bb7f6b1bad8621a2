"""The public interfaces: arXiv, OpenAlex, Crossref, Brave, Tavily, feeds and sitemaps, MediaWiki, searx.

The public services cannot be reached from a test, so servers on loopback answer in the formats that their operators
document. MediaWiki and searx are real ones where tests/mediawiki.sh and tests/searx.sh have started them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from tests.support import need
from tests.web import Request, site
from tools.feeds import Listed
from tools.mediawiki import MediaWiki
from tools.providers import open_providers, reachable
from tools.settings import Settings
from tools.source import Hit, Provider, ProviderError, Skipped, Source, SourceError, source_id
from tools.websearch import WebSearch

ABSTRACT = (
    "We measure how tidal turbines change the currents of a strait. The turbines slow the currents by 4 percent. "
    "A model of the strait bears the measurements out, and the change is gone after 2 kilometres."
)
ARTICLE = "<html><head><title>Tidal power</title></head><body><main><h1>Tidal power</h1>" + (
    "<p>Tidal power turns the energy of tides into electricity. The first large plant opened in 1966 at the Rance.</p>"
    * 3
)
ATOM = """<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>query</title>
<entry><id>http://arxiv.org/abs/2101.00001v2</id><published>2021-01-04T18:00:00Z</published>
<title>Tidal turbines
  in a strait</title><summary>  {abstract}
</summary><author><name>A. Author</name></author>
<link href="http://arxiv.org/abs/2101.00001v2" rel="alternate" type="text/html"/>
<link title="pdf" href="{site}/missing.pdf" rel="related" type="application/pdf"/></entry>
<entry><id>http://arxiv.org/api/errors#x</id><title>Error</title><summary>an error told as an entry</summary></entry>
</feed>"""
seen: list[tuple[str, dict[str, list[str]], dict[str, str], float]] = []


def _inverted(text: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, word in enumerate(text.split()):
        found.setdefault(word, []).append(place)
    return found


def _services(request: Request) -> None:
    parts = urlsplit(request.path)
    query, here = parse_qs(parts.query), f"http://{request.headers['Host']}"
    seen.append((parts.path, query, dict(request.headers), time.monotonic()))
    answers: dict[str, object] = {
        "/openalex": {
            "meta": {"count": 2},
            "results": [
                {
                    "id": "https://openalex.org/W1",
                    "doi": "https://doi.org/10.1000/tides",
                    "display_name": "Tidal <i>turbines</i>",
                    "publication_date": "2021-01-04",
                    "abstract_inverted_index": _inverted(ABSTRACT),
                    "best_oa_location": {"landing_page_url": None, "pdf_url": None},
                },
                {
                    "id": "https://openalex.org/W2",
                    "doi": None,
                    "display_name": "Tidal power",
                    "publication_date": "2020-05-06",
                    "abstract_inverted_index": None,
                    "best_oa_location": {"landing_page_url": f"{here}/article", "pdf_url": None},
                },
            ],
        },
        "/crossref": {
            "status": "ok",
            "message": {
                "items": [
                    {
                        "DOI": "10.1000/tides",
                        "title": ["Tidal turbines"],
                        "abstract": f"<jats:title>Abstract</jats:title><jats:p>{ABSTRACT}</jats:p>",
                        "issued": {"date-parts": [[2021, 1, 4]]},
                        "URL": "https://doi.org/10.1000/tides",
                    },
                    {
                        "DOI": "10.1000/none",
                        "title": ["Of no abstract"],
                        "issued": {"date-parts": [[None]]},
                        "link": "x",
                    },
                ]
            },
        },
        "/brave": {
            "web": {
                "results": [
                    {"url": f"{here}/article", "title": "Tidal <strong>power</strong>", "description": "On &amp;"}
                ]
            }
        },
    }
    if parts.path == "/arxiv":
        request.reply(ATOM.format(abstract=ABSTRACT, site=here), "application/atom+xml; charset=UTF-8")
    elif parts.path == "/article":
        request.reply(ARTICLE)
    elif parts.path == "/brave" and request.headers.get("X-Subscription-Token") != "right":
        request.reply("{}", "application/json", 401)
    elif parts.path in answers:
        request.reply(json.dumps(answers[parts.path]), "application/json")
    elif parts.path == "/rss":
        items = (
            f"<item><title>Tidal power</title><link>{here}/article</link><description>The Rance.</description></item>"
        )
        request.reply(
            f"<rss><channel><title>x</title><item><title>Bees</title><link>{here}/b</link></item>{items}</channel></rss>",
            "application/rss+xml",
        )
    elif parts.path == "/atom":
        body = f'<entry><title>Tidal power</title><link href="{here}/article"/><summary>The Rance.</summary></entry>'
        request.reply(f'<feed xmlns="http://www.w3.org/2005/Atom">{body}</feed>', "application/atom+xml")
    elif parts.path == "/sitemap.xml":
        request.reply(
            f"<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><sitemap><loc>{here}/map1.xml</loc></sitemap></sitemapindex>",
            "text/xml",
        )
    elif parts.path == "/map1.xml":
        urls = "".join(
            f"<url><loc>{here}/{name}</loc></url>" for name in ("bees-and-honey", "article", "tidal-power.html")
        )
        request.reply(f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{urls}</urlset>", "text/xml")
    else:
        request.reply("gone", status=404)


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with site(_services) as url:
        yield url


@pytest.fixture()
def settings(web: str) -> Settings:
    urls = {name: f"{web}/{name}" for name in ("arxiv", "openalex", "crossref", "brave")}
    return Settings(contact="me@example.org", attempts=1, cache_mb=0, **urls)  # type: ignore[arg-type]


def only(spec: str, settings: Settings) -> Provider:
    (provider,) = open_providers([spec], settings)
    return provider


def source(got: Source | Skipped) -> Source:
    assert isinstance(got, Source), got
    return got


@pytest.mark.parametrize(
    ("name", "url", "title"),
    [
        ("arxiv", "https://arxiv.org/abs/2101.00001v2", "Tidal turbines in a strait"),
        ("openalex", "https://doi.org/10.1000/tides", "Tidal turbines"),
        ("crossref", "https://doi.org/10.1000/tides", "Tidal turbines"),
    ],
)
def test_papers_are_found_and_read_by_their_abstract(
    name: str, url: str, title: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.arxiv.PACE", 0.0)  # the pause has a test of its own
    provider = only(name, settings)
    assert reachable(provider)
    hits = provider.search("How do tidal turbines change currents?", 5)
    assert (hits[0].url, hits[0].title, hits[0].provider) == (url, title, name)
    assert hits[0].snippet.startswith("We measure how tidal turbines")
    got = source(provider.fetch(hits[0]))
    assert got.id == source_id(url) and got.title == f"{title} (abstract)" and got.date == "2021-01-04"
    assert got.text == f"# {title}\n\n{ABSTRACT}"
    # Another process of the same run knows the hit by its address and title only.
    again = only(name, settings)
    assert source(again.fetch(Hit(url, title, "", "0"))).text == got.text


def test_an_open_copy_is_read_rather_than_an_abstract(settings: Settings) -> None:
    provider = only("openalex", settings)
    (hit,) = [hit for hit in provider.search("tidal power", 5) if hit.title == "Tidal power"]
    got = source(provider.fetch(hit))
    assert got.url == "https://openalex.org/W2" and "opened in 1966" in got.text and got.title == "Tidal power"


def test_services_learn_who_asks_as_they_want_it(settings: Settings) -> None:
    del seen[:]
    for name in ("openalex", "crossref", "arxiv"):
        only(name, settings).search("tides", 3)
    openalex, crossref, arxiv = seen
    assert openalex[1]["mailto"] == crossref[1]["mailto"] == ["me@example.org"] and "mailto" not in arxiv[1]
    assert all("me@example.org" in headers["User-Agent"] for _, _, headers, _ in seen)
    assert all("gzip" in headers["Accept-Encoding"] for _, _, headers, _ in seen)
    assert arxiv[1]["search_query"] == ['all:"tides"']
    keyed = settings.model_copy(update={"contact": "https://example.org/about"})
    only("crossref", keyed).search("tides", 3)
    assert "mailto" not in seen[-1][1]  # a page is no mail address


def test_arxiv_is_asked_once_in_three_seconds(settings: Settings) -> None:
    provider = only("arxiv", settings)
    del seen[:]
    for query in ("tides", "moon"):
        provider.search(query, 1)
    asked = [at for path, _, _, at in seen if path == "/arxiv"]
    assert len(asked) == 2 and asked[1] - asked[0] >= 2.95


def test_brave_needs_a_key_that_is_accepted(settings: Settings) -> None:
    for key in ("", "   "):
        with pytest.raises(SourceError, match="PALIMPSEST_BRAVE_KEY"):
            only("brave", settings.model_copy(update={"brave_key": Settings(brave_key=SecretStr(key)).brave_key}))
    wrong = only("brave", Settings(brave=settings.brave, brave_key=SecretStr("wrong"), attempts=1, cache_mb=0))
    with pytest.raises(ProviderError, match="key is missing or not accepted") as error:
        wrong.search("tides", 3)
    assert "wrong" not in str(error.value)
    right = only("brave", Settings(brave=settings.brave, brave_key=SecretStr(" right "), attempts=1, cache_mb=0))
    (hit,) = right.search("tides", 3)
    assert hit.title == "Tidal power" and hit.snippet == "On &"
    # What an engine finds lies where it will: this machine was not named, as a page.
    assert isinstance(right, WebSearch)


def test_tavily_is_asked_by_post() -> None:
    asked: list[tuple[str, bytes]] = []

    class Posted(Request):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.headers["Authorization"], body))
            answer = {"results": [{"url": "https://example.org/a", "title": "A", "content": "Text."}]}
            self.reply(json.dumps(answer), "application/json")

    with site(lambda request: None, Posted) as url:
        provider = only("tavily", Settings(tavily=url + "/search", tavily_key=SecretStr("k-1"), attempts=1))
        assert provider.search("How do tides work?", 4) == [Hit("https://example.org/a", "A", "Text.", "tavily")]
    assert asked[0][0] == "Bearer k-1" and json.loads(asked[0][1])["max_results"] == 4


def test_ddgs_is_an_extra() -> None:
    try:
        import ddgs  # noqa: F401
    except ImportError:
        with pytest.raises(SourceError, match="palimpsest\\[ddgs\\]"):
            only("ddgs", Settings())
    else:
        assert only("ddgs", Settings()).name == "ddgs"


@pytest.mark.parametrize(
    ("spec", "best"),
    [("feed:{}/rss", "/article"), ("feed:{}/atom", "/article"), ("sitemap:{}/sitemap.xml", "/tidal-power.html")],
)
def test_feeds_and_sitemaps_are_ranked_by_what_they_say(spec: str, best: str, web: str, settings: Settings) -> None:
    provider = only(spec.format(web), settings)
    assert isinstance(provider, Listed) and reachable(provider)
    hits = provider.search("How does tidal power work?", 5)
    assert hits[0].url == web + best and hits[0].title.lower().startswith("tidal power")
    assert provider.search("qwxyz", 2)  # nothing fits: the first ones
    if best == "/article":
        assert "opened in 1966" in source(provider.fetch(hits[0])).text
    for wrong in (f"feed:{web}/map1.xml", f"sitemap:{web}/rss", f"feed:{web}/article"):
        with pytest.raises(ProviderError, match="is no (feed|sitemap)"):
            only(wrong, settings).search("tides", 3)


def test_specs_of_every_kind_are_known(settings: Settings) -> None:
    specs = ["arxiv", "OpenAlex", "crossref", "mediawiki:http://127.0.0.1:9/api.php", "searxng:http://127.0.0.1:9"]
    names = [provider.name for provider in open_providers(specs, settings)]
    assert names == ["arxiv", "openalex", "crossref", "mediawiki:127.0.0.1:9", "searxng:127.0.0.1:9"]
    for spec in ("searxng:", "feed:nonsense", "sitemap:file:///etc/passwd", "mediawiki:", "yahoo:x"):
        with pytest.raises(SourceError):
            open_providers([spec], settings)


# ---- real servers ----


def test_a_real_mediawiki() -> None:
    api = os.environ.get("PALIMPSEST_MEDIAWIKI", "")
    need(bool(api), "PALIMPSEST_MEDIAWIKI names no wiki (tests/mediawiki.sh start)")
    wiki = only(f"mediawiki:{api}", Settings(cache_mb=0))
    assert isinstance(wiki, MediaWiki) and reachable(wiki)
    hits = wiki.search("What causes the tides of the sea?", 5)
    assert {hit.title for hit in hits} >= {"Tide", "Moon"}
    (tide,) = [hit for hit in hits if hit.title == "Tide"]
    got = source(wiki.fetch(tide))
    assert got.url == api.removesuffix("/api.php") + "/index.php/Tide"
    assert got.text.startswith(
        "Tides are the rise and fall of sea levels that the gravity of the Moon and the Sun causes."
    )
    assert "## Range" in got.text and "See also" not in got.text and "[1]" not in got.text and "edit" not in got.text
    (odd,) = wiki.search("page of this title holds signs", 3)[:1]
    assert odd.title == "C & A (test)?" and "%26" in odd.url and odd.url.endswith("%3F")
    assert "signs that mean something" in source(wiki.fetch(odd)).text
    assert isinstance(wiki.fetch(Hit(api, "No such page", "", "")), Skipped)
    assert wiki.search("qwxyzzz", 3) == []


def test_a_real_searx_over_the_real_wiki() -> None:
    server, api = os.environ.get("PALIMPSEST_SEARX", ""), os.environ.get("PALIMPSEST_MEDIAWIKI", "")
    need(bool(server and api), "PALIMPSEST_SEARX names no server (tests/searx.sh start)")
    alone = only(f"searxng:{server}", Settings(cache_mb=0))
    (hit,) = [hit for hit in alone.search("tides sun", 5) if hit.title == "Tide"]
    # What an engine names on this machine is not read unless the user named that host and port too.
    refused = alone.fetch(hit)
    assert isinstance(refused, Skipped) and "not a public one" in refused.reason
    both = open_providers([f"searxng:{server}", f"mediawiki:{api}"], Settings(cache_mb=0))
    got = source(both[0].fetch(hit))
    assert "the gravity of the Moon and the Sun" in got.text and got.title == "Tide"
