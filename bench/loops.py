"""The decoding loops that the revision engine is compared with, on the same weights.

- `flat`: one sequence, the prompt and all masks; every step computes all of it
  and commits the most confident token (LLaDA's reference, arXiv 2502.09992)
- `cached`: blocks from left to right; a full pass keeps keys and values of
  everything, then steps compute the block alone, between the kept prefix and the
  kept suffix (the dual cache of Fast-dLLM, arXiv 2505.22618), or the block and
  what follows it (its prefix cache)
- `transformers_generate`: the causal base by Hugging Face's own loop

The causal base by our transformer is bench/causal.py. All run base plus adapter
as the engine does, predictions shifted by one. Where a loop could be written to
cost more or less, it costs less here: the vocabulary is asked for masked positions
only. What they write is not compared: these weights were never trained to fill a
whole report as one sequence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlm_core.denoise import step
from dlm_core.model import KV, Transformer
from dlm_core.tokenizer import END

BLOCK = 32


@dataclass(frozen=True)
class Loop:
    """tokens: what was written. steps: denoising steps done. positions: how many
    positions went through the transformer."""

    tokens: list[int]
    steps: int
    positions: int


def _commit(model: Transformer, states: Tensor, tokens: Tensor, masked: Tensor, threshold: float) -> Tensor:
    """One reverse step over P positions, in place: states (P, D) predict `tokens` (P,)
    where `masked`; gives back which are masked still."""
    places = masked.nonzero()[:, 0]
    logits = model.logits(states[places]).float()
    logits[:, END] = float("-inf")  # so that every loop writes as many tokens as it was asked for
    none = torch.zeros(len(places), dtype=torch.bool)
    done = step(logits=logits, tokens=tokens[places], masked=~none, generator=torch.Generator(), threshold=threshold)
    tokens[places] = done.tokens
    left = masked.clone()
    left[places] = done.masked
    return left


@torch.no_grad()
def flat(
    model: Transformer, prompt: Sequence[int], length: int, *, threshold: float = 2.0, most: int | None = None
) -> Loop:
    """Fill `length` masks behind the prompt. threshold above 1: one token a step. most: steps to do, all if None."""
    tokens, masked, positions, visible = _canvas(prompt, length)
    begin, total, steps = len(prompt), len(prompt) + length, 0
    while bool(masked.any()) and (most is None or steps < most):
        states, _ = model(
            model.embed(tokens[None], masked[None]), positions=positions, visible=visible, causal=False, adapter=True
        )
        masked[begin:] = _commit(model, states[0, begin - 1 : -1], tokens[begin:], masked[begin:], threshold)
        steps += 1
    return Loop(tokens[begin:].tolist(), steps, steps * total)


@torch.no_grad()
def cached(
    model: Transformer,
    prompt: Sequence[int],
    length: int,
    *,
    threshold: float = 2.0,
    block: int = BLOCK,
    dual: bool = True,
    most: int | None = None,
) -> Loop:
    """Fill `length` masks block by block. dual: keep the suffix too; else the prefix alone. most: blocks to do."""
    tokens, masked, positions, visible = _canvas(prompt, length)
    total, steps, done = len(tokens), 0, 0
    for count, begin in enumerate(range(len(prompt), total, block)):
        if count == most:
            break
        end = min(begin + block, total)
        states, kept = model(
            model.embed(tokens[None], masked[None]),
            positions=positions,
            visible=visible,
            causal=False,
            adapter=True,
            keep=True,
        )
        assert kept is not None
        masked[begin:end] = _commit(
            model, states[0, begin - 1 : end - 1], tokens[begin:end], masked[begin:end], threshold
        )
        steps, done = steps + 1, done + total
        # The state before the block predicts its first token, so it belongs to the part that is computed anew.
        first, last = begin - 1, end if dual else total
        past = _without(kept, first, last)
        while bool(masked[begin:end].any()):
            states, _ = model(
                model.embed(tokens[None, first:last], masked[None, first:last]),
                positions=positions[:, first:last],
                visible=visible[:, first:last],
                causal=False,
                adapter=True,
                past=past,
            )
            masked[begin:end] = _commit(
                model, states[0, : end - begin], tokens[begin:end], masked[begin:end], threshold
            )
            steps, done = steps + 1, done + last - first
    return Loop(tokens[len(prompt) :].tolist(), steps, done)


def _canvas(prompt: Sequence[int], length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(tokens, masked), each (S,), and (positions, visible), each (1, S)."""
    tokens = torch.tensor([*prompt, *[END] * length])
    masked = torch.arange(len(tokens)) >= len(prompt)
    positions = torch.arange(len(tokens))[None]
    return tokens, masked, positions, torch.ones_like(positions, dtype=torch.bool)


def _without(kept: KV, first: int, last: int) -> KV:
    """What is kept, less the places from `first` to before `last`."""

    def cut(rows: list[Tensor]) -> list[Tensor]:
        return [torch.cat((t[:, :, :first], t[:, :, last:]), dim=2) for t in rows]

    seen = torch.cat((kept.visible[:, :first], kept.visible[:, last:]), dim=1)
    return replace(kept, keys=cut(kept.keys), values=cut(kept.values), visible=seen)


def transformers_model(folder: Path, dtype: torch.dtype) -> Any:
    """The base as Hugging Face's Llama, from a folder that checkpoint.converted made."""
    from transformers import LlamaConfig, LlamaForCausalLM

    raw = json.loads((folder / "config.json").read_text())
    config = LlamaConfig(**raw, bos_token_id=1, eos_token_id=END, pad_token_id=END)
    return LlamaForCausalLM.from_pretrained(folder, config=config, dtype=dtype).eval()


@torch.no_grad()
def transformers_generate(model: Any, contexts: Sequence[Sequence[int]], room: Sequence[int]) -> list[list[int]]:
    """`room[i]` tokens behind each context, greedily, as one left-padded batch."""
    width = max(map(len, contexts))
    tokens = torch.full((len(contexts), width), END)
    visible = torch.zeros(tokens.shape, dtype=torch.long)
    for i, row in enumerate(contexts):
        tokens[i, width - len(row) :] = torch.tensor(list(row))
        visible[i, width - len(row) :] = 1
    longest = max(room)
    made = model.generate(
        tokens, attention_mask=visible, max_new_tokens=longest, min_new_tokens=longest, do_sample=False
    )
    return [row[width : width + n].tolist() for row, n in zip(made, room, strict=True)]
