"""Noise draws at the plan scale: the examples of a step, and what of them is masked or changed.

What a step sees follows from (seed, step) alone (`step_batch`), whatever process draws it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dlm_core import noise
from dlm_core.canvas import Kind
from dlm_core.planner import FIRST, MASK, WIDTH
from dlm_core.train.plan_books import draw
from dlm_core.train.plan_data import PlanDataError
from dlm_core.train.plan_examples import POOL, Batch, Corpus, Example, collate
from dlm_core.train.stream import Stream

BATCH = 8  # examples; the forward pass sees twice as many, a mask and its inverse
REPOINT, RECAST = 0.12, 0.03  # share of visible claims re-pointed, of visible kinds changed
TURNED = 0.5  # share of batches whose vectors are turned: a plan rests on what is near what, not on directions


@dataclass(frozen=True)
class Recipe:
    """What a step is made of; `bench/ablations.py` changes one thing at a time. complementary: a mask and its inverse
    in one batch, not two masks drawn apart. concentrated: timesteps around one half, not even over 0..1. drafted:
    masks as they stand while a plan is drafted, beside any symbols and whole slots. repoint, recast: shares of
    visible claims re-pointed and of visible kinds changed. turned: share of batches whose vectors are turned."""

    complementary: bool = True
    concentrated: bool = True
    drafted: bool = True
    repoint: float = REPOINT
    recast: float = RECAST
    turned: float = TURNED


RECIPE = Recipe()


def draw_masks(batch: Batch, generator: torch.Generator, recipe: Recipe = RECIPE) -> Tensor:
    """(B, N * 4) bool. A third each: any symbols; whole slots, as a local round remasks them; kinds lightly and
    pointers heavily, as they stand while a plan is drafted. Later slots are masked more. Fixed slots never."""
    count, symbols_count = batch.clean.shape
    slots = symbols_count // WIDTH
    t = noise.timesteps(count, generator) if recipe.concentrated else torch.rand(count, generator=generator)
    free = (~batch.fixed).float()
    every = torch.full((count,), slots)
    weights = noise.later(every, 0.5, slots) * free
    wide = weights.repeat_interleave(WIDTH, dim=1)
    single = noise.mask(every * WIDTH, t, generator, wide)
    whole = noise.mask(every, t, generator, weights).repeat_interleave(WIDTH, dim=1)
    light = noise.mask(every, t * t, generator, weights)
    heavy = noise.mask(every, t.sqrt(), generator, weights) | light
    drafted = torch.cat([light[..., None], heavy[..., None].expand(-1, -1, WIDTH - 1)], dim=-1).flatten(1)
    style = torch.rand(count, generator=generator)[:, None]
    if not recipe.drafted:
        style = style * 0.6
    chosen = torch.where(style < 0.34, single, torch.where(style < 0.6, whole, drafted))
    return torch.where((t >= 1.0)[:, None], wide > 0, chosen)


def corrupt(
    batch: Batch,
    masked: Tensor,
    generator: torch.Generator,
    recipe: Recipe = RECIPE,
) -> tuple[Tensor, Tensor]:
    """(tokens, changed), both (B, N * 4): masks put in, and uniform noise on what stays visible: claims point at
    other evidence of their pool, a few kinds are others."""
    clean = batch.clean
    kind_place = torch.arange(clean.shape[1]) % WIDTH == 0
    seen = ~masked & ~batch.fixed.repeat_interleave(WIDTH, dim=1)
    # Half the rows get no uniform noise: a first draft meets none.
    noisy = (torch.rand(clean.shape[0], 1, generator=generator) < 0.5).expand_as(clean)
    dice = torch.rand(clean.shape, generator=generator)
    point = noisy & seen & (clean >= FIRST) & (dice < recipe.repoint)
    cast = noisy & seen & kind_place & (dice < recipe.recast)
    high = FIRST + batch.present.sum(-1, keepdim=True)
    tokens = noise.uniform(clean, point, FIRST, high, generator)
    tokens = noise.uniform(tokens, cast, 0, int(Kind.LINK), generator)
    changed = tokens != clean
    return torch.where(masked, MASK, tokens), changed


def examples(corpus: Corpus, count: int, random: np.random.Generator, size: int | None = None) -> list[Example]:
    """`count` examples with pools of about `size` (None: each its own); groups that give none are passed over.
    Raises PlanDataError where hardly any gives one."""
    found: list[Example] = []
    for _ in range(count * 20):
        made = draw(corpus, random, size or int(random.integers(POOL[0], POOL[1] + 1)))
        if made is not None:
            found.append(made)
        if len(found) == count:
            return found
    raise PlanDataError("these documents give too few plans: are their sections long enough?")


def turned(batch: Batch, generator: torch.Generator) -> Batch:
    """The batch with all vectors under one random rotation, which leaves every cosine as it is."""
    width = batch.brief.shape[-1]
    turn, _ = torch.linalg.qr(torch.randn(width, width, generator=generator))
    return replace(batch, brief=batch.brief @ turn, evidence=batch.evidence @ turn)


def noised(batch: Batch, generator: torch.Generator, recipe: Recipe = RECIPE) -> tuple[Tensor, Tensor]:
    """(tokens, changed), both (2B, N * 4): the batch under a mask, then under its inverse, which keeps fixed slots
    visible too."""
    masked = draw_masks(batch, generator, recipe)
    lengths = torch.full((len(masked),), masked.shape[1])
    inverse = noise.complement(masked, lengths) & ~batch.fixed.repeat_interleave(WIDTH, dim=1)
    if not recipe.complementary:
        inverse = draw_masks(batch, generator, recipe)
    return corrupt(batch.twice(), torch.cat([masked, inverse]), generator, recipe)


Ready = tuple[Batch, Tensor, Tensor]  # of B examples, and what `noised` made of them


def step_batch(corpus: Corpus, seed: int, step: int, batch_size: int = BATCH, recipe: Recipe = RECIPE) -> Ready:
    """What a step sees, on the CPU: B = `batch_size` examples, and tokens and changed (2B, N * 4), which belong to
    `batch.twice()`. It follows from seed and step: no other random state is read."""
    random = np.random.default_rng((seed, step))
    generator = torch.Generator().manual_seed(int(random.integers(2**63)))
    size = int(random.integers(POOL[0], POOL[1] + 1))  # one for the batch: padding costs time
    batch = collate(examples(corpus, batch_size, random, size), random)
    if float(torch.rand(1, generator=generator)) < recipe.turned:
        batch = turned(batch, generator)
    return batch, *noised(batch, generator, recipe)


def stream(
    corpus: Corpus, seed: int, batch_size: int = BATCH, recipe: Recipe = RECIPE, workers: int = 0
) -> Stream[Ready]:
    """`step_batch` by step; with workers > 0, processes draw ahead."""
    return Stream(lambda step: step_batch(corpus, seed, step, batch_size, recipe), workers)
