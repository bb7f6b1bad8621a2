"""The command line, in processes of its own: one clear line a mistake, the right exit code, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.web import Request, site
from workflows import runs

QUESTION = "How do tides work?"


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PALIMPSEST_", "COVERAGE"))}
    network = {"PALIMPSEST_ATTEMPTS": "1", "PALIMPSEST_TIMEOUT": "5"}
    return kept | network | {"PALIMPSEST_HOME": str(home), "PYTHONPATH": str(ROOT)} | more


def palimpsest(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """One call from `folder`/work, with state in `folder`/home."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "workflows.cli", *arguments],
        cwd=work,
        env=environment(folder / "home", **more),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def left(folder: Path) -> list[str]:
    """Everything below the folder the call was made from."""
    return sorted(str(p.relative_to(folder / "work")) for p in (folder / "work").rglob("*"))


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("palimpsest: ")
    assert done.stdout == ""
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "a question is needed"),
        (["--sources", "."], "a question is needed"),
        (["", "--sources", "."], "the question is empty"),
        (["  ", "--sources", "."], "the question is empty"),
        (["a\x07b", "--sources", "."], "control characters"),
        (["why? " * 200, "--sources", "."], "characters"),
        ([QUESTION, "--colour", "red"], "unknown option --colour"),
        (["How", "do", "tides", "work?"], "in quotes"),
        ([QUESTION, "--seed", "x"], "--seed"),
        ([QUESTION, "--seed", "-1"], "--seed"),
        ([QUESTION, "--rounds", "0"], "--rounds"),
        ([QUESTION, "--pages", "many"], "--pages"),
        ([QUESTION, "--seconds", "nan"], "--seconds"),
        ([QUESTION, "--effort", "much"], "'much' is not an effort: fast, default, thorough, or a number from 0 to 1"),
        ([QUESTION, "--effort", "1.5"], "--effort"),
        ([QUESTION, "--out", ""], "--out"),
        ([QUESTION, "--sources"], "--sources"),
        (["resume", "--rounds", "3"], "unknown option --rounds"),
        (["list", "all"], "one argument too many"),
    ],
)
def test_wrong_usage_is_one_line_and_2(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = palimpsest(tmp_path, *arguments)
    assert says in one_line(done)
    assert done.returncode == 2
    assert left(tmp_path) == []
    assert not (tmp_path / "home").exists()  # no run was recorded either


def test_sources_that_cannot_be_are_one_line_and_leave_no_run(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "empty").mkdir()
    for source, says in (
        ("missing", "missing: no such file or folder"),
        ("empty", "holds no file that can be read"),
        ("gopher://example.org/", "no such kind of source"),
        ("http://", "not a URL"),
        ("kiwix:nonsense", "not a URL"),
    ):
        done = palimpsest(tmp_path, QUESTION, "--sources", source, "--out", "out")
        assert says in one_line(done)
        assert done.returncode == 2
        assert left(tmp_path) == ["empty"]
        assert list((tmp_path / "home" / "runs").iterdir()) == []


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    done = palimpsest(tmp_path, QUESTION, "--sources", "https://example.org/", PALIMPSEST_DELAY="soon")
    assert "PALIMPSEST_DELAY takes a number" in one_line(done)
    assert done.returncode == 2


def test_an_out_that_cannot_be_is_known_before_the_work(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "held").mkdir(parents=True)
    (work / "held" / "report.json").write_text("{}")
    (work / "file").write_text("x")
    for out, says in (
        ("held", "holds a report already"),
        ("file", "is a file"),
        ("file/below", "is a file"),
        ("/proc/palimpsest", "cannot be written"),
    ):
        done = palimpsest(tmp_path, QUESTION, "--sources", ".", "--out", out)
        assert says in one_line(done)
        assert done.returncode == 2
    assert left(tmp_path) == ["file", "held", "held/report.json"]
    assert (work / "held" / "report.json").read_text() == "{}"
    assert not (tmp_path / "home").exists()


def test_a_state_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    done = palimpsest(tmp_path, QUESTION, "--sources", ".")
    assert "cannot be recorded" in one_line(done)
    assert done.returncode == 1


# --- what goes wrong on the way -----------------------------------------------------


def failed_runs(folder: Path) -> list[str]:
    return [json.loads(f.read_text())["status"] for f in (folder / "home" / "runs").glob("*/run.json")]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_pages_that_give_nothing_end_the_run_with_one_line(tmp_path: Path) -> None:
    answers = {
        "/missing": (404, "text/html", b"gone"),
        "/picture": (200, "image/png", b"\x89PNG\r\n"),
        "/bare": (200, "text/html", b"<html><body></body></html>"),
    }

    def pages(request: Request) -> None:
        status, kind, body = answers.get(request.path, (404, "text/plain", b""))
        request.reply(body, kind, status)

    with site(pages) as root:
        for source, says in (
            (f"{root}/missing", "HTTP 404"),
            (f"{root}/picture", "image/png"),
            (f"{root}/bare", "/bare: "),
            (f"http://127.0.0.1:{free_port()}/", "cannot be reached"),
            (f"kiwix:http://127.0.0.1:{free_port()}", "cannot be reached"),
        ):
            done = palimpsest(tmp_path, QUESTION, "--sources", source, "--out", "out", "--quiet")
            line = one_line(done)
            assert "no passages" in line and says in line
            assert done.returncode == 1
            assert left(tmp_path) == []
    assert set(failed_runs(tmp_path)) == {"failed"}


def test_sources_about_something_else_give_no_report_and_say_so(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    bread = tmp_path / "work" / "bread.md"
    bread.write_text("# Bread\n\nBread is baked from a dough of flour and water that yeast has raised.\n")
    done = palimpsest(tmp_path, "How does asyncio cancel a task?", "--sources", "bread.md", "--quiet")
    assert "says nothing on this question" in one_line(done)
    assert done.returncode == 1
    assert left(tmp_path) == ["bread.md"]


def test_no_sources_and_no_wikipedia_names_the_offline_way(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/w/api.php"
    done = palimpsest(tmp_path, QUESTION, PALIMPSEST_WIKIPEDIA=nowhere)
    line = one_line(done)
    assert "Wikipedia cannot be reached" in line and "--sources FOLDER" in line and "--sources kiwix:URL" in line
    assert done.returncode == 1
    assert left(tmp_path) == []


def test_weights_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "work" / "weights").mkdir(parents=True)
    source = ROOT / "examples" / "library" / "masked-diffusion-language-models.md"
    done = palimpsest(
        tmp_path,
        "How do masked diffusion language models write text?",
        *("--sources", str(source), "--weights", "weights", "--out", "out", "--quiet"),
    )
    assert "manifest.json is missing" in one_line(done)
    assert done.returncode == 1
    assert left(tmp_path) == ["weights"]


# --- help, list, resume ----------------------------------------------------------------


def test_help_names_every_command_and_option(tmp_path: Path) -> None:
    done = palimpsest(tmp_path, "--help")
    assert done.returncode == 0 and done.stderr == ""
    options = "--sources --out --seed --rounds --json --quiet --force --pages --seconds --library --base --weights"
    options += " --effort"
    for word in [*options.split(), "research", "resume", "list", "kiwix:URL", "wikipedia"]:
        assert word in done.stdout
    assert palimpsest(tmp_path, "research", "--help").returncode == 0
    assert palimpsest(tmp_path, "resume", "--help").returncode == 0


def test_version(tmp_path: Path) -> None:
    done = palimpsest(tmp_path, "--version")
    assert done.returncode == 0 and done.stdout.startswith("palimpsest ")


def test_list_and_resume_without_runs(tmp_path: Path) -> None:
    assert palimpsest(tmp_path, "list").stdout == ""
    assert "no run is unfinished" in one_line(palimpsest(tmp_path, "resume"))
    assert "there is no run 2020" in one_line(palimpsest(tmp_path, "resume", "2020"))
    assert "is not a run" in one_line(palimpsest(tmp_path, "resume", "../../etc"))


def test_a_run_that_is_killed_at_once_is_recorded_and_found(tmp_path: Path) -> None:
    """The server takes the request and never answers, so the run is killed while it waits for its first page."""
    (tmp_path / "work").mkdir()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        source = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        options = ["--sources", source, "--seed", "5", "--effort", "thorough", "--out", "out"]
        process = subprocess.Popen(
            [sys.executable, "-m", "workflows.cli", QUESTION, *options],
            cwd=tmp_path / "work",
            env=environment(tmp_path / "home"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + 60
            while not list((tmp_path / "home").glob("runs/*/run.json")):
                assert time.monotonic() < until and process.poll() is None
                time.sleep(0.02)
            time.sleep(0.2)
            listed = palimpsest(tmp_path, "list").stdout
            assert "running" in listed and QUESTION in listed
            assert "no run is unfinished" in one_line(palimpsest(tmp_path, "resume"))  # it is being worked on
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert "cut off" in palimpsest(tmp_path, "list").stdout
    record = json.loads(next((tmp_path / "home").glob("runs/*/run.json")).read_text())
    assert (record["question"], record["seed"], record["status"]) == (QUESTION, 5, "running")
    assert record["effort"] == 1.0
    assert record["out"] == str(tmp_path / "work" / "out")
    # Nobody listens there any more: resuming takes up this very run and says what is wrong with it.
    assert "cannot be reached" in palimpsest(tmp_path, "resume", "--quiet").stderr
    assert left(tmp_path) == []


# --- run folders ------------------------------------------------------------------------


def record(**changed: object) -> runs.Run:
    values = {"id": "", "question": QUESTION, "sources": ("a",), "out": "", "reports": "/r"} | changed
    return runs.record(runs.Run(**values))  # type: ignore[arg-type]


def test_runs_of_one_second_get_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    made = [record(seed=n) for n in range(3)]
    assert len({r.id for r in made}) == 3
    assert all(runs.load(r.id) == r for r in made)
    assert {r.id for r in runs.listed()} == {r.id for r in made}
    with pytest.raises(runs.RunError, match="name more of it"):
        runs.load(made[0].id[:8])


def test_the_latest_unfinished_run_is_one_nobody_works_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    first, second, third = (record(seed=n) for n in range(3))
    runs.save(replace(third, status="done"))
    runs.save(replace(second, status="stopped"))
    assert runs.latest_unfinished().id == second.id
    with runs.locked(second):
        assert runs.latest_unfinished().id == first.id
        with pytest.raises(runs.RunError, match="by another process"), runs.locked(second):
            pass


def test_a_damaged_record_is_passed_over_and_named_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    good, bad = record(), record()
    (bad.folder / "run.json").write_text('{"schema": 1, "sour')
    assert [r.id for r in runs.listed()] == [good.id]
    with pytest.raises(runs.RunError, match="cannot be read"):
        runs.load(bad.id)
