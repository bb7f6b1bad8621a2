"""Sentences from tasks: edited from their evidence, or denoised from noise, and checked.

Nothing here knows of slots on a canvas: a `Task` is a context, the evidence and
what the canvas of tokens starts from; what comes back has passed its check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from dlm_core.job import REMASKS, Effort, Job
from dlm_core.model import EMPTIED, KEEP
from dlm_core.models import Models
from dlm_core.phrases import WORD, ties, words
from dlm_core.prompt import BRIEF, CLAIM, prompt
from dlm_core.trim import OUT, Span, bracketed, choose, odds_of_words, without

LONG = 22  # words: evidence longer than this is said in short
HEADING_ROOM = 12
LONGEST = 72  # canvas tokens, as in training; of longer evidence only brackets go
SHOWN_MASK = "░"
# In training a token that goes counts 2.5 times one that stays (train/draws.py), and its odds are that much too high.
TRAINED_ODDS = math.log(2.5)
RELUCTANCE = -3.0  # log-odds in nats of what the writer will still let go where something must

Progress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Task:
    """One sentence to write: its declared context, what it may say, and what its
    canvas starts from (nothing: from noise)."""

    slot: str
    context: tuple[int, ...]
    evidence: tuple[str, ...]
    source: tuple[int, ...] = ()
    known: tuple[str, ...] = ()  # titles and headings, for a heading
    remasks: int = 0  # times noise was put on this sentence for this evidence before


@dataclass(frozen=True)
class Written:
    """A sentence that passed its check, with its tokens and their commit confidence."""

    text: str
    tokens: tuple[int, ...]
    confidence: tuple[float, ...]
    remasks: int = 0  # times noise was put on it for its evidence, in all


def seeded(seed: int, *parts: object) -> torch.Generator:
    """A generator of its own for one purpose, so that work done or left undone
    elsewhere never shifts its numbers."""
    value = seed & 0x7FFFFFFF
    for part in parts:
        for byte in str(part).encode():
            value = (value * 1000003 ^ byte) & 0x7FFFFFFFFFFF
    return torch.Generator().manual_seed(value)


def sentence_task(
    slot: str, title: str, heading: str, evidence: Sequence[str], models: Models, *, short: bool = False
) -> Task:
    """The task of saying `evidence` in one sentence: in short where that is
    wanted or where it is long."""
    encode = models.writer.tokenizer.encode
    kind = BRIEF if short or len(evidence[0].split()) > LONG else CLAIM
    context = encode(prompt(title, heading, evidence, kind))
    return Task(slot, tuple(context), tuple(evidence), tuple(encode(" " + evidence[0])))


def write_texts(
    tasks: Sequence[Task],
    models: Models,
    *,
    seed: int,
    effort: Effort,
    check: Callable[[str, Task], list[str]],
    progress: Progress | None = None,
    stage: str = "write",
    tries: int = REMASKS,
    start: Mapping[str, tuple[Sequence[int], Sequence[float], list[str]]] | None = None,
) -> dict[str, Written]:
    """Written texts by slot id, those that passed `check` only.

    start: for some slots, tokens and confidence of a text that failed and its
    problems: noise goes on the trouble first, and what fails again is edited
    from its evidence anew. A sentence does not depend on what else is written
    with it.
    """
    out: dict[str, Written] = {}
    for part in models.writer.fitting([t.context for t in tasks]):
        some = [tasks[i] for i in part]
        out |= _write(some, models, seed, effort, check, progress, stage, tries, start or {})
    return out


def _write(
    tasks: Sequence[Task],
    models: Models,
    seed: int,
    effort: Effort,
    check: Callable[[str, Task], list[str]],
    progress: Progress | None,
    stage: str,
    tries: int,
    start: Mapping[str, tuple[Sequence[int], Sequence[float], list[str]]],
) -> dict[str, Written]:
    """`write_texts` of tasks whose readings can be kept together."""
    out: dict[str, Written] = {}
    failing = dict(start)
    todo = [t for t in tasks if len(t.source) <= LONGEST]
    noisy = {t.slot: _remasked(t, *failing[t.slot], models) for t in todo if t.slot in failing}
    noisy |= {t.slot: Job.blank(t.context, HEADING_ROOM) for t in todo if not t.source and t.slot not in noisy}
    # No noise goes on what is longer; what fails of it is edited once more and not again.
    spent = {t.slot: REMASKS if len(t.source) > LONGEST and t.slot in failing else t.remasks for t in tasks}
    for attempt in range(tries):
        pending = [t for t in todo if t.slot in noisy and t.slot not in out]
        # A canvas that begins as noise alone is new; any later noise on it is a remask.
        again = {t.slot: spent[t.slot] + int(attempt > 0 or t.slot in failing) for t in pending}
        pending = [t for t in pending if again[t.slot] <= REMASKS]
        if not pending or models.writer.enough():
            break
        # The first attempt is the model's best guess; later ones draw, or they would say the same again.
        careful = effort
        if attempt:
            careful = replace(effort, temperature=0.3, threshold=min(0.97, effort.threshold + 0.04))
        jobs = [replace(noisy[t.slot].copy(), generator=seeded(seed, stage, attempt, t.slot)) for t in pending]
        for task, job in zip(pending, jobs, strict=True):
            job.spent(again[task.slot])
        done = models.writer.write(
            jobs,
            effort=careful,
            progress=_showing(pending, models, progress, stage),
        )
        for task, job in zip(pending, done, strict=True):
            spent[task.slot] = job.remasks
            tokens = job.text_tokens()
            text = models.writer.tokenizer.decode(tokens).strip()
            if not any(job.masked) and not check(text, task):
                sure = tuple(round(c, 4) for c in job.confidence[: len(tokens)])
                out[task.slot] = Written(text, tuple(tokens), sure)
    edited = [t for t in tasks if t.source and t.slot not in out]
    out |= edit_texts(edited, models, effort=effort, check=check, progress=progress, stage=stage)
    out = {slot: replace(said, remasks=spent[slot]) for slot, said in out.items()}
    if progress is not None:
        progress({"stage": "read", "done": len(out), "total": len(tasks), "texts": {k: v.text for k, v in out.items()}})
    return out


def edit_texts(
    tasks: Sequence[Task],
    models: Models,
    *,
    effort: Effort,
    check: Callable[[str, Task], list[str]],
    progress: Progress | None = None,
    stage: str = "write",
) -> dict[str, Written]:
    """Each task's evidence with what its claim can do without taken out, phrase
    by phrase, until nothing more goes; by slot id, those that passed `check`.

    Where the budget is spent (`Writer.enough`), what passes stands as it is, without
    tokens and confidence: the writer did not look at it."""
    out: dict[str, Written] = {}
    texts = {t.slot: t.evidence[0] for t in tasks}
    moving = list(tasks)
    for _ in range(effort.edits):
        if not moving or models.writer.enough():
            break
        looked = models.writer.look([Job.text(t.context, _tokens(texts[t.slot], models)) for t in moving])
        going, moving = list(zip(moving, looked, strict=True)), []
        for task, actions in going:
            text = texts[task.slot]
            tokens = _tokens(text, models)
            sure = tuple(round(c, 4) for c in actions[:, KEEP].exp().tolist())
            if not check(text, task):
                out[task.slot] = Written(text, tuple(tokens), sure)
            odds = (actions[:, EMPTIED] - actions[:, KEEP] - TRAINED_ODDS).tolist()
            spans = [(a - 1, b - 1) for a, b in models.writer.tokenizer.spans(tokens)]  # the text begins with a space
            weights = odds_of_words(text, spans, odds)
            if len(tokens) > LONGEST:  # longer than all it learned from: it lets go what it should not
                weights = [w if b else OUT for w, b in zip(weights, bracketed(text), strict=True)]

            def passes(rest: str, task: Task = task) -> bool:
                return not check(rest, task)

            if task.slot in out:
                cuts = choose(text, weights, passes, cost=_logit(effort.sure), keep_points=True)
            else:
                cuts = _needed(text, weights, passes)
            if cuts:
                texts[task.slot] = without(text, cuts)
                moving.append(task)
        if progress is not None and moving:
            progress({"stage": stage, "done": len(tasks) - len(moving), "total": len(tasks), "texts": dict(texts)})
    if models.writer.enough():
        unseen = [t for t in moving if t.slot not in out and not check(texts[t.slot], t)]
        return out | {t.slot: Written(texts[t.slot], (), ()) for t in unseen}
    # The budget of looks is spent; what was cut has passed the check.
    left = [_tokens(texts[t.slot], models) for t in moving]
    looked = models.writer.look([Job.text(t.context, row) for t, row in zip(moving, left, strict=True)])
    for task, row, actions in zip(moving, left, looked, strict=True):
        sure = tuple(round(c, 4) for c in actions[:, KEEP].exp().tolist())
        out[task.slot] = Written(texts[task.slot], tuple(row), sure)
    return out


def _needed(text: str, weights: Sequence[float], passes: Callable[[str], bool]) -> list[Span]:
    """The cut without which a sentence cannot stand: the "also" that ties it to the one before, else what the writer
    would soonest let go."""
    found = words(text)
    alone = [m.span() for i, m in enumerate(WORD.finditer(text)) if ties(found, i)]
    tie = next((span for span in alone if passes(without(text, [span]))), None)
    return [tie] if tie else choose(text, weights, passes, cost=RELUCTANCE, most=1)


def _tokens(text: str, models: Models) -> list[int]:
    return models.writer.tokenizer.encode(" " + text)


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _remasked(task: Task, tokens: Sequence[int], confidence: Sequence[float], found: list[str], models: Models) -> Job:
    """A canvas with the failing text on it and noise on the words its problems
    name and their neighbours; the evidence instead where none or most are named."""
    text = models.writer.tokenizer.decode(tokens)
    named = {w.lower() for p in found for quoted in p.split("“")[1:] for w in words(quoted.split("”")[0])}
    spans = models.writer.tokenizer.spans(tokens)
    said = [(m.start(), m.end()) for m in WORD.finditer(text) if m.group().lower() in named]
    bad = {i for i, (a, b) in enumerate(spans) if any(a < e and s < b for s, e in said)}
    if not bad or len(bad) > len(tokens) // 2:
        return Job.text(task.context, task.source)
    job = Job.text(task.context, tokens)
    job.confidence = list(confidence)
    job.mask(sorted({j for i in bad for j in (i - 1, i, i + 1) if 0 <= j < len(tokens)}))
    return job


def _showing(
    tasks: Sequence[Task], models: Models, progress: Progress | None, stage: str
) -> Callable[[list[Job]], None] | None:
    if progress is None:
        return None

    # Jobs come in any number: those that are being written again are some of the tasks.
    slot_of = {task.context: task.slot for task in tasks}

    def show(jobs: list[Job]) -> None:
        shades = {slot_of[job.context]: _shades(job, models) for job in jobs if job.context in slot_of}
        texts = {slot: "".join(text for text, _ in pieces).strip() for slot, pieces in shades.items()}
        done = sum(not any(j.masked) for j in jobs)
        progress({"stage": stage, "done": done, "total": len(jobs), "texts": texts, "shades": shades})

    return show


def _shades(job: Job, models: Models) -> list[tuple[str, float | None]]:
    """The canvas in pieces for showing: text with its commit confidence to one
    digit, or a mask with None."""
    out: list[tuple[str, float | None]] = []
    run: list[int] = []
    sure = 0.0
    for token, hidden, c in zip(job.tokens, job.masked, job.confidence, strict=True):
        if run and (hidden or round(c, 1) != sure):
            text = models.writer.tokenizer.decode(run)
            if hidden or not text.endswith("\ufffd"):  # a character may be parted between two tokens
                out.append((text, sure))
                run = []
        if hidden:
            out.append((SHOWN_MASK, None))
        else:
            sure = sure if run else round(c, 1)
            run.append(token)
    return [*out, (models.writer.tokenizer.decode(run), sure)] if run else out
