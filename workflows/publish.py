"""The report's folder: checked before the work, written after it, whole or not at all.

Imports nothing slow at module level; the command line asks it first.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workflows import figures, formats, runs

if TYPE_CHECKING:
    from agent.brief import Brief
    from dlm_core.canvas import Canvas
    from dlm_core.segment import Evidence
    from tools.source import Source
    from workflows.context import Context
    from workflows.state import State

FILES = ("report.md", "report.json")
MORE = ("report.html", "report.docx", "report.pdf", "report.bib", "report.csl.json")
UNFINISHED = re.compile(r"\.tmp-[a-z0-9_]{8}")  # as runs.write_atomically names a file that it writes
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
        # Without a name where the system knows such files, so that a kill leaves nothing.
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise OutError(f"--out {out} cannot be written: {error.strerror or error}") from None


def holds_report(out: Path) -> bool:
    return any((out / name).exists() for name in (*FILES, *MORE))


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


def put(out: Path, markdown: str, data: str, more: Mapping[str, str | bytes] | None = None) -> None:
    """report.md, report.json and `more` (by file name) into `out`: a folder that is not
    there appears with all of them in it. In one that is there, files of MORE that
    belong to an older report go, and report.json is replaced last. What a process that
    was killed while it wrote to `out` left goes too. Raises OutError."""
    files: dict[str, str | bytes] = {**(more or {}), "report.md": markdown, "report.json": data}
    # Pictures are named by their bytes: those of the report that is replaced go when nothing points at them any more.
    # One name for one `out`, so that whoever writes there next finds what was left.
    made = out.parent / f".{out.name}.palimpsest"
    try:
        if made.exists():
            shutil.rmtree(made)
        if out.exists():
            for name in MORE:
                if name not in files:
                    (out / name).unlink(missing_ok=True)
            _clear_unfinished(out)
            _write(out, files)
            _clear_figures(out, files)
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        made.mkdir(mode=0o700)
        try:
            _write(made, files)
            made.chmod(0o777 & ~runs.umask())
            made.rename(out)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        raise OutError(f"the report cannot be written to {out}: {error.strerror or error}") from None


def _write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        runs.write_atomically(folder / name, content)


def _clear_unfinished(out: Path) -> None:
    """Remove files that were being written when a process was killed."""
    for folder in (out, out / figures.FOLDER):
        for file in folder.glob(".tmp-*") if not folder.is_symlink() else ():
            if UNFINISHED.fullmatch(file.name) and file.is_file():
                file.unlink()


def _clear_figures(out: Path, files: Mapping[str, str | bytes]) -> None:
    """Remove the pictures of an older report, and their folder if nothing else lies in it."""
    folder = out / figures.FOLDER
    if folder.is_symlink() or not folder.is_dir():
        return
    for file in folder.iterdir():
        if figures.NAME.fullmatch(file.name) and f"{figures.FOLDER}/{file.name}" not in files:
            file.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def add(out: Path, files: Mapping[str, str | bytes]) -> None:
    """More files into the folder of a report, each whole or not at all. Raises OutError."""
    try:
        _write(out, files)
    except OSError as error:
        raise OutError(f"{', '.join(files)} cannot be written to {out}: {error.strerror or error}") from None


def publish(state: State, context: Context, brief: Brief) -> Path:
    """Render the run's canvas and write it; the folder.

    Where the run was cut off while writing, its own files are written again.
    Raises OutError if another report came to lie in --out meanwhile, and what
    formats.converted raises; all that needs no pandoc is in its place then.
    """
    from workflows.report import build, markdown

    run = context.run
    canvas = context.canvas(brief, state["canvas"])
    pool = context.pool(state["pool"])
    drafts = _drafts(context, canvas)
    pictured = figures.shown(run)
    named = [f["evidence"] for f in pictured or () if "evidence" in f]
    evidence = _evidence(context, pool.evidence, drafts, named)
    report = build(
        canvas,
        title=brief.title,
        names=context.models.names,
        seed=run.seed,
        evidence=evidence,
        sources=_sources(context, evidence),
        missing=[*missing(state, context, brief), *canvas.notes],
        disputes=[(a, b) for a, b in state["disputes"]],
        searches=state.get("searches", ()),
        dropped=state.get("lost", ()),
        drafts=drafts,
        figures=pictured,
    )
    text, data = markdown(report), json.dumps(report, ensure_ascii=False, indent=1) + "\n"
    out = Path(run.out) if run.out else reserve(Path(run.reports), run.question)
    if run.status not in ("writing", "done"):
        if holds_report(out) and not run.force:
            raise OutError(f"{out} came to hold another report during the run: move it and palimpsest resume {run.id}")
        # From here on what lies in `out` is this run's own.
        context.run = replace(run, status="writing", out=str(out))
        runs.save(context.run)
    wanted = formats.parse(run.formats)
    pictures = figures.pictures(run.folder, report)
    put(out, text, data, {**pictures, **formats.texts(report, wanted, bib=run.bib, pictures=pictures)})
    add(out, formats.converted(text, wanted, pictures))
    return out


def _drafts(context: Context, canvas: Canvas) -> dict[int, Canvas]:
    """The canvas after each revision, by its number, as far as the run folder has it."""
    from dlm_core.canvas import Canvas, CanvasError

    out = {}
    for place, revision in enumerate(canvas.revisions, 1):
        file = context.run.folder / "canvas" / f"{revision.number:03d}.json"
        try:
            draft = Canvas.from_json(file.read_text(encoding="utf-8"))
        except (OSError, CanvasError):
            continue  # the log of the report has its texts
        if draft.revisions == canvas.revisions[:place]:
            out[revision.number] = draft
    return out


def _evidence(
    context: Context, at_hand: Mapping[str, Evidence], drafts: Mapping[int, Canvas], more: Sequence[str] = ()
) -> dict[str, Evidence]:
    """The evidence at hand, what earlier drafts cited and is at hand no more, and `more`."""
    from tools.stored import LibraryError

    out = dict(at_hand)
    earlier = [e for draft in drafts.values() for e in draft.cited()]
    for name in dict.fromkeys(e for e in [*earlier, *more] if e not in at_hand):
        try:
            out[name] = context.library.evidence([name])[0]
        except LibraryError:
            continue
    return out


def _sources(context: Context, evidence: Mapping[str, Evidence]) -> dict[str, Source]:
    """The sources of some evidence, with their text where the library has it whole."""
    from tools.stored import LibraryError

    out = {s.id: s for s in context.library.sources()}
    for name in dict.fromkeys(e.source for e in evidence.values()):
        try:
            out[name] = context.library.source(name)
        except LibraryError:
            continue
    return out


def missing(state: State, context: Context, brief: Brief) -> list[str]:
    """What the report lacks, in sentences."""
    from agent import gaps, queries
    from dlm_core.wanted import lacking, length

    canvas = context.canvas(brief, state["canvas"])
    pool = context.pool(state["pool"])
    out = [
        f"The sources gave nothing close to the question “{part.rstrip('?')}?”."
        for part in queries.uncovered(brief, canvas, pool, context.embedder)
    ]
    if silent := gaps.silent(brief, canvas, pool):
        named = " and ".join(f"“{t.text}”" for t in silent)
        out.append(f"No claim speaks of {named}, which the question names.")
    out += [
        f"The sources gave nothing for the section “{head.text}”."
        for head, body in canvas.sections()
        if head.pinned and not body
    ]
    if state["stop"].startswith(("stopped", "the time", "the budget")):
        done = "1 round" if state["round"] == 1 else f"{state['round']} rounds"
        out.append(f"The search ended early, after {done} of {context.limits.rounds}: {state['stop']}.")
    skipped = state["skipped"]
    if skipped:
        named = "; ".join(f"{url} ({reason})" for url, reason in skipped[:LISTED])
        more = f"; and {len(skipped) - LISTED} more" if len(skipped) > LISTED else ""
        what = "One source" if len(skipped) == 1 else f"{len(skipped)} sources"
        out.append(f"{what} could not be read: {named}{more}.")
    out += [f"A search failed: {line.rstrip('.')}." for line in state["trouble"]]
    out += [
        f"No sentence of the sources that could be used says “{term}”, which was required." for term in lacking(canvas)
    ]
    if canvas.wanted.words and length(canvas) < 0.85 * canvas.wanted.words:
        out.append(
            f"The sources gave {length(canvas)} words on the question, fewer than the {canvas.wanted.words} asked for."
        )
    if state["dropped"]:
        what = "One sentence was" if state["dropped"] == 1 else f"{state['dropped']} sentences were"
        out.append(f"{what} left out because the evidence did not bear it out.")
    return out
