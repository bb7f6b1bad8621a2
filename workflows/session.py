"""One process's work on a recorded run: providers opened, graph run, result told.

Everything slow is imported from here on.
"""

from __future__ import annotations

import json as json_format
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from tools.deadline import Deadline
from tools.language import question_trouble
from tools.mediawiki import MediaWiki
from tools.providers import open_providers
from tools.settings import SettingsError, load
from tools.source import Provider, SourceError
from workflows import events, runs
from workflows.context import Context
from workflows.terminal import Reporter, open_reporter, safe

OURS = ("dlm_core", "tools", "agent", "workflows")


class WrongSources(ValueError):
    """What --sources or a setting names cannot be used: wrong usage, one line."""


class Failed(RuntimeError):
    """The run gave no report; one line that says why."""


def work(run: runs.Run, *, json: bool = False, quiet: bool = False, take_outline: bool = False) -> int:
    """Do or go on with a run; 0 when its report is on disk, or its outline waits for
    its approval (take_outline: as it stands, it is approved).

    Raises WrongSources before anything was done, Failed after it.
    """
    from workflows.approve import Paused
    from workflows.outline import OutlineError

    deadline = Deadline()
    providers = providers_of(run, deadline)
    with open_reporter(quiet, json=json) as reporter:
        context = taken_up(run, providers, reporter, deadline)
        context.started, context.take_outline = runs.BEGAN, take_outline
        try:
            carry_out(context)
        except OutlineError as error:
            raise WrongSources(f"{context.run.folder / 'outline.txt'}: {error}") from None
        except Paused as waiting:
            reporter.close()
            if not json:
                print(waiting.outline, flush=True)
            if not quiet:
                print(safe(str(waiting)), file=sys.stderr)
            return 0
        finally:
            context.close()
        if json and not quiet:
            out = context.run.out
            report = json_format.loads((Path(out) / "report.json").read_text(encoding="utf-8"))
            reporter.finish(events.reported(out, report))
            return 0
    tell(Path(context.run.out), json=json, quiet=quiet)
    return 0


def taken_up(run: runs.Run, providers: list[Provider], reporter: Reporter, deadline: Deadline | None = None) -> Context:
    """The context of a run that is about to begin or to go on. deadline: that of the providers."""
    if run.status == "failed" and not any((run.folder / "canvas").glob("*.json")):
        from workflows import saver

        # It ended before there was a draft: what it failed on is asked for again.
        saver.forget(run)
        for page in (run.folder / "pages").glob("*.json"):
            page.unlink()
    if run.status != "writing":
        run = replace(run, status="running", reason="")
        runs.save(run)
    return Context(run, providers, reporter, deadline=deadline or Deadline())


def carry_out(context: Context) -> None:
    """Run the graph to its end; context.run then says where the report is. Raises Failed,
    and approve.Paused or outline.OutlineError where the outline waits for the user."""
    from workflows.approve import Paused
    from workflows.outline import OutlineError

    context.reporter.begin(events.begun(context.run))
    try:
        with interruptible(context):
            from workflows.research import research

            research(context)
    except KeyboardInterrupt:
        runs.save(replace(context.run, status="stopped"))
        line = f"stopped; palimpsest resume {context.run.id} goes on from here"
        context.reporter.finish(events.failed(line))
        raise Failed(line) from None
    except (Paused, OutlineError) as waiting:
        runs.save(replace(context.run, status="paused"))
        context.reporter.finish(events.paused(str(waiting), str(context.run.folder / "outline.txt")))
        raise
    except Exception as error:
        kept = context.run.status if context.run.status == "writing" else "failed"
        runs.save(replace(context.run, status=kept, reason=_line(error)))
        context.reporter.finish(events.failed(_line(error)))
        if type(error).__module__.split(".")[0] in OURS:
            raise Failed(_line(error)) from error
        raise


def providers_of(run: runs.Run, deadline: Deadline | None = None) -> list[Provider]:
    """The providers of a run's sources; Wikipedia where it names none. deadline: when
    they stop waiting.

    Raises WrongSources for a source that cannot be, Failed where Wikipedia was
    not asked for and cannot be reached.
    """
    if trouble := question_trouble(run.question):
        raise WrongSources(trouble)
    try:
        providers = open_providers(list(run.sources) or ["wikipedia"], load(run.settings)[0], deadline)
    except (SourceError, SettingsError) as error:
        raise WrongSources(str(error)) from None
    wiki = providers[0]
    if not run.sources and isinstance(wiki, MediaWiki) and not wiki.reachable():
        runs.save(replace(run, status="failed", reason="Wikipedia cannot be reached"))
        raise Failed(
            "no sources were named and Wikipedia cannot be reached from here: "
            "name some that need no network, --sources FOLDER or --sources kiwix:URL"
        )
    return providers


def _line(error: Exception) -> str:
    text = str(error)
    return " ".join(text.split()) if text else type(error).__name__


@contextmanager
def interruptible(context: Context) -> Iterator[None]:
    """The first Ctrl-C asks for the report so far, the second stops at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        if context.interrupted:
            raise KeyboardInterrupt
        context.interrupted = True
        with suppress(RuntimeError):  # it comes in the middle of a line, which cannot be broken into
            context.reporter.note("ending this round, then writing the report so far; Ctrl-C again stops at once")

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def tell(out: Path, *, json: bool, quiet: bool) -> None:
    """The path of the report on standard output, or with `json` the report itself;
    two lines about it on standard error."""
    text = (out / "report.json").read_text(encoding="utf-8")
    if json:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    print(out / "report.md", flush=True)
    if not quiet:
        for line in summary(json_format.loads(text)):
            print(safe(line), file=sys.stderr)
        if (out / "report.html").is_file():
            print(f"To read in a browser: {out / 'report.html'}", file=sys.stderr)


def summary(report: dict[str, Any]) -> tuple[str, str]:
    """Two lines: what is in the report, and how it came about."""
    claims = [c for s in report["sections"] for c in s["claims"]]
    cited = {report["evidence"][e]["source"] for c in claims for e in c["evidence"] if e in report["evidence"]}
    written = sum(c["origin"] == "model" for c in claims)
    size = f"{len(claims)} claims in {_count(len(report['sections']), 'section')} from {_count(len(cited), 'source')}"
    open_ends = len(report["missing"]) + len(report["disputes"])
    kinds = ", ".join(r["kind"] for r in report["revisions"])
    end = f"{_count(open_ends, 'thing')} missing or disputed" if open_ends else "nothing known to be missing"
    return (
        f"{size}; {written} worded by the model, {len(claims) - written} as their evidence has them.",
        f"{_count(len(report['revisions']), 'revision')} ({kinds}); {end}.",
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
