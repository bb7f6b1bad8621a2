"""The command palimpsest mcp: options, the extra it needs, the server. Nothing slow is imported here."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workflows.outcome import DONE, FAILED, UsageError, fail


def run(given: argparse.Namespace) -> int:
    """Serve until the client closes standard input. Exit code."""
    reports = Path(given.reports)
    if reports.exists() and not reports.is_dir():
        raise UsageError(f"--reports {reports} is a file: name a folder")
    for folder in given.read or ():
        if not Path(folder).expanduser().is_dir():
            raise UsageError(f"--read {folder}: no such folder")
    try:
        from workflows import mcp_server
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("mcp", "mcp_types"):
            raise
        return fail("the MCP server needs its extra: pip install 'palimpsest[mcp]'", FAILED)
    if sys.stdin.isatty():
        print(
            "serving MCP on standard input and output: a client starts this (docs/mcp.md); Ctrl-D ends", file=sys.stderr
        )
    readable = [Path(folder) for folder in given.read or ["."]]
    limits = mcp_server.Limits(reports, readable, Path(given.library) if given.library else None)
    mcp_server.server(limits).run("stdio")
    return DONE
