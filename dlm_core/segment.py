"""Stored text to passages and sentence-sized evidence, with character offsets.

Stored text is what every source becomes: plain text whose blocks are separated
by one blank line. `# Heading` (one to six #), `- item`, a fence of three
backticks around code, `| ` in front of a table row; everything else is a
paragraph of prose on one line. `tidy` makes that format, `split` reads it.
All offsets count characters of the stored text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dlm_core.clutter import clean, mendable
from dlm_core.english import STARTERS, word_set
from dlm_core.standalone import standalone

__all__ = ["Evidence", "Passage", "captions", "clean_inline", "sentences", "split", "standalone", "tidy", "usable"]

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
    """One sentence (or code block, table row, heading) of a passage.

    `id` is f"{source}.e{start}"; `stored_text[start:end] == text`, always.
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


# --- cleaning -----------------------------------------------------------------

_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|big|br|center|cite|code|del|dfn|div|em|font|hr|i|img|ins|kbd|mark|p|q|s|samp|small|span|strike"
    r"|strong|sub|sup|tt|u|var|wbr)(?:\s[^<>]{0,400})?/?>",
    re.I,
)
_MARKS = (
    (re.compile(r"<!--.{0,2000}?-->", re.S), " "),
    (re.compile(r"!\[[^\[\]]{0,300}\](?:\([^()\s]{0,1000}(?:\s[^()]{0,200})?\)|\[[^\[\]]{0,100}\])"), " "),
    (
        re.compile(
            r"\[([^\[\]]{1,500})\]\(<?[^()\s]{0,1000}(?:\([^()\s]{0,300}\)[^()\s]{0,300})?>?(?:\s[^()]{0,200})?\)"
        ),
        r"\1",
    ),
    (re.compile(r"\[([^\[\]]{2,300})\]\[[^\[\]]{0,100}\]"), r"\1"),
    (re.compile(r"\[\^[^\[\]\s]{1,40}\]:?"), ""),
    (re.compile(r"(?<![\w_][_\d\])])(?<!\b\w)\s?\[[1-9]\d{0,2}(?:\s?[,;–-]\s?\d{1,3}){0,12}\]"), ""),
    (re.compile(r"\s?\[(?:note|nb|n|ref|fn)\.?\s?\d{1,3}\]", re.I), ""),
    (
        re.compile(
            r"\s?\[(?:citation needed|clarification needed|edit|update|dubious|who\?|when\?|better source needed)\]",
            re.I,
        ),
        "",
    ),
    (re.compile(r"<(https?://[^<>\s]{1,500})>"), r"\1"),
    (re.compile(r"(?<![\w*])(\*{2,3})(?=[^\s*])([^*]{1,500}?)(?<=[^\s*])\1(?![\w*])"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]{1,500}?)(?<=[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)__(?=[^\s_])([^_]{1,300}?\s[^_]{0,300}?)(?<=[^\s_])__(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=[^\s_])([^_]{1,500}?)(?<=[^\s_])_(?![\w_])"), r"\1"),
    (re.compile(r"~~([^~]{1,300})~~"), r"\1"),
    (re.compile(r"(?<=[.,;:!?\"”’)])[¹²³⁰⁴-⁹]{1,3}(?=\s|$)"), ""),
    (re.compile(r"(?<=[a-z]{4})[¹²³⁰⁴-⁹]{1,3}(?=[\s.,;:)]|$)"), ""),
    (re.compile(r"(?<=[\w.,;:!?\"”)])[†‡](?=\s|$)|[¶\uf0c1]"), ""),
    (re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~])"), r"\1"),
)
_ROLE = re.compile(r":(?:[a-z]+:){1,2}`~?!?([^`<>]{1,200}?)(?:\s*<[^`<>]{1,200}>)?`")
_RST_LINK = re.compile(r"`([^`<>]{1,300}?)\s*<[^`<>\s]{1,500}>`__?")
_CODE_SPAN = re.compile(r"(`{1,2})(?!`)([^`]{1,500}?)\1(?!`)_{0,2}")
_PLAIN = re.compile(r"[*`\[<&\\~†‡¶_¹²³⁰⁴-⁹]")  # what any rule above needs to fire


def _characters(text: str) -> str:
    """NFC, with control, format (bidi, zero-width), private and surrogate characters gone."""
    text = unicodedata.normalize("NFC", text)
    if text.isascii() and text.isprintable():
        return text
    out = []
    for ch in text:
        if ch.isalnum() or ch == "\n":
            out.append(ch)
            continue
        kind = unicodedata.category(ch)
        if kind in ("Zs", "Zl", "Zp") or ch in "\t\r\f\v":
            out.append(" ")
        elif kind in ("Cc", "Cf", "Co", "Cs", "Cn") or "\ufe00" <= ch <= "\ufe0f":
            continue
        else:
            out.append(ch)
    return "".join(out)


def clean_inline(text: str) -> str:
    """One string without inline markup, on one line.

    Links keep their words, images go; emphasis, backticks, footnote marks,
    citation brackets, entities and inline tags are resolved; invisible
    characters are dropped and white space is folded. What stood in backticks
    is kept as it was.
    """
    text = _characters(text).replace("\n", " ")
    if _PLAIN.search(text):
        text = _ROLE.sub(r"`\1`", text)
        text = _RST_LINK.sub(r"\1", text)
        parts: list[str] = []
        spans: list[str] = []

        def keep(match: re.Match[str]) -> str:
            spans.append(match.group(2).strip())
            return f"\x00{len(spans) - 1}\x00"

        text = _CODE_SPAN.sub(keep, text)
        text = _characters_keep_nul(html.unescape(text))
        text = _TAG.sub("", text)
        for _ in range(3):  # marks nest: a link in bold in a list
            before = text
            for pattern, by in _MARKS:
                text = pattern.sub(by, text)
            if text == before:
                break
        for i, part in enumerate(text.split("\x00")):
            parts.append(spans[int(part)] if i % 2 and part.isdigit() and int(part) < len(spans) else part)
        text = "".join(parts)
    return re.sub(r"\s+", " ", text).strip()


def _characters_keep_nul(text: str) -> str:
    return "\x00".join(_characters(part).replace("\n", " ") for part in text.split("\x00"))


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


# --- sentences ----------------------------------------------------------------

_NEVER_ENDS = word_set("""
    mr mrs ms mx dr prof st sen rep gov gen col capt lt sgt cpl cmdr adm maj hon rev fr pres supt messrs mme
    mlle e.g i.e eg ie cf vs v viz approx ca c al fig figs eq eqs eqn sec secs ch chap vol vols pp p no nos art
    arts tab ref refs ex dept univ assn bros ed eds trans est min max avg var resp incl excl mt ft op cit ibid
    jan feb mar apr jun jul aug sept sep oct nov dec mon tue wed thu fri s.t w.r.t a.k.a n.b
""")
_MAY_END = word_set("""
    etc inc ltd co corp llc jr sr u.s u.k u.n e.u u.s.a d.c a.m p.m b.c a.d b.c.e c.e ph.d m.d b.a m.a b.s m.s
    esq
""")
_END = re.compile(r"[.!?…]+[\"”’')\]]*(?=\s|$)")
_OPEN_CODE = re.compile(r"[a-z_][\w]*(?:[._(]|::)|[a-z]+[A-Z]")


def _depths(paragraph: str) -> list[int]:
    """For each position, 1 inside a bracket or double quote that closes within 400 characters."""
    inside = [0] * (len(paragraph) + 1)
    for opening, closing in (("(", ")"), ("[", "]"), ("“", "”")):
        start = -1
        depth = 0
        for i, ch in enumerate(paragraph):
            if ch == opening:
                if depth == 0:
                    start = i
                depth += 1
            elif ch == closing and depth:
                depth -= 1
                if depth == 0 and i - start <= 400:
                    for j in range(start, i):
                        inside[j] = 1
    if paragraph.count('"') % 2 == 0:
        marks = [i for i, ch in enumerate(paragraph) if ch == '"']
        for a, b in zip(marks[::2], marks[1::2], strict=True):
            if b - a <= 400:
                for j in range(a, b):
                    inside[j] = 1
    return inside


def _ends(paragraph: str, begin: int, match: re.Match[str], following: str) -> bool:
    """Is the stop at `match` the end of the sentence that starts at `begin`?"""
    mark = match.group()
    if mark[0] in "!?" or mark.startswith(("..", "…")):
        return not following[:1].islower()
    token = paragraph[begin : match.start()].rsplit(None, 1)[-1:] or [""]
    word = token[0].lstrip("(\"“‘'[").casefold()
    next_word = re.match(r"[\"“‘'(\[]*([A-Za-z]+)", following)
    starter = bool(next_word) and next_word is not None and next_word.group(1) in STARTERS
    if len(mark) == 1:
        if word in _NEVER_ENDS:
            return False
        if word in _MAY_END:
            return starter
        if len(word) == 1 and word.isalpha():  # an initial, unless a plain sentence follows
            named = re.search(r"\b[A-Z][a-z]+ $", paragraph[: match.start() - 1][-20:])
            return starter and token[0].isupper() and not named
        if re.fullmatch(r"(?:[a-z]\.)+[a-z]", word):
            return starter
        alone = len(paragraph[begin : match.start()].strip(" (\"“‘'[")) <= len(word)
        if alone and re.fullmatch(r"\(?(?:\d{1,3}|[ivx]{1,5})", word):
            return False  # "1. Item"
    if following[:1].islower():
        return bool(_OPEN_CODE.match(following))
    return True


def sentences(paragraph: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence of one paragraph of prose, white space outside.

    Abbreviations, initials, decimals, ellipses, numbered items, quotations and
    brackets do not end a sentence; a code name may begin one in lower case.
    """
    spans: list[tuple[int, int]] = []
    inside = _depths(paragraph)
    begin = len(paragraph) - len(paragraph.lstrip())
    for match in _END.finditer(paragraph):
        if match.start() < begin:
            continue
        end = match.end()
        if end < len(paragraph):
            if inside[match.start()] and inside[end]:
                continue
            following = paragraph[end:].lstrip()
            if not following or not _ends(paragraph, begin, match, following[:40]):
                continue
        spans.append((begin, end))
        begin = end + len(paragraph[end:]) - len(paragraph[end:].lstrip())
    last = len(paragraph.rstrip())
    if begin < last:
        spans.append((begin, last))
    return spans


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


INTRODUCED = ("its subject is introduced before", "names something introduced before")
# "The impairments are ...": a plain definite subject, up to its verb.
_DEFINITE = re.compile(
    r"The ((?:[a-z][a-z-]+ ){0,2}?[a-z][a-z-]+) (?:also |then |thus |still )?"
    r"(?:is|are|was|were|has|have|had|can|could|may|might|must|will|would|should|does|do|did|[a-z]+(?:s|ed))\b"
)

_SEVERAL = re.compile(
    r"The ((?:[a-z][\w-]* ){0,2}[a-z][\w-]*[^s\W]s) (?:also |then |thus |still )?"
    r"(?:are|were|have|had|can|could|may|might|must|will|would|should|do|did|[a-z]{3,}ed)\b"
)
_KNOWN = re.compile(r"\bthe ((?:[a-z][\w-]+ )?[a-z][\w-]{3,})(?! (?:of|that|which|who|whose|where|when)\b)(?=[ ,.;:])")


def _stems(text: str) -> set[str]:
    return {re.sub(r"(?:ies|es|s|ing|ed)$", "", w) for w in re.findall(r"[a-z-]+", text.lower())}


def usable(evidence: Evidence) -> bool:
    """Whether a claim may rest on a sentence, as it is or without what stands in it for its neighbours."""
    return evidence.standalone or (evidence.reason not in INTRODUCED and mendable(evidence.text))


def _introduced(sentence: str, lead: str, heading: str) -> bool:
    """Whether the subject is a thing the sentence before introduced: "The task is
    cancelled" after a sentence on one particular task. A subject that the
    heading names is the topic and needs no introduction."""
    found = _DEFINITE.match(sentence)
    if found is None or not lead:
        return False
    subject = _stems(found.group(1))
    return subject <= _stems(lead) and not subject <= _stems(heading)


def _refers_back(sentence: str, before: str, heading: str) -> bool:
    """Whether "the association" stands for one that the paragraph introduced as
    "an association", or "The impairments are" for some that it told of. What is
    of one kind only ("the brain") is introduced nowhere."""
    if not before:
        return False
    several = _SEVERAL.match(sentence)
    if several is not None and not _stems(several.group(1)) <= _stems(heading):
        return True
    for found in _KNOWN.finditer(sentence):
        noun = found.group(1).split()[-1]
        one = rf"(?:^|[.!?] )An? (?:[\w-]+ ){{0,3}}{noun}\b"  # as the subject: what a paragraph tells of
        here = rf"\b(?:[Aa]n?|[Ee]ach|[Ee]very|[Aa]ny) (?:[\w-]+ ){{0,3}}{noun}\b"
        if re.search(one, before) and not re.search(here, sentence[: found.start()]):
            return True
    return False


def _atoms(text: str, kind: str, start: int, end: int, block: int, after_colon: bool, heading: str = "") -> list[_Atom]:
    if kind in ("code", "row"):
        reason = "code" if kind == "code" else "table row"
        return [_Atom(a, b, kind, block, "", len(text[a:b].split()), reason) for a, b in _cut(text, start, end)]
    if kind == "item":
        start += 2
        start += len(text[start:end]) - len(text[start:end].lstrip())
    atoms: list[_Atom] = []
    lead = ""
    for a, b in sentences(text[start:end]):
        for c, d in _cut(text, start + a, start + b):
            sentence = text[c:d]
            reason = standalone(sentence)
            # What would stand alone without its clutter is asked the same: "However, the disks formed later".
            said = clean(sentence) if mendable(sentence) else "" if reason else sentence
            if said and _introduced(said, lead, heading):
                reason = INTRODUCED[0]
            elif said and _refers_back(said, text[start:c], heading):
                reason = INTRODUCED[1]
            if not reason and after_colon and not lead:
                reason = "list item under a lead" if kind == "item" else "hangs on the line before it"
            atoms.append(_Atom(c, d, kind, block, lead, len(sentence.split()), reason))
            lead = sentence
    return atoms


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
    heading = ""
    title: tuple[int, int] | None = None
    section: list[_Atom] = []

    def close() -> None:
        nonlocal title
        for number, group in enumerate(_groups(section)):
            start, end = group[0].start, group[-1].end
            passage = Passage(f"{source}.p{start}", source, heading, start, end, text[start:end])
            passages.append(passage)
            if number == 0 and title is not None:
                a, b = title
                name = f"{source}.e{a}"
                evidence.append(Evidence(name, source, passage.id, heading, a, b, text[a:b], "", False, "heading"))
            for atom in group:
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

    colon = False  # the last paragraph ended in ":", so what follows may hang on it
    for number, (kind, start, end) in enumerate(_blocks(text)):
        if kind == "heading":
            close()
            match = _HEADING.match(text[start:end])
            heading = match.group(2) if match else text[start:end]
            title = (end - len(heading), end) if text[start:end].endswith(heading) else None
            colon = False
            continue
        section.extend(_atoms(text, kind, start, end, number, colon, heading))
        colon = (colon and kind == "item") or text[start:end].endswith(":")
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
