"""Training the text scale: the base reads, the adapter learns to write.

Choices:
- the base is frozen and reads each context once, without gradient; two noise
  draws share that reading (draws.py)
- the canvas is bidirectional; token predictions are shifted by one
  (dlm_core/predict.py), so the causal model's skill is kept
- tokens come from the vocabulary mixed with copying from the context, and only
  where something is to be written; what becomes of a position (kept, emptied,
  written) is learned at every position
- what a step sees follows from (seed, step) alone (loop.py)
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlm_core.checkpoint import compute_dtype, load_adapter, load_base
from dlm_core.fetch_base import base_path
from dlm_core.tokenizer import TextTokenizer
from dlm_core.train.documents import DataError, used
from dlm_core.train.draws import Example, draw
from dlm_core.train.loop import Schedule, fit, neighbours
from dlm_core.train.loss import losses
from dlm_core.train.measure import evaluate
from dlm_core.train.text_data import build

RANK = 48


def main(args: argparse.Namespace) -> None:
    """Train for `args.steps` steps, or for `args.minutes` in all, with checkpoints in `args.out`."""
    torch.set_num_threads(args.threads)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    model, tokenizer = load_base(base_path(args.base), dtype=compute_dtype(), rank=RANK)
    model.reset_adapter(torch.Generator().manual_seed(args.seed))
    if args.start:
        load_adapter(model, sorted(Path(args.start).glob("adapter-*.safetensors")), partial=True)
        if (Path(args.start) / "text-card.json").is_file():  # what these weights have been through
            shutil.copyfile(Path(args.start) / "text-card.json", out / "text-before.json")
    train_set, valid_set, tasks = examples(out, Path(args.data), args.seed, args.examples, tokenizer)
    print(json.dumps({"examples": len(train_set), "held_out": len(valid_set), **tasks}), flush=True)

    def loss(step: int) -> tuple[Tensor, Mapping[str, float]]:
        total, kinds = losses(model, draw(neighbours(train_set, args.batch, args.seed, step), args.seed, step))
        return total, dict(zip(("edit", "masked_edit", "blank"), kinds.tolist(), strict=True))

    schedule = Schedule(args.steps, args.minutes, args.lr, args.checkpoint, args.log)
    parameters = [p for _, p in model.adapter_parameters()]
    step, seconds = fit(model, parameters, loss, schedule, out, resume=args.resume)
    figures = evaluate(model, valid_set, seed=7)
    card: dict[str, Any] = {
        "scale": "text",
        "steps": step,
        "draws": step * args.batch * 2,
        "seconds": round(seconds),
        "threads": args.threads,
        "rank": RANK,
        "tasks": tasks,
        "files": used(Path(args.data), folders=("textbooks", "docs")),
        "held_out_examples": len(valid_set),
        "held_out": figures,
    }
    if (out / "text-before.json").is_file():
        before = json.loads((out / "text-before.json").read_text())
        card["before"] = {k: before[k] for k in ("steps", "draws", "seconds", "tasks")}
    (out / "text-card.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card), flush=True)


def examples(
    out: Path, data: Path, seed: int, count: int, tokenizer: TextTokenizer
) -> tuple[list[Example], list[Example], dict[str, int]]:
    """About `count` training examples sorted by length, held-out ones, and the training count of each task.

    Finding them takes minutes, so they are kept in `out`, beside the checkpoint.
    """
    kept = out / f"examples-{seed}-{count}.json"
    if not kept.is_file():
        found = {
            "train": build(data, tokenizer, training=True, limit=count, seed=seed),
            "held": build(data, tokenizer, training=False, limit=400, seed=1),
        }
        if not all(found.values()):
            raise DataError(f"{data} gives no examples for the text scale: is it the folder of training text?")
        found["train"].sort(key=lambda e: len(e.context) + len(e.target) + len(e.source))
        part = kept.with_suffix(".part")
        part.write_text(json.dumps({k: [vars(e) for e in v] for k, v in found.items()}))
        part.replace(kept)
    raw = json.loads(kept.read_text())
    train_set, held = ([Example(**e) for e in raw[k]] for k in ("train", "held"))
    tasks: dict[str, int] = {}
    for e in train_set:
        tasks[e.task] = tasks.get(e.task, 0) + 1
    return train_set, held[:300], tasks
