"""Offsets of evidence on real pages: what is cited stands at its place in the stored text, letter for letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlm_core.segment import split
from tests.support import need
from tools.charset import decode
from tools.worker import read

DOCS = Path("/usr/share/doc/python3-doc/html")


def pages(limit: int) -> list[Path]:
    """HTML pages of Debian's python3-doc, in path order, spread over all of them."""
    found = sorted(DOCS.resolve().rglob("*.html")) if DOCS.is_dir() else []
    need(len(found) >= 500, f"{DOCS} holds no 500 pages (Debian: python3-doc)")
    return found[:: max(1, len(found) // limit)][:limit]


def check(files: list[Path]) -> tuple[int, int]:
    """Pages with text and pieces of evidence, every one of which was found at its place."""
    read_pages = pieces = 0
    for file in files:
        try:
            found = read("html", decode(file.read_bytes()).encode())
        except ValueError:
            continue  # an index or a picture: no text
        text = found["text"]
        passages, evidence = split(text, "src_0000000000")
        assert all(text[p.start : p.end] == p.text for p in passages), file
        assert all(text[e.start : e.end] == e.text for e in evidence), file
        assert all(e.id == f"src_0000000000.e{e.start}" for e in evidence), file
        read_pages, pieces = read_pages + 1, pieces + len(evidence)
    return read_pages, pieces


def test_evidence_of_real_pages_stands_at_its_offsets() -> None:
    read_pages, pieces = check(pages(20))
    assert read_pages >= 15 and pieces >= 200


@pytest.mark.slow
def test_evidence_of_500_real_pages_stands_at_its_offsets() -> None:
    read_pages, pieces = check(sorted(DOCS.resolve().rglob("*.html")) if pages(1) else [])
    print(f"{read_pages} pages, {pieces} pieces of evidence")
    assert read_pages >= 500 and pieces >= 20_000
