"""What a revision did to a text: a unified diff, coloured at a terminal and plain elsewhere.

Lines of a report are long, so in a terminal the words that differ stand out.
Text is data: nothing in it reaches the terminal as a control character or markup.
"""

from __future__ import annotations

import difflib
import sys
from typing import TextIO

from rich.console import Console
from rich.text import Text

from workflows.terminal import fitted

CONTEXT = 1  # unchanged lines around a change


def unified(before: str, after: str, names: tuple[str, str]) -> list[str]:
    """Lines of the unified diff of two texts, each safe to show; [] where they are the same."""
    old, new = before.splitlines(), after.splitlines()
    lines = difflib.unified_diff(old, new, names[0], names[1], lineterm="", n=CONTEXT)
    out = [_safe(line) for line in lines]
    if not out and before != after:
        return ["the texts differ in white space at line ends"]
    return out


def _safe(line: str) -> str:
    """The line without control characters, its first character and its inner spaces kept."""
    return line[:1] + "".join(ch if ch.isprintable() else " " for ch in line[1:])


def show(before: str, after: str, names: tuple[str, str], stream: TextIO | None = None) -> None:
    """Print the diff to a stream (standard output)."""
    out = stream or sys.stdout
    lines = unified(before, after, names)
    if not out.isatty():
        for line in lines:
            print(fitted(line, out.encoding or "utf-8"), file=out)
        return
    console = Console(file=out, highlight=False)
    pending: list[str] = []
    for line in [*lines, " "]:
        if line.startswith("-") and not line.startswith("---"):
            pending.append(line)
            continue
        if line.startswith("+") and not line.startswith("+++") and pending:
            old = pending.pop(0)
            for text in _pair(old, line):
                console.print(_fitted(text, console), soft_wrap=True)
            continue
        for old in pending:
            console.print(_fitted(Text(old, style="red"), console), soft_wrap=True)
        pending = []
        if line != " ":
            console.print(_fitted(Text(line, style=_style(line)), console), soft_wrap=True)


def _fitted(text: Text, console: Console) -> Text:
    plain = fitted(text.plain, console.encoding)
    return text if plain == text.plain else Text(plain, style=text.style)


def _style(line: str) -> str:
    if line.startswith(("---", "+++")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")


def _pair(old: str, new: str) -> tuple[Text, Text]:
    """A line before and after, the words that differ in bold."""
    a, b = old[1:].split(" "), new[1:].split(" ")
    left, right = Text("-", style="red"), Text("+", style="green")
    for kind, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        style = "" if kind == "equal" else "bold"
        if j > i:
            left.append(" ".join(a[i:j]) + " ", style)
        if m > k:
            right.append(" ".join(b[k:m]) + " ", style)
    return left, right
