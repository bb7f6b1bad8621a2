"""The library: what was read, on disk, found again by meaning and by words.

One folder holds
    chroma/         passages and their MiniLM vectors (Chroma, embedded)
    sources/ID.txt  stored text, ID.json what is known of the source
    vectors/        sentence vectors asked for so far, one .npz a source
    lock            held while a process has the library open
Passages are ranked by vectors (cosine) and by BM25 (bm25s, rebuilt in memory
for the sources searched), joined by reciprocal-rank fusion (Cormack, Clarke and
Buettcher, SIGIR 2009). Ranks, and BM25's word statistics, come from the sources a
search names and no others: what else the library holds changes nothing. Ties
fall to source and place, so a search has one answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bm25s
import chromadb
import numpy as np
from chromadb.config import Settings
from filelock import FileLock, Timeout

from dlm_core.embed import Embedder
from dlm_core.english import word_set
from dlm_core.segment import Evidence, Passage, split
from tools.source import Source

RRF_K = 60
EXACT = 20_000  # passages up to which cosines are computed, not looked up in Chroma's approximate index
_BATCH = 500  # passages per upsert; Chroma's own limit is about 5,000
_ID = re.compile(r"(src_[0-9a-f]{10})\.[ep]\d+")
_TERM = re.compile(r"[^\W_]+(?:['’][a-z]+)?")
_STOP = word_set("""
    a about an and are as at be by can could did do does for from had has have how if in into is it its may might more
    most of on or should so such than that the their them then there these they this those to was we were what when
    where which who why will with would you your
""")


class LibraryError(RuntimeError):
    """The library cannot be opened or asked; one line that says what to do."""


def _terms(text: str) -> list[str]:
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


def _write(path: Path, data: bytes) -> None:
    """The whole file or none of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class _Index:
    """The passages of some sources, ready to be ranked; row i of each part is ids[i]."""

    ids: list[str]
    matrix: np.ndarray  # (n, 384) float32
    words: bm25s.BM25 | None  # None where no passage has a word


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
        self._split_cache: dict[str, tuple[dict[str, Passage], dict[str, Evidence]]] = {}
        self._sentences: dict[str, dict[str, np.ndarray]] = {}  # source id -> evidence id -> vector
        self._index_of: tuple[frozenset[str], _Index] | None = None

    # --- sources ----------------------------------------------------------------

    def _file(self, source_id: str, suffix: str) -> Path:
        # ids come from checkpoints and canvases on disk: never let one become another path
        if not re.fullmatch(r"src_[0-9a-f]{10}", source_id):
            raise LibraryError(f"{source_id!r} is not a source id")
        return self.path / "sources" / (source_id + suffix)

    def add(self, source: Source) -> list[str]:
        """Splits, embeds and keeps a source; ids of the evidence that is new.

        Adding an unchanged source again does nothing and gives []. A changed
        text replaces the old one.
        """
        known: set[str] = set()
        old = self._intact(source.id)
        if old is not None:
            if old.text == source.text:
                if (old.url, old.title, old.date) != (source.url, source.title, source.date):
                    self._keep_meta(source)
                return []
            sentences = self._split(source.id)[1]
            # same place and same words: not new
            known = {i for i, e in sentences.items() if source.text[e.start : e.end] == e.text}
        self._forget(source.id)
        passages, evidence = split(source.text, source.id)
        self._store(passages, source)
        _write(self._file(source.id, ".txt"), source.text.encode())
        self._keep_meta(source)  # last: a source counts once everything else is there
        self._split_cache[source.id] = ({p.id: p for p in passages}, {e.id: e for e in evidence})
        self._index_of = None
        return [e.id for e in evidence if e.id not in known]

    def _store(self, passages: list[Passage], source: Source) -> None:
        for i in range(0, len(passages), _BATCH):
            part = passages[i : i + _BATCH]
            documents = [self._titled(p, source.title) for p in part]
            self._passages.upsert(
                ids=[p.id for p in part],
                embeddings=list(self._embedder(documents)),
                documents=documents,
                metadatas=[{"source": source.id, "fold": _fold(p.text), "start": p.start} for p in part],
            )

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
        meta = {k: v for k, v in asdict(source).items() if k != "text"}
        meta["sha256"] = hashlib.sha256(source.text.encode()).hexdigest()
        _write(self._file(source.id, ".json"), json.dumps(meta, ensure_ascii=False, sort_keys=True).encode())

    def source(self, source_id: str) -> Source:
        """A source with its stored text. LibraryError if it is not here or was altered."""
        try:
            meta = json.loads(self._file(source_id, ".json").read_bytes())
            text = self._file(source_id, ".txt").read_bytes().decode()
            fields = {k: str(meta[k]) for k in ("id", "url", "title", "accessed", "date")}
        except FileNotFoundError:
            raise LibraryError(f"the library {self.path} has no source {source_id}") from None
        except (ValueError, KeyError, TypeError, OSError):
            raise LibraryError(f"source {source_id} in the library {self.path} cannot be read: add it again") from None
        if hashlib.sha256(text.encode()).hexdigest() != meta.get("sha256"):
            raise LibraryError(f"the text of source {source_id} in the library {self.path} was altered: add it again")
        return Source(text=text, **fields)

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
        out = []
        for file in sorted((self.path / "sources").glob("src_*.json")):
            try:
                meta = json.loads(file.read_bytes())
                out.append(Source(text="", **{k: str(meta[k]) for k in ("id", "url", "title", "accessed", "date")}))
            except (ValueError, KeyError, TypeError, OSError):
                continue  # half a file of a crash elsewhere: as if never added
        return out

    # --- evidence ---------------------------------------------------------------

    def _split(self, source_id: str) -> tuple[dict[str, Passage], dict[str, Evidence]]:
        if source_id not in self._split_cache:
            passages, evidence = split(self.source(source_id).text, source_id)
            self._split_cache[source_id] = ({p.id: p for p in passages}, {e.id: e for e in evidence})
        return self._split_cache[source_id]

    def evidence(self, ids: Iterable[str]) -> list[Evidence]:
        """Evidence by id, in the order asked. LibraryError for an id that is not here."""
        out = []
        for i in ids:
            match = _ID.fullmatch(i)
            found = self._split(match.group(1))[1].get(i) if match else None
            if found is None:
                raise LibraryError(f"the library {self.path} has no evidence {i}")
            out.append(found)
        return out

    def passage(self, passage_id: str) -> Passage:
        """A passage by id. LibraryError if it is not here."""
        match = _ID.fullmatch(passage_id)
        found = self._split(match.group(1))[0].get(passage_id) if match else None
        if found is None:
            raise LibraryError(f"the library {self.path} has no passage {passage_id}")
        return found

    def evidence_of(self, passage_id: str) -> list[Evidence]:
        """The evidence of one passage, in reading order."""
        passage = self.passage(passage_id)
        return [e for e in self._split(passage.source)[1].values() if e.passage == passage_id]

    def vectors(self, ids: Iterable[str]) -> np.ndarray:
        """Unit vectors (n, 384) float32 of evidence sentences, in the order asked.

        Embedding is slow, so a sentence is embedded when it is first asked for
        and its vector kept on disk.
        """
        items = self.evidence(ids)
        missing = {e.id: e for e in items if e.id not in self._known_vectors(e.source)}
        if missing:
            made = self._embedder([e.text for e in missing.values()])
            for e, vector in zip(missing.values(), made, strict=True):
                self._sentences[e.source][e.id] = vector
            for source_id in sorted({e.source for e in missing.values()}):
                self._save_vectors(source_id)
        if not items:
            return np.zeros((0, self._embedder.dim), dtype=np.float32)
        return np.stack([self._sentences[e.source][e.id] for e in items])

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
        """Vectors and BM25 of the passages of some sources (None: all), in one fixed order."""
        listed = {s.id for s in self.sources()}
        key = frozenset(listed if sources is None else listed & sources)
        if self._index_of is not None and self._index_of[0] == key:
            return self._index_of[1]
        ids: list[str] = []
        documents: list[str] = []
        vectors: list[np.ndarray] = []
        seen: set[str] = set()
        for source_id in sorted(key):
            found = self._passages.get(where={"source": source_id}, include=["documents", "metadatas", "embeddings"])
            metas, texts, rows = found["metadatas"] or [], found["documents"] or [], found["embeddings"]
            starts = [int(str(m["start"])) for m in metas]
            for i in sorted(range(len(metas)), key=starts.__getitem__):
                fold = str(metas[i]["fold"])
                if fold in seen or rows is None:
                    continue  # the same words under another address
                seen.add(fold)
                ids.append(found["ids"][i])
                documents.append(texts[i])
                vectors.append(np.asarray(rows[i], dtype=np.float32))
        terms = [_terms(d) for d in documents]
        words = None
        if any(terms):
            words = bm25s.BM25(method="lucene")
            words.index(terms, show_progress=False)
        matrix = np.stack(vectors) if vectors else np.zeros((0, self._embedder.dim), np.float32)
        index = _Index(ids, matrix, words)
        self._index_of = (key, index)
        return index

    def search(self, query: str, limit: int, sources: set[str] | None = None) -> list[tuple[Passage, float]]:
        """At most `limit` (passage, score), best first; only from `sources` if given.

        The score is the sum of 1 / (60 + rank) over the two rankings, at most
        2/61. Of passages with the same words one is given.
        """
        index = self._prepare(sources)
        if not index.ids or limit <= 0:
            return []
        count = max(4 * limit, 50)
        scores: dict[int, float] = {}
        for ranking in (self._nearest(query, index, count), self._by_words(query, index, count)):
            for rank, i in enumerate(ranking, 1):
                scores[i] = scores.get(i, 0.0) + 1 / (RRF_K + rank)
        best = sorted(scores, key=lambda i: (-scores[i], i))[:limit]
        return [(self.passage(index.ids[i]), scores[i]) for i in best]

    def _nearest(self, query: str, index: _Index, count: int) -> list[int]:
        """Rows by cosine with the query, best first."""
        vector = self._embedder([query])[0]
        if len(index.ids) <= EXACT:
            similarity = np.round(index.matrix @ vector, 6)  # rounding, so that ties are ties
            return [int(i) for i in np.lexsort((np.arange(len(similarity)), -similarity))[:count]]
        place = {p: i for i, p in enumerate(index.ids)}
        where: Any = {"source": {"$in": sorted({p.rsplit(".", 1)[0] for p in index.ids})}}
        found = self._passages.query(query_embeddings=[vector], n_results=count, where=where, include=["distances"])
        ranked = zip((found["distances"] or [[]])[0], found["ids"][0], strict=True)
        return [place[p] for _, p in sorted((round(d, 6), p) for d, p in ranked) if p in place]

    @staticmethod
    def _by_words(query: str, index: _Index, count: int) -> list[int]:
        """Rows by BM25, best first, only those that share a word with the query."""
        if index.words is None:
            return []
        terms = [t for t in dict.fromkeys(_terms(query)) if t in index.words.vocab_dict]
        if not terms:
            return []
        scores = np.round(index.words.get_scores(terms), 5)
        rows = [int(i) for i in np.flatnonzero(scores > 0)]
        return sorted(rows, key=lambda i: (-scores[i], i))[:count]

    def close(self) -> None:
        """Gives the lock back; the library cannot be used after that. Twice is fine."""
        if self._open:
            self._open = False
            self._lock.release()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
