"""Numbers, dates and names that a sentence has and its cited text has not.

Written for the bench and on purpose simple: it shares no code with the product's
own checks (dlm_core/facts.py, dlm_core/support.py), so that what those miss, and
what they wrongly allow, can show. It compares words, not meaning.
"""

from __future__ import annotations

import re

TENS = "ten twenty thirty forty fifty sixty seventy eighty ninety".split()
SMALL = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
    " nineteen"
).split()
WORD_NUMBERS = {w: str(i) for i, w in enumerate(SMALL, 2)} | {w: str(10 * i) for i, w in enumerate(TENS, 1)}
BIG = {"hundred", "thousand", "million", "billion", "trillion"}
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")


def numbers(text: str) -> set[str]:
    """Numbers of a text: digits without thousands commas, number words as digits."""
    found = {m.group().replace(",", "") for m in NUMBER.finditer(text)}
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in WORD_NUMBERS:
            found.add(WORD_NUMBERS[word])
        elif word.removesuffix("s") in BIG:
            found.add(word.removesuffix("s"))
    return found


def names(sentence: str) -> set[str]:
    """Words written like names: a capital or a digit among letters inside the sentence, and a
    first word that more names follow. Months and days are names too."""
    words = WORD.findall(sentence)
    found = set()
    for n, word in enumerate(words):
        named = any(c.isupper() for c in word) and word != "I"
        if not n:  # the first word has its capital anyway
            following = len(words) > 1 and words[1][:1].isupper()
            named = any(c.isupper() for c in word[1:]) or (named and following)
        if named:
            found.add(word)
    return found


def _bare(word: str) -> str:
    """A name in lower case, without possessive and plural."""
    low = word.lower().replace("’", "'").removesuffix("'s")
    return low[:-1] if len(low) > 3 and low.endswith("s") else low


def unsupported(sentence: str, cited: str) -> list[str]:
    """What `sentence` names or counts that the cited text does not; [] if nothing."""
    held = {_bare(w) for w in WORD.findall(cited)}
    # "U.S." and "e.g." keep their stops in some places and lose them in others.
    held |= {_bare(part) for w in WORD.findall(cited) for part in re.split(r"[-'’.]", w) if part}
    lost = sorted(numbers(sentence) - numbers(cited))
    for name in sorted(names(sentence)):
        parts = [p for p in re.split(r"[-'’.]", name) if p]
        if _bare(name) not in held and not all(_bare(p) in held for p in parts):
            lost.append(name)
    return lost
