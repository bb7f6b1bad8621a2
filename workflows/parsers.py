"""The parsers of the command line, one a command. Nothing slow is imported here."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from workflows import formats
from workflows.outcome import UsageError

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


def resume_parser() -> Parser:
    parser = Parser(prog="palimpsest resume", description="Go on with a run.", allow_abbrev=False)
    parser.add_argument("run", nargs="?", metavar="ID", help="a run (default: the latest unfinished)")
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


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command; "" is palimpsest QUESTION."""
    return {
        "": research_parser("palimpsest"),
        "resume": resume_parser(),
        "list": list_parser(),
        "export": export_parser(),
        "config": config_parser(),
        "doctor": doctor_parser(),
        "completion": completion_parser(),
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
