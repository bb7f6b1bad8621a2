"""Training of the plan scale: it learns, goes on after a kill, and neither workers nor device change what it sees."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dlm_core.planner import MASK, Planner
from dlm_core.train import plan as training
from dlm_core.train import plan_draws
from dlm_core.train.stream import moved, on
from tests.test_planner import SMALL, made_corpus


def test_training_learns_and_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    corpus = made_corpus()
    torch.set_num_threads(1)
    straight, draws = training.Run(0, SMALL), plan_draws.stream(corpus, 0)
    curve = [float(straight.advance(draws, 0.0)["total"]) for _ in range(34)]
    straight.save(tmp_path / "planner.ckpt")
    curve += [float(straight.advance(draws, 0.0)["total"]) for _ in range(6)]
    assert np.mean(curve[-6:]) < 0.9 * np.mean(curve[:6])
    resumed, draws = training.Run(1, SMALL), plan_draws.stream(corpus, 0)
    resumed.restore(tmp_path / "planner.ckpt")
    again = [float(resumed.advance(draws, 0.0)["total"]) for _ in range(6)]
    assert again == pytest.approx(curve[34:], rel=1e-2)
    assert resumed.step == straight.step == 40
    assert resumed.examples == straight.examples == 40 * plan_draws.BATCH


def same(a: plan_draws.Ready, b: plan_draws.Ready) -> bool:
    pairs = zip([*vars(a[0]).values(), *a[1:]], [*vars(b[0]).values(), *b[1:]], strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def test_what_a_step_sees_follows_from_seed_and_step_whoever_draws_it() -> None:
    corpus = made_corpus()
    torch.set_num_threads(1)
    alone = [plan_draws.step_batch(corpus, 5, step, 3) for step in range(2, 8)]
    batch, tokens, changed = alone[0]
    assert len(batch.brief) == 3 and tokens.shape == changed.shape == (6, batch.clean.shape[1])
    assert bool(((tokens[:3] == MASK) ^ (tokens[3:] == MASK)).view(3, -1, 4)[~batch.fixed].all())
    assert not same(alone[0], alone[1]) and not same(alone[0], plan_draws.step_batch(corpus, 6, 2, 3))
    for workers in (0, 1, 2):
        draws = plan_draws.stream(corpus, 5, 3, workers=workers)
        assert all(same(draws(step), held) for step, held in enumerate(alone, 2))


def test_workers_change_nothing_of_what_is_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = made_corpus()
    torch.set_num_threads(1)
    monkeypatch.setattr(training, "Run", partial(training.Run, config=SMALL))
    weights = []
    for workers in (0, 2):
        out = tmp_path / str(workers)
        some: dict[str, Any] = {"seed": 0, "held": [], "whole": [], "batch_size": 2, "workers": workers}
        training.train(corpus, out, minutes=0.0, resume=False, steps=2, **some)
        run = training.train(corpus, out, minutes=0.0, resume=True, steps=4, **some)
        assert run.step == 4 and run.examples == 8 and [point["step"] for point in run.curve] == [2, 4]
        weights.append(run.average)
    assert all(torch.equal(v, weights[1][k]) for k, v in weights[0].items())


def test_a_step_never_waits_for_its_device() -> None:
    """The meta device stands in for a GPU: it has shapes and no values, so to read one is an error."""
    batch, tokens, changed = plan_draws.step_batch(made_corpus(), 0, 0, 2)
    away = torch.device("meta")
    planner = Planner(SMALL).to(away)
    parts = training.loss(planner, on(batch, away).twice(), moved(tokens, away), moved(changed, away))
    parts["total"].backward()
    assert {v.device.type for v in parts.values()} == {"meta"}
    with pytest.raises(RuntimeError):
        float(parts["total"])
    with pytest.raises(RuntimeError):
        training.loss(planner, on(batch, away).twice(), tokens, changed)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_learns_the_same_and_its_checkpoint_goes_on_elsewhere(tmp_path: Path) -> None:
    draws, curves = plan_draws.stream(made_corpus(), 0), []
    for device in (torch.device("cuda"), torch.device("cpu")):
        run = training.Run(0, SMALL, device)
        losses = [run.advance(draws, 0.0)["total"] for _ in range(2)]
        torch.cuda.set_sync_debug_mode("error" if device.type == "cuda" else "default")
        losses += [run.advance(draws, 0.0)["total"] for _ in range(8)]
        torch.cuda.set_sync_debug_mode("default")
        curves.append([float(v) for v in losses])
        run.save(tmp_path / f"{device.type}.ckpt")
        assert next(run.averaged().parameters()).device.type == "cpu"
    assert curves[0] == pytest.approx(curves[1], rel=0.05)
    for device, file in ((torch.device("cpu"), "cuda.ckpt"), (torch.device("cuda"), "cpu.ckpt")):
        run = training.Run(1, SMALL, device)
        run.restore(tmp_path / file)
        run.advance(draws, 0.0)
        assert run.step == 11
