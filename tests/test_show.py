"""palimpsest list, show and library: what they print, and what prune may remove."""

from __future__ import annotations

import argparse
import datetime
import io
import os
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from workflows import library_commands, runs, saver, show
from workflows.context import Context
from workflows.research import build
from workflows.state import START
from workflows.terminal import Reporter

QUESTION = "How do tides work?"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return tmp_path


def record(**changed: object) -> runs.Run:
    values = {"id": "", "question": QUESTION, "sources": ("notes",), "out": "", "reports": "/r"} | changed
    run = runs.record(runs.Run(**values))  # type: ignore[arg-type]
    if changed.get("status"):
        runs.save(run)
    return run


def library(path: Path, sources: int = 1) -> Path:
    for part in ("chroma", "sources", "vectors"):
        (path / part).mkdir(parents=True)
    (path / "chroma" / "chroma.sqlite3").write_bytes(b"x" * 1000)
    for n in range(sources):
        (path / "sources" / f"src_{n:010x}.json").write_text("{}")
    return path


def left(path: Path, days: float) -> None:
    """As if nobody had used it for so many days."""
    then = time.time() - days * library_commands.DAY
    for place in [*path.rglob("*"), path]:
        os.utime(place, (then, then))


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    from workflows.parsers import library_parser

    code = library_commands.run(library_parser().parse_args(list(arguments)))
    said = capsys.readouterr()
    return code, said.out, said.err


# --- list and show -----------------------------------------------------------------------------


def test_ages_are_in_the_largest_whole_unit(home: Path) -> None:
    run = record()
    then = datetime.datetime.fromisoformat(run.created)
    for seconds, says in ((0, "0 s"), (59, "59 s"), (61, "1 min"), (7300, "2 h"), (86_400 * 3, "3 d")):
        assert show.age(run, then + datetime.timedelta(seconds=seconds)) == says
    assert show.age(replace(run, created="")) == "?"


def test_list_has_every_state_with_its_age(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for status in ("running", "stopped", "paused", "failed", "done"):
        runs.save(replace(record(), status=status, reason="why" if status == "failed" else ""))
    busy = record(question="How do\x1b[2J stars form?")
    with runs.locked(busy):
        assert show.every() == 0
    lines = capsys.readouterr().out.splitlines()
    states = [line[len(busy.id) :].strip() for line in lines if line.startswith("20")]
    assert len(states) == 6 and "    why" in lines
    for state in ("running ", "cut off ", "stopped ", "paused ", "failed ", "done "):
        assert sum(state in line for line in lines) == 1, state
    assert "\x1b" not in "".join(lines) and all(" s  How do" in line for line in lines if line.startswith("20"))


def test_show_says_what_each_round_looked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = record(rounds=3, seconds=90.0, tokens=5000)
    assert show.one(argparse.Namespace(run=None)) == 0
    assert "report    none yet: palimpsest resume" in capsys.readouterr().out  # nothing was done yet
    state = {
        **START,
        "round": 2,
        "searches": [["1", QUESTION, "the question", "question"], ["2", "moon tides", "a claim\x1b is uncertain", "x"]],
        "pages": ["a", "b"],
        "skipped": [["u", "r"]],
        "pool": ["e"],
        "tokens": 1234,
        "seconds": 12.4,
        "trouble": ["wikipedia: cannot be reached"],
    }
    with saver.opened(run) as kept:
        build(Context(run, [], Reporter()), kept).update_state(saver.config(run), state, as_node="verify")
    out = home / "out"
    out.mkdir()
    runs.save(replace(run, status="done", reason="all 3 rounds are done", out=str(out)))
    assert show.one(argparse.Namespace(run=run.id[:20])) == 0
    said = capsys.readouterr().out
    assert re.search(r"^state     done, asked \d+ s ago: all 3 rounds are done$", said, re.MULTILINE)
    for line in (
        f"question  {QUESTION}",
        "sources   notes",
        "budget    3 rounds, 8 pages a round, 90 seconds, 5,000 tokens, seed 0",
        "so far    2 rounds, 2 pages read, 1 skipped, 1 pieces of evidence; 12 s, 1,234 tokens",
        f"round 1   {QUESTION} (the question)",
        "round 2   moon tides (a claim  is uncertain)",
        "trouble   wikipedia: cannot be reached",
        f"report    {out / 'report.md'} (no longer there)",
    ):
        assert line in said.splitlines(), line
    assert show.one(argparse.Namespace(run="2020")) == 1
    assert "there is no run 2020" in capsys.readouterr().err


def test_show_without_runs_says_what_to_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show.one(argparse.Namespace(run=None)) == 1
    assert "there is no run yet" in capsys.readouterr().err


# --- libraries -----------------------------------------------------------------------------------


def test_libraries_are_listed_with_size_sources_and_whose_they_are(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = record(status="done")
    library(run.folder / "library", 3)
    named = library(home / "shared", 2)
    other = record(library=str(named), status="stopped")
    record(library=str(home / "gone"))
    code, out, _ = called(capsys, "list")
    lines = sorted(out.splitlines(), key=lambda line: "named" in line)
    assert code == 0 and len(lines) == 2
    assert "0.0 MB" in lines[0] and " 3 sources  used today" in lines[0] and f"({run.id} (done))" in lines[0]
    assert f"{named}  (named, {other.id} (stopped))" in lines[1]


def test_prune_removes_what_is_done_and_nothing_else(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done, stopped = record(status="done"), record(status="stopped")
    followed = record(status="done")
    mine = library(done.folder / "library")
    theirs = library(stopped.folder / "library")
    shared = library(followed.folder / "library")
    record(status="stopped", library=str(shared), after=followed.id)
    named = library(home / "shared")
    record(status="done", library=str(named))
    linked = record(status="done")
    (linked.folder / "library").symlink_to(named)
    foreign = record(status="done").folder / "library"
    (foreign / "sources").mkdir(parents=True)
    (foreign / "thesis.tex").write_text("not a library")
    code, out, err = called(capsys, "prune")
    assert code == 2 and str(mine) in out and "nothing was removed: --yes removes" in err and mine.is_dir()
    code, out, err = called(capsys, "prune", "--yes")
    assert code == 0 and "removed 1 library, 0.0 MB" in err
    assert not mine.exists() and done.folder.is_dir()
    for kept in (theirs, shared, named, linked.folder / "library", foreign / "thesis.tex"):
        assert kept.exists(), kept
    assert called(capsys, "prune", "--yes")[2] == "no library to remove\n"


def test_prune_by_age_takes_unfinished_runs_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = record(status="stopped"), record(status="done")
    left(library(old.folder / "library"), 40)
    left(library(new.folder / "library"), 10)
    assert called(capsys, "prune", "--older", "30", "--yes")[0] == 0
    assert not (old.folder / "library").exists() and (new.folder / "library").is_dir()


def test_prune_leaves_what_is_in_use(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worked_on, opened = record(status="done"), record(status="done")
    for run in (worked_on, opened):
        library(run.folder / "library")
    with runs.locked(worked_on), FileLock(str(opened.folder / "library" / "lock")):
        code, _, err = called(capsys, "prune", "--yes")
    assert code == 0 and err.count("in use, left as it is") == 2
    assert (worked_on.folder / "library" / "sources").is_dir() and (opened.folder / "library" / "sources").is_dir()


def test_at_a_terminal_prune_asks_before(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    folder = library(record(status="done").folder / "library")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for answer, stays in (("\n", True), ("no\n", True), ("", True), ("y\n", False)):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        code, _, err = called(capsys, "prune")
        assert code == 0 and "Remove this library (0.0 MB)?" in err
        assert folder.exists() is stays
