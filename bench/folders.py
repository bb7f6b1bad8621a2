"""Folders of Markdown pages for tests and benches, from the training-text shards that validation.txt sets aside."""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any


def make_folder(target: Path, shard: Path, *, contains: list[str] | None, limit: int) -> list[Path]:
    """Write up to `limit` pages of a `.jsonl.gz` shard into `target` as Markdown files; return their paths, best first.

    With `contains`, the pages that name these words or phrases most often come first (counted without regard to case in
    chapter, title, headings and text); pages that name none fill what is left, as distractors. Without it the order is
    the shard's. The choice depends on the shard and the arguments only. Pages are `# Title`, one `##` to `######`
    heading a section and one line a paragraph.

    Raises FileNotFoundError if the shard is missing, ValueError if it holds fewer than one page or limit is under 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    with gzip.open(shard, "rt", encoding="utf-8") as lines:
        pages: list[dict[str, Any]] = [json.loads(line) for line in lines]
    pages = [page for page in pages if any(section["paragraphs"] for section in page["sections"])]
    if not pages:
        raise ValueError(f"{shard} holds no page with text")
    repeated = {title for title, times in Counter(page["title"] for page in pages).items() if times > 1}
    if contains:
        words = re.compile("|".join(rf"\b{re.escape(word)}" for word in contains), re.IGNORECASE)
        pages.sort(key=lambda page: -len(words.findall(_searchable(page))))  # stable: ties stay in the shard's order
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, page in enumerate(pages[:limit], start=1):
        title = _title(page, repeated)
        path = target / f"{number:03d}-{_slug(title)}.md"
        path.write_text(_markdown(page, title), encoding="utf-8")
        paths.append(path)
    return paths


def _searchable(page: dict[str, Any]) -> str:
    parts = [page.get("chapter") or "", page["title"]]
    for section in page["sections"]:
        parts += [section["heading"], *section["paragraphs"]]
    return "\n".join(parts)


def _title(page: dict[str, Any], repeated: set[str]) -> str:
    """The page's own name: many pages of a book are called "Introduction", all pages of a manual bear its title."""
    title: str = page["title"]
    if title not in repeated:
        return title
    if page.get("chapter"):
        return f"{page['chapter']}: {title}"
    return next((s["heading"] for s in page["sections"] if s["level"] == 1 and s["heading"]), title)


def _markdown(page: dict[str, Any], title: str) -> str:
    sections = page["sections"]
    # Books open a page at level 0 (text before the first heading), manuals at level 1 (the page's title).
    shift = 1 if any(section["level"] == 0 for section in sections) else 0
    blocks = [f"# {title}"]
    for section in sections:
        heading = _line(section["heading"])
        if heading and heading != title:
            blocks.append(f"{'#' * min(max(section['level'] + shift, 2), 6)} {heading}")
        blocks += [_line(paragraph) for paragraph in section["paragraphs"]]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].rstrip("-") or "page"
