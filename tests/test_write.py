"""The writer: canvases settle, what is fixed stays, and no row depends on its company."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from dlm_core.job import Effort, Job
from dlm_core.model import Transformer
from dlm_core.tokenizer import EMPTY, SPECIAL, TextTokenizer
from dlm_core.write import Writer
from tests.test_model import tiny

WORDS = Tokenizer(models.WordLevel({f"w{i}": i for i in range(97)}, unk_token="w20"))
WORDS.pre_tokenizer = pre_tokenizers.Whitespace()


def writer(dtype: torch.dtype = torch.float32, seed: int = 0) -> Writer:
    model: Transformer = tiny(seed)
    return Writer(model.to(dtype), TextTokenizer(WORDS))


def drawn(rng: random.Random, least: int, most: int) -> list[int]:
    return [rng.randrange(SPECIAL, 97) for _ in range(rng.randrange(least, most))]


def jobs(seed: int, count: int) -> list[Job]:
    """Canvases of all three beginnings, with a generator of their own."""
    rng = random.Random(seed)
    out = []
    for n in range(count):
        context = drawn(rng, 5, 90)
        if n % 3 == 0:
            job = Job.blank(context, rng.randrange(4, 30))
        else:
            tokens = drawn(rng, 3, 40)
            fixed = [rng.random() < 0.3 for _ in tokens]
            job = Job.text(context, tokens, fixed)
            if n % 3 == 2:
                job.mask([p for p in range(len(tokens)) if not fixed[p] and rng.random() < 0.5])
        out.append(replace(job, generator=torch.Generator().manual_seed(n)))
    return out


@given(st.integers(0, 10_000), st.floats(0.05, 0.95), st.floats(0, 1))
@settings(max_examples=12, deadline=None)
def test_every_canvas_settles_and_fixed_tokens_stay(seed: int, sure: float, temperature: float) -> None:
    made = jobs(seed, 7)
    held = [[t for t, f in zip(j.tokens, j.fixed, strict=True) if f] for j in made]
    writer(seed=seed % 5).denoise(made, effort=Effort(sure=sure, temperature=temperature))
    for job, fixed in zip(made, held, strict=True):
        assert not any(job.masked) and EMPTY not in job.tokens
        assert [t for t, f in zip(job.tokens, job.fixed, strict=True) if f] == fixed
        columns = (job.tokens, job.masked, job.confidence, job.fixed, job.written)
        assert len({len(c) for c in columns}) == 1
        assert all(0 <= c <= 1 for c in job.confidence)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_a_canvas_does_not_depend_on_its_company(dtype: torch.dtype, temperature: float) -> None:
    """The same sentence, looked at, read and written alone or among thirty others: bit for bit the same."""
    effort = Effort(temperature=temperature)
    many = jobs(3, 30)
    crowd = writer(dtype)
    seen, written = crowd.look(many), crowd.write([j.copy() for j in many], effort=effort)
    for n in (0, 1, 2, 29):
        one = writer(dtype)
        (job,) = (j for i, j in enumerate(jobs(3, 30)) if i == n)
        assert torch.equal(one.look([job])[0], seen[n])
        (alone,) = one.write([job], effort=effort)
        assert alone.tokens == written[n].tokens
        assert alone.confidence == written[n].confidence
        assert alone.reading == written[n].reading


def test_room_opens_where_words_are_written_anew_and_goes_where_it_stays_empty() -> None:
    job = Job.text([20, 21], [30, 31, 32])
    job.mask([1])
    job.open(2, 3)
    assert job.masked == [False, True, True, True, True, False] and len(job.tokens) == 6
    job.drop({2, 3, 4})
    assert job.tokens[0] == 30 and job.tokens[-1] == 32 and len(job.fixed) == 3
