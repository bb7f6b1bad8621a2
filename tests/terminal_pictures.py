"""Take the pictures of the terminal: python -m tests.terminal_pictures FOLDER.

A real run, at a pseudo-terminal, by the program itself; what stands on the
screen is written as SVG by rich. live.svg: a draft being written. session.svg:
/diff, /pin and /why in the session that follows.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from dlm_core.fetch_base import base_path
from tests.screen import Screen
from tests.support import ROOT

QUESTION = "How do masked diffusion language models write and revise text?"
COLUMNS, ROWS = 100, 30


def svg(screen: Screen, file: Path, title: str) -> None:
    """The screen as it stands, with its colours."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in screen.styled:
        console.print(line, no_wrap=True, crop=True)
    console.save_svg(str(file), title=title, unique_id=file.stem)


def main(folder: Path) -> int:
    """Both pictures; 0 once they are in `folder`."""
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(ROOT / "examples", Path(work) / "examples")
        arguments = ["-m", "workflows.cli", "--sources", "examples/library"]
        # Runs and history of its own, and the base that is here already.
        apart = {"PALIMPSEST_HOME": str(Path(work) / "home"), "PALIMPSEST_BASE": str(base_path())}
        screen = Screen(arguments, COLUMNS, ROWS, Path(work), COLORTERM="", **apart)
        with screen:
            screen.until("Ctrl-D leaves.")
            screen.type(QUESTION + "\r")
            # Headings are written from noise: some of their words, and masks still.
            screen.until(lambda text: re.search(r"^\w.*░", text, re.M) is not None or "✓ draft" in text, 300)
            svg(screen, folder / "live.svg", "palimpsest: a draft resolves")
            screen.until("report.md", 600)
            screen.until("\n❯\n")
            for line, shown in (("/diff", "Revision "), ("/pin 2", "is pinned"), ("/why 2", "History")):
                screen.type(line + "\r")
                screen.until(shown)
            screen.read(0.5)
            svg(screen, folder / "session.svg", "palimpsest: a session")
            screen.type("/quit\r")
            return screen.finish()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.terminal_pictures FOLDER")
    sys.exit(main(Path(sys.argv[1])))
