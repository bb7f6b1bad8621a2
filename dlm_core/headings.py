"""A heading as it is shown: without the number of its place, and not in capitals throughout."""

from __future__ import annotations

import re
from functools import lru_cache

from dlm_core.english import word_set

# "12.3. ", "F.35. ", "Chapter 6. " are of the page's order, not of its subject
_NUMBER = re.compile(
    r"^(?:(?:Chapter|Appendix|Section) (?:\d{1,3}|[A-Z])[.:]|(?:[A-Z]\.)?\d{1,3}(?:\.\d{1,3}){0,3}\.)\s+"
    r"(?=[A-Z]|[a-z]+_)"
)
# "Deployment (recommended)": said to whoever reads the page
_STATUS = re.compile(
    r"(?<=\w) \((?:advanced|alpha|beta|deprecated|experimental|optional|recommended|required)\)$", re.I
)
_MARKED = re.compile(r"\[([^\[\]]+)\]")  # "[Training]" in a notebook
_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)*")
_CAPITALS = re.compile(r"\b[A-Z][A-Z\d]+\b")
_ROMAN = re.compile(r"[IVX]{1,4}")
_SMALL = word_set("a an and as at but by for from in into nor of on or over the to vs with")
# What a page calls its own parts: over claims from several pages it names nothing.
_PARTS = word_set("""
    about abstract acknowledgements acknowledgments additional_resources after answers appendix background basics before
    caution caveats conclusion conclusions context description detailed_design details discussion do don't example
    examples executive_summary exercises explanation faq further_reading general getting_started hint important info
    introduction key_points key_takeaways learn_more learning_objectives long_description motivation next_steps note
    notes objectives overview preface prerequisites proposal rationale reference references remarks resources results
    see_also self_check short_description solution summary synopsis tip tips unresolved_questions usage warning
    what's_next
""")  # _ for a space
_PART = re.compile(
    r"(?:part|example|exercise|challenge|step|chapter|section|figure|table|data tip)s? \w{1,3}|[ivx]+", re.I
)
SHORT = 4  # letters up to which a word that the page has nowhere else may be an abbreviation


def names_nothing(heading: str) -> bool:
    """Whether a heading says what kind of part it stands over ("Tip", "Part 2"), not what that is about."""
    plain = heading.strip(" ?!.:").casefold().replace("’", "'")
    return plain.replace(" ", "_") in _PARTS or bool(_PART.fullmatch(plain))


def unnumbered(text: str) -> str:
    """A heading or title without the number of its place."""
    return _NUMBER.sub("", text)


@lru_cache(maxsize=4)  # a page may have thousands of headings
def _in_capitals(page: str) -> frozenset[str]:
    """What the sentences of a page have in capitals."""
    return frozenset(m for p in page.split("\n") if not p.isupper() for m in _CAPITALS.findall(p))


def heading_of(line: str, page: str) -> str:
    """What a heading says, from its line and the stored text of its page.

    "SIDS IN THE U.S." keeps in capitals what the page's sentences have in capitals; every other word becomes "Title
    Case". A heading of one short word stays: nothing tells "SIDS" from "LIFE".
    """
    text = _STATUS.sub("", unnumbered(line))
    if marked := _MARKED.fullmatch(text):
        text = marked[1]
    words = _WORD.findall(text)
    if not text.isupper() or (len(words) == 1 and len(text) <= SHORT):
        return text
    known = _in_capitals(page)

    def cased(match: re.Match[str]) -> str:
        word, before = match[0], text[: match.start()]
        if word in known or before.endswith(".") or text[match.end() :].startswith(".") or _ROMAN.fullmatch(word):
            return word
        if word.lower() in _SMALL and before.strip() and not before.rstrip().endswith((":", "—", "?")):
            return word.lower()
        return word.capitalize()

    return _WORD.sub(cased, text)
