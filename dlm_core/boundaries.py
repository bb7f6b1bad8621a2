"""Where the sentences of a paragraph begin and end."""

from __future__ import annotations

import re

from dlm_core.english import STARTERS, word_set

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
# after "Node N." or "Vitamin K." one of these opens a sentence; nobody's last name is one
_PLAIN = word_set(
    "After Although As Because Each Every He However If It Since She The There These They This When While"
)
# "vitamins A, D, E, and K.", "without vitamin D."
_LETTERS = re.compile(
    r"\b(?:[A-Z],? (?:and|or)"
    r"|(?i:vitamin|hepatitis|influenza|type|class|group|plan|point|step|part|grade|stage|option)) [A-Z]$"
)
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
        if word in _NEVER_ENDS and not (len(word) == 1 and token[0].isupper()):  # "p." is a page, "P." a name
            return False
        if word == "etc" and following[:1].isupper():
            return True
        if word in _MAY_END:
            return starter
        if len(word) == 1 and word.isalpha():  # an initial, unless a plain sentence follows, or it ends a list
            if _LETTERS.search(paragraph[begin : match.start()]):
                return following[:1].isupper()
            named = re.search(r"\b[A-Z][a-z]+ $", paragraph[: match.start() - 1][-20:])
            plain = next_word is not None and next_word.group(1) in _PLAIN
            return plain or (starter and token[0].isupper() and not named)
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
