"""What local files were read as, kept so that a file is read once for as long as it stays the same.

One SQLite file in the cache folder, one row a file: its size, time of change and SHA-256 when it was read, and its
text. A file of the same size and time of change (in nanoseconds) is the same and is not opened again. Where only the
time differs, or lies so close to the reading that a later change could bear it too (git calls such entries racily
clean), the hash decides. What reads files is part of the key: other code, other text.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
import time
import zlib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tools.clients import cache_file
from tools.extract import Extracted
from tools.source import Figure

LIMIT_MB = 500  # of texts, compressed; beyond, those used least lately go
RACY = 2_000_000_000  # nanoseconds; file systems keep times to 2 s at worst
# The modules whose code makes a file's text.
_CODE = """
    tools.captions tools.charset tools.extract tools.figures tools.html_blocks tools.language tools.local tools.pdf
    tools.pdf_lines tools.pictures tools.text_blocks tools.worker dlm_core.english dlm_core.headings
    dlm_core.inline dlm_core.segment
""".split()
_TABLE = """
create table if not exists files (
    url text primary key, size integer, changed integer, seen integer, sha256 text, maker text, used integer, body blob
)"""


@dataclass(frozen=True)
class Stamp:
    """What tells whether a file is still the one that was read. Times in nanoseconds since 1970."""

    size: int
    changed: int


@dataclass(frozen=True)
class Held:
    """A file as it was read: Extracted, or in a few words why it gives no text."""

    stamp: Stamp
    seen: int
    sha256: str
    body: bytes

    @property
    def sure(self) -> bool:
        """Whether size and time of change alone can tell that the file is the same."""
        return self.seen - self.stamp.changed > RACY

    def found(self) -> Extracted | str:
        raw = json.loads(zlib.decompress(self.body))
        if "skipped" in raw:
            return str(raw["skipped"])
        return Extracted(**{**raw, "figures": tuple(Figure(**f) for f in raw["figures"])})


def readings_file() -> Path:
    """$PALIMPSEST_HOME/cache/files/readings.sqlite, else the same in the user's cache folder for palimpsest."""
    return cache_file().parent.parent / "files" / "readings.sqlite"


@cache
def maker() -> str:
    """The hash of the code that reads files."""
    root = Path(__file__).parent.parent
    files = [root / (name.replace(".", "/") + ".py") for name in _CODE]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()[:16]


class Readings:
    """The kept readings. Safe to share between threads and processes; where the file cannot be used, they are kept in
    a temporary one, which costs time only."""

    def __init__(self, file: Path | None) -> None:
        """`file`: None keeps nothing beyond this object."""
        self._lock = threading.Lock()
        self._used = int(time.time()) // 86400
        self._base = self._open(file) or self._temporary()

    def _open(self, file: Path | None) -> sqlite3.Connection | None:
        if file is None:
            return None
        for again in (True, False):
            try:
                # What the user's files say is for the user alone.
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
                return self._connected(str(file))
            except sqlite3.OperationalError:
                return None  # locked, or the disk is full or read-only
            except sqlite3.DatabaseError:
                if not again:
                    return None
                with contextlib.suppress(OSError):  # damaged: begun anew
                    file.unlink()
            except OSError:
                return None
        return None

    def _temporary(self) -> sqlite3.Connection:
        return self._connected("")  # on disk, for as long as it is open

    @staticmethod
    def _connected(name: str) -> sqlite3.Connection:
        base = sqlite3.connect(name, timeout=20, isolation_level=None, check_same_thread=False)
        try:
            base.execute("pragma journal_mode=wal")
            base.execute("pragma synchronous=normal")
            base.execute(_TABLE)
        except BaseException:
            base.close()
            raise
        return base

    def _ask(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            try:
                return self._base.execute(statement, values).fetchall()
            except sqlite3.DatabaseError:
                # Full disk, damage, a lock held too long: go on without what was kept.
                self._base.close()
                self._base = self._temporary()
                return self._base.execute(statement, values).fetchall()

    def held(self, url: str) -> Held | None:
        """What is kept of a file; None where nothing is, or other code read it."""
        rows = self._ask("select size, changed, seen, sha256, body, maker, used from files where url = ?", url)
        if not rows or rows[0][5] != maker():
            return None
        size, changed, seen, digest, body, _, used = rows[0]
        if used != self._used:
            self._ask("update files set used = ? where url = ?", self._used, url)
        return Held(Stamp(size, changed), seen, digest, body)

    def keep(self, url: str, stamp: Stamp, sha256: str, found: Extracted | str) -> None:
        """Keep what a file was read as just now. stamp: taken before it was read."""
        raw = {"skipped": found} if isinstance(found, str) else asdict(found)
        body = zlib.compress(json.dumps(raw).encode(), 1)
        row = (url, stamp.size, stamp.changed, time.time_ns(), sha256, maker(), self._used, body)
        self._ask("insert or replace into files values (?, ?, ?, ?, ?, ?, ?, ?)", *row)

    def same(self, url: str, stamp: Stamp) -> None:
        """A file whose words are the same has another time of change."""
        self._ask("update files set changed = ?, seen = ? where url = ?", stamp.changed, time.time_ns(), url)

    def trim(self, limit_mb: float = LIMIT_MB) -> None:
        """Forget the files used least lately beyond the limit."""
        over = (self._ask("select coalesce(sum(length(body)), 0) from files")[0][0]) - limit_mb * 1e6
        for url, size in self._ask("select url, length(body) from files order by used, seen") if over > 0 else ():
            if over <= 0:
                return
            self._ask("delete from files where url = ?", url)
            over -= size

    def close(self) -> None:
        with self._lock:
            self._base.close()
