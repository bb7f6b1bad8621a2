"""A PDF's pages as lines of text with their fonts and places, which is all a PDF says of what a line is."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median
from typing import Any

from tools.html_blocks import SUPERSCRIPTS

SMALLER = 0.88  # times the size of the text up to which a line at the foot of a page is a note
UNSPACED = 9  # letters a word on average from which the gaps between words were missed; prose has five to seven
BLANK = 400  # thousandths of an em; half of it is a gap
MOST_LINES = 4  # of a heading or title
RAISED = 0.85  # size of an index or a note's mark beside that of its line

_BOLD = re.compile(r"bold|black|heavy|demi|medi(?!um)|cmbx|cmssbx|(?:sf|ec)(?:bx|sx|rb)\d|\bCMB\d", re.I)
_MONO = re.compile(
    r"mono|nimbusmon|courier|cmtt|cmsltt|cmitt|(?:sf|ec|lm)(?:tt|st|it)\d|typewriter|consol|txtt|inconsolata", re.I
)
_CAPITALS = re.compile(r"csc\d|smallcaps|-sc\b", re.I)
_PAGE_NUMBER = re.compile(r"(?:page\s+)?[-–—\s]*(?:\d{1,4}|[ivxlc]{1,7})[-–—\s]*(?:(?:of|/)\s*\d+)?", re.I)
_SPACE = re.compile(r"\s+")
# Fonts that need not be in the file: where others are, these are the labels of a drawing.
_DRAWN = re.compile(r"(?:Helvetica|Times|Courier|Symbol|ZapfDingbats)(?:-\w+)?")
_SANS = re.compile(r"\+?(?:Helvetica|Arial|NimbusSan|DejaVuSans|LiberationSans|Symbol|ZapfDingbats)")
_TICKS = re.compile(r"[\d\s.,%()−–-]+")  # what stands along an axis
# TeX's own places for ligatures and quotes, which fonts without a table of characters show as control characters.
_TEX = str.maketrans(
    dict(zip("\x0b\x0c\x0e\x0f\x10\x11\x15\x16", ("ff", "fi", "ffi", "ffl", "“", "”", "–", "—"), strict=True))
    | dict(zip("\x1b\x1c\x1d\x1e\x1f", ("ff", "fi", "fl", "ffi", "ffl"), strict=True))
)
# Old TeX fonts call the glyph of character 101 "a101", which is a dingbat's name elsewhere: a16 to a122.
_CODES = str.maketrans(
    "✏✑✒✓✔✕✖✗✘✙✚✛✜✢✣✤✥✦✧★✩✪✫✬✭✮✯✰✱✲✳✴✵✶✷✸✹✺✻✼✽✾✿❀❁❂❃❄❅❆❇❈❉❊❋●❍■❏❑▲▼◆❖P◗❘❙❚❯❱❲❳❨❩❬❭❪❫❴❵❛❜❝❞❡❢❣❤✐❥❦❧♠♥♦♣qrst✉✈✇①②③",
    "".join(map(chr, range(16, 123))),
)
# Accents that old fonts set as signs of their own, before the letter. A circumflex there is a hat of mathematics.
_ACCENTS = {"´": "\u0301", "¨": "\u0308", "ˇ": "\u030c", "˚": "\u030a"}
_ACCENT = re.compile(r"(?:(´)(?=[aeiouyın])|(¨)(?=[aeiou])|(ˇ)(?=[csz])|(˚)(?=[au]))(\w)", re.I)
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})


@dataclass(frozen=True)
class Run:
    """A stretch of a line in one font. x, y, size: points."""

    text: str
    face: str
    size: float
    x: float
    y: float
    bold: bool = False
    mono: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a page. face, size: of most of its characters; strong, mono: whether all of it is; lead: the strong
    words it opens with where plain ones follow; note: whether it stands in small type at a page's foot."""

    text: str
    face: str = ""
    size: float = 0.0
    x: float = 0.0
    y: float = 0.0
    strong: bool = False
    mono: bool = False
    lead: str = ""
    note: bool = False
    page: int = 0


@dataclass(frozen=True)
class Style:
    """What most of a document is set in. distance: points from one line to the next; width: characters of a full line;
    plain: whether it has one face and one size, so that fonts tell nothing."""

    face: str
    size: float
    distance: float
    width: int
    strong: bool
    mono: bool
    plain: bool


def read_lines(pages: Iterable[Any]) -> list[list[Line]]:
    """The lines of pypdf's pages, in the order they are read in. Raises ValueError where a file does not say which
    letters its fonts show."""
    pages = list(pages)
    read = [_lines(_runs(page), number) for number, page in enumerate(pages)]
    if _unspaced(read):
        for page in pages:
            _narrow(page)
        read = [_lines(_runs(page), number) for number, page in enumerate(pages)]
    if not _legible(read):
        read = [[replace(x, text=_tidy(x.text.translate(_CODES).translate(_TEX))) for x in page] for page in read]
    if not _legible(read):
        raise ValueError("the PDF does not say which letters its fonts show")
    return read


def body_lines(pages: list[list[Line]], style: Style) -> list[Line]:
    """All lines less running heads, page numbers and the labels of drawings; notes are marked."""
    pages = [_without_drawings(page, style) for page in _without_margins(pages)]
    return [line for page in pages for line in _noted(_emphasised(page, style), style)]


def _runs(page: Any) -> list[Run]:
    """The text of a page as pypdf reads it, with the font and place of each stretch; lines end in "\\n"."""
    out: list[Run] = []
    kinds: dict[str, tuple[str, bool, bool]] = {}

    def seen(text: str, cm: Sequence[float], tm: Sequence[float], font: Any, size: Any) -> None:
        if not text:
            return
        number = _number(font)
        if number not in kinds:
            kinds[number] = _kind(font)
        face, bold, mono = kinds[number]
        # By height alone: type is stretched a little in width to make lines even.
        scale = math.hypot(tm[2], tm[3]) * math.sqrt(abs(cm[0] * cm[3] - cm[1] * cm[2]))
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        out.append(Run(text, face, round(float(size or 0) * scale, 1), x, y, bold, mono))

    page.extract_text(visitor_text=seen)
    return out


def _number(font: Any) -> str:
    """The number of a font's object in its file, or its address where it has none."""
    reference = getattr(font, "indirect_reference", None)
    return f"font {reference.idnum}" if reference is not None else f"font at {id(font)}"


def _kind(font: Any) -> tuple[str, bool, bool]:
    """(face, bold, of one width) of a font. A font without a name goes by its number."""
    if not font:
        return "", False, False
    name = re.sub(r"^[A-Z]{6}(?=\+)", "", str(font.get("/BaseFont") or "").lstrip("/"))  # "+" where it is in the file
    widths = font["/Widths"] if "/Widths" in font else None  # noqa: SIM401 `get` does not follow references
    found = [float(w) for w in widths if isinstance(w, (int, float)) and w] if isinstance(widths, list) else []
    mono = bool(_MONO.search(name)) or (len(found) > 5 and len(set(found)) == 1)
    return name or _number(font), bool(_BOLD.search(name) or _CAPITALS.search(name)), mono


def _lines(runs: Iterable[Run], page: int) -> list[Line]:
    rows: list[list[Run]] = [[]]
    for run in runs:
        parts = run.text.split("\n")
        for i, part in enumerate(parts):
            if i:
                rows.append([])
            if part:
                rows[-1].append(replace(run, text=part))
    return [_line(row, page) for row in rows if any(run.text.strip() for run in row)]


def _line(row: list[Run], page: int) -> Line:
    weight: Counter[tuple[str, float]] = Counter()
    for run in row:
        weight[run.face, run.size] += len(run.text.strip())
    (face, size), _ = weight.most_common(1)[0]
    main = next(run for run in row if (run.face, run.size) == (face, size))
    inked = [run for run in row if run.text.strip()]
    texts = [_script(run, main, before) for run, before in zip(row, ["", *(r.text for r in row)], strict=False)]
    strong = 0
    while strong < len(inked) and inked[strong].bold:
        strong += 1
    at = row.index(inked[strong]) if 0 < strong < len(inked) else 0
    return Line(
        text=_tidy("".join(texts)),
        face=face,
        size=size,
        x=inked[0].x,
        y=main.y,
        strong=strong == len(inked),
        mono=all(run.mono for run in inked),
        lead=_tidy("".join(texts[:at])),
        page=page,
    )


def _script(run: Run, main: Run, before: str) -> str:
    """The text of a stretch; small raised digits are an exponent or a note's mark, which goes."""
    text = run.text.translate(_TEX)
    if not re.fullmatch(r"\s*[-+−]?\d{1,3}\s*", text) or run.size >= RAISED * main.size or run is main:
        return text
    if run.y <= main.y:
        return text.strip() if run.y < main.y else text  # an index, as in "CO2"
    if re.search(r"[a-z]{3}$|[.,;:!?)\]”’\"]$", before.rstrip()):
        return " " if text != text.rstrip() else ""
    return text.strip().translate(SUPERSCRIPTS)


def _accented(found: re.Match[str]) -> str:
    sign = next(filter(None, found.groups()))
    return unicodedata.normalize("NFC", found[5].replace("ı", "i") + _ACCENTS[sign])


def _tidy(text: str) -> str:
    """A line without ligatures, with accents on their letters ("M¨achler"), and without the blanks that a change of
    fonts puts before a mark."""
    text = _ACCENT.sub(_accented, text)
    text = re.sub(r"(?<=\w)\r(?=[a-z])|(?<![^\s])\r(?=[a-z])", "fl", text.translate(_LIGATURES))
    text = _SPACE.sub(" ", text).strip()
    text = re.sub(r"(?<=\w) (?=[’'](?:s|re|ve|ll|t|d)\b)|(?<=[\w)\]]) (?=[⁰¹²³⁴-⁹⁺⁻ⁿ])", "", text)
    return re.sub(r"(?<=[\w)\]”’]) (?=[,;.:!?)\]](?:\s|$|[,;.:)\]]))|(?<=[(\[]) (?=\w)", "", text)


def _legible(pages: list[list[Line]]) -> bool:
    """Whether what is read is writing and no row of dingbats, one for each letter of a font whose names mislead."""
    some = "".join(line.text for page in pages[:9] for line in page).replace(" ", "")
    return sum(unicodedata.category(c) == "So" for c in some) * 5 <= len(some)


def _unspaced(pages: list[list[Line]]) -> bool:
    """Whether words of Latin letters run into each other."""
    texts = (line.text for page in pages for line in page)
    words = [word for text in texts for word in text.split() if re.search("[A-Za-z]", word)]
    letters = sum(map(len, words))
    return letters > max(60, UNSPACED * len(words))


def _narrow(page: Any) -> None:
    """Have pypdf take the blanks of a page's fonts for narrow: it finds the gaps between words by the width of
    character 32, which in a font with numbers of its own is any letter's."""
    from pypdf.generic import ArrayObject, NumberObject

    fonts = page["/Resources"]["/Font"] if "/Font" in page.get("/Resources", {}) else {}
    for font in fonts.values():
        font = font.get_object()
        for own in font["/DescendantFonts"] if "/DescendantFonts" in font else []:  # noqa: SIM401
            own = own.get_object()
            if "/W" in own and isinstance(own["/W"], ArrayObject):
                own["/W"].extend([NumberObject(32), ArrayObject([NumberObject(BLANK)])])


def _without_drawings(page: list[Line], style: Style) -> list[Line]:
    """The lines of a page less the labels of drawings: lines in a font that is not in the file, beside text in fonts
    that are, and lines without serifs with numbers of an axis among them, where the text has serifs."""
    embedded, serifs = style.face[:1] == "+" or style.face.startswith("font "), not _SANS.match(style.face)
    out: list[Line] = []
    for foreign, some in groupby(page, lambda line: serifs and bool(_SANS.match(line.face))):
        lines = list(some)
        if foreign and any(_TICKS.fullmatch(line.text) and re.search(r"\d", line.text) for line in lines):
            continue
        out += [line for line in lines if not (embedded and _DRAWN.fullmatch(line.face))]
    return out


def _emphasised(page: list[Line], style: Style) -> list[Line]:
    """The lines of a page, more than MOST_LINES in a row of one face and size taken for text, whatever they are set in:
    an abstract in bold type is no heading."""
    out: list[Line] = []
    for (face, size, mono), some in groupby(page, lambda line: (line.face, line.size, line.mono)):
        lines = list(some)
        long = len(lines) > MOST_LINES and not mono and size >= SMALLER * style.size and face != style.face
        out += [replace(x, face=style.face, size=style.size, strong=False) if long else x for x in lines]
    return out


def style_of(lines: list[Line]) -> Style:
    """What most of the prose of some lines is set in; of all of them, where hardly any is prose."""
    letters = sum(len(line.text) for line in lines)
    prose = [line for line in lines if not line.mono]
    if 5 * sum(len(line.text) for line in prose) < letters:
        prose = lines
    weight: Counter[tuple[str, float]] = Counter()
    for line in prose:
        weight[line.face, line.size] += len(line.text)
    (face, size), most = weight.most_common(1)[0] if weight else (("", 0.0), 0)
    body = [line for line in lines if (line.face, line.size) == (face, size)]
    steps = [a.y - b.y for a, b in zip(lines, lines[1:], strict=False) if a.page == b.page and a.size == b.size == size]
    steps = [step for step in steps if 0.5 * size < step < 4 * size]
    lengths = sorted(len(line.text) for line in lines if line.text)
    return Style(
        face=face,
        size=size,
        distance=median(steps) if len(steps) > 3 else 0.0,
        width=lengths[int(0.8 * (len(lengths) - 1))] if lengths else 0,
        strong=2 * sum(line.strong for line in body) > len(body),
        mono=prose is lines and any(line.mono for line in body),
        plain=most == letters,
    )


def _without_margins(pages: list[list[Line]]) -> list[list[Line]]:
    """All lines less page numbers and lines that head or foot at least three pages and a third of them."""
    edges = [{_edge(line.text) for line in [*page[:2], *page[-2:]]} for page in pages]
    counts = Counter(edge for found in edges for edge in found)
    running = {edge for edge, count in counts.items() if count >= max(3, len(pages) // 3) and edge}
    out = []
    for page in pages:
        margin = {0, 1, len(page) - 2, len(page) - 1}
        out.append(
            [
                line
                for i, line in enumerate(page)
                if i not in margin or not (_PAGE_NUMBER.fullmatch(line.text) or _edge(line.text) in running)
            ]
        )
    return out


def _edge(line: str) -> str:
    return re.sub(r"\d+", "0", line).strip().lower()


def _noted(page: list[Line], style: Style) -> list[Line]:
    """The lines of a page, those in small type at its foot marked as notes."""
    at = len(page)
    while at and 0 < page[at - 1].size <= SMALLER * style.size and not page[at - 1].mono:
        at -= 1
    if not any(line.size == style.size for line in page[:at]):
        return page
    return [*page[:at], *(replace(line, note=True) for line in page[at:])]
