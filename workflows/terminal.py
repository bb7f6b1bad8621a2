"""What a run shows while it works: a live region on a terminal, plain lines elsewhere.

Everything goes to standard error. Text from sources is data: control
characters are taken out and rich's markup is never interpreted.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

SHOWN = 8  # sentences of the draft in the live region
BAR = 40  # characters of the progress bar
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


class Reporter:
    """Shows nothing: the reporter of --quiet, and what the other two are made from."""

    quiet = True

    def stage(self, name: str, detail: str = "") -> None:
        """A stage of the round begins, or has something to say."""

    def note(self, line: str) -> None:
        """Something the user should know, such as a page that was skipped."""

    def progress(self, event: dict[str, Any]) -> None:
        """An event of the engine: stage, done, total, texts by slot id."""

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
            print(text, file=self._stream, flush=True)

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


class Live(Reporter):
    """A small region that is drawn over: stages done, the stage going on, the draft's sentences as they resolve."""

    quiet = False

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.live import Live as Region
        from rich.spinner import Spinner

        self._console = console or Console(stderr=True, highlight=False)
        self._stage = ""
        self._bar: tuple[str, int, int] = ("", 0, 0)
        self._texts: dict[str, str] = {}
        self._spinner = Spinner("dots")
        self._region = Region(console=self._console, refresh_per_second=8, transient=True, get_renderable=self._draw)
        self._region.start()

    def stage(self, name: str, detail: str = "") -> None:
        from rich.text import Text

        if self._stage and not self._stage.startswith(f"{safe(name)} "):
            self._region.console.print(Text(f"✓ {self._stage}", style="dim"))
        self._stage = f"{safe(name)}  {safe(detail)}".rstrip() + " "
        self._bar = ("", 0, 0)
        self._texts = {}

    def note(self, line: str) -> None:
        from rich.text import Text

        self._region.console.print(Text(f"  {safe(line)}", style="yellow"))

    def progress(self, event: dict[str, Any]) -> None:
        name = STAGES.get(str(event.get("stage")), "")
        if name:
            self._bar = (name, int(event.get("done", 0)), int(event.get("total", 0)))
        # A new dict, never the old one changed: the region is drawn by a thread of its own.
        self._texts = self._texts | {str(k): safe(str(v)) for k, v in dict(event.get("texts") or {}).items()}

    @contextmanager
    def aside(self) -> Iterator[None]:
        self._region.stop()
        try:
            yield
        finally:
            self._region.start()

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = []
        if self._stage:
            self._spinner.update(text=Text(self._stage))
            parts.append(self._spinner)
        name, done, total = self._bar
        if name:
            parts.append(Text(f"  {name} {done}/{total}" if total > 1 else f"  {name}"))
            if total > 1:
                full = round(BAR * min(done, total) / total)
                parts.append(Text("  " + "━" * full, style="green").append("━" * (BAR - full), style="dim"))
        # Sentences that are still changing first: they are what one wants to see.
        texts = sorted(self._texts.items(), key=lambda item: "░" not in item[1])[:SHOWN]
        for _, text in texts:
            style = "" if "░" not in text else "cyan"
            parts.append(Text(f"  {text}", style=style, no_wrap=True, overflow="ellipsis"))
        return Group(*parts)

    def close(self) -> None:
        from rich.text import Text

        if self._region.is_started:
            self._texts = {}
            self._region.stop()
            if self._stage:
                self._console.print(Text(f"✓ {self._stage}", style="dim"))
                self._stage = ""


def open_reporter(quiet: bool) -> Reporter:
    """Nothing for --quiet, the live region on a terminal, plain lines elsewhere."""
    if quiet:
        return Reporter()
    wants_plain = os.environ.get("NO_COLOR") or os.environ.get("CI") or os.environ.get("TERM") == "dumb"
    if wants_plain or not sys.stderr.isatty():
        return Plain()
    return Live()
