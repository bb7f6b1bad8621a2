"""The report of a revision: report.json's object over the one that was given, and its folder. Imports nothing slow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlm_core.canvas import Canvas
from dlm_core.segment import Evidence
from tools.source import Source
from workflows import figures, formats, publish, runs
from workflows.given import Given
from workflows.report import Report, build, markdown
from workflows.splice import disputed, splice

if TYPE_CHECKING:
    from workflows.context import Context
    from workflows.state import State


def report_node(state: State, context: Context, given: Given) -> State:
    run = context.run
    canvas = Canvas.from_json((run.folder / "canvas" / state["canvas"]).read_text(encoding="utf-8"))
    at_hand = json.loads((run.folder / "at_hand.json").read_text(encoding="utf-8"))
    made = as_report(
        given,
        canvas,
        {i: Evidence(**e) for i, e in at_hand["evidence"].items()},
        {i: source_of(s) for i, s in at_hand["sources"].items()},
        [(a, b) for a, b in state["disputes"]],
        context,
    )
    text = str(made["markdown"]) if "markdown" in made else markdown(made)
    out = Path(run.out)
    if run.status not in ("writing", "done"):
        if publish.holds_report(out) and not run.force:
            raise publish.OutError(f"{out} came to hold another report during the run: move it and resume {run.id}")
        context.run = replace(run, status="writing")
        runs.save(context.run)
    written(out, replace(given, path=run.folder / "given"), made, text)
    context.run = replace(context.run, status="done", reason=state["stop"])
    runs.save(context.run)
    return {}


def source_of(raw: Mapping[str, Any]) -> Source:
    return Source(**{**raw, "figures": ()}) if "figures" in raw else Source(**raw)


def written(out: Path, given: Given, made: Report, text: str) -> None:
    """The folder of a revised report. Raises OutError."""
    pictures = figures.pictures(given.path, made) if given.path.is_dir() else {}
    data = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
    try:
        more = formats.texts(made, formats.parse(formats.DEFAULT), pictures=pictures)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise publish.OutError(f"report.json holds what no report has ({type(error).__name__}: {error})") from None
    publish.put(out, text, data, {**pictures, **more})


def as_report(
    given: Given,
    canvas: Canvas | None = None,
    at_hand: Mapping[str, Evidence] | None = None,
    sources: Mapping[str, Source] | None = None,
    disputes: list[tuple[str, str]] | None = None,
    context: Context | None = None,
) -> Report:
    """report.json of a revised canvas: what the report had, with what changed."""
    after = canvas or given.canvas
    known = dict(at_hand if at_hand is not None else given.evidence)
    told = dict(sources if sources is not None else given.sources)
    old = given.report
    logged = len(old["revisions"]) if old is not None else 0
    drafts = {logged + 1: given.canvas} if len(given.canvas.revisions) > logged else {}
    if context is not None:
        for n in range(len(given.canvas.revisions) + 1, len(after.revisions) + 1):
            file = context.run.folder / "canvas" / f"{n:03d}.json"
            if file.is_file():
                drafts[n] = Canvas.from_json(file.read_text(encoding="utf-8"))
        _with_text(context, known, told)
    names = dict(old["model"]) if old is not None else {}
    if context is not None and "models" in context.__dict__:
        names = context.models.names
    after = replace(after, numbers=_numbered(given, after, known, told))
    fresh = build(
        after,
        title=given.title,
        names=names,
        seed=int(old["seed"]) if old is not None else 0,
        evidence=known,
        sources=told,
        missing=[*(old["missing"] if old is not None else ()), *after.notes],
        disputes=disputes or [],
        drafts=drafts,
    )
    if old is not None:
        fresh = _over(old, fresh)
    if given.page is not None:
        where = {i: e["source"] for i, e in fresh["evidence"].items()}
        text = splice(given, after, fresh["sources"], where)
        old_disputes = len(old.get("disputes", ())) if old is not None else 0
        fresh["markdown"] = disputed(text, fresh, fresh["disputes"][old_disputes:])
    return fresh


def _numbered(given: Given, after: Canvas, known: Mapping[str, Evidence], told: Mapping[str, Source]) -> dict[str, int]:
    """The numbers that sources have, and the next ones for sources that are new."""
    numbers = {s: n for s, n in after.numbers.items() if s in told}
    used = [0, *numbers.values(), *after.numbers.values()]
    if given.page is not None:
        used += [*given.page.references, *(n for s in given.page.sentences() for n in s.cites)]
    last = max(used)
    for e in after.cited():
        source = known[e].source if e in known else ""
        if source in told and source not in numbers:
            last += 1
            numbers[source] = last
    return numbers


def _with_text(context: Context, known: Mapping[str, Evidence], told: dict[str, Source]) -> None:
    """Sources with their stored text where the library has it, so that evidence gets the words around it."""
    from tools.stored import LibraryError
    from workflows.revise import has_library

    if not has_library(context):
        return
    for name in dict.fromkeys(e.source for e in known.values()):
        try:
            held = context.library.source(name)
        except LibraryError:
            continue
        told[name] = replace(told.get(name, held), text=held.text)


def _over(old: Report, fresh: Report) -> Report:
    """The new report over the old one: keys it does not know stay, and so does what was
    said of evidence, sources and revisions that it has."""
    kept = {k: v for k, v in old.items() if k not in ("markdown", "numbers", "disputes")}
    shown = {c["id"] for s in fresh["sections"] for c in s["claims"]}
    out = {**kept, **fresh}
    out["evidence"] = {**fresh["evidence"], **old["evidence"]}
    out["sources"] = {**fresh["sources"], **old["sources"]}
    out["revisions"] = [*old["revisions"], *fresh["revisions"][len(old["revisions"]) :]]
    same = [s["claims"] for s in out["sections"]] == [s["claims"] for s in old["sections"]]
    if same or "citations" not in old:  # a report of an older version said nothing of them
        out |= {"citations": old["citations"]} if "citations" in old else {}
        out = {k: v for k, v in out.items() if k != "citations" or k in old}
    if "figures" in old:
        out["figures"] = [f for f in old["figures"] if f.get("claim") in shown]
    return out
