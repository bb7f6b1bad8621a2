"""Budgets: seconds and tokens hold, whatever the providers do, and every run ends with a report or a clear line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import PARAGRAPH
from tests.support import ROOT
from tests.test_workflow import HERON, QUESTION, RETRIES, Rounds, home, models, page
from tests.web import Request, site
from tools.deadline import Deadline
from tools.fetch import Fetcher
from tools.providers import open_providers
from tools.settings import Settings
from tools.source import Skipped
from workflows import runs
from workflows.context import Context, FailedRun
from workflows.research import research, state_of
from workflows.terminal import Reporter

__all__ = ["home"]
SLACK = 1.1  # a budget may be overrun by a tenth


def storm(request: Request) -> None:
    """One kind of trouble a path; a feed of pages that trouble in the same way."""
    kind = request.path.split("/")[1]
    if kind == "feed":
        trouble = request.path.split("/")[2]
        host = request.headers["Host"]
        items = "".join(
            f"<item><title>Heron timeouts {n}</title><link>http://{host}/{trouble}/{n}</link></item>" for n in range(6)
        )
        request.reply(f"<rss><channel>{items}</channel></rss>", "text/xml")
    elif kind == "busy":
        request.reply("", status=429, Retry_After="7")
    elif kind == "broken":
        request.reply("", status=500)
    elif kind == "hang":
        time.sleep(20)
    elif kind == "drip":
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n")
        for _ in range(200):
            request.wfile.write(b"<p>and so on</p>")
            request.wfile.flush()
            time.sleep(0.1)
    elif kind == "garbage":
        request.reply(bytes(range(256)) * 50, "text/xml" if request.path.endswith("feed") else "text/html")
    else:
        request.reply(f"<html><head><title>Reservoirs</title></head><body><p>{PARAGRAPH}</p></body></html>")


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with site(storm) as made:
        yield made


def asked(home: Path, sources: list[str], question: str = QUESTION, **budget: Any) -> Context:
    """A run of real providers, recorded and not begun."""
    deadline = Deadline()
    settings = Settings(delay=0.0)
    out = home / "reports"
    run = runs.record(runs.Run("", question, tuple(sources), "", str(out), seed=3, **budget))
    return Context(run, open_providers(sources, settings, deadline), Reporter(), deadline=deadline)


def work(context: Context) -> tuple[float, str]:
    """Seconds that a run took, and why it gave no report ("" where it gave one)."""
    start = time.monotonic()
    why = ""
    try:
        research(context)
    except FailedRun as error:
        why = str(error)
    finally:
        context.close()
    return time.monotonic() - start, why


# --- providers that give nothing ------------------------------------------------------------


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        (["busy/feed"], "HTTP 429"),
        (["broken/feed"], "HTTP 500"),
        (["hang/feed"], "took too long"),
        (["drip/feed"], "took too long"),
        (["garbage/feed"], "is no feed"),
        (["feed/busy"], "HTTP 429"),
        (["feed/hang"], "took too long"),
        (["hang/a", "hang/b", "drip/c", "broken/d", "busy/e"], "took too long"),
    ],
)
def test_a_storm_ends_in_time_with_a_clear_line(home: Path, root: str, sources: list[str], says: str) -> None:
    named = [f"feed:{root}/{s}" if s.split("/")[0] == "feed" or s.endswith("feed") else f"{root}/{s}" for s in sources]
    seconds, why = work(asked(home, named, seconds=3.0))
    assert why.startswith("no passages: ") and says in why
    assert seconds < 3.0 * SLACK
    assert not (home / "reports").exists()


def test_a_deadline_breaks_off_what_is_under_way_and_asks_nothing_new(root: str) -> None:
    deadline = Deadline(time.monotonic() + 0.6)
    fetcher = Fetcher(Settings(delay=0.0), deadline=deadline)
    fetcher.name(root)
    start = time.monotonic()
    for path in ("hang", "drip", "broken", "busy"):
        assert isinstance(fetcher.get(f"{root}/{path}"), Skipped)
    assert time.monotonic() - start < 1.2
    late = fetcher.get(f"{root}/plain")
    assert isinstance(late, Skipped) and late.reason == "there was no time left for it"
    deadline.until = time.monotonic() + 5
    assert not isinstance(fetcher.get(f"{root}/plain"), Skipped)


# --- tokens ----------------------------------------------------------------------------------


def report_of(context: Context) -> dict[str, Any]:
    return dict(json.loads((Path(context.run.out) / "report.json").read_text()))


def begun(home: Path, **budget: Any) -> Context:
    pages = [page("heron", HERON)], [page("retries", RETRIES)]
    run = runs.record(runs.Run("", QUESTION, ("rounds",), "", str(home / "reports"), seed=3, **budget))
    context = Context(run, [Rounds(*pages)], Reporter())
    context.models = models()
    return context


def test_tokens_that_are_spent_end_the_run_with_what_there_is(home: Path) -> None:
    context = begun(home, tokens=60)
    assert work(context)[1] == ""
    made = report_of(context)
    claims = [c for s in made["sections"] for c in s["claims"]]
    assert claims and {c["origin"] for c in claims} == {"evidence"}
    assert [r["kind"] for r in made["revisions"]] == ["draft"]
    assert "The search ended early, after 1 round of 2: the budget of 60 tokens is spent." in made["missing"]
    assert any(line.startswith("The budget did not reach for wording everything") for line in made["missing"])
    spent = state_of(context.run)["tokens"]
    assert 60 <= spent < 1500  # a pass that is under way is not broken off
    # Models that are used again begin without a budget.
    assert not context.models.writer.enough()


def test_tokens_are_counted_over_rounds_and_processes(home: Path) -> None:
    whole = begun(home)
    assert work(whole)[1] == ""
    state = state_of(whole.run)
    assert state["round"] == 2 and state["tokens"] > 100
    again = Context(whole.run, [], Reporter())
    again.models = models()
    again.enter("search", state)
    assert again.tokens == state["tokens"]


# --- seconds ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [15.0, 25.0])
@pytest.mark.parametrize("trouble", ["hang", "drip", "broken", "busy", "garbage"])
def test_seconds_hold_while_some_providers_hang(home: Path, root: str, trouble: str, seconds: float) -> None:
    library = str(ROOT / "examples" / "library")
    sources = [f"feed:{root}/{trouble}/feed", f"feed:{root}/feed/{trouble}", library]
    question = "How do masked diffusion language models write and revise text?"
    context = asked(home, sources, question, seconds=seconds, rounds=5)
    context.models = models()
    took, why = work(context)
    assert why == ""
    assert took < seconds * SLACK
    made = report_of(context)
    assert made["sections"]
    # A run that is done before its time says nothing of it.
    assert f"the time of {seconds:g} seconds is spent" in " ".join(made["missing"]) or took < seconds
