"""Training the text scale: the base reads, the adapter learns to write.

Choices:
- the base is frozen and reads each context once, without gradient; two noise
  draws share that reading (draws.py)
- the canvas is bidirectional; token predictions are shifted by one
  (dlm_core/predict.py), so the causal model's skill is kept
- tokens come from the vocabulary mixed with copying from the context, and only
  where something is to be written; what becomes of a position (kept, emptied,
  written) is learned at every position
- what a step sees follows from (seed, step) alone (loop.py, stream.py)
- on a GPU the base stays in bfloat16, the adapter in float32, and processes draw the batches
- rank 0 trains matrices of the writer's own, all of the base's, instead of an adapter
- under torchrun the layers are sharded over the processes (devices.py)
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
from dlm_core.model import Transformer
from dlm_core.tokenizer import TextTokenizer
from dlm_core.train import devices
from dlm_core.train.documents import DataError, used
from dlm_core.train.draws import Example, draw
from dlm_core.train.loop import Schedule, fit, logged, neighbours
from dlm_core.train.loss import Size, losses, work
from dlm_core.train.measure import evaluate
from dlm_core.train.stream import Stream, on
from dlm_core.train.text_data import build
from dlm_core.train.token_file import TokenFile, there, write

RANK = 48
# Of the card of the weights that a run began with, kept in its own.
BEFORE = ("steps", "draws", "supervised", "seconds", "threads", "device", "tasks", "before")
HELD = 300  # held-out examples


def main(args: argparse.Namespace) -> None:
    """Train for `args.steps` steps, or for `args.minutes` in all, with checkpoints in `args.out`."""
    torch.set_num_threads(args.threads)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    place = devices.world(args.device)
    device = place.device
    model, tokenizer = fresh(args.base, rank=args.rank, seed=args.seed, device=device)
    if args.start:
        load_adapter(model, sorted(Path(args.start).glob("adapter-*.safetensors")), partial=True)
        if (Path(args.start) / "text-card.json").is_file():  # what these weights have been through
            shutil.copyfile(Path(args.start) / "text-card.json", out / "text-before.json")
    given = (out, Path(args.data), args.seed, args.examples, tokenizer, args.workers)
    train_set, valid_set = place.in_turn(lambda: examples(*given))
    tasks = train_set.counts()
    if place.first:
        print(json.dumps({"examples": len(train_set), "held_out": len(valid_set), **tasks}), flush=True)
    size = Size.of(model)
    devices.spread(model, place)
    batches = Stream(
        lambda step: draw(neighbours(train_set, args.batch, args.seed, step), args.seed, step), args.workers
    )

    def loss(step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        batch = batches(step)
        total, kinds = losses(model, on(batch, device))
        figures = dict(zip(("edit", "masked_edit", "blank"), kinds.unbind(), strict=True))
        return total, {**figures, **work(size, batch)}

    schedule = Schedule(args.steps, args.minutes, args.lr, args.checkpoint, args.log, args.accumulate)
    parameters = [p for _, p in model.adapter_parameters()]
    step, seconds = fit(model, parameters, loss, schedule, out, resume=args.resume, place=place)
    figures = evaluate(model, valid_set, seed=7)
    devices.leave()
    if not place.first:
        return
    card: dict[str, Any] = {
        "scale": "text",
        "steps": step,
        "draws": step * args.batch * 2 * args.accumulate * place.size,
        "supervised": round(logged(out, "supervised")),
        "seconds": round(seconds),
        "threads": args.threads,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "batch": args.batch,
        "rank": args.rank,
        "processes": place.size,
        "tasks": tasks,
        "files": train_set.files,
        "held_out_examples": len(valid_set),
        "held_out": figures,
    }
    if (out / "text-before.json").is_file():
        before = json.loads((out / "text-before.json").read_text())
        card["before"] = {k: before[k] for k in BEFORE if k in before}
    (out / "text-card.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card), flush=True)


def fresh(base: str | None, *, rank: int, seed: int, device: torch.device) -> tuple[Transformer, TextTokenizer]:
    """The base (a path, or None for the fetched one) on `device` with an adapter that changes nothing yet."""
    model, tokenizer = load_base(base_path(base), dtype=compute_dtype(device), rank=rank)
    model.reset_adapter(torch.Generator().manual_seed(seed))
    return model.to(device), tokenizer


def examples(
    out: Path, data: Path, seed: int, count: int, tokenizer: TextTokenizer, workers: int = 1
) -> tuple[TokenFile, list[Example]]:
    """About `count` training examples sorted by length, and held-out ones.

    Finding them takes minutes, so they are kept in `out`, beside the checkpoint: one token file each
    (token_file.py), which is all of the training text that another machine needs.
    """
    train_file, held_file = out / f"examples-{seed}-{count}", out / "examples-held"
    if not there(train_file) or not there(held_file):
        train_set = build(data, tokenizer, training=True, limit=count, seed=seed, workers=workers)
        held = build(data, tokenizer, training=False, limit=400, seed=1)
        if not train_set or not held:
            raise DataError(f"{data} gives no examples for the text scale: is it the folder of training text?")
        write(held_file, held[:HELD], {})
        by_length = sorted(train_set, key=lambda e: len(e.context) + len(e.target) + len(e.source))
        write(train_file, by_length, used(data, folders=("textbooks", "docs")))
    return TokenFile(train_file), list(TokenFile(held_file))
