"""Held-out figures of the text scale: tokens under noise, edits, planted errors."""

from __future__ import annotations

import random

import torch

from dlm_core import noise, predict
from dlm_core.model import EMPTIED, KEEP, Transformer
from dlm_core.tokenizer import EMPTY
from dlm_core.train import draws
from dlm_core.train.draws import Batch, Example
from dlm_core.train.loss import run, wanted

ROWS = 16


def _batches(examples: list[Example], cells: list[list[draws.Cell]]) -> list[Batch]:
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].context))
    return [
        draws.collate([examples[i] for i in part], [(n, cells[i], 0) for n, i in enumerate(part)])
        for part in (order[b : b + ROWS] for b in range(0, len(order), ROWS))
    ]


@torch.no_grad()
def under_noise(
    model: Transformer, examples: list[Example], seed: int, levels: tuple[float, ...] = (0.3, 0.7, 1.0)
) -> dict[str, float]:
    """Loss (nats a token) and token accuracy of masked tokens of a blank, the
    padding of its tail left out, by noise level."""
    out: dict[str, float] = {}
    rng = random.Random(seed)
    blanks = [draws.blank(e, rng, 0 if e.source else draws.HEADING_ROOM) for e in examples]
    for level in levels:
        generator = torch.Generator().manual_seed(seed)
        total, right, count = 0.0, 0.0, 0
        for batch in _batches(examples, blanks):
            batch.masked = noise.mask(batch.lengths, torch.full((len(batch.lengths),), level), generator)
            passed = run(model, batch)
            where = batch.masked & (batch.weight == 1.0)
            probability = predict.token_probability(
                model, passed.states[:, :-1], passed.keys, passed.visible, passed.context, where
            )
            probability *= passed.actions[where][:, 2:].exp()
            target = batch.target[where]
            total += float(-probability.gather(1, target[:, None]).clamp(min=1e-9).log().sum())
            right += float((probability.argmax(-1) == target).sum())
            count += len(target)
        out[f"loss@{level:g}"] = round(total / count, 4)
        out[f"accuracy@{level:g}"] = round(right / count, 4)
    return out


@torch.no_grad()
def edits(model: Transformer, examples: list[Example]) -> dict[str, float]:
    """On evidence as it stands: precision and recall of what is emptied, the
    share of clean sentences left alone, and of sentences whose every position is
    decided as its target has it."""
    with_source = [e for e in examples if e.source]
    plain = [_plain(e) for e in with_source]
    hit = said = gone = 0
    clean, left, whole = 0, 0, 0
    for batch in _batches(with_source, plain):
        action, target = run(model, batch).actions.argmax(-1), wanted(batch)
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
    for batch in _batches(examples, cells):
        actions = run(model, batch).actions
        inside = torch.arange(actions.shape[1])[None] < batch.lengths[:, None]
        doubt.append(-actions[..., KEEP][inside])
        wrong.append((batch.canvas != batch.target)[inside])
    scores, labels = torch.cat(doubt), torch.cat(wrong)
    rank = scores.argsort().argsort().double() + 1
    n, m = int(labels.sum()), int((~labels).sum())
    return {"planted_auroc": round(float((rank[labels].sum() - n * (n + 1) / 2) / max(1, n * m)), 4)}


def evaluate(model: Transformer, examples: list[Example], seed: int) -> dict[str, float]:
    """All held-out figures of the text scale."""
    return {**under_noise(model, examples, seed), **edits(model, examples), **planted(model, examples, seed)}
