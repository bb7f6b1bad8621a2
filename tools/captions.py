"""The words of a caption: without their label, and the credit and the licence that they state."""

from __future__ import annotations

import re
from itertools import islice

LABEL = re.compile(
    r"(?:Figure|Fig\.?|Image|Photo|Plate|Illustration|Diagram)\s*\d+(?:[.\-–]\d+)*[a-z]?\s*[.:—–-]?\s+", re.I
)
_NAME = r"CC[ -](?:BY|0)(?:[ -](?:SA|NC|ND)){0,2}(?:[ -]\d(?:\.\d)?)?(?: (?:International|Unported|[A-Z]{2})\b)?"
_LICENCE = re.compile(
    rf"{_NAME}|CC0(?: \d\.\d)?|Creative Commons [A-Z][A-Za-z]*(?:[ -][A-Z][A-Za-z]*){{0,4}}(?: \d\.\d)?(?: licen[cs]e)?"
    r"|GFDL(?: \d\.\d)?|GNU Free Documentation License|[Pp]ublic [Dd]omain|\bMIT License\b|\bOGL(?: v?\d(?:\.\d)?)?\b"
)
# "(credit: NASA)", "Credit: NASA.", "Image: A. Painter / CC BY-SA 4.0", "Photo by A. Painter", "© A. Painter"
_WORD = r"(?:(?:image|photo(?:graph)?|picture|figure|illustration|art(?:work)?) )?(?:credits?|courtesy)"
_IN_BRACKETS = re.compile(
    rf"\s*[(\[]\s*(?:(?:{_WORD}|image|photo(?:graph)?|source)\b(?: [a-z](?=:))?\s*(?:of\b|by\b)?\s*[:\-–—]?|©)\s*",
    re.I,
)
_AT_END = re.compile(
    rf"(?:^|(?<=[.!?;)\]”\"])\s+|\s+[|/—–]\s+)(?:{_WORD}\s*[:\-–—]|{_WORD} of\b|courtesy\b"
    r"|(?:image|photo(?:graph)?|picture|illustration|source)s?(?::| by\b| ©)|©|\(c\) )\s*",
    re.I,
)
_SENTENCE = re.compile(r"(?<=[A-Za-z]{2})[.!?]\s+(?=[A-Z]\w+ \w+ \w+)")  # words go on behind a credit
_CREATIVE = re.compile(r"//(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/(\d\.\d)?", re.I)


def words_of(caption: str) -> tuple[int, int, str, str]:
    """(start, end) of a caption's own words, and the credit and the licence that it states ("" for none)."""
    label = LABEL.match(caption)
    start = label.end() if label else 0
    end, credit = len(caption), ""
    for pattern in (_IN_BRACKETS, _AT_END):
        # A credit behind words comes before one that is all there is.
        found = list(islice(pattern.finditer(caption, start), 10))
        if not found:
            continue
        match = next((m for m in found if m.start() > start), found[0])
        told = caption[match.end() :]
        if pattern is _IN_BRACKETS:
            told, rest = _bracketed(told, caption[match.start() :].lstrip()[0])
            if rest.strip(" .,;"):
                # The words go on after the credit: they stay in one piece with it.
                credit = credit or told
                continue
        credit = _SENTENCE.split(told, maxsplit=1)[0]
        end = min(end, match.start())
        break
    licence = _LICENCE.search(credit or caption[start:])
    named = licence.group().strip() if licence else ""
    if licence and credit:
        credit = (credit[: licence.start()] + credit[licence.end() :]).strip()
    credit = re.sub(r"\bcredits? (?:[a-z]: )?", "", credit)
    credit = re.sub(r"(?:,?\s*(?:under|via|licen[cs]ed under)(?: an?| the)?)?[\s/|,;:.(\[–—-]+\Z", "", credit).strip(
        " /|,;"
    )
    if credit.endswith(")") and credit.count(")") > credit.count("("):
        credit = credit[:-1].rstrip()
    while end > start and caption[end - 1].isspace():
        end -= 1
    return start, end, clipped(credit, 300), clipped(named, 100)


def _bracketed(text: str, opening: str) -> tuple[str, str]:
    """What stands before the bracket that closes `opening`, and what after it."""
    closing = {"(": ")", "[": "]"}.get(opening, ")")
    depth = 1
    for place, sign in enumerate(text):
        depth += (sign == opening) - (sign == closing)
        if not depth:
            return text[:place], text[place + 1 :]
    return text, ""


def licence_of(url: str) -> str:
    """The name of a Creative Commons licence by its address, "" for any other."""
    match = _CREATIVE.search(url)
    if not match:
        return ""
    group, name, number = match.group(1).lower(), match.group(2).lower(), match.group(3) or ""
    if group == "publicdomain":
        return f"CC0 {number}".strip() if name == "zero" else "Public domain"
    return f"CC {name.upper()} {number}".strip()


def clipped(text: str, longest: int) -> str:
    """A text on one line, without control characters, cut at a word."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= longest else text[: longest - 1].rsplit(" ", 1)[0] + "…"


def labelled(text: str) -> bool:
    """Whether a text begins like a caption: "Figure 1.2 ...", "Image: ..."."""
    return bool(LABEL.match(text)) or text.lower().startswith(("caption:", "image:", "photo:", "figure:"))
