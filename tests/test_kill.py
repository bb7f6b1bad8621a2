"""kill -9 at random moments: a run that is killed and gone on with gives the report of one that was not.

Every trial is real: a process of its own with the real weights, SIGKILL at a moment drawn from the trial's number over
the whole length of a run, and a process that resumes it (every third trial kills that one too). Pages come from a
server in this process, which counts what is asked of it.

The default run has ten trials, whose moments are spread over the run.

    .venv/bin/python -m pytest tests/test_kill.py -m slow
        100 other trials. PALIMPSEST_KILLS=0-24 does some of them, so that several processes can share them;
        PALIMPSEST_KILLS_DONE=FILE keeps the numbers of those that passed and does the others next time;
        PALIMPSEST_KILLS_SECONDS=200 begins no further one after so many seconds;
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dlm_core.checkpoint import WEIGHTS, converted
from dlm_core.fetch_base import base_path
from tests.support import CACHE, ROOT, need, share
from tests.web import Request, site
from tools.source import source_id
from workflows import runs

TRIALS = 100
FEW = 10  # of the default run
BEGAN = time.monotonic()
LONGEST = float(os.environ.get("PALIMPSEST_KILLS_SECONDS", "inf"))
QUESTION = "How does the Heron client handle timeouts?"
PAGES = {
    "/heron": (
        "The Heron client",
        "Heron is a client library that fetches web pages and keeps them in a cache on the local disk. The default"
        " timeout of a Heron request is 30 seconds. The Heron client cancels every request that takes longer than 30"
        " seconds. A request that was cancelled by a timeout raises an error of the kind HeronTimeout.",
    ),
    "/retries": (
        "Retries in the Heron client",
        "The Heron client repeats a failed request up to three times when the server is overloaded. A Heron request"
        " that failed with a client error is never repeated. The Heron client waits two seconds before it repeats a"
        " request that ran into a timeout.",
    ),
    "/cache": (
        "The cache of the Heron client",
        "The cache of the Heron client holds at most 200 megabytes of pages on the local disk. A Heron request that"
        " ran into a timeout is answered from the cache when the page is younger than one day.",
    ),
}


def chosen() -> list[int]:
    """The slow trials of this process (see above)."""
    first, _, last = os.environ.get("PALIMPSEST_KILLS", f"0-{TRIALS - 1}").partition("-")
    done = os.environ.get("PALIMPSEST_KILLS_DONE", "")
    passed = set(Path(done).read_text().split()) if done and Path(done).is_file() else set()
    return [n for n in range(int(first), int(last or first) + 1) if str(n) not in passed]


@dataclass
class Server:
    """A feed of PAGES. asked: the paths that were asked for, in order."""

    root: str = ""
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> None:
        with self.lock:
            self.asked.append(request.path)
        if request.path == "/feed":
            items = "".join(
                f"<item><title>{title}</title><link>{self.root}{path}</link><description>{text}</description></item>"
                for path, (title, text) in PAGES.items()
            )
            request.reply(f"<rss><channel>{items}</channel></rss>", "text/xml")
        elif request.path in PAGES:
            title, text = PAGES[request.path]
            request.reply(
                f"<html><head><title>{title}</title></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>"
            )
        else:
            request.reply("none", status=404)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    with site(made.answer) as root:
        made.root = root
        yield made


def begun(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A palimpsest process with its state below `home` and its report in home/out."""
    share(home)
    return subprocess.Popen(
        [sys.executable, "-m", "workflows.cli", *arguments, "--quiet"],
        cwd=home,
        env={k: v for k, v in os.environ.items() if not k.startswith("PALIMPSEST_")}
        | {"PYTHONPATH": str(ROOT), "PALIMPSEST_HOME": str(home), "PALIMPSEST_BASE": str(base_path())},
        stdout=subprocess.DEVNULL,
        stderr=(home / "errors").open("ab"),
    )


def asked_for(server: Server) -> list[str]:
    question = [QUESTION, "--sources", f"feed:{server.root}/feed", "--rounds", "2", "--pages", "1", "--seed", "3"]
    return [*question, "--out", "out"]


def report_of(home: Path) -> dict[str, Any]:
    """report.json but for the day its sources were read."""
    made = dict(json.loads((home / "out" / "report.json").read_text()))
    for source in made["sources"].values():
        del source["accessed"]
    return made


@pytest.fixture(scope="module")
def whole(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, float]:
    """The report of a run that was left alone, its report.md, and the seconds it took."""
    need((WEIGHTS / "manifest.json").is_file(), "the trained weights are not there")
    home = tmp_path_factory.mktemp("whole")
    converted(base_path(), CACHE)  # or this run has to
    start = time.monotonic()
    assert begun(home, *asked_for(server)).wait() == 0, (home / "errors").read_text()
    took = time.monotonic() - start
    made = report_of(home)
    assert [r["kind"] for r in made["revisions"]] == ["draft", "local"]
    return made, (home / "out" / "report.md").read_text(), took


def kept(home: Path) -> tuple[set[str], dict[str, bytes]]:
    """What a killed run has stored: paths of pages, and verified canvases by file."""
    pages: set[str] = set()
    canvases: dict[str, bytes] = {}
    for folder in (home / "runs").glob("*"):
        for file in folder.glob("pages/*.json"):
            pages.add(json.loads(file.read_text())["url"])
        for file in folder.glob("library/sources/*.json"):
            pages.add(json.loads(file.read_text())["url"])
        canvases |= {str(f): f.read_bytes() for f in folder.glob("canvas/[0-9][0-9][0-9].json")}
    return pages, canvases


def unfinished(home: Path) -> list[Path]:
    """What was being written when a process was killed, and lies there still."""
    return [p for place in (home, home / "out", home / "runs") for p in place.glob("**/.*") if "cache" not in p.parts]


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(p) for p in task.read_text().split()]
    return found


def killed(process: subprocess.Popen[bytes], after: float) -> bool:
    """Kill a process `after` seconds from now; False where it had ended."""
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        orphans = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
    until = time.monotonic() + 5
    while any(Path(f"/proc/{p}/exe").exists() for p in orphans):
        assert time.monotonic() < until, "a process that reads pages outlives its run"
        time.sleep(0.05)
    return True


def moment(trial: int, drawn: random.Random, seconds: float) -> float:
    """When a process is killed: anywhere in a run; in the default run each trial has its tenth of it."""
    if trial < TRIALS:
        return drawn.uniform(0, seconds)
    return (trial - TRIALS + drawn.random()) * seconds / FEW


@pytest.mark.parametrize(
    "trial", [*(pytest.param(n, marks=pytest.mark.slow) for n in chosen()), *range(TRIALS, TRIALS + FEW)]
)
def test_a_killed_run_ends_with_the_same_report(
    trial: int,
    server: Server,
    whole: tuple[dict[str, Any], str, float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if time.monotonic() - BEGAN > LONGEST:
        pytest.skip("the time for these trials is up")
    expected, text, seconds = whole
    home = tmp_path / "home"
    monkeypatch.setenv("PALIMPSEST_HOME", str(home))
    drawn = random.Random(trial)
    stored: set[str] = set()
    canvases: dict[str, bytes] = {}
    arguments = asked_for(server)
    for _ in range(2 if trial % 3 == 2 else 1):
        mark = len(server.asked)
        ended = not killed(begun(home, *arguments), moment(trial, drawn, seconds))
        again = {server.root + path for path in server.asked[mark:]} & stored
        assert not again, f"fetched again after they were stored: {again}"
        if ended:
            break
        pages, files = kept(home)
        assert canvases.items() <= files.items(), "a revision was lost"
        stored, canvases = stored | pages, files
        # Killed before it was recorded, a run is asked for again; afterwards it is gone on with.
        arguments = ["resume"] if runs.listed() else arguments
    mark = len(server.asked)
    if not runs.listed() or runs.listed()[0].status != "done":
        assert begun(home, *arguments).wait() == 0, (home / "errors").read_text()
    made = report_of(home)
    for mine, theirs in zip(made["revisions"], expected["revisions"], strict=True):
        assert mine == theirs, f"{json.dumps(mine)} is not {json.dumps(theirs)}"
    assert made == expected
    assert (home / "out" / "report.md").read_text() == text
    assert len(runs.listed()) == 1 and runs.listed()[0].status == "done"
    again = {server.root + path for path in server.asked[mark:]} & stored
    assert not again, f"fetched again after they were stored: {again}"
    assert unfinished(home) == []
    assert {source_id(server.root + path) for path in PAGES} >= set(expected["sources"])
    assert canvases.items() <= kept(home)[1].items(), "a revision was lost"
    if done := os.environ.get("PALIMPSEST_KILLS_DONE"):
        with open(done, "a") as file:
            file.write(f"{trial}\n")
