"""Stored text to passages and sentence-sized evidence, with character offsets.

Stored text is what every source becomes: plain text whose blocks are separated
by one blank line. `# Heading` (one to six #), `- item`, a fence of three
backticks around code, `| ` in front of a table row; everything else is a
paragraph of prose on one line. `tidy` makes that format, `split` reads it.
All offsets count characters of the stored text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from dlm_core.advice import ORDERS, instructs, warns
from dlm_core.boundaries import sentences
from dlm_core.clutter import clean, mendable
from dlm_core.code_names import plain, things
from dlm_core.headings import heading_of
from dlm_core.inline import clean_inline
from dlm_core.introduced import introduced, refers_back
from dlm_core.lists import said, told
from dlm_core.standalone import standalone

__all__ = ["Evidence", "Passage", "captions", "instruction", "split", "tidy", "usable"]

PASSAGE_MIN, PASSAGE_MAX = 60, 180  # words
_FENCE = "```"


@dataclass(frozen=True)
class Passage:
    """About 60 to 180 words of one source under one heading.

    `id` is f"{source}.p{start}" and so never changes while the stored text does
    not. `stored_text[start:end] == text`.
    """

    id: str
    source: str
    heading: str  # nearest heading, "" if none
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Evidence:
    """One sentence (or list with its lead, code block, table row, heading) of a passage.

    `id` is f"{source}.e{start}"; `stored_text[start:end] == text`, always. What it says, as a sentence, is `said`:
    for anything but a list that is its text.
    """

    id: str
    source: str
    passage: str  # id of the passage it stands in
    heading: str
    start: int
    end: int
    text: str
    lead: str  # the sentence before it in the same paragraph, "" if first
    standalone: bool  # may be offered to a claim as it is
    reason: str  # why not, "" if standalone
    caption: bool = False  # it stands in the caption of a figure

    @property
    def said(self) -> str:
        return said(self.text)


_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_ITEM = re.compile(r"(?:[-*+•‣◦▪]|\(?(\d{1,3}|[a-z])[.)])\s+(.*)$")
_RULE = re.compile(r"(?:[-*_=]\s*){3,}$|[|:\-\s+]*-[|:\-\s+]*$")


def tidy(text: str) -> str:
    """Any plain text or light Markdown as stored text (see the module's head).

    Wrapped lines of a paragraph or list item are joined, list marks become
    `- `, table rows `| a | b |`, rulers go. Tidy prose comes back as it is.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    blocks: list[str] = []
    current: list[str] = []
    prefix = ""

    def flush() -> None:
        nonlocal prefix
        body = clean_inline(" ".join(current))
        if body:
            blocks.append(prefix + body)
        current.clear()
        prefix = ""

    lines = iter(text.split("\n"))
    for raw in lines:
        line = raw.strip()
        if line.startswith((_FENCE, "~~~")):
            flush()
            code = _fenced(lines, line[:3])
            if any(c.strip() for c in code):
                blocks.append("\n".join([_FENCE, *code, _FENCE]))
            continue
        if not line:
            flush()
            continue
        if current and not prefix and re.fullmatch(r"=+|-{2,}", line):  # setext heading
            prefix = "# " if line[0] == "=" else "## "
            flush()
            continue
        heading, item = _HEADING.match(line), _ITEM.match(line)
        if item and item.group(1) and item.group(1) != "1" and current and not prefix:
            item = None  # "12. " in the middle of a wrapped paragraph is not a list
        if heading:
            flush()
            prefix = heading.group(1) + " "
            current.append(heading.group(2))
            flush()
        elif _RULE.match(line):
            flush()
        elif line.startswith("|"):
            flush()
            cells = [clean_inline(c) for c in re.split(r"(?<!\\)\|", line.strip("|"))]
            if any(cells):
                blocks.append("| " + " | ".join(cells) + " |")
        elif item:
            flush()
            prefix = "- "
            current.append(item.group(2))
        else:
            current.append(line)
    flush()
    return "\n\n".join(blocks)


def _fenced(lines: Iterator[str], fence: str) -> list[str]:
    """Lines up to the closing fence, cleaned of invisible characters, no blank ends."""
    code: list[str] = []
    for line in lines:
        if line.strip().startswith(fence):
            break
        line = "".join(c for c in unicodedata.normalize("NFC", line.expandtabs(4)) if unicodedata.category(c)[0] != "C")
        code.append(line.rstrip().replace(_FENCE, "'''"))
    while code and not code[0]:
        code.pop(0)
    while code and not code[-1]:
        code.pop()
    return code


# --- passages and evidence ------------------------------------------------------


@dataclass(frozen=True)
class _Atom:
    """A piece that is never cut: a sentence, item, row or run of code lines."""

    start: int
    end: int
    kind: str  # prose | item | row | code
    block: int  # number of its block in the text
    lead: str
    words: int
    reason: str


_LONGEST = 1500  # characters of one atom; longer ones are cut at white space


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans = []
    while end - start > _LONGEST:
        stop = max(text.rfind(" ", start, start + _LONGEST), text.rfind("\n", start, start + _LONGEST))
        stop = stop if stop > start else start + _LONGEST
        spans.append((start, stop))
        start = stop + len(text[stop:end]) - len(text[stop:end].lstrip())
    if start < end:
        spans.append((start, end))
    return spans


def _blocks(text: str) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of every block: heading, code, row, item or prose."""
    position = 0
    fence = -1
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        start = position
        position += len(line)
        body = line.strip()
        if fence >= 0:
            if body.startswith(_FENCE):
                yield "code", fence, start + len(line.rstrip())
                fence = -1
            continue
        if body.startswith(_FENCE):
            fence = start
            continue
        if not body:
            continue
        begin = start + len(line) - len(line.lstrip())
        end = start + len(line.rstrip())
        kind = "prose"
        if _HEADING.match(body):
            kind = "heading"
        elif body.startswith("| "):
            kind = "row"
        elif body.startswith("- "):
            kind = "item"
        yield kind, begin, end
    if fence >= 0:
        yield "code", fence, len(text.rstrip())


# An order that nobody is meant to follow: "Return the deadline." under "when() → float" says what that does.
WARNED, DESCRIBED = "told of as what not to do", "says what the code above it does"
_SIGNATURES = re.compile(r"```\w*\n(?:(?:\w+ )*[\w.]+\([^\n]*\)(?: ?(?:→|->)[^\n]*)?\n){1,3}```\Z")
# "-O", "--no-owner": under an option stands first what it does: "Include large objects in the dump."
_OPTION = re.compile(r"```\w*\n-{1,2}[\w?][^\n]*\n(?:-{1,2}[\w?][^\n]*\n){0,2}```\Z")
INTRODUCED = ("its subject is introduced before", "names something introduced before")


def usable(evidence: Evidence) -> bool:
    """Whether a claim may rest on a sentence, as it is or without what stands in it for its neighbours."""
    return evidence.standalone or (evidence.reason not in (*INTRODUCED, DESCRIBED) and mendable(evidence.text))


def instruction(evidence: Evidence) -> bool:
    """Whether a sentence is no statement and says what to do: where a question asks that, a claim may rest on it."""
    if usable(evidence) or evidence.reason not in ORDERS:
        return False
    return not warns(evidence.heading) and instructs(evidence.text)


def _atoms(
    text: str, kind: str, start: int, end: int, block: int, above: str, heading: str, names: Collection[str]
) -> list[_Atom]:
    """The sentences of a block; above: the paragraph ending in a colon that it hangs on, or the code before it; names:
    those in code that the page is about."""
    if kind in ("code", "row"):
        reason = "code" if kind == "code" else "table row"
        return [_Atom(a, b, kind, block, "", len(text[a:b].split()), reason) for a, b in _cut(text, start, end)]
    if kind == "item":
        start += 2
        start += len(text[start:end]) - len(text[start:end].lstrip())
    hanging, option = above.endswith(":"), bool(_OPTION.match(above))
    unmeant = DESCRIBED if _SIGNATURES.match(above) else WARNED if warns(above) and hanging else ""
    atoms: list[_Atom] = []
    lead = ""
    for a, b in sentences(text[start:end]):
        for c, d in _cut(text, start + a, start + b):
            sentence = text[c:d]
            reason = _reason(plain(sentence, names), lead, text[start:c], heading)
            if (reason in ORDERS and unmeant) or (option and not lead):
                reason = unmeant or DESCRIBED
            if not reason and hanging and not lead:
                reason = "list item under a lead" if kind == "item" else "hangs on the line before it"
            atoms.append(_Atom(c, d, kind, block, lead, len(sentence.split()), reason))
            lead = sentence
    return atoms


def _reason(sentence: str, lead: str, before: str, heading: str) -> str:
    """Why a sentence cannot stand alone after the sentence `lead` and all that is `before` it in its block; "" where
    it can."""
    reason = standalone(sentence)
    # What would stand alone without its clutter is asked the same: "However, the disks formed later".
    left = clean(sentence) if mendable(sentence) else "" if reason else sentence
    if left and introduced(left, lead, heading):
        return INTRODUCED[0]
    if (left and refers_back(left, before, heading)) or (reason in ORDERS and refers_back(sentence, before, heading)):
        return INTRODUCED[1]
    return reason


def _listed(atoms: list[_Atom], text: str, heading: str, names: Collection[str]) -> list[_Atom]:
    """The atoms of one section, those that lead to a list reaching to its end where both can be told in one sentence
    that stands alone. The items stay: they may be read, and not cited."""
    out = list(atoms)
    for n, atom in enumerate(atoms):
        if atom.kind != "prose" or not text[atom.start : atom.end].endswith(":"):
            continue
        last = n
        while last + 1 < len(atoms) and atoms[last + 1].kind == "item":
            last += 1
        after = atoms[last + 1 : last + 3]
        # Code, a table or another paragraph may belong to the last item, and the list go on behind it.
        if any(a.kind in ("code", "row") for a in after[:1]) or any(a.kind == "item" for a in after):
            continue
        sentence = told(text[atom.start : atoms[last].end])
        before = text[text.rfind("\n", 0, atom.start) + 1 : atom.start]
        if sentence and not _reason(plain(sentence, names), atom.lead, before, heading):
            out[n] = replace(atom, end=atoms[last].end, reason="")
    return out


def _groups(atoms: list[_Atom]) -> list[list[_Atom]]:
    """Atoms of one section in runs of 60 to 180 words, cut between blocks where that fits."""
    groups: list[list[_Atom]] = []
    words = 0
    for i, atom in enumerate(atoms):
        new_block = i == 0 or atoms[i - 1].block != atom.block
        rest = 0
        for later in atoms[i:]:
            if later.block != atom.block:
                break
            rest += later.words
        full = words + atom.words > PASSAGE_MAX or (new_block and words >= PASSAGE_MIN and words + rest > PASSAGE_MAX)
        if not groups or full:
            groups.append([])
            words = 0
        groups[-1].append(atom)
        words += atom.words
    if len(groups) > 1:
        tail = sum(a.words for a in groups[-1])
        before = sum(a.words for a in groups[-2])
        if tail < PASSAGE_MIN and before + tail <= PASSAGE_MAX + PASSAGE_MIN // 2:
            groups[-2].extend(groups.pop())
    return groups


def split(text: str, source: str) -> tuple[list[Passage], list[Evidence]]:
    """Passages and evidence of a stored text, in reading order.

    No passage crosses a heading, no evidence crosses a passage. What cannot
    stand alone is there too, with standalone False and the reason.
    """
    passages: list[Passage] = []
    evidence: list[Evidence] = []
    names = things(text)
    heading = ""
    title: tuple[int, int] | None = None
    section: list[_Atom] = []

    def close() -> None:
        nonlocal title
        whole = {a.start: a for a in _listed(section, text, heading, names)}
        for number, group in enumerate(_groups(section)):
            start, end = group[0].start, group[-1].end
            passage = Passage(f"{source}.p{start}", source, heading, start, end, text[start:end])
            passages.append(passage)
            if number == 0 and title is not None:
                a, b = title
                name = f"{source}.e{a}"
                evidence.append(Evidence(name, source, passage.id, heading, a, b, text[a:b], "", False, "heading"))
            for atom in group:
                if whole[atom.start].end <= end:  # a list that goes on in the next passage stays parted
                    atom = whole[atom.start]
                evidence.append(
                    Evidence(
                        f"{source}.e{atom.start}",
                        source,
                        passage.id,
                        heading,
                        atom.start,
                        atom.end,
                        text[atom.start : atom.end],
                        atom.lead,
                        not atom.reason,
                        atom.reason,
                    )
                )
        section.clear()
        title = None

    above = ""  # the block before, where it is code, or ended in ":", so that what follows may hang on it
    for number, (kind, start, end) in enumerate(_blocks(text)):
        if kind == "heading":
            close()
            match = _HEADING.match(text[start:end])
            heading = heading_of(match.group(2) if match else text[start:end], text)
            stands = text[start:end][-len(heading) :].casefold() == heading.casefold()
            title = (end - len(heading), end) if stands else None
            above = ""
            continue
        section.extend(_atoms(text, kind, start, end, number, above, heading, names))
        if kind == "code" or text[start:end].endswith(":"):
            above = text[start:end]
        elif kind != "item" or not above.endswith(":"):
            above = ""
    close()
    return passages, evidence


def captions(
    text: str, passages: Sequence[Passage], evidence: Sequence[Evidence], places: Sequence[tuple[int, int]]
) -> tuple[list[Evidence], list[Evidence]]:
    """(evidence that stands in a caption, marked; further evidence from captions) of a stored text that `split` has
    read. places: (start, end) of each caption's words, without its label and its credit.

    Further: sentences that stand alone once label and credit are off, at places where no evidence begins.
    """
    known = {e.start: e for e in evidence}
    inside = [replace(e, caption=True) for e in evidence if any(a <= e.start and e.end <= b for a, b in places)]
    further = []
    for start, end in places:
        lead = ""
        passage = next((p for p in passages if p.start <= start and end <= p.end), None)
        if passage is None:
            continue
        for a, b in sentences(text[start:end]):
            sentence, at = text[start + a : start + b], start + a
            if at not in known and not standalone(sentence):
                name = f"{passage.source}.e{at}"
                further.append(
                    Evidence(
                        name, passage.source, passage.id, passage.heading, at, start + b, sentence, lead, True, "", True
                    )
                )
            lead = sentence
    return inside, further
