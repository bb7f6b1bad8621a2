"""The library: what was read, on disk, found again by meaning and by words.

One folder holds
    chroma/         MiniLM vectors of passages (Chroma, embedded)
    sources/ID.txt  stored text, ID.json what is known of the source
    vectors/        sentence vectors asked for so far, one .npz a source
    lock            held while a process has the library open
Passages are ranked by vectors (cosine) and by BM25 (bm25s, rebuilt in memory
for the sources searched) together: cosine plus BM25 on a scale that saturates,
b / (b + HALF), so that no number of shared words outweighs meaning (a convex
combination after Bruch, Gai and Ingber, arXiv 2210.11934, there ahead of the
fusion of ranks as it is here: docs/model.md). Vectors are slow to make, so a passage gets its own when a
search first asks for it; of more than ALL passages, those that BM25 brings up are
asked for. Scores, and BM25's word statistics, come from the sources a
search names and no others: what else the library holds changes nothing. Ties
fall to source and place, so a search has one answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import bm25s
import chromadb
import numpy as np
from chromadb.config import Settings
from filelock import FileLock, Timeout

from dlm_core.embed import Embedder
from dlm_core.english import word_set
from dlm_core.segment import Evidence, Passage, captions, instruction, split
from tools.source import Source
from tools.stored import LibraryError, listed, source_file, stored, written

WORDS, HALF = 0.5, 10.0  # what sharing words is worth beside a cosine, and the BM25 score that is worth half of it
PLACE = 60  # the score of a place n is 2 / (PLACE + n): what comes from several searches adds up, a little less each
ALL = 600  # passages up to which a search looks at the vector of each; beyond, BM25 says which
DEEP = 100  # passages that BM25 says, at least
_BATCH = 500  # passages per upsert and look-up; Chroma's own limit is about 5,000
_ID = re.compile(r"(src_[0-9a-f]{10})\.[ep]\d+")
_TERM = re.compile(r"[^\W_]+(?:['’][a-z]+)?")
_STOP = word_set("""
    a about an and are as at be by can could did do does for from had has have how if in into is it its may might more
    most of on or should so such than that the their them then there these they this those to was we were what when
    where which who why will with would you your
""")


def terms(text: str) -> list[str]:
    """Lower-case words of a text without stop words, plural s off; parts of code names count too."""
    words = []
    for word in _TERM.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", text)):
        low = word.lower().replace("’", "'").removesuffix("'s")
        if low in _STOP:
            continue
        words.append(low[:-1] if len(low) > 3 and low.endswith("s") and not low.endswith(("ss", "us", "is")) else low)
    return words


def _fold(text: str) -> str:
    """The same key for passages that differ only in case, spacing and punctuation."""
    return hashlib.sha256(" ".join(re.findall(r"\w+", text.casefold())).encode()).hexdigest()


def _batches(names: list[str]) -> list[list[str]]:
    return [names[i : i + _BATCH] for i in range(0, len(names), _BATCH)]


@dataclass(frozen=True)
class _Index:
    """The passages of some sources, ready to be ranked; row i of each part is ids[i]."""

    ids: list[str]
    vectors: dict[int, np.ndarray]  # by row, of those that were asked for
    words: bm25s.BM25 | None  # None where no passage has a word


@dataclass(frozen=True)
class _Split:
    """Passages and evidence of one source by id; captions: evidence that is offered only together with its figure."""

    passages: dict[str, Passage]
    evidence: dict[str, Evidence]
    captions: dict[str, Evidence]

    @cached_property
    def by_passage(self) -> dict[str, list[Evidence]]:
        out: dict[str, list[Evidence]] = {}
        for e in self.evidence.values():
            out.setdefault(e.passage, []).append(e)
        return out


def _split_of(source: Source, passages: list[Passage], evidence: list[Evidence]) -> _Split:
    places = [(f.start, f.end) for f in source.figures if 0 <= f.start < f.end <= len(source.text)]
    marked, further = captions(source.text, passages, evidence, places) if places else ([], [])
    held = {e.id: e for e in evidence} | {e.id: e for e in marked}
    return _Split({p.id: p for p in passages}, held, {e.id: e for e in further})


class Library:
    """Sources, passages and evidence under one folder, for one process at a time."""

    def __init__(self, path: Path, embedder: Embedder) -> None:
        """Opens or makes the library. LibraryError if it is in use, unwritable or damaged."""
        self.path = Path(path)
        self._embedder = embedder
        try:
            for part in ("chroma", "sources", "vectors"):
                (self.path / part).mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(str(self.path / "lock"), timeout=0)
            self._lock.acquire()
            for left in self.path.glob("*/.tmp-*"):  # of a process that was killed while it wrote
                left.unlink(missing_ok=True)
        except Timeout:
            raise LibraryError(
                f"the library {self.path} is in use by another run: wait for it or name another with --library"
            ) from None
        except OSError as error:
            raise LibraryError(f"the library {self.path} cannot be written: {error.strerror or error}") from None
        self._open = True
        try:
            settings = Settings(anonymized_telemetry=False)
            self._client = chromadb.PersistentClient(str(self.path / "chroma"), settings=settings)
            self._passages = self._client.get_or_create_collection(
                "passages", metadata={"hnsw:space": "cosine", "embedder": embedder.name}, embedding_function=None
            )
            made_by = (self._passages.metadata or {}).get("embedder")
        except Exception as error:  # Chroma raises what its Rust core gives it
            self._lock.release()
            raise LibraryError(
                f"the library {self.path} cannot be read ({str(error).splitlines()[0]}): remove it or name another"
            ) from None
        if made_by != embedder.name:
            self._lock.release()
            raise LibraryError(f"the library {self.path} was made with {made_by}, not {embedder.name}: name another")
        self._split_cache: dict[str, _Split] = {}
        self._sentences: dict[str, dict[str, np.ndarray]] = {}  # source id -> evidence id -> vector
        self._index_of: tuple[frozenset[str], _Index] | None = None

    # --- sources ----------------------------------------------------------------

    def _file(self, source_id: str, suffix: str) -> Path:
        return source_file(self.path, source_id, suffix)

    def add(self, source: Source) -> list[str]:
        """Splits and keeps a source; ids of the evidence that is new.

        Adding an unchanged source again does nothing and gives []. A changed
        text replaces the old one.
        """
        known: set[str] = set()
        old = self._intact(source.id)
        if old is not None:
            if old.text == source.text:
                told = [(s.url, s.title, s.date, s.figures) for s in (old, source)]
                if told[0] != told[1]:
                    self._keep_meta(source)
                    self._split_cache.pop(source.id, None)
                return []
            sentences = self._split(source.id).evidence
            # same place and same words: not new
            known = {i for i, e in sentences.items() if source.text[e.start : e.end] == e.text}
        self._forget(source.id)
        passages, evidence = split(source.text, source.id)
        written(self._file(source.id, ".txt"), source.text.encode())
        self._keep_meta(source)  # last: a source counts once everything else is there
        self._split_cache[source.id] = _split_of(source, passages, evidence)
        self._index_of = None
        return [e.id for e in evidence if e.id not in known]

    @staticmethod
    def _titled(passage: Passage, title: str) -> str:
        """What is embedded: title and heading tell what "the module" in a passage is."""
        head = ". ".join(dict.fromkeys(x for x in (title, passage.heading) if x))
        return f"{head}. {passage.text}" if head else passage.text

    def _forget(self, source_id: str) -> None:
        self._passages.delete(where={"source": source_id})
        self._split_cache.pop(source_id, None)
        self._sentences.pop(source_id, None)
        (self.path / "vectors" / f"{source_id}.npz").unlink(missing_ok=True)
        self._file(source_id, ".json").unlink(missing_ok=True)

    def _keep_meta(self, source: Source) -> None:
        meta = {k: v for k, v in asdict(source).items() if k != "text" and (k != "figures" or v)}
        meta["sha256"] = hashlib.sha256(source.text.encode()).hexdigest()
        written(self._file(source.id, ".json"), json.dumps(meta, ensure_ascii=False, sort_keys=True).encode())

    def source(self, source_id: str) -> Source:
        """A source with its stored text. LibraryError if it is not here or was altered."""
        return stored(self.path, source_id)

    def _intact(self, source_id: str) -> Source | None:
        """A source that is wholly there; None where it never was, or was half written or altered since."""
        if not self._file(source_id, ".json").is_file():
            return None
        try:
            return self.source(source_id)
        except LibraryError:
            return None

    def sources(self) -> list[Source]:
        """Every source without its text (`text` is ""), by id."""
        return listed(self.path)

    # --- evidence ---------------------------------------------------------------

    def _split(self, source_id: str) -> _Split:
        if source_id not in self._split_cache:
            source = self.source(source_id)
            self._split_cache[source_id] = _split_of(source, *split(source.text, source_id))
        return self._split_cache[source_id]

    def evidence(self, ids: Iterable[str]) -> list[Evidence]:
        """Evidence by id, in the order asked. LibraryError for an id that is not here."""
        out = []
        for i in ids:
            match = _ID.fullmatch(i)
            held = self._split(match.group(1)) if match else None
            found = (held.evidence.get(i) or held.captions.get(i)) if held else None
            if found is None:
                raise LibraryError(f"the library {self.path} has no evidence {i}")
            out.append(found)
        return out

    def passage(self, passage_id: str) -> Passage:
        """A passage by id. LibraryError if it is not here."""
        match = _ID.fullmatch(passage_id)
        found = self._split(match.group(1)).passages.get(passage_id) if match else None
        if found is None:
            raise LibraryError(f"the library {self.path} has no passage {passage_id}")
        return found

    def evidence_of(self, passage_id: str, captions: bool = False) -> list[Evidence]:
        """The evidence of one passage, in reading order. captions: with what only the captions of figures give, once
        their labels and credits are off."""
        held = self._split(self.passage(passage_id).source)
        more = [e for e in held.captions.values() if e.passage == passage_id] if captions else []
        return sorted([*held.by_passage.get(passage_id, ()), *more], key=lambda e: e.start)

    def captioned(self, source_id: str) -> list[Evidence]:
        """The evidence of a source that stands in captions of its figures, in reading order."""
        held = self._split(source_id)
        found = [*(e for e in held.evidence.values() if e.caption), *held.captions.values()]
        return sorted(found, key=lambda e: e.start)

    def vectors(self, ids: Iterable[str]) -> np.ndarray:
        """Unit vectors (n, 384) float32 of evidence sentences, in the order asked.

        Embedding is slow, so a sentence is embedded when it is first asked for
        and its vector kept on disk.
        """
        items = self.evidence(ids)
        missing = {e.id: e for e in items if e.id not in self._known_vectors(e.source)}
        if missing:
            made = self._embedder(self._told(missing.values()))
            for e, vector in zip(missing.values(), made, strict=True):
                self._sentences[e.source][e.id] = vector
            for source_id in sorted({e.source for e in missing.values()}):
                self._save_vectors(source_id)
        if not items:
            return np.zeros((0, self._embedder.dim), dtype=np.float32)
        return np.stack([self._sentences[e.source][e.id] for e in items])

    def _told(self, items: Iterable[Evidence]) -> list[str]:
        """What sentences are embedded as. An instruction says where it stands what it is about, and nowhere else:
        "Use a work factor of 10 or more." is about passwords."""
        parts = [(e, instruction(e)) for e in items]
        titles = {s.id: s.title for s in self.sources()} if any(told for _, told in parts) else {}
        return [
            ". ".join(dict.fromkeys((titles[e.source], e.heading, e.said))) if told else e.said for e, told in parts
        ]

    def _known_vectors(self, source_id: str) -> dict[str, np.ndarray]:
        if source_id not in self._sentences:
            self._sentences[source_id] = {}
            file = self.path / "vectors" / f"{source_id}.npz"
            if file.is_file():
                try:
                    with np.load(file, allow_pickle=False) as data:
                        names, rows, maker = data["ids"], data["vectors"], str(data["embedder"])
                    shape = (len(names), self._embedder.dim)
                    if maker == self._embedder.name and rows.shape == shape and rows.dtype == np.float32:
                        self._sentences[source_id] = dict(zip(map(str, names), rows, strict=True))
                except (OSError, ValueError, KeyError, EOFError):
                    pass  # a cache only: made again
        return self._sentences[source_id]

    def _save_vectors(self, source_id: str) -> None:
        known = self._sentences[source_id]
        file = self.path / "vectors" / f"{source_id}.npz"
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".tmp-", suffix=".npz")
        with os.fdopen(handle, "wb") as out:
            rows = np.stack(list(known.values()))
            np.savez(out, ids=np.array(list(known)), vectors=rows, embedder=np.array(self._embedder.name))
        os.replace(name, file)

    # --- search -----------------------------------------------------------------

    def _prepare(self, sources: set[str] | None) -> _Index:
        """The passages of some sources (None: all) and their BM25, in the order of titles and addresses: where a folder
        lies decides on the ids of its files, and must not decide on what is found."""
        listed = {s.id: s.title for s in sorted(self.sources(), key=lambda s: (s.title, s.url))}
        key = frozenset(listed if sources is None else listed.keys() & sources)
        if self._index_of is not None and self._index_of[0] == key:
            return self._index_of[1]
        ids: list[str] = []
        documents: list[str] = []
        seen: set[str] = set()
        for source_id in (s for s in listed if s in key):
            for passage in self._split(source_id).passages.values():
                fold = _fold(passage.text)
                if fold not in seen:  # else the same words under another address
                    seen.add(fold)
                    ids.append(passage.id)
                    documents.append(self._titled(passage, listed[source_id]))
        bags = [terms(d) for d in documents]
        words = None
        if any(bags):
            words = bm25s.BM25(method="lucene")
            words.index(bags, show_progress=False)
        index = _Index(ids, {}, words)
        self._index_of = (key, index)
        return index

    def search(self, query: str, limit: int, sources: set[str] | None = None) -> list[tuple[Passage, float]]:
        """At most `limit` (passage, score), best first; only from `sources` if given.

        The score tells the place: 2 / 61 for the first, 2 / 62 for the second.
        Of passages with the same words one is given.
        """
        index = self._prepare(sources)
        if not index.ids or limit <= 0:
            return []
        named = self._by_words(query, index)
        rows: Sequence[int] = range(len(index.ids))
        if len(rows) > ALL:
            rows = sorted(named, key=lambda i: (-named[i], i))[: max(4 * limit, DEEP)]
        near = self._nearest(query, index, rows)
        score = {i: near[i] + WORDS * (b := named.get(i, 0.0)) / (b + HALF) for i in rows}
        best = sorted(rows, key=lambda i: (-round(score[i], 6), i))[:limit]
        return [(self.passage(index.ids[i]), 2 / (PLACE + n)) for n, i in enumerate(best, 1)]

    def _nearest(self, query: str, index: _Index, rows: Sequence[int]) -> dict[int, float]:
        """The cosine of some rows with the query."""
        if not rows:
            return {}
        self._look_up(index, [i for i in rows if i not in index.vectors])
        matrix = np.stack([index.vectors[i] for i in rows])
        return dict(zip(rows, (matrix @ self._embedder([query])[0]).tolist(), strict=True))

    def _look_up(self, index: _Index, rows: Sequence[int]) -> None:
        """Put the vectors of some rows into the index: from Chroma, or made and kept there."""
        place = {index.ids[i]: i for i in rows}
        for part in _batches(list(place)):
            found = self._passages.get(ids=part, include=["embeddings"])
            vectors = found["embeddings"]
            for name, vector in zip(found["ids"], vectors if vectors is not None else (), strict=True):
                index.vectors[place[name]] = np.asarray(vector, dtype=np.float32)
        titles = {s.id: s.title for s in self.sources()} if place else {}
        for part in _batches([name for name, i in place.items() if i not in index.vectors]):
            passages = [self.passage(name) for name in part]
            made = self._embedder([self._titled(p, titles[p.source]) for p in passages])
            self._passages.upsert(ids=part, embeddings=list(made), metadatas=[{"source": p.source} for p in passages])
            index.vectors.update(zip((place[name] for name in part), made, strict=True))

    @staticmethod
    def _by_words(query: str, index: _Index) -> dict[int, float]:
        """BM25 of the rows that share a word with the query."""
        if index.words is None:
            return {}
        asked = [t for t in dict.fromkeys(terms(query)) if t in index.words.vocab_dict]
        if not asked:
            return {}
        scores = np.round(index.words.get_scores(asked), 5)
        return {int(i): float(scores[i]) for i in np.flatnonzero(scores > 0)}

    def close(self) -> None:
        """Gives the lock back; the library cannot be used after that. Twice is fine."""
        if self._open:
            self._open = False
            self._lock.release()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
