"""Slots to sentences: claims, headings and the summary of a canvas.

A claim's canvas starts from its evidence. The writer says of every token how
likely it goes, whole phrases go (trim.py) and code checks what is left
(`support.problems`). A text that stands and fails gets noise on its trouble and
is denoised; what fails again becomes a sentence of its evidence: a claim is
never shipped wrong. Summary sentences go the same way; headings are written
from noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.job import Effort
from dlm_core.models import Models
from dlm_core.pool import Pool
from dlm_core.prompt import HEADING, prompt
from dlm_core.sentences import Progress, Task, Written, seeded, sentence_task, write_texts
from dlm_core.support import heading_problems, problems

__all__ = ["Progress", "claim_task", "seeded", "verbatim", "write_claims", "write_headings", "write_summary"]


def claim_task(slot: Slot, pool: Pool, models: Models) -> Task:
    """The writing task of a claim: its first evidence leads."""
    first = pool.evidence[slot.pointers[0]]
    return sentence_task(slot.id, pool.title(first.id), first.heading, pool.texts(slot.pointers), models)


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


def _filled(slot: Slot, said: Written, evidence: Sequence[str]) -> Slot:
    origin = "evidence" if any(said.text in e for e in evidence) else "model"
    return replace(slot, text=said.text, tokens=said.tokens, confidence=said.confidence, origin=origin)


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
            changed[i] = replace(_filled(slot, written[i], tasks[i].evidence), age=age)
        elif not problems(tasks[i].evidence[0], tasks[i].evidence):
            changed[i] = replace(verbatim(slot, tasks[i], models, tasks[i].evidence[0]), age=age)
    lost = {i for i in slots if i not in changed}  # evidence that could not be mended
    canvas = canvas.with_slots(changed)
    return replace(canvas, slots=tuple(s for s in canvas.slots if s.id not in lost)) if lost else canvas


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
        tasks[head.id] = Task(head.id, tuple(context), tuple(pool.texts(cited)), known=tuple(known))
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
        said = written.get(i, Written("", (), ()))
        text, tokens, confidence, origin = _capital(said.text), said.tokens, said.confidence, "model"
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
        first = pool.evidence[claim.pointers[0]] if claim.pointers else None
        title, heading = (pool.title(first.id), first.heading) if first else ("", "")
        slots.append(Slot(id=name, kind=Kind.CLAIM, pointers=(claim.id,), age=age))
        tasks[name] = sentence_task(name, title, heading, [claim.text], models, short=True)
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
            done.append(_filled(slot, written[slot.id], tasks[slot.id].evidence))
        elif slot.id in tasks:
            done.append(verbatim(slot, tasks[slot.id], models, tasks[slot.id].evidence[0]))
        else:
            done.append(slot)
    return replace(canvas, summary=tuple(done))
