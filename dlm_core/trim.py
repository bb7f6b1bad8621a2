"""Which words of a sentence go: the writer proposes, and only whole phrases may go.

The writer gives every token on the canvas its log-odds of being emptied. Taken
one by one they would leave broken phrases behind; a sentence keeps its grammar
when what goes is a whole phrase, so the odds are summed over each stretch of
words that may go as a whole (`support.cut_is_whole`) and the best stretches
whose rest still passes the check are taken: a hard constraint on one denoising
step, as constrained decoding is on a left-to-right one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

from dlm_core.cuts import cut_is_whole
from dlm_core.phrases import WORD, capital, words

SHORTEST = 5  # words that stay
CUTS = 3  # of a sentence and look
LOOKED_AT = 16  # stretches checked, the likeliest first
OUT = -1000.0  # log-odds of a word that stays in any case
# What opens so is often what a sentence is there to say: a reason, a contrast, what something is called. So is what
# opens with a participle, "making it easier". Where books sum themselves up they keep these (python -m bench.ceiling).
POINTS = frozenset("because but called defined since so whereas while with".split())

Span = tuple[int, int]  # characters


def odds_of_words(text: str, spans: Sequence[Span], odds: Sequence[float]) -> list[float]:
    """Sum of token log-odds over each word or mark of `text`, in order. spans:
    character span of each token; a token counts for the words it overlaps."""
    out = []
    for m in WORD.finditer(text):
        out.append(sum(o for (a, b), o in zip(spans, odds, strict=True) if a < m.end() and m.start() < b))
    return out


def bracketed(text: str) -> list[bool]:
    """For each word or mark of `text`, in order, whether it stands in brackets, which are marks of it themselves."""
    out, depth = [], 0
    for m in WORD.finditer(text):
        depth += m.group() in "(["
        out.append(depth > 0)
        depth -= depth > 0 and m.group() in ")]"
    return out


def without(text: str, cuts: Sequence[Span]) -> str:
    """The text with character spans taken out and the seams mended: one space
    between words, none before a comma or full stop, a capital at the beginning."""
    out, at = "", 0
    for a, b in sorted(cuts):
        out += text[at:a]
        at = b
        rest = text[b:].lstrip()
        if rest[:1] in ",.;:!?)]”" or not rest:
            out = out.rstrip()
        if rest[:1] in ",.;:!?":
            out = out.rstrip(",;:—– ")
        if rest == "." and out.endswith("."):  # an abbreviation ends it: "sweat, etc."
            at = len(text)
        if not out or out.endswith((" ", "(", "[", "“")):
            at += len(text[b:]) - len(rest)
    out = (out + text[at:]).strip().lstrip(",;: ")
    return capital(out)


def has_point(stretch: Sequence[str]) -> bool:
    """Whether a stretch of words and marks is likely to hold what its sentence is there to say: it opens so, or goes on
    so after a comma or a dash. What stands in brackets is an aside, however it opens, and "So," only ties."""
    if stretch[0] in ("(", "["):
        return False
    low = [",", *(w.lower() for w in stretch), ""]
    return any(
        low[i - 1] in (",", ";", "—", "–")
        and (low[i] in POINTS or low[i].endswith("ing"))
        and low[i : i + 2] != ["so", ","]
        for i in range(1, len(low) - 1)
    )


def choose(
    text: str,
    odds: Sequence[float],
    passes: Callable[[str], bool],
    *,
    cost: float = 0.0,
    most: int = CUTS,
    keep_points: bool = False,
) -> list[Span]:
    """Character spans of `text` to take out, best first, `most` of them.

    odds: log-odds in nats that each word or mark goes (`odds_of_words`). cost:
    nats a stretch must be worth. passes: whether a sentence may stand as the
    result; asked for at most LOOKED_AT stretches. keep_points: nothing goes
    that is likely to be what the sentence is there to say (`has_point`).
    """
    found = words(text)
    places = [(m.start(), m.end()) for m in WORD.finditer(text)]
    sums = [0.0, *accumulate(odds)]
    last = len(found) - 1  # the mark that ends the sentence stays
    worth = sorted(
        ((sums[j] - sums[i], i, j) for i in range(last) for j in range(i + 1, last + 1) if sums[j] - sums[i] > cost),
        key=lambda s: (-s[0], s[1], s[2]),
    )
    chosen: list[Span] = []
    taken: set[int] = set()
    tried = 0
    for _, i, j in worth:
        if tried == LOOKED_AT or len(chosen) == most:
            break
        left = sum(w[0].isalnum() for k, w in enumerate(found) if k not in taken and not i <= k < j)
        lead = next((w.lower() for w in found[i:j] if w[0].isalnum()), "")
        if lead in {"", "but"} or ":" in {found[i], found[i - 1] if i else ""}:
            continue  # a comma by itself; and what "but" or a colon brings is nearly always the point
        if keep_points and has_point(found[i:j]):
            continue
        if left < SHORTEST or taken & set(range(i - 1, j + 1)) or not cut_is_whole(found, i, j):
            continue
        tried += 1
        span = (places[i][0], places[j - 1][1])
        if passes(without(text, [*chosen, span])):
            chosen.append(span)
            taken |= set(range(i, j))
    return chosen
