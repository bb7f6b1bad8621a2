"""A heading as it is shown: without the number of its place, and not in capitals throughout."""

from __future__ import annotations

import re

from dlm_core.english import word_set

# "12.3. " is of the page's order, not of its subject
_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,3}\.\s+(?=[A-Z])")
_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)*")
_CAPITALS = re.compile(r"\b[A-Z][A-Z\d]+\b")
_ROMAN = re.compile(r"[IVX]{1,4}")
_SMALL = word_set("a an and as at but by for from in into nor of on or over the to vs with")
SHORT = 4  # letters up to which a word that the page has nowhere else may be an abbreviation


def heading_of(line: str, page: str) -> str:
    """What a heading says, from its line and the stored text of its page.

    "SIDS IN THE U.S." keeps in capitals what the page's sentences have in capitals; every other word becomes "Title
    Case". A heading of one short word stays: nothing tells "SIDS" from "LIFE".
    """
    text = _NUMBER.sub("", line)
    words = _WORD.findall(text)
    if not text.isupper() or (len(words) == 1 and len(text) <= SHORT):
        return text
    prose = [p for p in page.split("\n") if not p.isupper()]
    known = {m for p in prose for m in _CAPITALS.findall(p)}

    def cased(match: re.Match[str]) -> str:
        word, before = match[0], text[: match.start()]
        if word in known or before.endswith(".") or text[match.end() :].startswith(".") or _ROMAN.fullmatch(word):
            return word
        if word.lower() in _SMALL and before.strip() and not before.rstrip().endswith((":", "—", "?")):
            return word.lower()
        return word.capitalize()

    return _WORD.sub(cased, text)
