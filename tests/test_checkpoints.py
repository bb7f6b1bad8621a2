"""Where a run's state is kept: SQLite and a real PostgreSQL, how much of it there is, and that it is plain."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import need
from tests.test_workflow import Crashing, Rounds, begin, finish, home, opened, page
from workflows import runs, saver
from workflows.context import Context, FailedRun
from workflows.research import build, research, state_of
from workflows.state import START
from workflows.terminal import Reporter

__all__ = ["home"]
RULES = [
    "closes a connection that was idle for {n} minutes",
    "logs every request that took longer than {n} seconds",
    "sends at most {n} requests to one host at a time",
    "keeps the last {n} responses in memory",
    "gives up on a proxy after {n} refused connections",
    "reads a certificate again after {n} days",
]


def bulletin(number: int) -> str:
    rule = RULES[number % len(RULES)].format(n=number + 2)
    return (
        f"# Timeouts of the Heron client, bulletin {number}\n\n"
        f"The Heron client {rule}. A timeout of the Heron client in bulletin {number} is logged with its cause."
    )


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> str:
    url = os.environ.get("PALIMPSEST_POSTGRES", "")
    need(bool(url), "PALIMPSEST_POSTGRES names no server (bash tests/postgres.sh start makes one)")
    monkeypatch.setenv("PALIMPSEST_CHECKPOINTS", url)
    return url


def silent(home: Path) -> Context:
    """A run whose pages say nothing, so that it fails after reading them, before any model is loaded."""
    assert os.environ["PALIMPSEST_HOME"] == str(home)
    run = runs.record(runs.Run("", "How does the Heron client handle timeouts?", ("rounds",), "", str(home)))
    return Context(run, [Rounds([page("code", "# Code\n\n```\nx = 1\n```")])], Reporter())


@pytest.fixture
def stopped(home: Path) -> Iterator[Context]:
    context = silent(home)
    with pytest.raises(FailedRun):
        research(context)
    yield context
    context.close()


def state_after(run: runs.Run) -> tuple[str, list[str]]:
    """The node that comes next, and what was asked."""
    with saver.opened(run) as kept:
        held = build(Context(run, [], Reporter()), kept).get_state(saver.config(run))
        return held.next[0], held.values["asked"]


def test_the_state_is_in_the_run_folder_by_default(stopped: Context) -> None:
    assert (stopped.run.folder / "checkpoints.sqlite").is_file()
    assert state_after(stopped.run) == ("remember", [stopped.run.question])
    saver.forget(stopped.run)
    assert state_of(stopped.run) == START


def test_the_state_can_be_in_postgres(database: str, stopped: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stopped.run
    assert not (run.folder / "checkpoints.sqlite").exists()
    assert state_after(run) == ("remember", [run.question])
    # Another state folder with a run of the same name has nothing to do with it.
    assert state_of(replace(run, token="other")) == START
    with saver.opened(run) as kept:
        assert len(list(kept.list(saver.config(run)))) > 2
        saver.prune(kept, run)
        assert len(list(kept.list(saver.config(run)))) == 1
    assert state_after(run)[0] == "remember"
    # The setting is gone: the run does not begin again as if nothing had been.
    monkeypatch.delenv("PALIMPSEST_CHECKPOINTS")
    with pytest.raises(runs.RunError, match="is in PostgreSQL: set PALIMPSEST_CHECKPOINTS"):
        state_of(run)
    monkeypatch.setenv("PALIMPSEST_CHECKPOINTS", database)
    saver.forget(run)
    assert state_of(run) == START


@pytest.mark.slow
def test_a_run_in_postgres_that_is_cut_off_ends_with_the_report_of_one_in_sqlite(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = os.environ.get("PALIMPSEST_POSTGRES", "")
    need(bool(url), "PALIMPSEST_POSTGRES names no server (bash tests/postgres.sh start makes one)")
    pages = [page("heron", bulletin(1))], [page("retries", bulletin(2))]
    expected = finish(begin(home, Rounds(*pages)))
    monkeypatch.setenv("PALIMPSEST_CHECKPOINTS", url)
    cut = begin(home, Rounds(*pages))
    run, provider = cut.run, cut.providers[0]
    for stage in ("read", "draft", "reflect", "report"):
        context = opened(run, provider, Crashing(stage))
        with pytest.raises(SystemExit, match=stage):
            research(context)
        context.close()
        run = runs.load(run.id)
    assert finish(opened(run, provider)) == expected
    assert not (run.folder / "checkpoints.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://localhost/x", "takes a URL, postgres://"),
        ("postgres://someone:secret@127.0.0.1:9/x", "cannot be reached"),
    ],
)
def test_a_database_that_cannot_be_is_one_line_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PALIMPSEST_CHECKPOINTS", url)
    with pytest.raises(runs.RunError, match=says) as told:
        research(silent(home))
    assert "secret" not in str(told.value) and "\n" not in str(told.value)


def test_checkpoints_are_small_and_grow_with_the_rounds(home: Path) -> None:
    """Several rounds, each with a new page: what a checkpoint takes grows by a few hundred bytes a round, and the file
    by as much as its last checkpoints, however many there were."""
    rounds = 7
    whole = begin(home, Rounds(*[[page(f"page-{n}", bulletin(n))] for n in range(rounds)]), rounds=rounds)
    finish(whole)
    state = state_of(whole.run)
    assert state["round"] >= 4, state["stop"]  # it may end when nothing is open any more
    connection = sqlite3.connect(whole.run.folder / "checkpoints.sqlite")
    rows = list(connection.execute("select checkpoint, type from checkpoints order by checkpoint_id"))
    connection.close()
    sizes = [len(blob) for blob, _ in rows]
    assert len(sizes) <= saver.KEPT + 8  # those of the last round come on top
    assert {kind for _, kind in rows} == {"msgpack"}
    assert max(sizes) < 12_000
    # Of one round, in which everything there is grows by one page: queries, pages, evidence.
    grown = (sizes[-1] - sizes[-8]) / 1
    assert grown < 2_000, sizes
    folder = sum(f.stat().st_size for f in whole.run.folder.glob("checkpoints.sqlite*"))
    assert folder < 60 * max(sizes)


def test_checkpoints_hold_plain_values_only() -> None:
    """No object is ever made of what lies in a checkpoint, whatever it says it is."""
    from langgraph.checkpoint.serde import _msgpack

    assert _msgpack.STRICT_MSGPACK_ENABLED
