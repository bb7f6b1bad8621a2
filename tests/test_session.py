"""The session: on a pseudo-terminal over a run that is done, and with real models where a question is asked."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlm_core.canvas import Canvas, Cause, Kind, Revision, Slot
from dlm_core.checkpoint import WEIGHTS
from tests.screen import Screen, escapes
from tests.support import ROOT, need, share
from tools.source import Source, source_id
from workflows import nodes, publish, runs, saver
from workflows.context import Context
from workflows.dialogue import COMMANDS
from workflows.state import START, State
from workflows.terminal import Reporter

research = import_module("workflows.research")  # the package has a function of this name
QUESTION = "How does the Heron client handle timeouts?"
TITLE = "The Heron client [bold]\x1b]0;owned\x07"
TEXT = """# The Heron client

Heron is a client library that fetches web pages. The default timeout of a Heron request is 30 seconds. \
The Heron client cancels every request that takes longer than 30 seconds."""
CLAIMS = [
    "The default timeout of a Heron request is 30 seconds.",
    "The Heron client cancels every request that takes longer than 30 seconds.",
]


def slot(name: str, kind: Kind, text: str, *evidence: str, sure: float = 0.9) -> Slot:
    return Slot(name, kind, evidence, text, (7, 8), (sure, sure), "evidence", age=1)


def finished(home: Path) -> runs.Run:
    """A run whose report is written, made of a real library, canvas, checkpoint and report; no model was asked."""
    (home / "notes").mkdir()
    (home / "notes" / "heron.md").write_text(TEXT)
    run = runs.record(runs.Run("", QUESTION, (str(home / "notes"),), str(home / "out"), str(home / "reports")))
    context = Context(run, [], Reporter())
    url = "https://example.org/heron"
    page = Source(source_id(url), url, TITLE, TEXT, "2026-01-02")
    ids = context.library.add(page)
    lead = [next(e.id for e in context.library.evidence(ids) if e.text == text) for text in CLAIMS]
    slots = (
        slot("s1", Kind.SECTION, "Timeouts"),
        slot("s2", Kind.CLAIM, CLAIMS[0], lead[0], sure=0.97),
        slot("s3", Kind.CLAIM, CLAIMS[1], lead[1], sure=0.71),
    )
    first = Revision(1, "draft", Cause("first draft"), {"s1": ("", "Timeouts"), "s3": ("", CLAIMS[1])})
    cause = Cause("new evidence adds to “Timeouts”", (lead[0],), ("30",), 0.8, 1.5)
    second = Revision(2, "local", cause, {"s2": ("", CLAIMS[0])})
    canvas = Canvas(QUESTION, slots, revisions=(first, second), next_id=4)
    context.keep(replace(canvas, slots=slots[::2], revisions=(first,)), "001.json")
    state: State = {**START, "round": 2, "pages": [page.id], "pool": ids, "opened": [url], "stop": "done"}
    state |= nodes.brief(state, context) | {"canvas": context.keep(canvas, "002.json")}
    context.__dict__["models"] = SimpleNamespace(names={"base": "b", "adapter": "a", "planner": "p"})
    publish.publish(state, context, nodes.brief_of(state, context))
    with saver.opened(run) as kept:
        graph = research.build(context, kept)
        graph.update_state(saver.config(run), dict(state), as_node="report")
    context.close()
    run = replace(context.run, status="done")
    runs.save(run)
    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("PALIMPSEST_HOME", str(home))
        return finished(home)


@pytest.fixture
def done(made: runs.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> runs.Run:
    """A copy of the run that a test may change."""
    home = Path(made.out).parent
    for name in ("runs", "out", "notes"):
        shutil.copytree(home / name, tmp_path / name)
    monkeypatch.setenv("PALIMPSEST_HOME", str(share(tmp_path)))
    run = replace(
        made, out=str(tmp_path / "out"), sources=(str(tmp_path / "notes"),), reports=str(tmp_path / "reports")
    )
    runs.save(run)
    return run


def session(folder: Path, columns: int, rows: int, *arguments: str, **environment: str) -> Screen:
    made = Screen(
        ["-m", "workflows.cli", *arguments], columns, rows, folder, PALIMPSEST_HOME=str(folder), **environment
    )
    made.until("/help. Ctrl-D leaves.")
    return made


def say(screen: Screen, line: str, shown: str) -> str:
    screen.type(line + "\r")
    return screen.until(shown)


def test_a_session_over_a_report(tmp_path: Path, done: runs.Run) -> None:
    report = tmp_path / "out" / "report.json"
    with session(tmp_path, 80, 24) as screen:
        say(screen, "/why 1", "there is no report yet: ask a question, or /open an earlier run")
        text = say(screen, "/open", "  2   The Heron client cancels")
        assert "How the Heron client handles timeouts" in text and "[1]" in text
        text = say(screen, "/why 2", "History")
        assert "confidence 0.71" in text and "https://example.org/heron" in text
        assert "The Heron client [bold]" in text  # the title is text, whatever it looks like
        assert "Heron is a client library" in screen.past  # the words around the evidence
        say(screen, "/why 7", "/why takes the number of a claim, 1 to 2: /show lists them")
        text = say(screen, "/diff", "+ The default timeout of a Heron request is 30 seconds.")
        assert "Revision 2, local: new evidence adds to “Timeouts” (30), shift 0.80 of 1.50 nats" in text
        say(screen, "/diff 1", "Revision 1, draft: first draft")
        say(screen, "/diff 3", "/diff takes the number of a revision, 1 to 2, or nothing for the last")
        say(screen, "/sources", "2 claims")
        say(screen, "/sources nowhere", "nowhere: no such file or folder")
        say(screen, "/sources notes", "the next question is asked of notes")
        before = (tmp_path / "out" / "report.md").read_bytes()
        say(screen, "/pin 2", "claim 2 is pinned: revisions leave it as it is")
        assert [c["pinned"] for s in json.loads(report.read_text())["sections"] for c in s["claims"]] == [False, True]
        assert Canvas.from_json((done.folder / "canvas" / "002.json").read_text()).slot("s3").pinned
        assert json.loads(report.read_text())["model"]["adapter"] == "a"  # who wrote it is still said
        assert (tmp_path / "out" / "report.md").read_bytes() == before
        say(screen, "/show", "  2 ◆ The Heron client cancels")
        say(screen, "/unpin 2", "claim 2 is free again")
        say(screen, "/save kept", "kept/report.md")
        assert (tmp_path / "kept" / "report.json").read_bytes() == report.read_bytes()
        say(screen, "/save kept", "holds a report already")
        say(screen, "/nothing", "there is no /nothing: /help lists the commands")
        say(screen, "/save 'a", "cannot be read: No closing quotation")
        assert b"\x1b]0;" not in screen.raw
        screen.type("/quit\r")
        assert screen.finish() == 0
    assert not (tmp_path / "reports").exists()


def test_a_wide_terminal_has_long_lines(tmp_path: Path, done: runs.Run) -> None:
    with session(tmp_path, 200, 50) as screen:
        say(screen, "/open", "  2   The Heron client cancels")
        text = say(screen, "/why 2", "History")
        quoted = (
            "Heron is a client library that fetches web pages. The default timeout of a Heron request is 30 seconds."
        )
        assert any(quoted in line for line in text.splitlines())
        screen.type("/quit\r")
        assert screen.finish() == 0


def test_completion_and_history(tmp_path: Path, done: runs.Run) -> None:
    with session(tmp_path, 100, 30) as screen:
        say(screen, "/open", "  2   The Heron client cancels")
        screen.type("/wh\t")
        screen.until("❯ /why")
        screen.type(" \t\t")
        screen.until("❯ /why 1")  # the claims are offered, the first one taken
        screen.type("\x15/o\t")
        screen.until("❯ /open\n")
        screen.type(" \t")
        screen.until(f"❯ /open {done.id}")
        screen.type("\x15/save ke\x03")
        screen.until(lambda text: text.rstrip().splitlines()[-2].strip() == "❯" or "\n❯\n" in text)
        screen.type("\x1b[A")
        screen.until("❯ /open")
        screen.type("\x15\x04")
        assert screen.finish() == 0
    kept = tmp_path / "history"
    assert "+/open" in kept.read_text() and stat.S_IMODE(kept.stat().st_mode) == 0o600
    with session(tmp_path, 100, 30) as screen:  # another session knows the lines of the first
        screen.type("\x1b[A")
        screen.until("❯ /open")
        screen.type("\x15\x04")
        assert screen.finish() == 0


def test_help_names_every_command_and_so_does_the_documentation(tmp_path: Path) -> None:
    with session(tmp_path, 80, 40) as screen:
        text = say(screen, "/help", "/quit")
        screen.type("\x04")
        assert screen.finish() == 0
    documented = (ROOT / "docs" / "terminal.md").read_text()
    for name in COMMANDS:
        assert f"/{name}" in text and f"`/{name}" in documented


@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}]
)
def test_plainer_terminals(tmp_path: Path, done: runs.Run, environment: dict[str, str]) -> None:
    with session(tmp_path, 80, 24, **environment) as screen:
        say(screen, "/open", "The Heron client cancels")
        say(screen, "/why 1", "History")
        screen.type("/quit\r")
        assert screen.finish() == 0
    if environment.get("TERM") == "dumb":
        assert escapes(screen.raw) <= {"h", "l"}  # bracketed paste at most
    if "LC_ALL" in environment:
        assert screen.raw.isascii()
    colours = {c for m in re.findall(rb"\x1b\[([0-9;]*)m", screen.raw) for c in m.split(b";")}
    if environment.get("NO_COLOR"):
        assert not any(c in colours for c in (b"31", b"32", b"36", b"38"))


def test_options_that_go_with_a_question_and_no_terminal(tmp_path: Path) -> None:
    with Screen(["-m", "workflows.cli", "--json"], 80, 24, tmp_path, PALIMPSEST_HOME=str(tmp_path)) as screen:
        assert screen.finish() == 2
        assert "--json goes with a question" in screen.text
    for arguments in ([], ["--sources", "."]):
        done = subprocess.run(
            [sys.executable, "-m", "workflows.cli", *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2 and "a question is needed" in done.stderr


# --- runs that go on from others ------------------------------------------------------


def test_a_run_after_another_knows_its_pages_unless_they_are_of_other_sources(done: runs.Run) -> None:
    after = runs.record(replace(done, id="", status="running", after=done.id))
    state = research.first_state(after)
    assert state["pages"] == [source_id("https://example.org/heron")] and state["opened"] == [
        "https://example.org/heron"
    ]
    assert state["pool"] == [] and state["canvas"] == "" and state["round"] == 0
    other = replace(after, sources=("/elsewhere",))
    assert research.first_state(other) == START
    assert runs.load(after.id) == after


@pytest.mark.slow
def test_questions_rounds_and_pins_on_real_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need((WEIGHTS / "manifest.json").is_file(), "the trained weights are not there")
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    (tmp_path / "notes").mkdir()
    for name in ("masked-diffusion-language-models", "research-agents"):
        for file in (ROOT / "examples" / "library").glob(f"*{name}*"):
            (tmp_path / "notes" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "more.md").write_text(
        "# Remasking\n\nRemasking lets a masked diffusion model revise a token it wrote.\n"
    )

    def report() -> dict[str, Any]:
        run = next(r for r in runs.listed() if r.status == "done")
        return dict(json.loads((Path(run.out) / "report.json").read_text()))

    with session(tmp_path, 100, 40, "--sources", "notes", "--rounds", "1") as screen:
        screen.type("How do masked diffusion language models write text?\r")
        screen.until("round 1 of 1", 60)
        screen.until("report.md", 300)
        first = report()
        say(screen, "/pin 1", "claim 1 is pinned")
        pinned = report()["sections"][0]["claims"][0]["text"]
        screen.type("/revise more.md\r")
        screen.until(lambda text: "nothing new was found" in text or "Revision 2" in text, 300)
        again = {c["text"]: c for s in report()["sections"] for c in s["claims"]}
        assert again[pinned]["pinned"]
        assert first["question"] == report()["question"]
        before = screen.raw.count(b"models  loading")
        screen.type("How is a token remasked?\r")
        screen.until("how-is-a-token-remasked/report.md", 300)
        assert screen.raw.count(b"models  loading") == before  # the models are those of the first question
        screen.type("/quit\r")
        assert screen.finish() == 0
    latest = runs.listed()[0]
    assert latest.after and latest.library.endswith("library") and report()["question"] == "How is a token remasked?"
    assert {s["url"] for s in report()["sources"].values()} <= {
        (p).as_uri() for p in [*(tmp_path / "notes").iterdir(), tmp_path / "more.md"]
    }
