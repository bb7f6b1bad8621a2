"""Training on one device or, under torchrun, on several: the same code, the same weights at the end.

What is frozen, and the writer's own matrices where it has such, are sharded by layer (FSDP2, `fully_shard`:
arXiv 2304.11277); the small trained part (adapter, mask embedding, heads) is whole everywhere, and its gradients are
averaged. Every process draws batches of its own. Only the first one prints and writes files that are not shards.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from dlm_core.model import Transformer

Made = TypeVar("Made")


@dataclass(frozen=True)
class World:
    """size processes, of which this one is `rank` and works on `device`."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def in_turn(self, work: Callable[[], Made]) -> Made:
        """What `work` makes, by the first process first: what it leaves on disk, the others find."""
        if self.size > 1 and not self.first:
            dist.barrier()
        made = work()
        if self.size > 1 and self.first:
            dist.barrier()
        return made

    def agreed(self, value: float) -> float:
        """The first process's value: clocks differ, and all must end at one step."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(told, 0)
        return float(told)

    def summed(self, values: Sequence[float]) -> list[float]:
        """The sums of values over the processes."""
        if self.size == 1:
            return list(values)
        told = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(told)
        return [float(v) for v in told]

    def average(self, parameters: Iterable[Tensor]) -> None:
        """Average the gradients of what is whole everywhere; those of shards already are."""
        if self.size == 1:
            return
        for p in parameters:
            if p.grad is not None and not isinstance(p, DTensor):
                dist.all_reduce(p.grad)
                p.grad /= self.size

    def clip(self, parameters: Sequence[Tensor], most: float) -> None:
        """Scale gradients, in place, so that their norm over all parameters and processes is at most `most`."""
        if self.size == 1:
            torch.nn.utils.clip_grad_norm_(parameters, most)
            return
        grads = [p.grad for p in parameters if p.grad is not None]
        squares = [
            torch.stack(
                [local(g).double().square().sum() for g in some] or [torch.zeros((), dtype=torch.float64)]
            ).sum()
            for some in ([g for g in grads if isinstance(g, DTensor)], [g for g in grads if not isinstance(g, DTensor)])
        ]
        shards = squares[0].to(self.device)
        dist.all_reduce(shards)
        norm = float((shards + squares[1].to(self.device)).sqrt())
        for g in grads if norm > most else ():
            local(g).mul_(most / (norm + 1e-6))


def world(device: str) -> World:
    """This process's place, as torchrun's environment tells it; alone without one. device: cpu, cuda, cuda:1."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World(torch.device(device))
    kind = device.split(":")[0]
    here = torch.device(kind, int(os.environ["LOCAL_RANK"])) if kind != "cpu" else torch.device("cpu")
    if kind == "cuda":
        torch.cuda.set_device(here)
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    return World(here, dist.get_rank(), size)


def leave() -> None:
    """End what `world` began, if it began something."""
    if dist.is_initialized():
        dist.destroy_process_group()


def spread(model: Transformer, place: World) -> None:
    """Shard the layers of `model` over the processes, in place."""
    if place.size == 1:
        return
    # Keys and values leave a layer as views; nothing changes them in place.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    mesh = dist.init_device_mesh(place.device.type, (place.size,))
    small = {p for _, p in model.adapter_parameters()} if model.config.rank else set[nn.Parameter]()
    for block in model.blocks:
        fully_shard(block, mesh=mesh, ignored_params=small & set(block.parameters()))


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor; changed in place, the tensor changes."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """A tensor with what other processes hold of it. All processes must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
