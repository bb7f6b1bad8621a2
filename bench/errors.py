"""Error detection: errors planted in true sentences, and who finds them.

Two kinds of true sentences carry the plants (bench/plants.py): sentences of a
page beside themselves and the sentence after as evidence, which is what claims
are, and a book's own summary sentences beside the evidence that holds their
words, which say it in other words ("reworded"). Measured are the reading (the
base's log-probability given the evidence), the adapter (its probability that a
token may stay), and the verifier, which lets a claim pass or not.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.plants import OMISSIONS, RECOMBINATIONS, TOKEN_PLANTS, Plant, trims
from dlm_core.effort import Effort
from dlm_core.job import Job
from dlm_core.model import KEEP
from dlm_core.models import Models
from dlm_core.prompt import CLAIM, prompt
from dlm_core.sentences import Task, sentence_task, write_texts
from dlm_core.standalone import standalone
from dlm_core.support import problems
from dlm_core.train.documents import documents, shards
from dlm_core.train.text_data import Pair

FALSE_ALARMS = 0.05
CHECKED = 1500  # sentences the verifier is asked about, a kind: it costs little
WORST = 3  # tokens that speak for a sentence: on training pages better than all of them or one
TOGETHER = 96  # cases scored at once: their readings are kept
Maker = Callable[[str, list[str], random.Random], Plant | None]


@dataclass(frozen=True)
class Case:
    """A true sentence with its evidence."""

    claim: str
    evidence: list[str]
    title: str
    heading: str


Planted = list[tuple[Plant, Case]]


def true_sentences(data: Path, seed: int = 0) -> list[Case]:
    """Sentences of validation pages that stand alone, each with itself and the sentence after as evidence."""
    found = []
    for file in shards(data, training=False, folders=("textbooks", "docs")):
        for d in documents(file):
            for section in d.sections:
                for paragraph in section.paragraphs:
                    own = [s for s in re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph) if 8 <= len(s.split()) <= 32]
                    found += [
                        Case(a, [a, b], d.title, section.heading)
                        for a, b in zip(own, own[1:], strict=False)
                        if not standalone(a)
                    ]
    random.Random(seed).shuffle(found)
    return found


def reworded(some: Sequence[Pair]) -> list[Case]:
    """Summary sentences as true sentences."""
    return [Case(p.target, p.evidence, p.title, p.heading) for p in some]


def planted(make: Maker, true: Iterable[Case], most: int) -> Planted:
    """At most `most` errors of one kind, the same for the same sentences."""
    rng = random.Random(0)
    made: Planted = []
    for case in true:
        if len(made) == most:
            break
        if plant := make(case.claim, case.evidence, rng):
            made.append((plant, case))
    return made


# --- scores ------------------------------------------------------------------------------------------------------


def auroc(scores: Sequence[float], wrong: Sequence[bool]) -> float:
    """Area under the curve of a score that should be high where something is wrong."""
    s, y = np.asarray(scores), np.asarray(wrong)
    _, place, count = np.unique(s, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]  # equal scores share their rank
    n, m = int(y.sum()), int((~y).sum())
    return float((rank[y].sum() - n * (n + 1) / 2) / max(1, n * m))


def recall_at(scores: Sequence[float], wrong: Sequence[bool], alarms: float = FALSE_ALARMS) -> float:
    """Share of what is wrong above the score that `alarms` of what is right reach."""
    s, y = np.asarray(scores), np.asarray(wrong)
    return float((s[y] > np.quantile(s[~y], 1 - alarms)).mean())


def word_scores(text: str, spans: Sequence[tuple[int, int]], per_token: Sequence[float]) -> list[float]:
    """The worst token of each word, by the word's place in the text; spans are of the text after one space."""
    out = []
    for m in re.finditer(r"\S+", text):
        inside = [v for (a, b), v in zip(spans, per_token, strict=True) if a - 1 < m.end() and b - 1 > m.start()]
        out.append(max(inside, default=0.0))
    return out


def doubts(models: Models, texts: Sequence[tuple[str, Case]]) -> dict[str, list[list[float]]]:
    """How much reading and adapter doubt each token of each text, in nats."""
    out: dict[str, list[list[float]]] = {"reading": [], "adapter": []}
    encode = models.writer.tokenizer.encode
    for at in range(0, len(texts), TOGETHER):
        rows = [
            (tuple(encode(prompt(c.title, c.heading, c.evidence, CLAIM))), encode(" " + text))
            for text, c in texts[at : at + TOGETHER]
        ]
        out["reading"] += [[-v for v in row] for row in models.writer.read(rows)]
        looked = models.writer.look([Job.text(context, tokens) for context, tokens in rows])
        out["adapter"] += [(-row[:, KEEP]).tolist() for row in looked]
    return out


def by_word(made: Planted, models: Models) -> Iterator[tuple[str, list[float], list[bool]]]:
    """(who, scores, labels) of every word of the planted sentences: the wrong ones against the others."""
    found = doubts(models, [(p.text, c) for p, c in made])
    for who, rows in found.items():
        scores: list[float] = []
        labels: list[bool] = []
        for (plant, _), values in zip(made, rows, strict=True):
            spans = models.writer.tokenizer.spans(models.writer.tokenizer.encode(" " + plant.text))
            scores += word_scores(plant.text, spans, values)
            words = re.finditer(r"\S+", plant.text)
            labels += [m.start() < plant.at[1] and m.end() > plant.at[0] for m in words]
        yield who, scores, labels


def by_sentence(made: Planted, models: Models) -> Iterator[tuple[str, list[float], list[bool]]]:
    """(who, scores, labels) of planted sentences against those they were made of, by their WORST tokens' mean."""
    pairs = [pair for p, c in made for pair in ((p.text, c), (c.claim, c))]  # side by side: their context is read once
    for who, rows in doubts(models, pairs).items():
        yield who, [float(np.mean(sorted(r)[-WORST:])) for r in rows], [True, False] * len(made)


# --- what is found -----------------------------------------------------------------------------------------------


def verifier(true: Sequence[Case], summaries: Sequence[Case]) -> dict[str, float]:
    """Its false alarms on sentences of the evidence, on true edits of them and on the books' own summaries; its recall
    on each kind of plant."""
    some = true[:CHECKED]
    edited = [(t, c) for c in true for t in trims(c.claim)][:CHECKED]
    found = {
        "verifier_false_alarms_sentences": _alarms((c.claim, c) for c in some),
        "verifier_false_alarms": _alarms(edited),
        "verifier_false_alarms_cases": float(len(edited)),
        "verifier_false_alarms_reworded": _alarms((c.claim, c) for c in summaries),
    }
    for make in (*TOKEN_PLANTS, *RECOMBINATIONS, *OMISSIONS):
        made = planted(make, true, CHECKED)
        found[f"{make.__name__}_verifier_cases"] = float(len(made))
        found[f"{make.__name__}_verifier_recall"] = _alarms((p.text, c) for p, c in made)
    return found


def _alarms(texts: Iterable[tuple[str, Case]]) -> float:
    return float(np.mean([float(bool(problems(text, case.evidence))) for text, case in texts] or [np.nan]))


def scored(true: Sequence[Case], models: Models, count: int, label: str) -> dict[str, float]:
    """AUROC and recall of reading and adapter on each kind of plant in some true sentences; `label` goes before."""
    found: dict[str, float] = {}
    for makers, score in ((TOKEN_PLANTS, by_word), (RECOMBINATIONS, by_sentence)):
        for make in makers:
            made = planted(make, true, count)
            if len(made) < 2:
                continue
            name = f"{label}{make.__name__}"
            found[f"{name}_cases"] = float(len(made))
            for who, scores, labels in score(made, models):
                found[f"{name}_auroc_{who}"] = auroc(scores, labels)
                found[f"{name}_recall_{who}"] = recall_at(scores, labels)
    return found


def mended(true: Sequence[Case], models: Models, count: int) -> dict[str, float]:
    """What becomes of claims that the verifier doubts, as the product treats them: noise on what is wrong, denoised
    anew, and a sentence of the evidence where that fails too."""
    makers = (*TOKEN_PLANTS, *RECOMBINATIONS)
    made = [pair for make in makers for pair in planted(make, true, -(-count // len(makers)))]
    tasks, start = [], {}
    for i, (plant, c) in enumerate(made):
        task = sentence_task(str(i), c.title, c.heading, c.evidence, models)
        if trouble := problems(plant.text, c.evidence):
            tokens = models.writer.tokenizer.encode(" " + plant.text)
            tasks.append(task)
            start[task.slot] = (tokens, [1.0] * len(tokens), trouble)

    def check(text: str, task: Task) -> list[str]:
        return problems(text, task.evidence)

    written = write_texts(tasks, models, seed=0, effort=Effort(), check=check, start=start)
    said = {t.slot: written[t.slot].text if t.slot in written else t.evidence[0] for t in tasks}
    left = [said[t.slot] == made[int(t.slot)][0].text for t in tasks]
    exact = [said[t.slot] in t.evidence for t in tasks]
    return {
        "doubted_cases": float(len(tasks)),
        "doubted_left_standing": float(np.mean(left)),
        "doubted_become_evidence": float(np.mean(exact)),
        "doubted_become_an_edit_of_it": float(np.mean([not e and not w for e, w in zip(exact, left, strict=True)])),
    }


def figures(data: Path, some: Sequence[Pair], models: Models, count: int) -> dict[str, float]:
    """All figures of error detection; `count` cases a kind of plant at most."""
    true, summaries = true_sentences(data), reworded(some)
    found = verifier(true, summaries) | scored(true, models, count, "") | scored(summaries, models, count, "reworded_")
    return found | mended(true, models, min(count, 60))
