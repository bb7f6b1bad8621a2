"""What the steps of a run see, drawn ahead of them by worker processes, and its way to the device.

A draw follows from the number of its step alone, so any number of workers gives the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

T = TypeVar("T")
AHEAD = 6  # draws that a worker holds ready
LAST = 2**40  # more steps than any run has


def moved(x: Tensor, device: torch.device) -> Tensor:
    """`x` on a device. Memory that is not pinned could only be copied to a GPU once that is done with all before."""
    return x.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x.to(device)


def on(batch: T, device: torch.device) -> T:
    """A batch, any dataclass of tensors, on a device; the one at hand stays as it is."""
    return type(batch)(**{name: moved(column, device) for name, column in vars(batch).items()})


class _Steps(Dataset[T]):
    def __init__(self, draw: Callable[[int], T]) -> None:
        self._draw = draw

    def __getitem__(self, step: int) -> T:
        return self._draw(step)


class Stream(Generic[T]):
    """`stream(step)` is `draw(step)`; with workers > 0, processes draw what comes after it meanwhile. Steps are asked
    for one after the other; another order begins anew. Workers are forked, so what `draw` holds is not copied."""

    def __init__(self, draw: Callable[[int], T], workers: int = 0) -> None:
        self._draw, self._workers = draw, workers
        self._next = -1
        self._ahead: Iterator[T] = iter(())

    def __call__(self, step: int) -> T:
        if not self._workers:
            return self._draw(step)
        if step != self._next:
            loader = DataLoader(
                _Steps(self._draw),
                batch_size=None,
                sampler=range(step, LAST),
                num_workers=self._workers,
                prefetch_factor=AHEAD,
                multiprocessing_context="fork",
            )
            self._ahead = iter(loader)
        self._next = step + 1
        return next(self._ahead)
