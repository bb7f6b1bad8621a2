"""Ctrl-C in every phase: once ends the round and writes the report so far, twice stops at once and loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlm_core.checkpoint import WEIGHTS
from dlm_core.fetch_base import base_path
from tests.support import ROOT, need, share
from tests.test_workflow import HERON, QUESTION
from tests.web import Request, site
from workflows import runs

pytestmark = pytest.mark.slow
PATIENCE = 8.0  # seconds in which a run that is stopped at once must end, on a busy machine


@pytest.fixture
def hanging() -> Iterator[tuple[str, threading.Event]]:
    """A server that answers nothing while its event is not set, and is told of by it."""
    free = threading.Event()

    def pages(request: Request) -> None:
        if request.path == "/robots.txt":
            request.reply("", status=404)
            return
        free.wait(60)
        request.reply("gone", status=404)

    with site(pages) as root:
        yield root, free
        free.set()


def begun(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment: dict[str, Any] = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PALIMPSEST_HOME": str(share(home)),
        "PALIMPSEST_BASE": str(base_path()),
        "PALIMPSEST_ATTEMPTS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "workflows.cli", *arguments],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(process: subprocess.Popen[str], beginning: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(beginning):
            return
    raise AssertionError(f"the run ended before {beginning!r}")


def interrupted(process: subprocess.Popen[str], at: str, times: int) -> tuple[float, str]:
    """Seconds from the last Ctrl-C to the end, and the last line of standard error."""
    until(process, at)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    if times == 2:
        until(process, "  ending this round")
        process.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, rest = process.communicate(timeout=120)
    return time.monotonic() - start, rest.splitlines()[-1] if rest else ""


@pytest.mark.parametrize(("source", "at"), [("feed:{root}/feed", "search:"), ("{root}/page", "read:")])
def test_twice_while_a_server_hangs_stops_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hanging: tuple[str, threading.Event], source: str, at: str
) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    process = begun(tmp_path, QUESTION, "--sources", source.format(root=hanging[0]), "--out", "out")
    seconds, line = interrupted(process, at, 2)
    assert process.returncode == 1 and line.startswith("palimpsest: stopped; palimpsest resume")
    assert seconds < PATIENCE
    assert runs.listed()[0].status == "stopped" and not (tmp_path / "out").exists()
    hanging[1].set()
    again = begun(tmp_path, "resume", "--quiet")
    assert "no passages" in again.communicate(timeout=60)[1]


@pytest.mark.parametrize("at", ["draft:", "writing headings", "verify:", "reflect:"])
def test_twice_while_it_works_stops_at_once_and_it_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    need((WEIGHTS / "manifest.json").is_file(), "the trained weights are not there")
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "heron.md").write_text(HERON)
    (tmp_path / "notes" / "retries.md").write_text(HERON.replace("30 seconds", "45 seconds").replace("The Heron", "A"))
    process = begun(tmp_path, QUESTION, "--sources", "notes", "--rounds", "2", "--pages", "1", "--out", "out")
    seconds, line = interrupted(process, at, 2)
    if process.returncode == 0:
        return  # it was done before it was told
    assert process.returncode == 1 and line.startswith("palimpsest: stopped; palimpsest resume")
    assert seconds < PATIENCE
    assert not (tmp_path / "out").exists()
    assert begun(tmp_path, "resume", "--quiet").wait(240) == 0
    assert (tmp_path / "out" / "report.json").is_file()


def test_once_while_reading_writes_the_report_of_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hanging: tuple[str, threading.Event]
) -> None:
    need((WEIGHTS / "manifest.json").is_file(), "the trained weights are not there")
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    (tmp_path / "heron.md").write_text(HERON)
    sources = ["--sources", "heron.md", "--sources", f"{hanging[0]}/page", "--sources", f"{hanging[0]}/other"]
    process = begun(tmp_path, QUESTION, *sources, "--rounds", "5", "--out", "out")
    until(process, "read: 2 of 3")
    threading.Timer(1.0, hanging[1].set).start()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=240)
    assert process.returncode == 0, rest
    assert "read: 3 of 3" not in rest
    report = (tmp_path / "out" / "report.md").read_text()
    assert "The search ended early, after 1 round of 5: stopped by the user." in report


def test_ctrl_c_twice_stops_at_once_and_once_writes_the_report_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need((WEIGHTS / "manifest.json").is_file(), "the trained weights are not there")
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    (tmp_path / "heron.md").write_text(HERON)
    process = begun(tmp_path, QUESTION, "--sources", "heron.md", "--rounds", "5", "--out", "out")
    until(process, "draft")
    process.send_signal(signal.SIGINT)
    until(process, "  ending this round")
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=120)
    assert process.returncode == 1 and out == ""
    assert "palimpsest: stopped; palimpsest resume" in rest.splitlines()[-1]
    assert not (tmp_path / "out").exists()
    assert runs.latest_unfinished().status == "stopped"

    process = begun(tmp_path, "resume")
    until(process, "draft")
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=300)
    assert process.returncode == 0, rest
    assert out.strip() == str(tmp_path / "out" / "report.md")
    made = json.loads((tmp_path / "out" / "report.json").read_text())
    assert made["missing"] == ["The search ended early, after 1 round of 5: stopped by the user."]
    assert [r["kind"] for r in made["revisions"]] == ["draft"]
    assert runs.load(runs.listed()[0].id).status == "done"
    assert "is done" in (begun(tmp_path, "resume", runs.listed()[0].id).communicate()[1])
