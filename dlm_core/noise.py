"""The forward process: how much of a canvas becomes noise, and where.

Pure functions with an explicit `torch.Generator`, shared by both scales. Noise
levels concentrate in the middle, where gradients are dense (bell-shaped
sampling of t reaches the same likelihood several times faster on LM1B); a mask
and its inverse come as a pair, so that every position is predicted once per
pair (LLaDA2.0; Fast-dLLM v2, arXiv 2509.26328); later positions may be masked
more often than earlier ones, which is how windows decode (Efficient-DLM,
arXiv 2512.14067); and visible symbols are swapped for random ones, so that the
model learns to doubt what it sees (GIDD, arXiv 2503.04482).
"""

from __future__ import annotations

import torch
from torch import Tensor


def timesteps(
    n: int, generator: torch.Generator, *, spread: float = 1.0, floor: float = 0.02, full: float = 0.1
) -> Tensor:
    """(n,) float32 noise levels in [floor, 1], concentrated around one half.

    Stratified logit-normal draws: `spread` is the standard deviation of
    logit(t). A share `full` of the draws is exactly 1, because a draft starts
    from nothing but masks. Raises ValueError for n < 1.
    """
    if n < 1:
        raise ValueError("timesteps needs n >= 1")
    strata = torch.randperm(n, generator=generator).float()
    uniform = (strata + torch.rand(n, generator=generator)) / n
    t = torch.sigmoid(spread * torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6)))
    t = t.clamp(floor, 1.0)
    return torch.where(torch.rand(n, generator=generator) < full, torch.ones(n), t)


def mask(lengths: Tensor, t: Tensor, generator: torch.Generator, weights: Tensor | None = None) -> Tensor:
    """(B, L) bool: which positions are noise, L = the longest of `lengths`.

    lengths: (B,) int64 positions in use, from the left. t: (B,) noise levels.
    Row b gets t[b] * lengths[b] masks (rounded at random, at least one), drawn
    without replacement in proportion to `weights` (B, L) >= 0 by exponential
    keys (Efraimidis and Spirakis 2006); positions of weight 0 stay visible.
    Counts are exact, so the noise level is what the model is told it is.
    """
    width = int(weights.shape[1]) if weights is not None else int(lengths.max())
    inside = torch.arange(width)[None, :] < lengths[:, None]
    weight = inside.float() if weights is None else weights.float().clamp(min=0.0) * inside
    room = (weight > 0).sum(-1)
    wanted = torch.floor(t * lengths + torch.rand(t.shape, generator=generator)).long()
    count = torch.minimum(wanted.clamp(min=1), room)
    uniform = torch.rand(weight.shape, generator=generator).clamp_(1e-12, 1 - 1e-7)
    keys = torch.where(weight > 0, torch.log(uniform) / weight.clamp(min=1e-9), torch.full_like(weight, float("-inf")))
    rank = keys.argsort(dim=-1, descending=True).argsort(dim=-1)
    return rank < count[:, None]


def complement(masked: Tensor, lengths: Tensor) -> Tensor:
    """The inverse mask inside `lengths`: together the pair predicts every position once. (B, L) bool."""
    inside = torch.arange(masked.shape[1])[None, :] < lengths[:, None]
    return inside & ~masked


def later(lengths: Tensor, slope: float, width: int | None = None) -> Tensor:
    """(B, L) mask weights that grow along a row from 1 to 1 + slope; 0 outside `lengths`."""
    size = int(lengths.max()) if width is None else width
    place = torch.arange(size)[None, :].float()
    share = place / (lengths[:, None].float() - 1).clamp(min=1)
    return torch.where(place < lengths[:, None], 1 + slope * share, torch.zeros_like(share))


def uniform(tokens: Tensor, where: Tensor, low: int, high: Tensor | int, generator: torch.Generator) -> Tensor:
    """`tokens` with the positions `where` (same shape, bool) swapped for another symbol of [low, high).

    high: one bound, or a tensor that broadcasts over `tokens`. The new symbol
    differs from the old one wherever the range has two symbols or more;
    otherwise the position keeps its symbol.
    """
    top = torch.as_tensor(high).expand_as(tokens)
    span = top - low
    inside = (tokens >= low) & (tokens < top)
    # Draw among the span's other symbols: an offset of 1..span-1 from the old one never lands on it.
    choices = torch.where(inside, span - 1, span)
    draw = (torch.rand(tokens.shape, generator=generator) * choices.clamp(min=1)).long()
    draw = torch.minimum(draw, choices.clamp(min=1) - 1)
    moved = torch.where(inside, low + (tokens - low + 1 + draw) % span.clamp(min=1), low + draw)
    return torch.where(where & (choices > 0), moved, tokens)
