"""The research graph on real parts, fed by a provider that serves written pages in chosen rounds."""

from __future__ import annotations

import io
import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agent import evidence, verify
from dlm_core.canvas import Canvas, Cause, Kind, Revision, Slot
from dlm_core.checkpoint import WEIGHTS
from dlm_core.models import Models, load_models
from dlm_core.segment import tidy
from tests.support import CACHE, need, share
from tools.source import Hit, Provider, ProviderError, Skipped, Source, source_id
from workflows import nodes, runs, session, terminal
from workflows.context import Context, FailedRun
from workflows.research import NODES, research
from workflows.state import START, State, pack, unpack

QUESTION = "How does the Heron client handle timeouts?"

HERON = """# The Heron client

Heron is a client library that fetches web pages and keeps them in a cache on the local disk. The default timeout of a
Heron request is 30 seconds. The Heron client cancels every request that takes longer than 30 seconds. A request that
was cancelled by a timeout raises an error of the kind HeronTimeout.
"""
RETRIES = """# Retries in the Heron client

The Heron client repeats a failed request up to three times when the server is overloaded. A Heron request that failed
with a client error is never repeated.
"""


def page(name: str, text: str, date: str = "") -> Source:
    """A source from Markdown with hard wraps, in the stored format."""
    url = f"https://example.org/{name}"
    blocks = [" ".join(block.split()) for block in text.strip().split("\n\n")]
    title = blocks[0].removeprefix("# ")
    return Source(source_id(url), url, title, tidy("\n\n".join(blocks)), "2026-01-02", date)


class Rounds:
    """A provider whose pages come in rounds: those of a round are found once one of the round before was read."""

    def __init__(self, *rounds: Sequence[Source], unreachable: bool = False) -> None:
        self.name = "rounds"
        self.rounds = rounds
        self.fetched: list[str] = []
        self.unreachable = unreachable

    def search(self, query: str, limit: int) -> list[Hit]:
        if self.unreachable:
            raise ProviderError("rounds: cannot be reached")
        open_rounds = 1
        for number, pages in enumerate(self.rounds, 1):
            if any(p.url in self.fetched for p in pages):
                open_rounds = number + 1
        found = [Hit(p.url, p.title, "", self.name) for pages in self.rounds[:open_rounds] for p in pages]
        return found[:limit]

    def fetch(self, hit: Hit) -> Source | Skipped:
        self.fetched.append(hit.url)
        return next(p for pages in self.rounds for p in pages if p.url == hit.url)


@cache
def models() -> Models:
    """The real ones, loaded once for all tests."""
    need((WEIGHTS / "manifest.json").is_file(), "the trained weights are not there")
    with pytest.MonkeyPatch.context() as patch:
        for module in ("dlm_core.models", "dlm_core.fetch_base"):
            patch.setattr(f"{module}.cache_folder", lambda: CACHE)
        return load_models(quiet=True)


def begin(home: Path, provider: Rounds, *, rounds: int = 2, seed: int = 3, question: str = QUESTION) -> Context:
    """A recorded run whose state lies below `home` (PALIMPSEST_HOME must name it)."""
    assert os.environ["PALIMPSEST_HOME"] == str(home)
    run = runs.Run("", question, ("rounds",), "", str(home / "reports"), seed=seed, rounds=rounds)
    return opened(runs.record(run), provider)


def opened(run: runs.Run, provider: Provider, reporter: terminal.Reporter | None = None) -> Context:
    context = Context(run, [provider], reporter or terminal.Reporter())
    context.models = models()
    return context


def finish(context: Context) -> dict[str, Any]:
    """Run the graph to its end; report.json's object."""
    try:
        research(context)
    finally:
        context.close()
    return dict(json.loads((Path(context.run.out) / "report.json").read_text()))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    return share(tmp_path)


# --- the state --------------------------------------------------------------------


def plain(value: object) -> bool:
    if isinstance(value, list):
        return all(plain(v) for v in value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and plain(v) for k, v in value.items())
    return value is None or isinstance(value, str | int | float | bool)


def on_disk(context: Context) -> dict[str, bytes]:
    """All that the nodes write in the run's folder and the reports, but for the database of the library's index."""
    roots = [context.run.folder, Path(context.run.reports)]
    files = [f for root in roots for f in root.rglob("*") if f.is_file() and "chroma" not in f.parts]
    return {str(f): f.read_bytes() for f in files if f.name != "lock"}


def test_nodes_run_again_give_the_same(home: Path) -> None:
    """Every node twice from one state, as after a kill between work and checkpoint: the same state and files."""
    context = begin(home, Rounds([page("heron", HERON)], [page("retries", RETRIES)]))
    state: State = dict(START)  # type: ignore[assignment]
    order = ["brief", *list(NODES)[1:7], *list(NODES)[1:7], "report"]
    for name in order:
        results = []
        for _ in range(2):
            changed = NODES[name](state, context)
            results.append(({k: v for k, v in changed.items() if k != "seconds"}, on_disk(context)))
        assert results[0] == results[1], name
        assert plain(changed), name
        state |= changed
        if name == "verify":
            assert bool(state["stop"]) == (state["round"] == 2)
    context.close()
    assert len(list((home / "reports").iterdir())) == 1
    assert context.providers[0].fetched == [page("heron", "# x").url, page("retries", "# x").url]  # type: ignore[attr-defined]
    assert runs.load(context.run.id).status == "done"
    assert list((context.run.folder / "pages").iterdir()) == []


class Crashing(terminal.Reporter):
    """Ends the process's work, once, when a stage begins."""

    def __init__(self, stage: str) -> None:
        self.at = stage

    def stage(self, name: str, detail: str = "") -> None:
        if name == self.at:
            self.at = ""
            raise SystemExit(f"killed at {name}")


def test_a_run_cut_off_anywhere_ends_with_the_report_of_one_that_was_not(home: Path) -> None:
    pages = [page("heron", HERON)], [page("retries", RETRIES)]
    whole = begin(home, Rounds(*pages))
    expected = finish(whole)
    assert expected["citations"]["recall"] == 1.0
    assert expected["searches"][0]["text"] == QUESTION and {s["round"] for s in expected["searches"]} >= {1, 2}
    connection = sqlite3.connect(whole.run.folder / "checkpoints.sqlite")
    sizes = [len(blob) for (blob,) in connection.execute("select checkpoint from checkpoints")]
    everything = b"".join(blob for (blob,) in connection.execute("select checkpoint from checkpoints"))
    connection.close()
    assert len(sizes) >= 14  # one a node
    assert max(sizes) < 8_000
    assert max(b - a for a, b in zip(sizes, sizes[1:], strict=False)) < 3_000
    # No page bodies: the reason of a query may quote the beginning of a claim, and no more.
    assert b"takes longer than 30 seconds" not in everything and b"of the kind HeronTimeout" not in everything

    cut = begin(home, Rounds(*pages))
    run, provider = cut.run, cut.providers[0]
    for stage in ("search", "read", "remember", "draft", "verify", "reflect", "revise", "report"):
        context = opened(run, provider, Crashing(stage))
        with pytest.raises(SystemExit, match=stage):
            research(context)
        context.close()
        run = runs.load(run.id)
    assert run.status == "running"
    assert finish(opened(run, provider)) == expected
    assert provider.fetched == [p.url for pages_ in pages for p in pages_]  # type: ignore[attr-defined]


def test_the_gap_driven_search_can_be_switched_off(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question = "How do Heron clients handle timeouts, and how do Kestrel servers drop connections?"
    context = begin(home, Rounds([page("heron", HERON)]), question=question)
    state: State = {**START, **nodes.brief(START, context)}
    asked = [q[0] for q in nodes.search(state, context)["queries"]]
    assert asked[0] == question and "how do Kestrel servers drop connections" in asked
    monkeypatch.setenv("PALIMPSEST_GAPS", "off")
    del context.gaps
    assert [q[0] for q in nodes.search(state, context)["queries"]] == [question]


def test_the_reading_is_a_second_opinion(home: Path) -> None:
    context = begin(home, Rounds([page("heron", HERON)]))
    with context.library as library:
        library.add(page("heron", HERON))
        passage = library.search("timeout", 1)[0][0]
        (one, *_) = [e for e in library.evidence_of(passage.id) if "30 seconds" in e.text]
        pool = evidence.load_pool(library, [one.id])
        encode = models().writer.tokenizer.encode
        fits, strange = "A Heron request has a default timeout of 30 seconds.", "Bananas ripen in the warm sun of May."
        slots = [Slot("s1", Kind.SECTION, text="Heron")]
        for n, text in enumerate((fits, strange, one.text), 2):
            tokens = tuple(encode(" " + text))
            slots.append(Slot(f"s{n}", Kind.CLAIM, (one.id,), text, tokens, (0.5,) * len(tokens), age=1))
        drafted = Canvas(QUESTION, tuple(slots), revisions=(Revision(1, "draft", Cause("x"), {}),), next_id=5)
        found = verify.doubtful(drafted, pool, models())
    assert list(found) == ["s3"] and "nats a token" in found["s3"][0]
    # What the last revision did not touch is not looked at again.
    later = replace(drafted, revisions=(*drafted.revisions, Revision(2, "local", Cause("x"), {})))
    assert verify.doubtful(later, pool, models()) == {}


def test_a_decision_survives_the_state() -> None:
    from dlm_core.belief import Decision
    from dlm_core.canvas import Cause

    made = Decision("local", Cause("why", ("e1",), ("45",), 1.5, 1.0), ("s1",), ("e1", "e2"), {"e0": "e1"})
    assert plain(pack(made))
    assert unpack(json.loads(json.dumps(pack(made)))) == made


# --- sources that give little --------------------------------------------------------


def test_no_passages_fails_before_any_model_is_loaded(home: Path) -> None:
    for provider, says in (
        (Rounds([]), "gave no page"),
        (Rounds(unreachable=True), "rounds: cannot be reached"),
        (Rounds([page("code", "# Code\n\n```\nx = 1\n```")]), "nothing that can be cited"),
    ):
        run = runs.record(runs.Run("", QUESTION, ("rounds",), "", str(home / "reports")))
        context = Context(run, [provider], terminal.Reporter())
        with pytest.raises(FailedRun, match=says):
            research(context)
        context.close()
        assert "models" not in context.__dict__
    assert not (home / "reports").exists()


def test_every_source_gives_its_best_page_before_any_gives_a_second() -> None:
    def hits(name: str, count: int) -> list[Hit]:
        return [Hit(f"{name}{n}", "", "", name) for n in range(count)]

    taken = nodes._in_turn([hits("a", 9), hits("b", 1), hits("c", 3)], 6)
    assert [h.url for h in taken] == ["a0", "b0", "c0", "a1", "c1", "a2"]


# --- what is shown ---------------------------------------------------------------------------

EVENT = {"stage": "write", "done": 1, "total": 2, "texts": {"s2": "Heron ░ a ░ [red]", "s3": "Done.\x1b[31m"}}


def test_plain_lines_are_one_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    view = terminal.Plain(stream)
    view.stage("draft", "round\n1")
    view.progress(EVENT)
    view.progress(EVENT | {"done": 2})
    view.note("skipped \x1b[2Jx")
    assert stream.getvalue().splitlines() == ["draft: round 1", "writing claims: 2", "  skipped [2Jx"]
    monkeypatch.setenv("NO_COLOR", "1")
    assert type(terminal.open_reporter(quiet=False)) is terminal.Plain
    assert type(terminal.open_reporter(quiet=True)) is terminal.Reporter


def test_the_closing_lines_count_what_is_there() -> None:
    claims = [{"evidence": ["e1"], "origin": "model"}, {"evidence": ["e2"], "origin": "evidence"}]
    report = {
        "sections": [{"claims": claims}],
        "evidence": {"e1": {"source": "a"}, "e2": {"source": "a"}},
        "missing": ["x"],
        "disputes": [],
        "revisions": [{"kind": "draft"}, {"kind": "local"}],
    }
    first, second = session.summary(report)
    assert first == "2 claims in 1 section from 1 source; 1 worded by the model, 1 as their evidence has them."
    assert second == "2 revisions (draft, local); 1 thing missing or disputed."


def test_an_empty_canvas_file_name_is_an_empty_canvas(home: Path) -> None:
    run = runs.record(runs.Run("", QUESTION, ("rounds",), "", str(home)))
    context = Context(run, [], terminal.Reporter())
    about = nodes.brief_of({"title": "t", "parts": ["p"]}, context)
    assert context.canvas(about, "") == Canvas(QUESTION)
    assert context.seed(1) == Context(run, [], terminal.Reporter()).seed(1) != context.seed(2)
