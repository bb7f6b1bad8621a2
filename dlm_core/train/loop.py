"""The loop that trains an adapter, whatever its loss.

AdamW; warm-up, a level stretch, linear decay over the last third (WSD). What a
step sees is up to its number alone, so a run that was killed goes on from its
checkpoint as if it had not been.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlm_core.checkpoint import save_adapter
from dlm_core.model import Transformer
from dlm_core.train.draws import Example

WARM_UP = 40  # steps
DECAY = 0.35  # of the run, at its end

# The loss of a step by its number, and figures to be logged beside it.
Losses = Callable[[int], tuple[Tensor, Mapping[str, float]]]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast. steps: train for so many; 0: for `minutes` in all,
    resumed runs included. lr: peak. checkpoint: seconds between checkpoints.
    log: steps a line."""

    steps: int
    minutes: float
    lr: float
    checkpoint: float
    log: int


def rate(peak: float, step: int, share: float) -> float:
    """Learning rate at a step of a run that is `share` (0..1) done: warm-up, stable, decay."""
    return peak * min(1.0, (step + 1) / WARM_UP) * min(1.0, max(0.03, (1 - share) / DECAY))


def neighbours(examples: list[Example], size: int, seed: int, step: int) -> list[Example]:
    """Examples of like length, so that little of a batch is padding; `examples` sorted by length."""
    at = random.Random(f"{seed}/{step}").randrange(max(1, len(examples) - size))
    return examples[at : at + size]


def fit(
    model: Transformer, parameters: list[nn.Parameter], losses: Losses, schedule: Schedule, out: Path, *, resume: bool
) -> tuple[int, float]:
    """Train `parameters` of `model` in place; gives back steps and seconds, earlier runs included.

    `out` gets adapter shards, text-state.pt (to go on from with `resume`) and
    text-log.jsonl, one line every `schedule.log` steps, also printed.
    """
    state_file = out / "text-state.pt"
    for p in parameters:
        p.data = p.data.float()
    optimizer = torch.optim.AdamW(parameters, lr=schedule.lr, betas=(0.9, 0.98), weight_decay=0.01)
    step, spent = 0, 0.0
    if resume and state_file.is_file():
        saved = torch.load(state_file, weights_only=True)
        with torch.no_grad():
            for p, full in zip(parameters, saved["parameters"], strict=True):
                p.copy_(full)
        optimizer.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["seconds"]
    began = mark = last_save = time.monotonic()
    running: list[dict[str, float]] = []
    limit = schedule.minutes * 60
    with open(out / "text-log.jsonl", "a", encoding="utf-8") as log:
        while (done := step / schedule.steps if schedule.steps else (spent + time.monotonic() - began) / limit) < 1:
            for group in optimizer.param_groups:
                group["lr"] = rate(schedule.lr, step, done)
            loss, figures = losses(step)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            step += 1
            running.append({"loss": float(loss.detach()), **figures})
            now = time.monotonic()
            if step % schedule.log == 0:
                line = {"step": step, "minutes": round((spent + now - began) / 60, 2)}
                line |= {k: round(sum(r[k] for r in running) / len(running), 4) for k in running[0]}
                line["seconds_a_step"] = round((now - mark) / schedule.log, 2)
                print(json.dumps(line), flush=True)
                log.write(json.dumps(line) + "\n")
                log.flush()
                mark, running = now, []
            ends = step >= schedule.steps if schedule.steps else spent + now - began >= limit
            if ends or now - last_save > schedule.checkpoint:
                last_save = now
                save_adapter(model, out, {"steps": str(step)})
                state: dict[str, Any] = {"step": step, "seconds": spent + now - began}
                state |= {"parameters": [p.detach() for p in parameters], "optimizer": optimizer.state_dict()}
                torch.save(state, state_file.with_suffix(".tmp"))
                state_file.with_suffix(".tmp").replace(state_file)
    return step, spent + time.monotonic() - began
