"""Whether a sentence speaks of a thing that its paragraph introduced: "The task is cancelled" after one on a task."""

from __future__ import annotations

import re

# "The impairments are ...": a plain definite subject, up to its verb.
_DEFINITE = re.compile(
    r"The ((?:[a-z][a-z-]+ ){0,2}?[a-z][a-z-]+) (?:also |then |thus |still )?"
    r"(?:is|are|was|were|has|have|had|can|could|may|might|must|will|would|should|does|do|did|[a-z]+(?:s|ed))\b"
)

_SEVERAL = re.compile(
    r"The ((?:[a-z][\w-]* ){0,2}[a-z][\w-]*[^s\W]s) (?:also |then |thus |still )?"
    r"(?:are|were|have|had|can|could|may|might|must|will|would|should|do|did|[a-z]{3,}ed)\b"
)
# "As the shells finish their fusion, ...": a plain definite subject of the clause that opens the sentence.
_OPENING = re.compile(
    r"(?:After|Although|As|Because|Before|If|Once|Since|Though|When|While) the "
    r"((?:(?!(?:of|in|on|at|by|to|for|from|with|that|who|which) )[a-z][a-z-]+ ){0,2}?[a-z][a-z-]+)"
    r"(?:[’']s? (?:[a-z-]+ ){1,2}?| )(?:is|are|was|were|has|have|had|can|could|may|might|must|will|would|should|does|do"
    r"|did|[a-z]+(?:s|ed)|begin|finish|become|cool|melt)\b"
)
_KNOWN = re.compile(r"\bthe ((?:[a-z][\w-]+ )?[a-z][\w-]{3,})(?! (?:of|that|which|who|whose|where|when)\b)(?=[ ,.;:])")


def _stems(text: str) -> set[str]:
    return {re.sub(r"(?:ies|es|s|ing|ed)$", "", w) for w in re.findall(r"[a-z-]+", text.lower())}


def introduced(sentence: str, lead: str, heading: str) -> bool:
    """Whether the subject is a thing the sentence before introduced: "The task is
    cancelled" after a sentence on one particular task. A subject that the
    heading names is the topic and needs no introduction."""
    found = _DEFINITE.match(sentence)
    if found is None or not lead:
        return False
    subject = _stems(found.group(1))
    return subject <= _stems(lead) and not subject <= _stems(heading)


def refers_back(sentence: str, before: str, heading: str) -> bool:
    """Whether "the association" stands for one that the paragraph introduced as
    "an association", or "The impairments are" for some that it told of. What is
    of one kind only ("the brain") is introduced nowhere."""
    if not before:
        return False
    several = _SEVERAL.match(sentence)
    if several is not None and not _stems(several.group(1)) <= _stems(heading):
        return True
    opening = _OPENING.match(sentence)
    if opening is not None:
        told = _stems(opening.group(1)) <= _stems(before) and not _stems(opening.group(1)) <= _stems(heading)
        # "Because the star's mass is low" gives as its reason what the sentences before told.
        return told or sentence.startswith(("Because", "Since"))
    for found in _KNOWN.finditer(sentence):
        noun = found.group(1).split()[-1]
        one = rf"(?:^|[.!?] )An? (?:[\w-]+ ){{0,3}}{noun}\b"  # as the subject: what a paragraph tells of
        here = rf"\b(?:[Aa]n?|[Ee]ach|[Ee]very|[Aa]ny) (?:[\w-]+ ){{0,3}}{noun}\b"
        if re.search(one, before) and not re.search(here, sentence[: found.start()]):
            return True
    return False
