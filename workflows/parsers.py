"""The parsers of the command line, one a command. Nothing slow is imported here."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from dlm_core import effort
from workflows import formats
from workflows.outcome import UsageError

SHELLS = ("bash", "zsh", "fish")

EPILOG = """\
palimpsest research QUESTION   the same, in full
palimpsest resume [ID]         go on with a run that was cut off (no ID: the latest)
palimpsest list                runs and how far they are
palimpsest show [ID]           a run: what was asked, what each round looked for, where the report is
palimpsest library list        what was read and is kept; palimpsest library prune removes that of runs that are done
palimpsest revise REPORT       change a finished report in place: --ask shorter --section H, --add SOURCE, --pin TEXT
palimpsest refresh REPORT      read its sources again, revise the claims whose evidence changed
palimpsest export DIR          more files of a finished report: --format html,docx,pdf --bib
palimpsest mcp                 the Model Context Protocol for a client that starts it (pip install 'palimpsest[mcp]')
palimpsest completion SHELL    the completion script of a shell: bash, zsh or fish
palimpsest config              the settings and where each one stands (--write makes a settings file)
palimpsest doctor              what works on this machine, and what would leave it
palimpsest                     in a terminal: a session, with follow-up questions (/help lists its commands)

A source is a folder, a file (.md .txt .html .pdf), an http(s) URL, or one of
  wikipedia arxiv openalex crossref    brave tavily (with a key)    ddgs (with pip install 'palimpsest[ddgs]')
  kiwix:URL (#BOOK for one book)  mediawiki:URL (of its api.php)  searxng:URL  sitemap:URL  feed:URL (RSS, Atom)
--approve plan shows the outline before any text is written: take it, edit it, or leave it and resume later.
Ctrl-C once ends the round and writes the report so far; twice stops at once.
Exit code 0: done, 1: failed or stopped, 2: wrong usage. PALIMPSEST_DEBUG=1 shows where an unexpected error came from.
"""


TOKENS_HELP = "tokens that the model may read and denoise in the whole run (0: no limit)"
FORMAT_HELP = f"files to write, of {', '.join(formats.FORMATS)}; docx and pdf need pandoc ({formats.DEFAULT})"
FIGURES_HELP = "show figures of the sources beside claims, with caption, credit and licence"
EFFORT_HELP = "fast, default, thorough, or a number from 0 (fast) to 1 (thorough): care over each draft (default)"
JSON_HELP = "events on standard output, one JSON object a line, the report last; with --quiet report.json alone"


class Parser(argparse.ArgumentParser):
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


def _effort(text: str) -> float:
    try:
        return effort.level(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _formats(text: str) -> tuple[str, ...]:
    try:
        wanted = formats.parse(text)
        formats.check(wanted)
    except formats.FormatError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return wanted


def research_parser(prog: str) -> Parser:
    parser = Parser(
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
    parser.add_argument("--figures", action="store_true", help=FIGURES_HELP)
    parser.add_argument("--seed", type=_whole(0, 2**31 - 1), default=0, metavar="N", help="same seed, same report (0)")
    parser.add_argument("--rounds", type=_whole(1, 50), default=2, metavar="N", help="rounds of searching at most (2)")
    parser.add_argument("--pages", type=_whole(1, 1000), default=8, metavar="N", help="pages read a round at most (8)")
    parser.add_argument("--seconds", type=_seconds, default=0.0, metavar="N", help="time for the whole run")
    parser.add_argument("--tokens", type=_whole(0, 10**12), default=0, metavar="N", help=TOKENS_HELP)
    parser.add_argument("--approve", choices=("plan",), metavar="plan", help="wait for approval of the outline")
    parser.add_argument("--effort", type=_effort, default=0.5, metavar="E", help=EFFORT_HELP)
    parser.add_argument("--require", action="append", metavar="TERM", help="a term that must stand in the report")
    parser.add_argument("--forbid", action="append", metavar="TERM", help="a term that may not stand in it")
    parser.add_argument("--length", type=_whole(60, 20_000), default=0, metavar="WORDS", help="words of the report")
    parser.add_argument("--library", metavar="DIR", help="a library to keep and share (default: the run's own)")
    parser.add_argument("--base", metavar="PATH", help="base model: a GGUF file or a Hugging Face folder")
    parser.add_argument("--weights", metavar="DIR", help="adapter and planner (default: those that came with this)")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--set", action="append", metavar="NAME=VALUE", help="a setting (palimpsest config lists them)")
    parser.add_argument("--ignore-robots", action="store_true", help="read pages that robots.txt asks not to read")
    parser.add_argument("--version", action="store_true", help="print the version")
    return parser


def resume_parser() -> Parser:
    parser = Parser(prog="palimpsest resume", description="Go on with a run.", allow_abbrev=False)
    parser.add_argument("run", nargs="?", metavar="ID", help="a run (default: the latest unfinished)")
    parser.add_argument("--approve", action="store_true", help="take the outline of a paused run as it stands")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    return parser


def export_parser() -> Parser:
    description = "Write more files of a finished report into its folder, from its report.json."
    parser = Parser(prog="palimpsest export", description=description, allow_abbrev=False)
    parser.add_argument("report", metavar="DIR", help="folder of a report")
    parser.add_argument("--format", type=_formats, default="html", metavar="F,F", help="of html, docx, pdf (html)")
    parser.add_argument("--bib", action="store_true", help="the sources as BibTeX and CSL-JSON")
    return parser


def list_parser() -> Parser:
    return Parser(prog="palimpsest list", description="Runs and how far they are.", allow_abbrev=False)


def show_parser() -> Parser:
    description = "A run: what was asked, how far it is, what each round looked for, where the report is."
    parser = Parser(prog="palimpsest show", description=description, allow_abbrev=False)
    parser.add_argument("run", nargs="?", metavar="ID", help="a run (default: the latest)")
    return parser


def library_parser() -> Parser:
    description = "What was read and is kept: list it, or remove the libraries of runs that are done."
    parser = Parser(prog="palimpsest library", description=description, allow_abbrev=False)
    parser.add_argument("action", choices=("list", "prune"), metavar="list|prune", help="list or prune")
    parser.add_argument(
        "--older", type=_whole(0, 36500), metavar="DAYS", help="prune: those of all runs not used for so many days"
    )
    parser.add_argument("--yes", action="store_true", help="prune: do not ask")
    return parser


def config_parser() -> Parser:
    description = "The settings, their values, and where each one stands."
    parser = Parser(prog="palimpsest config", description=description, allow_abbrev=False)
    parser.add_argument("--write", action="store_true", help="make a settings file that names every setting")
    return parser


def doctor_parser() -> Parser:
    description = "What works on this machine, and what would leave it."
    parser = Parser(prog="palimpsest doctor", description=description, allow_abbrev=False)
    parser.add_argument("--offline", action="store_true", help="do not try to connect to any server")
    return parser


def completion_parser() -> Parser:
    parser = Parser(
        prog="palimpsest completion",
        description="Print the script that makes a shell complete palimpsest's commands, options and runs.",
        epilog='bash, zsh: eval "$(palimpsest completion bash)"   fish: palimpsest completion fish | source',
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")
    return parser


def revise_parser() -> Parser:
    parser = Parser(
        prog="palimpsest revise",
        description="Change a finished report, ours or any Markdown with numeric citations, and nothing else of it.",
        epilog="--ask takes: shorter, longer, simpler, more about X, without X, add numbers, merge, split, reorder",
        allow_abbrev=False,
    )
    parser.add_argument("report", metavar="REPORT", help="folder of a report, its report.json, or a Markdown file")
    parser.add_argument("--ask", action="append", metavar="TEXT", help="what to do; may be given more than once")
    parser.add_argument("--section", action="append", metavar="H", help="only in this section (heading, or its number)")
    parser.add_argument("--claim", action="append", type=_whole(1, 9999), metavar="N", help="only in claim N")
    parser.add_argument("--add", action="append", metavar="SOURCE", help="a source to take up")
    parser.add_argument("--pin", action="append", metavar="TEXT", help="keep the claims that hold this, byte for byte")
    parser.add_argument("--unpin", action="append", metavar="TEXT", help="let them change again")
    parser.add_argument("--drop", action="append", metavar="TEXT", help="remove the claims that hold this")
    parser.add_argument("--sources", action="append", metavar="S", help="where the evidence of its claims is")
    parser.add_argument("--list", action="store_true", help="print its sections and numbered claims, and do nothing")
    _for_revising(parser)
    return parser


def refresh_parser() -> Parser:
    description = "Read the sources of a report again, and revise the claims whose evidence changed."
    parser = Parser(prog="palimpsest refresh", description=description, allow_abbrev=False)
    parser.add_argument("report", metavar="REPORT", help="folder of a report, or its report.json")
    parser.add_argument("--sources", action="append", metavar="S", help="where its files are, if not where they were")
    _for_revising(parser)
    return parser


def _for_revising(parser: Parser) -> None:
    parser.add_argument("--out", metavar="DIR", help="folder of the new report (default: REPORT-revised beside it)")
    parser.add_argument("--force", action="store_true", help="replace a report that lies in DIR")
    parser.add_argument("--seed", type=_whole(0, 2**31 - 1), default=0, metavar="N", help="same seed, same report (0)")
    parser.add_argument("--base", metavar="PATH", help="base model: a GGUF file or a Hugging Face folder")
    parser.add_argument("--weights", metavar="DIR", help="adapter and planner (default: those that came with this)")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_argument("--quiet", action="store_true", help="show no progress and no difference")


def mcp_parser() -> Parser:
    description = "Serve the Model Context Protocol on standard input and output: research, revise, sources."
    parser = Parser(prog="palimpsest mcp", description=description, allow_abbrev=False)
    parser.add_argument("--reports", metavar="DIR", default="reports", help="all that is written lies here (./reports)")
    parser.add_argument(
        "--read", action="append", metavar="DIR", help="local sources lie here; may be given more than once (.)"
    )
    parser.add_argument("--library", metavar="DIR", help="a library to keep and share (default: one a run)")
    return parser


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command; "" is palimpsest QUESTION."""
    return {
        "": research_parser("palimpsest"),
        "resume": resume_parser(),
        "list": list_parser(),
        "show": show_parser(),
        "library": library_parser(),
        "revise": revise_parser(),
        "refresh": refresh_parser(),
        "export": export_parser(),
        "config": config_parser(),
        "doctor": doctor_parser(),
        "completion": completion_parser(),
        "mcp": mcp_parser(),
    }


COMMANDS = ("research", *(name for name in parsers() if name))


def parsed(parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
    """The arguments of a command. Raises UsageError, one line."""
    given, extra = parser.parse_known_args(arguments)
    if extra:
        what = extra[0]
        if what.startswith("-"):
            raise UsageError(f"unknown option {what} (palimpsest --help shows what there is)")
        raise UsageError(f"one argument too many, {what!r}: put a question in quotes")
    return given
