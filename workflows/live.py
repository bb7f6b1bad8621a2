"""The live view: a bounded region of the terminal that is drawn over while a run works.

A thread of its own draws, at most RATE times a second and only when something
changed or a second went by, so that the engine never waits for the terminal. A
frame is one write between the marks of synchronised output, which terminals that
know them show at once and others pass over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
from rich.control import Control
from rich.live import Live as Region
from rich.live_render import LiveRender
from rich.segment import ControlType, Segment
from rich.text import Text

from workflows.draw import ASCII, Glyphs, View
from workflows.terminal import Reporter, safe, unicode

RATE = 5.0  # frames a second at most
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"  # synchronised output (DEC private mode 2026)


class _Raw:
    """Control characters that move nothing."""

    def __init__(self, codes: str) -> None:
        self.codes = codes

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self.codes, None, [(ControlType.BELL,)])


class _Frame(LiveRender):
    """rich's live render, drawn over from its first line: every line is written and
    its rest erased, so that nothing is blank in between."""

    widths: list[int] = []

    def position_cursor(self) -> Control:
        height = self.last_render_height
        if not height:
            return Control()
        return Control(ControlType.CARRIAGE_RETURN, *([(ControlType.CURSOR_UP, height - 1)] if height > 1 else []))

    def wrapped(self, columns: int) -> None:
        """The terminal became narrower and wraps what was drawn: it is that much taller."""
        if self._shape is not None:
            rows = sum(max(1, -(-width // columns)) for width in self.widths)
            self._shape = (columns, max(1, rows))

    def forget(self) -> None:
        """Nothing is on the screen."""
        self._shape = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        erase = Segment("\x1b[K", None, [(ControlType.BELL,)])
        before = self.last_render_height
        lines = console.render_lines(self.renderable, options, pad=False)[: max(1, options.size.height - 1)]
        self.widths = [Segment.get_line_length(line) for line in lines]
        self._shape = (max(self.widths, default=0), len(lines))
        for n, line in enumerate(lines):
            yield from line
            yield erase
            if n < len(lines) - 1:
                yield Segment.line()
        if before > len(lines):
            yield Segment("\x1b[J", None, [(ControlType.BELL,)])


class _Lines:
    """Lines made when they are drawn, for the size they are drawn at."""

    def __init__(self, make: Callable[[int, int], list[Text]]) -> None:
        self.make = make

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.make(options.max_width, options.size.height - 1):
            # As it is: the lines are cut to the width already. A line without spans has its style from here.
            style = console.get_style(line.style)
            yield from Segment.apply_style(line.render(console), style if not line.spans else None)
            yield Segment.line()


class _Region(Region):
    """rich's live region with frames that replace each other without a gap."""

    def __init__(self, console: Console, lines: _Lines) -> None:
        super().__init__(lines, console=console, auto_refresh=False, transient=True)
        self._frame = _Frame(lines)
        self._live_render = self._frame
        self._columns = console.width

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        columns = self.console.width
        if columns < self._columns:
            self._frame.wrapped(columns)
        self._columns = columns
        if not self._started:  # the region ends: it goes, and leaves what was printed above it
            above: list[ConsoleRenderable] = [self._frame.position_cursor(), _Raw("\x1b[J"), *renderables]
            self._frame.forget()
            return above
        # What is printed above the region is written over it, its first lines first, each with its rest erased.
        passed: list[ConsoleRenderable] = (
            [_Raw("\x1b[J")] if any(not isinstance(r, Control) for r in renderables) else []
        )
        return [_Raw(BEGIN), self._frame.position_cursor(), *passed, *renderables, self._frame, _Raw(END)]


class Live(Reporter):
    """Stages done as lines that stay, and below them the region: question, budget,
    what goes on, the trigger of a revision, and the draft as it resolves."""

    quiet = False

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        rich_signs = unicode(self._console.encoding)
        self.view = View(Glyphs() if rich_signs else ASCII, self._console.encoding)
        self._tick = "✓" if rich_signs else "-"
        self._lock = threading.Lock()  # held while the view changes or is read
        self._screen = threading.RLock()  # held while something is written
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._region = _Region(self._console, _Lines(self._draw))
        self._region.start()
        self._thread = threading.Thread(target=self._run, name="live view", daemon=True)
        self._thread.start()

    # --- drawing ----------------------------------------------------------------

    def _draw(self, width: int, height: int) -> list[Text]:
        with self._lock:
            try:
                return self.view.lines(width, height, time.monotonic() - self._began)
            except Exception as error:  # whatever is wrong with the view, the run is worth more
                return [Text(f"the view cannot be drawn: {type(error).__name__}")]

    def _run(self) -> None:
        while not self._ended.is_set():
            self._changed.wait(1.0)  # the clock goes on when nothing else does
            self._changed.clear()
            if self._region.is_started and not self._ended.is_set():
                self.refresh()
            self._ended.wait(1 / RATE)

    def refresh(self) -> None:
        """Draw a frame now."""
        with self._screen, suppress(OSError):  # nobody sees the terminal any more: the work goes on
            self._region.refresh()

    def _print(self, text: Text) -> None:
        with self._screen, suppress(OSError):
            self._region.console.print(text)

    def _done(self, line: str) -> None:
        self._print(self.view.cut(Text(self.view.fit(f"{self._tick} {line}"), style="dim"), self._console.width))

    # --- events -----------------------------------------------------------------

    def begin(self, event: dict[str, Any]) -> None:
        with self._lock:
            self.view.begin(event)
        self._changed.set()

    def step(self, event: dict[str, Any]) -> None:
        with self._lock:
            self.view.step(event)
        self._changed.set()

    def stage(self, name: str, detail: str = "") -> None:
        with self._lock:
            before = self.view.stage
            self.view.staged(name, detail)
        if before[0] and before[0] != safe(name):
            self._done(View.line_of(*before))
        self._changed.set()

    def note(self, line: str) -> None:
        self._print(Text(f"  {self.view.clean(line)}", style="yellow"))

    def progress(self, event: dict[str, Any]) -> None:
        with self._lock:
            self.view.progress(event)
        self._changed.set()

    def decision(self, event: dict[str, Any]) -> None:
        with self._lock:
            self.view.decided(event)
            kind, line = self.view.trigger
        if kind == "reconstruct":
            self._print(Text(f"{self.view.glyphs.key} {line}", style="bold yellow"))
        self._changed.set()

    def canvas(self, event: dict[str, Any]) -> None:
        with self._lock:
            self.view.drawn(event)
        self._changed.set()

    @contextmanager
    def aside(self) -> Iterator[None]:
        self._region.stop()
        try:
            yield
        finally:
            self._region.start()

    def close(self) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        self._changed.set()
        self._thread.join(timeout=5)
        with suppress(OSError):
            self._region.stop()
        if self.view.stage[0]:
            self._done(View.line_of(*self.view.stage))
