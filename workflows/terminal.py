"""What a run says while it works, and to whom: nobody, plain lines, a live view, or a stream of events.

A reporter is told what happens as plain values (their keys: workflows/events.py).
Text from sources is data: control characters are taken out, and no markup of
theirs is ever interpreted.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TextIO

from workflows.events import trigger

NARROW, LOW = 30, 8  # columns and rows below which nothing is drawn over
STAGES = {
    "plan": "planning",
    "write": "writing claims",
    "read": "reading what was written",
    "heading": "writing headings",
    "summary": "writing the summary",
}


def safe(text: str) -> str:
    """One line without control, bidi or other invisible characters."""
    kept = (ch if unicodedata.category(ch)[0] != "C" else " " for ch in text)
    return " ".join("".join(kept).split())


def fitted(text: str, encoding: str) -> str:
    """The text with what an encoding cannot say put into plainer signs."""
    if unicode(encoding):
        return text
    return text.translate(PLAINER).encode(encoding, "replace").decode(encoding)


def unicode(encoding: str) -> bool:
    return encoding.lower().startswith(("utf", "cp65001"))


PLAINER = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "–": "-",
        "—": "-",
        "…": "...",
        "·": "|",
        "░": "_",
        "•": "*",
        "◆": "*",
        "≠": "!",
    }
)


class Reporter:
    """Shows nothing: the reporter of --quiet, and what the other two are made from."""

    quiet = True

    def begin(self, event: dict[str, Any]) -> None:
        """The run and its budget (events.begun)."""

    def step(self, event: dict[str, Any]) -> None:
        """A node of the graph begins (events.step)."""

    def search(self, event: dict[str, Any]) -> None:
        """What a round searches for, and why (events.searched)."""

    def stage(self, name: str, detail: str = "") -> None:
        """A stage of the round begins, or has something to say."""

    def note(self, line: str) -> None:
        """Something the user should know, such as a page that was skipped."""

    def progress(self, event: dict[str, Any]) -> None:
        """An event of the engine: stage, done, total, texts by slot id."""

    def decision(self, event: dict[str, Any]) -> None:
        """What the new evidence does to the draft (events.decided)."""

    def canvas(self, event: dict[str, Any]) -> None:
        """The whole draft as it stands (events.drawn)."""

    def finish(self, event: dict[str, Any]) -> None:
        """The last event: the report, or what went wrong (events.reported, events.failed)."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While somebody else writes to the terminal."""
        yield

    def close(self) -> None:
        """Leave the terminal as it was."""

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


class Plain(Reporter):
    """Lines, one for each thing that happened."""

    quiet = False

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._last = ""

    def _line(self, text: str) -> None:
        with suppress(OSError):  # nobody reads the progress any more: the work goes on
            print(fitted(text, self._stream.encoding or "utf-8"), file=self._stream, flush=True)

    def stage(self, name: str, detail: str = "") -> None:
        line = f"{safe(name)}: {safe(detail)}" if detail else safe(name)
        if line != self._last:
            self._last = line
            self._line(line)

    def note(self, line: str) -> None:
        self._line(f"  {safe(line)}")

    def progress(self, event: dict[str, Any]) -> None:
        """One line as a stage of the engine begins; the steps in between are for the live view."""
        name = STAGES.get(str(event.get("stage")), "")
        total = int(event.get("total", 0))
        if name and str(event.get("stage")) not in ("plan", "read"):
            self.stage(name, f"{total}" if total else "")

    def decision(self, event: dict[str, Any]) -> None:
        if event["kind"] == "reconstruct":
            self.note(trigger(event))


def open_reporter(quiet: bool, *, json: bool = False) -> Reporter:
    """The reporter of a run: nothing for --quiet, events for --json, the live view
    on a terminal that can move its cursor, plain lines elsewhere."""
    if quiet:
        return Reporter()
    if json:
        from workflows.stream import Stream

        return Stream()
    if lively():
        from workflows.live import Live

        return Live()
    return Plain()


def lively() -> bool:
    """Whether standard error is a terminal on which a region can be drawn over. CI
    systems keep what is written, so they get lines; NO_COLOR only takes the colours away."""
    try:
        columns, rows = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    # A terminal that does not know its size says 0; rich then takes 80x24.
    small = 0 < columns < NARROW or 0 < rows < LOW
    return not (os.environ.get("CI") or os.environ.get("TERM", "dumb") in ("dumb", "unknown", "") or small)
