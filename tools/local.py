"""A folder or a file of the user's as a source of pages."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import unquote, urlsplit

from tools.blocks import Blocks, passage_on
from tools.charset import decode
from tools.extract import MAX_PDF, MAX_PICTURE, MAX_TEXT, SUFFIXES, Broken, Extracted, Extractor
from tools.figures import resolved
from tools.readings import Readings, Stamp, readings_file
from tools.source import Figure, Hit, Picture, Skipped, Source, SourceError, source_id

MAX_FILES = 20_000
MAX_RANKED = 200_000_000  # characters of a folder's text that are ranked: about 16,000 pages
_REPORT = re.compile(r'\{\s*"schema": 1,\s*"question": "')  # how a report.json begins
SNIPPET = 200  # characters
WORKERS = 4  # processes that read a folder, at most and where there are as many cores
FEW = 40  # files for each of them to read
TOLD = 2.0  # seconds between two words on how far the reading is
NAMED = 20  # skipped files named one by one


class LocalFiles:
    """Files below a folder, or one file: .md .txt .html .htm .pdf. Each is one source with a file:/// URL.

    Hidden files and folders, and links that lead out of the folder, are ignored. Files are read once, at the first
    search or fetch that needs them, and not again by a later run while they stay the same (tools/readings.py);
    `skipped` lists those that could not be read, with the reason. `watch` is called while a folder is read, every
    TOLD seconds, with how many of how many files are done; where it gives True, no more are read.
    Raises SourceError if the path is missing or holds no file of these kinds.
    """

    def __init__(self, path: Path, extractor: Extractor, *, keep: bool = False) -> None:
        """keep: whether what files were read as is kept on disk for later runs."""
        self.name = str(path)
        self.watch: Callable[[int, int], bool] | None = None
        self._extractor = extractor
        self._keep = keep
        self._readings: Readings | None = None
        self._troubles: dict[Skipped, None] = {}  # in the order they were met
        self._index: tuple[list[Hit], Blocks] | None = None
        root = Path(path).expanduser()
        if not root.exists():
            raise SourceError(f"{path}: no such file or folder")
        files, troubles = _files(root)
        if not files:
            kinds = " ".join(sorted(SUFFIXES))
            what = "the folder holds no file" if root.is_dir() else "not a kind of file"
            raise SourceError(f"{path}: {what} that can be read ({kinds})")
        self._files = {file.as_uri(): file for file in files[:MAX_FILES]}
        whole = root.resolve()
        self._root = whole if whole.is_dir() else whole.parent
        for trouble in troubles:
            self._skip(trouble)
        if len(files) > MAX_FILES:
            self._skip(Skipped(whole.as_uri(), f"only the first {MAX_FILES} of its {len(files)} files are read"))

    @property
    def skipped(self) -> list[Skipped]:
        """What could not be read: NAMED one by one, the rest as a number for each reason."""
        every = list(self._troubles)
        rest = Counter(trouble.reason for trouble in every[NAMED:])
        more = [Skipped(self._root.as_uri(), f"{count} more of its files: {reason}") for reason, count in rest.items()]
        return every[:NAMED] + more

    def _skip(self, trouble: Skipped) -> None:
        self._troubles.setdefault(trouble)

    def search(self, query: str, limit: int) -> list[Hit]:
        """Files ranked by their best blocks of text (tools/blocks.py), so that a long file is not judged by what else
        it says and a passing mention in a short one does not win. Ties and files without a match are in the order of
        their addresses, last. The snippet is what a file says of the query."""
        hits, blocks = self._ranked()
        if not hits or limit <= 0:
            return []
        rated = blocks.rated(query)
        order = sorted(range(len(hits)), key=lambda i: (-rated[i], hits[i].url))
        if rated[order[0]] > 0:
            order = [i for i in order if rated[i] > 0]
        return [replace(hits[i], snippet=self._about(hits[i], query)) for i in order[:limit]]

    def _about(self, hit: Hit, query: str) -> str:
        found = self._open(hit.url, self._extractor)
        return hit.snippet if isinstance(found, Skipped) else passage_on(query, found.text) or hit.snippet

    def fetch(self, hit: Hit) -> Source | Skipped:
        if hit.url not in self._files:
            return Skipped(hit.url, "not one of this folder's files")
        found = self._open(hit.url, self._extractor)
        if isinstance(found, Skipped):
            self._skip(found)
        return found

    def picture(self, source: Source, figure: Figure) -> Picture | Skipped | None:
        """The bytes of a figure of one of these files; None for other sources' figures. What lies outside the folder
        is not read, and nothing is asked of a network: a folder was named, no site."""
        if source.url not in self._files:
            return None
        parts = urlsplit(figure.url)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            return Skipped(figure.url, "a picture on the web, which a file's is not asked for")
        try:
            file = Path(unquote(parts.path)).resolve()
            if not file.is_relative_to(self._root) or not file.is_file():
                return Skipped(figure.url, "no picture in this folder")
            if any(part.startswith(".") for part in file.relative_to(self._root).parts):
                return Skipped(figure.url, "a hidden file")
            with file.open("rb") as stream:
                data = stream.read(MAX_PICTURE + 1)
        except (OSError, ValueError):
            return Skipped(figure.url, "cannot be opened")
        return Picture(data)

    # --- reading -------------------------------------------------------------------

    @property
    def _held(self) -> Readings:
        if self._readings is None:
            self._readings = Readings(readings_file() if self._keep else None)
        return self._readings

    def _open(self, url: str, extractor: Extractor) -> Source | Skipped:
        """A file as it is now; not read again where it is as it was."""
        found = self._found(url, self._files[url], extractor)
        return Skipped(url, found) if isinstance(found, str) else _source(url, found, self._files[url].stem)

    def _found(self, url: str, file: Path, extractor: Extractor) -> Extracted | str:
        """The text of a file, or in a few words why there is none."""
        kind = SUFFIXES[file.suffix.lower()]
        limit = MAX_PDF if kind == "pdf" else MAX_TEXT
        held = self._held.held(url)
        try:
            state = file.stat()
            stamp = Stamp(state.st_size, state.st_mtime_ns)
            if held is not None and held.stamp == stamp and held.sure:
                return held.found()
            with file.open("rb") as stream:
                data = stream.read(limit + 1)
        except OSError as error:
            return f"cannot be opened ({error.strerror})"
        if len(data) > limit:
            return f"larger than {limit / 1e6:g} MB"
        digest = hashlib.sha256(data).hexdigest()
        if held is not None and held.sha256 == digest:
            self._held.same(url, stamp)
            return held.found()
        found = self._extracted(kind, data, url, extractor)
        if not isinstance(found, Broken):
            kept = found.reason if isinstance(found, Skipped) else found
            self._held.keep(url, stamp, digest, kept)
        return found.reason if isinstance(found, Skipped) else found

    @staticmethod
    def _extracted(kind: str, data: bytes, url: str, extractor: Extractor) -> Extracted | Skipped:
        if not data.strip():
            return Skipped(url, "the file is empty")
        if kind != "pdf" and b"\x00" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return Skipped(url, "not a text file")
        return extractor.read(kind, data if kind == "pdf" else decode(data), url)

    def _ranked(self) -> tuple[list[Hit], Blocks]:
        """All readable files as hits, and their texts in the same order, ready to be ranked. No text is held."""
        if self._index is None:
            hits, blocks, size = [], Blocks(), 0
            for source in self._all():
                if isinstance(source, Skipped):
                    self._skip(source)
                    continue
                if size > MAX_RANKED:
                    self._skip(Skipped(source.url, f"its folder has more text than the {MAX_RANKED / 1e6:g} MB ranked"))
                    continue
                size += len(source.text)
                blocks.add(source.title, source.text)
                hits.append(Hit(source.url, source.title, _snippet(source.text), self.name))
            self._index = hits, blocks
            self._held.trim()
        return self._index

    def _all(self) -> Iterator[Source | Skipped]:
        """Every file, in path order, read by a few processes ahead of whoever asks."""
        count = max(1, min(WORKERS, os.cpu_count() or 1, len(self._files) // FEW))
        more = [Extractor(self._extractor.timeout, self._extractor.memory) for _ in range(count - 1)]
        free: SimpleQueue[Extractor] = SimpleQueue()
        for extractor in (self._extractor, *more):
            free.put(extractor)

        def read(url: str) -> Source | Skipped:
            extractor = free.get()
            try:
                return self._open(url, extractor)
            finally:
                free.put(extractor)

        self._readings = self._held  # opened before several ask at once
        pool = ThreadPoolExecutor(count)
        ahead: deque[Future[Source | Skipped]] = deque()
        told = time.monotonic()
        try:
            for number, url in enumerate(self._files):
                ahead.append(pool.submit(read, url))
                if len(ahead) > 4 * count:
                    yield ahead.popleft().result()
                if self.watch is not None and time.monotonic() - told >= TOLD:
                    told = time.monotonic()
                    if self.watch(number, len(self._files)):
                        part = f"{number} of its {len(self._files)} files"
                        self._skip(
                            Skipped(self._root.as_uri(), f"only the first {part} were read: stopped by the user")
                        )
                        break
            while ahead:
                yield ahead.popleft().result()
        except BaseException:
            self._extractor.stop()
            raise
        finally:
            # The processes end first: in an interrupt, what waits for them then ends too.
            for extractor in more:
                extractor.stop()
            pool.shutdown(cancel_futures=True)


def _source(url: str, found: Extracted, fallback: str) -> Source:
    today = datetime.date.today().isoformat()
    figures = resolved(found.figures, url)
    return Source(source_id(url), url, found.title or fallback, found.text, today, found.date, figures)


def _files(root: Path) -> tuple[list[Path], list[Skipped]]:
    """Readable kinds of file below the root, in path order; folders and links that cannot be followed."""
    if root.is_file():
        return ([root.resolve()] if root.suffix.lower() in SUFFIXES else []), []
    base = root.resolve()
    seen: set[Path] = {base}
    found: set[Path] = set()
    troubles: list[Skipped] = []

    def closed(error: OSError) -> None:
        troubles.append(Skipped(Path(error.filename).as_uri(), f"cannot be opened ({error.strerror})"))

    for folder, folders, names in os.walk(base, onerror=closed, followlinks=True):
        here = []
        for name in sorted(folders):
            target = _resolved(Path(folder) / name)
            # A linked folder is walked once, and only if it lies inside: no way out, no circle.
            if not name.startswith(".") and target and target.is_relative_to(base) and target not in seen:
                seen.add(target)
                here.append(name)
        folders[:] = here
        # `--sources .` where `./reports` is: a report is no source of the next one, unless it is named itself.
        ours = Path(folder) != base and "report.json" in names and _written_here(Path(folder) / "report.json")
        for name in names:
            if name.startswith(".") or (ours and Path(name).stem == "report"):
                continue
            target = _resolved(Path(folder) / name)
            if target is None and Path(name).suffix.lower() in SUFFIXES:
                troubles.append(Skipped((Path(folder) / name).as_uri(), "a link that leads back to itself"))
            if target and target.suffix.lower() in SUFFIXES and target.is_relative_to(base) and target.is_file():
                found.add(target)
    return sorted(found), troubles


def _written_here(file: Path) -> bool:
    """Whether a report.json is one of ours, by how it begins."""
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return bool(_REPORT.match(stream.read(200)))
    except OSError:
        return False


def _resolved(path: Path) -> Path | None:
    """Where a path leads; None for a circle of links."""
    with contextlib.suppress(OSError, RuntimeError):
        return path.resolve()
    return None


def _snippet(text: str) -> str:
    """The first prose of a stored text."""
    for block in text.split("\n\n"):
        if not block.startswith(("#", "```", "| ", "- ")):
            return block[:SNIPPET]
    return ""
