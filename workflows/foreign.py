"""A Markdown report that is not ours, taken apart by place: sections, sentences, citations, references.

markdown-it says which lines are prose (CommonMark 0.31.2 with tables); here every sentence gets its characters in the
text as it stands, so that a revision replaces those and no others. Headings, tables, code, HTML and the list of
references are never taken for sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dlm_core.boundaries import sentences
from dlm_core.inline import clean_inline

REFERENCES = re.compile(
    r"(?:\d+[.)]?\s+)?(?:(?:list of |works )?(?:sources|references|citations|cited|bibliography|literature)"
    r"|(?:foot|end)?notes)(?: cited| list)?:?",
    re.I,
)
OPEN_ENDS = "What is missing or disputed"  # of a report of ours: says of the report, not of its subject
_LINE = re.compile(r"\r\n|\r|\n")
_ONE = (
    r"(?:\[\[\d{1,3}\]\]\([^()\s]*\)|\[\^?\d{1,3}(?:\s?[,;–-]\s?\^?\d{1,3})*\](?:\([^()\s]*\))?"
    r"|<sup>\[?\d{1,3}\]?</sup>)"
)
_MARKS = re.compile(rf"[ \t\n]?{_ONE}(?:[ \t,]?{_ONE})*")
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.S)
_TARGET = re.compile(r"(?<=\])\((?:[^()\s]|\([^()\s]*\))*(?:\s+(?:\"[^\"]*\"|'[^']*'))?\)|<(?:https?|file)://[^<>\s]+>")
_ENTRY = re.compile(r"[ \t]*(?:[-*+][ \t]+)?(?:\[\^?(\d{1,3})\]:?|(\d{1,3})[.)])[ \t]+(\S.*)")
_DEFINITION = re.compile(r"[ ]{0,3}\[\^?(\d{1,3})\]:[ \t]+(\S.*)")
_URL = re.compile(r"(?:https?|file)://[^\s<>\"]+", re.I)
_PATH = re.compile(
    r"\]\(<?([^()<>\s:]+\.(?:md|txt|html?|pdf))>?\)|(?<![\w/.])([\w./~-]+\.(?:md|txt|html?|pdf))\b", re.I
)


@dataclass(frozen=True)
class Sentence:
    """text[start:end] holds it with its citation marks. plain: what it says, without markup and marks. marks: as they
    stand, the white space before them included; inside: whether they stand before its last punctuation mark."""

    start: int
    end: int
    plain: str
    cites: tuple[int, ...] = ()
    marks: str = ""
    inside: bool = False


@dataclass(frozen=True)
class Block:
    """A paragraph or list item. start, end: of its lines, without the last line's end. after: end of the outermost
    list or quotation it stands in, where a new paragraph may follow. alone: nothing else stands on its lines."""

    start: int
    end: int
    after: int
    sentences: tuple[Sentence, ...]
    alone: bool = True
    nested: bool = False


@dataclass(frozen=True)
class Section:
    """heading: plain text; "" for what stands before the first. head: its characters, None where they are not known.
    start, end: from its heading's line to the next heading's. bare: it holds nothing but its heading and sentences."""

    heading: str
    level: int
    start: int
    end: int
    head: tuple[int, int] | None
    blocks: tuple[Block, ...]
    bare: bool


@dataclass(frozen=True)
class Reference:
    """An entry of the list of references. end: of its last line, without the line's end. lead: what stands before
    its words, with its number taken out as {}."""

    number: int
    words: str
    target: str  # URL or path, "" for none
    end: int
    lead: str


@dataclass(frozen=True)
class Page:
    """A Markdown text by place."""

    text: str
    newline: str
    sections: tuple[Section, ...]
    references: dict[int, Reference] = field(default_factory=dict)
    listed: int | None = None  # where the section of references begins

    def sentences(self) -> Iterator[Sentence]:
        for section in self.sections:
            for block in section.blocks:
                yield from block.sentences


def parse(text: str) -> Page:
    """The page of a Markdown text, whatever it holds."""
    newline = next(iter(_LINE.findall(text)), "\n")
    lines = _lines(text)
    shown = _without_front_matter([text[a:b] for a, b, _ in lines])
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(shown))
    heads = [t for t in tokens if t.type == "heading_open" and t.level == 0 and t.map]
    code = {n for t in tokens if t.type in ("fence", "code_block") and t.map for n in range(*t.map)}
    edges = [0, *(t.map[0] for t in heads if t.map), len(lines)]
    cut = [lines[n][0] if n < len(lines) else len(text) for n in edges]
    inline = {id(t): following for t, following in zip(tokens, tokens[1:], strict=False)}
    titles: list[tuple[str, int, tuple[int, int] | None]] = [("", 0, None)]
    titles += [_heading(t, inline[id(t)], lines, text) for t in heads]
    listed = [bool(REFERENCES.fullmatch(name)) for name, _, _ in titles]
    regions = [(a, b) for a, b, on in zip(edges[:-1], edges[1:], listed, strict=True) if on]
    entries = _references(text, lines, shown, code, regions)
    numbers = {e.number for e in entries}
    held: list[list[Block]] = [[] for _ in titles]
    bare = [True] * len(titles)
    for block, first in _blocks(tokens, lines, text, numbers):
        place = max(n for n, edge in enumerate(edges[:-1]) if edge <= first)
        if isinstance(block, Block) and not listed[place] and titles[place][0] != OPEN_ENDS:
            held[place].append(block)
        else:
            bare[place] = False
    for n, (here, below) in enumerate(zip(titles, titles[1:], strict=False)):
        bare[n] = bare[n] and below[1] <= here[1]  # a section that holds others does not leave without them
    sections = [
        Section(name, level, a, b, span, tuple(blocks), all_bare)
        for (name, level, span), a, b, blocks, all_bare in zip(titles, cut[:-1], cut[1:], held, bare, strict=True)
    ]
    where = next((s.start for s, on in zip(sections, listed, strict=True) if on), None)
    return Page(text, newline, tuple(sections), {e.number: e for e in entries}, where)


def _lines(text: str) -> list[tuple[int, int, int]]:
    """(start, end, end with the line's end) of each line, as CommonMark counts lines."""
    out, at = [], 0
    for m in _LINE.finditer(text):
        out.append((at, m.start(), m.end()))
        at = m.end()
    return [*out, (at, len(text), len(text))]


def _without_front_matter(lines: list[str]) -> list[str]:
    """Lines with a YAML block at the beginning blanked: to CommonMark it would be a heading."""
    if lines and lines[0].lstrip("\ufeff").rstrip() == "---":
        end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), None)
        if end is not None:
            return [""] * (end + 1) + lines[end + 1 :]
    return [lines[0].removeprefix("\ufeff"), *lines[1:]] if lines else lines


def _heading(
    opened: Token, inner: Token, lines: Sequence[tuple[int, int, int]], text: str
) -> tuple[str, int, tuple[int, int] | None]:
    first = (opened.map or [0])[0]
    a, b, _ = lines[first]
    at = text.find(inner.content, a, b) if inner.content else -1
    return clean_inline(inner.content), int(opened.tag[1:]), (at, at + len(inner.content)) if at >= 0 else None


# --- sentences ------------------------------------------------------------------


def _blocks(
    tokens: Sequence[Token], lines: Sequence[tuple[int, int, int]], text: str, numbers: set[int]
) -> Iterator[tuple[Block | None, int]]:
    """Blocks of prose in order, each with its first line; None for one that holds something else."""
    outer = 0  # line after the outermost block that is open
    items: list[tuple[int, int]] = []
    for n, token in enumerate(tokens):
        if token.level == 0 and token.map and token.nesting >= 0:
            outer = token.map[1]
        if token.type == "list_item_open" and token.map:
            items.append((token.map[0], token.map[1]))
        elif token.type == "list_item_close" and items:
            items.pop()
        if token.map is None or token.nesting < 0:
            continue
        if token.type in ("fence", "code_block", "html_block", "table_open", "hr"):
            yield None, token.map[0]
        if token.type != "paragraph_open" or n + 1 == len(tokens):
            continue
        first, last = token.map[0], token.map[1] - 1
        found = _sentences(tokens[n + 1].content, first, last, lines, text, numbers)
        if not found:
            yield None, first
            continue
        end = last
        alone = True
        if items:
            begin, stop = items[-1]
            while stop - 1 > last and not text[lines[stop - 1][0] : lines[stop - 1][1]].strip():
                stop -= 1
            alone = begin == first and stop - 1 == last
        final = outer - 1
        while final > last and not text[lines[final][0] : lines[final][1]].strip():
            final -= 1
        yield Block(lines[first][0], lines[end][1], lines[final][1], tuple(found), alone, bool(token.level)), first


def _sentences(
    content: str, first: int, last: int, lines: Sequence[tuple[int, int, int]], text: str, numbers: set[int]
) -> list[Sentence]:
    """The sentences of a paragraph, by their characters in the text; [] where it is none or does not fit its lines."""
    if re.match(r"\[\^?\d{1,3}\]:?\s", content):
        return []  # an entry of a list of references
    places: list[int] = []  # of each character of the content in the text
    pieces = content.split("\n")
    if len(pieces) != last - first + 1:
        return []
    for number, piece in enumerate(pieces):
        a, b, _ = lines[first + number]
        at = text.rfind(piece, a, b)
        if at < 0:
            return []
        places += range(at, at + len(piece))
        if number < last - first:
            places.append(b)
    plain = content.replace("\n", " ")
    # What stands in code or in a link's address ends no sentence and cites nothing.
    veiled = _TARGET.sub(lambda m: "x" * len(m[0]), _CODE.sub(lambda m: "x" * len(m[0]), plain))
    linked = _CODE.sub(lambda m: "x" * len(m[0]), plain)
    marks = []
    for m in _MARKS.finditer(linked):
        cited = _cited(m[0])
        if cited and (not numbers or set(cited) & numbers):
            marks.append((m.start(), m.end(), cited))
            veiled = veiled[: m.start()] + " " * len(m[0]) + veiled[m.end() :]
    spans = sentences(veiled)
    out = []
    for n, (begin, stop) in enumerate(spans):
        following = spans[n + 1][0] if n + 1 < len(spans) else len(plain)
        own = [m for m in marks if begin <= m[0] < following and m[1] <= following]
        end = max([stop, *(m[1] for m in own)])
        bare = plain[begin:end]
        for a, b, _ in reversed(own):
            bare = bare[: a - begin] + bare[b - begin :]
        said = clean_inline(bare)
        if len(re.findall(r"\w+", said)) < 2:
            continue
        cites = tuple(dict.fromkeys(number for _, _, cited in own for number in cited))
        written = "".join(plain[a:b] for a, b, _ in own)
        inside = bool(own) and bool(plain[own[-1][1] : end].strip())
        out.append(Sentence(places[begin], places[end - 1] + 1, said, cites, written, inside))
    return out


def _cited(mark: str) -> list[int]:
    """The numbers of a citation mark; those between the ends of a range too."""
    out: list[int] = []
    for part in re.findall(r"\[\[?([^\[\]]+)\]|<sup>\[?(\d+)", mark):
        for piece in re.split(r"[,;]", part[0] or part[1]):
            ends = [int(x) for x in re.findall(r"\d+", piece)]
            if len(ends) == 2 and ends[0] < ends[1] <= ends[0] + 50:
                out += range(ends[0], ends[1] + 1)
            else:
                out += ends
    return [n for n in dict.fromkeys(out) if n > 0]


# --- references -------------------------------------------------------------------


def _references(
    text: str,
    lines: Sequence[tuple[int, int, int]],
    shown: Sequence[str],
    code: set[int],
    regions: Sequence[tuple[int, int]],
) -> list[Reference]:
    """Entries of the sections of references, and definitions such as "[1]: URL" anywhere."""
    inside = {n for a, b in regions for n in range(a, b)}
    out: dict[int, Reference] = {}
    open_entry: Reference | None = None
    for n, line in enumerate(shown):
        m = None if n in code else _ENTRY.fullmatch(line) if n in inside else _DEFINITION.fullmatch(line)
        if m is None:
            # What hangs in under an entry belongs to it.
            if open_entry is not None and line.strip() and line[:1] in " \t" and n not in code:
                words = f"{open_entry.words} {line.strip()}"
                open_entry = Reference(
                    open_entry.number, words, open_entry.target or target(line), lines[n][1], open_entry.lead
                )
                out[open_entry.number] = open_entry
            else:
                open_entry = None
            continue
        words = m[m.lastindex or 0]
        number = int(next(g for g in m.groups() if g))
        if number in out and n in inside:
            number = max(out) + 1  # "1. 1. 1." is counted by the reader
        if number in out:
            continue
        lead = line[: m.start(m.lastindex or 0)]
        open_entry = Reference(number, words, target(words), lines[n][1], re.sub(r"\d+", "{}", lead, count=1))
        out[number] = open_entry
    return list(out.values())


def target(words: str) -> str:
    """The first URL of an entry, or else the first path of a readable kind; "" for none."""
    url = _URL.search(words)
    if url:
        found = url[0].rstrip(".,;:!?'*_")
        while found.endswith(")") and found.count("(") < found.count(")"):
            found = found[:-1]
        return found.rstrip(".,;:]")
    path = _PATH.search(words)
    return next((g for g in path.groups() if g), "") if path else ""
