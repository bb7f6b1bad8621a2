"""What stands in a sentence for its neighbours or its page, and can go.

Connectives, interjected asides, parentheses with references: a sentence that
stands alone without them is evidence that a claim can be edited from.
"""

from __future__ import annotations

import re

from dlm_core.phrases import WITH_COMMA, WORD, capital, ties, words
from dlm_core.standalone import standalone

CONNECTIVE = re.compile(
    r"^(?:However|Therefore|Thus|Moreover|Furthermore|Also|In addition(?! to)|Additionally|Consequently|Hence"
    r"|Indeed|In fact|For example|For instance|Similarly|Likewise|Nevertheless|Nonetheless|Of course"
    r"|In other words|As a result(?! of)|Overall|In short|In particular|Specifically"
    r"|Finally|Still|Again|Instead|Accordingly|Interestingly|Importantly|Note that|Remember that"
    r"|Recall that|That is|As such|On the other hand|By contrast|In contrast|Meanwhile|Besides"
    r"|Clearly|Notably|Essentially|Basically|And|But|So),? +(?=\w)"
)
# What opens so goes on with what was told, or illustrates it, and says little where that is missing.
GOES_ON = re.compile(
    r"^(?:Again|Instead|Similarly|Likewise|That is|As such|Finally|Meanwhile|In other words|For example|For instance"
    r"|So)\b"
)
ASIDE = re.compile(
    r", (?:however|therefore|thus|moreover|furthermore|of course|for example|for instance|in fact|in turn|indeed"
    r"|in other words|then|too|as well|on the other hand|in particular|nevertheless|similarly|instead"
    r"|consequently|as we have seen|as noted earlier|as mentioned earlier|by contrast|in contrast|also),(?= )"
)
# without a comma after it, "But" may open something else: "But for the rain"
_SUBJECT = re.compile(r"(?:[A-Z]|the|a|an|many|most|some|all|each|every|in|when|if|[a-z]+s)\b")
PARENTHESIS = re.compile(r" ?[(\[][^()\[\]]{1,160}[)\]](?=[ ,.;:])")


def close(text: str) -> str:
    text = re.sub(r" {2,}", " ", text).strip()
    text = re.sub(r" +([,.;:])", r"\1", text)
    text = re.sub(r",+\.$", ".", text)
    return capital(text)


def whole(text: str) -> bool:
    """Long enough to be a sentence, brackets and quotes in balance."""
    words = text.split()
    return (
        len(words) >= 5
        and text.endswith((".", "!", "”", '"'))
        and text.count("(") == text.count(")")
        and text.count("“") == text.count("”")
        and text.count('"') % 2 == 0
    )


def _untied(text: str) -> str:
    """The text without the words that only tie it to the sentence before."""
    found, places = words(text), [m.span() for m in WORD.finditer(text)]
    gone = [places[i] for i in range(len(found)) if ties(found, i)]
    for begin, end in reversed(gone):
        text = text[:begin].rstrip() + text[end:]
    return text


def clean(sentence: str) -> str:
    """The sentence without connectives, interjected asides and parentheses."""
    out = PARENTHESIS.sub("", sentence)
    out = _untied(ASIDE.sub("", out))
    opening = CONNECTIVE.match(out)
    if opening:
        said, rest = opening.group(), out[opening.end() :]
        if said.endswith(", ") or (said.strip().lower() not in WITH_COMMA and _SUBJECT.match(rest)):
            out = rest
    out = close(out)
    return out if whole(out) else sentence


def mendable(sentence: str) -> bool:
    """Whether the sentence does not stand alone, but does without its clutter."""
    tidy = clean(sentence)
    if sentence[:1].islower() or GOES_ON.match(sentence):
        return False  # the rest of something, the name of a parameter, or the next step of what was told
    return tidy != sentence and bool(standalone(sentence)) and not standalone(tidy)
