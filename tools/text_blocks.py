"""Markdown and plain text to blocks, the same that `tools.html_blocks` makes of HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from tools.captions import clipped, labelled
from tools.figures import MOST, Found, is_icon, mark
from tools.html_blocks import Block, blocks_of, parse, prune
from tools.source import Figure

_FRONT_MATTER = re.compile(r"\A﻿?---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FIELD = re.compile(r"^(title|date|published|created)[ \t]*:[ \t]*(.+)$", re.M | re.I)
BULLET = re.compile(r"^\s{0,6}(?:[-*•–‣◦▪]|\d{1,3}[.)]|\([a-z0-9]{1,3}\))\s+(?=\S)")
_SETEXT = re.compile(r"^([=\-~^#*+])\1{2,}\s*$")
STOP = re.compile(r"[.!?:][\"'”’)\]]*$")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Document:
    """Blocks of a file and what its own metadata says of it ("" where it says nothing). figures: the n-th is that of
    the blocks whose `figure` is n; whole: the blocks before some were taken out, [] where none were."""

    blocks: list[Block]
    title: str = ""
    date: str = ""
    figures: list[Found] = field(default_factory=list)
    whole: list[Block] = field(default_factory=list)


# ---- Markdown ----


def _front_matter(text: str) -> tuple[str, dict[str, str]]:
    match = _FRONT_MATTER.match(text)
    if not match:
        return text, {}
    fields = {key.lower(): value.strip().strip("\"'") for key, value in _FIELD.findall(match.group(1))}
    return text[match.end() :], fields


def _directives(text: str) -> str:
    """Takes the marks of admonitions and templates off: `!!! note`, `:::`, `{% ... %}`; what they hold stays."""
    lines, inside = [], False
    for line in text.split("\n"):
        if re.match(r"^(?:!!!|\?\?\?\+?)\s+\w+", line):
            inside = True
            lines.append("")
            continue
        if inside and line.startswith("    "):
            line = line[4:]
        elif inside and line.strip():
            inside = False
        if re.match(r"^\s*(?::{3,}|\{%.{0,200}%\}\s*$|\[TOC\]\s*$|\[\^[^\]]{1,40}\]:\s)", line):
            lines.append("")
            continue
        lines.append(line)
    return "\n".join(lines)


def _inline(token: Any) -> tuple[str, int]:
    """The words of an inline token and how many characters of them are links."""
    parts: list[str] = []
    linked = depth = 0
    for child in token.children or []:
        if child.type == "link_open":
            depth += 1
        elif child.type == "link_close":
            depth -= 1
        elif child.type == "text":
            parts.append(child.content)
            linked += len(child.content) if depth else 0
        elif child.type == "code_inline":
            # Still in backticks, so that its signs are not taken for emphasis when the text is tidied.
            parts.append(f"`{child.content}`" if "`" not in child.content else child.content)
            linked += len(child.content) if depth else 0
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
    text = re.sub(r"\[\^[^\]\s]{1,40}\]", "", "".join(parts))  # footnote marks
    return _SPACE.sub(" ", text).strip(), linked


def _pictured(token: Any) -> tuple[Found | None, bool, bool]:
    """(the picture of an inline token that begins with one and holds no other, whether words follow it as a line of
    their own, whether all of the token's words are emphasised)."""
    children = [c for c in token.children or [] if c.type != "text" or c.content.strip()]
    while children and children[0].type in ("link_open", "em_open") and any(c.type == "image" for c in children[:2]):
        shut = children[0].type.replace("_open", "_close")
        last = next((n for n, c in enumerate(children) if c.type == shut), len(children))
        children = children[1:last] + children[last + 1 :]
    pictures = [c for c in children if c.type == "image"]
    words = [c for c in children if c.type not in ("image", "softbreak", "hardbreak")]
    slanted = (
        bool(words) and words[0].type in ("em_open", "strong_open") and words[-1].type in ("em_close", "strong_close")
    )
    if len(pictures) != 1 or children[0] is not pictures[0]:
        return None, False, slanted
    picture = pictures[0]
    src = str(picture.attrs.get("src") or "")
    if not src or is_icon(src):
        return None, False, slanted
    alt = clipped(picture.content, 300)
    found = Found(Figure(src, "", alt=alt), clipped(str(picture.attrs.get("title") or ""), 1000))
    below = bool(words) and (slanted or children[1].type in ("softbreak", "hardbreak"))
    return found, below, slanted


def _wordy(html: str) -> bool:
    return bool(re.search(r"[A-Za-z]{3}\s+[A-Za-z]", re.sub(r"<[^<>]*>", "", html)))


def markdown(text: str) -> Document:
    """Blocks of CommonMark with tables; front matter gives title and date. HTML inside is read as HTML."""
    from markdown_it import MarkdownIt

    text, fields = _front_matter(text.replace("\r\n", "\n"))
    # The nesting limit keeps hostile input linear.
    parser = MarkdownIt("commonmark", {"maxNesting": 20}).enable(["table", "strikethrough"])
    blocks: list[Block] = []
    items: list[bool] = []  # per open list item: does its first paragraph stand yet?
    kind, level = "p", 0
    row: list[str] | None = None
    figures: list[Found] = []
    bare = -1  # the number of a figure whose caption may be the next paragraph
    for token in parser.parse(_directives(text)):
        if token.type == "heading_open":
            kind, level = "heading", int(token.tag[1])
        elif token.type == "list_item_open":
            items.append(False)
        elif token.type == "list_item_close":
            items.pop()
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            blocks.append(Block("row", "| " + " | ".join(cell.replace("|", "/") for cell in row)))
            row = None
        elif token.type == "inline":
            words, linked = _inline(token)
            figure = -1
            if row is None:
                found, below, slanted = _pictured(token)
                if bare >= 0 and words and kind == "p" and not items and (slanted or labelled(words)):
                    figure = bare
                    figures[bare] = replace(figures[bare], said="")
                if words or found:
                    bare = -1
                if found and len(figures) < MOST:
                    figures.append(found)
                    if below:
                        figure = len(figures) - 1
                    elif not words:
                        bare = len(figures) - 1
            if row is not None:
                row.append(words)
            elif words:
                if kind == "p" and items and not items[-1]:
                    kind = "item"
                if items:
                    items[-1] = True
                blocks.append(Block(kind, words, level, linked, figure))
            kind, level = "p", 0
        elif token.type in ("fence", "code_block"):
            blocks.append(Block("code", token.content.strip("\n").rstrip().replace("```", "'''")))
        elif token.type == "html_block" and _wordy(token.content):
            tree = parse(token.content)
            inside = mark(tree)
            prune(tree)
            for block in blocks_of(tree):
                block.figure += len(figures) if block.figure >= 0 else 0
                blocks.append(block)
            figures += inside
    return Document(
        [block for block in blocks if block.text.strip()],
        fields.get("title", ""),
        iso_date(fields.get("date") or fields.get("published") or fields.get("created") or ""),
        figures,
    )


# ---- plain text ----


def plain(text: str) -> Document:
    """Blocks of a text file: paragraphs end at blank lines, lines wrapped by hand are joined again."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").expandtabs(4)
    blocks: list[Block] = []
    for group in re.split(r"\n[ ]*\n+", text):
        lines = [line.rstrip() for line in group.strip("\n").split("\n") if line.strip()]
        if lines:
            blocks.extend(_paragraph(lines))
    return Document(blocks)


def _paragraph(lines: list[str]) -> list[Block]:
    """Blocks of a group of lines that no blank line divides."""
    if re.match(r"^#{1,6}\s+\S", lines[0]):
        marks = len(lines[0]) - len(lines[0].lstrip("#"))
        head = Block("heading", lines[0].strip("# "), marks)
        return [head, *(_paragraph(lines[1:]) if lines[1:] else [])]
    if len(lines) >= 2 and _SETEXT.match(lines[1]) and not _SETEXT.match(lines[0]):
        head = Block("heading", lines[0].strip(), 1 if lines[1][0] in "=#*" else 2)
        return [head, *(_paragraph(lines[2:]) if lines[2:] else [])]
    if all(_SETEXT.match(line) for line in lines):
        return []
    if all(line.startswith("    ") for line in lines) and not BULLET.match(lines[0]):
        wordy = sum(len(line.split()) >= 6 for line in lines) * 2 >= len(lines)
        if not wordy or any(re.search(r"[;{}]\s*$|\)\s*:$|^\s*(?:def|class|import|return|\$|>>>)\b", x) for x in lines):
            cut = min(len(line) - len(line.lstrip()) for line in lines)
            return [Block("code", "\n".join(line[cut:] for line in lines).replace("```", "'''"))]
    if any(BULLET.match(line) for line in lines):
        return _bullets(lines)
    widths = [len(line) for line in lines]
    if len(lines) == 1 or max(widths) > 120:
        # Lines this long were not wrapped by hand: each is a paragraph.
        return [_line(line.strip()) for line in lines]
    if max(widths) >= 40 and sum(widths[:-1]) / max(1, len(widths) - 1) >= 0.6 * max(widths):
        return [Block("p", join_lines(lines))]
    return [Block("item", line.strip()) for line in lines]


def _line(line: str) -> Block:
    """A line of its own: a heading if it is short, begins like one and ends without a stop."""
    words = line.split()
    if len(line) <= 70 and len(words) <= 9 and line[0].isalnum() and not line[0].islower() and line[-1] not in ".!?:;,":
        return Block("heading", line, 2) if any(c.isalpha() for c in line) else Block("item", line)
    return Block("p", line)


def _bullets(lines: list[str]) -> list[Block]:
    groups: list[tuple[str, list[str]]] = []
    for line in lines:
        match = BULLET.match(line)
        if match:
            groups.append(("item", [line[match.end() :]]))
        elif groups:
            groups[-1][1].append(line)
        else:
            groups.append(("p", [line]))
    return [Block(kind, join_lines(group)) for kind, group in groups]


def join_lines(lines: Sequence[str], known: Mapping[str, int] = MappingProxyType({})) -> str:
    """Wrapped lines as one. A word divided by a hyphen at a line's end is made whole ("evi-", "dence"), one that its
    text has with the hyphen elsewhere keeps it ("cross-", "section"). known: how often the text has a word, in small
    letters."""
    parts: list[str] = []
    for line in (line.strip() for line in lines):
        last = parts[-1] if parts else ""
        # "pre-" and "and postwar" are two words.
        goes_on = re.match(r"(?!(?:and|or|to)\b)[a-z]{2}|[A-Z][a-z]", line)
        divided = bool(goes_on and re.search(r"[a-z]-$", last[-2:]))
        if last.endswith("\u00ad") or divided:
            whole = divided and (line[:1].isupper() or _compound(last, line, known))
            parts[-1] = last if whole else last[:-1]
        elif parts:
            parts.append(" ")
        parts.append(line)
    return _SPACE.sub(" ", "".join(parts).replace("\u00ad", "")).strip()


def _compound(last: str, line: str, known: Mapping[str, int]) -> bool:
    """Whether the word that ends `last` and begins `line` is one with a hyphen."""
    left, right = re.search(r"[^\W\d_]+(?=-$)", last), re.match(r"[^\W\d_]+", line)
    if not left or not right:
        return False
    with_it, without = f"{left.group()}-{right.group()}".lower(), f"{left.group()}{right.group()}".lower()
    return known.get(with_it, 0) > known.get(without, 0)


def iso_date(value: str) -> str:
    """YYYY-MM-DD of a date that begins like ISO 8601, "" for anything else."""
    import datetime

    match = re.match(r"^\s*(\d{4})-(\d{2})-(\d{2})", value)
    if not match:
        return ""
    try:
        return datetime.date(*(int(part) for part in match.groups())).isoformat()
    except ValueError:
        return ""
