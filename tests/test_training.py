"""Training: prepared token files, batches drawn ahead, what the text scale's ablations change."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench import text_ablations
from dlm_core.checkpoint import load_adapter
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


@pytest.mark.parametrize("rank", [pytest.param(4, marks=pytest.mark.slow), 0])
def test_two_processes_train_as_one_that_takes_two_batches_a_step(tmp_path: Path, rank: int) -> None:
    """FSDP2 on two CPUs, an adapter and matrices of the writer's own; both go on from a checkpoint."""
    base, data = tiny_base(tmp_path / "base"), tiny_data(tmp_path / "data")
    options = (
        f"--scale text --data {data} --base {base} --examples 200 --batch 4 --threads 1 --device cpu --rank {rank}"
    )
    # torchrun takes "--log" for an option of its own, so a line is logged at the end alone.
    one = [
        sys.executable,
        "-m",
        "dlm_core.train",
        *options.split(),
        "--out",
        str(tmp_path / "one"),
        "--accumulate",
        "2",
    ]
    several = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    two = [*several, "-m", "dlm_core.train", *options.split(), "--out", str(tmp_path / "two")]
    for run in (one, two):
        for more in (["--steps", "4"], ["--steps", "8", "--resume"]):
            done = subprocess.run([*run, *more], capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
    lines = [(tmp_path / name / "text-log.jsonl").read_text().splitlines() for name in ("one", "two")]
    losses = [[json.loads(line)["loss"] for line in some] for some in lines]
    assert losses[0] == pytest.approx(losses[1], abs=2e-3) and len(losses[0]) == 2
    cards = [json.loads((tmp_path / name / "text-card.json").read_text()) for name in ("one", "two")]
    assert cards[0]["draws"] == cards[1]["draws"] == 128 and cards[0]["supervised"] == cards[1]["supervised"]
    made = [load_file(next((tmp_path / name).glob("adapter-*"))) for name in ("one", "two")]
    assert made[0].keys() == made[1].keys() and any(".own" in name for name in made[0]) == (rank == 0)
    for name, tensor in made[0].items():
        torch.testing.assert_close(tensor, made[1][name], atol=5e-3, rtol=5e-2)
    model, _ = fresh(str(base), rank=rank, seed=0, device=torch.device("cpu"))
    load_adapter(model, sorted((tmp_path / "two").glob("adapter-*")))
    assert (tmp_path / "one" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_matrices_of_its_own_begin_as_the_base(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    model, _ = fresh(str(base), rank=0, seed=0, device=torch.device("cpu"))
    x = torch.randn(1, 5, model.config.dim, generator=torch.Generator().manual_seed(0)).to(model.embedding.dtype)
    places, seen = torch.arange(5)[None], torch.ones(1, 5, dtype=torch.bool)
    reader, _ = model(x, positions=places, visible=seen, causal=True, adapter=False)
    writer, _ = model(x, positions=places, visible=seen, causal=True, adapter=True)
    torch.testing.assert_close(reader, writer)
    with torch.no_grad():
        dict(model.named_parameters())["blocks.0.q.own"].add_(0.5)
    moved, _ = model(x, positions=places, visible=seen, causal=True, adapter=True)
    again, _ = model(x, positions=places, visible=seen, causal=True, adapter=False)
    assert torch.equal(again, reader) and not torch.allclose(moved, writer)
