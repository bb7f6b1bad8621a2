"""What the text scale is trained on: every canvas leads to its target, and a killed run goes on as it would have."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import example as tried
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from dlm_core.tokenizer import EMPTY, END, SPECIAL
from dlm_core.train.draws import Cell, Example, blank, complementary, drafting, draw, edit
from dlm_core.train.edits import unnamed

TOKENS = st.lists(st.integers(SPECIAL, SPECIAL + 20), min_size=1, max_size=30)


def example(source: list[int], target: list[int]) -> Example:
    return Example([*source, *target, 40, 41], target, source, len(source) or len(target), "clean")


def arrived(cells: list[Cell]) -> list[int]:
    return [y for _, _, y, _ in cells if y != EMPTY]


@given(TOKENS, TOKENS, st.floats(0, 1), st.integers(0, 1000))
@tried([29, 29, 17, 29], [17, 17, 29, 29], 0.0, 29)  # a swap that finds no other token swaps nothing
@settings(max_examples=200, deadline=None)
def test_an_edit_leads_from_source_to_target(source: list[int], target: list[int], t: float, seed: int) -> None:
    cells = edit(example(source, target), t, random.Random(seed))
    assert arrived(cells) == target
    assert all(w > 0 for *_, w in cells)
    if t == 0:
        assert all(y == EMPTY or x != y or w < 1 for x, masked, y, w in cells if not masked)


@given(TOKENS, st.floats(0.01, 1), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_a_blank_ends_in_end_tokens_and_complements_cover_it(target: list[int], t: float, seed: int) -> None:
    rng = random.Random(seed)
    cells = blank(example([], target), rng)
    assert [y for _, _, y, _ in cells][: len(target)] == target
    assert {y for _, _, y, _ in cells[len(target) :]} == {END}
    one, other = complementary(cells, t, rng)
    assert all(a[1] != b[1] for a, b in zip(one, other, strict=True))
    masked = [m for _, m, _, _ in drafting(cells, rng)]
    assert masked == sorted(masked) and any(masked)


def test_a_batch_follows_from_seed_and_step() -> None:
    many = [example([20 + i, 21, 22, 23], [21, 22, 30]) for i in range(6)] + [example([], [31, 32])]
    a, b, c = draw(many, 1, 5), draw(many, 1, 5), draw(many, 1, 6)
    assert torch.equal(a.canvas, b.canvas) and torch.equal(a.masked, b.masked)
    assert a.canvas.shape != c.canvas.shape or not torch.equal(a.masked, c.masked)
    assert a.row.tolist() == [i for i in range(7) for _ in range(2)]


def test_a_subject_becomes_a_pronoun_only_where_the_sentence_before_has_it() -> None:
    before = "A loop is a block of code that runs again and again."
    assert unnamed("A loop is often used for a repeating task.", before).startswith("It is often")
    assert unnamed("A list is often used for a repeating task.", before) == ""
    assert unnamed("If a loop is endless, the program hangs.", "If a loop is short, all is well.") == ""


# --- a run that is killed ---------------------------------------------------------------------------------------


def page(n: int) -> str:
    return " ".join(f"The lamp of room {n} burns oil number {k} (see Figure {k}) in the winter." for k in range(6))


def tiny_base(folder: Path) -> Path:
    """A Llama of 16 dimensions with a byte tokenizer, in the Hugging Face layout."""
    folder.mkdir()
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    control = [f"<|{i}|>" for i in range(SPECIAL)]
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=control,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator([page(n) for n in range(30)], trainer)
    raw.save(str(folder / "tokenizer.json"))
    dim, hidden, layers, size = 16, 32, 2, raw.get_vocab_size()
    sizes = {"vocab_size": size, "hidden_size": dim, "num_hidden_layers": layers, "num_attention_heads": 2}
    config = sizes | {"intermediate_size": hidden, "rms_norm_eps": 1e-5, "tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps(config))
    g = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=g) * 0.1

    state = {"model.embed_tokens.weight": drawn(size, dim), "model.norm.weight": torch.ones(dim)}
    for n in range(layers):
        at = f"model.layers.{n}."
        for m in "qkvo":
            state[f"{at}self_attn.{m}_proj.weight"] = drawn(dim, dim)
        for m, shape in {"gate": (hidden, dim), "up": (hidden, dim), "down": (dim, hidden)}.items():
            state[f"{at}mlp.{m}_proj.weight"] = drawn(*shape)
        for m in ("input", "post_attention"):
            state[f"{at}{m}_layernorm.weight"] = torch.ones(dim)
    save_file(state, folder / "model.safetensors")
    return folder


def tiny_data(folder: Path) -> Path:
    """Two shards of pages on lamps, one of them held out."""
    (folder / "textbooks").mkdir(parents=True)
    for name in ("lamps", "held"):
        lines = []
        for n in range(30):
            section = {"heading": f"Lamp {n}", "level": 1, "paragraphs": [page(n)]}
            made = {"id": f"{name}{n}", "title": f"Lamps {n}", "url": "", "licence": "CC BY 4.0", "sections": [section]}
            lines.append(json.dumps(made))
        with gzip.open(folder / "textbooks" / f"{name}.jsonl.gz", "wt") as f:
            f.write("\n".join(lines))
    (folder / "validation.txt").write_text("textbooks/held.jsonl.gz\n")
    return folder


def training(base: Path, data: Path, out: Path, *more: str) -> list[str]:
    options = "--scale text --steps 60 --batch 4 --lr 5e-3 --examples 200 --threads 1 --log 1 --checkpoint 0".split()
    where = ["--data", str(data), "--out", str(out), "--base", str(base)]
    return [sys.executable, "-m", "dlm_core.train", *where, *options, *more]


def curve(out: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (out / "text-log.jsonl").read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines}


def test_a_killed_run_goes_on_to_the_same_curve(tmp_path: Path) -> None:
    base, data = tiny_base(tmp_path / "base"), tiny_data(tmp_path / "data")
    whole = subprocess.run(training(base, data, tmp_path / "whole"), capture_output=True, text=True, timeout=300)
    assert whole.returncode == 0, whole.stderr
    run = subprocess.Popen(training(base, data, tmp_path / "cut"), stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    for line in run.stdout:
        if json.loads(line).get("step", 0) >= 20:
            break
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    reached = max(curve(tmp_path / "cut"))
    assert 15 <= reached < 60
    again = subprocess.run(
        training(base, data, tmp_path / "cut", "--resume"), capture_output=True, text=True, timeout=300
    )
    assert again.returncode == 0, again.stderr
    assert curve(tmp_path / "cut") == pytest.approx(curve(tmp_path / "whole"), abs=2e-3)
    losses = list(curve(tmp_path / "whole").values())
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])  # and it learns
