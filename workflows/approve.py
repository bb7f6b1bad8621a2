"""--approve plan: the outline waits for the user before any text is written.

At a terminal it is shown and may be accepted, edited or left for later. Elsewhere the run is saved as paused: the
outline lies in its folder as a file, and `palimpsest resume ID` goes on once the file was edited (with --approve, as
it stands).
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from dlm_core.canvas import Canvas
from workflows import nodes, outline, runs
from workflows.context import Context
from workflows.state import State
from workflows.stream import Stream
from workflows.terminal import fitted, safe

FILE = "outline.txt"
ASKED = "Enter takes this outline, e edits it, q leaves it for later: "


class Paused(RuntimeError):
    """The outline waits for its approval; the message says how to go on. outline: its file."""

    def __init__(self, run: runs.Run) -> None:
        self.outline = run.folder / FILE
        super().__init__(
            f"the outline waits in {self.outline}: edit it and palimpsest resume {run.id}"
            f" (palimpsest resume {run.id} --approve takes it as it stands)"
        )


def plan(state: State, context: Context) -> State:
    """Node: the plan of the first draft, with headings, kept as a canvas and as a text to edit."""
    from dlm_core import revise as engine

    about = nodes.brief_of(state, context)
    context.reporter.stage("plan", "the outline of the first draft")
    pool = context.pool(state["pool"])
    seed = context.seed(state["round"])
    empty = context.canvas(about, "")
    made = engine.outline(
        empty,
        pool,
        context.models,
        seed=seed,
        budget=context.budget,
        effort=context.effort,
        progress=context.reporter.progress,
    )
    name = context.keep(made, "plan.json")
    runs.write_atomically(context.run.folder / FILE, outline.render(made, pool))
    return {"outline": name, "seconds": context.seconds(state["seconds"])}


def approve(state: State, context: Context) -> State:
    """Node: waits until the outline is approved. The value it is resumed with is the text as it was edited, or "" for
    the outline as it was planned."""
    from langgraph.types import interrupt

    text = str(interrupt({"outline": str(context.run.folder / FILE)}))
    if not text:
        return {}
    about = nodes.brief_of(state, context)
    planned = context.canvas(about, "plan.json")
    pool = context.pool(state["pool"])
    laid, barred = outline.laid_out(planned, _sections(text, planned), pool, context.embedder)
    return {
        "outline": context.keep(laid, "outline.json"),
        "barred": barred,
        "pool": [e for e in state["pool"] if e not in barred],
    }


def _sections(text: str, planned: Canvas) -> list[outline.Section]:
    return outline.parse(text, len(planned.claims()))


def answer(context: Context, state: State) -> str:
    """What `approve` is resumed with. Raises Paused where the user decides later, OutlineError for an edited outline
    that cannot be used."""
    about = nodes.brief_of(state, context)
    planned = context.canvas(about, "plan.json")
    pool = context.pool(state["pool"])
    file = context.run.folder / FILE
    asked_for = outline.render(planned, pool)
    if not file.is_file():
        runs.write_atomically(file, asked_for)

    def edited() -> str:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise outline.OutlineError(f"it cannot be read ({error})") from None
        if text == asked_for:
            return ""
        outline.laid_out(planned, _sections(text, planned), pool, context.embedder)  # it must be usable before we go on
        return text

    asks = sys.stdin.isatty() and sys.stderr.isatty() and not isinstance(context.reporter, Stream)
    try:
        text = edited()
        if text or context.take_outline:
            return text
    except outline.OutlineError as error:
        if context.take_outline or not asks:
            raise
        _say(f"The outline cannot be used: {error}.")
    if not asks:
        raise Paused(context.run)
    with context.reporter.aside(), _interruptible():
        try:
            return _ask(file, edited)
        except (KeyboardInterrupt, EOFError):
            _say("")
            raise Paused(context.run) from None


def _ask(file: Path, edited: Callable[[], str]) -> str:
    """At the terminal, until the outline is accepted. Raises EOFError where the user leaves it."""
    _show(file)
    while True:
        sys.stderr.write(ASKED)
        sys.stderr.flush()
        line = sys.stdin.readline()
        word = line.strip().lower()
        if not line or word in ("q", "quit", "n", "no"):
            raise EOFError
        try:
            if word in ("", "y", "yes"):
                return edited()
            if word in ("e", "edit"):
                _edit(file)
                if text := edited():
                    return text
        except outline.OutlineError as error:
            _say(f"The outline cannot be used: {error}.")


def _show(file: Path) -> None:
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            _say(line)


def _say(line: str) -> None:
    lead = line[: len(line) - len(line.lstrip())]
    print(fitted(lead + safe(line), sys.stderr.encoding or "utf-8"), file=sys.stderr)


def _edit(file: Path) -> None:
    """Open the file in the user's editor. Raises OutlineError where there is none."""
    wanted = os.environ.get("VISUAL", "").strip() or os.environ.get("EDITOR", "").strip()
    command = shlex.split(wanted) if wanted else [e for e in ("nano", "vi") if shutil.which(e)][:1]
    if not command:
        raise outline.OutlineError(f"no editor is set (EDITOR names one), edit {file} elsewhere and press Enter")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the editor's own
    try:
        done = subprocess.run([*command, str(file)], check=False)
    except OSError as error:
        raise outline.OutlineError(f"{command[0]} does not start: {error.strerror or error}") from None
    finally:
        signal.signal(signal.SIGINT, before)
    if done.returncode:
        raise outline.OutlineError(f"{command[0]} ended with {done.returncode}")


class _interruptible:
    """Ctrl-C while the outline is shown leaves it for later, and does not end a round."""

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
