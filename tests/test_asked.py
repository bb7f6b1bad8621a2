"""How likely a question is after a piece of evidence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlm_core.asked import likelihood
from dlm_core.checkpoint import compute_dtype
from dlm_core.models import Models, load_models

SLEEP = [
    ("Sleep", "Stage 3 sleep is called deep sleep because delta waves have a low frequency."),
    ("Sleep", "Dreams and the meanings they are given vary across cultures and periods of time."),
    ("Markets", "When a price may not rise to its equilibrium, more is demanded than is supplied."),
    ("Markets", "A firm that faces no competition is called a monopoly by economists."),
]
ASKED = ["Why is deep sleep called so?", "What causes shortages?"]


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models(quiet=True)


def test_what_answers_a_question_makes_it_likeliest(models: Models) -> None:
    found = likelihood(ASKED, SLEEP, models)
    assert found.shape == (4, 2) and found.dtype == np.float32
    assert found.argmax(axis=0).tolist() == [0, 2]
    assert (found.max(axis=0) == 0).all() and (found <= 0).all()


def test_what_stands_beside_a_sentence_moves_it_by_nothing_but_where_zero_is(models: Models) -> None:
    every = likelihood(ASKED, SLEEP, models)
    models.writer.drop()
    some = likelihood(ASKED[:1], SLEEP[1:3], models)
    near = 2e-3 if compute_dtype() == torch.float32 else 0.1
    assert abs((some[0, 0] - some[1, 0]) - (every[1, 0] - every[2, 0])) < near


def test_without_budget_nothing_is_told_apart(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.writer, "enough", lambda: True)
    assert not likelihood(ASKED, SLEEP, models).any()


def test_of_nothing_nothing_is_said(models: Models) -> None:
    assert likelihood(ASKED, [], models).shape == (0, 2)
