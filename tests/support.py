"""Helpers that several test modules share."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlm_core.fetch_base import cache_folder

if TYPE_CHECKING:
    from tools.library import Library

ROOT = Path(__file__).resolve().parents[1]
CACHE = cache_folder()  # before any test names a home of its own


def need(condition: bool, reason: str) -> None:
    """Skip the test where something it needs is absent; with PALIMPSEST_REQUIRE=1 (set by .ci/run), fail it.

    A machine without a Kiwix server or the shared data can still run the suite, and CI cannot turn green by skipping.
    """
    if condition:
        return
    if os.environ.get("PALIMPSEST_REQUIRE") == "1":
        pytest.fail(f"PALIMPSEST_REQUIRE=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def shared_folder() -> Path | None:
    """The folder with training texts and fixtures: PALIMPSEST_SHARED, else `shared` beside the checkout, else None."""
    named = os.environ.get("PALIMPSEST_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if folder.is_dir() else None


def share(home: Path) -> Path:
    """Give a home the base as this machine has it, fetched and converted; to make it takes up to 20 seconds."""
    CACHE.mkdir(parents=True, exist_ok=True)
    (home / "cache").mkdir(parents=True, exist_ok=True)
    if not (home / "cache" / "base").exists():
        (home / "cache" / "base").symlink_to(CACHE)
    return home


def joined(text: str) -> str:
    """Paragraphs on one line each, as stored text has them."""
    return "\n\n".join(" ".join(block.split()) for block in text.split("\n\n"))


def texts(library: Library, ids: list[str]) -> list[str]:
    """The sentences of some evidence, in the order asked."""
    return [e.text for e in library.evidence(ids)]


def pdf_file(objects: list[bytes]) -> bytes:
    """The file of some objects, the first its catalog and the last what it says of itself."""
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer << /Size %d /Root 1 0 R /Info %d 0 R >>\n" % (len(objects) + 1, len(objects)))
    out.write(b"startxref\n%d\n%%%%EOF" % table)
    return out.getvalue()
