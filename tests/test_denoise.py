"""The one reverse step: what it commits, what it forbids, that it ends."""

from __future__ import annotations

import pytest
import torch

from dlm_core.denoise import step


def logits_for(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows).log()


def call(**change: object) -> object:
    base: dict[str, object] = {
        "logits": logits_for([[0.95, 0.03, 0.02], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.01, 0.98, 0.01]]),
        "tokens": torch.full((4,), -1),
        "masked": torch.ones(4, dtype=torch.bool),
        "generator": torch.Generator().manual_seed(0),
    }
    base.update(change)
    return step(**base)  # type: ignore[arg-type]


def test_confident_positions_are_committed_and_no_others() -> None:
    done = call(threshold=0.9)
    assert done.committed.tolist() == [True, False, False, True]  # type: ignore[attr-defined]
    assert done.tokens.tolist() == [0, -1, -1, 1]  # type: ignore[attr-defined]
    assert done.masked.tolist() == [False, True, True, False]  # type: ignore[attr-defined]
    assert done.confidence[3] == pytest.approx(0.98)  # type: ignore[attr-defined]


def test_something_is_always_committed_so_a_loop_ends() -> None:
    done = call(threshold=1.1, minimum=1)
    assert done.committed.tolist() == [False, False, False, True]  # type: ignore[attr-defined]
    assert int(call(threshold=1.1, minimum=3).committed.sum()) == 3  # type: ignore[attr-defined]


def test_thresholds_may_differ_by_position() -> None:
    limit = torch.tensor([0.99, 0.4, 0.99, 0.99])
    done = call(threshold=limit, minimum=0)
    assert done.committed.tolist() == [False, True, False, False]  # type: ignore[attr-defined]


def test_the_entropy_bound_stops_a_step_early() -> None:
    assert int(call(threshold=0.0, entropy_bound=100.0).committed.sum()) == 4  # type: ignore[attr-defined]
    assert int(call(threshold=0.0, entropy_bound=0.05).committed.sum()) == 1  # type: ignore[attr-defined]


def test_a_window_and_visible_positions_are_respected() -> None:
    masked = torch.tensor([True, True, True, False])
    window = torch.tensor([False, True, False, True])
    done = call(masked=masked, window=window, tokens=torch.tensor([-1, -1, -1, 2]))
    assert done.committed.tolist() == [False, True, False, False]  # type: ignore[attr-defined]
    assert done.tokens.tolist() == [-1, 0, -1, 2]  # type: ignore[attr-defined]


def test_exclusive_symbols_stand_once() -> None:
    logits = logits_for([[0.9, 0.06, 0.04], [0.8, 0.15, 0.05], [0.7, 0.2, 0.1]])
    kwargs = {"logits": logits, "exclusive": torch.tensor([True, True, False]), "threshold": 0.0}
    masked, tokens = torch.ones(3, dtype=torch.bool), torch.full((3,), -1)
    for _ in range(3):
        done = step(tokens=tokens, masked=masked, generator=torch.Generator(), **kwargs)  # type: ignore[arg-type]
        tokens, masked = done.tokens, done.masked
    assert tokens.tolist() == [0, 1, 2]


def test_no_symbol_left_is_an_error() -> None:
    with pytest.raises(ValueError, match="no symbol"):
        call(logits=torch.full((4, 3), float("-inf")))


def test_draws_follow_the_probabilities_and_the_seed() -> None:
    logits = logits_for([[0.7, 0.3]]).expand(4000, 2)
    kwargs = {
        "tokens": torch.full((4000,), -1),
        "masked": torch.ones(4000, dtype=torch.bool),
        "threshold": 0.0,
        "temperature": 1.0,
    }
    one = step(logits=logits, generator=torch.Generator().manual_seed(1), **kwargs)  # type: ignore[arg-type]
    two = step(logits=logits, generator=torch.Generator().manual_seed(1), **kwargs)  # type: ignore[arg-type]
    assert torch.equal(one.tokens, two.tokens)
    assert float((one.tokens == 0).float().mean()) == pytest.approx(0.7, abs=0.03)
