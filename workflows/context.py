"""What the nodes of a run work with: never part of the state, made anew by every process.

The models and the library are opened when they are first needed, so that a
page that cannot be reached is reported without loading any weights.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.brief import Brief
from agent.stop import Limits
from dlm_core.canvas import Canvas, Wanted
from tools.deadline import Deadline
from tools.source import Provider, Skipped, Source
from workflows.runs import Run, write_atomically
from workflows.terminal import Reporter

if TYPE_CHECKING:
    from dlm_core.effort import Effort
    from dlm_core.embed import Embedder
    from dlm_core.layout import Budget
    from dlm_core.models import Models
    from dlm_core.pool import Pool
    from tools.library import Library
    from workflows.state import State

# Of the time that is left when a node begins, what it may wait for servers: there must be some for the draft.
PATIENCE = {"search": 1 / 3, "read": 1 / 2}
FINISH = 5.0  # seconds kept for what comes after the last pass: headings, verification, the report


class FailedRun(RuntimeError):
    """The run cannot give a report; one line that says why."""


@dataclass
class Context:
    """One process's hold on a run."""

    run: Run
    providers: list[Provider]
    reporter: Reporter
    interrupted: bool = False
    started: float = field(default_factory=time.monotonic)
    deadline: Deadline = field(default_factory=Deadline)  # of the providers
    hurried: bool = False  # whether time or tokens ran out in this round
    take_outline: bool = False  # a paused run's outline is accepted as it stands
    limits: Limits = field(init=False)
    _pool: tuple[tuple[str, ...], Pool] | None = None
    _end: float = math.inf  # monotonic time at which the seconds are spent
    _patience: float = math.inf  # and until which the node waits for servers
    _asked: float = 0.0  # when `enough` was asked last, and the longest time between two times
    _longest: float = 0.0
    _before: tuple[int, int] = (0, 0)  # tokens of the run, and computed by the writer, when the node began

    def __post_init__(self) -> None:
        self.limits = Limits(self.run.rounds, self.run.pages, self.run.seconds, self.run.tokens)
        for provider in self.providers:
            if hasattr(provider, "watch"):  # a folder, whose files are all read before it can be searched
                provider.watch = partial(self._reading, provider.name)

    def _reading(self, name: str, done: int, total: int) -> bool:
        self.reporter.stage("search", f"reading {name}: {done} of {total} files")
        return self.interrupted

    def _embedding(self, done: int, total: int) -> None:
        self.reporter.stage("remember", f"{done} of {total} vectors")

    # --- what is slow to make -------------------------------------------------

    @cached_property
    def models(self) -> Models:
        self.reporter.stage("models", "loading")
        from dlm_core.models import load_models

        weights = Path(self.run.weights) if self.run.weights else None
        with self.reporter.aside():  # the first run fetches the base and shows how far it is
            made = load_models(base=self.run.base or None, weights=weights, quiet=self.reporter.quiet)
        made.writer.enough = self.enough
        return made

    @cached_property
    def embedder(self) -> Embedder:
        from dlm_core.embed import Embedder

        made = Embedder()
        made.watch = self._embedding
        return made

    @cached_property
    def library(self) -> Library:
        from tools.library import Library

        return Library(Path(self.run.library) if self.run.library else self.run.folder / "library", self.embedder)

    @cached_property
    def budget(self) -> Budget:
        from dlm_core.layout import Budget

        return Budget()

    @cached_property
    def effort(self) -> Effort:
        from dlm_core.effort import Effort

        return Effort.at(self.run.effort)

    @cached_property
    def gaps(self) -> bool:
        """Whether searches ask for what the draft lacks (the setting `gaps`)."""
        from tools.settings import load

        return load(self.run.settings)[0].gaps == "on"

    def pool(self, ids: list[str]) -> Pool:
        """The pool of these evidence ids; kept until others are asked for."""
        from agent.evidence import load_pool

        key = tuple(ids)
        if self._pool is None or self._pool[0] != key:
            self._pool = key, load_pool(self.library, ids)
        return self._pool[1]

    def close(self) -> None:
        if "library" in self.__dict__:
            self.library.close()
        if writer := self._writer():
            writer.enough = lambda: False

    # --- the budget ---------------------------------------------------------------

    def enter(self, node: str, state: State) -> None:
        """A node begins: how long it may wait for servers, and from where its tokens are counted."""
        now = time.monotonic()
        if node == "search":
            self.hurried = False
        writer = self._writer()
        if writer is not None:
            writer.enough = self.enough
            # No node finds a reading that another made, so a run that goes on here after a kill computes the same.
            writer.drop()
        self._before = state.get("tokens", 0), _computed(writer)
        self._asked = 0.0
        if self.limits.seconds:
            left = self.limits.seconds - state["seconds"] - (now - self.started)
            self._end = now + left
            self._patience = self.deadline.until = now + max(0.0, left) * PATIENCE.get(node, 1.0)

    def _writer(self) -> Any:
        return getattr(self.__dict__.get("models"), "writer", None)

    @property
    def tokens(self) -> int:
        """Tokens that the model read and denoised in this run so far."""
        writer = self._writer()
        return self._before[0] + (_computed(writer) - self._before[1] if writer is not None else 0)

    def turn(self, left: int) -> None:
        """One of `left` providers or pages is asked: it may take an equal part of the time that the node waits for
        servers, so that one that hangs does not cost the others theirs."""
        if self.limits.seconds:
            now = time.monotonic()
            self.deadline.until = now + max(0.0, self._patience - now) / left

    @property
    def impatient(self) -> bool:
        """Whether the node has waited for servers for as long as it may."""
        return time.monotonic() >= self._patience

    def waited(self) -> None:
        """The user was asked: that time is none of the run's."""
        self.started = time.monotonic()

    def enough(self) -> bool:
        """Whether time or tokens are spent but for what finishing needs; asked between passes of the model."""
        if self.limits.seconds:
            now = time.monotonic()
            self._longest = max(self._longest, now - self._asked if self._asked else 0.0)
            self._asked = now
            finish = min(max(FINISH, 2 * self._longest), self.limits.seconds / 4)
            self.hurried = self.hurried or now >= self._end - finish
        if self.limits.tokens:
            self.hurried = self.hurried or self.tokens >= self.limits.tokens
        return self.hurried

    # --- what lies in the run folder --------------------------------------------

    def seed(self, round: int) -> int:
        """A seed of this round's own, from the run's seed."""
        digest = hashlib.sha256(f"{self.run.seed}:{round}".encode()).digest()
        return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF

    def canvas(self, brief: Brief, name: str) -> Canvas:
        """The canvas of a file in the run folder; an empty one for no name."""
        if not name:
            wanted = Wanted(self.run.require, self.run.forbid, self.run.length)
            return Canvas(brief.question, parts=brief.parts if len(brief.parts) > 1 else (), wanted=wanted)
        return Canvas.from_json((self.run.folder / "canvas" / name).read_text(encoding="utf-8"))

    def keep(self, canvas: Canvas, name: str) -> str:
        write_atomically(self.run.folder / "canvas" / name, canvas.to_json())
        return name

    def spool(self, page: Source | Skipped, url: str) -> None:
        """Keep what a fetch gave until the library has it."""
        raw: dict[str, Any] = asdict(page) | {"skipped": isinstance(page, Skipped)}
        write_atomically(self._spooled(url), json.dumps(raw, ensure_ascii=False))

    def spooled(self, url: str) -> Source | Skipped | None:
        """What `spool` kept for a URL; None where there is nothing whole."""
        try:
            raw = json.loads(self._spooled(url).read_text(encoding="utf-8"))
            kind = Skipped if raw.pop("skipped") else Source
            return kind(**raw)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _spooled(self, url: str) -> Path:
        name = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        return self.run.folder / "pages" / f"{name}.json"

    def seconds(self, before: float) -> float:
        """Seconds worked: `before` by earlier processes and steps, and since the last call."""
        now = time.monotonic()
        spent, self.started = now - self.started, now
        return round(before + spent, 3)


def _computed(writer: Any) -> int:
    """Positions that a writer has computed: contexts, canvases and readings."""
    return sum(writer.passes[kind] for kind in ("context", "canvas", "read")) if writer is not None else 0
