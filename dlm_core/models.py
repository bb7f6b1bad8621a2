"""Everything a run computes with, loaded once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch

from dlm_core.checkpoint import WEIGHTS, adapter_rank, compute_dtype, converted, load_adapter, load_base, verify
from dlm_core.embed import Embedder
from dlm_core.fetch_base import base_path, cache_folder
from dlm_core.planner import Planner
from dlm_core.planner import load as load_planner
from dlm_core.write import Writer


@dataclass(frozen=True)
class Models:
    """Both scales, the sentence vectors, and their names for the report."""

    writer: Writer
    planner: Planner
    embedder: Embedder
    names: dict[str, str]


def load_models(
    *, base: str | Path | None = None, weights: Path | None = None, threads: int = 0, quiet: bool = False
) -> Models:
    """Load and verify base, adapter, planner and vectors.

    base: a .gguf file or Hugging Face folder instead of the fetched one.
    weights: a folder with manifest.json instead of the package's.
    threads: torch threads, 0 for torch's own choice.
    Raises CheckpointError, BaseError, PlannerError or EmbedError, one line each.
    """
    if threads:
        torch.set_num_threads(threads)
    folder = weights or WEIGHTS
    files = verify(folder)  # before the base is fetched: a broken install should say so at once
    planner = load_planner(folder / "planner.safetensors")
    path = base_path(base, quiet=quiet)
    ready = converted(path, cache_folder())
    model, tokenizer = load_base(ready, dtype=compute_dtype(), rank=adapter_rank(files))
    load_adapter(model, files)
    model.merge()
    model.eval()
    names = {"base": path.name, "adapter": _name(files, "adapter"), "planner": _name(files, "planner")}
    return Models(Writer(model, tokenizer), planner, Embedder(threads=threads), names)


def _name(files: list[Path], prefix: str) -> str:
    """A short name that changes with the weights: prefix and hash over its files."""
    digest = hashlib.sha256()
    for file in files:
        if file.name.startswith(prefix):
            digest.update(file.read_bytes())
    return f"{prefix}-{digest.hexdigest()[:12]}"
