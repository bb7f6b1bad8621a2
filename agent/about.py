"""Does a sentence speak of something? By its words, then by its meaning. And what foreign claims rest on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlm_core.embed import Embedder
from dlm_core.facts import unsupported
from dlm_core.segment import Evidence
from dlm_core.support import problems
from tools.query import keywords, stem

NEAR = 0.7  # cosine from which a sentence that does not name a thing speaks of it all the same
BOUND = 0.6  # cosine from which evidence that holds all facts of a sentence bears it out


def stems(text: str) -> set[str]:
    return {stem(w) for part in keywords(text, 200) for w in part.lower().replace("-", " ").split()}


def names(text: str, topic: str) -> bool:
    """Whether a sentence has all content words of a topic, whatever their endings."""
    wanted = stems(topic)
    return bool(wanted) and wanted <= stems(text)


def speaks(texts: Sequence[str], topic: str, embedder: Embedder) -> list[bool]:
    """For each sentence, whether it is about the topic."""
    if not texts:
        return []
    near = embedder(list(texts)) @ embedder([topic])[0]
    return [names(t, topic) or float(n) >= NEAR for t, n in zip(texts, near, strict=True)]


def bind(texts: Sequence[str], offered: Sequence[Evidence], embedder: Embedder) -> list[str]:
    """For each sentence the id of the evidence it rests on, "" for none: the nearest
    that it is an edit of, else the nearest that has every number, date and name of it."""
    if not texts or not offered:
        return ["" for _ in texts]
    near = np.round(embedder(list(texts)) @ embedder([e.said for e in offered]).T, 6)
    out = []
    for n, text in enumerate(texts):
        order = [int(i) for i in np.lexsort((np.arange(len(offered)), -near[n])) if near[n, i] >= BOUND][:6]
        edits = [i for i in order if not problems(text, [offered[i].said])]
        close = [i for i in order if not unsupported(text, [offered[i].said])]
        best = [*edits, *close]
        out.append(offered[best[0]].id if best else "")
    return out
