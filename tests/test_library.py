"""The library on a real Chroma: adding, finding, offsets, locks, damage."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlm_core.embed import Embedder
from dlm_core.segment import split, tidy
from tools import library as library_module
from tools.library import Library
from tools.source import Source, source_id
from tools.stored import LibraryError

PAGES = {
    "tasks": """# Tasks

A task wraps a coroutine and runs it in the event loop. Cancelling a task throws CancelledError into the coroutine at
its next await. It can be caught.

## Timeouts

The wait_for() function cancels its task when the timeout expires and raises TimeoutError. A shield protects a task
from being cancelled by its caller.""",
    "rivers": """# Rivers

A river carries water from high ground to the sea. Most rivers begin at a spring, a lake or a glacier. Dams hold the
water back and make electricity from it.""",
    "mirror": """# The same page elsewhere

A river carries water from high ground to the sea. Most rivers begin at a spring, a lake or a glacier.  Dams hold the
water back and make electricity from it.""",
}


def _source(name: str, text: str | None = None) -> Source:
    url = f"file:///pages/{name}.md"
    return Source(source_id(url), url, name, tidy(text or PAGES[name]), "2026-01-02", "")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(threads=1)


@pytest.fixture
def library(tmp_path: Path, embedder: Embedder) -> Iterator[Library]:
    with Library(tmp_path / "library", embedder) as opened:
        yield opened


def test_source_id_is_stable() -> None:
    assert source_id("https://example.org/") == "src_8198d1bac4"
    assert source_id("https://example.org/") != source_id("https://example.org")


def test_add_gives_evidence_whose_offsets_hold(library: Library) -> None:
    source = _source("tasks")
    ids = library.add(source)
    assert library.source(source.id) == source
    found = library.evidence(ids)
    assert [e.id for e in found] == ids
    assert all(source.text[e.start : e.end] == e.text for e in found)
    assert any(e.standalone for e in found) and any(e.text == "It can be caught." for e in found)
    assert [e.id for e in found] == [e.id for e in split(source.text, source.id)[1]]
    passage = library.passage(found[-1].passage)
    assert found[-1] in library.evidence_of(passage.id)


def test_adding_again_is_nothing_and_a_change_gives_what_is_new(library: Library) -> None:
    source = _source("tasks")
    first = library.add(source)
    assert first and library.add(source) == []
    changed = replace(source, text=source.text + "\n\nA timeout of zero expires at once and cancels the task.")
    new = library.add(changed)
    assert [e.text for e in library.evidence(new)] == ["A timeout of zero expires at once and cancels the task."]
    assert library.source(source.id).text == changed.text
    assert len(library.sources()) == 1 and library.sources()[0].text == ""
    hits = library.search("timeout of zero", 5)
    assert len(hits) == len({p.id for p, _ in hits}) and any("zero expires" in p.text for p, _ in hits)


def test_search_finds_by_meaning_and_by_word(library: Library) -> None:
    for name in ("tasks", "rivers"):
        library.add(_source(name))
    assert library.search("Where does a stream get its flow from?", 1)[0][0].source == _source("rivers").id
    assert "CancelledError" in library.search("CancelledError", 1)[0][0].text
    hits = library.search("How is a task stopped after a timeout?", 10)
    scores = [score for _, score in hits]
    assert scores == sorted(scores, reverse=True) and scores[-1] > 0 and scores[0] == 2 / 61
    assert hits == library.search("How is a task stopped after a timeout?", 10)
    assert library.search("task", 0) == [] and library.search("", 3) != []


def test_search_keeps_to_the_sources_named(library: Library, tmp_path: Path, embedder: Embedder) -> None:
    rivers, tasks, mirror = _source("rivers"), _source("tasks"), _source("mirror")
    library.add(rivers)
    alone = library.search("water of a river and a task", 5, {rivers.id})
    library.add(tasks)
    library.add(mirror)
    assert library.search("water of a river and a task", 5, {rivers.id}) == alone
    assert {p.source for p, _ in library.search("water", 5, {mirror.id})} == {mirror.id}
    assert library.search("water", 5, {"src_0000000000"}) == []
    together = library.search("water of a river", 9)
    assert len([p for p, _ in together if "A river carries" in p.text]) == 1  # folded


class Counting(Embedder):
    asked = 0

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.asked += len(texts)
        return super().__call__(texts)


def test_of_many_passages_only_those_that_share_a_word_are_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(threads=1)
    with Library(tmp_path / "library", counting) as library:
        for name in ("tasks", "rivers"):
            library.add(_source(name))
        assert counting.asked == 0  # adding makes no vectors
        monkeypatch.setattr(library_module, "ALL", 1)
        hits = library.search("glacier", 5)
        assert [p.source for p, _ in hits] == [_source("rivers").id] and counting.asked == 2  # the passage, the query
        monkeypatch.setattr(library_module, "ALL", 600)
        assert library.search("glacier", 5)[0] == hits[0]
        everything = counting.asked
    with Library(tmp_path / "library", counting) as library:  # the vectors of passages are on disk
        library.search("glacier", 5)
        assert counting.asked == everything + 1


def test_vectors_are_kept_on_disk(library: Library, tmp_path: Path, embedder: Embedder) -> None:
    ids = library.add(_source("tasks"))[::-1]
    vectors = library.vectors(ids)
    np.testing.assert_array_equal(vectors, embedder([e.text for e in library.evidence(ids)]))
    assert library.vectors([]).shape == (0, 384)
    library.close()

    counting = Counting(threads=1)
    with Library(library.path, counting) as again:
        np.testing.assert_array_equal(again.vectors(ids), vectors)
        assert counting.asked == 0
        (library.path / "vectors" / f"{_source('tasks').id}.npz").write_bytes(b"broken")
    with Library(library.path, counting) as again:
        np.testing.assert_array_equal(again.vectors(ids), vectors)
        assert counting.asked == len(ids)


def test_a_new_process_finds_the_same(library: Library, embedder: Embedder) -> None:
    for name in PAGES:
        library.add(_source(name))
    here = [(p.id, score) for p, score in library.search("How is a task cancelled?", 4)]
    program = (
        "import json, sys; from pathlib import Path; from dlm_core.embed import Embedder; from tools.library import *\n"
        "with Library(Path(sys.argv[1]), Embedder()) as l:\n"
        "    print(json.dumps([[p.id, s] for p, s in l.search('How is a task cancelled?', 4)]))"
    )
    library.close()
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program, str(library.path)], cwd=root, capture_output=True, text=True, check=True
    )
    assert [tuple(x) for x in json.loads(done.stdout)] == here


def test_a_library_in_use_gets_one_line(library: Library, embedder: Embedder) -> None:
    with pytest.raises(LibraryError, match="is in use by another run") as error:
        Library(library.path, embedder)
    assert "\n" not in str(error.value)
    library.close()
    library.close()
    Library(library.path, embedder).close()


def test_unknown_and_hostile_ids_are_refused(library: Library) -> None:
    library.add(_source("rivers"))
    for bad in ("src_0000000000.e1", "../../etc/passwd.e1", _source("rivers").id + ".e99999", "", "src_x.e1"):
        with pytest.raises(LibraryError) as error:
            library.evidence([bad])
        assert "\n" not in str(error.value)
    with pytest.raises(LibraryError, match="not a source id"):
        library.source("../lock")
    with pytest.raises(LibraryError, match="not a source id"):
        library.add(replace(_source("rivers"), id="../../evil"))


def test_altered_text_is_noticed(library: Library, embedder: Embedder) -> None:
    source = _source("rivers")
    ids = library.add(source)
    library.close()
    (library.path / "sources" / f"{source.id}.txt").write_text("something else")
    with Library(library.path, embedder) as again:
        with pytest.raises(LibraryError, match="was altered"):
            again.evidence(ids)
        assert again.add(source) == ids  # adding it again mends it
        assert again.evidence(ids)[0].text == source.text[2:8]


def test_an_unfinished_add_counts_as_none(library: Library, embedder: Embedder) -> None:
    source = _source("rivers")
    ids = library.add(source)
    library.close()
    (library.path / "sources" / f"{source.id}.json").unlink()  # written last
    with Library(library.path, embedder) as again:
        assert again.sources() == [] and again.search("river", 3) == []
        assert again.add(source) == ids and len(again.search("river", 3)) == 1


def test_a_place_that_cannot_be_written(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LibraryError, match="cannot be written"):
        Library(tmp_path / "file" / "library", embedder)


def test_a_damaged_database_is_one_line(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "library" / "chroma").mkdir(parents=True)
    (tmp_path / "library" / "chroma" / "chroma.sqlite3").write_bytes(b"not a database" * 1000)
    for _ in range(2):  # the lock is given back each time
        with pytest.raises(LibraryError, match="cannot be read") as error:
            Library(tmp_path / "library", embedder)
        assert "\n" not in str(error.value)
