"""How a command ends: exit codes, wrong usage, and the one line that says what went wrong."""

from __future__ import annotations

import sys

DONE, FAILED, USAGE = 0, 1, 2


class UsageError(ValueError):
    """The command line is wrong; one line."""


def printable(text: str) -> str:
    """Text that a terminal shows and does not obey."""
    return "".join(ch if ch.isprintable() else " " for ch in text)


def fail(message: str, code: int) -> int:
    """One line on standard error; the exit code given back."""
    print(f"palimpsest: {' '.join(printable(message).split())}", file=sys.stderr)
    return code
