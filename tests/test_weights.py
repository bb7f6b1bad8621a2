"""The shipped weights: whole, trained, and the reason why reports come out right."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from dlm_core import checkpoint
from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.checkpoint import WEIGHTS, CheckpointError, verify
from dlm_core.compose import write_claims
from dlm_core.job import REMASKS, Effort
from dlm_core.models import Models, load_models
from dlm_core.pool import Pool
from dlm_core.segment import Evidence
from dlm_core.sentences import LONGEST, sentence_task, write_texts
from dlm_core.support import problems
from dlm_core.train.draws import Example
from dlm_core.train.measure import edits, planted, under_noise
from dlm_core.train.text_data import build
from tests.support import need, shared_folder


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models(quiet=True)


@pytest.fixture(scope="module")
def examples(models: Models) -> list[Example]:
    """Held-out sentence edits; headings are left out, they are a task of their own."""
    shared = shared_folder()
    need(shared is not None and (shared / "data").is_dir(), "held-out figures need the training text in ../shared/data")
    assert shared is not None
    made = build(shared / "data", models.writer.tokenizer, training=False, limit=90, seed=3)
    return [e for e in made if e.task in ("keep", "clean", "brief")][:48]


@pytest.fixture()
def copy(tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(WEIGHTS, tmp_path / "weights")
    yield tmp_path / "weights"


def test_the_weights_are_small_enough_to_ship() -> None:
    files = verify(WEIGHTS)
    assert {f.name.split("-")[0].split(".")[0] for f in files} == {"adapter", "planner"}
    assert all(f.stat().st_size < 16_000_000 for f in files)
    assert sum(f.stat().st_size for f in files) < 48_000_000


def test_the_card_names_what_was_trained_on() -> None:
    card = (WEIGHTS / "CARD.md").read_text()
    for word in ("OpenStax", "CC BY 4.0", "SmolLM2-135M", "held-out", "hours"):
        assert word in card


@pytest.mark.parametrize("harm", ["missing", "truncated", "altered", "no manifest", "bad manifest"])
def test_harmed_weights_end_with_one_clear_line(copy: Path, harm: str) -> None:
    file = sorted(copy.glob("adapter-*.safetensors"))[0]
    if harm == "missing":
        file.unlink()
    elif harm == "truncated":
        file.write_bytes(file.read_bytes()[:-1000])
    elif harm == "altered":
        body = bytearray(file.read_bytes())
        body[-500] ^= 1
        file.write_bytes(bytes(body))
    elif harm == "no manifest":
        (copy / "manifest.json").unlink()
    else:
        (copy / "manifest.json").write_text("{")
    with pytest.raises(CheckpointError) as error:
        load_models(weights=copy, quiet=True)
    assert "\n" not in str(error.value) and "again" in str(error.value)


def test_of_evidence_longer_than_it_learned_from_brackets_go_and_nothing_else(models: Models) -> None:
    cites = "(Mauss, Cook, Cheng, & Gross, 2007; Popham, Lee, Sublette, Kent, & Carswell, 2017)"
    said = (
        "Holding back negative emotions, which many people take for a healthy way of ending an argument, has been "
        f"shown to raise the blood pressure of those who do it {cites}, because the body stays alert for as long as "
        "the feeling is held back by the person."
    )
    task = sentence_task("s1", "Emotions", "Holding back", [said], models)
    assert len(task.source) > LONGEST
    how: dict[str, Any] = {"seed": 0, "effort": Effort(edits=1), "check": lambda t, k: problems(t, k.evidence)}
    written = write_texts([task], models, **how)["s1"]
    assert written.text == said.replace(f" {cites}", "")
    assert len(written.tokens) == len(written.confidence) and written.remasks == 0
    # No noise goes on so long a text, so one that failed is not tried again for the same evidence.
    again = write_texts([task], models, **how, start={"s1": (task.source, [0.5] * len(task.source), ["is doubted"])})
    assert again["s1"].text == written.text and again["s1"].remasks == REMASKS


def test_a_claim_loses_what_ties_its_evidence_to_the_sentence_before(models: Models) -> None:
    said = [
        "Governors can also face limits on what their states may spend.",
        "Proximity to parents also makes a difference in the well-being of a child after a divorce.",
        "Tularemia can also be transmitted by the bites of infected arthropods, including the dog tick (Dermacentor"
        " variabilis), the lone star tick (Amblyomma americanum), the wood tick (Dermacentor andersoni), and deer"
        " flies (Chrysops).",
    ]
    tasks = [sentence_task(str(n), "", "", [text], models) for n, text in enumerate(said)]
    made = write_texts(tasks, models, seed=0, effort=Effort(), check=lambda text, t: problems(text, t.evidence))
    assert made["0"].text == said[0].replace(" also", "") and made["1"].text == said[1].replace(" also", "")
    assert made["2"].text.startswith("Tularemia can be transmitted by the bites of infected arthropods")


def test_a_claim_keeps_what_the_question_names(models: Models) -> None:
    said = (
        "A causal language model predicts each token from the tokens on its left, although a masked diffusion model"
        " attends to both sides of every gap."
    )
    piece = Evidence("p.e0", "p", "p.p0", "", 0, len(said), said, "", True, "")
    pool = Pool({"p.e0": piece}, models.embedder([said]), {"p": "Language models"})
    slots = (Slot("s1", Kind.SECTION), Slot("s2", Kind.CLAIM, ("p.e0",)))

    def claim(question: str) -> str:
        made = write_claims(Canvas(question, slots), ["s2"], pool, models, seed=0, effort=Effort(), age=1)
        return made.slot("s2").text

    assert claim("How do causal language models work?") == said[: said.index(", although")] + "."
    assert claim("How does masked diffusion revise text?") == said


def test_the_trained_adapter_is_what_writes(models: Models, examples: list[Example]) -> None:
    """Redrawn at the trained weights' own scale, adapter and copying head know
    under a quarter of the tokens at 100% noise."""
    model = models.writer.model
    trained = under_noise(model, examples, seed=5, levels=(1.0,))["accuracy@1"]
    kept = {n: p.detach().clone() for n, p in model.adapter_parameters()}
    generator = torch.Generator().manual_seed(11)
    try:
        with torch.no_grad():
            for _, p in model.adapter_parameters():
                spread = p.std() if p.numel() > 1 else p.abs().mean()
                p.copy_(torch.randn(p.shape, generator=generator) * spread)
        model.merge()
        redrawn = under_noise(model, examples, seed=5, levels=(1.0,))["accuracy@1"]
    finally:
        with torch.no_grad():
            for n, p in model.adapter_parameters():
                p.copy_(kept[n])
        model.merge()
    assert trained > 0.15
    assert redrawn < trained / 4


@pytest.mark.slow
def test_the_writer_edits_and_doubts(models: Models, examples: list[Example]) -> None:
    """On held-out evidence it takes away what the edits take away and little else, and it sees planted tokens."""
    found = edits(models.writer.model, examples)
    assert found["emptied_precision"] > 0.8 and found["emptied_recall"] > 0.8
    assert found["clean_left_alone"] > 0.65
    assert planted(models.writer.model, examples, seed=3)["planted_auroc"] > 0.9


def test_a_reading_is_exact_and_kept(models: Models) -> None:
    """Readings with kept contexts equal one causal pass over context and text."""
    writer = models.writer
    context = tuple(writer.tokenizer.encode("Topic: Stars\nEvidence: Stars fuse hydrogen into helium.\nClaim:"))
    tokens = writer.tokenizer.encode(" Stars fuse hydrogen into helium.")
    first = writer.read([(context, tokens)])[0]
    before = dict(writer.passes)
    assert writer.read([(context, tokens)])[0] == first
    assert writer.passes["context"] == before["context"]  # read once
    row = torch.tensor([[*context, *tokens]])
    model = writer.model
    with torch.no_grad():
        states, _ = model(
            model.embed(row),
            positions=torch.arange(row.shape[1])[None],
            visible=torch.ones_like(row, dtype=torch.bool),
            causal=True,
            adapter=False,
        )
        whole = torch.log_softmax(model.logits(states).float(), -1)
    direct = [float(whole[0, len(context) - 1 + i, t]) for i, t in enumerate(tokens)]
    assert first == pytest.approx(direct, abs=0.15)  # bfloat16 where the CPU has it


def test_a_conversion_that_was_killed_is_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path / "base.gguf"
    base.write_bytes(b"x")
    state = base.stat()
    gone = subprocess.Popen(["true"])
    gone.wait()
    for pid in (gone.pid, os.getpid()):
        (tmp_path / f"base-1-{state.st_mtime_ns}.{pid}.part").mkdir()

    def broken(*_: Any, **__: Any) -> Any:
        raise CheckpointError("no base")

    monkeypatch.setattr(checkpoint, "load_base", broken)
    with pytest.raises(CheckpointError, match="no base"):
        checkpoint.converted(base, tmp_path)
    assert [p.name.split(".")[1] for p in tmp_path.glob("*.part")] == [str(os.getpid())]
