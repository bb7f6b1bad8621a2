"""The `--json` stream: one JSON object a line on standard output (docs/terminal.md).

The engine tells of every denoising step; of the steps of one stage the stream
passes on at most RATE a second, and always the last.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, TextIO

from workflows.events import SCHEMA
from workflows.terminal import Reporter

RATE = 5  # progress events a second at most


class Stream(Reporter):
    """Events as lines. Nobody reads them any more: the work goes on, and ends with an error."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._began = time.monotonic()
        self._sent = 0.0
        self._broken: OSError | None = None

    def _line(self, name: str, event: dict[str, Any]) -> None:
        if self._broken is not None:
            return
        line = {"schema": SCHEMA, "event": name, "time": round(time.monotonic() - self._began, 3)} | event
        try:
            # Only ASCII: any line breaks or control characters of a source come as escapes.
            print(json.dumps(line), file=self._out, flush=True)
        except OSError as error:
            self._broken = error

    def begin(self, event: dict[str, Any]) -> None:
        self._line("run", event)

    def step(self, event: dict[str, Any]) -> None:
        self._line("step", event)

    def stage(self, name: str, detail: str = "") -> None:
        self._line("stage", {"name": name, "detail": detail})

    def search(self, event: dict[str, Any]) -> None:
        self._line("search", event)

    def note(self, line: str) -> None:
        self._line("note", {"text": line})

    def progress(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        last = event.get("stage") in ("plan", "read") or event.get("done") == event.get("total")
        if last or now - self._sent >= 1 / RATE:
            self._sent = now
            self._line("progress", {k: v for k, v in event.items() if k != "shades"})

    def decision(self, event: dict[str, Any]) -> None:
        self._line("decision", event)

    def canvas(self, event: dict[str, Any]) -> None:
        self._line("canvas", event)

    def finish(self, event: dict[str, Any]) -> None:
        name = "report" if "report" in event else "paused" if "outline" in event else "error"
        self._line(name, event)
        if self._broken is not None:
            raise self._broken
