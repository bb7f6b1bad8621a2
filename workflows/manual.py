"""The manual page, made from the parsers of the command line: python -m workflows.manual (make man).

Needs argparse-manpage, which the extra `test` brings. The page is the same
wherever and whenever it is made.
"""

from __future__ import annotations

import argparse
import re

from argparse_manpage.manpage import Manpage

from workflows.parsers import parsers

SHORT = "cited reports, drafted and rewritten by a masked diffusion language model"
FILES = """\
.SH FILES
.TP
.I ./reports
reports, where --out names no other folder
.TP
.I ~/.local/state/palimpsest
runs, their libraries, and the lines typed in sessions; $PALIMPSEST_HOME instead of it where that is set
.SH "SEE ALSO"
docs/terminal.md (the live view, sessions, the events of --json), docs/errors.md (mistakes and what they are told)
"""


def page() -> str:
    """The page in man's roff."""
    known = parsers()
    whole = roff(known.pop(""))
    head, notes = whole.split(".SH COMMENTS\n")
    commands = [".SH COMMANDS\n", *(_section(name, roff(parser)) for name, parser in known.items())]
    return "".join([head.rstrip() + "\n", *commands, f".SH NOTES\n.nf\n{notes.strip()}\n.fi\n", FILES])


def roff(parser: argparse.ArgumentParser) -> str:
    """One parser as a page of its own, without a date."""
    parser.man_short_description = SHORT  # type: ignore[attr-defined]
    made = Manpage(parser)
    made.date, made.manual, made.section = "", "User Commands", 1
    return str(made)


def _section(name: str, text: str) -> str:
    """A command's own page as a part of the whole: its usage, what it does, its options."""
    usage = text.split(".SH SYNOPSIS\n")[1].split(".SH ")[0].strip().splitlines()
    rest = text.split(".SH DESCRIPTION\n")[1] if ".SH DESCRIPTION" in text else ""
    rest = re.sub(r"^\.SH .*$", ".PP", rest, flags=re.M).strip()
    return f".SS {name}\n{chr(10).join(usage)}\n.PP\n{rest}\n"


if __name__ == "__main__":
    print(page(), end="")
