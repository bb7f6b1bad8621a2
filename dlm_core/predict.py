"""The writer's distribution over a canvas, the same for training and for writing.

A canvas goes through base plus adapter behind its context's last token (the
anchor). Token predictions are shifted by one: the state at position i - 1
predicts token i, as the causal base does (Dream, arXiv 2508.15487). What becomes of a
position, kept, emptied or written, is read from the state at the position itself.

Shapes: B rows, S context positions, L canvas positions, D width, V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dlm_core.model import KV, Transformer

ROWS = 32
LIKELY = 4  # symbols that a soft mask is mixed of


def canvas_states(
    model: Transformer,
    *,
    past: KV,
    context: Tensor,
    visible: Tensor,
    canvas: Tensor,
    masked: Tensor,
    lengths: Tensor,
    hints: Tensor | None = None,
) -> Tensor:
    """Writer states (B, L + 1, D): the anchor's first, then each canvas position's.

    past: kept reading of `context` (B, S) int64, whose rows are padded on the
    left where `visible` (B, S) is False. canvas (B, L) int64, masked (B, L)
    bool; lengths (B,) int64 canvas positions in use, from the left. hints
    (B, L, D) are added to the embeddings of the canvas.
    """
    tokens = torch.cat((context[:, -1:], canvas), dim=1)
    hidden = F.pad(masked, (1, 0))
    place = torch.arange(tokens.shape[1], device=tokens.device)[None]
    seen = place <= lengths[:, None]
    # The anchor repeats the context's last token, which is hidden among the kept ones.
    kept = KV(past.keys, past.values, torch.cat((visible[:, :-1], torch.zeros_like(visible[:, -1:])), dim=1))
    positions = visible.sum(-1, keepdim=True) - 1 + place
    x = model.embed(tokens, hidden)
    if hints is not None:
        x = x + F.pad(hints, (0, 0, 1, 0))
    out, _ = model(x, positions=positions, visible=seen, causal=False, adapter=True, past=kept)
    return out


def token_log_probability(
    model: Transformer, states: Tensor, keys: Tensor, visible: Tensor, context: Tensor, target: Tensor, where: Tensor
) -> Tensor:
    """log p(target) at the positions `where` (B, L) bool: (P,) float32, the
    vocabulary mixed with copying. states (B, L, D) predict the positions; keys
    (B, S, copy_dim) are the copying head's."""
    copied, gate = model.copy(states, keys, visible)  # (B, L, S), (B, L)
    match = context[:, None, :] == target[:, :, None]
    copy_log = torch.logsumexp(copied.masked_fill(~match, -1e4), dim=-1)[where]
    vocab_log = -F.cross_entropy(model.logits(states[where]).float(), target[where], reduction="none")
    g = gate[where]
    return torch.logaddexp(F.logsigmoid(-g) + vocab_log, F.logsigmoid(g) + copy_log)


def even_logits(model: Transformer, states: Tensor) -> Tensor:
    """(P, D) -> (P, V) float32 vocabulary logits. A handful of rows takes another
    path through a matrix product than many, and its last bits with it, so rows are
    filled up to a multiple of ROWS."""
    count = len(states)
    return model.logits(F.pad(states, (0, 0, 0, -count % ROWS))).float()[:count]


def token_probability(
    model: Transformer, states: Tensor, keys: Tensor, visible: Tensor, context: Tensor, where: Tensor
) -> Tensor:
    """Probability (P, V) float32 at the positions `where` (B, L): vocabulary mixed with copying."""
    copied, gate = model.copy(states, keys, visible)
    g = torch.sigmoid(gate[where])[:, None]
    probability = torch.softmax(even_logits(model, states[where]), dim=-1) * (1 - g)
    row = torch.arange(states.shape[0], device=states.device)[:, None].expand_as(where)[where]
    return probability.scatter_add_(1, context[row], copied[where].exp() * g)


def expected(model: Transformer, probability: Tensor) -> Tensor:
    """(P, V) -> (P, D): from the mask's embedding to the mean one of the LIKELY likeliest symbols, as far as they are
    likely (Soft-Masked Diffusion, arXiv 2510.17206)."""
    share, symbol = probability.topk(min(LIKELY, probability.shape[-1]), dim=-1)
    toward = model.embed(symbol).float() - model.mask_embedding.float()  # (P, LIKELY, D)
    return (share[..., None] * toward).sum(1).to(model.embedding.dtype)
