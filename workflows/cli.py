"""The command line: palimpsest QUESTION, palimpsest resume, palimpsest list.

Nothing slow is imported here before a run is recorded, so that help is quick
and a run that is killed at once can be resumed. Every error is one line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.brief import BriefError, clean
from workflows import formats, publish, runs
from workflows.outcome import DONE, FAILED, USAGE, UsageError, fail
from workflows.parsers import COMMANDS, parsed, parsers, research_parser

LONGEST_TERM = 60  # characters of a term that must or may not stand in a report


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if "_ARGCOMPLETE" in os.environ:
            from workflows.completion import complete

            complete()
        return _dispatch(arguments)
    except UsageError as error:
        return fail(str(error), USAGE)
    except KeyboardInterrupt:
        return fail("stopped", FAILED)
    except BrokenPipeError:
        # The reader of our output is gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        return _unexpected(error)


def _dispatch(arguments: list[str]) -> int:
    if not arguments and not _at_a_terminal():
        raise UsageError('a question is needed: palimpsest "How do tides work?" --sources FOLDER (palimpsest --help)')
    command = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    known = parsers()
    parser = known.get(command) or research_parser("palimpsest research" if command else "palimpsest")
    return RUN[command](parsed(parser, arguments[1:] if command else arguments))


# --- the commands -------------------------------------------------------------


def _research(given: argparse.Namespace) -> int:
    if given.version:
        return _version()
    if given.question is None:
        return _talk(given)
    here = Path.cwd()
    try:
        question = clean(given.question)
        out = Path(given.out).expanduser().absolute() if given.out is not None else None
        if given.out == "":
            raise UsageError("--out names no folder")
        publish.check_out(out or publish.free_folder(here / "reports", question), given.force)
    except (BriefError, publish.OutError) as error:
        raise UsageError(str(error)) from None
    try:
        run = runs.record(_request(given, question, out))
    except runs.RunError as error:
        return fail(str(error), FAILED)
    return _work(run, given, new=True)


def _version() -> int:
    from importlib.metadata import PackageNotFoundError, version

    try:
        print(f"palimpsest {version('palimpsest')}")
    except PackageNotFoundError:
        print("palimpsest (not installed)")
    return DONE


def _config(given: argparse.Namespace) -> int:
    from tools.settings import SettingsError
    from workflows import config

    try:
        return config.write() if given.write else config.show()
    except SettingsError as error:
        raise UsageError(str(error)) from None


def _doctor(given: argparse.Namespace) -> int:
    from tools.settings import SettingsError
    from workflows import doctor

    try:
        return doctor.doctor(online=not given.offline)
    except SettingsError as error:
        raise UsageError(str(error)) from None


def _mcp(given: argparse.Namespace) -> int:
    from workflows import mcp_command

    return mcp_command.run(given)


def _completion(given: argparse.Namespace) -> int:
    from workflows.completion import script

    print(script(given.shell))
    return DONE


def _set(given: argparse.Namespace) -> dict[str, str]:
    """The settings that were given as flags."""
    flags = {"robots": "ignore"} if given.ignore_robots else {}
    if given.set:
        from tools.settings import parsed

        try:
            flags |= parsed(given.set)
        except ValueError as error:
            raise UsageError(str(error)) from None
    return flags


def _figures(given: argparse.Namespace) -> bool:
    if given.figures:
        from tools.pictures import Missing, check

        try:
            check()
        except Missing as error:
            raise UsageError(str(error)) from None
    return bool(given.figures)


def _wanted(given: argparse.Namespace, question: str) -> dict[str, Any]:
    """The terms and the length that were asked for. Raises UsageError for terms that cannot be."""
    from dlm_core.canvas import holds

    terms: dict[str, Any] = {}
    for name in ("require", "forbid"):
        terms[name] = tuple(dict.fromkeys(" ".join(t.split()) for t in getattr(given, name) or []))
        for term in terms[name]:
            if not any(ch.isalnum() for ch in term) or len(term) > LONGEST_TERM or not term.isprintable():
                raise UsageError(f"--{name} takes a word or a few, at most {LONGEST_TERM} characters")
    held = {t.lower() for t in terms["require"]}
    for term in terms["forbid"]:
        if any(holds(r, term) for r in held):
            raise UsageError(f"“{term}” is both required and forbidden")
        if holds(question, term):
            raise UsageError(f"“{term}” is forbidden and stands in the question, which is the report's title")
    return {**terms, "length": given.length}


def _request(given: argparse.Namespace, question: str, out: Path | None) -> runs.Run:
    here = Path.cwd()
    return runs.Run(
        id="",
        question=question,
        sources=tuple(_whole_path(s) for s in given.sources or []),
        out=str(out) if out else "",
        reports=str(here / "reports"),
        seed=given.seed,
        rounds=given.rounds,
        pages=given.pages,
        seconds=given.seconds,
        tokens=given.tokens,
        approve=given.approve or "",
        effort=given.effort,
        force=given.force,
        **_wanted(given, question),
        library=_absolute(given.library),
        base=_absolute(given.base),
        weights=_absolute(given.weights),
        formats=",".join(given.format),
        bib=given.bib,
        figures=_figures(given),
        settings=_set(given),
    )


def _talk(given: argparse.Namespace) -> int:
    """A session at the terminal, with the options that were given."""
    if not _at_a_terminal():
        raise UsageError('a question is needed: palimpsest "How do tides work?" --sources FOLDER')
    for name in ("out", "force", "json"):
        if getattr(given, name):
            raise UsageError(f"--{name} goes with a question; in a session /save DIR keeps a report")
    from workflows.prompt import talk

    return talk(lambda question: _request(given, question, None), _request(given, "", None).sources, quiet=given.quiet)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _whole_path(source: str) -> str:
    """A source that is a path, made absolute, so that the run can be resumed from elsewhere."""
    source = source.strip()
    path = Path(source).expanduser() if source else None
    return str(path.absolute()) if path is not None and path.exists() else source


def _absolute(path: str | None) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""


def _resume(given: argparse.Namespace) -> int:
    try:
        run = runs.load(given.run) if given.run else runs.latest_unfinished()
    except runs.RunError as error:
        return fail(str(error), FAILED)
    if run.status == "done":
        return fail(f"the run {run.id} is done: its report is in {run.out}", FAILED)
    if run.status != "writing" and run.out:
        try:
            publish.check_out(Path(run.out), run.force)
        except publish.OutError as error:
            raise UsageError(str(error)) from None
    return _work(run, given, new=False)


def _revise(given: argparse.Namespace) -> int:
    from workflows.revise import run

    return run(given)


def _refresh(given: argparse.Namespace) -> int:
    from workflows.revise import refresh

    return refresh(given)


def _export(given: argparse.Namespace) -> int:
    from workflows.export import export

    try:
        written = export(Path(given.report).expanduser(), given.format, bib=given.bib)
    except (publish.OutError, formats.FormatError, formats.ConversionError) as error:
        return fail(str(error), FAILED)
    print(*written, sep="\n")
    return DONE


def _list(given: argparse.Namespace) -> int:
    from workflows import show

    return show.every()


def _show(given: argparse.Namespace) -> int:
    from workflows import show

    return show.one(given)


def _library(given: argparse.Namespace) -> int:
    from workflows import library_commands

    return library_commands.run(given)


def _work(run: runs.Run, given: argparse.Namespace, *, new: bool) -> int:
    """Do the run under its lock. A new run that turns out to be wrong usage leaves nothing behind."""
    try:
        with runs.locked(run):
            runs.sweep(run)
            if (run.folder / "revise.json").is_file():
                from workflows.revise import work

                return work(run, json=given.json, quiet=given.quiet)
            from workflows import session

            try:
                approved = not new and given.approve
                return session.work(run, json=given.json, quiet=given.quiet, take_outline=approved)
            except session.WrongSources as error:
                if new:
                    runs.forget(run)
                return fail(str(error), USAGE)
            except session.Failed as error:
                return fail(str(error), FAILED)
    except runs.RunError as error:
        return fail(str(error), FAILED)


# Each imports what is slow when it is called.
RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "": _research,
    "research": _research,
    "resume": _resume,
    "list": _list,
    "show": _show,
    "library": _library,
    "revise": _revise,
    "refresh": _refresh,
    "export": _export,
    "config": _config,
    "doctor": _doctor,
    "completion": _completion,
    "mcp": _mcp,
}


# --- saying what went wrong ----------------------------------------------------


def _unexpected(error: Exception) -> int:
    if os.environ.get("PALIMPSEST_DEBUG"):
        import traceback

        traceback.print_exception(error)
    first = str(error).splitlines()[0] if str(error) else ""
    what = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return fail(f"unexpected error, {what} (PALIMPSEST_DEBUG=1 shows where)", FAILED)


if __name__ == "__main__":
    sys.exit(main())
