"""The loop that trains an adapter, whatever its loss.

AdamW; warm-up, a level stretch, linear decay over the last third (WSD); what is
kept is the moving average of the weights. What a step sees is up to its number
alone, so a run that was killed goes on from its checkpoint as if it had not been.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from dlm_core.checkpoint import save_adapter
from dlm_core.model import Transformer
from dlm_core.train.draws import Example

WARM_UP = 40  # steps
DECAY = 0.35  # of the run, at its end
AVERAGE = 0.995  # how much of the moving average a step leaves; less in the first ones

# The loss of a step by its number, and figures to be logged beside it: tensors stay where they are until a line is
# due, so that a GPU is not waited for. "tokens" and "tflop" of a step are logged a second, others as their mean.
Losses = Callable[[int], tuple[Tensor, Mapping[str, Tensor | float]]]
RATES = ("tokens", "tflop")


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


def neighbours(examples: Sequence[Example], size: int, seed: int, step: int) -> list[Example]:
    """Examples of like length, so that little of a batch is padding; `examples` sorted by length."""
    at = random.Random(f"{seed}/{step}").randrange(max(1, len(examples) - size))
    return list(examples[at : at + size])


@torch.no_grad()
def _put(parameters: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Set parameters to `values`, in place, whatever device these are on."""
    for p, value in zip(parameters, values, strict=True):
        p.copy_(value)


def follow(average: list[Tensor], now: list[Tensor], step: int, most: float) -> None:
    """Move a moving average of weights toward what they are `now`, in place: `most` of it stays, less in the first
    steps, which are far from where the run will be."""
    get_ema_multi_avg_fn(min(most, (1 + step) / (10 + step)))(average, now, step)


def logged(out: Path, figure: str) -> float:
    """Sum of a figure over all steps of the run in `out`, from its log; what a kill made it do twice counts once."""
    lines = [json.loads(line) for line in (out / "text-log.jsonl").read_text(encoding="utf-8").splitlines()]
    means = {line["step"]: line[figure] for line in lines if figure in line}
    steps = [0, *sorted(means)]
    return sum(means[b] * (b - a) for a, b in zip(steps, steps[1:], strict=False))


def fit(
    model: Transformer, parameters: list[nn.Parameter], losses: Losses, schedule: Schedule, out: Path, *, resume: bool
) -> tuple[int, float]:
    """Train `parameters` of `model` in place, which ends with their moving average in them; gives back steps and
    seconds, earlier runs included.

    `out` gets adapter shards, text-state.pt (to go on from with `resume`) and
    text-log.jsonl, one line every `schedule.log` steps, also printed.
    """
    state_file = out / "text-state.pt"
    for p in parameters:
        p.data = p.data.float()
    average = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=schedule.lr, betas=(0.9, 0.98), weight_decay=0.01)
    step, spent = 0, 0.0
    if resume and state_file.is_file():
        # By way of the CPU, as in plan.py: the optimizer's counters belong there.
        saved = torch.load(state_file, weights_only=True, map_location="cpu")
        _put(parameters, saved["parameters"])
        _put(average, saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["seconds"]
    began = mark = last_save = time.monotonic()
    running: list[dict[str, Tensor | float]] = []
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
            follow(average, [p.detach() for p in parameters], step, AVERAGE)
            step += 1
            running.append({"loss": loss.detach(), **figures})
            now = time.monotonic()
            ends = step >= schedule.steps if schedule.steps else spent + now - began >= limit
            if ends or step % schedule.log == 0:
                sums = {k: float(sum(r[k] for r in running)) for k in running[0]}  # waits for a GPU
                now = time.monotonic()
                line = {"step": step, "minutes": round((spent + now - began) / 60, 2)}
                line |= {k: round(v / len(running), 4) for k, v in sums.items() if k not in RATES}
                line |= {f"{k}_a_second": round(sums[k] / (now - mark), 1) for k in RATES if k in sums}
                line["seconds_a_step"] = round((now - mark) / len(running), 3)
                print(json.dumps(line), flush=True)
                log.write(json.dumps(line) + "\n")
                log.flush()
                mark, running = now, []
            if ends or now - last_save > schedule.checkpoint:
                last_save = now
                state: dict[str, Any] = {"step": step, "seconds": spent + now - began, "average": average}
                state |= {"parameters": [p.detach().clone() for p in parameters], "optimizer": optimizer.state_dict()}
                torch.save(state, state_file.with_suffix(".tmp"))
                state_file.with_suffix(".tmp").replace(state_file)
                _put(parameters, average)
                save_adapter(model, out, {"steps": str(step)})
                _put(parameters, state["parameters"])
    _put(parameters, average)
    return step, spent + time.monotonic() - began
