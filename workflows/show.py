"""palimpsest list and palimpsest show: what runs there are, and what one of them did."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workflows import runs
from workflows.outcome import DONE, FAILED, fail, printable

if TYPE_CHECKING:
    from workflows.state import State

AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def age(run: runs.Run, now: datetime.datetime | None = None) -> str:
    """How long ago a run was asked for: "3 d", "2 h", "5 min"."""
    try:
        passed = ((now or datetime.datetime.now()) - datetime.datetime.fromisoformat(run.created)).total_seconds()
    except ValueError:
        return "?"
    size, unit = next(((s, u) for s, u in AGES if passed >= s), AGES[-1])
    return f"{max(0, int(passed // size))} {unit}"


def state(run: runs.Run) -> str:
    """running, writing and cut off are one status in run.json: whether a process works on it tells them apart."""
    if run.status not in ("running", "writing"):
        return run.status
    return "running" if runs.busy(run) else "cut off"


def every() -> int:
    """Print all runs, the latest first: id, state, age, question, where the report is."""
    found = [(run.id, state(run), age(run), run.question, run.out, run) for run in runs.listed()]
    width = max((len(name) for name, *_ in found), default=0)
    for name, how, old, question, out, run in found:
        print(printable(f"{name:{width}}  {how:8} {old:>7}  {question}  {out}".rstrip()))
        if run.reason and run.status == "failed":
            print(printable(f"    {run.reason}"))
    return DONE


def one(given: argparse.Namespace) -> int:
    """Print a run: what was asked, of what, how far it is, what each round looked for, where the report is."""
    try:
        if not given.run and not runs.listed():
            raise runs.RunError('there is no run yet: palimpsest "How do tides work?" --sources FOLDER')
        run = runs.load(given.run) if given.run else runs.listed()[0]
        held = _held(run)
    except runs.RunError as error:
        return fail(str(error), FAILED)
    for line in lines(run, held):
        print(printable(line).rstrip())
    return DONE


def _held(run: runs.Run) -> State:
    from workflows import saver
    from workflows.research import state_of
    from workflows.state import START

    if not (run.folder / saver.FILE).exists() and not (run.folder / saver.MARK).exists():
        return {**START}
    return state_of(run)


def lines(run: runs.Run, held: State) -> list[str]:
    """What `palimpsest show` prints."""
    from workflows.events import count

    out = [
        f"run       {run.id}",
        f"question  {run.question}",
        f"sources   {', '.join(run.sources) or 'wikipedia'}",
        f"state     {state(run)}, asked {age(run)} ago" + (f": {run.reason}" if run.reason else ""),
        f"budget    {_budget(run)}",
    ]
    if run.after:
        out.append(f"after     {run.after}")
    if held["round"]:
        spent = f"{held['seconds']:.0f} s, {held['tokens']:,} tokens" if held["tokens"] else f"{held['seconds']:.0f} s"
        read = f"{count(len(held['pages']), 'page')} read, {len(held['skipped'])} skipped"
        pool = f"{len(held['pool'])} pieces of evidence"
        out.append(f"so far    {count(held['round'], 'round')}, {read}, {pool}; {spent}")
    number = ""
    for asked, text, why, *_ in held.get("searches", []):
        out.append(f"{f'round {asked}' if asked != number else '':9} {text} ({why})")
        number = asked
    if not held.get("searches") and held["asked"]:
        out += [f"{'' if n else 'asked':9} {text}" for n, text in enumerate(held["asked"])]
    out += [f"trouble   {line}" for line in held["trouble"]]
    if run.status == "paused":
        out.append(f"outline   {run.folder / 'outline.txt'} (edit it, then palimpsest resume {run.id})")
    report = Path(run.out) / "report.md" if run.out else None
    if run.status == "done" and report is not None:
        gone = "" if report.is_file() else " (no longer there)"
        out.append(f"report    {report}{gone}")
    elif state(run) != "running":
        out.append(f"report    none yet: palimpsest resume {run.id}")
    else:
        out.append("report    none yet")
    out.append(f"folder    {run.folder}")
    return out


def _budget(run: runs.Run) -> str:
    parts = [f"{run.rounds} rounds" if run.rounds != 1 else "1 round", f"{run.pages} pages a round"]
    if run.seconds:
        parts.append(f"{run.seconds:g} seconds")
    if run.tokens:
        parts.append(f"{run.tokens:,} tokens")
    return ", ".join([*parts, f"seed {run.seed}"])
