"""The report's folder: checked before the work, written after it, whole or not at all.

Imports nothing slow at module level; the command line asks it first.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workflows import runs

if TYPE_CHECKING:
    from agent.brief import Brief
    from workflows.context import Context
    from workflows.state import State

FILES = ("report.md", "report.json")
LISTED = 5  # skipped pages named one by one


class OutError(ValueError):
    """The report cannot go where --out says; one line that says what to do."""


def check_out(out: Path, force: bool) -> None:
    """Raise OutError unless a report may be written to `out`: not a file, no other
    report in it (unless `force`), and a place that can be written. Leaves nothing behind."""
    if out.exists() and not out.is_dir():
        raise OutError(f"--out {out} is a file: name a folder")
    if holds_report(out) and not force:
        raise OutError(f"--out {out} holds a report already: name another folder, or add --force to replace it")
    place = out
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise OutError(f"--out {out} cannot be made: {place} is a file")
    try:
        # Permissions, read-only and odd file systems: only making something tells.
        os.rmdir(tempfile.mkdtemp(prefix=".palimpsest-", dir=place))
    except OSError as error:
        raise OutError(f"--out {out} cannot be written: {error.strerror or error}") from None


def holds_report(out: Path) -> bool:
    return any((out / name).exists() for name in FILES)


def free_folder(reports: Path, question: str) -> Path:
    """A folder under `reports` that is not there yet, named after the question."""
    name = runs.slug(question, 60)
    number = 1
    while (path := reports / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return path


def reserve(reports: Path, question: str) -> Path:
    """`free_folder`, made, so that no other run takes it. Raises OutError."""
    try:
        reports.mkdir(parents=True, exist_ok=True)
        while True:
            path = free_folder(reports, question)
            try:
                path.mkdir()
            except FileExistsError:
                continue  # another run was quicker
            return path
    except OSError as error:
        raise OutError(f"no folder can be made in {reports}: {error.strerror or error}") from None


def put(out: Path, markdown: str, data: str) -> None:
    """Both files into `out`: a folder that is not there appears with both in it, in
    one that is there report.md is replaced first. Raises OutError."""
    try:
        if out.exists():
            runs.write_atomically(out / "report.md", markdown)
            runs.write_atomically(out / "report.json", data)
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            runs.write_atomically(made / "report.md", markdown)
            runs.write_atomically(made / "report.json", data)
            made.chmod(0o777 & ~runs.umask())
            made.rename(out)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        raise OutError(f"the report cannot be written to {out}: {error.strerror or error}") from None


def publish(state: State, context: Context, brief: Brief) -> Path:
    """Render the run's canvas and write it; the folder.

    Where the run was cut off while writing, its own files are written again.
    Raises OutError if another report came to lie in --out meanwhile.
    """
    from workflows.report import build, markdown

    run = context.run
    canvas = context.canvas(brief, state["canvas"])
    pool = context.pool(state["pool"])
    sources = {s.id: s for s in context.library.sources()}
    report = build(
        canvas,
        title=brief.title,
        names=context.models.names,
        seed=run.seed,
        evidence=pool.evidence,
        sources=sources,
        missing=[*missing(state, context, brief), *canvas.notes],
        disputes=[(a, b) for a, b in state["disputes"]],
    )
    text, data = markdown(report), json.dumps(report, ensure_ascii=False, indent=1) + "\n"
    out = Path(run.out) if run.out else reserve(Path(run.reports), run.question)
    if run.status not in ("writing", "done"):
        if holds_report(out) and not run.force:
            raise OutError(f"{out} came to hold another report during the run: move it and palimpsest resume {run.id}")
        # From here on what lies in `out` is this run's own.
        context.run = replace(run, status="writing", out=str(out))
        runs.save(context.run)
    put(out, text, data)
    return out


def missing(state: State, context: Context, brief: Brief) -> list[str]:
    """What the report lacks, in sentences."""
    from agent import queries

    canvas = context.canvas(brief, state["canvas"])
    pool = context.pool(state["pool"])
    out = [
        f"The sources gave nothing close to the question “{part.rstrip('?')}?”."
        for part in queries.uncovered(brief, canvas, pool, context.embedder)
    ]
    if state["stop"].startswith(("stopped", "the time")):
        done = "1 round" if state["round"] == 1 else f"{state['round']} rounds"
        out.append(f"The search ended early, after {done} of {context.limits.rounds}: {state['stop']}.")
    skipped = state["skipped"]
    if skipped:
        named = "; ".join(f"{url} ({reason})" for url, reason in skipped[:LISTED])
        more = f"; and {len(skipped) - LISTED} more" if len(skipped) > LISTED else ""
        what = "One source" if len(skipped) == 1 else f"{len(skipped)} sources"
        out.append(f"{what} could not be read: {named}{more}.")
    out += [f"A search failed: {line.rstrip('.')}." for line in state["trouble"]]
    if state["dropped"]:
        what = "One sentence was" if state["dropped"] == 1 else f"{state['dropped']} sentences were"
        out.append(f"{what} left out because the evidence did not bear it out.")
    return out
