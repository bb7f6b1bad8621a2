"""palimpsest revise and palimpsest refresh: a finished report changed in place, and nothing else of it.

The request and the report as it was given are kept in the run's folder before
any work begins (revise.json, given/), so that a run that is cut off goes on
from what it was asked and not from what lies there by then. Three nodes: read
the sources that were named, revise the canvas, write the report.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from workflows import publish, runs
from workflows.asked import Nothing, Request, request, sources_of, span_of
from workflows.checked import GivenError
from workflows.given import Given, load
from workflows.outcome import DONE, FAILED, UsageError, fail, printable

if TYPE_CHECKING:
    from dlm_core.canvas import Canvas
    from workflows.change import Work
    from workflows.context import Context
    from workflows.state import State

FILE = "revise.json"  # its presence makes a run one of revising
GIVEN = "given"


# --- the command line -------------------------------------------------------------------


def run(given: argparse.Namespace) -> int:
    """palimpsest revise. Exit code."""
    path = Path(given.report).expanduser()
    try:
        report = load(path)
        if given.list:
            return _list(report)
        asked = request(report, path, given)
        out = Path(given.out).expanduser().absolute() if given.out else beside(report)
        publish.check_out(out, given.force)
    except (GivenError, publish.OutError) as error:
        raise UsageError(str(error)) from None
    if asked.nothing:
        return _unchanged(report, out, given)
    return start(report, asked, out, given)


def refresh(given: argparse.Namespace) -> int:
    """palimpsest refresh. Exit code."""
    path = Path(given.report).expanduser()
    try:
        report = load(path)
        if not report.evidence:
            raise GivenError(f"{path} names no evidence in a report.json, so there is nothing to compare with")
        asked = Request(
            str(path.absolute()), str(report.path.absolute()), sources=sources_of(given.sources), refresh=True
        )
        out = Path(given.out).expanduser().absolute() if given.out else beside(report)
        publish.check_out(out, given.force)
    except (GivenError, publish.OutError) as error:
        raise UsageError(str(error)) from None
    return start(report, asked, out, given)


def beside(report: Given) -> Path:
    """The folder of a revised report: a new one next to the one that was given."""
    path = report.path.absolute()
    stem = path.name if path.is_dir() else path.stem
    number = 1
    while (out := path.parent / (f"{stem}-revised" if number == 1 else f"{stem}-revised-{number}")).exists():
        number += 1
    return out


def _list(report: Given) -> int:
    number = 0
    for place, (head, body) in enumerate(report.canvas.sections(), 1):
        print(printable(f"section {place}: {head.text}"))
        for slot in body:
            if slot.text and any(slot.id == c.id for c in report.canvas.claims()):
                number += 1
                mark = " (pinned)" if slot.pinned else "" if slot.pointers else " (no evidence at hand)"
                print(printable(f"  {number:>3}{mark}  {slot.text}"))
    return DONE


def _unchanged(report: Given, out: Path, given: argparse.Namespace) -> int:
    """Nothing is asked: the same text in a folder of its own."""
    from workflows.revise_report import as_report, written

    data = report.report if report.report is not None and not report.places else as_report(report)
    try:
        written(out, report, data, report.text)
    except publish.OutError as error:
        return fail(str(error), FAILED)
    if given.json:
        print(json.dumps(data, ensure_ascii=False, indent=1))
        return DONE
    print(out / "report.md")
    if not given.quiet:
        print("nothing was asked: report.md is the same, byte for byte (--ask, --add, --pin, --drop)", file=sys.stderr)
    return DONE


# --- a run ----------------------------------------------------------------------------------


def start(report: Given, asked: Request, out: Path, given: argparse.Namespace) -> int:
    """Record the run, then do it."""
    try:
        run = recorded(report, asked, out, given)
        with runs.locked(run):
            return work(run, json=given.json, quiet=given.quiet)
    except (runs.RunError, OSError) as error:
        return fail(str(error), FAILED)


def recorded(report: Given, asked: Request, out: Path, given: argparse.Namespace) -> runs.Run:
    """A run with all that it needs in its folder. Raises RunError and OSError."""
    origin = origin_of(report)
    plain = runs.Run("", report.canvas.question, (), "", "")
    named = dict.fromkeys((*(origin.sources if origin is not None else ()), *asked.sources, *asked.add))
    made = replace(
        origin or plain,
        sources=tuple(named),
        out=str(out),
        reports=str(out.parent),
        seed=given.seed,
        force=given.force,
        approve="",
        after="",
        seconds=0.0,
        tokens=0,
        token="",
        formats=plain.formats,
        base=_absolute(given.base) or (origin.base if origin is not None else ""),
        weights=_absolute(given.weights) or (origin.weights if origin is not None else ""),
        status="failed",  # until all that it needs is in its folder
        reason="it was cut off before it began",
    )
    run = runs.record(made)
    keep(run, report, asked, origin)
    run = replace(run, status="running", reason="")
    runs.save(run)
    return run


def in_session(out: Path, text: str, before: runs.Run) -> tuple[runs.Run, Given, Request]:
    """A recorded run that does an instruction on a report in its place. Raises
    GivenError, UsageError, RunError: one line each."""
    given = argparse.Namespace(
        ask=[text], section=None, claim=None, add=None, sources=None, pin=None, unpin=None, drop=None
    )
    report = load(out)
    try:
        asked = request(report, out, given)
    except UsageError as error:
        raise UsageError(str(error).replace("--ask", "/revise")) from None
    flags = argparse.Namespace(seed=before.seed, force=True, base=before.base, weights=before.weights)
    return recorded(report, asked, out, flags), report, asked


def _absolute(path: str | None) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""


def origin_of(report: Given) -> runs.Run | None:
    """The run that wrote a report, the latest where there are several."""
    here = str(report.path.absolute())
    return next((r for r in runs.listed() if r.out == here and r.status == "done"), None)


def keep(run: runs.Run, report: Given, asked: Request, origin: runs.Run | None) -> None:
    """The request, the report, and the library it rests on, into the run's folder."""
    folder = run.folder / GIVEN
    folder.mkdir(exist_ok=True)
    runs.write_atomically(folder / "report.md", report.text)
    if report.report is not None:
        runs.write_atomically(folder / "report.json", json.dumps(report.report, ensure_ascii=False))
    pictures = report.path / "figures"
    if pictures.is_dir() and report.report is not None:
        from workflows.figures import pictures as shown

        for name, data in shown(report.path, report.report).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
    if origin is not None and not origin.library:
        _copied(origin.folder / "library", run.folder / "library")
    runs.write_atomically(run.folder / FILE, json.dumps(asdict(asked), ensure_ascii=False, indent=1))


def _copied(old: Path, new: Path) -> None:
    """A library of one's own: what is added to it changes nothing for the run it came from."""
    from filelock import FileLock, Timeout

    if not old.is_dir():
        return
    try:
        with FileLock(str(old / "lock"), timeout=10):
            shutil.copytree(old, new, ignore=shutil.ignore_patterns("lock"), dirs_exist_ok=True)
    except (Timeout, OSError):
        shutil.rmtree(new, ignore_errors=True)  # it is worked with: the report's own evidence has to do


def asked_of(run: runs.Run) -> Request:
    """The request of a recorded run. Raises RunError."""
    try:
        raw = json.loads((run.folder / FILE).read_text(encoding="utf-8"))
        lists: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
        return Request(**lists)
    except (OSError, ValueError, TypeError) as error:
        raise runs.RunError(f"{run.folder / FILE} cannot be read ({error}): remove its folder") from None


def is_revision(run: runs.Run) -> bool:
    return (run.folder / FILE).is_file()


def work(run: runs.Run, *, json: bool = False, quiet: bool = False) -> int:
    """Do or go on with a run of revising; the exit code."""
    from workflows import difference, events, session
    from workflows.terminal import open_reporter

    asked = asked_of(run)
    report = snapshot(run, asked)
    with open_reporter(quiet, json=json) as reporter:
        context = session.taken_up(run, [], reporter)
        try:
            carry_out(context, report, asked)
        except session.Failed as error:
            reporter.close()
            if unmet(error):
                runs.forget(run)
            return fail(str(error), FAILED)
        except Nothing as said:
            reporter.close()
            runs.forget(run)
            if not quiet:
                print(printable(str(said)), file=sys.stderr)
            return DONE
        finally:
            context.close()
        out = Path(context.run.out)
        if json and not quiet:
            reporter.finish(events.reported(str(out), _read(out / "report.json")))
            return DONE
    if json:
        sys.stdout.write((out / "report.json").read_text(encoding="utf-8"))
        return DONE
    if not quiet:
        with (out / "report.md").open(encoding="utf-8", newline="") as file:
            difference.show(report.text, file.read(), (asked.given, str(out / "report.md")))
        print(printable(session.summary(_read(out / "report.json"))[1]), file=sys.stderr)
    print(out / "report.md", flush=True)
    return DONE


def unmet(error: Exception) -> bool:
    """Whether a run ended because what was asked cannot be done: it has nothing to go on with."""
    from workflows.change import Unmet

    return isinstance(error.__cause__, Unmet)


def snapshot(run: runs.Run, asked: Request) -> Given:
    """The report as it was when the run was recorded. Raises RunError."""
    try:
        return replace(load(run.folder / GIVEN, Path(asked.folder).stem), path=Path(asked.folder))
    except GivenError as error:
        raise runs.RunError(str(error)) from None


def carry_out(context: Context, report: Given, asked: Request) -> None:
    """Run the graph to its end; context.run then says where the report is. Raises
    session.Failed, and Nothing where nothing is to be written."""
    from workflows import events, session

    context.reporter.begin(events.begun(context.run))
    try:
        with session.interruptible(context):
            graph(context, report, asked)
    except KeyboardInterrupt:
        runs.save(replace(context.run, status="stopped"))
        line = f"stopped; palimpsest resume {context.run.id} goes on from here"
        context.reporter.finish(events.failed(line))
        raise session.Failed(line) from None
    except Nothing:
        raise
    except Exception as error:
        line = " ".join(str(error).split()) or type(error).__name__
        kept = context.run.status if context.run.status == "writing" else "failed"
        runs.save(replace(context.run, status=kept, reason=line))
        context.reporter.finish(events.failed(line))
        if type(error).__module__.split(".")[0] in session.OURS:
            raise session.Failed(line) from error
        raise


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))


def graph(context: Context, report: Given, asked: Request) -> State:
    """The three nodes, from the last that finished."""
    from workflows import saver  # first: it sets up langgraph

    # isort: split
    from langchain_core.runnables import RunnableLambda
    from langgraph.graph import END, START, StateGraph

    from agent.splitting import parts
    from workflows import state as states
    from workflows.revise_read import read
    from workflows.revise_report import report_node
    from workflows.revised import revise_node
    from workflows.state import State

    made = StateGraph(State)
    made.add_node("read", RunnableLambda(lambda state: read(state, context, report, asked), name="read"))
    made.add_node("verify", RunnableLambda(lambda state: revise_node(state, context, report, asked), name="verify"))
    made.add_node("report", RunnableLambda(lambda state: report_node(state, context, report), name="report"))
    made.add_edge(START, "read")
    made.add_edge("read", "verify")
    made.add_edge("verify", "report")
    made.add_edge("report", END)
    with saver.opened(context.run) as kept:
        compiled = made.compile(checkpointer=kept)
        config: Any = saver.config(context.run)
        held = compiled.get_state(config)
        if held.values and not held.next:
            return cast(State, held.values)
        about = {"title": report.title, "parts": list(parts(report.canvas.question)), "round": 1}
        first: dict[str, Any] = {**states.START, **about}
        origin = origin_of(report)
        if origin is not None and report.ours:
            # A further round goes on from what that run has asked and read.
            before = states_of(origin)
            known = ("parts", "round", "asked", "opened", "pages", "searches")
            first |= {k: v for k, v in before.items() if k in known}
        begin: Any = None if held.next else first
        return cast(State, compiled.invoke(begin, config, durability="sync"))


def states_of(run: runs.Run) -> dict[str, Any]:
    """The state a run ended with; {} where it is gone."""
    from workflows.research import state_of

    try:
        return dict(state_of(run))
    except Exception:  # its checkpoints may be of another version, or in a database that is away
        return {}


def work_on(context: Context, report: Given, asked: Request, canvas: Canvas) -> Work:
    """The report as `change` works on it."""
    from workflows.change import Work
    from workflows.splice import movable

    library = context.library if has_library(context) else None
    old = report.report["disputes"] if report.report is not None and "disputes" in report.report else []
    return Work(
        canvas,
        dict(report.evidence),
        dict(report.sources),
        context.embedder,
        lambda: context.models,
        library,
        lambda line: context.reporter.stage("reflect", line),
        context.run.seed,
        span_of(canvas, asked.heads, asked.span),
        list(asked.heads) if asked.heads is not None else None,
        report.ours,
        None if report.ours else movable(report),
        [(d["evidence"], d["preferred"]) for d in old],
    )


def has_library(context: Context) -> bool:
    folder = Path(context.run.library) if context.run.library else context.run.folder / "library"
    return (folder / "sources").is_dir()
