"""What the ablations leave out is left out, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from bench import ablations, mechanisms
from dlm_core.denoise import step
from dlm_core.planner import WIDTH
from dlm_core.train.plan_draws import RECIPE, corrupt, draw_masks, examples
from dlm_core.train.plan_examples import Corpus, collate
from tests.test_planner import made_corpus


def test_an_anchor_goes_alone() -> None:
    page = made_corpus().pages[0]
    assert page.cover.any() and len(page.questions) > 1 and len(set(page.section.tolist())) == 3
    bare = ablations.no_summaries(page)
    assert not bare.cover.any() and bare.questions == page.questions and bare.headings == page.headings
    flat = ablations.no_headings(page)
    assert set(flat.section.tolist()) == {0} and not any(flat.headings) and flat.cover is page.cover
    asked = ablations.no_objectives(page)
    assert asked.questions == page.questions[:1] and len(asked.asked) == 1 and asked.texts is page.texts


def test_a_recipe_without_uniform_noise_swaps_nothing() -> None:
    corpus = made_corpus()
    batch = collate(examples(corpus, 4, np.random.default_rng(0), 24), np.random.default_rng(1))
    generator = torch.Generator().manual_seed(2)
    masked = draw_masks(batch, generator)
    _, changed = corrupt(batch, masked, generator, replace(RECIPE, repoint=0.0, recast=0.0))
    assert not bool(changed.any())
    _, changed = corrupt(batch, torch.zeros_like(masked), generator, replace(RECIPE, repoint=1.0))
    assert bool(changed.any())
    # Without the style of drafting, kinds and pointers of a slot are masked alike or symbol by symbol.
    plain = draw_masks(batch, torch.Generator().manual_seed(3), replace(RECIPE, drafted=False))
    assert plain.shape == masked.shape and plain.shape[1] % WIDTH == 0


def test_a_run_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    corpus: Corpus = made_corpus()
    file = tmp_path / "run.ckpt"
    ablations.trained(corpus, RECIPE, 2, 0, file)
    resumed = ablations.trained(corpus, RECIPE, 3, 0, file)
    assert resumed.step == 3


def test_a_run_is_compared_case_by_case_with_the_one_that_has_everything(tmp_path: Path) -> None:
    corpus: Corpus = made_corpus()
    run = ablations.trained(corpus, RECIPE, 2, 0, tmp_path / "run.ckpt")
    made = ablations.judged(run, examples(corpus, 4, np.random.default_rng(0), 24))
    assert len(made.f1) == 4 and made.figures["f1"] == np.mean(made.f1)
    better = replace(made, f1=[v + 0.1 for v in made.f1])
    assert np.allclose(better.gap(made), 0.1) and np.allclose(made.gap(better), -0.1)
    file = ablations.file_of(tmp_path, "no summaries, no glossaries", 2, 0)
    file.write_text(json.dumps(asdict(made)))
    assert file.name == "no-summaries-no-glossaries-2-0.json" and ablations.read(file) == made


def test_switches_are_put_back() -> None:
    from dlm_core import planning

    with mechanisms.shared_pointers():
        assert planning.step is not step
    assert planning.step is step
