"""What the nodes of a run work with: never part of the state, made anew by every process.

The models and the library are opened when they are first needed, so that a
page that cannot be reached is reported without loading any weights.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.brief import Brief
from agent.stop import Limits
from dlm_core.canvas import Canvas
from tools.source import Provider, Skipped, Source
from workflows.runs import Run, write_atomically
from workflows.terminal import Reporter

if TYPE_CHECKING:
    from dlm_core.embed import Embedder
    from dlm_core.layout import Budget
    from dlm_core.models import Models
    from dlm_core.pool import Pool
    from tools.library import Library


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
    limits: Limits = field(init=False)
    _pool: tuple[tuple[str, ...], Pool] | None = None

    def __post_init__(self) -> None:
        self.limits = Limits(self.run.rounds, self.run.pages, self.run.seconds)

    # --- what is slow to make -------------------------------------------------

    @cached_property
    def models(self) -> Models:
        self.reporter.stage("models", "loading")
        from dlm_core.models import load_models

        weights = Path(self.run.weights) if self.run.weights else None
        with self.reporter.aside():  # the first run fetches the base and shows how far it is
            return load_models(base=self.run.base or None, weights=weights, quiet=self.reporter.quiet)

    @cached_property
    def embedder(self) -> Embedder:
        from dlm_core.embed import Embedder

        return Embedder()

    @cached_property
    def library(self) -> Library:
        from tools.library import Library

        return Library(Path(self.run.library) if self.run.library else self.run.folder / "library", self.embedder)

    @cached_property
    def budget(self) -> Budget:
        from dlm_core.layout import Budget

        return Budget()

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

    # --- what lies in the run folder --------------------------------------------

    def seed(self, round: int) -> int:
        """A seed of this round's own, from the run's seed."""
        digest = hashlib.sha256(f"{self.run.seed}:{round}".encode()).digest()
        return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF

    def canvas(self, brief: Brief, name: str) -> Canvas:
        """The canvas of a file in the run folder; an empty one for no name."""
        if not name:
            return Canvas(brief.question, parts=brief.parts if len(brief.parts) > 1 else ())
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
