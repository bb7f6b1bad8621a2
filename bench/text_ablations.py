"""What each part of the text scale's training adds: one thing changed at a time, at equal draws.

    python -m bench.text_ablations --examples FOLDER --out FOLDER [--steps 200] [--device cuda] [--only NAME ...]

FOLDER of --examples holds prepared token files (`python -m dlm_core.train --scale text` makes them in its --out). Every
run begins with a fresh adapter from the same seed and sees the same examples; all are judged by the same held-out
canvases. One JSON line a figure. Finished runs are not run again. An H100 took 1.6 minutes
for one, beside another run; two cores take two hours.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.line import line
from dlm_core.model import KV, Transformer
from dlm_core.train.draws import RECIPE, Batch, Example, Recipe, draw
from dlm_core.train.loop import Schedule, fit, neighbours
from dlm_core.train.loss import Hints, losses, softened
from dlm_core.train.measure import evaluate
from dlm_core.train.stream import Stream, on
from dlm_core.train.text import RANK, fresh
from dlm_core.train.token_file import TokenFile

NEVER = -1e4  # a gate that stays shut


@dataclass(frozen=True)
class Variant:
    """One way to train. copying: the output may copy from the context. soft: masks carry what a first pass expects.
    by_role: masks of a heading and of a sentence have an embedding of their own on top of the common one."""

    recipe: Recipe = RECIPE
    rank: int = RANK
    copying: bool = True
    soft: bool = False
    by_role: bool = False


BLANKS = replace(RECIPE, edited=False)
VARIANTS = {
    "all": Variant(),
    "no copying head": Variant(copying=False),
    "no masks as in drafting": Variant(replace(RECIPE, drafted=False)),
    "timesteps even over 0..1": Variant(replace(RECIPE, concentrated=False)),
    "no wrong tokens": Variant(replace(RECIPE, wrong=False)),
    "blanks alone": Variant(BLANKS),
    "blanks alone, two masks drawn apart": Variant(replace(BLANKS, complementary=False)),
    "soft masks": Variant(soft=True),
    "masks by role": Variant(by_role=True),
    "rank 8": Variant(rank=8),
    "rank 16": Variant(rank=16),
    "rank 96": Variant(rank=96),
}


def of_role(vectors: Tensor) -> Hints:
    """What masks carry beside their embedding: `vectors` (2, D), of a sentence and of a heading."""

    def hints(model: Transformer, batch: Batch, reading: tuple[KV, Tensor]) -> Tensor:
        return (vectors[batch.heading.long()][:, None] * batch.masked[..., None]).to(model.embedding.dtype)

    return hints


def trained(variant: Variant, train_set: TokenFile, held: list[Example], args: argparse.Namespace) -> dict[str, float]:
    """Held-out figures of an adapter trained as `variant` says, and the minutes it took."""
    device = torch.device(args.device)
    model, _ = fresh(args.base, rank=variant.rank, seed=args.seed, device=device)
    parameters = [p for _, p in model.adapter_parameters()]
    if not variant.copying:
        with torch.no_grad():
            model.copy.gate_bias.fill_(NEVER)
        parameters = [p for name, p in model.adapter_parameters() if not name.startswith("copy.")]
    hints: Hints | None = softened if variant.soft else None
    if variant.by_role:
        roles = nn.Parameter(torch.zeros(2, model.config.dim, device=device))
        parameters.append(roles)
        hints = of_role(roles)
    batches = Stream(
        lambda step: draw(neighbours(train_set, args.batch, args.seed, step), args.seed, step, variant.recipe),
        args.workers,
    )

    def loss(step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        return losses(model, on(batches(step), device), hints)[0], {}

    began = time.monotonic()
    schedule = Schedule(args.steps, 0, args.lr, 1e9, args.log)
    out = args.out / "run"
    out.mkdir(parents=True, exist_ok=True)
    fit(model, parameters, loss, schedule, out, resume=False)
    minutes = (time.monotonic() - began) / 60
    return {**evaluate(model, held, seed=7, hints=hints), "minutes": round(minutes, 2)}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--examples", type=Path, required=True, help="folder with prepared token files")
    parser.add_argument("--out", type=Path, required=True, help="folder for figures")
    parser.add_argument("--base", default=None, help="base weights: a .gguf file or a Hugging Face folder")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw batches")
    parser.add_argument("--steps", type=int, default=200, help="of each run")
    parser.add_argument("--batch", type=int, default=64, help="contexts a step, two canvases each")
    parser.add_argument("--lr", type=float, default=7e-4, help="peak learning rate")
    parser.add_argument("--log", type=int, default=20, help="steps a line of the log")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], choices=tuple(VARIANTS), metavar="NAME")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    kept = [path.with_name(path.name.removesuffix(".index.npy")) for path in args.examples.glob("*-[0-9]*.index.npy")]
    if len(kept) != 1:
        where = f"{len(kept)} token files of training examples in {args.examples}"
        print(f"bench.text_ablations: {where}: name a folder with one (docs/training.md makes it)", file=sys.stderr)
        return 1
    train_set, held = TokenFile(kept[0]), list(TokenFile(args.examples / "examples-held"))
    for name in args.only or VARIANTS:
        done = args.out / f"{name.replace(' ', '-').replace(',', '')}-{args.steps * args.batch * 2}-{args.seed}.json"
        if not done.is_file():
            done.write_text(json.dumps(trained(VARIANTS[name], train_set, held, args)), encoding="utf-8")
        for figure, value in json.loads(done.read_text(encoding="utf-8")).items():
            unit = "minutes" if figure == "minutes" else "nats" if figure.startswith("loss") else "share"
            line("text-ablations", f"{name}: {figure}", value, unit)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
