"""The command line: palimpsest QUESTION, palimpsest resume, palimpsest list.

Nothing slow is imported here before a run is recorded, so that help is quick
and a run that is killed at once can be resumed. Every error is one line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from agent.brief import BriefError, clean
from workflows import formats, publish, runs

DONE, FAILED, USAGE = 0, 1, 2
COMMANDS = ("research", "resume", "list", "export", "completion", "config", "doctor")
SHELLS = ("bash", "zsh", "fish")

EPILOG = """\
palimpsest research QUESTION   the same, in full
palimpsest resume [ID]         go on with a run that was cut off (no ID: the latest)
palimpsest list                runs and how far they are
palimpsest export DIR          more files of a finished report: --format html,docx,pdf --bib
palimpsest completion SHELL    the completion script of a shell: bash, zsh or fish
palimpsest config              the settings and where each one stands (--write makes a settings file)
palimpsest doctor              what works on this machine, and what would leave it
palimpsest                     in a terminal: a session, with follow-up questions (/help lists its commands)

A source is a folder, a file (.md .txt .html .pdf), an http(s) URL, or one of
  wikipedia arxiv openalex crossref    brave tavily (with a key)    ddgs (with pip install 'palimpsest[ddgs]')
  kiwix:URL (#BOOK for one book)  mediawiki:URL (of its api.php)  searxng:URL  sitemap:URL  feed:URL (RSS, Atom)
Ctrl-C once ends the round and writes the report so far; twice stops at once.
Exit code 0: done, 1: failed or stopped, 2: wrong usage. PALIMPSEST_DEBUG=1 shows where an unexpected error came from.
"""


FORMAT_HELP = f"files to write, of {', '.join(formats.FORMATS)}; docx and pdf need pandoc ({formats.DEFAULT})"
JSON_HELP = "events on standard output, one JSON object a line, the report last; with --quiet report.json alone"


class UsageError(ValueError):
    """The command line is wrong; one line."""


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises where argparse would print usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (palimpsest --help shows what there is)")


def _whole(lowest: int, highest: int) -> Any:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = lowest - 1
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} to {highest}")
        return value

    return parse


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 10**7:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds (0: no limit)")
    return value


def _formats(text: str) -> tuple[str, ...]:
    try:
        wanted = formats.parse(text)
        formats.check(wanted)
    except formats.FormatError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return wanted


def _research_parser(prog: str) -> _Parser:
    parser = _Parser(
        prog=prog,
        description="A question becomes a cited report, drafted and rewritten by a masked diffusion language model.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("question", nargs="?", metavar="QUESTION")
    parser.add_argument("--sources", action="append", metavar="S", help="what to read; may be given more than once")
    parser.add_argument("--out", metavar="DIR", help="folder of the report (default: a new one in reports/)")
    parser.add_argument("--force", action="store_true", help="replace a report that lies in DIR")
    parser.add_argument("--format", type=_formats, default=formats.DEFAULT, metavar="F,F", help=FORMAT_HELP)
    parser.add_argument("--bib", action="store_true", help="write the sources as BibTeX and CSL-JSON too")
    parser.add_argument("--seed", type=_whole(0, 2**31 - 1), default=0, metavar="N", help="same seed, same report (0)")
    parser.add_argument("--rounds", type=_whole(1, 50), default=2, metavar="N", help="rounds of searching at most (2)")
    parser.add_argument("--pages", type=_whole(1, 1000), default=8, metavar="N", help="pages read a round at most (8)")
    parser.add_argument("--seconds", type=_seconds, default=0.0, metavar="N", help="begin no new round after N seconds")
    parser.add_argument("--library", metavar="DIR", help="a library to keep and share (default: the run's own)")
    parser.add_argument("--base", metavar="PATH", help="base model: a GGUF file or a Hugging Face folder")
    parser.add_argument("--weights", metavar="DIR", help="adapter and planner (default: those that came with this)")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--set", action="append", metavar="NAME=VALUE", help="a setting (palimpsest config lists them)")
    parser.add_argument("--ignore-robots", action="store_true", help="read pages that robots.txt asks not to read")
    parser.add_argument("--version", action="store_true", help="print the version")
    return parser


def _resume_parser() -> _Parser:
    parser = _Parser(prog="palimpsest resume", description="Go on with a run.", allow_abbrev=False)
    parser.add_argument("run", nargs="?", metavar="ID", help="a run (default: the latest unfinished)")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    return parser


def _export_parser() -> _Parser:
    description = "Write more files of a finished report into its folder, from its report.json."
    parser = _Parser(prog="palimpsest export", description=description, allow_abbrev=False)
    parser.add_argument("report", metavar="DIR", help="folder of a report")
    parser.add_argument("--format", type=_formats, default="html", metavar="F,F", help="of html, docx, pdf (html)")
    parser.add_argument("--bib", action="store_true", help="the sources as BibTeX and CSL-JSON")
    return parser


def _list_parser() -> _Parser:
    return _Parser(prog="palimpsest list", description="Runs and how far they are.", allow_abbrev=False)


def _config_parser() -> _Parser:
    description = "The settings, their values, and where each one stands."
    parser = _Parser(prog="palimpsest config", description=description, allow_abbrev=False)
    parser.add_argument("--write", action="store_true", help="make a settings file that names every setting")
    return parser


def _doctor_parser() -> _Parser:
    description = "What works on this machine, and what would leave it."
    parser = _Parser(prog="palimpsest doctor", description=description, allow_abbrev=False)
    parser.add_argument("--offline", action="store_true", help="do not try to connect to any server")
    return parser


def _completion_parser() -> _Parser:
    parser = _Parser(
        prog="palimpsest completion",
        description="Print the script that makes a shell complete palimpsest's commands, options and runs.",
        epilog='bash, zsh: eval "$(palimpsest completion bash)"   fish: palimpsest completion fish | source',
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")
    return parser


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command; "" is palimpsest QUESTION."""
    return {
        "": _research_parser("palimpsest"),
        "resume": _resume_parser(),
        "list": _list_parser(),
        "export": _export_parser(),
        "config": _config_parser(),
        "doctor": _doctor_parser(),
        "completion": _completion_parser(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if "_ARGCOMPLETE" in os.environ:
            from workflows.completion import complete

            complete()
        return _dispatch(arguments)
    except UsageError as error:
        return _fail(str(error), USAGE)
    except KeyboardInterrupt:
        return _fail("stopped", FAILED)
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
    rest = arguments[1:] if command else arguments
    if command == "list":
        _parsed(_list_parser(), rest)
        return _list()
    if command == "export":
        return _export(_parsed(_export_parser(), rest))
    if command == "completion":
        from workflows.completion import script

        print(script(_parsed(_completion_parser(), rest).shell))
        return DONE
    if command in ("config", "doctor"):
        return _look(command, rest)
    if command == "resume":
        given = _parsed(_resume_parser(), rest)
        return _resume(given)
    given = _parsed(_research_parser("palimpsest research" if command else "palimpsest"), rest)
    if given.version:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"palimpsest {version('palimpsest')}")
        except PackageNotFoundError:
            print("palimpsest (not installed)")
        return DONE
    return _research(given)


def _parsed(parser: _Parser, arguments: list[str]) -> argparse.Namespace:
    given, extra = parser.parse_known_args(arguments)
    if extra:
        what = extra[0]
        if what.startswith("-"):
            raise UsageError(f"unknown option {what} (palimpsest --help shows what there is)")
        raise UsageError(f"one argument too many, {what!r}: put a question in quotes")
    return given


# --- the commands -------------------------------------------------------------


def _research(given: argparse.Namespace) -> int:
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
        return _fail(str(error), FAILED)
    return _work(run, given, new=True)


def _look(command: str, rest: list[str]) -> int:
    """palimpsest config and palimpsest doctor."""
    given = _parsed(_config_parser() if command == "config" else _doctor_parser(), rest)
    from tools.settings import SettingsError
    from workflows import config, doctor

    try:
        if command == "doctor":
            return doctor.doctor(online=not given.offline)
        return config.write() if given.write else config.show()
    except SettingsError as error:
        raise UsageError(str(error)) from None


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
        force=given.force,
        library=_absolute(given.library),
        base=_absolute(given.base),
        weights=_absolute(given.weights),
        formats=",".join(given.format),
        bib=given.bib,
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
        return _fail(str(error), FAILED)
    if run.status == "done":
        return _fail(f"the run {run.id} is done: its report is in {run.out}", FAILED)
    if run.status != "writing" and run.out:
        try:
            publish.check_out(Path(run.out), run.force)
        except publish.OutError as error:
            raise UsageError(str(error)) from None
    return _work(run, given, new=False)


def _export(given: argparse.Namespace) -> int:
    from workflows.export import export

    try:
        written = export(Path(given.report).expanduser(), given.format, bib=given.bib)
    except (publish.OutError, formats.FormatError, formats.ConversionError) as error:
        return _fail(str(error), FAILED)
    print(*written, sep="\n")
    return DONE


def _list() -> int:
    for run in runs.listed():
        state = run.status
        if state in ("running", "writing"):
            state = "running" if runs.busy(run) else "cut off"
        print(_printable(f"{run.id}  {state:8}  {run.question}  {run.out}".rstrip()))
        if run.reason and run.status == "failed":
            print(_printable(f"    {run.reason}"))
    return DONE


def _work(run: runs.Run, given: argparse.Namespace, *, new: bool) -> int:
    """Do the run under its lock. A new run that turns out to be wrong usage leaves nothing behind."""
    try:
        with runs.locked(run):
            from workflows import session

            try:
                return session.work(run, json=given.json, quiet=given.quiet)
            except session.WrongSources as error:
                if new:
                    runs.forget(run)
                return _fail(str(error), USAGE)
            except session.Failed as error:
                return _fail(str(error), FAILED)
    except runs.RunError as error:
        return _fail(str(error), FAILED)


# --- saying what went wrong ----------------------------------------------------


def _printable(text: str) -> str:
    return "".join(ch if ch.isprintable() else " " for ch in text)


def _fail(message: str, code: int) -> int:
    """One line on standard error."""
    print(f"palimpsest: {' '.join(_printable(message).split())}", file=sys.stderr)
    return code


def _unexpected(error: Exception) -> int:
    if os.environ.get("PALIMPSEST_DEBUG"):
        import traceback

        traceback.print_exception(error)
    first = str(error).splitlines()[0] if str(error) else ""
    what = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return _fail(f"unexpected error, {what} (PALIMPSEST_DEBUG=1 shows where)", FAILED)


if __name__ == "__main__":
    sys.exit(main())
