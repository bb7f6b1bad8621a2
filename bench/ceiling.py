"""How far cutting and joining can go where the sentence that is wanted is known: about what no writer of ours can pass.

    python -m bench.ceiling --data ../shared/data

A claim takes phrases out of its evidence, or says two sentences of it in one with "and" or a semicolon, and the check
lets nothing else stand (dlm_core/support.py). Here the gold sentence itself chooses among all that may stand: which of
the two sentences leads, which phrases go, whether the two are joined. Of single cuts it says what they bring: of what
is likely to be the point of its sentence (dlm_core/trim.py), and of the rest. Pairs are those of bench.leading: summary
sentences of the training textbooks and the one or two sentences that hold at least 80% of their content words. One JSON
line a figure.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.line import line
from bench.plan import interval
from bench.rouge import rouge_l
from bench.text import COVERAGE, one_run
from dlm_core.clauses import joined
from dlm_core.cuts import cut_is_whole
from dlm_core.phrases import WORD, words
from dlm_core.support import problems
from dlm_core.train.documents import documents, shards
from dlm_core.train.text_data import Pair, summary_pairs
from dlm_core.trim import CUTS, SHORTEST, Span, has_point, without

WIDE = 8  # ways to cut a sentence once that are cut again
KEPT = 24  # wordings of a sentence that are joined with those of another
TRIED = 60  # joined wordings that are checked, the closest to the gold sentence first


def spans(sentence: str) -> Iterator[Span]:
    """Characters of the stretches that the check lets go as whole phrases."""
    found, places = words(sentence), [(m.start(), m.end()) for m in WORD.finditer(sentence)]
    for i in range(len(found) - 1):
        for j in range(i + 1, len(found)):
            left = sum(w[0].isalnum() for w in (*found[:i], *found[j:]))
            if left >= SHORTEST and cut_is_whole(found, i, j):
                yield places[i][0], places[j - 1][1]


def closest(texts: Iterable[str], gold: str) -> list[str]:
    """Texts by their ROUGE-L with `gold`, the best first."""
    return sorted(texts, key=lambda t: (-rouge_l(gold, t), t))


def wordings(sentence: str, gold: str) -> list[str]:
    """The sentence and what the check lets stand of it with up to CUTS phrases gone, the closest to `gold` first."""
    out, edge = {sentence}, [sentence]
    for _ in range(CUTS):
        shorter = {without(text, [span]) for text in edge for span in spans(text)} - out
        good = [t for t in closest(shorter, gold) if not problems(t, [sentence])]
        out |= set(good)
        edge = good[:WIDE]
    return closest(out, gold)


def told_in_one(evidence: list[str], made: list[list[str]], gold: str) -> str:
    """The wording of two sentences as one that the check lets stand and that is closest to `gold`; "" where none is."""
    known = " ".join(evidence)
    both = [(a, b) for x in made[0][:KEPT] for y in made[1][:KEPT] for a, b in ((x, y), (y, x))]
    offered = closest({t for a, b in both for t in joined(a, b, known)}, gold)
    return next((t for t in offered[:TRIED] if not problems(t, evidence)), "")


def single_cuts(sentence: str, gold: str) -> dict[str, list[float]]:
    """What each single cut that the check lets stand adds to the sentence's ROUGE-L: of "points" and of "other"s."""
    whole = rouge_l(gold, sentence)
    out: dict[str, list[float]] = {"points": [], "other": []}
    for a, b in spans(sentence):
        text = without(sentence, [(a, b)])
        if any(w[0].isalnum() for w in words(sentence[a:b])) and not problems(text, [sentence]):
            out["points" if has_point(words(sentence[a:b])) else "other"].append(rouge_l(gold, text) - whole)
    return out


def of_pair(pair: Pair) -> dict[str, float]:
    """ROUGE-L of the closest there is at each step, and whether the closest is one run of its evidence."""
    made = [wordings(e, pair.target) for e in pair.evidence]

    def score(text: str) -> float:
        return rouge_l(pair.target, text) if text else 0.0

    whole = max(map(score, pair.evidence))
    cut = max((m[0] for m in made), key=score)
    both = told_in_one(pair.evidence, made, pair.target) if len(made) == 2 else ""
    best = both if score(both) > score(cut) else cut
    return {
        "sentence": whole,
        "cut": score(cut),
        "joined": score(best),
        "cut_one_run": float(one_run(cut, pair.evidence)),
        "joined_one_run": float(one_run(best, pair.evidence)),
        "can_be_cut": float(len(made[0]) > 1),
        "two": float(len(made) == 2),
        "joined_is_closer": float(best is both and bool(both)),
        "gold_one_run": float(one_run(pair.target, pair.evidence)),
    }


def of_book(file: Path, *, most: int) -> list[tuple[dict[str, float], list[dict[str, list[float]]]]]:
    found = [p for d in documents(file) for p in summary_pairs(d) if p.covered >= COVERAGE][:most]
    return [(of_pair(p), [single_cuts(e, p.target) for e in p.evidence]) for p in found]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ceiling", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of training text")
    parser.add_argument("--book", type=int, default=1000, help="pairs of a book at most")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    args = parser.parse_args(arguments)
    files = shards(args.data, training=True, folders=("textbooks",))
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        found = [r for book in pool.map(partial(of_book, most=args.book), files) for r in book]
    rows = [row for row, _ in found]
    line("ceiling", "pairs", float(len(rows)), "count")
    for name in rows[0]:
        line("ceiling", name, float(np.mean([r[name] for r in rows])), "share")
    for name, base in (("cut", "sentence"), ("joined", "cut")):
        gaps = np.array([r[name] - r[base] for r in rows])
        for end, value in zip(("low", "high"), interval(gaps), strict=True):
            line("ceiling", f"{name}_gap_{end}", value, "share")
    for kind in ("points", "other"):
        gains = np.array([g for _, cuts in found for sentence in cuts for g in sentence[kind]])
        line("ceiling", f"cuts_of_{kind}", float(len(gains)), "count")
        line("ceiling", f"gain_of_{kind}", float(gains.mean()), "share")
        for end, value in zip(("low", "high"), interval(gains), strict=True):
            line("ceiling", f"gain_of_{kind}_{end}", value, "share")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
