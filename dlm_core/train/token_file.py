"""Prepared examples on disk, read from a memory-mapped file.

`NAME.tokens.npy` holds the token ids of all examples one after the other (uint16: vocabularies up to 65,536), an
example's context, target and source in that order. `NAME.index.npy` holds a row an example (int32): where it begins,
the lengths of the three, its room, its task by number. `NAME.json` names the tasks and the files of training text with
their licences. Nothing is read before an example is asked for, so processes that draw from one file share its pages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import overload

import numpy as np

from dlm_core.train.documents import DataError
from dlm_core.train.draws import Example

KEPT = 4096  # examples that stay unpacked, with the runs that they found


def _files(path: Path) -> tuple[Path, Path, Path]:
    tokens, index, names = (path.with_name(f"{path.name}.{kind}") for kind in ("tokens.npy", "index.npy", "json"))
    return tokens, index, names


def write(path: Path, examples: Sequence[Example], files: dict[str, str]) -> None:
    """Write the three files of `path`, a name without suffix; the one with the names comes last, and makes them whole.
    files: where the examples are from, file name -> licences."""
    tokens_file, index_file, names_file = _files(path)
    tasks = sorted({e.task for e in examples})
    rows, flat = [], []
    begin = 0
    for e in examples:
        rows.append((begin, len(e.context), len(e.target), len(e.source), e.room, tasks.index(e.task)))
        flat.append(np.array([*e.context, *e.target, *e.source], dtype=np.uint16))
        begin += len(flat[-1])
    np.save(tokens_file, np.concatenate(flat))
    np.save(index_file, np.array(rows, dtype=np.int32))
    part = names_file.with_suffix(".part")
    part.write_text(json.dumps({"tasks": tasks, "files": files}), encoding="utf-8")
    part.replace(names_file)


def there(path: Path) -> bool:
    """Whether `write` finished."""
    return _files(path)[2].is_file()


class TokenFile(Sequence[Example]):
    """The examples that `write` left at `path`, in their order. DataError where a file is missing or damaged."""

    def __init__(self, path: Path) -> None:
        tokens_file, index_file, names_file = _files(path)
        try:
            self._tokens = np.load(tokens_file, mmap_mode="r")
            self._index = np.load(index_file)
            names = json.loads(names_file.read_text(encoding="utf-8"))
            self._tasks, self.files = list(names["tasks"]), dict(names["files"])
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"no whole token file at {path} ({error}): remove it, it is made again") from None
        if len(self._index) and int(self._index[-1, :4].sum()) > len(self._tokens):
            raise DataError(f"the token file at {path} is cut off: remove it, it is made again")
        self._at = lru_cache(KEPT)(self._read)

    def __len__(self) -> int:
        return len(self._index)

    @overload
    def __getitem__(self, at: int) -> Example: ...
    @overload
    def __getitem__(self, at: slice) -> list[Example]: ...
    def __getitem__(self, at: int | slice) -> Example | list[Example]:
        if isinstance(at, slice):
            return [self._at(i) for i in range(*at.indices(len(self)))]
        return self._at(range(len(self))[at])

    def _read(self, at: int) -> Example:
        begin, context, target, source, room, task = self._index[at].tolist()
        row = self._tokens[begin : begin + context + target + source].tolist()
        return Example(row[:context], row[context : context + target], row[context + target :], room, self._tasks[task])

    def counts(self) -> dict[str, int]:
        """How many examples each task has."""
        found = np.bincount(self._index[:, 5], minlength=len(self._tasks)).tolist()
        return dict(zip(self._tasks, found, strict=True))
