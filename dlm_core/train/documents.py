"""Training documents: which may be used, in which order, and what they hold.

One gzip JSONL shard a source; a line is a page with title, licence and
sections. Shards named in `validation.txt` are never read for training.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Licences under which weights may ship: public domain, CC0, CC BY, CC BY-SA, permissive, government-open.
MAY_SHIP = re.compile(
    r"public domain|CC0|CC[ -]BY|Apache|BSD|MIT|PostgreSQL|PSF|OGL|WordNet|NIST|ISC|Unlicense|Zlib", re.IGNORECASE
)
MUST_NOT = re.compile(r"GPL|GFDL|\bNC\b|\bND\b", re.IGNORECASE)
FOLDERS = ("textbooks", "docs", "extra")


class DataError(ValueError):
    """The data folder is not what training needs; one line."""


@dataclass(frozen=True)
class Section:
    heading: str
    level: int
    paragraphs: list[str]


@dataclass(frozen=True)
class Document:
    id: str
    source: str  # shard name without suffix, e.g. "textbooks/us-history"
    title: str
    chapter: str
    licence: str
    sections: list[Section]
    objectives: list[str] = field(default_factory=list)
    summary: list[str] = field(default_factory=list)
    glossary: list[tuple[str, str]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


def held_out(data: Path) -> set[str]:
    """Shards that validation.txt names, as "folder/name.jsonl.gz"."""
    file = data / "validation.txt"
    if not file.is_file():
        raise DataError(f"{data} has no validation.txt: name the folder that holds the training text with --data")
    lines = file.read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def shards(data: Path, *, training: bool, folders: tuple[str, ...] = FOLDERS) -> list[Path]:
    """Shards for training, or (training=False) the held-out ones, sorted by name."""
    out = held_out(data)
    files = [f for folder in folders for f in sorted((data / folder).glob("*.jsonl.gz"))]
    chosen = [f for f in files if (f"{f.parent.name}/{f.name}" in out) != training]
    if not chosen:
        raise DataError(f"no .jsonl.gz shards under {data} ({', '.join(folders)})")
    return chosen


def documents(shard: Path) -> Iterator[Document]:
    """Documents of one shard whose licence lets trained weights ship."""
    name = f"{shard.parent.name}/{shard.name.removesuffix('.jsonl.gz')}"
    with gzip.open(shard, "rt", encoding="utf-8") as lines:
        for line in lines:
            raw: dict[str, Any] = json.loads(line)
            licence = str(raw.get("licence", ""))
            # "CC-BY-SA-3.0 OR GPL-2.0+" leaves the choice to us.
            if not MAY_SHIP.search(licence) or (MUST_NOT.search(licence) and " OR " not in licence):
                continue
            yield Document(
                id=str(raw["id"]),
                source=name,
                title=str(raw["title"]),
                chapter=str(raw.get("chapter", "")),
                licence=licence,
                sections=[
                    Section(str(s["heading"] or ""), int(s.get("level") or 1), list(s["paragraphs"]))
                    for s in raw["sections"]
                ],
                objectives=list(raw.get("objectives") or []),
                summary=list(raw.get("summary") or []),
                glossary=[(str(t), str(d)) for t, d in raw.get("glossary") or []],
                questions=[str(q["question"]) for q in raw.get("questions") or []],
            )


def used(data: Path, *, folders: tuple[str, ...] = FOLDERS) -> dict[str, str]:
    """Training shards that hold a document whose licence lets weights ship: name -> licences seen in it."""
    out = {}
    for file in shards(data, training=True, folders=folders):
        licences = sorted({d.licence for d in documents(file)})
        if licences:
            out[f"{file.parent.name}/{file.name.removesuffix('.jsonl.gz')}"] = " and ".join(licences)
    return out
