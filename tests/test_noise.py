"""The forward process: levels, masks, complements, re-pointing."""

from __future__ import annotations

import pytest
import torch

from dlm_core import noise


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_timesteps_concentrate_in_the_middle_and_include_full_noise() -> None:
    t = noise.timesteps(4000, rng())
    assert float(t.min()) > 0.0199 and float(t.max()) <= 1.0
    middle = ((t > 0.25) & (t < 0.75)).float().mean()
    assert middle > 0.6  # uniform levels would give one half
    assert 0.08 < (t == 1.0).float().mean() < 0.12
    assert torch.equal(t, noise.timesteps(4000, rng()))
    with pytest.raises(ValueError):
        noise.timesteps(0, rng())


def test_mask_counts_are_exact_and_stay_inside_the_row() -> None:
    lengths = torch.tensor([10, 40, 3, 1])
    t = torch.tensor([0.5, 0.25, 1.0, 0.01])
    masked = noise.mask(lengths, t, rng())
    assert masked.shape == (4, 40)
    assert masked.sum(-1).tolist() == [5, 10, 3, 1]  # at least one, however low the level
    outside = torch.arange(40)[None, :] >= lengths[:, None]
    assert not bool((masked & outside).any())


def test_mask_and_complement_predict_every_position_once() -> None:
    lengths = torch.tensor([7, 12])
    masked = noise.mask(lengths, torch.tensor([0.3, 0.6]), rng(1))
    inverse = noise.complement(masked, lengths)
    inside = torch.arange(12)[None, :] < lengths[:, None]
    assert torch.equal(masked ^ inverse, inside)
    assert not bool((masked & inverse).any())


def test_weights_steer_masks_and_zero_keeps_a_position_visible() -> None:
    rows = 600
    lengths = torch.full((rows,), 20)
    t = torch.full((rows,), 0.3)
    weights = noise.later(lengths, 3.0)
    weights[:, 4] = 0.0
    share = noise.mask(lengths, t, rng(2), weights).float().mean(0)
    assert share[4] == 0
    assert share[15:].mean() > 1.8 * share[:4].mean()
    only = noise.mask(torch.tensor([4]), torch.tensor([1.0]), rng(), torch.tensor([[0.0, 2.0, 2.0, 0.0]]))
    assert only.tolist() == [[False, True, True, False]]


def test_later_grows_from_one_and_ends_with_the_row() -> None:
    weights = noise.later(torch.tensor([3, 1]), 0.5, 5)
    assert weights.tolist() == [[1.0, 1.25, 1.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]]


def test_uniform_noise_changes_only_what_it_may_and_never_to_itself() -> None:
    tokens = torch.randint(5, 12, (300, 8), generator=rng(3))
    where = torch.rand(tokens.shape, generator=rng(4)) < 0.5
    out = noise.uniform(tokens, where, 5, 12, rng(5))
    assert torch.equal(out[~where], tokens[~where])
    assert bool((out[where] != tokens[where]).all())
    assert int(out.min()) >= 5 and int(out.max()) < 12
    counts = torch.bincount(out[where & (tokens == 5)])[6:]
    assert counts.min() > 0.6 * counts.float().mean()  # the other symbols, each alike


def test_uniform_noise_with_bounds_by_row_and_a_range_of_one() -> None:
    tokens = torch.tensor([[5, 6], [5, 5]])
    out = noise.uniform(tokens, torch.ones(2, 2, dtype=torch.bool), 5, torch.tensor([[7], [6]]), rng())
    assert out.tolist() == [[6, 5], [5, 5]]
