"""A program on a real pseudo-terminal, and the screen that a terminal would show of it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pexpect
import pyte
from rich.style import Style
from rich.text import Text

from tests.support import ROOT

DIM = "7f7f7f"


class _Emulated(pyte.HistoryScreen):
    """A terminal that answers, and that shows dim text of the default colour in grey."""

    def __init__(self, answer: Callable[[str], None], columns: int, rows: int) -> None:
        self._answer = answer
        super().__init__(columns, rows, history=2000, ratio=0.5)

    def write_process_input(self, data: str) -> None:
        self._answer(data)

    def select_graphic_rendition(self, *attrs: int) -> None:
        super().select_graphic_rendition(*attrs)
        if 2 in attrs and 38 not in attrs and self.cursor.attrs.fg == "default":
            self.cursor.attrs = self.cursor.attrs._replace(fg=DIM)


class Screen:
    """A child process on a pseudo-terminal of a size. `raw` is everything it wrote,
    `lines` what stands on the screen; questions of the program (where is the cursor?) are answered."""

    def __init__(self, arguments: Sequence[str], columns: int, rows: int, folder: Path, **environment: str) -> None:
        kept = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "COLORTERM", "COLUMNS", "LINES")}
        kept |= {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"} | environment
        self.child = pexpect.spawn(
            sys.executable, list(arguments), dimensions=(rows, columns), cwd=str(folder), env=kept, timeout=30
        )
        self._screen = _Emulated(self.type, columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""

    def type(self, text: str) -> None:
        self.child.send(text)

    def resize(self, columns: int, rows: int) -> None:
        self.child.setwinsize(rows, columns)
        self._screen.resize(rows, columns)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def past(self) -> str:
        """What scrolled out above the screen, and the screen."""
        above = ["".join(row[x].data for x in range(self._screen.columns)) for row in self._screen.history.top]
        return "\n".join([*(line.rstrip() for line in above), *self.lines])

    @property
    def styled(self) -> list[Text]:
        """The lines of the screen with their colours, bold and inverse."""
        out = []
        for y in range(self._screen.lines):
            line = Text()
            for x in range(self._screen.columns):
                char = self._screen.buffer[y][x]
                line.append(char.data, _style(char))
            line.rstrip()
            out.append(line)
        return out

    def styles(self, text: str) -> set[tuple[str, bool]]:
        """(colour, bold) of the characters where `text` stands, at the beginning of a line if it does somewhere."""
        places = [(y, line.find(text)) for y, line in enumerate(self._screen.display) if text in line]
        assert places, f"{text!r} is not on the screen:\n{self.text}"
        y, x = min(places, key=lambda place: place[1])
        row = self._screen.buffer[y]
        return {(row[n].fg, row[n].bold) for n in range(x, x + len(text)) if row[n].data != " "}

    def read(self, seconds: float = 0.05) -> bool:
        """Take what the program wrote; False once it ended."""
        try:
            data = self.child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        return True

    def until(self, shown: str | Callable[[str], bool], seconds: float = 30.0) -> str:
        """Read until a text is on the screen, however it is wrapped, or a test of it holds; the screen's text."""

        def stands(text: str) -> bool:
            return any(str(shown) in seen for seen in (text, " ".join(text.split()), text.replace("\n", "")))

        met = shown if callable(shown) else stands
        end = time.monotonic() + seconds
        going = True
        while not met(self.text):
            assert going and time.monotonic() < end, f"never shown: {shown}\n{self.text}\n{self.raw[-2000:]!r}"
            going = self.read()
        return self.text

    def finish(self, seconds: float = 60.0) -> int:
        """Read to the program's end; its exit code."""
        end = time.monotonic() + seconds
        while self.read():
            assert time.monotonic() < end, self.text
        self.child.close()
        assert self.child.exitstatus is not None
        return int(self.child.exitstatus)

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.close(force=True)


def _style(char: Any) -> Style:
    named = {"brown": "yellow", "default": None}  # pyte's name for ANSI colour 3
    fg, bg = (named.get(c, f"#{c}" if re.fullmatch(r"[0-9a-f]{6}", c) else c) for c in (char.fg, char.bg))
    return Style(color=fg, bgcolor=bg, bold=char.bold or None, reverse=char.reverse or None)


def escapes(raw: bytes) -> set[str]:
    """The final letters of the control sequences in what a program wrote, colours ("m") among them."""
    return {match.decode() for match in re.findall(rb"\x1b\[[0-9;?]*([A-Za-z])", raw)}
