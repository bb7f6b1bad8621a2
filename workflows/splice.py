"""A revised canvas put into the Markdown it came from: touched sentences change, every other character stays.

Places are paragraphs with sentences in them. A claim that stays keeps its
characters, also where it moves to another place; one whose text changed is
written anew with its citation marks; one that is gone takes the white space at
its side along, and its paragraph where nothing else stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlm_core.canvas import Canvas, Kind, Slot
from workflows.foreign import OPEN_ENDS, Block, Page, Section, Sentence, parse
from workflows.given import Given
from workflows.report import Numbers, Report, address, disagreement, escape

_STOP = re.compile(r"[.!?…]+[”\"’)]*$")


@dataclass(frozen=True)
class Cut:
    """Characters [start, end) of a text, and what takes their place."""

    start: int
    end: int
    text: str


def splice(given: Given, after: Canvas, sources: Mapping[str, Report], evidence: Mapping[str, str]) -> str:
    """The text of `given` with what `after` changed. sources: report.json's, by id;
    evidence: evidence id -> source id."""
    page = given.page
    assert page is not None
    writer = _Writer(given, page, after, evidence)
    before = given.canvas
    cuts = _sections_cuts(given, page, before, after, writer)
    cuts += _summary_cuts(given, page, before, after, writer)
    cuts += _new_entries(page, writer, sources)
    moved = _moves(given, page, before, after)
    return _applied(page.text, cuts, moved)


def _applied(text: str, cuts: Sequence[Cut], order: Sequence[tuple[int, int]]) -> str:
    """The text with its cuts made, then its stretches `order` put one after the
    other where the first of them stands."""

    def made(start: int, end: int, last: bool) -> str:
        out, at = "", start
        for c in sorted(cuts, key=lambda c: (c.start, c.end)):
            inside = start <= c.start < end or (last and c.start == end) or (c.start == c.end == start)
            if inside and c.start >= at:
                out += text[at : c.start] + c.text
                at = c.end
        return out + text[at:end]

    if not order:
        return made(0, len(text), True)
    begin, end = min(a for a, _ in order), max(b for _, b in order)
    stretches = [made(a, b, False) for a, b in order]
    newline = "\r\n" if "\r\n" in text else "\n"
    # The last section may end without a blank line behind it; moved up, it needs one.
    mended = [
        s if n == len(stretches) - 1 or s.endswith(newline * 2) else s.rstrip("\r\n") + newline * 2
        for n, s in enumerate(stretches)
    ]
    tail = text[:end]
    if mended and end == len(text):
        ending = tail[len(tail.rstrip("\r\n")) :]
        mended[-1] = mended[-1].rstrip("\r\n") + ending
    return made(0, begin, False) + "".join(mended) + made(end, len(text), True)


class _Writer:
    """Claims as Markdown in the manner of the page."""

    def __init__(self, given: Given, page: Page, after: Canvas, evidence: Mapping[str, str]) -> None:
        self.given = given
        self.page = page
        self.evidence = evidence
        self.numbers = after.numbers
        known = {*page.references, *(n for s in page.sentences() for n in s.cites)}
        cited = dict.fromkeys(evidence[p] for p in after.cited() if p in evidence)
        self.added = [s for s in cited if s in self.numbers and self.numbers[s] not in known]
        self._old = {s.id: s for s in (*given.canvas.slots, *given.canvas.summary)}
        marked = [s for s in page.sentences() if s.cites]
        self.inside = sum(s.inside for s in marked) * 2 > len(marked)
        sample = next((s.marks for s in marked), " [1]")
        self.space = re.match(r"\s*", sample)[0].replace("\n", " ")  # type: ignore[index]
        self.foot = "[^" in sample
        self.sup = "<sup>" in sample
        self.listed = any(re.search(r"\d\s?[,;]\s?\^?\d", s.marks) for s in marked)

    def raw(self, slot: Slot) -> str:
        """The sentence of a claim: its own characters where its text stands."""
        place = self.given.places.get(slot.id)
        old = self._old.get(slot.id)
        keep = place is not None and old is not None and self._cited_there(old, slot, place)
        if keep and place is not None and old is not None and old.text == slot.text:
            return self.page.text[place.start : place.end]
        marks = place.marks.replace("\n", " ") if keep and place is not None else self.marks(slot, place)
        inside = place.inside if place is not None and place.cites else self.inside
        text = escape(slot.text)
        if place is not None and place.start and self.page.text[place.start - 1] not in "\r\n" or not place:
            text = re.sub(r"^\\([#+=-])|^(\d{1,9})\\([.)])", lambda m: m[1] or m[2] + m[3], text)
        stop = _STOP.search(text)
        if inside and marks and stop:
            return text[: stop.start()] + marks + stop[0]
        return text + marks

    def _cited_there(self, old: Slot, slot: Slot, place: Sentence) -> bool:
        """Whether the marks of a sentence name the sources that its claim rests on now."""
        before = {self.evidence.get(p) for p in old.pointers}
        now = {self.evidence.get(p) for p in slot.pointers}
        return before == now or {self.numbers.get(s or "") for s in now} <= {*place.cites}

    def marks(self, slot: Slot, place: Sentence | None) -> str:
        sources = dict.fromkeys(self.evidence[p] for p in slot.pointers if p in self.evidence)
        held = set(place.cites if place is not None else ())
        numbers = sorted({self.numbers[s] for s in sources if s in self.numbers} | held)
        if not numbers:
            return ""
        if self.foot:
            return self.space + "".join(f"[^{n}]" for n in numbers)
        if self.sup:
            return self.space + "".join(f"<sup>{n}</sup>" for n in numbers)
        if self.listed:
            return f"{self.space}[{', '.join(map(str, numbers))}]"
        return self.space + "".join(f"[{n}]" for n in numbers)


# --- sections -----------------------------------------------------------------------


def _bodies(canvas: Canvas) -> dict[str, list[Slot]]:
    return {h.id: [s for s in body if s.kind == Kind.CLAIM and s.text] for h, body in canvas.sections()}


def _sections_cuts(given: Given, page: Page, before: Canvas, after: Canvas, writer: _Writer) -> list[Cut]:
    old, new = _bodies(before), _bodies(after)
    out: list[Cut] = []
    for head, place in given.heads.items():
        section = page.sections[place]
        had, has = old.get(head, []), new.get(head, [])
        if head not in new or (had and not has):
            out.append(_without_section(section) if section.bare and place else Cut(0, 0, ""))
            if not section.bare or not place:
                out += _paragraph_cuts(given, section, had, [], writer, page)
            continue
        name_old, name_new = before.slot(head).text, after.slot(head).text
        if name_old != name_new and section.head is not None:
            out.append(Cut(*section.head, escape(name_new)))
        if had != has:
            out += _paragraph_cuts(given, section, had, has, writer, page)
    return out


def _without_section(section: Section) -> Cut:
    return Cut(section.start, section.end, "")


def _summary_cuts(given: Given, page: Page, before: Canvas, after: Canvas, writer: _Writer) -> list[Cut]:
    had = [s for s in before.summary if s.id in given.places]
    has = {s.id: s for s in after.summary}
    out: list[Cut] = []
    blocks = [b for s in page.sections for b in s.blocks]
    for block in blocks:
        own = [(x, s) for x in block.sentences for s in had if given.places[s.id] == x]
        gone = [x for x, s in own if s.id not in has]
        if gone and len(gone) == len(block.sentences):
            out.append(_without_block(page, block))
            continue
        out += [_without_sentence(block, x) for x in gone]
        for x, s in own:
            if s.id in has and has[s.id].text != s.text:
                text = escape(has[s.id].text)
                out.append(Cut(x.start, x.end, text + x.marks.replace("\n", " ")))
    return out


def _paragraph_cuts(
    given: Given, section: Section, had: Sequence[Slot], has: Sequence[Slot], writer: _Writer, page: Page
) -> list[Cut]:
    """What changes in the paragraphs of one section."""
    now = {s.id: s for s in has}
    was = {s.id for s in had}
    stays_old = [s for s in had if s.id in now]
    stays_new = [s for s in has if s.id in was]
    at = {old.id: new for old, new in zip(stays_old, stays_new, strict=True)}  # place of -> who stands there now
    follows: dict[str, list[Slot]] = {}
    tail: list[Slot] = []
    led = ""
    for slot in has:
        if slot.id in was:
            led = slot.id
        else:
            follows.setdefault(led, []).append(slot)
    if stays_new and len(follows.get(stays_new[-1].id, [])) > 1:
        tail = follows.pop(stays_new[-1].id)
    tail = [*follows.pop("", []), *tail]
    out: list[Cut] = []
    held = {given.places[s.id]: s for s in had if s.id in given.places}
    last: Block | None = None
    for block in section.blocks:
        own = [(x, held[x]) for x in block.sentences if x in held]
        if not own:
            continue
        gone = [x for x, s in own if s.id not in at]
        if len(gone) == len(block.sentences) and block.alone:
            out.append(_without_block(page, block))
            continue
        last = block
        out += [_without_sentence(block, x) for x in gone]
        for x, s in own:
            if s.id not in at:
                continue
            stands = at[s.id]
            text = writer.raw(stands)
            more = follows.get(stands.id, [])
            if stands.id == (stays_new[-1].id if stays_new else "") and more and block.nested:
                tail, more = [*more, *tail], []  # a list item holds what it held
            text += "".join(" " + writer.raw(m) for m in more)
            if text != page.text[x.start : x.end]:
                out.append(Cut(x.start, x.end, text))
    if tail:
        out.append(_new_paragraph(page, section, last, " ".join(writer.raw(s) for s in tail)))
    return out


def _without_sentence(block: Block, gone: Sentence) -> Cut:
    """A sentence with the white space after it, or before it where it is the last."""
    n = block.sentences.index(gone)
    if n + 1 < len(block.sentences):
        return Cut(gone.start, block.sentences[n + 1].start, "")
    return Cut(block.sentences[n - 1].end if n else gone.start, gone.end, "")


def _without_block(page: Page, block: Block) -> Cut:
    """A paragraph or item with its lines, and one blank line beside it."""
    text, start, end = page.text, block.start, block.end
    line = re.compile(r"[ \t>]*(?:\r\n|\r|\n)")
    m = line.match(text, end)
    if m is None:  # the text ends here
        return Cut(len(text[:start].rstrip("\r\n \t")) if text[:start].strip() else start, end, "")
    end = m.end()
    blank = line.match(text, end)
    if blank is not None and (start == 0 or re.search(r"(?:\A|[\r\n])[ \t>]*(?:\r\n|\r|\n)\Z", text[:start])):
        end = blank.end()
    return Cut(start, end, "")


def _new_paragraph(page: Page, section: Section, last: Block | None, text: str) -> Cut:
    """A paragraph behind the last one with sentences, or under the heading."""
    blank = page.newline * 2
    if last is not None:
        return Cut(last.after, last.after, blank + text)
    body = page.text[section.start : section.end]
    line = re.search(r"\r\n|\r|\n", body[(section.head[1] - section.start if section.head else 0) :])
    at = section.start + (section.head[1] - section.start if section.head else 0) + (line.start() if line else 0)
    if not line:
        at = section.end
    return Cut(at, at, blank + text)


def _new_entries(page: Page, writer: _Writer, sources: Mapping[str, Report]) -> list[Cut]:
    """Entries of the list of references for sources that are new."""
    if not writer.added:
        return []
    entries = [e for e in page.references.values()]
    lead = entries[-1].lead if entries else "[^{}]: " if writer.foot else "{}. "
    if page.references and re.fullmatch(r"[ ]{0,3}\[\{\}\]:[ \t]+", lead):
        written = [f"{lead.format(writer.numbers[s])}{_definition(sources[s])}" for s in writer.added]
    else:
        written = [f"{lead.format(writer.numbers[s])}{_entry(sources[s])}" for s in writer.added]
    if entries:
        end = max(e.end for e in entries)
        loose = len(entries) > 1 and page.text[entries[-2].end : entries[-1].end].lstrip(" ").startswith(
            page.newline * 2
        )
        gap = page.newline * (2 if loose else 1)
        return [Cut(end, end, "".join(gap + line for line in written))]
    text = page.text
    gap = "" if text.endswith(page.newline * 2) else page.newline if text.endswith(page.newline) else page.newline * 2
    head = "" if writer.foot else f"## Sources{page.newline * 2}"
    return [Cut(len(text), len(text), gap + head + page.newline.join(written) + page.newline)]


def disputed(text: str, report: Report, disputes: Sequence[Report]) -> str:
    """A spliced text with a paragraph on contradictions that a revision found."""
    if not disputes:
        return text
    page = parse(text)
    numbers = Numbers(report)
    said = " ".join(disagreement(d, report, numbers) for d in disputes)
    blank = page.newline * 2
    there = next((s for s in page.sections if s.heading == OPEN_ENDS), None)
    if there is not None:
        at = there.start + len(text[there.start : there.end].rstrip())
        return text[:at] + blank + said + text[at:]
    section = f"## {OPEN_ENDS}{blank}{said}"
    if page.listed is not None:
        return text[: page.listed] + section + blank + text[page.listed :]
    end = text.rstrip("\r\n")
    return end + blank + section + (text[len(end) :] or page.newline)


def _entry(source: Report) -> str:
    title = escape(source["title"]) or "Untitled"
    return f"{title}. {address(source['url'])} (accessed {escape(source['accessed'])})"


def _definition(source: Report) -> str:
    title = re.sub(r"[\"\\]", "", escape(source["title"]))
    return f'{address(source["url"])} "{title}"'


def _moves(given: Given, page: Page, before: Canvas, after: Canvas) -> list[tuple[int, int]]:
    """The stretches of sections in their new order; [] where it is the old one. Only
    neighbours of one level move, each with what stands under it."""
    known = {h.id for h, _ in after.sections()}
    old = [h.id for h, _ in before.sections() if h.id in given.heads and h.id in known]
    new = [h.id for h, _ in after.sections() if h.id in given.heads]
    if old == new:
        return []
    at = {i: page.sections[given.heads[i]] for i in new}
    return [(at[i].start, at[i].end) for i in new if i in movable(given)]


def movable(given: Given) -> list[str]:
    """The sections of a page that may change places: those of one level that follow
    each other with nothing but themselves between them."""
    page = given.page
    if page is None:
        return [h.id for h, _ in given.canvas.sections()]
    levels = [page.sections[n].level for n in given.heads.values() if page.sections[n].level > 1]
    if not levels:
        return []
    level = min(levels)
    run: list[str] = []
    best: list[str] = []
    place = {n: i for i, n in given.heads.items()}
    for n, section in enumerate(page.sections):
        if (
            n in place
            and section.level == level
            and (n + 1 == len(page.sections) or page.sections[n + 1].level <= level)
        ):
            run.append(place[n])
        else:
            run = []
        best = max(best, list(run), key=len)
    return best
