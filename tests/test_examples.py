"""The offline library reads as evidence: own prose whose sentences stand alone, with named sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.folders import make_folder
from dlm_core.segment import Evidence, split, tidy
from tests.support import ROOT, need, shared_folder

DOCUMENTS = sorted((ROOT / "examples" / "library").glob("*.md"))
SHARDS = ("textbooks/psychology-2e", "textbooks/principles-economics-3e", "textbooks/astronomy-2e",
          "docs/owasp-cheatsheets", "docs/django-docs")  # fmt: skip


def prose(path: Path) -> list[Evidence]:
    """The sentences of a document's paragraphs: no headings, nothing from "Sources:" on."""
    stored = tidy(path.read_text(encoding="utf-8"))
    end = stored.index("Sources:")
    _, evidence = split(stored, "src_example")
    assert all(stored[e.start : e.end] == e.text for e in evidence)
    return [e for e in evidence if e.end <= end and e.reason != "heading"]


def shard_file(name: str) -> Path:
    path = (shared_folder() or ROOT / "shared") / "data" / f"{name}.jsonl.gz"
    need(path.is_file(), f"no {name} shard: the training text is not beside the checkout")
    return path


def test_there_are_enough_documents() -> None:
    assert len(DOCUMENTS) >= 20


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_document_has_title_headings_and_sources(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("Sources:") == 1
    body, sources = text.split("\nSources:\n")
    headings = re.findall(r"^(#+) (\S.*)$", body, re.M)
    assert [marks for marks, _ in headings].count("#") == 1
    assert body.startswith("# ")
    assert 2 <= [marks for marks, _ in headings].count("##") <= 4
    assert 250 <= len(body.split()) <= 500
    listed = sources.strip().splitlines()
    assert listed and all(line.startswith("- ") and len(line) > 6 for line in listed)


def test_titles_differ() -> None:
    titles = [path.read_text(encoding="utf-8").splitlines()[0] for path in DOCUMENTS]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_sentences_stand_alone(path: Path) -> None:
    sentences = prose(path)
    assert len(sentences) >= 12
    dependent = [f"{e.reason}: {e.text}" for e in sentences if not e.standalone]
    assert len(dependent) <= 0.2 * len(sentences), "\n".join(dependent)


def test_sources_are_not_offered_as_evidence() -> None:
    for path in DOCUMENTS:
        stored = tidy(path.read_text(encoding="utf-8"))
        end = stored.index("Sources:")
        _, evidence = split(stored, "src_example")
        assert not [e.text for e in evidence if e.start >= end and e.standalone]


def test_no_sentence_stands_twice() -> None:
    seen: dict[str, str] = {}
    for path in DOCUMENTS:
        for e in prose(path):
            assert e.text not in seen, f"{path.name} and {seen[e.text]}: {e.text}"
            seen[e.text] = path.name


@pytest.mark.parametrize("shard", SHARDS)
def test_folder_of_pages(shard: str, tmp_path: Path) -> None:
    paths = make_folder(tmp_path / "pages", shard_file(shard), contains=None, limit=45)
    assert len(paths) == len(set(paths)) == 45
    titles = set()
    for path in paths:
        assert re.fullmatch(r"\d{3}-[a-z0-9-]{1,60}\.md", path.name)
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        assert first.startswith("# ") and not re.search(r"^# ", rest, re.M)
        titles.add(first)
    assert len(titles) >= 40


def test_folder_puts_pages_on_the_subject_first(tmp_path: Path) -> None:
    source = shard_file("textbooks/psychology-2e")
    paths = make_folder(tmp_path / "a", source, contains=["memory", "forget"], limit=40)
    counts = [len(re.findall(r"\b(?:memory|forget)", path.read_text(encoding="utf-8"), re.I)) for path in paths]
    assert "memory" in paths[0].name
    assert counts[0] > 50 and min(counts[:5]) > max(counts[20:])
    again = make_folder(tmp_path / "b", source, contains=["memory", "forget"], limit=40)
    assert [p.name for p in again] == [p.name for p in paths]
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in paths]
