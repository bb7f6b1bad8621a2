"""Shell completion, by argcomplete: the shell asks this program what may come next."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

import argcomplete
from argcomplete.completers import DirectoriesCompleter, FilesCompleter

from workflows import runs
from workflows.parsers import COMMANDS, SHELLS, parsers

FOLDERS = ("out", "library", "weights")  # options whose value is a folder
FILES = ("sources", "base")


def script(shell: str) -> str:
    """What a shell reads to complete `palimpsest`."""
    return str(argcomplete.shellcode(["palimpsest"], shell=shell)).strip()


def complete() -> None:
    """Answer the shell, and end the process. What is typed so far is in COMP_LINE."""
    words = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", "0") or 0)].split()
    known = parsers()
    known["research"] = known[""]
    typed_on = os.environ.get("COMP_LINE", "").endswith((" ", "\t"))
    command = words[1] if len(words) > 1 and words[1] in known and (len(words) > 2 or typed_on) else ""
    if command:
        # argcomplete leaves out this many words: the program and its command are one.
        os.environ["_ARGCOMPLETE"] = str(int(os.environ["_ARGCOMPLETE"]) + 1)
    argcomplete.autocomplete(_offering(known[command], commands=not command), always_complete_options=False)


def _offering(parser: argparse.ArgumentParser, *, commands: bool) -> argparse.ArgumentParser:
    """The parser with what may stand for its values."""
    offers: dict[str, Callable[..., Any]] = {
        "run": lambda **_: {r.id: r.question for r in runs.listed() if r.status != "done"},
        "question": lambda **_: list(COMMANDS) if commands else [],
        "shell": lambda **_: list(SHELLS),
        **dict.fromkeys(FOLDERS, DirectoriesCompleter()),
        **dict.fromkeys(FILES, FilesCompleter()),
    }
    for action in parser._actions:
        if action.dest in offers:
            action.completer = offers[action.dest]  # type: ignore[attr-defined]
    return parser
