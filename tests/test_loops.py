"""The peers of the speed bench: each does the work that its paper counts, and fills every mask."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.loops import cached, flat
from dlm_core.model import Transformer
from dlm_core.tokenizer import END
from tests.test_model import tiny

PROMPT = [40, 41, 42, 43, 44]


def naive(model: Transformer, length: int) -> list[int]:
    """The most confident token of a whole pass, one after the other, nothing kept."""
    tokens, masked = torch.tensor([*PROMPT, *[END] * length]), torch.tensor([False] * len(PROMPT) + [True] * length)
    for _ in range(length):
        states, _ = model(
            model.embed(tokens[None], masked[None]),
            positions=torch.arange(len(tokens))[None],
            visible=torch.ones(1, len(tokens), dtype=torch.bool),
            causal=False,
            adapter=True,
        )
        logits = model.logits(states[0, :-1]).float()
        logits[:, END] = float("-inf")
        sure, best = torch.softmax(logits, -1).max(-1)
        at = int(torch.where(masked[1:], sure, -1.0).argmax()) + 1
        tokens[at], masked[at] = best[at - 1], False
    return tokens[len(PROMPT) :].tolist()


@given(st.integers(0, 1000), st.integers(1, 12))
@settings(max_examples=10, deadline=None)
def test_the_flat_loop_is_the_reference(seed: int, length: int) -> None:
    model = tiny(seed)
    with torch.no_grad():
        made = flat(model, PROMPT, length)
        assert made.tokens == naive(model, length)
    assert (made.steps, made.positions) == (length, length * (len(PROMPT) + length))


@given(st.integers(0, 1000), st.integers(1, 20), st.integers(1, 9))
@settings(max_examples=10, deadline=None)
def test_the_caches_spare_what_they_say(seed: int, length: int, block: int) -> None:
    model = tiny(seed)
    total = len(PROMPT) + length
    for dual in (True, False):
        made = cached(model, PROMPT, length, block=block, dual=dual)
        assert made.steps == length and len(made.tokens) == length and END not in made.tokens
        spared = 0
        for begin in range(len(PROMPT), total, block):
            end = min(begin + block, total)
            part = (end if dual else total) - begin + 1
            spared += total + (end - begin - 1) * part
        assert made.positions == spared


def test_the_first_step_of_a_block_is_a_whole_pass() -> None:
    """With one token a block nothing is ever stale, so the cached loop writes what a left-to-right flat one writes."""
    model, made = tiny(3), cached(tiny(3), PROMPT, 6, block=1)
    tokens = torch.tensor([*PROMPT, *[END] * 6])
    for at in range(len(PROMPT), len(tokens)):
        with torch.no_grad():
            states, _ = model(
                model.embed(tokens[None], (torch.arange(len(tokens)) >= at)[None]),
                positions=torch.arange(len(tokens))[None],
                visible=torch.ones(1, len(tokens), dtype=torch.bool),
                causal=False,
                adapter=True,
            )
            logits = model.logits(states[0, at - 1])
            logits[END] = float("-inf")
            tokens[at] = logits.argmax()
    assert made.tokens == tokens[len(PROMPT) :].tolist()


def test_what_surely_stands_is_committed_together() -> None:
    model = tiny(1)
    one, many = cached(model, PROMPT, 16, block=8), cached(model, PROMPT, 16, block=8, threshold=0.02)
    assert many.steps < one.steps == 16 and many.positions < one.positions
    part = flat(model, PROMPT, 16, most=3)
    assert part.steps == 3 and part.tokens.count(END) == 13
