"""Training: prepared token files, batches drawn ahead, what the text scale's ablations change."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import text_ablations
from dlm_core.train.documents import DataError
from dlm_core.train.draws import RECIPE, Example, draw
from dlm_core.train.loop import logged, neighbours
from dlm_core.train.loss import read_context, softened
from dlm_core.train.stream import Stream
from dlm_core.train.text import fresh
from dlm_core.train.token_file import TokenFile, there, write
from tests.test_draws import tiny_base, tiny_data, training

MADE = [
    Example(
        [40 + n, 65535, 42, 43, 44], [50, 51 + n], [50, 60, 51 + n] if n % 2 else [], 3, "clean" if n % 2 else "heading"
    )
    for n in range(9)
]


def test_a_token_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "examples-0-9"
    assert not there(path)
    write(path, MADE, {"textbooks/lamps": "CC BY 4.0"})
    held = TokenFile(path)
    assert there(path) and list(held) == MADE and held[2:5] == MADE[2:5] and held[-1] == MADE[-1]
    assert held.counts() == {"clean": 4, "heading": 5} and held.files == {"textbooks/lamps": "CC BY 4.0"}
    with pytest.raises(IndexError):
        held[9]


def test_a_damaged_token_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "examples-0-9"
    write(path, MADE, {})
    tokens = tmp_path / "examples-0-9.tokens.npy"
    np.save(tokens, np.load(tokens)[:-3])
    with pytest.raises(DataError, match="cut off"):
        TokenFile(path)
    tokens.unlink()
    with pytest.raises(DataError, match="no whole token file"):
        TokenFile(path)


def test_any_number_of_workers_draws_the_same() -> None:
    def one(step: int) -> torch.Tensor:
        return draw(MADE, 3, step).canvas

    alone, ahead = Stream(one), Stream(one, workers=2)
    for step in (4, 5, 6, 2, 3):  # another order begins anew
        assert torch.equal(alone(step), ahead(step))


def test_recipes_change_one_thing() -> None:
    sourced = [e for e in MADE if e.source]
    plain = draw(sourced, 0, 0, replace(RECIPE, edited=False))
    assert set(plain.kind.tolist()) == {2}
    right = draw(sourced * 40, 0, 0, replace(RECIPE, wrong=False))
    seen = ~right.masked & (right.weight > 0)
    # What is visible is what should stand there, or an edit not yet made: the second token goes, nothing else does.
    assert set(right.canvas[seen & (right.canvas != right.target)].tolist()) <= {60}


def test_soft_masks_move_masked_places_alone(tmp_path: Path) -> None:
    model, _ = fresh(str(tiny_base(tmp_path / "base")), rank=4, seed=0, device=torch.device("cpu"))
    batch = draw([e for e in MADE if e.source], 0, 0)
    batch.context.clamp_(max=60)
    hints = softened(model, batch, read_context(model, batch.context, batch.context_visible))
    moved = hints.abs().sum(-1) > 0
    assert torch.equal(moved, batch.masked) and bool(moved.any())


def test_the_log_counts_every_step_once(tmp_path: Path) -> None:
    base, data, out = tiny_base(tmp_path / "base"), tiny_data(tmp_path / "data"), tmp_path / "run"
    options = [*training(base, data, out), "--log", "2"]
    for more in (["--steps", "3"], ["--steps", "5", "--resume"]):
        subprocess.run([*options, *more], check=True, capture_output=True, timeout=300)
    lines = [json.loads(line) for line in (out / "text-log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 3, 4, 5]
    train_set = TokenFile(out / "examples-0-200")
    seen = sum(int((draw(neighbours(train_set, 4, 0, step), 0, step).weight > 0).sum()) for step in range(5))
    assert json.loads((out / "text-card.json").read_text())["supervised"] == logged(out, "supervised") == seen


def test_ablations_train_and_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, data, out = tiny_base(tmp_path / "base"), tiny_data(tmp_path / "data"), tmp_path / "run"
    subprocess.run([*training(base, data, out), "--steps", "1"], check=True, capture_output=True, timeout=300)
    options = f"--examples {out} --out {tmp_path / 'figures'} --base {base} --steps 2 --batch 4 --device cpu"
    names = ["no copying head", "soft masks"]
    assert text_ablations.main([*options.split(), "--only", *names]) == 0
    figures = {f["figure"]: f["value"] for f in map(json.loads, capsys.readouterr().out.splitlines()) if "bench" in f}
    assert all(figures[f"{name}: loss@1"] > 0 for name in names)
