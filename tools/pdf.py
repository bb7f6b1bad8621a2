"""PDF to blocks, the same that `tools.html_blocks` makes of HTML.

A PDF has no paragraphs, only words at places. What it says of its structure is in its fonts and its spacing: headings
stand in another face or a larger size, code in a face whose letters are all of one width, notes in small type at the
foot of a page, captions apart from the text. Where a file has one face and one size, headings go by their wording.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import replace
from itertools import islice

from dlm_core.english import FUNCTION
from tools.html_blocks import Block
from tools.pdf_lines import SMALLER, Line, Style, body_lines, read_lines, style_of
from tools.text_blocks import BULLET, STOP, Document, iso_date, join_lines

MAX_PDF_PAGES = 150  # about 30 s of pypdf; a longer document is read up to here
LARGER = 1.08  # times the size of the text from which a line is a heading by its size
TITLE = 1.2  # and from which one on the first page is its title
LOWER = 0.75  # size beside that of its heading from which a heading ends a list of references
APART = 1.4  # usual distances of lines from which a line stands apart from the one above
INDENT = (0.8, 4.0)  # sizes of type that a paragraph's first line may stand in
CAPTION_LINES = 15  # at most
LONGEST = 110  # characters of a heading set as one
DOTS = "•‣◦▪"  # begin an item wherever they begin a line

_NUMBERED = re.compile(r"^(?:(\d+(?:\.\d+)*)\.?|[A-H](?:\.\d+)+\.?|[A-H]\.|[IVX]+\.)\s+(?=[^\W\d_])")
_LEADER = re.compile(r"(?:\s?[.·]){4,}\s*\d{0,4}$")  # of a table of contents
_OF_PAGE = re.compile(r"\s+\d{1,3}$")
_STAR = re.compile(r"\s*[∗*†‡§¶]+$")
_CAPTION = re.compile(
    r"^(?:Figure|Fig\.|Table|Listing|Algorithm|Scheme)\s*(?:[A-Z]?\d+(?:[.-]\d+)*|[IVX]+)\s*[.:|–-]", re.I
)
# Sections of a paper that tell of other papers or of its making: titles of what it cites are no sentences of its own.
_BACK = re.compile(
    r"(?:references|bibliography|literature cited|works cited|references and notes|notes and references|reference list"
    r"|acknowledge?ments?|funding|author contributions?|(?:conflicts?|declaration) of (?:competing )?interests?"
    r"|competing interests|affiliations?|contents|table of contents|index)",
    re.I,
)
# How a heading may begin and end; a word of three letters is in it.
_SHAPE = re.compile(r"(?=.*[^\W\d_]{3})(?:[^\W_]|[“‘\"'(¿]).*[^,;-]$")
# Stand above what they head in any face and size.
_FRONT = re.compile(r"(?:abstract|summary|executive summary|introduction|conclusions?)\s*:?", re.I)
_OPENING = re.compile(r"(Abstract|ABSTRACT|Summary|SUMMARY)\s*(?:[.:]|[—–-]+)\s*(?=[A-Z“])")
_NO_TITLE = re.compile(r"\.(?:docx?|tex|dvi|indd|qxd|ps|pdf)$|^untitled|^microsoft word", re.I)


def pdf(data: bytes) -> Document:
    """Blocks of a PDF: running heads and page numbers dropped, divided words joined, paragraphs across pages too.

    Captions go with the pictures and tables they tell of, lists of references with the papers they name. Raises
    ValueError with the reason: encrypted, damaged, pictures of text only, or no word on what its letters are.
    """
    import pypdf
    from pypdf.errors import PyPdfError

    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ValueError("the PDF is locked by a password")
        pages = read_lines(islice(reader.pages, MAX_PDF_PAGES))
        meta = reader.metadata
        title = str(meta.title or "") if meta else ""
        date = _date(str(meta.get("/CreationDate") or "")) if meta else ""
    except (PyPdfError, KeyError, TypeError, IndexError, AttributeError, OSError, RecursionError) as error:
        raise ValueError("the PDF is damaged") from error
    style = style_of([line for page in pages for line in page])
    lines = body_lines(pages, style)
    if not any(line.text for line in lines):
        raise ValueError("the PDF holds no text, only pictures")
    return Document(_blocks(lines, style), _title(title, pages, style), date)


def _title(stated: str, pages: list[list[Line]], style: Style) -> str:
    """The title a file states, or what its first page has in the largest type: "CMR10" is no title."""
    stated = _STAR.sub("", " ".join(stated.split()))
    largest = _largest(pages, style)
    if _NO_TITLE.search(stated) or (" " not in stated and " " in largest):
        return largest
    return stated or largest


def _largest(pages: list[list[Line]], style: Style) -> str:
    """What the first page has in the largest type, where that is larger than the text; "" otherwise."""
    first = [line for page in pages[:1] for line in page[:20] if re.search(r"[^\W\d_]{2}", line.text)]
    size = max((line.size for line in first), default=0.0)
    found = [line.text for line in first if line.size == size]
    return _STAR.sub("", join_lines(found)) if size >= TITLE * style.size and len(found) <= 4 and style.size else ""


def _blocks(lines: list[Line], style: Style) -> list[Block]:
    """Paragraphs, headings, items and code of a PDF's lines."""
    flow = _Flow(lines, style)
    for line in _without_tables(lines, style):
        flow.add(line)
    flow.flush()
    # A heading with the number of a page, beside the same without it, is a line of a table of contents.
    names = {block.text for block in flow.blocks if block.kind == "heading"}
    listed = {name for name in names if _OF_PAGE.search(name) and _OF_PAGE.sub("", name) in names}
    return [block for block in flow.blocks if block.kind != "heading" or block.text not in listed]


def _without_tables(lines: list[Line], style: Style) -> list[Line]:
    """The lines less what stands directly above or below a caption and is no prose: cells of a table, what a picture
    says. A paragraph that such a page begins or ends goes on over it."""
    parts: list[list[Line]] = []
    for last, line in zip([None, *lines], lines, strict=False):
        if last is None or last.page != line.page or last.note != line.note or _apart(last, line, style):
            parts.append([])
        parts[-1].append(line)
    gone: set[int] = set()
    for n, part in enumerate(parts):
        if not style.distance or not _CAPTION.match(part[0].text):
            continue
        for step in (-1, 1):
            at = n + step
            while 0 <= at < len(parts) and parts[at][0].page == part[0].page and not _is_told(parts[at], style):
                gone.add(at)
                at += step
            if at != n + step:
                break  # a caption stands above or below, and what is on its other side may be a formula
    return [line for n, part in enumerate(parts) if n not in gone for line in part]


def _is_told(part: list[Line], style: Style) -> bool:
    """Whether lines that stand together are prose, code, a heading, a caption or a note."""
    first = part[0]
    if first.note or all(line.mono for line in part) or _CAPTION.match(first.text):
        return True
    headed = _is_heading(first, style, True)
    if headed and len(part) == 1:
        return True
    rest = part[headed:]  # what stands below a heading, or below the head of a table
    tokens = re.findall(r"[^\W_]+", " ".join(line.text.lower() for line in rest))
    ties = sum(token in FUNCTION for token in tokens)
    full = sum(len(line.text) for line in rest) >= 0.5 * style.width * len(rest)
    return 6 * ties >= len(tokens) > 0 and (full or bool(STOP.search(rest[-1].text)))


class _Flow:
    """Blocks as they come out of lines, one after the other."""

    def __init__(self, lines: list[Line], style: Style) -> None:
        self.style = style
        self.known = Counter(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", " ".join(line.text.lower() for line in lines)))
        self.blocks: list[Block] = []
        self.group: list[str] = []  # lines of the block at hand
        self.kind = "p"
        self.notes: list[str] = []  # lines of notes, which wait for the paragraph they stand below to end
        self.back: Line | None = None  # the heading of the list of references or the like that is at hand
        self.caption = 0  # lines of the caption at hand
        self.heading: Line | None = None  # the line before, where it was a heading
        self.last: Line | None = None  # the line before, notes left out

    def flush(self) -> None:
        """Ends the block at hand."""
        if self.group and self.back is None:
            code = self.kind == "code"
            text = "\n".join(self.group).replace("```", "'''") if code else join_lines(self.group, self.known)
            self.blocks.append(Block(self.kind, text))
        self.group, self.kind = [], "p"
        self.blocks += [Block("p", note) for note in _notes(self.notes, self.known)]
        self.notes = []

    def add(self, line: Line) -> None:
        """The next line."""
        if _LEADER.search(line.text[-LONGEST:]):
            return
        if line.note:
            if self.back is None:
                self.notes.append(line.text)
            return
        gap = _apart(self.last, line, self.style)
        if not self._captioned(line, gap):
            was, self.heading = self.heading, None
            if not (self._headed(line, gap, was) or self._coded(line, gap)):
                self._told(line, gap)
        self.last = line

    def _done(self) -> bool:
        """Whether the block at hand may end here."""
        return not self.group or self.kind == "code" or bool(STOP.search(self.group[-1]))

    def _captioned(self, line: Line, gap: bool) -> bool:
        """A line of a caption, which is left out."""
        last = self.last
        same = last is not None and line.page == last.page and abs(line.size - last.size) < 0.3 and not gap
        if 0 < self.caption < CAPTION_LINES and same and not _is_heading(line, self.style, True):
            self.caption += 1
            return True
        self.caption = 0
        apart = self._done() or gap or last is None or (last.size, last.page) != (line.size, line.page)
        if self.style.distance and apart and _CAPTION.match(line.text):
            self.caption, self.heading = 1, None
        return self.caption > 0

    def _headed(self, line: Line, gap: bool, was: Line | None) -> bool:
        """A heading, or the second line of the one before."""
        if was is not None and not gap and _goes_on(was, line, self.style):
            self.blocks[-1] = replace(self.blocks[-1], text=join_lines([self.blocks[-1].text, line.text], self.known))
            self.heading = line
            return True
        if not _is_heading(line, self.style, self._done()):
            return False
        name, level = _named(line, self.style)
        named = _BACK.fullmatch(name.rstrip(".:"))
        if self.back is not None and not named and (line.size < LOWER * self.back.size or _OF_PAGE.search(line.text)):
            return True  # a line of a table of contents, a name in a list
        self.flush()
        self.back = line if named else None
        if not named:
            self.blocks.append(Block("heading", name, level))
            self.heading = line
        return True

    def _coded(self, line: Line, gap: bool) -> bool:
        """A line of code."""
        if not ((line.mono and not self.style.mono) or line.text.startswith("#")):
            return False
        if self.kind != "code" and (self._done() or gap):
            self.flush()
            self.kind = "code"
        self.group.append(line.text)  # where a paragraph is not at its end, a name in code that it goes on with
        return True

    def _told(self, line: Line, gap: bool) -> None:
        """A line of a paragraph or item."""
        last, style = self.last, self.style
        if self.kind == "code":
            self.flush()
        if BULLET.match(line.text) and (self._done() or line.text[0] in DOTS):
            self.flush()
            self.kind = "item"
            self.group = [BULLET.sub("", line.text)]
            return
        step = line.x - last.x if last is not None and last.page == line.page else 0.0
        indented = self.kind == "p" and INDENT[0] * style.size < step < INDENT[1] * style.size
        # What is larger than the text and no heading, such as a date below a title, is no part of it.
        shown = last is not None and last.size >= LARGER * style.size > line.size and not style.plain
        short = not self.group or len(self.group[-1]) < 0.75 * style.width
        if shown or (self._done() and (gap or indented or short)):
            self.flush()
        text = line.text
        if not self.group and self.back is None:
            name = _run_in(line) if line.lead and not style.strong else ""
            if name:
                text = text[len(line.lead) :].lstrip(" .:—–")
            elif opening := _OPENING.match(text):
                name, text = opening[1], text[opening.end() :]
            if name:
                self.blocks.append(Block("heading", name, 4))
        self.group.append(text)


def _notes(lines: list[str], known: Counter[str]) -> list[str]:
    """Notes at a page's foot, each begun by its mark."""
    out: list[list[str]] = []
    for line in lines:
        bare = re.sub(r"^(?:\d{1,3}|[⁰¹²³⁴-⁹]{1,3}|[∗*†‡§¶a-z])\s*(?=[A-Z“])", "", line)
        if bare != line or not out:
            out.append([])
        out[-1].append(bare)
    return [join_lines(note, known) for note in out]


def _apart(last: Line | None, line: Line, style: Style) -> bool:
    """Whether more than the usual space lies between two lines of one page."""
    if last is None or not style.distance or last.page != line.page:
        return False
    return last.y - line.y > APART * style.distance * max(1.0, line.size / style.size)


def _is_heading(line: Line, style: Style, done: bool) -> bool:
    """Whether a line is a heading: by its face or size, or by its wording where a document has one of each."""
    words = [word for word in line.text.split() if word[0].isalpha()]
    if not words or line.mono != style.mono:
        return False
    if done and line.text[0].isupper() and _FRONT.fullmatch(line.text):
        return True
    if style.plain:
        return done and _reads_as_heading(line.text, words, style.width)
    if len(line.text) > LONGEST or len(words) > 14 or not _SHAPE.match(line.text):
        return False
    tokens = line.text.split()
    if 3 * sum(bool(re.search(r"\d|[=$<>{}|_]", token)) for token in tokens) > len(tokens) + 2:
        return False  # a formula, a row of figures
    numbered = bool(_NUMBERED.match(line.text))
    if re.search(r"[.!:][\"'”’)\]]*$", line.text) and not numbered and line.size < LARGER * style.size:
        return bool(_BACK.fullmatch(line.text.rstrip(".:"))) and line.strong
    if not (words[0][0].isupper() or numbered):
        return False
    if line.size >= LARGER * style.size:
        return True
    if line.strong and not style.strong and line.size >= SMALLER * style.size:
        return True
    other = not line.lead and line.face != style.face and line.size >= SMALLER * style.size
    return (
        other and done and (bool(_BACK.fullmatch(line.text)) or (numbered and _reads_as_heading(line.text, words, 90)))
    )


def _goes_on(heading: Line, line: Line, style: Style) -> bool:
    """Whether a line below a heading is its second."""
    if style.plain or _NUMBERED.match(line.text) or len(heading.text) + len(line.text) > 2 * LONGEST:
        return False
    alike = (heading.face, heading.size) == (line.face, line.size) != (style.face, style.size)
    return alike and heading.strong == line.strong and bool(re.search(r"[^\W\d_]{2}", line.text))


def _reads_as_heading(text: str, words: list[str], width: int) -> bool:
    if len(text) > min(70, 0.8 * width) or STOP.search(text) or text[-1] in ",;-" or text[0] in "•-–*":
        return False
    if re.match(r"^\d+(?:\.\d+)*\.?\s+[A-Z]", text):
        return len(words) <= 10
    capital = sum(word[0].isupper() for word in words)
    return len(words) <= 9 and words[0][0].isupper() and capital * 2 >= len(words)


def _named(line: Line, style: Style) -> tuple[str, int]:
    """(heading without its number, level) of a heading's line."""
    found = _NUMBERED.match(line.text)
    name = _STAR.sub("", line.text[found.end() :] if found else line.text)
    if found and found.group(1):
        return name, min(6, 2 + found.group(1).count("."))
    return name, 2 if style.plain or line.size >= LARGER * style.size else 3


def _run_in(line: Line) -> str:
    """The heading that a paragraph's first line opens with, in strong type; "" where it opens with none."""
    rest = line.text[len(line.lead) :].lstrip()
    words = _NUMBERED.sub("", line.lead).rstrip(" .:—–").split()
    ends = line.lead[-1] in ".:—–" or rest[:1] in "—–:"
    if not 1 <= len(words) <= 10 or not words[0][0].isupper() or not (rest[:1].isupper() or ends):
        return ""
    return "" if _CAPTION.match(line.text) else " ".join(words)


def _date(value: str) -> str:
    match = re.match(r"^(?:D:)?(\d{4})(\d\d)(\d\d)", value)
    return iso_date("-".join(match.groups())) if match else ""
