"""How well the text scale writes claims, fills gaps and finds errors, on pages never trained on.

    python -m bench.text --data ../shared/data [--peer FOLDER]

prints one JSON line a figure. Pairs are a book's own summary sentences and the
sentences of the page that hold at least 80% of their content words. Peers get
the same evidence: the sentence nearest to the subject by MiniLM, the one
nearest to the gold sentence (an oracle), the base in its chat template, and
with --peer the same base with a causal adapter (bench/peers.py).
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import torch

from bench.causal import generate
from bench.checker import unsupported
from bench.line import line
from bench.measures import repeated
from bench.plan import interval
from bench.plants import RECOMBINATIONS, TOKEN_PLANTS, Plant
from bench.rouge import rouge_l, rouge_n, sari
from bench.writers import CHAT, TOKENS, base_folder, load_reader
from dlm_core.effort import Effort
from dlm_core.job import Job
from dlm_core.model import KEEP
from dlm_core.models import Models, load_models
from dlm_core.prompt import BRIEF, CLAIM, prompt
from dlm_core.segment import sentences, standalone
from dlm_core.sentences import LONG, Task, sentence_task, write_texts
from dlm_core.support import problems
from dlm_core.train import measure
from dlm_core.train.documents import documents, shards
from dlm_core.train.text_data import Pair, build, content_words, summary_pairs

COVERAGE = 0.8
FALSE_ALARMS = 0.05
ROWS = 12  # sentences written at once by a peer
Check = Callable[[str, Task], list[str]]


def pairs(data: Path, count: int, seed: int = 0) -> list[Pair]:
    """At most `count` pairs of the validation textbooks, in an order of the seed's."""
    found = [
        p
        for file in shards(data, training=False, folders=("textbooks",))
        for d in documents(file)
        for p in summary_pairs(d)
        if p.covered >= COVERAGE
    ]
    random.Random(seed).shuffle(found)
    return found[:count]


# --- claims ------------------------------------------------------------------------------------------------------


def near_first(pair: Pair, models: Models) -> list[str]:
    """The pair's evidence, what is nearest to title and heading first: how a plan would point at it."""
    vectors = models.embedder([f"{pair.title}. {pair.heading}", *pair.evidence])
    order = np.argsort(-(vectors[1:] @ vectors[0]), kind="stable")
    return [pair.evidence[i] for i in order]


def ours(some: Sequence[Pair], models: Models, *, checked: bool) -> list[str]:
    """The writer's sentence for each pair; checked: as the product does it, with its evidence where the check fails."""
    tasks = [sentence_task(str(i), p.title, p.heading, near_first(p, models), models) for i, p in enumerate(some)]
    check: Check = (lambda text, task: problems(text, list(task.evidence))) if checked else (lambda text, task: [])
    made = write_texts(tasks, models, seed=0, effort=Effort(), check=check)
    return [made[t.slot].text if t.slot in made else t.evidence[0] for t in tasks]


def claim_figures(texts: Sequence[str], some: Sequence[Pair], models: Models) -> dict[str, float]:
    """Means over pairs, 0..1 but for nats and words."""
    rows: dict[str, list[float]] = {}
    for text, p in zip(texts, some, strict=True):
        joined, words = " ".join(p.evidence), text.split()
        held = content_words(f"{joined} {p.title} {p.heading}")
        said = content_words(text)
        pieces = [b.size for b in SequenceMatcher(None, joined.split(), words, autojunk=False).get_matching_blocks()]
        bigrams = set(zip(words, words[1:], strict=False))
        source = set(zip(joined.split(), joined.split()[1:], strict=False))
        values = {
            "rouge_1": rouge_n(p.target, text, 1),
            "rouge_2": rouge_n(p.target, text, 2),
            "rouge_l": rouge_l(p.target, text),
            "sari": sari(joined, text, p.target),
            "unsupported": float(bool(unsupported(text, f"{joined} {p.title} {p.heading}"))),
            "verbatim": float(max(pieces) >= len(words) - 1),
            "novel_bigrams": len(bigrams - source) / max(1, len(bigrams)),
            "foreign_content": len(said - held) / max(1, len(said)),
            "compression": len(words) / max(1, len(joined.split())),
            "length_error": abs(len(words) - len(p.target.split())),
            "repeated_4grams": repeated([text]),
        }
        for name, value in values.items():
            rows.setdefault(name, []).append(float(value))
    out = {name: float(np.mean(v)) for name, v in rows.items()}
    out["rouge_l_low"], out["rouge_l_high"] = interval(np.array(rows["rouge_l"]))
    out["loss_ratio"] = fluency(texts, models) / fluency([p.target for p in some], models)
    return out


def fluency(texts: Sequence[str], models: Models) -> float:
    """Nats a token that the causal base needs for sentences by themselves."""
    encode = models.writer.tokenizer.encode
    start = tuple(encode("\n"))
    read = models.writer.read([(start, encode(" " + t)) for t in texts])
    return -float(np.mean([np.mean(r) for r in read if r]))


def left_to_right(some: Sequence[Pair], models: Models, peer: Path | None) -> list[str]:
    """The claim of the base in its chat template, or with the causal adapter of `peer` after the writer's own prompt;
    greedy, its first sentence."""
    reader = load_reader(base_folder(None), peer)
    encode, decode = reader.tokenizer.encode, reader.tokenizer.decode
    out = []
    for at in range(0, len(some), ROWS):
        contexts = []
        for p in some[at : at + ROWS]:
            evidence = near_first(p, models)
            if peer is None:
                asked = encode("user\nSay this in one sentence, with no facts of your own:\n" + " ".join(evidence))
                start, end = CHAT
                contexts.append([start, *asked, end, *encode("\n"), start, *encode("assistant\n")])
            else:
                kind = BRIEF if len(evidence[0].split()) > LONG else CLAIM
                contexts.append(encode(prompt(p.title, p.heading, evidence, kind)))
        made = generate(reader.model, contexts, [TOKENS] * len(contexts), adapter=peer is not None)
        out += [" ".join(decode(row).split()) for row in made]
    return [
        text[b[0] : b[1]] if (b := next(iter(sentences(text)), None)) else p.evidence[0]
        for text, p in zip(out, some, strict=True)
    ]


# --- error detection ---------------------------------------------------------------------------------------------


def auroc(scores: Sequence[float], wrong: Sequence[bool]) -> float:
    """Area under the curve of a score that should be high where something is wrong."""
    s, y = np.asarray(scores), np.asarray(wrong)
    rank = s.argsort(kind="stable").argsort(kind="stable") + 1.0
    for value in np.unique(s):  # equal scores share their rank
        rank[s == value] = rank[s == value].mean()
    n, m = int(y.sum()), int((~y).sum())
    return float((rank[y].sum() - n * (n + 1) / 2) / max(1, n * m))


def true_sentences(data: Path, count: int, seed: int = 0) -> list[tuple[str, list[str], str, str]]:
    """(sentence, its evidence and the sentence after, title, heading) of validation pages: claims that are true."""
    rng = random.Random(seed)
    found = []
    for file in shards(data, training=False, folders=("textbooks", "docs")):
        for d in documents(file):
            for section in d.sections:
                for paragraph in section.paragraphs:
                    own = [s for s in re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph) if 8 <= len(s.split()) <= 32]
                    found += [
                        (a, [a, b], d.title, section.heading)
                        for a, b in zip(own, own[1:], strict=False)
                        if not standalone(a)
                    ]
    rng.shuffle(found)
    return found[:count]


def word_scores(text: str, tokens: list[int], spans: list[tuple[int, int]], per_token: list[float]) -> list[float]:
    """The worst token of each word, by the word's place in the text."""
    out = []
    for m in re.finditer(r"\S+", text):
        inside = [per_token[i] for i, (a, b) in enumerate(spans) if a - 1 < m.end() and b - 1 > m.start()]
        out.append(max(inside, default=0.0))
    return out


def detection(data: Path, models: Models, count: int) -> dict[str, float]:
    """AUROC of reading and adapter on planted words, and on planted sentences; recall of the verifier at its own
    false alarms. Each plant stands beside the sentence it was made of."""
    true = true_sentences(data, count * 40)
    rng = random.Random(0)
    found: dict[str, float] = {}
    encode, spans_of = models.writer.tokenizer.encode, models.writer.tokenizer.spans
    alarms = [bool(problems(s, e)) for s, e, _, _ in true[:1000]]
    found["verifier_false_alarms"] = float(np.mean(alarms))
    for make in (*TOKEN_PLANTS, *RECOMBINATIONS):
        made: list[tuple[Plant, str, list[str], str, str]] = []
        for sentence, evidence, title, heading in true:
            if len(made) < count and (plant := make(sentence, evidence, rng)):
                made.append((plant, sentence, evidence, title, heading))
        if not made:
            continue
        kind = made[0][0].kind
        found[f"{kind}_cases"] = float(len(made))
        found[f"{kind}_verifier_recall"] = float(np.mean([bool(problems(p.text, e)) for p, _, e, _, _ in made]))
        contexts = [tuple(encode(prompt(t, h, e, CLAIM))) for _, _, e, t, h in made]
        for score, per_token in (("reading", _reading), ("adapter", _adapter)):
            both = {
                w: per_token(models, contexts, [encode(" " + t) for t in texts])
                for w, texts in (("wrong", [p.text for p, *_ in made]), ("right", [s for _, s, *_ in made]))
            }
            if make in RECOMBINATIONS:
                scores = [float(np.mean(v)) for v in (*both["wrong"], *both["right"])]
                labels = [True] * len(made) + [False] * len(made)
            else:
                scores, labels = [], []
                for (plant, *_), values in zip(made, both["wrong"], strict=True):
                    tokens = encode(" " + plant.text)
                    worst = word_scores(plant.text, tokens, spans_of(tokens), values)
                    for m, value in zip(re.finditer(r"\S+", plant.text), worst, strict=True):
                        scores.append(value)
                        labels.append(m.start() < plant.at[1] and m.end() > plant.at[0])
            found[f"{kind}_auroc_{score}"] = auroc(scores, labels)
    return found


def _reading(models: Models, contexts: list[tuple[int, ...]], tokens: list[list[int]]) -> list[list[float]]:
    return [[-v for v in row] for row in models.writer.read(list(zip(contexts, tokens, strict=True)))]


def _adapter(models: Models, contexts: list[tuple[int, ...]], tokens: list[list[int]]) -> list[list[float]]:
    jobs = [Job.text(c, t) for c, t in zip(contexts, tokens, strict=True)]
    return [(-row[:, KEEP]).tolist() for row in models.writer.look(jobs)]


# --- all of it ---------------------------------------------------------------------------------------------------


def figures(data: Path, models: Models, *, cases: int, peer: Path | None) -> dict[str, float]:
    some = pairs(data, cases)
    found: dict[str, float] = {"pairs": float(len(some))}
    first = [near_first(p, models)[0] for p in some]
    oracle = [max(p.evidence, key=lambda e, p=p: rouge_l(p.target, e)) for p in some]  # type: ignore[misc]
    written = {
        "diffusion": ours(some, models, checked=True),
        "diffusion_unchecked": ours(some, models, checked=False),
        "minilm_sentence": first,
        "oracle_sentence": oracle,
        "gold": [p.target for p in some],
        "base_chat": left_to_right(some, models, None),
    }
    if peer is not None:
        written["causal"] = left_to_right(some, models, peer)
    for name, texts in written.items():
        found |= {f"{name}_{k}": v for k, v in claim_figures(texts, some, models).items()}
    held = build(data, models.writer.tokenizer, training=False, limit=300, seed=7)
    found |= {f"infill_{k}": v for k, v in measure.under_noise(models.writer.model, held, 7, (0.25, 0.5, 1.0)).items()}
    return found | detection(data, models, cases)


GOALS: dict[str, tuple[str, Callable[[dict[str, float]], bool]]] = {
    "diffusion_rouge_l": (
        "above minilm_sentence and base_chat",
        lambda f: f["diffusion_rouge_l"] > max(f["minilm_sentence_rouge_l"], f["base_chat_rouge_l"]),
    ),
    "diffusion_unchecked_unsupported": ("at most 0.02", lambda f: f["diffusion_unchecked_unsupported"] <= 0.02),
    "diffusion_unsupported": ("0", lambda f: f["diffusion_unsupported"] == 0),
    "diffusion_foreign_content": ("at most 0.03", lambda f: f["diffusion_foreign_content"] <= 0.03),
    "diffusion_verbatim": ("at most 0.5", lambda f: f["diffusion_verbatim"] <= 0.5),
    "diffusion_loss_ratio": ("at most 1.1", lambda f: f["diffusion_loss_ratio"] <= 1.1),
    "number_auroc_reading": ("at least 0.9", lambda f: f["number_auroc_reading"] >= 0.9),
    "number_verifier_recall": ("at least 0.95", lambda f: f["number_verifier_recall"] >= 0.95),
    "name_verifier_recall": ("at least 0.95", lambda f: f["name_verifier_recall"] >= 0.95),
    "negation_verifier_recall": ("at least 0.95", lambda f: f["negation_verifier_recall"] >= 0.95),
    "exchange_verifier_recall": ("at least 0.6", lambda f: f["exchange_verifier_recall"] >= 0.6),
    "attribute_verifier_recall": ("at least 0.6", lambda f: f["attribute_verifier_recall"] >= 0.6),
    "exchange_auroc_reading": ("at least 0.8", lambda f: f["exchange_auroc_reading"] >= 0.8),
    "attribute_auroc_reading": ("at least 0.8", lambda f: f["attribute_auroc_reading"] >= 0.8),
    "verifier_false_alarms": ("at most 0.05", lambda f: f["verifier_false_alarms"] <= FALSE_ALARMS),
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--base", default=None, help="base weights: a .gguf file or a Hugging Face folder")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--peer", type=Path, help="folder with the causal adapter (make bench-peers)")
    args = parser.parse_args(arguments)
    with torch.inference_mode():
        found = figures(args.data, load_models(base=args.base), cases=args.cases, peer=args.peer)
    for name, value in found.items():
        goal, holds = GOALS.get(name, (None, None))
        unit = "count" if name.endswith(("cases", "pairs")) else "words" if name.endswith("length_error") else "share"
        line("text", name, value, unit, goal, holds(found) if holds else None)


if __name__ == "__main__":
    main()
