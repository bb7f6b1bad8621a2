"""What is asked of a report, held against the report before any work begins."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.ask import Ask, AskError, parse
from workflows.given import Given, holding
from workflows.outcome import UsageError

if TYPE_CHECKING:
    from dlm_core.canvas import Canvas, Slot

LISTED = 12  # headings named in a message


@dataclass(frozen=True)
class Request:
    """What is asked of a report. given: the path that was named. heads, span: slot ids; None for all."""

    given: str
    folder: str  # of the report that was given; its name stays in the snapshot
    asks: tuple[dict[str, Any], ...] = ()
    add: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    pin: tuple[str, ...] = ()
    unpin: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    heads: tuple[str, ...] | None = None
    span: tuple[str, ...] | None = None
    refresh: bool = False

    @property
    def wishes(self) -> list[Ask]:
        return [Ask(a["kind"], a["about"], a["section"], tuple(a["claims"])) for a in self.asks]

    @property
    def nothing(self) -> bool:
        return not (self.asks or self.add or self.sources or self.pin or self.unpin or self.drop or self.refresh)


class Nothing(RuntimeError):
    """Nothing is to be written, and that is no failure; one line."""


def request(report: Given, path: Path, given: argparse.Namespace) -> Request:
    """The request of a command line, held against the report. Raises UsageError."""
    try:
        wishes = [a for text in given.ask or [] for a in parse(text)]
    except AskError as error:
        raise UsageError(str(error)) from None
    heads, span = _places(report.canvas, given.section or (), given.claim or ())
    if (heads or span) and not (wishes or given.add or given.drop):
        where = "--section" if heads else "--claim"
        raise UsageError(f"{where} says where: --ask, --drop or --add says what")
    asks = []
    for wish in wishes:
        own = _places(report.canvas, [wish.section] if wish.section else (), wish.claims)
        asks.append(asdict(wish) | {"heads": own[0], "span": own[1]})
    made = Request(
        str(path.absolute()),
        str(report.path.absolute()),
        tuple(asks),
        sources_of(given.add),
        sources_of(given.sources),
        tuple(given.pin or ()),
        tuple(given.unpin or ()),
        tuple(given.drop or ()),
        tuple(heads) or None,
        tuple(span) or None,
    )
    held_texts(report.canvas, made)
    _providers(made)
    return made


def sources_of(named: Sequence[str] | None) -> tuple[str, ...]:
    out = []
    for source in named or ():
        source = source.strip()
        path = Path(source).expanduser() if source else None
        out.append(str(path.absolute()) if path is not None and path.exists() else source)
    return tuple(dict.fromkeys(out))


def _providers(asked: Request) -> None:
    """Raise UsageError for a source that cannot be."""
    if not (asked.add or asked.sources):
        return
    from tools.providers import open_providers
    from tools.settings import SettingsError, load
    from tools.source import SourceError

    try:
        open_providers([*asked.add, *asked.sources], load({})[0])
    except (SourceError, SettingsError) as error:
        raise UsageError(str(error)) from None


def section(canvas: Canvas, name: str) -> Slot:
    """The section with a heading, part of one, or a number. Raises UsageError."""
    heads = [h for h, _ in canvas.sections()]
    wanted = " ".join(name.split()).lower()
    found = [h for h in heads if " ".join(h.text.split()).lower() == wanted]
    if not found and wanted.isdecimal() and 1 <= int(wanted[:6]) <= len(heads):
        found = [heads[int(wanted) - 1]]
    found = found or [h for h in heads if wanted and wanted in " ".join(h.text.split()).lower()]
    if len(found) == 1:
        return found[0]
    what = f"“{name}” may be" if found else f"there is no section “{name}”; there are"
    names = [f"“{h.text}”" for h in found or heads]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    raise UsageError(f"{what} {', '.join(names[:LISTED])}{more}" if names else "the report has no sections")


def claim(canvas: Canvas, number: int) -> Slot:
    claims = [s for s in canvas.claims() if s.text]
    if not 1 <= number <= len(claims):
        there = f"claims 1 to {len(claims)}" if claims else "no claims"
        raise UsageError(f"there is no claim {number}: the report has {there} (--list shows them)")
    return claims[number - 1]


def held_texts(canvas: Canvas, asked: Request) -> None:
    """Raise UsageError for a text to pin, free or drop that no claim holds."""
    for option, texts in (("--pin", asked.pin), ("--unpin", asked.unpin), ("--drop", asked.drop)):
        for text in texts:
            span = span_of(canvas, asked.heads, asked.span) if option == "--drop" else None
            if not holding(canvas, text, span):
                short = text if len(text) <= 60 else text[:57] + "…"
                raise UsageError(f"{option}: no claim of the report holds “{short}” (--list shows them)")


def _places(canvas: Canvas, sections: Sequence[str], claims: Sequence[int]) -> tuple[list[str], list[str]]:
    """The slots of sections and claims that were named. Raises UsageError."""
    heads = dict.fromkeys(section(canvas, name).id for name in sections)
    return list(heads), list(dict.fromkeys(claim(canvas, n).id for n in claims))


def span_of(canvas: Canvas, heads: Sequence[str] | None, span: Sequence[str] | None) -> list[str] | None:
    """The claims that may change; None for all."""
    if not heads and not span:
        return None
    wanted = set(span or ())
    for head, body in canvas.sections():
        if head.id in (heads or ()):
            wanted |= {s.id for s in body}
    return [s.id for s in canvas.claims() if s.id in wanted]
