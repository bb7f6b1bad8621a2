"""Shell completion in real shells, and the manual page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT, need
from workflows import manual, runs
from workflows.parsers import COMMANDS, parsers


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a `palimpsest` on the path and an unfinished run."""
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "state"))
    command = tmp_path / "bin" / "palimpsest"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m workflows.cli "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes.md").write_text("x")
    runs.record(runs.Run("", "How do tides work?", (), "", str(tmp_path)))
    return tmp_path


def answers(folder: Path, line: str, shell: str = "bash") -> list[str]:
    """What the completion function of bash offers for a line, in a real bash."""
    code = f"""
eval "$(palimpsest completion {shell})"
COMP_LINE={line!r} COMP_POINT={len(line)} COMP_TYPE=9
read -ra COMP_WORDS <<< "$COMP_LINE"
[[ $COMP_LINE == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_python_argcomplete palimpsest
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def test_bash_completes_commands_options_paths_and_runs(home: Path) -> None:
    need(shutil.which("bash") is not None, "bash is not installed")
    first = answers(home, "palimpsest ")
    assert set(first) == set(COMMANDS)
    assert "--sources" in answers(home, "palimpsest --s")
    assert answers(home, "palimpsest res") == ["research", "resume"]
    assert answers(home, "palimpsest resume ") == [runs.latest_unfinished().id]
    assert answers(home, "palimpsest list --ro") == []
    assert answers(home, "palimpsest research --ro") == ["--rounds"]
    assert set(answers(home, "palimpsest x --sources no")) == {"notes/", "notes.md"}
    assert set(answers(home, "palimpsest x --out no")) == {"notes/"}
    assert answers(home, "palimpsest completion ") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_reads_its_script(home: Path, shell: str) -> None:
    script = subprocess.run(["palimpsest", "completion", shell], capture_output=True, text=True, check=True).stdout
    assert "palimpsest" in script
    need(shutil.which(shell) is not None, f"{shell} is not installed")
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""


def test_the_manual_page_is_what_the_parsers_say() -> None:
    page = manual.page()
    assert (ROOT / "docs" / "palimpsest.1").read_text() == page, "make man"
    for name, parser in parsers().items():
        assert not name or f".SS {name}\n" in page
        for action in parser._actions:
            for option in action.option_strings:
                if option.startswith("--") and option != "--help":
                    assert option.replace("-", "\\-") in page


def test_man_shows_it(tmp_path: Path) -> None:
    need(shutil.which("man") is not None and shutil.which("groff") is not None, "man or groff is not installed")
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", str(ROOT / "docs" / "palimpsest.1")],
        env=os.environ | {"LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80", "MANPAGER": "cat"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "QUESTION" in done.stdout and "Exit code 0: done" in done.stdout
