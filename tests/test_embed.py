"""Sentence vectors: shape, meaning, and the same text always the same vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlm_core.embed import Embedder, EmbedError

TEXTS = [
    "A task can be cancelled at any time.",
    "Cancelling a task raises an error inside it.",
    "Rivers carry sand to the sea.",
    "word " * 400,
    "",
    "A task can be cancelled at any time.",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(threads=2)


def test_unit_vectors_in_order(embedder: Embedder) -> None:
    vectors = embedder(TEXTS)
    assert vectors.shape == (len(TEXTS), 384) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder([]).shape == (0, 384)


def test_near_in_meaning_is_near(embedder: Embedder) -> None:
    task, cancel, river = embedder(TEXTS[:3])
    assert task @ cancel > 0.5 > 0.3 > task @ river


def test_a_vector_does_not_depend_on_its_company(embedder: Embedder) -> None:
    together = embedder(TEXTS)
    np.testing.assert_array_equal(together[0], together[5])
    for text, row in zip(TEXTS, together, strict=True):
        np.testing.assert_array_equal(embedder([text])[0], row)
    np.testing.assert_array_equal(embedder(TEXTS[::-1])[::-1], together)
    np.testing.assert_array_equal(Embedder(threads=1)(TEXTS), together)


def test_a_known_vector(embedder: Embedder) -> None:
    # the cosine that all-MiniLM-L6-v2 gives this pair with its weights in 32 bits
    a, b = embedder(["The cat sits outside.", "A cat is sitting in the garden."])
    assert abs(float(a @ b) - 0.7552) < 0.02


def test_a_bad_model_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(EmbedError) as error:
        Embedder(tmp_path / "model.onnx")
    assert "\n" not in str(error.value)
