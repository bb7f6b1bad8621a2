"""The left-to-right peer: the same base with an adapter that writes causally.

Everything but the direction is the diffusion writer's: the declared context is
read by the frozen base, without gradient, and kept; its last token goes through
base plus adapter as the anchor, and the sentence after it, state i predicting
token i + 1. Here the sentence sees to its left only, and is written greedily,
token by token, on kept keys and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dlm_core.model import KV, Transformer
from dlm_core.tokenizer import END, SPECIAL
from dlm_core.train.draws import Example
from dlm_core.train.loss import positions_of, read_context


@dataclass(frozen=True)
class Batch:
    """context (B, S) int64, padded on the left where visible (B, S) is False;
    target (B, T) int64, padded on the right where inside (B, T) is False."""

    context: Tensor
    visible: Tensor
    target: Tensor
    inside: Tensor


def left_padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(tokens, visible), both (B, S): rows that end in the last column."""
    width = max(map(len, rows))
    tokens = torch.full((len(rows), width), END)
    visible = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        tokens[i, width - len(row) :] = torch.tensor(row)
        visible[i, width - len(row) :] = True
    return tokens, visible


def collate(examples: Sequence[Example]) -> Batch:
    """Contexts and targets of examples; each target ends in one end token."""
    context, visible = left_padded([e.context for e in examples])
    # Padding is left-sided for contexts, right-sided for targets: flip the same helper.
    target, inside = left_padded([[END, *e.target[::-1]] for e in examples])
    return Batch(context, visible, target.flip(1), inside.flip(1))


def after_reading(model: Transformer, context: Tensor, visible: Tensor) -> KV:
    """The base's reading of (B, S) contexts, each last token hidden: it comes again as the anchor."""
    kv, _ = read_context(model, context, visible)
    seen = visible.clone()
    seen[:, -1] = False
    return KV(kv.keys, kv.values, seen)


def losses(model: Transformer, batch: Batch, *, adapter: bool = True) -> Tensor:
    """Next-token loss of every target token, its end token included: (P,) nats."""
    kv = after_reading(model, batch.context, batch.visible)
    tokens = torch.cat((batch.context[:, -1:], batch.target[:, :-1]), dim=1)
    positions = batch.visible.sum(-1, keepdim=True) - 1 + torch.arange(tokens.shape[1], device=tokens.device)[None]
    states, _ = model(
        model.embed(tokens), positions=positions, visible=batch.inside, causal=True, adapter=adapter, past=kv
    )
    logits = model.logits(states[batch.inside]).float()
    return F.cross_entropy(logits, batch.target[batch.inside], reduction="none")


@torch.no_grad()
def generate(
    model: Transformer, contexts: Sequence[Sequence[int]], room: Sequence[int], *, adapter: bool = True
) -> list[list[int]]:
    """The most likely continuation of each context, token by token, up to its end
    token or `room[i]` tokens. adapter: the peer (True) or the base as it is."""
    context, visible = left_padded(contexts)
    kv = after_reading(model, context, visible)
    rows = len(contexts)
    out: list[list[int]] = [[] for _ in range(rows)]
    going = torch.arange(rows)
    token, position = context[:, -1:], positions_of(visible)[:, -1:]
    for _ in range(max(room)):
        states, new = model(
            model.embed(token),
            positions=position,
            visible=torch.ones_like(token, dtype=torch.bool),
            causal=True,
            adapter=adapter,
            past=kv,
            keep=True,
        )
        assert new is not None
        logits = model.logits(states[:, -1]).float()
        logits[:, [i for i in range(SPECIAL) if i != END]] = float("-inf")  # control tokens are never text
        best = logits.argmax(-1)
        keep = []
        for n, (row, choice) in enumerate(zip(going.tolist(), best.tolist(), strict=True)):
            if choice != END:
                out[row].append(choice)
            if choice != END and len(out[row]) < room[row]:
                keep.append(n)
        if not keep:
            break
        token, position, kv = best[:, None], position + 1, new
        if len(keep) < len(going):
            index = torch.tensor(keep)
            going, token, position, kv = going[index], token[index], position[index], new.rows(index)
    return out
