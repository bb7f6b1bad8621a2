"""Held-out figures of the text scale: tokens under noise, edits, planted errors."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from dlm_core import noise, predict
from dlm_core.model import EMPTIED, KEEP, Transformer
from dlm_core.tokenizer import EMPTY
from dlm_core.train import draws
from dlm_core.train.draws import Batch, Example
from dlm_core.train.loss import Hints, read_context, run, wanted
from dlm_core.train.stream import on

ROWS = 16


def batches(examples: list[Example], cells: list[list[draws.Cell]]) -> list[Batch]:
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].context))
    return [
        draws.collate([examples[i] for i in part], [(n, cells[i], 0) for n, i in enumerate(part)])
        for part in (order[b : b + ROWS] for b in range(0, len(order), ROWS))
    ]


@torch.no_grad()
def under_noise(
    model: Transformer,
    examples: list[Example],
    seed: int,
    levels: tuple[float, ...] = (0.3, 0.7, 1.0),
    hints: Hints | None = None,
) -> dict[str, float]:
    """Of masked tokens of a blank, the padding of its tail left out, by noise level: loss (nats a token), token
    accuracy, share of blanks right at every masked token (exact), and expected calibration error of the likeliest
    token's probability in ten bins (ece; Guo et al. 2017)."""
    rng = random.Random(seed)
    blanks = [draws.blank(e, rng, 0 if e.source else draws.HEADING_ROOM) for e in examples]
    draw = {level: torch.Generator().manual_seed(seed) for level in levels}
    # Of each level: nats of the target, probability of the likeliest token and whether it is right, one entry a token;
    # and whether all of a blank are.
    seen: dict[float, list[list[Tensor]]] = {level: [[], [], [], []] for level in levels}
    for drawn in batches(examples, blanks):
        batch = on(drawn, model.device)
        reading = read_context(model, batch.context, batch.context_visible)
        for level in levels:
            masked = noise.mask(drawn.lengths, torch.full((len(drawn.lengths),), level), draw[level])
            batch.masked = masked.to(model.device)
            passed = run(model, batch, reading, hints)
            where = batch.masked & (batch.weight == 1.0)
            probability = predict.token_probability(
                model, passed.states[:, :-1], passed.keys, passed.visible, passed.context, where
            )
            probability *= passed.actions[where][:, 2:].exp()
            target = batch.target[where]
            sure, likeliest = probability.max(-1)
            right = likeliest == target
            missed = torch.zeros_like(where)
            missed[where] = ~right
            nats = -probability.gather(1, target[:, None]).clamp(min=1e-9).log()
            for column, value in zip(seen[level], (nats, sure, right, ~missed.any(-1)[where.any(-1)]), strict=True):
                column.append(value.flatten().cpu())
    out: dict[str, float] = {}
    for level, columns in seen.items():
        nats, sure, right, whole = (torch.cat(c) for c in columns)
        out[f"loss@{level:g}"] = round(float(nats.mean()), 4)
        out[f"accuracy@{level:g}"] = round(float(right.double().mean()), 4)
        out[f"exact@{level:g}"] = round(float(whole.double().mean()), 4)
        out[f"ece@{level:g}"] = round(calibration(sure, right), 4)
    return out


def calibration(sure: Tensor, right: Tensor, bins: int = 10) -> float:
    """Expected calibration error of probabilities (P,) that were `right` (P,) bool."""
    place = (sure * bins).long().clamp(max=bins - 1)
    gaps = [(place == b, (sure[place == b].mean() - right[place == b].double().mean()).abs()) for b in place.unique()]
    return float(sum(inside.double().mean() * gap for inside, gap in gaps))


@torch.no_grad()
def edits(model: Transformer, examples: list[Example]) -> dict[str, float]:
    """On evidence as it stands: precision and recall of what is emptied, the
    share of clean sentences left alone, and of sentences whose every position is
    decided as its target has it."""
    with_source = [e for e in examples if e.source]
    plain = [_plain(e) for e in with_source]
    hit = said = gone = 0
    clean, left, whole = 0, 0, 0
    for batch in batches(with_source, plain):
        action, target = run(model, on(batch, model.device)).actions.argmax(-1).cpu(), wanted(batch)
        inside = torch.arange(action.shape[1])[None] < batch.lengths[:, None]
        hit += int((inside & (action == EMPTIED) & (target == EMPTIED)).sum())
        said += int((inside & (action == EMPTIED)).sum())
        gone += int((inside & (target == EMPTIED)).sum())
        same = ((action == target) | ~inside).all(-1)
        alone = ((target == KEEP) | ~inside).all(-1)
        clean += int(alone.sum())
        left += int((alone & same).sum())
        whole += int((~alone & same).sum())
    changed = len(with_source) - clean
    return {
        "emptied_precision": round(hit / max(1, said), 4),
        "emptied_recall": round(hit / max(1, gone), 4),
        "clean_left_alone": round(left / max(1, clean), 4),
        "edits_exact": round(whole / max(1, changed), 4),
    }


def _plain(e: Example) -> list[draws.Cell]:
    """The source with its edits undone and no noise."""
    cells: list[draws.Cell] = []
    for old, new in e.chunks:
        if old == new:
            cells += [(x, False, x, 1.0) for x in old]
        else:
            gone = max(0, len(old) - len(new))
            cells += [(x, False, EMPTY, 1.0) for x in old[:gone]]
            cells += [(x, False, y, 1.0) for x, y in zip(old[gone:], new, strict=False)]
    return cells


@torch.no_grad()
def planted(model: Transformer, examples: list[Example], seed: int) -> dict[str, float]:
    """AUROC of 1 - p(keep) on tokens of a finished claim, one of ten swapped for
    another token of its context."""
    rng = random.Random(seed)
    cells = []
    for e in examples:
        row: list[draws.Cell] = []
        for x in e.target:
            y = draws.swap(x, e.context, rng) if rng.random() < 0.1 else x
            row.append((y, False, x, 1.0))
        cells.append(row)
    doubt, wrong = [], []
    for batch in batches(examples, cells):
        actions = run(model, on(batch, model.device)).actions.cpu()
        inside = torch.arange(actions.shape[1])[None] < batch.lengths[:, None]
        doubt.append(-actions[..., KEEP][inside])
        wrong.append((batch.canvas != batch.target)[inside])
    scores, labels = torch.cat(doubt), torch.cat(wrong)
    rank = scores.argsort().argsort().double() + 1
    n, m = int(labels.sum()), int((~labels).sum())
    return {"planted_auroc": round(float((rank[labels].sum() - n * (n + 1) / 2) / max(1, n * m)), 4)}


def evaluate(model: Transformer, examples: list[Example], seed: int, hints: Hints | None = None) -> dict[str, float]:
    """All held-out figures of the text scale. hints: what masks carry, where the model was trained so."""
    return {
        **under_noise(model, examples, seed, hints=hints),
        **edits(model, examples),
        **planted(model, examples, seed),
    }
