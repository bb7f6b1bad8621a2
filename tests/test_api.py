"""The Python API: events of the promised types, stops that can be gone on with, the command line's words in errors."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from tests.support import ROOT, need, share
from workflows import (
    PalimpsestError,
    RunFailed,
    UsageError,
    api,
    event_types,
    report_of,
    research,
    resume,
    revise,
    runs,
)
from workflows.parsers import parsers

WEIGHTS = ROOT / "dlm_core" / "weights" / "manifest.json"
HERON = """# The Heron client

Heron is a client library that fetches web pages and keeps them in a cache on the local disk. The default timeout of a
Heron request is 30 seconds. The Heron client cancels every request that takes longer than 30 seconds. A request that
was cancelled by a timeout raises an error of the kind HeronTimeout.
"""
QUESTION = "How does the Heron client handle timeouts?"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a user is who has one page."""
    base = os.environ.get("PALIMPSEST_BASE") or _base()
    monkeypatch.setenv("PALIMPSEST_HOME", str(share(tmp_path / "home")))
    monkeypatch.setenv("PALIMPSEST_BASE", base)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "heron.md").write_text(HERON)
    return tmp_path


def _base() -> str:
    from dlm_core.fetch_base import base_path

    return str(base_path(quiet=True))


def block(page: str, language: str, number: int = 0) -> str:
    """A code block of a page of the documentation, as it is written there."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[number]


def typed(event: event_types.Event) -> None:
    """Raise unless the event has the keys and types that its class promises, and no others."""
    (wanted,) = [c for c in get_args(event_types.Event) if get_args(get_type_hints(c)["event"]) == (event["event"],)]
    fits(event, wanted, event["event"])


def fits(value: Any, kind: Any, where: str) -> None:
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        assert kind.__required_keys__ <= set(value) <= set(hints), (where, set(value) ^ set(hints))
        for key in value:
            fits(value[key], hints[key], f"{where}.{key}")
    elif get_origin(kind) is Literal:
        assert value in get_args(kind), (where, value)
    elif get_origin(kind) is list:
        assert isinstance(value, list), (where, value)
        for item in value:
            fits(item, get_args(kind)[0], where)
    elif get_origin(kind) is dict:
        assert isinstance(value, dict), (where, value)
        for item in value.values():
            fits(item, get_args(kind)[1], where)
    elif kind is not Any:
        assert isinstance(value, int | float if kind is float else kind), (where, value)


def options(call: Any) -> set[str]:
    return {name for name, p in inspect.signature(call).parameters.items() if p.kind is p.KEYWORD_ONLY}


def test_arguments_are_those_of_the_command_line() -> None:
    shown = {"json", "quiet", "version", "help", "list"}  # what a program has no use for
    for call, command in ((research, ""), (revise, "revise"), (resume, "resume")):
        actions = {a.dest for a in parsers()[command]._actions if a.option_strings}
        assert options(call) == actions - shown, command


def test_nothing_slow_is_imported() -> None:
    program = (
        "import sys, workflows; from workflows import research, revise, resume, report_of; "
        "print([m for m in ('torch', 'numpy', 'langgraph', 'chromadb', 'onnxruntime', 'mcp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_functions_outlive_the_modules_of_their_names() -> None:
    import workflows
    from workflows.research import NODES
    from workflows.revise import Request

    assert workflows.research is research is api.research and callable(workflows.revise)
    assert NODES and isinstance(Request, type)
    assert not hasattr(workflows, "nothing_of_the_kind")


def test_wrong_usage_is_raised_in_the_words_of_the_command_line(folder: Path) -> None:
    async def first(events: AsyncIterator[Any]) -> Any:
        return [event async for event in events]

    for call, words in (
        (research(QUESTION, sources="no/such"), "no/such: no such file or folder"),
        (research("", sources="heron.md"), "question"),
        (research(QUESTION, rounds=0), "'0' is not a whole number from 1 to 50"),
        (research("--help me", sources="no/such", set={"nothing": 1}), "--set takes NAME=VALUE"),
        (research("a\0b"), "null character"),
        (revise("no/such", ask="shorter"), "no/such: no such file or folder"),
    ):
        with pytest.raises(UsageError) as error:
            asyncio.run(first(call))
        assert words in str(error.value) and "\n" not in str(error.value)
        assert isinstance(error.value, PalimpsestError)
    assert list((folder / "home" / "runs").glob("*")) == []
    with pytest.raises(RunFailed, match="there is no run"):
        asyncio.run(first(resume("nothing")))


def test_closing_and_cancelling_stop_a_run_that_can_be_gone_on_with(folder: Path) -> None:
    seen: list[event_types.Event] = []

    async def until(node: str, *, close: bool) -> None:
        async with aclosing(research(QUESTION, sources=["heron.md"], out="out")) as events:
            async for event in events:
                seen.append(event)
                if event["event"] == "step" and event["node"] == node:
                    if close:
                        return
                    await asyncio.sleep(60)

    async def cancelled() -> None:
        task = asyncio.ensure_future(until("search", close=False))
        await asyncio.sleep(0)
        while not any(e["event"] == "step" and e["node"] == "search" for e in seen):
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for stop in (lambda: until("brief", close=True), cancelled):
        seen.clear()
        asyncio.run(stop())
        for event in seen:
            typed(event)
        run = runs.latest_unfinished()  # of none is a process at work
        assert seen[0]["event"] == "run" and run.id == seen[0]["id"] and run.status in ("running", "stopped")
        assert not (folder / "out").exists()


@pytest.mark.slow
def test_a_run_that_was_stopped_is_gone_on_with_and_revised(folder: Path) -> None:
    need(WEIGHTS.is_file(), "the trained weights are not there")

    async def whole() -> list[event_types.Event]:
        seen: list[event_types.Event] = []
        async with aclosing(research(QUESTION, sources=["heron.md"], out="out", seed=3)) as events:
            async for event in events:
                seen.append(event)
                if event["event"] == "canvas":
                    break
        assert seen[0]["event"] == "run"
        return seen + [event async for event in resume(seen[0]["id"])]

    events = asyncio.run(whole())
    for event in events:
        typed(event)
    last = events[-1]
    assert last["event"] == "report" and last["report"]["question"] == QUESTION
    assert {e["event"] for e in events} >= {"run", "step", "stage", "search", "progress", "canvas", "report"}

    async def revised() -> event_types.ReportEvent:
        # In a loop that has other work, as a notebook's.
        ticks = asyncio.ensure_future(_ticking())
        try:
            return await report_of(revise(last["out"], drop="30 seconds", out="second"))
        finally:
            ticks.cancel()

    made = asyncio.run(revised())
    assert "30 seconds" not in (Path(made["out"]) / "report.md").read_text()
    same = asyncio.run(report_of(revise(last["out"], out="third")))
    assert (Path(same["out"]) / "report.md").read_bytes() == (Path(last["out"]) / "report.md").read_bytes()


async def _ticking() -> None:
    while True:
        await asyncio.sleep(0.01)


def documented(folder: Path, code: str, library: list[str] | None) -> str:
    """What a block of the documentation prints, run in a folder with examples/library, or these pages of it."""
    need(WEIGHTS.is_file(), "the trained weights are not there")
    pages = ROOT / "examples" / "library"
    if library is None:
        shutil.copytree(pages, folder / "examples" / "library")
    else:
        (folder / "examples" / "library").mkdir(parents=True)
        for name in library:
            shutil.copy(pages / name, folder / "examples" / "library")
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "palimpsest").write_text(
        f"#!/bin/sh\nexport PYTHONPATH={ROOT} PALIMPSEST_HOME={folder / 'home'}"
        f' PALIMPSEST_BASE={os.environ["PALIMPSEST_BASE"]}\nexec {sys.executable} -m workflows.cli "$@"\n'
    )
    (bin_folder / "palimpsest").chmod(0o755)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("library", [["llada.md"], pytest.param(None, marks=pytest.mark.slow)], ids=["one", "all"])
def test_the_first_use_in_the_documentation(folder: Path, library: list[str] | None) -> None:
    printed = documented(folder, block("api.md", "python"), library)
    assert "search round 1" in printed and printed.rstrip().splitlines()[-1].endswith(f"is in {folder / 'my-report'}")
    report = json.loads((folder / "my-report" / "report.json").read_text())
    assert report["seed"] == 1 and sum(len(section["claims"]) for section in report["sections"]) >= 2


# --- langgraph.json -----------------------------------------------------------------------


def test_langgraph_json_names_graphs_that_can_be_built() -> None:
    import importlib.util

    from langgraph_cli.config import validate_config_file

    config = validate_config_file(ROOT / "langgraph.json")
    assert set(config["graphs"]) == {"research", "revise"} and config["dependencies"] == ["."]
    for name, place in config["graphs"].items():
        file, _, factory = str(place).partition(":")
        spec = importlib.util.spec_from_file_location("served", ROOT / file)  # as a server loads it
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        graph = getattr(module, factory)()
        assert name in graph.get_graph().nodes and "properties" in graph.get_input_jsonschema()
    assert {"out", "title", "markdown", "missing"} <= set(graph.get_output_jsonschema()["properties"])


def test_a_served_graph_streams_events_and_raises_what_the_run_raises(folder: Path) -> None:
    from workflows.graphs import research as served

    async def stream() -> None:
        async for _ in served().astream({"question": QUESTION, "sources": ["no/such"]}, stream_mode="custom"):
            pass

    with pytest.raises(UsageError, match="no such file or folder"):
        asyncio.run(stream())
