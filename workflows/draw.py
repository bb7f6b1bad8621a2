"""The live view as lines: what is known of a run, fitted to a size.

`View` is changed by events and drawn by `View.lines`, a pure function of what it
holds, the size and the time. Nothing here writes to a terminal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from workflows.events import count, trigger
from workflows.terminal import STAGES, fitted, safe

TALLEST = 48  # lines, whatever the terminal has
UNWRITTEN = 12  # masks shown for a slot that has no text yet
WRAPPED = 3  # lines a sentence takes at most
RECENT = 3  # lines of what is searched and read
SURE, DOUBTED = 0.9, 0.6  # commit confidence from which a token is shown in full, and under which it is dim
MASKED = -1.0  # the confidence of a mask, in pieces
MASK = "░"

Piece = tuple[str, float]


@dataclass(frozen=True)
class Glyphs:
    """Signs that are not letters, for terminals with and without Unicode."""

    mask: str = MASK
    full: str = "━"
    rest: str = "━"
    rule: str = "─"
    pin: str = "◆"
    dispute: str = "≠"
    now: str = "▸"
    key: str = "◇"
    dot: str = " · "
    more: str = "…"


ASCII = Glyphs(mask="_", full="#", rest="-", rule="-", pin="*", dispute="!", now=">", key="!", dot=" | ", more="~")


@dataclass(frozen=True)
class Cell:
    """One slot as it is shown. state: "" it stands, "masked" nothing is known of
    its text, "remasked" its old text is given up, "written" its text is being written."""

    id: str
    kind: str
    pieces: tuple[Piece, ...] = ()
    state: str = ""
    pinned: bool = False
    disputed: bool = False

    @property
    def text(self) -> str:
        return "".join(t for t, _ in self.pieces)


@dataclass
class View:
    """What is known of a run."""

    glyphs: Glyphs = field(default_factory=Glyphs)
    encoding: str = "utf-8"
    question: str = ""
    budget: Mapping[str, Any] = field(default_factory=dict)
    round: int = 0
    pages: int = 0
    evidence: int = 0
    stage: tuple[str, str] = ("", "")
    bar: tuple[str, int, int] = ("", 0, 0)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))
    trigger: tuple[str, str] = ("", "")  # kind of the decision and its line
    cells: dict[str, Cell] = field(default_factory=dict)
    focus: str = ""  # the slot that changed last
    top: int = 0  # the first line of the draft that is shown, where not all of it is
    _drawn: dict[str, tuple[Cell, int, int, list[Text]]] = field(default_factory=dict)
    _console: Console = field(default_factory=lambda: Console(width=80, color_system=None))

    def clean(self, text: str) -> str:
        """A source's text as this terminal can show it."""
        return self.fit(safe(text))

    def fit(self, text: str) -> str:
        return fitted(text, self.encoding)

    # --- events ---------------------------------------------------------------

    def begin(self, event: Mapping[str, Any]) -> None:
        self.question, self.budget = self.clean(str(event["question"])), event

    def step(self, event: Mapping[str, Any]) -> None:
        self.round = int(event["round"])
        self.pages, self.evidence = int(event["pages"]), int(event["evidence"])
        if event["node"] == "search":
            self.trigger = ("", "")

    def staged(self, name: str, detail: str) -> None:
        name, detail = self.clean(name), self.clean(detail)
        if self.stage[0] in ("search", "read") and self.stage[0] == name:
            self.recent.append(self.line_of(*self.stage))
        elif self.stage[0] != name:
            self.recent.clear()
        self.stage, self.bar = (name, detail), ("", 0, 0)

    @staticmethod
    def line_of(name: str, detail: str) -> str:
        return f"{name}  {detail}".rstrip()

    def decided(self, event: Mapping[str, Any]) -> None:
        self.trigger = (str(event["kind"]), self.clean(trigger(dict(event))))

    def drawn(self, event: Mapping[str, Any]) -> None:
        """The whole draft; the pieces of a text that was seen being written stay."""
        cells = {}
        for slot in event["slots"]:
            text = self.clean(str(slot["text"]))
            old = self.cells.get(str(slot["id"]))
            kept = old is not None and old.state != "masked" and old.text.strip() == text
            pieces = old.pieces if kept and old is not None else ((text, float(slot["confidence"])),)
            cells[str(slot["id"])] = Cell(
                str(slot["id"]),
                str(slot["kind"]),
                pieces if text else (),
                "" if text else "masked",
                bool(slot["pinned"]),
                bool(slot["disputed"]),
            )
        self.cells = cells

    def progress(self, event: Mapping[str, Any]) -> None:
        stage = str(event.get("stage"))
        if stage == "plan":
            self._planned(dict(event.get("kinds") or {}))
            return
        if name := STAGES.get(stage, ""):
            self.bar = (name, int(event.get("done", 0)), int(event.get("total", 0)))
        shades = dict(event.get("shades") or {})
        cells = dict(self.cells)
        if stage == "write":
            # What a new plan gave up and is not being written keeps its text after all.
            cells = {i: replace(c, state="") if c.state == "remasked" else c for i, c in cells.items()}
        for key, value in dict(event.get("texts") or {}).items():
            text, name = self.clean(str(value)), str(key)
            old = cells.get(name) or Cell(name, "summary")
            if stage == "read":
                new = replace(old, state="", pieces=old.pieces if old.text.strip() == text else ((text, 1.0),))
            else:
                pieces = _led(self._piece(p) for p in shades.get(key, ())) or _pieces(text)
                open_ = any(c == MASKED for _, c in pieces)
                new = replace(old, pieces=pieces, state="written" if open_ else "")
            if new != old:
                cells[name], self.focus = new, name
        self.cells = cells

    def _piece(self, raw: Sequence[Any]) -> Piece:
        text, confidence = raw
        if confidence is None:
            return MASK * len(str(text)), MASKED
        # Not `safe`: a piece begins and ends with the spaces that part it from its neighbours.
        kept = "".join(ch if ch.isprintable() else " " for ch in str(text))
        return self.fit(kept), float(confidence)

    def _planned(self, kinds: Mapping[str, str]) -> None:
        """A new plan: its slots in order; new ones are all masks, and a
        reconstruction gives up every text but the pinned ones."""
        cells = {}
        whole = self.trigger[0] == "reconstruct"
        for key, kind in kinds.items():
            old = self.cells.get(str(key))
            if old is None or not old.pieces:
                cells[str(key)] = Cell(str(key), str(kind), state="masked")
            elif whole and old.kind == "claim" and not old.pinned:
                cells[str(key)] = replace(old, state="remasked")
            else:
                cells[str(key)] = old
        self.cells = cells | {i: c for i, c in self.cells.items() if c.kind == "summary"}

    # --- lines ----------------------------------------------------------------

    def lines(self, width: int, height: int, seconds: float) -> list[Text]:
        """At most `height` lines of at most `width` cells."""
        room = min(height, TALLEST)
        out = [self.cut(Text(self.question, style="bold"), width), self.cut(self._budget(seconds), width)]
        name, done, total = self.bar
        if name:
            out.append(self.cut(self._progress(name, done, total, width), width))
        else:
            past = list(self.recent)[-(min(RECENT, max(0, room - 10))) :] if room > 10 else []
            out += [self.cut(Text(line, style="dim"), width) for line in past]
            if self.stage[0]:
                out.append(self.cut(Text(f"{self.glyphs.now} {self.line_of(*self.stage)}"), width))
        if self.trigger[0] in ("local", "reconstruct"):
            style = "bold yellow" if self.trigger[0] == "reconstruct" else "yellow"
            out.append(self.cut(Text(f"{self.glyphs.key} {self.trigger[1]}", style=style), width))
        if self.cells and len(out) + 2 <= room:
            out.append(Text(self.glyphs.rule * width, style="dim"))
            out += self._draft(width, room - len(out))
        return out[:room]

    def cut(self, text: Text, width: int) -> Text:
        """One line of at most `width` cells."""
        if cell_len(text.plain) > width:
            text.truncate(width - 1, overflow="crop")
            text.append(self.glyphs.more)
        return text

    def _budget(self, seconds: float) -> Text:
        rounds = int(self.budget.get("rounds", 0))
        parts = [f"round {max(1, self.round)} of {rounds}"] if rounds else []
        if self.pages:
            parts.append(f"{count(self.pages, 'page')} read, at most {self.budget.get('pages', 0)} a round")
        if self.evidence:
            parts.append(f"{self.evidence} pieces of evidence")
        claims = sum(c.kind == "claim" for c in self.cells.values())
        if claims:
            parts.append(count(claims, "claim"))
        limit = float(self.budget.get("seconds", 0) or 0)
        parts.append(clock(seconds) + (f" of {clock(limit)}" if limit else ""))
        return Text(self.fit(self.glyphs.dot).join(parts), style="dim")

    def _progress(self, name: str, done: int, total: int, width: int) -> Text:
        text = Text(f"{self.glyphs.now} {name}" + (f" {done}/{total}" if total > 1 else ""))
        room = min(40, width - cell_len(text.plain) - 2)
        if total > 1 and room >= 8:
            full = round(room * min(done, total) / total)
            text.append("  ")
            text.append(self.glyphs.full * full, style="green")
            text.append(self.glyphs.rest * (room - full), style="dim")
        return text

    def _draft(self, width: int, room: int) -> list[Text]:
        """The draft in `room` lines: whole where it fits, else around what changed last."""
        cells = [c for c in self.cells.values() if c.kind in ("section", "claim", "link")]
        summary = [c for c in self.cells.values() if c.kind == "summary"]
        if summary:
            cells += [Cell("", "section", (("Summary", 1.0),)), *summary]
        blocks: list[list[Text]] = []
        for most in range(WRAPPED, 0, -1):
            blocks = [self._block(c, width, most) for c in cells]
            if sum(map(len, blocks)) <= room:
                return [line for block in blocks for line in block]
        lines = [line for block in blocks for line in block]  # one line a slot
        shown = max(1, room - 1)
        at = next((n for n, c in enumerate(cells) if c.id and c.id == self.focus), 0)
        if not self.top <= at < self.top + shown:
            self.top = at - shown // 2
        self.top = max(0, min(self.top, len(lines) - shown))
        above, below = self.top, len(lines) - self.top - shown
        rest = ", ".join(f"{n} more {where}" for n, where in ((above, "above"), (below, "below")) if n)
        last = self.cut(Text(f"  {self.glyphs.more} {rest}", style="dim"), width)
        return [*lines[self.top : self.top + shown], last][:room]

    def _block(self, cell: Cell, width: int, most: int) -> list[Text]:
        """A slot in at most `most` lines; kept until the slot or the size changes."""
        held = self._drawn.get(cell.id)
        if held is not None and held[0] == cell and held[1:3] == (width, most):
            return held[3]
        body = self._words(cell)
        if cell.kind == "section":
            out = [self.cut(body, width)]
        else:
            out = [self._mark(cell)]
            lines = body.wrap(self._console, max(8, width - 2), overflow="fold") if most > 1 else [body]
            for n, line in enumerate(list(lines)[:most]):
                line.rstrip()
                if n:
                    out.append(Text("  "))
                out[n].append_text(line)
            if len(lines) > most:
                out[-1].append(f" {self.glyphs.more}")
            out = [self.cut(line, width) for line in out]
        if len(self._drawn) > 500:
            self._drawn.clear()
        self._drawn[cell.id] = (cell, width, most, out)
        return out

    def _mark(self, cell: Cell) -> Text:
        if cell.pinned:
            return Text(f"{self.glyphs.pin} ", style="bold green")
        if cell.disputed:
            return Text(f"{self.glyphs.dispute} ", style="bold red")
        return Text(f"{self.glyphs.now} ", style="cyan") if cell.state == "written" else Text("  ")

    def _words(self, cell: Cell) -> Text:
        base = "bold" if cell.kind == "section" else ""
        text = Text(no_wrap=False)
        if cell.state == "masked":
            return text.append(self.glyphs.mask * UNWRITTEN, style="cyan dim")
        for piece, confidence in cell.pieces:
            if confidence == MASKED:
                text.append(self.glyphs.mask * len(piece), style="cyan")
            elif cell.state == "remasked":
                text.append(piece, style="dim")
            else:
                text.append(piece, style=f"{base} {shade(confidence)}".strip())
        if cell.state == "remasked":
            text.append(f" {self.glyphs.mask * 3}", style="cyan dim")
        return text


def shade(confidence: float) -> str:
    """The style of a token: in full where the model was sure, grey, then dim where it was not.
    Both stand out less than the default on a dark and on a light background."""
    if confidence >= SURE:
        return ""
    return "color(245)" if confidence >= DOUBTED else "dim"


def _led(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Pieces without the space that a first token begins with."""
    out = list(pieces)
    if out and out[0][1] != MASKED:
        out[0] = (out[0][0].lstrip(), out[0][1])
    return tuple(p for p in out if p[0])


def _pieces(text: str) -> tuple[Piece, ...]:
    """Pieces of a text with masks in it, where nothing is known of confidence."""
    out: list[Piece] = []
    for ch in text:
        confidence = MASKED if ch == MASK else 1.0
        if out and out[-1][1] == confidence:
            out[-1] = (out[-1][0] + ch, confidence)
        else:
            out.append((ch, confidence))
    return tuple(out)


def clock(seconds: float) -> str:
    """ "1:05"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
