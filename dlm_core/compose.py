"""Slots to sentences: write, check, write again, fall back.

A claim is written from its own evidence by masked denoising, read by the base,
remasked where it reads badly, and then checked by code (`support.problems`).
What fails is remasked where the trouble is, then written anew, and after
`TRIES` attempts becomes a sentence of its evidence: a claim is never shipped
wrong. Headings and summary sentences go the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.models import Models
from dlm_core.pool import Pool
from dlm_core.prompt import BRIEF, CLAIM, HEADING, prompt
from dlm_core.support import heading_problems, problems, words
from dlm_core.write import Effort, Job

TRIES = 3  # a position is remasked at most this often per piece of new evidence
ROOM = 4  # canvas tokens beyond the evidence's own length
HEADING_ROOM = 12
LONGEST = 72  # canvas tokens; what is longer falls back to its evidence
SHOWN_MASK = "░"

Progress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Task:
    """One sentence to write: its declared context and what it may say."""

    slot: str
    context: tuple[int, ...]
    room: int
    evidence: tuple[str, ...]
    known: tuple[str, ...] = ()  # titles and headings, for a heading


def seeded(seed: int, *parts: object) -> torch.Generator:
    """A generator of its own for one purpose, so that work done or left undone
    elsewhere never shifts its numbers."""
    value = seed & 0x7FFFFFFF
    for part in parts:
        for byte in str(part).encode():
            value = (value * 1000003 ^ byte) & 0x7FFFFFFFFFFF
    return torch.Generator().manual_seed(value)


def claim_task(slot: Slot, pool: Pool, models: Models) -> Task:
    """The writing task of a claim: its first evidence leads."""
    first = pool.evidence[slot.pointers[0]]
    texts = pool.texts(slot.pointers)
    encode = models.writer.tokenizer.encode
    context = encode(prompt(pool.title(first.id), first.heading, texts, CLAIM))
    return Task(slot.id, tuple(context), len(encode(" " + texts[0])) + ROOM, tuple(texts))


def write_texts(
    tasks: Sequence[Task],
    models: Models,
    *,
    seed: int,
    effort: Effort,
    check: Callable[[str, Task], list[str]],
    progress: Progress | None = None,
    stage: str = "write",
    tries: int = TRIES,
    start: Mapping[str, tuple[Sequence[int], Sequence[float], list[str]]] | None = None,
) -> dict[str, tuple[str, tuple[int, ...], tuple[float, ...]]]:
    """Written texts by slot id, those that passed `check` only:
    (text, tokens, commit confidence).

    start: for some slots, tokens and confidence of a text that failed and its
    problems; the first try then remasks only where the trouble is.
    """
    out: dict[str, tuple[str, tuple[int, ...], tuple[float, ...]]] = {}
    failed: dict[str, tuple[list[int], list[float], list[str]]] = {
        k: (list(t), list(c), list(p)) for k, (t, c, p) in (start or {}).items()
    }
    todo = [t for t in tasks if t.room <= LONGEST]
    for attempt in range(tries):
        if not todo:
            break
        pending, todo = todo, []
        jobs = [
            _remask(t, *failed[t.slot], models) if t.slot in failed and attempt < 2 else Job.blank(t.context, t.room)
            for t in pending
        ]
        # The first attempt is the model's best guess; later ones draw, or they would say the same again.
        careful = (
            effort if attempt == 0 else replace(effort, temperature=0.3, threshold=min(0.97, effort.threshold + 0.04))
        )
        done = models.writer.write(
            jobs,
            effort=careful,
            generator=seeded(seed, stage, attempt),
            progress=_showing(pending, models, progress, stage),
        )
        for task, job in zip(pending, done, strict=True):
            tokens = job.text_tokens()
            text = models.writer.tokenizer.decode(tokens).strip()
            found = check(text, task)
            if found:
                failed[task.slot] = (tokens, job.confidence[: len(tokens)], found)
                todo.append(task)
            else:
                out[task.slot] = (text, tuple(tokens), tuple(round(c, 4) for c in job.confidence[: len(tokens)]))
        if progress is not None:
            progress(
                {"stage": "read", "done": len(out), "total": len(tasks), "texts": {k: v[0] for k, v in out.items()}}
            )
    return out


def _remask(task: Task, tokens: list[int], confidence: list[float], found: list[str], models: Models) -> Job:
    """A canvas with noise on the words a problem names and on their neighbours;
    all noise where none can be found."""
    job = Job.blank(task.context, task.room)
    text = models.writer.tokenizer.decode(tokens)
    named = {w.lower() for p in found for quoted in p.split("“")[1:] for w in words(quoted.split("”")[0])}
    spans = models.writer.tokenizer.spans(tokens)
    bad = {i for i, (a, b) in enumerate(spans) if text[a:b].strip().lower() in named}
    if not bad or len(bad) > len(tokens) // 2:
        return job
    near = {j for i in bad for j in (i - 1, i, i + 1)}
    for i, token in enumerate(tokens[: task.room - 1]):
        if i not in near:
            job.tokens[i], job.masked[i], job.confidence[i] = token, False, confidence[i]
    return job


def _showing(
    tasks: Sequence[Task], models: Models, progress: Progress | None, stage: str
) -> Callable[[list[Job]], None] | None:
    if progress is None:
        return None

    def show(jobs: list[Job]) -> None:
        texts = {}
        for task, job in zip(tasks, jobs, strict=False):
            pieces: list[str] = []
            run: list[int] = []
            for token, hidden in zip(job.tokens, job.masked, strict=True):
                if hidden:
                    pieces.append(models.writer.tokenizer.decode(run) + SHOWN_MASK)
                    run = []
                else:
                    run.append(token)
            texts[task.slot] = ("".join(pieces) + models.writer.tokenizer.decode(run)).strip()
        progress({"stage": stage, "done": sum(not any(j.masked) for j in jobs), "total": len(jobs), "texts": texts})

    return show


def verbatim(slot: Slot, task: Task, models: Models, text: str) -> Slot:
    """The slot holding `text` as it stands in its evidence; confidence is the
    base's own probability of each token."""
    tokens = models.writer.tokenizer.encode(" " + text)
    reading = models.writer.read([(task.context, tokens)])[0]
    return replace(
        slot,
        text=text,
        tokens=tuple(tokens),
        confidence=tuple(round(math.exp(r), 4) for r in reading),
        origin="evidence",
    )


def _origin(text: str, evidence: Sequence[str]) -> str:
    return "evidence" if any(text in e for e in evidence) else "model"


def write_claims(
    canvas: Canvas,
    ids: Sequence[str],
    pool: Pool,
    models: Models,
    *,
    seed: int,
    effort: Effort,
    age: int,
    progress: Progress | None = None,
    failing: dict[str, list[str]] | None = None,
) -> Canvas:
    """The canvas with the claims `ids` written. failing: problems by slot id of
    texts that stand but may not; their first try remasks only the trouble."""
    slots = {i: canvas.slot(i) for i in ids if not canvas.slot(i).pinned}
    tasks = {i: claim_task(s, pool, models) for i, s in slots.items()}
    start = {
        i: (slots[i].tokens, slots[i].confidence, found)
        for i, found in (failing or {}).items()
        if i in slots and slots[i].tokens
    }
    written = write_texts(
        list(tasks.values()),
        models,
        seed=seed,
        effort=effort,
        check=lambda text, t: problems(text, t.evidence),
        progress=progress,
        start=start,
    )
    changed = {}
    for i, slot in slots.items():
        if i in written:
            text, tokens, confidence = written[i]
            changed[i] = replace(
                slot, text=text, tokens=tokens, confidence=confidence, origin=_origin(text, tasks[i].evidence), age=age
            )
        else:
            changed[i] = replace(verbatim(slot, tasks[i], models, tasks[i].evidence[0]), age=age)
    return canvas.with_slots(changed)


def write_headings(
    canvas: Canvas, pool: Pool, models: Models, *, seed: int, effort: Effort, age: int, progress: Progress | None = None
) -> Canvas:
    """The canvas with every section that has no heading given one."""
    tasks, sources, taken = {}, {}, {h.text.lower() for h, _ in canvas.sections() if h.text}
    for head, body in canvas.sections():
        cited = list(dict.fromkeys(s.pointers[0] for s in body if s.pointers))
        if head.text or not cited:
            continue
        encode = models.writer.tokenizer.encode
        title = pool.title(cited[0])
        context = encode(prompt(title, "", pool.texts(cited[:3]), HEADING))
        known = [t for e in cited for t in (pool.title(e), pool.evidence[e].heading)]
        tasks[head.id] = Task(head.id, tuple(context), HEADING_ROOM, tuple(pool.texts(cited)), tuple(known))
        sources[head.id] = cited
    written = write_texts(
        list(tasks.values()),
        models,
        seed=seed,
        effort=effort,
        progress=progress,
        stage="heading",
        tries=2,
        check=lambda text, t: heading_problems(text, t.evidence, t.known),
    )
    changed = {}
    for i, task in tasks.items():
        text, tokens, confidence = written.get(i, ("", (), ()))
        text, origin = _capital(text), "model"
        best = _best_heading(text, sources[i], pool, models, taken, canvas.question)
        if best != text:
            text, origin = best, "evidence"
            tokens = tuple(models.writer.tokenizer.encode(" " + text))
            reading = models.writer.read([(task.context, tokens)])[0]
            confidence = tuple(round(math.exp(r), 4) for r in reading)
        taken.add(text.lower())
        changed[i] = replace(canvas.slot(i), text=text, tokens=tokens, confidence=confidence, origin=origin, age=age)
    return canvas.with_slots(changed)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _best_heading(
    written: str, cited: Sequence[str], pool: Pool, models: Models, taken: set[str], question: str
) -> str:
    """The heading nearest to what the section says: the one the model wrote, or
    one its evidence stands under (heading or title of the source). A single
    word, or what is near to a heading already there, must be nearer to win."""
    offered = [written, *(pool.evidence[e].heading.strip() for e in cited), *(pool.title(e).strip() for e in cited)]
    names = [
        n
        for n in dict.fromkeys(offered)
        if n and n.lower() not in taken and (n == written or not heading_problems(n, [n]))
    ]
    if not names:
        number = 2
        stem = next((pool.title(e).strip() for e in cited if pool.title(e).strip()), question.rstrip("?"))
        while f"{stem} ({number})".lower() in taken:
            number += 1
        return stem if stem.lower() not in taken else f"{stem} ({number})"
    vectors = models.embedder([*names, *sorted(taken)])
    centre = pool.vectors[[pool.row(e) for e in cited]].mean(0)
    scores = []
    for n, name in enumerate(names):
        near = float(vectors[n] @ centre)
        others = [float(vectors[n] @ v) for v in vectors[len(names) :]]
        scores.append(
            near - (0.1 if len(name.split()) == 1 else 0.0) - (0.2 if max(others, default=0.0) > 0.85 else 0.0)
        )
    return names[scores.index(max(scores))]


def write_summary(
    canvas: Canvas,
    pool: Pool,
    models: Models,
    *,
    seed: int,
    effort: Effort,
    age: int,
    most: int = 4,
    progress: Progress | None = None,
) -> Canvas:
    """The canvas with one summary sentence for the claim of each section that
    speaks most of the question. Sentences whose claim stands unchanged stay."""
    question = models.embedder([canvas.question])[0]
    chosen: list[Slot] = []
    for _, body in canvas.sections():
        claims = [s for s in body if s.kind == Kind.CLAIM and s.text and not s.disputed] or [s for s in body if s.text]
        if claims:
            chosen.append(
                max(
                    claims, key=lambda s: float(pool.vectors[pool.row(s.pointers[0])] @ question) if s.pointers else 0.0
                )
            )
    chosen = chosen[:most]
    held = {s.pointers[0]: s for s in canvas.summary}
    by_id = {s.id: s for s in canvas.claims()}
    # A sentence stays while its claim stands as it was when the sentence was written.
    stays = {c: s for c, s in held.items() if c in by_id and by_id[c].age <= s.age and by_id[c].text}
    home = {b.id: head.id for head, body in canvas.sections() for b in body}
    slots, tasks = [], {}
    canvas, ids = canvas.fresh_ids(len(chosen))
    for name, claim in zip(ids, chosen, strict=True):
        old = next((s for c, s in stays.items() if home.get(c) == home[claim.id]), None)
        if old is not None:
            slots.append(old)
            continue
        encode = models.writer.tokenizer.encode
        first = pool.evidence[claim.pointers[0]] if claim.pointers else None
        context = encode(
            prompt(pool.title(first.id) if first else "", first.heading if first else "", [claim.text], BRIEF)
        )
        slots.append(Slot(id=name, kind=Kind.CLAIM, pointers=(claim.id,), age=age))
        tasks[name] = Task(name, tuple(context), len(encode(" " + claim.text)) + ROOM, (claim.text,))
    written = write_texts(
        list(tasks.values()),
        models,
        seed=seed,
        effort=effort,
        progress=progress,
        stage="summary",
        tries=2,
        check=lambda text, t: problems(text, t.evidence),
    )
    done = []
    for slot in slots:
        if slot.id in written:
            text, tokens, confidence = written[slot.id]
            done.append(
                replace(
                    slot, text=text, tokens=tokens, confidence=confidence, origin=_origin(text, tasks[slot.id].evidence)
                )
            )
        elif slot.id in tasks:
            done.append(verbatim(slot, tasks[slot.id], models, tasks[slot.id].evidence[0]))
        else:
            done.append(slot)
    return replace(canvas, summary=tuple(done))
