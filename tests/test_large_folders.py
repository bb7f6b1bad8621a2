"""Folders of many files: read once, by several processes, in bounded memory; and what cannot be read in them."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from bench.folders import _markdown, _slug
from tests.support import ROOT, need, shared_folder
from tools import local, readings
from tools.blocks import NEAR, Blocks, passage_on
from tools.extract import MAX_TEXT, Broken, Extracted, Extractor
from tools.local import LocalFiles
from tools.readings import Readings
from tools.source import Hit, Skipped, Source

WORDS = "tide moon river glacier turbine honey bridge timber copper market harvest signal orbit lens enzyme".split()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that a process is asked to read, by name."""
    asked: list[str] = []
    whole = Extractor.read

    def counting(self: Extractor, kind: str, body: str | bytes, url: str) -> Extracted | Skipped:
        asked.append(url.rsplit("/", 1)[1])
        return whole(self, kind, body, url)

    monkeypatch.setattr(Extractor, "read", counting)
    return asked


def many(folder: Path, count: int) -> Path:
    """Tiny files; each speaks of two things."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        a, b = WORDS[n % len(WORDS)], WORDS[n // len(WORDS) % len(WORDS)]
        (folder / f"{n:05d}.md").write_text(f"# Notes on the {a}\n\nThis page says how the {a} and the {b} are made.\n")
        os.utime(folder / f"{n:05d}.md", (1_000_000_000, 1_000_000_000))
    return folder


def opened(folder: Path, *, keep: bool = True) -> LocalFiles:
    return LocalFiles(folder, Extractor(), keep=keep)


def test_unchanged_files_are_not_read_again(tmp_path: Path, reads: list[str]) -> None:
    folder = many(tmp_path / "folder", 12)
    (folder / "empty.md").write_text("")
    first = opened(folder)
    hits = first.search("How is honey made?", 20)
    assert sorted(reads) == [f"{n:05d}.md" for n in range(12)] and [s.reason for s in first.skipped]
    assert isinstance(first.fetch(hits[0]), Source) and len(reads) == 12
    reads.clear()

    again = opened(folder)  # as another run does
    assert again.search("How is honey made?", 20) == hits and again.skipped == first.skipped
    assert again.fetch(hits[0]) == first.fetch(hits[0]) and reads == []

    os.utime(folder / "00003.md")  # another time, the same words
    (folder / "00004.md").write_text("# Something else\n\nHere is a page on whales that swim in the sea all year.\n")
    (folder / "00005.md").unlink()
    (folder / "new.md").write_text("# A new page\n\nThis page was not there before, and is read now for once.\n")
    changed = opened(folder)
    assert changed.search("whales", 1)[0].title == "Something else"
    assert sorted(reads) == ["00004.md", "new.md"]

    reads.clear()
    assert opened(folder, keep=False).search("whales", 1) and len(reads) == 12  # nothing kept is looked at


def test_the_same_size_and_time_are_no_proof_just_after_a_reading(tmp_path: Path, reads: list[str]) -> None:
    file = tmp_path / "folder" / "a.md"
    file.parent.mkdir()
    file.write_text("# One\n\nThe first words of this page are these and no others.\n")
    now = time.time_ns() + 60 * 10**9  # or a slow machine reads it when its time is proof already
    os.utime(file, ns=(now, now))
    assert opened(file).search("first", 1)[0].title == "One"
    file.write_text("# Two\n\nThe later words of this page are these and no others.\n")
    os.utime(file, ns=(now, now))
    assert opened(file).search("later", 1)[0].title == "Two" and len(reads) == 2


def test_other_code_reads_anew_and_what_a_process_broke_on_is_tried_again(
    tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = many(tmp_path / "folder", 2)
    opened(folder).search("tide", 1)
    monkeypatch.setattr(readings, "maker", lambda: "another")
    opened(folder).search("tide", 1)
    assert len(reads) == 4
    monkeypatch.undo()
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(Extractor, "read", lambda self, kind, body, url: Broken(url, "it took too long"))
    assert [s.reason for s in _searched(opened(folder)).skipped] == ["it took too long"] * 2
    monkeypatch.undo()
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "elsewhere"))
    assert _searched(opened(folder)).skipped == []


def _searched(files: LocalFiles) -> LocalFiles:
    files.search("tide", 1)
    return files


def test_a_cache_that_is_damaged_or_cannot_be_written_costs_time_only(tmp_path: Path, home: Path) -> None:
    folder = many(tmp_path / "folder", 2)
    file = readings.readings_file()
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database at all, " * 500)
    assert opened(folder).search("moon", 1)[0].title == "Notes on the moon"
    assert file.stat().st_mode & 0o077 == 0  # what the user's files say is for the user alone
    kept = Readings(file)
    assert kept.held((folder / "00000.md").resolve().as_uri()) is not None
    kept.trim(limit_mb=0)
    assert kept.held((folder / "00000.md").resolve().as_uri()) is None
    kept.close()
    for path in file.parent.iterdir():
        path.unlink()
    file.parent.rmdir()
    file.parent.write_text("in the way")
    assert opened(folder).search("moon", 1)[0].title == "Notes on the moon"


def test_several_processes_read_as_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]) -> None:
    folder = many(tmp_path / "folder", 90)
    for n in range(30):
        (folder / f"bad{n:02d}.txt").write_bytes(b"\x00\x01" * 50)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(local, "TOLD", 0.0)
    results = []
    for workers in (1, 3):
        monkeypatch.setattr(local, "WORKERS", workers)
        monkeypatch.setattr(os, "cpu_count", lambda: 8)
        files = opened(folder, keep=False)
        files.watch = lambda done, total: told.append((done, total)) or False  # type: ignore[func-returns-value]
        results.append((files.search("moon and copper", 200), files.skipped))
    assert results[0] == results[1] and len(reads) == 180
    hits, skipped = results[0]
    assert hits[0].title == "Notes on the moon" or hits[0].title == "Notes on the copper"
    assert len(skipped) == local.NAMED + 1 and skipped[-1].reason == "10 more of its files: not a text file"
    assert told[-1][1] == 120 and [d for d, _ in told[:120]] == list(range(120))


def test_an_interrupt_while_a_folder_is_read_ranks_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "TOLD", 0.0)
    files = opened(many(tmp_path / "folder", 60))
    files.watch = lambda done, total: done >= 20
    assert 0 < len(files.search("This page", 100)) < 40
    assert "only the first 20 of its 60 files were read" in files.skipped[-1].reason

    class Stop(BaseException):
        pass

    def stop(done: int, total: int) -> bool:
        raise Stop

    files = opened(tmp_path / "folder", keep=False)
    files.watch = stop
    began = time.monotonic()
    with pytest.raises(Stop):
        files.search("This page", 100)
    assert time.monotonic() - began < 10


def test_links_in_circles_and_folders_that_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = many(tmp_path / "folder", 2)
    (folder / "circle.md").symlink_to("circle.md")
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    (folder / "up").symlink_to(folder)
    os.mkfifo(folder / "pipe.md")
    (folder / "closed").mkdir()
    walk = os.walk

    def closed(top: Any, onerror: Any = None, **more: Any) -> Iterator[Any]:
        onerror(PermissionError(13, "Permission denied", str(folder / "closed")))
        return walk(top, onerror=onerror, **more)

    monkeypatch.setattr(os, "walk", closed)
    files = opened(folder)
    assert len(files.search("This page", 10)) == 2
    reasons = {s.url.rsplit("/", 1)[1]: s.reason for s in files.skipped}
    assert reasons == {
        "closed": "cannot be opened (Permission denied)",
        "circle.md": "a link that leads back to itself",
    }
    gone = files.search("tide", 1)[0]
    (folder / gone.url.rsplit("/", 1)[1]).unlink()
    assert files.fetch(gone) == Skipped(gone.url, "cannot be opened (No such file or directory)")


def test_a_folder_with_more_files_than_are_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MAX_FILES", 3)
    files = opened(many(tmp_path / "folder", 5))
    assert len(files.search("This page", 10)) == 3
    assert files.skipped[0].reason == "only the first 3 of its 5 files are read"
    monkeypatch.setattr(local, "MAX_RANKED", 100)
    files = opened(tmp_path / "folder")
    assert len(files.search("This page", 10)) == 2 and "more text than" in files.skipped[-1].reason


def test_blocks_rate_as_bm25_over_words_does() -> None:
    """Numbers for words change nothing: the same ranks as bm25s gives on the stems themselves."""
    import bm25s

    from tools.query import stem

    texts = [f"The {a} is near the {b}. " * 3 for a in WORDS for b in WORDS[:4]]
    blocks = Blocks()
    corpus = []
    for n, text in enumerate(texts):
        blocks.add(f"Page {n}", text)
        corpus += [["pag", str(n)] * 3, ["pag", str(n), *(stem(w) for w in text.replace(".", "").split())]]
    index = bm25s.BM25()
    index.index(corpus, show_progress=False)
    scores = index.get_scores([stem("moon"), stem("tides")])
    pairs = zip(scores[::2].tolist(), scores[1::2].tolist(), strict=True)  # a title and its text
    expected = [max(pair) + 0.5 * min(pair) for pair in pairs]
    assert blocks.rated("moon and tides").tolist() == pytest.approx(expected, abs=1e-6)
    assert blocks.rated("unheard").tolist() == [0.0] * len(texts)


def test_a_report_in_the_folder_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "tea.md").write_text("# Tea\n\nTea is a drink made of leaves and hot water.\n")
    report = tmp_path / "reports" / "what-is-tea"
    report.mkdir(parents=True)
    (report / "report.json").write_text('{\n "schema": 1,\n "question": "What is tea?"}')
    (report / "report.md").write_text("# Tea\n\nTea is a drink. [1]\n")
    (report / "notes.md").write_text("# My notes\n\nTea is drunk in the afternoon.\n")
    titles = {hit.title for hit in opened(tmp_path, keep=False).search("tea", 9)}
    assert titles == {"Tea", "My notes"} and len(opened(tmp_path, keep=False).search("tea", 9)) == 2
    assert len(opened(report, keep=False).search("tea", 9)) == 2  # named itself
    (report / "report.json").write_text('{"rows": 3}')  # somebody else's
    assert len(opened(tmp_path, keep=False).search("tea", 9)) == 3


# --- the real thing ---------------------------------------------------------------------


def thousand(target: Path, count: int = 1050) -> Path:
    """Pages of about 2,000 words from many sources."""
    data = shared_folder()
    need(data is not None and (data / "data").is_dir(), "the shared training texts are not there")
    assert data is not None
    shelves = []
    for shard in sorted((data / "data").glob("*/*.jsonl.gz")):
        pages = []
        with gzip.open(shard, "rt", encoding="utf-8") as lines:
            for line in lines:
                page = json.loads(line)
                words = sum(len(p.split()) for section in page["sections"] for p in section["paragraphs"])
                if 1400 <= words <= 2800:
                    pages.append(page)
                if len(pages) == 60:
                    break
        shelves.append((f"{shard.parent.name}-{shard.name.split('.')[0]}", pages))
    made = 0
    for n, row in enumerate(zip_longest(*(pages for _, pages in shelves))):
        for (name, _), page in zip(shelves, row, strict=True):
            if page is not None and made < count:
                (target / name).mkdir(parents=True, exist_ok=True)
                file = target / name / f"{n:03d}-{_slug(page['title'])}.md"
                file.write_text(_markdown(page, page["title"]), encoding="utf-8")
                made += 1
    assert made == count
    return target


def timed(question: str, folder: Path, home: Path, *more: str) -> dict[str, float]:
    """A run of the command line: seconds in all, the longest silence, peak memory of its processes in MB."""
    began = last = time.monotonic()
    silence = 0.0
    process = subprocess.Popen(
        [sys.executable, "-m", "workflows.cli", question, "--sources", str(folder), *more],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PALIMPSEST_HOME": str(home)},
        cwd=folder.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for _ in process.stderr:
        now = time.monotonic()
        silence, last = max(silence, now - last), now
    assert process.wait() == 0
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": time.monotonic() - began, "silence": silence, "peak": peak}


@pytest.mark.slow
def test_a_thousand_pages(tmp_path: Path, home: Path) -> None:
    folder, library = thousand(tmp_path / "pages"), str(tmp_path / "library")
    first = timed("How do computers store and index data so that queries are fast?", folder, home, "--library", library)
    second = timed("How does the immune system recognise pathogens?", folder, home, "--library", library)
    print(first, second)
    assert first["seconds"] < 300 and second["seconds"] < 60, (first, second)
    assert max(first["silence"], second["silence"]) < 30 and second["peak"] < 3_000, (first, second)


@pytest.mark.slow
def test_one_long_file(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "long"
    folder.mkdir()
    texts = sorted(thousand(tmp_path / "pages", 400).rglob("*.md"))
    text = "\n\n".join(file.read_text(encoding="utf-8") for file in texts)
    (folder / "long.md").write_text(text[:5_000_000], encoding="utf-8")
    assert 4_900_000 < (folder / "long.md").stat().st_size < MAX_TEXT
    made = timed("What is a hash table used for?", folder, home)
    print(made)
    assert made["seconds"] < 300 and made["peak"] < 3_000, made


@pytest.mark.slow
def test_ten_thousand_tiny_files(tmp_path: Path) -> None:
    folder = many(tmp_path / "tiny", 10_000)
    began = time.monotonic()
    files = opened(folder)
    assert len(files.search("honey and enzyme", 8)) == 8 and files.skipped == []
    first, began = time.monotonic() - began, time.monotonic()
    assert isinstance(files.fetch(Hit((folder / "00007.md").resolve().as_uri(), "", "", "")), Source)
    assert opened(folder).search("honey and enzyme", 8) == files.search("honey and enzyme", 8)
    again = time.monotonic() - began
    print({"first": first, "again": again, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})
    assert first < 120 and again < 20, (first, again)


def test_a_snippet_is_what_a_file_says_of_the_query(tmp_path: Path) -> None:
    filler = " ".join(f"Copper number {n} is mined in the hills near the town." for n in range(40))
    tides = "Tides rise twice a day because the Moon pulls."
    text = f"# Metals\n\nThis page opens on metals.\n\n{filler}\n\n{tides}\n\n{filler}"
    (tmp_path / "metals.md").write_text(text)
    hit = opened(tmp_path, keep=False).search("Why do tides rise?", 5)[0]
    assert tides in hit.snippet and len(hit.snippet.split()) <= NEAR
    assert passage_on("whales", text) == ""  # it says nothing of them
    assert passage_on("tides", "Tides rise.") == "Tides rise."


def test_texts_are_read_anew_when_any_code_that_reads_them_changes() -> None:
    """Every module of ours that the worker loads is part of the key under which a file's text is kept."""
    code = "import sys, tools.worker; print(*(m for m in sys.modules if m.startswith(('tools.', 'dlm_core.'))))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert {"tools.pdf", "tools.text_blocks"} < loaded
    assert loaded - {"tools.source"} <= set(readings._CODE)
