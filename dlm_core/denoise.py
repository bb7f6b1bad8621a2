"""The reverse process: one pure step that plan and text share.

A step is given the model's logits at every position of a canvas and decides
which masked positions become visible. It knows nothing of models, kinds or
text: the plan scale calls it with a vocabulary of kinds and pointers, the text
scale with the tokenizer's. Unmasking is by confidence threshold (Fast-dLLM,
arXiv 2505.22618) under an entropy bound (EB-sampler, arXiv 2505.24857),
anywhere in an allowed window; at least `minimum` positions are committed so
that every loop ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Step:
    """What one reverse step did.

    tokens: (P,) int64, committed positions filled in, the rest as they were.
    masked: (P,) bool, positions still masked.
    committed: (P,) bool, positions this step made visible.
    confidence: (P,) float32, probability of the chosen symbol at every
        position; meaningful where `committed`.
    """

    tokens: Tensor
    masked: Tensor
    committed: Tensor
    confidence: Tensor


def step(
    *,
    logits: Tensor,
    tokens: Tensor,
    masked: Tensor,
    generator: torch.Generator,
    threshold: float | Tensor = 0.9,
    entropy_bound: float = float("inf"),
    minimum: int = 1,
    temperature: float = 0.0,
    window: Tensor | None = None,
    exclusive: Tensor | None = None,
) -> Step:
    """One reverse step over P positions with a vocabulary of V symbols.

    logits: (P, V) float; -inf forbids a symbol at a position.
    tokens: (P,) int64, the canvas; values at masked positions are ignored.
    masked: (P,) bool, the positions that are noise.
    threshold: a position whose chosen symbol has at least this probability is
        committed; a (P,) tensor gives one by role.
    entropy_bound: of the positions over the threshold, the most certain are
        committed while the sum of their entropies but the largest, in nats,
        stays under the bound (EB-sampler).
    minimum: commit at least this many (the most confident), so a loop of steps
        ends after at most P / minimum rounds.
    temperature: 0 takes the argmax; above it Gumbel noise from `generator`
        draws a sample.
    window: (P,) bool, positions that may be committed now; None is all.
    exclusive: (V,) bool, symbols that may stand on the canvas once only: ones
        already visible are forbidden, and of two positions that choose the
        same one in this step the more confident keeps it.

    Raises ValueError where a masked position has no symbol left.
    """
    logits = logits.float()
    if exclusive is not None and bool((~masked).any()):
        used = tokens[~masked]
        used = used[(used >= 0) & exclusive[used.clamp(min=0)]]
        logits = logits.clone()
        logits[:, used] = float("-inf")
    allowed = masked if window is None else masked & window
    if bool(torch.isinf(logits.max(dim=-1).values[allowed]).any()):
        raise ValueError("a masked position has no symbol it may take")

    log_probs = torch.log_softmax(logits, dim=-1)
    choice_logits = log_probs
    if temperature > 0:
        uniform = torch.rand(logits.shape, generator=generator).clamp_(1e-20, 1 - 1e-7)
        choice_logits = log_probs / temperature - torch.log(-torch.log(uniform))
    choice = choice_logits.argmax(dim=-1)  # (P,)
    confidence = log_probs.gather(-1, choice[:, None])[:, 0].exp()
    entropy = -(log_probs.exp() * log_probs.nan_to_num(neginf=0.0)).sum(-1)

    order = torch.argsort(
        torch.where(allowed, confidence, torch.full_like(confidence, -1.0)), descending=True, stable=True
    )
    order = order[allowed[order]]
    limit = torch.as_tensor(threshold, dtype=torch.float32).expand_as(confidence).tolist()
    sure, spread, symbols = confidence.tolist(), entropy.tolist(), choice.tolist()
    once = exclusive.tolist() if exclusive is not None else None
    chosen: list[int] = []
    taken: set[int] = set()
    spent = 0.0
    for position in order.tolist():
        over = sure[position] >= limit[position] and spent <= entropy_bound
        if not over and len(chosen) >= minimum:
            if exclusive is None and not isinstance(threshold, Tensor):
                break  # sorted: nothing further passes
            continue
        symbol = symbols[position]
        if once is not None and once[symbol]:
            if symbol in taken:
                continue  # its second choice is weighed again in the next step
            taken.add(symbol)
        chosen.append(position)
        spent += spread[position]
    committed = torch.zeros_like(masked)
    committed[chosen] = True
    new_tokens = torch.where(committed, choice, tokens)
    return Step(new_tokens, masked & ~committed, committed, confidence)
