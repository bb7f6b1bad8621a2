"""A folder or a file of the user's as a source of pages."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from tools.charset import decode
from tools.extract import MAX_INPUT, MAX_PDF, SUFFIXES, Extracted, Extractor
from tools.query import keywords, stem
from tools.source import Hit, Skipped, Source, SourceError, source_id

MAX_FILES = 5000
SNIPPET = 200  # characters
BLOCK = 120  # words of a block that is ranked
BLOCKS = (1.0, 0.5, 0.25)  # weights of a file's best blocks
TITLE = 3  # the title is a block of its own, its words so many times


class LocalFiles:
    """Files below a folder, or one file: .md .txt .html .htm .pdf. Each is one source with a file:/// URL.

    Hidden files and folders, and links that lead out of the folder, are ignored. Files are read once, at the first
    search or fetch that needs them; `skipped` then lists those that could not be read, with the reason.
    Raises SourceError if the path is missing or holds no file of these kinds.
    """

    def __init__(self, path: Path, extractor: Extractor) -> None:
        self.name = str(path)
        self.skipped: list[Skipped] = []
        self._extractor = extractor
        self._read: dict[str, Source | Skipped] = {}
        self._index: tuple[list[Source], list[int], object] | None = None
        root = Path(path).expanduser()
        if not root.exists():
            raise SourceError(f"{path}: no such file or folder")
        files, more = _files(root)
        if not files:
            kinds = " ".join(sorted(SUFFIXES))
            what = "the folder holds no file" if root.is_dir() else "not a kind of file"
            raise SourceError(f"{path}: {what} that can be read ({kinds})")
        if more:
            self.skipped.append(Skipped(root.resolve().as_uri(), f"only the first {MAX_FILES} files are read"))
        self._files = {file.as_uri(): file for file in files}

    def search(self, query: str, limit: int) -> list[Hit]:
        """Files ranked by their best blocks of text (BM25), so that a long file is not judged by what else it says
        and a passing mention in a short one does not win. Ties and files without a match are in path order, last."""
        sources, owner, index = self._ranked()
        if not sources or limit <= 0:
            return []
        words = _tokens(" ".join(keywords(query, 64)))
        scores = index.get_scores(words) if words else [0.0] * len(owner)  # type: ignore[attr-defined]
        blocks: list[list[float]] = [[] for _ in sources]
        for source, score in zip(owner, scores, strict=True):
            blocks[source].append(float(score))
        rated = [sum(w * s for w, s in zip(BLOCKS, sorted(b, reverse=True), strict=False)) for b in blocks]
        order = sorted(range(len(sources)), key=lambda i: (-round(rated[i], 6), sources[i].url))
        if words and rated[order[0]] > 0:
            order = [i for i in order if rated[i] > 0]
        best = [sources[i] for i in order[:limit]]
        return [Hit(source.url, source.title, _snippet(source.text), self.name) for source in best]

    def fetch(self, hit: Hit) -> Source | Skipped:
        if hit.url not in self._files:
            return Skipped(hit.url, "not one of this folder's files")
        return self._open(hit.url)

    def _open(self, url: str) -> Source | Skipped:
        if url not in self._read:
            result = self._load(url, self._files[url])
            self._read[url] = result
            if isinstance(result, Skipped):
                self.skipped.append(result)
        return self._read[url]

    def _load(self, url: str, file: Path) -> Source | Skipped:
        kind = SUFFIXES[file.suffix.lower()]
        limit = MAX_PDF if kind == "pdf" else MAX_INPUT
        try:
            with file.open("rb") as stream:
                data = stream.read(limit + 1)
        except OSError as error:
            return Skipped(url, f"cannot be opened ({error.strerror})")
        if len(data) > limit:
            return Skipped(url, f"larger than {limit / 1e6:g} MB")
        if not data.strip():
            return Skipped(url, "the file is empty")
        if kind != "pdf" and b"\x00" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return Skipped(url, "not a text file")
        found = self._extractor.read(kind, data if kind == "pdf" else decode(data), url)
        if isinstance(found, Skipped):
            return found
        return _source(url, found, file.stem)

    def _ranked(self) -> tuple[list[Source], list[int], object]:
        """All readable files, the file each block of the index belongs to, and the index."""
        if self._index is None:
            opened = [self._open(url) for url in self._files]
            sources = [source for source in opened if isinstance(source, Source)]
            owner, corpus = [], []
            for n, source in enumerate(sources):
                title = _tokens(source.title)
                corpus.append(title * TITLE)
                owner.append(n)
                for block in _blocks(source.text):
                    corpus.append(title + _tokens(block))
                    owner.append(n)
            self._index = sources, owner, _bm25(corpus)
        return self._index


def _source(url: str, found: Extracted, fallback: str) -> Source:
    today = datetime.date.today().isoformat()
    return Source(source_id(url), url, found.title or fallback, found.text, today, found.date)


def _files(root: Path) -> tuple[list[Path], bool]:
    """Readable kinds of file below the root, in path order; True if there were more than MAX_FILES."""
    if root.is_file():
        return ([root.resolve()] if root.suffix.lower() in SUFFIXES else []), False
    base = root.resolve()
    seen: set[Path] = {base}
    found: set[Path] = set()
    for folder, folders, names in os.walk(base, followlinks=True):
        here = []
        for name in sorted(folders):
            target = (Path(folder) / name).resolve()
            # A linked folder is walked once, and only if it lies inside: no way out, no circle.
            if not name.startswith(".") and target.is_relative_to(base) and target not in seen:
                seen.add(target)
                here.append(name)
        folders[:] = here
        for name in names:
            target = (Path(folder) / name).resolve()
            if name.startswith(".") or target.suffix.lower() not in SUFFIXES:
                continue
            if target.is_file() and target.is_relative_to(base):
                found.add(target)
    files = sorted(found)
    return files[:MAX_FILES], len(files) > MAX_FILES


def _tokens(text: str) -> list[str]:
    """Stems of lower-case words, so that "timeouts" finds "timeout" and "measured" "measuring"."""
    return [stem(word) for word in "".join(c.lower() if c.isalnum() or c == "_" else " " for c in text).split()]


def _blocks(text: str) -> list[str]:
    """The stored text in pieces of about BLOCK words, cut between its blocks."""
    out: list[str] = []
    held: list[str] = []
    size = 0
    for block in text.split("\n\n"):
        held.append(block)
        size += len(block.split())
        if size >= BLOCK:
            out.append("\n".join(held))
            held, size = [], 0
    return [*out, "\n".join(held)] if held else out


def _bm25(corpus: list[list[str]]) -> object:
    import bm25s

    index = bm25s.BM25()
    if corpus:
        index.index(corpus, show_progress=False)
    return index


def _snippet(text: str) -> str:
    """The first prose of a stored text."""
    for block in text.split("\n\n"):
        if not block.startswith(("#", "```", "| ", "- ")):
            return block[:SNIPPET]
    return ""
