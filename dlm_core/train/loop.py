"""The loop that trains an adapter, whatever its loss.

AdamW; warm-up, a level stretch, linear decay over the last third (WSD); what is
kept is the moving average of the weights. What a step sees is up to its number
alone, so a run that was killed goes on from its checkpoint as if it had not been.
A step takes `accumulate` batches on each of the processes (devices.py), every one
with a number of its own.
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
from dlm_core.train.curve import Bar, draw_curve
from dlm_core.train.devices import World, local, whole
from dlm_core.train.draws import Example

WARM_UP = 40  # steps
DECAY = 0.35  # of the run, at its end
AVERAGE = 0.995  # how much of the moving average a step leaves; less in the first ones

# The loss of a batch by its number, and figures to be logged beside it: tensors stay where they are until a line is
# due, so that a GPU is not waited for. "tokens" and "tflop" are logged a second, SUMS a step, others as their mean.
Losses = Callable[[int], tuple[Tensor, Mapping[str, Tensor | float]]]
RATES = ("tokens", "tflop")
SUMS = ("supervised",)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast. steps: train for so many; 0: for `minutes` in all,
    resumed runs included. lr: peak. checkpoint: seconds between checkpoints.
    log: steps a line. accumulate: batches a step and process."""

    steps: int
    minutes: float
    lr: float
    checkpoint: float
    log: int
    accumulate: int = 1


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
        local(p).copy_(value)


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
    model: Transformer,
    parameters: list[nn.Parameter],
    losses: Losses,
    schedule: Schedule,
    out: Path,
    *,
    resume: bool,
    place: World | None = None,
) -> tuple[int, float]:
    """Train `parameters` of `model` in place, which ends with their moving average in them; gives back steps and
    seconds, earlier runs included.

    `out` gets adapter shards, text-state.pt (to go on from with `resume`; one of each process where they are several),
    text-log.jsonl, one line every `schedule.log` steps, also printed, and its picture, curve.png.
    """
    place = place or World(model.device)
    state_file = out / ("text-state.pt" if place.size == 1 else f"text-state-{place.rank}-of-{place.size}.pt")
    for p in parameters:
        if p.dtype != torch.float32:
            p.data = p.data.float()
    held = [local(p.detach()) for p in parameters]  # what this process has of each
    average = [p.clone() for p in held]
    # Sharded and whole parameters cannot be stepped in one sweep.
    optimizer = torch.optim.AdamW(
        parameters, lr=schedule.lr, betas=(0.9, 0.98), weight_decay=0.01, foreach=None if place.size == 1 else False
    )
    step, spent = 0, 0.0
    if resume and state_file.is_file():
        # By way of the CPU, as in plan.py: the optimizer's counters belong there.
        saved = torch.load(state_file, weights_only=place.size == 1, map_location="cpu")
        _put(parameters, saved["parameters"])
        _put(average, saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["seconds"]
    began = mark = last_save = time.monotonic()
    sums: dict[str, Tensor | float] = {}
    since = step
    limit = schedule.minutes * 60
    batches = schedule.accumulate * place.size

    def done() -> float:
        return step / schedule.steps if schedule.steps else place.agreed((spent + time.monotonic() - began) / limit)

    with open(out / "text-log.jsonl", "a", encoding="utf-8") as log, Bar(place.first) as bar:
        while (share := done()) < 1:
            for group in optimizer.param_groups:
                group["lr"] = rate(schedule.lr, step, share)
            optimizer.zero_grad(set_to_none=True)
            for part in range(schedule.accumulate):
                loss, figures = losses(step * batches + part * place.size + place.rank)
                (loss / schedule.accumulate).backward()
                for name, value in {"loss": loss.detach(), **figures}.items():
                    sums[name] = sums.get(name, 0.0) + value
            place.average(parameters)
            place.clip(parameters, 1.0)
            optimizer.step()
            follow(average, held, step, AVERAGE)
            step += 1
            share = done()
            ends = share >= 1
            if ends or step % schedule.log == 0:
                totals = dict(
                    zip(sums, place.summed([float(v) for v in sums.values()]), strict=True)
                )  # waits for a GPU
                now = time.monotonic()
                line = {"step": step, "minutes": round((spent + now - began) / 60, 2)}
                kept = {k: v for k, v in totals.items() if k not in RATES}
                many = {k: (step - since) * (1 if k in SUMS else batches) for k in kept}
                line |= {k: round(v / many[k], 4) for k, v in kept.items()}
                line |= {f"{k}_a_second": round(totals[k] / (now - mark), 1) for k in RATES if k in totals}
                line["seconds_a_step"] = round((now - mark) / (step - since), 3)
                if place.first:
                    bar.show(line, share)
                    log.write(json.dumps(line) + "\n")
                    log.flush()
                mark, sums, since = now, {}, step
            if place.agreed(float(ends or time.monotonic() - last_save > schedule.checkpoint)):
                last_save = time.monotonic()
                state: dict[str, Any] = {"step": step, "seconds": spent + last_save - began, "average": average}
                state |= {"parameters": [p.clone() for p in held], "optimizer": optimizer.state_dict()}
                torch.save(state, state_file.with_suffix(".tmp"))
                state_file.with_suffix(".tmp").replace(state_file)
                _put(parameters, average)
                trained = {name: whole(p.detach()) for name, p in model.adapter_parameters()}
                if place.first:
                    save_adapter(trained, model.config.rank, out, {"steps": str(step)})
                    draw_curve(out)
                _put(parameters, state["parameters"])
    _put(parameters, average)
    return step, spent + time.monotonic() - began
