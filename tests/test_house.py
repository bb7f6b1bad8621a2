"""The rules that hold the tree together: imports one way, pinned versions, a quick start, a Makefile that quotes."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import ROOT, need

# What each package may import of ours: workflows -> agent -> tools -> dlm_core.
MAY_IMPORT = {
    "dlm_core": {"dlm_core"},
    "tools": {"tools", "dlm_core"},
    "agent": {"agent", "tools", "dlm_core"},
    "workflows": {"workflows", "agent", "tools", "dlm_core"},
    "bench": {"bench", "workflows", "agent", "tools", "dlm_core"},
}
OURS = {*MAY_IMPORT, "tests"}
HEAVY = {"torch", "chromadb", "onnxruntime", "trafilatura", "langgraph", "transformers", "numpy"}


def imported(source: str, package: str) -> set[str]:
    """Top-level names of all modules that `source`, a module of `package`, imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(package if node.level else (node.module or "").split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__"):
            found |= {str(a.value).split(".")[0] for a in node.args[:1] if isinstance(a, ast.Constant)}
    return found


def against_the_way(root: Path) -> list[str]:
    wrong = []
    for package, allowed in MAY_IMPORT.items():
        for path in sorted((root / package).rglob("*.py")):
            for name in imported(path.read_text(encoding="utf-8"), package) & OURS - allowed:
                wrong.append(f"{path.relative_to(root)} imports {name}")
    return wrong


def test_imports_go_one_way() -> None:
    assert against_the_way(ROOT) == []


@pytest.mark.parametrize(
    "line",
    ["import agent.brief", "from tools import fetch", "def f():\n    import workflows", "__import__('tests.support')"],
)
def test_an_import_against_the_way_is_seen(tmp_path: Path, line: str) -> None:
    (tmp_path / "dlm_core").mkdir()
    (tmp_path / "dlm_core" / "planted.py").write_text(f"from dlm_core import canvas\n{line}\n")
    assert len(against_the_way(tmp_path)) == 1


def test_every_folder_with_modules_is_a_package() -> None:
    """A folder without __init__.py would be left out of the wheel."""
    folders = {path.parent for package in OURS for path in (ROOT / package).rglob("*.py")}
    assert [str(f.relative_to(ROOT)) for f in sorted(folders) if not (f / "__init__.py").exists()] == []


def test_help_is_quick() -> None:
    need((ROOT / "workflows" / "cli.py").exists(), "there is no command line yet")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from workflows.cli import main; sys.exit(main())", "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds.append(time.perf_counter() - start)
        assert done.returncode == 0, done.stderr
        assert "palimpsest" in done.stdout
    assert min(seconds) < 0.5


def test_the_command_line_loads_nothing_heavy() -> None:
    need((ROOT / "workflows" / "cli.py").exists(), "there is no command line yet")
    code = "import sys, workflows.cli; print(*{name.split('.')[0] for name in sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(out.split()) & HEAVY == set()


def pins(*names: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-c ")):
                package, version = re.fullmatch(r"([a-z0-9-]+)==([\w.]+)", line).groups()  # type: ignore[union-attr]
                assert package not in found, f"{package} is pinned twice"
                found[package] = version
    return found


def wanted(requirements: list[str]) -> Iterator[Requirement]:
    """`requirements` and all they bring here, from what is installed."""
    todo, done = [(Requirement(r), "") for r in requirements], set()
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        yield requirement
        for extra in {"", *requirement.extras}:
            key = (canonicalize_name(requirement.name), extra)
            if key not in done:
                done.add(key)
                todo += [(Requirement(r), extra) for r in importlib.metadata.requires(requirement.name) or []]


@pytest.mark.parametrize("extras", [False, True], ids=["user", "test"])
def test_all_that_an_install_brings_is_pinned(extras: bool) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = project["project"]["dependencies"] + project["build-system"]["requires"]
    pinned = pins("constraints.txt")
    if extras:
        requirements += project["project"]["optional-dependencies"]["test"]
        pinned = pins("constraints.txt", "constraints-test.txt")
    wrong = [
        str(requirement)
        for requirement in wanted(requirements)
        if not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    assert wrong == []
    assert pinned["torch"] == "2.13.0"


def make_report(folder: Path, *arguments: str) -> list[str]:
    """The argument list that `make report` hands to palimpsest, from a copy of the Makefile with its set-up done."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    bin_folder = folder / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "pip").touch()
    command = bin_folder / "palimpsest"
    command.write_text('#!/bin/sh\nprintf "%s\\0" "$@"\n')
    command.chmod(0o755)
    later = time.time() + 5
    for name in ("run.stamp", "base.stamp"):
        (folder / ".venv" / name).touch()
        os.utime(folder / ".venv" / name, (later, later))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    environment |= {"OUT": "", "ARGS": ""}
    done = subprocess.run(
        ["make", "-s", "report", *arguments], cwd=folder, capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.split("\0")[:-1]


def test_make_report_hands_over_the_question_as_typed(tmp_path: Path) -> None:
    need(shutil.which("make") is not None, "make is not installed")
    question = """What does "$HOME" cost, and why's `it` $5? \\ #1"""
    assert make_report(tmp_path, f"Q={question}") == [question, "--sources", "examples/library"]


def test_make_report_passes_sources_out_and_more(tmp_path: Path) -> None:
    need(shutil.which("make") is not None, "make is not installed")
    arguments = make_report(tmp_path, "Q=Why?", "SOURCES=docs wikipedia", "OUT=my reports/one", "ARGS=--seed 7")
    assert arguments == [
        "Why?",
        "--sources",
        "docs",
        "--sources",
        "wikipedia",
        "--out",
        "my reports/one",
        "--seed",
        "7",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="libgomp is what PyTorch comes with on Linux")
@pytest.mark.parametrize(
    ("module", "given", "policy", "spins"),
    [
        ("workflows.research", {}, "PASSIVE", "1000"),
        ("bench.plan", {}, "PASSIVE", "1000"),
        ("dlm_core.models", {"GOMP_SPINCOUNT": "5"}, "PASSIVE", "5"),
        ("dlm_core.models", {"OMP_WAIT_POLICY": "active"}, "ACTIVE", None),
    ],
)
def test_threads_that_wait_sleep_and_leave_a_busy_machine_its_cores(
    module: str, given: dict[str, str], policy: str, spins: str | None
) -> None:
    # What the library of threads says that it runs by, once torch has loaded it.
    own = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    made = subprocess.run(
        [sys.executable, "-c", f"import {module}, torch"],
        env={**own, "OMP_DISPLAY_ENV": "VERBOSE", **given},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    said = dict(re.findall(r"(OMP_WAIT_POLICY|GOMP_SPINCOUNT) = '(\w+)'", made.stderr))
    assert said["OMP_WAIT_POLICY"] == policy
    assert said["GOMP_SPINCOUNT"] == spins if spins else int(said["GOMP_SPINCOUNT"]) > 1_000_000
