"""Training the text scale: the base reads, the adapter learns to write.

Choices:
- the base is frozen and reads each context once, without gradient; two noise
  draws share that reading (draws.py)
- the canvas is bidirectional; token predictions are shifted by one
  (dlm_core/predict.py), so the causal model's skill is kept
- tokens come from the vocabulary mixed with copying from the context, and only
  where something is to be written; what becomes of a position (kept, emptied,
  written) is learned at every position
- AdamW; warm-up, a level stretch, linear decay over the last third (WSD); what
  a step sees follows from (seed, step), so a run that was killed goes on as if
  it had not been
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

import torch

from dlm_core.checkpoint import compute_dtype, load_adapter, load_base, save_adapter
from dlm_core.fetch_base import base_path
from dlm_core.tokenizer import TextTokenizer
from dlm_core.train.documents import DataError, used
from dlm_core.train.draws import Example, draw
from dlm_core.train.loss import losses
from dlm_core.train.measure import evaluate
from dlm_core.train.text_data import build

RANK = 48
WARM_UP = 40  # steps
DECAY = 0.35  # of the run, at its end


def rate(peak: float, step: int, share: float) -> float:
    """Learning rate at a step of a run that is `share` (0..1) done: warm-up, stable, decay."""
    return peak * min(1.0, (step + 1) / WARM_UP) * min(1.0, max(0.03, (1 - share) / DECAY))


def neighbours(examples: list[Example], size: int, seed: int, step: int) -> list[Example]:
    """Examples of like length, so that little of a batch is padding; `examples` sorted by length."""
    at = random.Random(f"{seed}/{step}").randrange(max(1, len(examples) - size))
    return examples[at : at + size]


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
    state_file = out / "text-state.pt"
    parameters = [p for _, p in model.adapter_parameters()]
    for p in parameters:
        p.data = p.data.float()
    optimizer = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01)
    step, spent = 0, 0.0
    if args.resume and state_file.is_file():
        saved = torch.load(state_file, weights_only=True)
        with torch.no_grad():
            for p, full in zip(parameters, saved["parameters"], strict=True):
                p.copy_(full)
        optimizer.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["seconds"]
    train_set, valid_set, tasks = _examples(args, tokenizer)
    print(json.dumps({"examples": len(train_set), "held_out": len(valid_set), **tasks}), flush=True)
    log = open(out / "text-log.jsonl", "a", encoding="utf-8")  # noqa: SIM115 - open for the whole run
    began = mark = last_save = time.monotonic()
    running: list[list[float]] = []
    limit = args.minutes * 60
    while (done := step / args.steps if args.steps else (spent + time.monotonic() - began) / limit) < 1:
        batch = draw(neighbours(train_set, args.batch, args.seed, step), args.seed, step)
        for group in optimizer.param_groups:
            group["lr"] = rate(args.lr, step, done)
        loss, kinds = losses(model, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        running.append([float(loss.detach()), *kinds.tolist()])
        now = time.monotonic()
        if step % args.log == 0:
            mean = [round(sum(c) / len(running), 4) for c in zip(*running, strict=True)]
            line = {"step": step, "minutes": round((spent + now - began) / 60, 2)}
            line |= dict(zip(("loss", "edit", "masked_edit", "blank"), mean, strict=True))
            line["seconds_a_step"] = round((now - mark) / args.log, 2)
            print(json.dumps(line), flush=True)
            log.write(json.dumps(line) + "\n")
            log.flush()
            mark, running = now, []
        ends = step >= args.steps if args.steps else spent + now - began >= limit
        if ends or now - last_save > args.checkpoint:
            last_save = now
            save_adapter(model, out, {"steps": str(step)})
            torch.save(
                {
                    "parameters": [p.detach() for p in parameters],
                    "optimizer": optimizer.state_dict(),
                    "step": step,
                    "seconds": spent + now - began,
                },
                state_file.with_suffix(".tmp"),
            )
            state_file.with_suffix(".tmp").replace(state_file)
    figures = evaluate(model, valid_set, seed=7)
    card: dict[str, Any] = {
        "scale": "text",
        "steps": step,
        "draws": step * args.batch * 2,
        "seconds": round(spent + time.monotonic() - began),
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


def _examples(
    args: argparse.Namespace, tokenizer: TextTokenizer
) -> tuple[list[Example], list[Example], dict[str, int]]:
    """Training examples sorted by length, held-out ones, and the training count of each task.

    Finding them takes minutes, so they are kept beside the checkpoint.
    """
    kept = Path(args.out) / f"examples-{args.seed}-{args.examples}.json"
    if not kept.is_file():
        found = {
            "train": build(Path(args.data), tokenizer, training=True, limit=args.examples, seed=args.seed),
            "held": build(Path(args.data), tokenizer, training=False, limit=400, seed=1),
        }
        if not all(found.values()):
            raise DataError(f"{args.data} gives no examples for the text scale: is it the folder of training text?")
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
