"""docs/errors.md, run: each mistake in it is made, and is told what the page says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pypdf import PdfWriter

from tests.support import ROOT
from tests.test_cli import free_port, palimpsest
from tests.web import Request, site

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
NOTES = "Masked diffusion models write a text by unmasking its tokens, the most certain ones of a step at once.\n"
SITE, NOWHERE = "http://docs.example.org", "127.0.0.1:9"


def listed() -> list[tuple[int, int, str, str]]:
    """(number, exit code, command, message) of every mistake on the page."""
    out = []
    code = 0
    for block in re.split(r"\n(?=## |\d+\. )", PAGE):
        if heading := re.match(r"## .*exit code (\d)", block):
            code = int(heading[1])
        elif number := re.match(r"(\d+)\. ", block):
            command, *message = [line.strip() for line in block.splitlines() if line.startswith(" " * 8)]
            out.append((int(number[1]), code, command.removeprefix("$ "), " ".join(message)))
    return out


def test_the_page_lists_twenty_mistakes_and_more() -> None:
    numbers = [n for n, *_ in listed()]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 20
    assert {code for _, code, *_ in listed()} == {1, 2}


def prepare(folder: Path) -> None:
    """The folder that the commands of the page are called from."""
    work = folder / "work"
    for name in ("notes", "empty", "tides"):
        (work / name).mkdir(parents=True)
    (work / "notes" / "text.md").write_text("# Masked diffusion models\n\n" + NOTES)
    (work / "tides" / "report.json").write_text("{}")
    (work / "notes.txt").write_text("notes")
    (work / "slides.pptx").write_bytes(b"PK\x03\x04")
    (work / "bread.md").write_text("# Bread\n\nBread is baked from a dough of flour and water that yeast has raised.\n")
    scan = PdfWriter()
    scan.add_blank_page(200, 200)
    scan.write(work / "scan.pdf")


@contextmanager
def held(library: Path, wanted: bool) -> Iterator[None]:
    """While another process has the library open."""
    if not wanted:
        yield
        return
    from dlm_core.embed import Embedder
    from tools.library import Library

    opened = Library(library, Embedder())
    try:
        yield
    finally:
        opened.close()


@pytest.mark.parametrize(("number", "code", "command", "message"), listed())
def test_a_mistake_is_told_what_the_page_says(
    tmp_path: Path, number: int, code: int, command: str, message: str
) -> None:
    prepare(tmp_path)
    words = shlex.split(command)
    more = dict(word.split("=", 1) for word in words[: words.index("palimpsest")])
    more["PALIMPSEST_WIKIPEDIA"] = f"http://127.0.0.1:{free_port()}/w/api.php"
    before = sorted(p for p in (tmp_path / "work").rglob("*"))

    def gone(request: Request) -> None:
        request.reply(b"gone", "text/plain", 404)

    with site(gone) as root, held(tmp_path / "work" / "shared", "shared" in words):
        here = f"127.0.0.1:{free_port()}"
        arguments = [w.replace(SITE, root).replace(NOWHERE, here) for w in words[words.index("palimpsest") + 1 :]]
        done = palimpsest(tmp_path, *arguments, **more)
    told = done.stderr.replace(root, SITE).replace(here, NOWHERE)
    assert told.count("\n") == 1 and done.stdout == "", told
    pattern = ".*".join(re.escape(part) for part in message.split("..."))
    assert re.fullmatch(pattern, told.strip()), told
    assert done.returncode == code
    after = sorted(p for p in (tmp_path / "work").rglob("*") if "shared" not in p.parts)
    assert after == before  # nothing of the user's was touched, and nothing left behind
