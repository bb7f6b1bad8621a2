"""Noise draws at the text scale: what the writer sees, and what should stand there.

Three kinds of canvas, as they stand when the writer works:
- an edit: the evidence sentence on the canvas, to be emptied where the claim
  leaves it and written anew where the claim differs; some edits already done,
  some masks, some tokens wrong (swapped ones must be written, strange ones
  emptied), which also teaches the writer to doubt what it sees (CDLM,
  arXiv 2512.15596)
- the same under a mask of timestep t
- a blank: the claim and its tail of end tokens, all masked, masked from some
  position on (drafting in windows) or at timestep t with its complement
All supervised positions count. The same (seed, step) gives the same draws.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

import torch
from torch import Tensor

from dlm_core import noise
from dlm_core.tokenizer import EMPTY, END

MAX_CANVAS = 72
TAIL_WEIGHT = 0.1  # of a padding end token; the first one counts in full
KEEP_WEIGHT = 0.4  # of a visible token that stays: most do
SWAPPED, STRANGE, ROOM = 0.05, 0.02, 0.02  # shares of positions
DONE = 0.25  # of an edit's chunks, already carried out
SPARE = 4  # masks beyond a rewritten run, at most


@dataclass(frozen=True)
class Example:
    """context, target and source are token ids; source is what the canvas
    starts from, () where there is only noise to start from. room is the
    evidence length in tokens, from which a blank's length is drawn."""

    context: list[int]
    target: list[int]
    source: list[int]
    room: int
    task: str

    @cached_property
    def chunks(self) -> list[tuple[list[int], list[int]]]:
        """Runs of (source tokens, target tokens); a kept run has both alike."""
        matcher = SequenceMatcher(None, self.source, self.target, autojunk=False)
        return [(self.source[a:b], self.target[c:d]) for _, a, b, c, d in matcher.get_opcodes()]


@dataclass(frozen=True)
class Recipe:
    """What a draw is made of; `bench/text_ablations.py` changes one thing at a time. concentrated: timesteps around
    one half, not even over 0..1. complementary: two blanks of one target are a mask and its inverse, not two drawn
    apart. drafted: masks as a draft in windows meets them, beside those. edited: canvases that start from the
    evidence, not blanks alone. wrong: visible tokens that are not right."""

    concentrated: bool = True
    complementary: bool = True
    drafted: bool = True
    edited: bool = True
    wrong: bool = True


RECIPE = Recipe()
Cell = tuple[int, bool, int, float]  # token, masked, what should stand there, weight


def edit(example: Example, t: float, rng: random.Random, recipe: Recipe = RECIPE) -> list[Cell]:
    """The source as it stands on the way to the target, masked at timestep t."""
    cells: list[Cell] = []
    for old, new in example.chunks:
        if old == new:
            cells += [(x, False, x, KEEP_WEIGHT) for x in old]
        elif rng.random() < DONE:
            cells += [(x, False, x, KEEP_WEIGHT) for x in new]
        else:
            # What is written anew stands at the end of the run: a connective goes, the word behind it gets its capital.
            gone = max(0, len(old) - len(new))
            cells += [(x, False, EMPTY, 1.0) for x in old[:gone]]
            cells += [(x, False, y, KEEP_WEIGHT if x == y else 1.0) for x, y in zip(old[gone:], new, strict=False)]
            more = new[len(old) :] if len(new) > len(old) else []
            cells += [(END, True, y, 1.0) for y in more]
            if new and (more or rng.random() < 0.5):
                cells += [(END, True, EMPTY, 0.5)] * rng.randrange(0, SPARE)
    out: list[Cell] = []
    for x, masked, y, w in cells:
        if not masked and x == y:
            roll = rng.random() if recipe.wrong else 1.0
            if roll < SWAPPED:
                x = swap(x, example.context, rng)
                w = w if x == y else 1.0  # few tokens, and no try found another
            elif roll < SWAPPED + STRANGE:
                out.append((rng.choice(example.context), False, EMPTY, 1.0))
            elif roll < SWAPPED + STRANGE + ROOM:
                out += [(END, True, EMPTY, 0.5)] * rng.randrange(1, SPARE)
        if rng.random() < t:
            masked, w = True, max(w, 0.5 if y == EMPTY else 1.0)
        out.append((x, masked, y, w))
    return out


def swap(token: int, context: list[int], rng: random.Random) -> int:
    """Another token of the context in its place."""
    for _ in range(4):
        other = rng.choice(context)
        if other != token:
            return other
    return token


def blank(example: Example, rng: random.Random, short: int = 0) -> list[Cell]:
    """The target and its tail of end tokens, nothing masked yet; `short` is the
    room of a target without evidence length, such as a heading."""
    room = short or example.room + 2
    length = min(MAX_CANVAS, max(len(example.target) + 1, room + rng.randrange(-3, 5)))
    cells: list[Cell] = [(x, False, x, 1.0) for x in example.target]
    cells += [(END, False, END, 1.0 if i == 0 else TAIL_WEIGHT) for i in range(length - len(example.target))]
    return cells


def drafting(cells: list[Cell], rng: random.Random) -> list[Cell]:
    """The canvas as a draft in windows meets it: masked from some position on."""
    start = 0 if rng.random() < 0.5 else rng.randrange(len(cells))
    return [(x, m or i >= start, y, w) for i, (x, m, y, w) in enumerate(cells)]


def complementary(cells: list[Cell], t: float, rng: random.Random) -> tuple[list[Cell], list[Cell]]:
    """The canvas masked at timestep t, and with exactly the other positions masked."""
    count = min(len(cells) - 1, max(1, int(t * len(cells) + rng.random())))
    chosen = set(rng.sample(range(len(cells)), count))
    return tuple(  # type: ignore[return-value]
        [
            (x, (i in chosen) == inside, y, w if (i in chosen) == inside else w * KEEP_WEIGHT)
            for i, (x, _, y, w) in enumerate(cells)
        ]
        for inside in (True, False)
    )


@dataclass
class Batch:
    """context (B, S) int64 left-padded with context_visible (B, S) bool; row (R,)
    int64 the context of each canvas; canvas, target (R, L) int64, masked (R, L)
    bool, weight (R, L) float32, lengths (R,) int64; kind (R,) 0 edit, 1 masked
    edit, 2 blank; heading (R,) bool, whether it is one."""

    context: Tensor
    context_visible: Tensor
    row: Tensor
    canvas: Tensor
    target: Tensor
    masked: Tensor
    weight: Tensor
    lengths: Tensor
    kind: Tensor
    heading: Tensor


HEADING_ROOM = 12


def draw(examples: list[Example], seed: int, step: int, recipe: Recipe = RECIPE) -> Batch:
    """Two canvases a context, drawn by (seed, step) alone."""
    rng = random.Random(f"{seed}:{step}")
    generator = torch.Generator().manual_seed(rng.getrandbits(48))
    if recipe.concentrated:
        levels = noise.timesteps(len(examples), generator, full=0.05).tolist()
    else:
        levels = torch.rand(len(examples), generator=generator).tolist()
    rows: list[tuple[int, list[Cell], int]] = []
    for i, (e, t) in enumerate(zip(examples, levels, strict=True)):
        if e.source and recipe.edited:
            rows.append((i, edit(e, 0.0 if rng.random() < 0.6 else 0.3 * rng.random(), rng, recipe), 0))
            if rng.random() < 0.6:
                rows.append((i, edit(e, t, rng, recipe), 1))
            elif recipe.drafted and rng.random() < 0.6:
                rows.append((i, drafting(blank(e, rng), rng), 2))
            else:
                rows.append((i, complementary(blank(e, rng), t, rng)[rng.randrange(2)], 2))
        else:
            cells = blank(e, rng, 0 if e.source else HEADING_ROOM)
            if recipe.drafted and rng.random() < 0.4:
                rows += [(i, drafting(cells, rng), 2), (i, drafting(cells, rng), 2)]
            else:
                mask, inverse = complementary(cells, t, rng)
                # t is as likely as 1 - t, so the second of two masks drawn apart is at as many timesteps.
                rows += [(i, mask, 2), (i, inverse if recipe.complementary else complementary(cells, t, rng)[1], 2)]
    return collate(examples, rows)


def collate(examples: list[Example], rows: list[tuple[int, list[Cell], int]]) -> Batch:
    """Contexts padded on the left, so that every anchor is the last column; canvases on the right."""
    width = max(len(e.context) for e in examples)
    context = torch.full((len(examples), width), END)
    visible = torch.zeros(len(examples), width, dtype=torch.bool)
    for i, e in enumerate(examples):
        context[i, width - len(e.context) :] = torch.tensor(e.context)
        visible[i, width - len(e.context) :] = True
    longest = max(len(c) for _, c, _ in rows)
    shape = (len(rows), longest)
    canvas, target = torch.full(shape, END), torch.full(shape, END)
    masked, weight = torch.zeros(shape, dtype=torch.bool), torch.zeros(shape)
    for r, (_, cells, _) in enumerate(rows):
        for column, values in zip((canvas, masked, target, weight), zip(*cells, strict=True), strict=True):
            column[r, : len(cells)] = torch.tensor(values)
    return Batch(
        context,
        visible,
        torch.tensor([i for i, _, _ in rows]),
        canvas,
        target,
        masked,
        weight,
        torch.tensor([len(c) for _, c, _ in rows]),
        torch.tensor([k for _, _, k in rows]),
        torch.tensor([examples[i].task == "heading" for i, _, _ in rows]),
    )
