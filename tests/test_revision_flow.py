"""Evidence that comes in a second round: what it changes, and what it leaves alone. Real graph, real weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import verify
from dlm_core.canvas import Canvas, Kind
from dlm_core.support import problems
from tests.reports import wrong
from tests.support import ROOT, share
from tests.test_workflow import QUESTION, Rounds, begin, finish, models, opened, page
from tools.library import Library
from tools.providers import open_providers
from tools.settings import Settings
from workflows import runs
from workflows.context import Context

HERON = """# The Heron client

Heron is a client library that fetches web pages and keeps them in a cache on the local disk. The default timeout of a
Heron request is 30 seconds. The Heron client cancels every request that takes longer than 30 seconds.

## Timeouts

A Heron server closes an idle connection after 30 seconds. The timeout of 30 seconds covers the connection, the request
and the answer of the server. A request that was cancelled by a timeout raises an error of the kind HeronTimeout.

## The cache

The cache of the Heron client keeps a page for 12 hours before it is fetched again. Pages larger than 5 megabytes are
never written to the cache.
"""
RETRIES = """# Retries in the Heron client

The Heron client repeats a failed request up to three times when the server is overloaded. Waiting times between two
attempts of the Heron client grow from one second to eight seconds. A Heron request that failed with a client error is
never repeated.
"""
NEWER = """# Changes in the Heron client

The default timeout of a Heron request is 45 seconds. The Heron client cancels every request that takes longer than 45
seconds. A Heron server closes an idle connection after 45 seconds. The timeout of 45 seconds covers the connection, the
request and the answer of the server.
"""


def canvases(context: Context) -> list[Canvas]:
    """The verified canvas of every revision."""
    files = sorted(f for f in (context.run.folder / "canvas").glob("*.json") if ".raw." not in f.name)
    return [Canvas.from_json(f.read_text()) for f in files]


def claims(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for s in report["sections"] for c in s["claims"]]


def run(home: Path, second: str, date: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Context, dict[str, Any]]:
    monkeypatch.setenv("PALIMPSEST_HOME", str(home))
    name = "newer" if second is NEWER else "retries"
    context = begin(home, Rounds([page("heron", HERON, "2023-01-01")], [page(name, second, date)]))
    return context, finish(context)


def sound(context: Context, report: dict[str, Any]) -> None:
    """What must be true of every report: claims borne out by evidence that stands in the stored text."""
    with Library(context.run.folder / "library", models().embedder) as library:
        for e in report["evidence"].values():
            assert library.source(e["source"]).text[e["start"] : e["end"]] == e["text"]
    assert wrong(report) == []
    assert all("draft" in r for r in report["revisions"])
    assert claims(report)
    for c in claims(report):
        assert c["evidence"] and set(c["evidence"]) <= set(report["evidence"])
        assert problems(c["text"], [report["evidence"][e]["text"] for e in c["evidence"]]) == []
    for sentence in report["summary"]:
        behind = [c["text"] for c in claims(report) if c["id"] in sentence["claims"]]
        assert behind and problems(sentence["text"], behind) == []


def test_a_fact_that_several_claims_rest_on_changes_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, report = run(tmp_path, NEWER, "2025-05-01", monkeypatch)
    sound(context, report)
    assert [r["kind"] for r in report["revisions"]] == ["draft", "reconstruct"]
    cause = report["revisions"][1]["cause"]
    new = {e for e, entry in report["evidence"].items() if entry["source"] == page("newer", NEWER).id}
    assert cause["evidence"] and set(cause["evidence"]) <= new
    assert "45" in cause["tokens"]
    assert cause["shift"] >= cause["threshold"] > 0
    before, after = canvases(context)
    resting = [s for s in before.claims() if "30 seconds" in s.text]
    assert len(resting) >= 2
    # The old value is said nowhere any more, and what was disputed says so and cites both.
    said = [c["text"] for c in claims(report)]
    assert any("45 seconds" in text for text in said) and not any("30 seconds" in text for text in said)
    disputed = [c for c in claims(report) if c["disputed"]]
    assert disputed
    for c in disputed:
        assert {report["evidence"][e]["source"] for e in c["evidence"]} == set(report["sources"])
    assert report["disputes"]
    text = (Path(context.run.out) / "report.md").read_text()
    assert "The sources disagree" in text and "30 seconds" in text.split("## What is missing or disputed")[1]
    # The log has the exact difference of the two canvases.
    old, now = ({s.id: s.text for s in (*c.slots, *c.summary)} for c in (before, after))
    changed = {i: [old.get(i, ""), now.get(i, "")] for i in {*old, *now} if old.get(i, "") != now.get(i, "")}
    assert report["revisions"][1]["slots"] == changed
    assert verify.failing(after, context.pool(list(report["evidence"]))) == {}


def test_evidence_that_only_adds_stays_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, report = run(tmp_path, RETRIES, "", monkeypatch)
    sound(context, report)
    assert [r["kind"] for r in report["revisions"]] == ["draft", "local"]
    before, after = canvases(context)
    touched = set(report["revisions"][1]["slots"])
    added = [s for s in after.claims() if s.id in touched]
    assert added and all(page("retries", RETRIES).id in p for s in added for p in s.pointers)
    held = {s.id: s for s in (*after.slots, *after.summary)}
    others = [s for s in (*before.slots, *before.summary) if s.id not in touched]
    assert {s.id for s in others if s.kind == Kind.CLAIM} >= {s.id for s in before.claims()}
    for slot in others:
        assert held[slot.id].text.encode() == slot.text.encode()
        assert held[slot.id] == slot
    assert report["disputes"] == [] and not any(c["disputed"] for c in claims(report))


def same(report: dict[str, Any]) -> dict[str, Any]:
    return report | {"sources": {k: {**v, "accessed": ""} for k, v in report["sources"].items()}}


def test_same_seed_and_sources_same_report_in_a_new_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for name, text in (("heron", HERON), ("retries", RETRIES)):
        (folder / f"{name}.md").write_text(text)
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "a"))
    made = runs.Run("", QUESTION, (str(folder),), str(tmp_path / "a" / "out"), "", seed=9, pages=1)
    here = finish(opened(runs.record(made), open_providers([str(folder)], Settings())[0]))
    done = subprocess.run(
        [sys.executable, "-m", "workflows.cli", QUESTION, "--sources", str(folder), "--pages", "1", "--json", "--quiet"]
        + ["--out", str(tmp_path / "b" / "out"), "--seed", "9"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PALIMPSEST_HOME": str(share(tmp_path / "b"))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "b" / "out" / "report.json").read_text()
    there = json.loads(done.stdout)
    assert same(here) == same(there)
    texts = [(tmp_path / home / "out" / "report.md").read_text() for home in ("a", "b")]
    assert texts[0] == texts[1]
