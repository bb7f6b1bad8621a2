"""The text scale's loss: one reading of the contexts, one pass over the canvases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dlm_core import predict
from dlm_core.model import EMPTIED, KEEP, KV, WRITTEN, Transformer
from dlm_core.tokenizer import EMPTY
from dlm_core.train.draws import Batch


def positions_of(visible: Tensor) -> Tensor:
    """Rotary positions of left-padded rows: 0 at the first real token. (B, S) int64."""
    return (visible.long().cumsum(-1) - 1).clamp(min=0)


@torch.no_grad()
def read_context(model: Transformer, context: Tensor, visible: Tensor) -> tuple[KV, Tensor]:
    """The base's reading of (B, S) contexts: kept keys and values, and states (B, S, D)."""
    states, kv = model(
        model.embed(context), positions=positions_of(visible), visible=visible, causal=True, adapter=False, keep=True
    )
    assert kv is not None
    return kv, states


@dataclass(frozen=True)
class Passed:
    """What one pass over a batch gave: writer states (R, L + 1, D), copying keys
    (R, S, copy_dim), action log-probabilities (R, L, 3), and the contexts by row."""

    states: Tensor
    keys: Tensor
    actions: Tensor
    context: Tensor
    visible: Tensor


# From a model, a batch and the reading of its contexts: what is added to the canvases' embeddings, (R, L, D).
Hints = Callable[[Transformer, Batch, tuple[KV, Tensor]], Tensor]


def run(
    model: Transformer, batch: Batch, reading: tuple[KV, Tensor] | None = None, hints: Hints | None = None
) -> Passed:
    """Read the contexts once, then every canvas of the batch. reading: of the batch's contexts, where it is at hand."""
    kv, read = at_hand = reading or read_context(model, batch.context, batch.context_visible)
    context, visible = batch.context[batch.row], batch.context_visible[batch.row]
    states = predict.canvas_states(
        model,
        past=kv.rows(batch.row),
        context=context,
        visible=visible,
        canvas=batch.canvas,
        masked=batch.masked,
        lengths=batch.lengths,
        hints=hints(model, batch, at_hand) if hints else None,
    )
    keys = model.copy.keys(read[batch.row], model.embed(context))
    return Passed(states, keys, model.actions(states[:, 1:], batch.masked), context, visible)


def wanted(batch: Batch) -> Tensor:
    """(R, L) int64: the action that leads to the target."""
    kept = ~batch.masked & (batch.canvas == batch.target)
    out = torch.full_like(batch.target, WRITTEN)
    out[kept] = KEEP
    out[batch.target == EMPTY] = EMPTIED
    return out


@dataclass(frozen=True)
class Size:
    """Parameters of the base without its vocabulary, of what is trained beside it, and of the vocabulary. own: the
    writer has matrices of its own, which are multiplied with in the base's place, not beside it."""

    base: int
    adapter: int
    vocabulary: int
    own: bool = False

    @staticmethod
    def of(model: Transformer) -> Size:
        adapter, vocabulary = sum(p.numel() for _, p in model.adapter_parameters()), model.embedding.numel()
        base = sum(p.numel() for p in model.parameters()) - adapter - vocabulary
        return Size(base, adapter, vocabulary, own=not model.config.rank)


def work(size: Size, batch: Batch) -> dict[str, float]:
    """What a training step on `batch`, still on the CPU, takes. tokens: real positions, read or on a canvas;
    supervised: positions that the loss counts, dense: their share of the canvases. tflop: 10^12 floating-point
    operations of its matrix products: one pass over the contexts; over the canvases forwards, backwards, and for the
    gradient of what is trained; the vocabulary at written positions. Attention, a few per cent, is left out."""
    read, written = int(batch.context_visible.sum()), int((batch.lengths + 1).sum())
    named = int((batch.masked | (batch.canvas != batch.target)).sum())
    trained = (2 if size.own else 6) * size.adapter  # its gradient alone, or all three products
    flop = 2 * size.base * read + (4 * size.base + trained) * written + 4 * size.vocabulary * named
    counted = float((batch.weight > 0).sum())
    figures = {"tokens": float(read + written), "tflop": flop / 1e12, "supervised": counted}
    return {**figures, "dense": counted / max(1, int(batch.lengths.sum()))}


@torch.no_grad()
def softened(model: Transformer, batch: Batch, reading: tuple[KV, Tensor]) -> Tensor:
    """(R, L, D) what masked positions become under soft masks: on top of the mask's embedding, the way from it to the
    mean of the likeliest symbols of a first pass, as the writer does it (dlm_core/write.py)."""
    passed = run(model, batch, reading)
    probability = predict.token_probability(
        model, passed.states[:, :-1], passed.keys, passed.visible, passed.context, batch.masked
    )
    hints = passed.states.new_zeros(*batch.canvas.shape, model.config.dim)
    hints[batch.masked] = predict.expected(model, probability).to(hints.dtype)
    return hints


def losses(model: Transformer, batch: Batch, hints: Hints | None = None) -> tuple[Tensor, Tensor]:
    """Weighted mean loss over all supervised positions, and the weighted mean
    over each kind of canvas (3,), in nats a position. hints: `softened` for soft masks."""
    passed = run(model, batch, hints=hints)
    action = wanted(batch)
    nats = -passed.actions.gather(-1, action[..., None])[..., 0]
    written = (action == WRITTEN) & (batch.weight > 0)
    token = predict.token_log_probability(
        model, passed.states[:, :-1], passed.keys, passed.visible, passed.context, batch.target, written
    )
    nats = nats.masked_scatter(written, nats[written] - token)
    weighted = nats * batch.weight
    with torch.no_grad():
        kinds = [
            weighted[batch.kind == k].sum() / batch.weight[batch.kind == k].sum().clamp(min=1e-6) for k in range(3)
        ]
    return weighted.sum() / batch.weight.sum(), torch.stack(kinds)
