"""How well the text scale writes claims, fills gaps and finds errors, on pages never trained on.

    python -m bench.text --data ../shared/data [--part claims] [--peer build/peers]

prints one JSON line a figure. Pairs are a book's own summary sentences and the
sentences of the page that hold at least 80% of their content words. Peers get
the same evidence: the sentence nearest to the subject by MiniLM, the one
nearest to the gold sentence (an oracle), the base in its chat template, and the
same base with a causal adapter (bench/peers.py), where --peer has one.
Error detection: bench/errors.py.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import torch

from bench import errors
from bench.causal import generate
from bench.checker import names, numbers, unsupported
from bench.line import line
from bench.measures import repeated
from bench.plan import interval
from bench.rouge import rouge_l, rouge_n, sari, tokens
from bench.writers import CHAT, TOKENS, base_folder, load_reader
from dlm_core import leading
from dlm_core.boundaries import sentences
from dlm_core.checkpoint import CheckpointError
from dlm_core.effort import Effort
from dlm_core.fetch_base import BaseError
from dlm_core.models import Models, load_models
from dlm_core.plan_features import features
from dlm_core.pool import Pool
from dlm_core.prompt import BRIEF, CLAIM, prompt
from dlm_core.segment import Evidence
from dlm_core.sentences import LONG, Task, sentence_task, write_texts
from dlm_core.support import problems
from dlm_core.train import measure
from dlm_core.train.documents import DataError, documents, shards
from dlm_core.train.text_data import Pair, build, content_words, summary_pairs

COVERAGE = 0.8
HELD = 330  # examples of infilling asked for; some of the mix have too few
ROWS = 24  # sentences written at once by a peer
AT_HAND = 64  # sentences of a page that the planner chooses from, as many as a pool of the product has
RARE = 3  # pages of all pairs that a rare word stands on at most
PARTS = ("claims", "errors", "infilling")
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
    """The pair's evidence, what is nearest to title and heading first."""
    vectors = models.embedder([f"{pair.title}. {pair.heading}", *pair.evidence])
    order = np.argsort(-(vectors[1:] @ vectors[0]), kind="stable")
    return [pair.evidence[i] for i in order]


def at_hand(pair: Pair, vectors: np.ndarray, models: Models) -> tuple[Pool, np.ndarray, torch.Tensor]:
    """The pair's evidence among the sentences of its page (`vectors`, in order) that are nearest to title and heading,
    as a run holds them; the vector of title and heading, and the planner's features."""
    asked = f"{pair.title}. {pair.heading}"
    question = models.embedder([asked])[0]
    texts = [text for _, text in pair.page]
    own = {texts.index(e) for e in pair.evidence}
    rows = sorted({*own, *np.argsort(-(vectors @ question), kind="stable")[:AT_HAND].tolist()})
    held = [
        Evidence(f"p.e{i}", "p", "p.p0", pair.page[i][0], i, i, texts[i], texts[i - 1] if i else "", True, "")
        for i in rows
    ]
    pool = Pool({e.id: e for e in held}, vectors[rows], {"p": pair.title})
    return pool, question, features(pool, asked, question)


def planned_first(some: Sequence[Pair], models: Models) -> list[list[str]]:
    """The evidence of each pair, first what a report would lead with (dlm_core/leading.py)."""
    known: dict[tuple[tuple[str, str], ...], np.ndarray] = {}
    out = []
    for p in some:
        if len(p.evidence) < 2:
            out.append(p.evidence)
            continue
        if p.page not in known:
            known[p.page] = models.embedder([text for _, text in p.page])
        pool, question, told = at_hand(p, known[p.page], models)
        worth = leading.worth(pool, models, brief=torch.from_numpy(question), features=told)
        likes = {e.text: float(w) for e, w in zip(pool.evidence.values(), worth, strict=True)}
        out.append(sorted(p.evidence, key=lambda e, w=likes: -w[e]))  # type: ignore[misc]
    return out


def ours(some: Sequence[Pair], led: Sequence[Sequence[str]], models: Models, *, checked: bool) -> list[str]:
    """The writer's sentence for each pair, of its evidence in the order of `led`; checked: as the product does it, with
    its evidence where the check fails."""
    both = zip(some, led, strict=True)
    tasks = [sentence_task(str(i), p.title, p.heading, evidence, models) for i, (p, evidence) in enumerate(both)]
    check: Check = (lambda text, task: problems(text, list(task.evidence))) if checked else (lambda text, task: [])
    made = write_texts(tasks, models, seed=0, effort=Effort(), check=check)
    return [made[t.slot].text if t.slot in made else t.evidence[0] for t in tasks]


def facts_of(text: str, rare: set[str]) -> dict[str, set[str]]:
    """What a claim must copy exactly: numbers, names and rare words."""
    return {"numbers": numbers(text), "names": names(text), "rare_words": rare & set(tokens(text))}


def one_run(text: str, evidence: Sequence[str]) -> bool:
    """Whether a sentence is one run of its evidence; its first or last word may differ by a capital or a stop."""
    words = text.split()
    match = SequenceMatcher(None, " ".join(evidence).split(), words, autojunk=False)
    return max(b.size for b in match.get_matching_blocks()) >= len(words) - 1


def claim_rows(texts: Sequence[str], some: Sequence[Pair], rare: set[str]) -> dict[str, list[float]]:
    """Figures of each claim, 0..1 but for words; the copying figures only of claims that have something to copy."""
    rows: dict[str, list[float]] = {}
    for text, p in zip(texts, some, strict=True):
        joined, words = " ".join(p.evidence), text.split()
        source = f"{joined} {p.title} {p.heading}"
        held, said = content_words(source), content_words(text)
        bigrams = set(zip(words, words[1:], strict=False))
        there = set(zip(joined.split(), joined.split()[1:], strict=False))
        values = {
            "rouge_1": rouge_n(p.target, text, 1),
            "rouge_2": rouge_n(p.target, text, 2),
            "rouge_l": rouge_l(p.target, text),
            "sari": sari(joined, text, p.target),
            "unsupported": float(bool(unsupported(text, source))),
            "verbatim": float(one_run(text, p.evidence)),
            "novel_bigrams": len(bigrams - there) / max(1, len(bigrams)),
            "foreign_content": len(said - held) / max(1, len(said)),
            "compression": len(words) / max(1, len(joined.split())),
            "length_error": abs(len(words) - len(p.target.split())),
            "repeated_4grams": repeated([text]),
        }
        lost = set(unsupported(text, source))
        for kind, copied in facts_of(text, rare).items():
            if copied:
                wrong = copied - set(tokens(source)) if kind == "rare_words" else copied & lost
                values[f"copied_{kind}"] = 1 - len(wrong) / len(copied)
        for name, value in values.items():
            rows.setdefault(name, []).append(float(value))
    return rows


def rare_words(some: Sequence[Pair]) -> set[str]:
    """Words of the pairs' evidence that few of them have, function words and numbers left out by their length."""
    seen = Counter(w for p in some for w in set(tokens(" ".join(p.evidence))))
    return {w for w, n in seen.items() if n <= RARE and len(w) > 4 and w.isalpha()}


def fluency(texts: Sequence[str], models: Models) -> float:
    """Nats a token that the causal base needs for sentences by themselves."""
    encode = models.writer.tokenizer.encode
    start = tuple(encode("\n"))
    read = models.writer.read([(start, encode(" " + t)) for t in texts])
    return -float(np.mean([np.mean(r) for r in read if r]))


def left_to_right(some: Sequence[Pair], led: Sequence[Sequence[str]], models: Models, peer: Path | None) -> list[str]:
    """The claim of the base in its chat template, or with the causal adapter of `peer` after the writer's own prompt;
    greedy, its first sentence."""
    reader = load_reader(base_folder(None), peer)
    encode, decode = reader.tokenizer.encode, reader.tokenizer.decode
    out = []
    for at in range(0, len(some), ROWS):
        contexts = []
        for p, evidence in zip(some[at : at + ROWS], led[at : at + ROWS], strict=True):
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


# --- all of it ---------------------------------------------------------------------------------------------------


def claims(some: Sequence[Pair], models: Models, peer: Path | None) -> dict[str, float]:
    """Figures of the product's claims and of every peer's, and how far ahead the product's are in ROUGE-L."""
    led = planned_first(some, models)
    written = {
        "diffusion": ours(some, led, models, checked=True),
        "diffusion_unchecked": ours(some, led, models, checked=False),
        "minilm_sentence": [near_first(p, models)[0] for p in some],
        "oracle_sentence": [max(p.evidence, key=lambda e, p=p: rouge_l(p.target, e)) for p in some],  # type: ignore[misc]
        "gold": [p.target for p in some],
        "base_chat": left_to_right(some, led, models, None),
    }
    if peer is not None:
        written["causal"] = left_to_right(some, led, models, peer)
    rare, gold = rare_words(some), fluency(written["gold"], models)
    found: dict[str, float] = {"pairs": float(len(some))}
    rouge = {}
    for name, texts in written.items():
        rows = claim_rows(texts, some, rare)
        rouge[name] = np.array(rows["rouge_l"])
        found |= {f"{name}_{k}": float(np.mean(v)) for k, v in rows.items()}
        found[f"{name}_rouge_l_low"], found[f"{name}_rouge_l_high"] = interval(rouge[name])
        found[f"{name}_loss_ratio"] = fluency(texts, models) / gold
    for name in ("minilm_sentence", "base_chat", "causal"):
        if name in rouge:
            gaps = rouge["diffusion"] - rouge[name]
            found[f"rouge_l_gap_{name}"] = float(gaps.mean())
            found[f"rouge_l_gap_{name}_low"], found[f"rouge_l_gap_{name}_high"] = interval(gaps)
    return found


def infilling(data: Path, models: Models) -> dict[str, float]:
    """Masked tokens of held-out sentence edits at three noise levels."""
    held = build(data, models.writer.tokenizer, training=False, limit=HELD, seed=7)
    made = measure.under_noise(models.writer.model, held, 7, (0.25, 0.5, 1.0))
    return {"infill_cases": float(len(held))} | {f"infill_{k}": v for k, v in made.items()}


Holds = Callable[[float], bool]


def _least(value: float) -> tuple[str, Holds]:
    return f"at least {value:g}", lambda v: v >= value


def _most(value: float) -> tuple[str, Holds]:
    return f"at most {value:g}", lambda v: v <= value


GOALS: dict[str, tuple[str, Holds]] = {
    "rouge_l_gap_minilm_sentence_low": ("over 0", lambda v: v > 0),
    "rouge_l_gap_base_chat_low": ("over 0", lambda v: v > 0),
    "rouge_l_gap_causal": _least(-0.02),
    "diffusion_unchecked_unsupported": _most(0.02),
    "diffusion_unsupported": _most(0),
    "diffusion_foreign_content": _most(0.03),
    "diffusion_copied_numbers": _least(0.99),
    "diffusion_copied_names": _least(0.99),
    "diffusion_verbatim": _most(0.5),
    "diffusion_loss_ratio": _most(1.1),
    "verifier_false_alarms": _most(errors.FALSE_ALARMS),
    "doubted_left_standing": _most(0),
    **{f"{kind}_verifier_recall": _least(0.95) for kind in ("number", "name", "negation")},
    **{f"{kind}_verifier_recall": _least(0.6) for kind in ("exchange", "attribute", "splice")},
    **{f"{of}number_auroc_reading": _least(0.9) for of in ("", "reworded_")},
    **{f"{of}{kind}_auroc_reading": _least(0.8) for of in ("", "reworded_") for kind in ("exchange", "attribute")},
    # Not among summaries: a splice brings the evidence's own words, and these read better than any rewording.
    "splice_auroc_reading": _least(0.8),
}


def unit(name: str) -> str:
    if name.endswith(("cases", "pairs")):
        return "count"
    return "words" if name.endswith("length_error") else "nats a token" if "loss@" in name else "share"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.text", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of training text")
    parser.add_argument("--base", default=None, help="base weights: a .gguf file or a Hugging Face folder")
    parser.add_argument("--cases", type=int, default=300, help="pairs, and planted errors of a kind")
    parser.add_argument("--peer", type=Path, default=Path("build/peers"), help="folder of the causal adapter")
    parser.add_argument("--part", nargs="*", default=PARTS, choices=PARTS, help="what is measured (all)")
    args = parser.parse_args(arguments)
    peer = args.peer if any(args.peer.glob("adapter-*.safetensors")) else None
    if peer is None and "claims" in args.part:
        print(f"bench.text: no causal adapter in {args.peer}: make one with `make bench-peers`", file=sys.stderr)
    try:
        models, some = load_models(base=args.base, quiet=True), pairs(args.data, args.cases)
        for part in args.part:
            with torch.inference_mode():
                if part == "claims":
                    found = claims(some, models, peer)
                elif part == "infilling":
                    found = infilling(args.data, models)
                else:
                    found = errors.figures(args.data, some, models, args.cases)
            for name, value in found.items():
                goal, holds = GOALS.get(name, (None, None))
                line("text", name, value, unit(name), goal, holds(value) if holds else None)
    except (DataError, CheckpointError, BaseError, OSError) as error:
        print(f"bench.text: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
