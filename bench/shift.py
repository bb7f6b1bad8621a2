"""What one stage of the text scale's training does to another: held-out losses under the masks of each use.

    python -m bench.shift --data ../shared/data --stage first=FOLDER --stage now=dlm_core/weights [--cases 200]

A stage is a folder of adapter shards; the base with a fresh adapter goes first. On the same held-out pages, in nats a
supervised position: a short paragraph without evidence (general infilling), half of it masked; a claim with its
evidence, half of it masked, or masked from some position on, as a draft in windows meets it; and its evidence on the
canvas, as an edit meets it and as a revision does, with masks. One JSON line a figure.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from bench.line import line
from dlm_core.checkpoint import CheckpointError, adapter_rank, load_adapter
from dlm_core.fetch_base import BaseError
from dlm_core.model import Transformer
from dlm_core.prompt import CLAIM, prompt
from dlm_core.tokenizer import TextTokenizer
from dlm_core.train import draws
from dlm_core.train.documents import DataError, documents, shards
from dlm_core.train.draws import Cell, Example
from dlm_core.train.loss import losses
from dlm_core.train.measure import batches
from dlm_core.train.stream import on
from dlm_core.train.text import RANK, fresh
from dlm_core.train.text_data import build

HALF, SOME = 0.5, 0.3  # timesteps of a claim under noise, and of a sentence that is revised
Drawn = Callable[[Example, random.Random], list[Cell]]


def halved(e: Example, rng: random.Random) -> list[Cell]:
    """The target with half of its positions masked, its tail of end tokens left out."""
    return draws.complementary([c for c in draws.blank(e, rng) if c[2] != draws.END], HALF, rng)[0]


DRAWN: dict[str, Drawn] = {
    "claim": halved,
    "drafting": lambda e, rng: draws.drafting(draws.blank(e, rng), rng),
    "editing": lambda e, rng: draws.edit(e, 0.0, rng),
    "revising": lambda e, rng: draws.edit(e, SOME, rng),
}


def general(data: Path, tokenizer: TextTokenizer, count: int) -> list[Example]:
    """Short paragraphs of held-out pages whose context names the page and nothing of what it says."""
    found = []
    for file in shards(data, training=False, folders=("textbooks", "docs")):
        mine = [
            (prompt(d.title, s.heading, [], CLAIM), p)
            for d in documents(file)
            for s in d.sections
            for p in s.paragraphs
        ]
        random.Random(file.name).shuffle(mine)
        found += [(context, text) for context, text in mine if 8 <= len(text.split()) <= 40][:count]
    random.Random(0).shuffle(found)
    contexts, texts = (tokenizer.encode_batch(list(x)) for x in zip(*found[:count], strict=True))
    return [Example(c, t, [], len(t), "general") for c, t in zip(contexts, texts, strict=True)]


@torch.no_grad()
def held_loss(model: Transformer, examples: Sequence[Example], drawn: Drawn, seed: int) -> float:
    """Mean loss in nats a position, each as much as training counts it."""
    rng = random.Random(seed)
    total = weight = 0.0
    for batch in batches(list(examples), [drawn(e, rng) for e in examples]):
        loss, _ = losses(model, on(batch, model.device))
        counted = float(batch.weight.sum())
        total, weight = total + float(loss) * counted, weight + counted
    return total / weight


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--stage", action="append", default=[], metavar="NAME=FOLDER", help="in their order")
    parser.add_argument("--base", default=None, help="base weights: a .gguf file or a Hugging Face folder")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    try:
        _, tokenizer = fresh(args.base, rank=1, seed=0, device=device)
        tasks = build(args.data, tokenizer, training=False, limit=2 * args.cases, seed=1)
        told = [e for e in tasks if e.source][: args.cases]
        cases = dict.fromkeys(DRAWN, told) | {"general": general(args.data, tokenizer, args.cases)}
        drawn = {**DRAWN, "general": halved}
        for name, folder in [("base", ""), *(s.partition("=")[::2] for s in args.stage)]:
            files = sorted(Path(folder).glob("adapter-*.safetensors")) if folder else []
            if folder and not files:
                print(f"bench.shift: no adapter in {folder}: name a folder of adapter-*.safetensors", file=sys.stderr)
                return 1
            model, _ = fresh(args.base, rank=adapter_rank(files) if files else RANK, seed=0, device=device)
            if files:
                load_adapter(model, files, partial=True)
            for use, make in drawn.items():
                line("shift", f"{name}: {use}", held_loss(model, cases[use], make, args.seed), "nats a position")
    except (DataError, CheckpointError, BaseError) as error:
        print(f"bench.shift: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
