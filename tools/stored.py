"""The sources of a library as they lie in its folder, which anybody may read without opening it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path

from tools.source import Source


class LibraryError(RuntimeError):
    """The library cannot be opened or asked; one line that says what to do."""


def written(path: Path, data: bytes) -> None:
    """The whole file or none of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def source_file(library: Path, source_id: str, suffix: str) -> Path:
    # ids come from checkpoints and canvases on disk: never let one become another path
    if not re.fullmatch(r"src_[0-9a-f]{10}", source_id):
        raise LibraryError(f"{source_id!r} is not a source id")
    return library / "sources" / (source_id + suffix)


def stored(library: Path, source_id: str) -> Source:
    """A source of the library in a folder. LibraryError if it is not there or was altered."""
    try:
        meta = json.loads(source_file(library, source_id, ".json").read_bytes())
        text = source_file(library, source_id, ".txt").read_bytes().decode()
        fields = {k: str(meta[k]) for k in ("id", "url", "title", "accessed", "date")}
        out = Source(text=text, **fields, figures=tuple(meta.get("figures", ())))
    except FileNotFoundError:
        raise LibraryError(f"the library {library} has no source {source_id}") from None
    except (ValueError, KeyError, TypeError, OSError):
        raise LibraryError(f"source {source_id} in the library {library} cannot be read: add it again") from None
    if hashlib.sha256(text.encode()).hexdigest() != meta.get("sha256"):
        raise LibraryError(f"the text of source {source_id} in the library {library} was altered: add it again")
    return out


def listed(library: Path) -> list[Source]:
    """Every source of the library in a folder, without its text (`text` is ""), by id."""
    out = []
    for file in sorted((library / "sources").glob("src_*.json")):
        try:
            meta = json.loads(file.read_bytes())
            fields = {k: str(meta[k]) for k in ("id", "url", "title", "accessed", "date")}
            out.append(Source(text="", figures=(), **fields))
        except (ValueError, KeyError, TypeError, OSError):
            continue  # half a file of a crash elsewhere: as if never added
    return out
