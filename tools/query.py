"""A question as search words. Full-text engines join words by AND, so what the question is about must be picked out."""

from __future__ import annotations

import re

STOPWORDS = frozenset(
    re.findall(
        r"\w+",
        "a about above after again against all also am an and any are as at be because been before being below "
        "between both but by can could describe did do does doing done down during each explain few for from "
        "further give had has have having he her here hers him his how i if in into is it its itself just know let "
        "me mean might more most much must my no nor not now of off on once only or other our out over own please "
        "same shall she should so some such tell than that the their them then there these they this those through "
        "to too under until up upon us use used using very was we were what when where whether which while who whom "
        "whose why will with would work works you your",
    )
)
_WORD = re.compile(r"_{0,2}[^\W_][\w.+#'’-]*[\w+#]|[^\W_]")
_FIRST = re.compile(r"\b([A-Z][a-z]+) I\b(?!['’])")  # "World War I", "Elizabeth I"; and "Should I"


def keywords(query: str, most: int = 8) -> list[str]:
    """The query's content words in order, each once, at most `most`; the query's words if it has only stop words."""
    found = [word for word in _WORD.findall(query[:1000]) if word]
    first = any(name.lower() not in STOPWORDS for name in _FIRST.findall(query[:1000]))
    kept = list(dict.fromkeys(w for w in found if w.lower() not in STOPWORDS or (first and w == "I")))
    return (kept or found)[:most]


def stem(word: str) -> str:
    """A crude stem of one word in any case: "measured", "measuring" and "measures" are one."""
    low = word.lower()
    cut = re.sub(r"(?:ations?|ing|ies|ed|es|s|e)$", "", low) if len(low) > 4 and not low.endswith("ss") else low
    return cut if len(cut) > 2 else low


def merge(rankings: list[list[str]], limit: int) -> list[str]:
    """Reciprocal-rank fusion of ranked lists (k = 60, Cormack et al. 2009), ties by first appearance."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking):
            scores[item] = scores.get(item, 0.0) + 1.0 / (60 + rank)
    return sorted(scores, key=lambda item: -round(scores[item], 9))[:limit]
