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
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from dlm_core import asked
from dlm_core.advice import asks_what_to_do, tells
from dlm_core.canvas import Canvas, Kind, Slot, holds
from dlm_core.coverage import asked_beside, in_own_words
from dlm_core.job import REMASKS, Effort
from dlm_core.models import Models
from dlm_core.order import defines, means, opens_on
from dlm_core.phrases import capital
from dlm_core.pool import Pool
from dlm_core.prompt import HEADING, prompt
from dlm_core.section_heads import best_heading, joined
from dlm_core.segment import instruction
from dlm_core.sentences import Progress, Task, Written, seeded, sentence_task, write_texts
from dlm_core.stems import roots
from dlm_core.support import heading_problems, problems
from dlm_core.wanted import forbidden, kept_terms

__all__ = ["Progress", "claim_task", "seeded", "verbatim", "write_claims", "write_headings", "write_summary"]

OPENS = 0.08  # cosine to the question that opening on what it asks about is worth
LONG, TEDIOUS = 40, 0.1  # words from which a claim is long for a summary, and the cosine that this costs it
LAGS = 0.3  # by which what a section says of the question may be behind the best of all for a summary
FAR = 0.15  # by which one must be ahead of the first to open the summary
CLEARLY = 0.05  # cosine to the question by which another claim must be ahead to take over a summary sentence
TELLS = 0.05  # and that each degree of saying what to do is worth, where that is asked


def claim_task(slot: Slot, pool: Pool, models: Models) -> Task:
    """The writing task of a claim: its first evidence leads."""
    first = pool.evidence[slot.pointers[0]]
    task = sentence_task(slot.id, pool.title(first.id), first.heading, pool.texts(slot.pointers), models)
    return replace(task, remasks=slot.remasks)


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
    return replace(
        slot, text=said.text, tokens=said.tokens, confidence=said.confidence, origin=origin, remasks=said.remasks
    )


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
    terms = kept_terms(canvas, pool, list(slots)) if canvas.wanted.require else {}

    asked = roots(canvas.question)
    # What the question names and its evidence too is no aside; where the evidence cannot stand, something must go.
    named = {i: asked & roots(t.evidence[0]) for i, t in tasks.items() if not problems(t.evidence[0], t.evidence)}

    def check(text: str, task: Task) -> list[str]:
        lost = [f"leaves out “{t}”" for t in terms.get(task.slot, ()) if not holds(text, t)]
        if not named.get(task.slot, set()) <= roots(text):
            lost.append("leaves out what is asked about")
        return problems(text, task.evidence) + forbidden(text, canvas.wanted) + lost

    written = write_texts(
        list(tasks.values()),
        models,
        seed=seed,
        effort=effort,
        check=check,
        progress=progress,
        start=start,
    )
    changed = {}
    for i, slot in slots.items():
        if i in written:
            changed[i] = replace(_filled(slot, written[i], tasks[i].evidence), age=age)
        elif not check(tasks[i].evidence[0], tasks[i]):
            # What was remasked in vain falls back; it is not tried again before its evidence changes.
            tried = REMASKS if i in start else slot.remasks
            changed[i] = replace(verbatim(slot, tasks[i], models, tasks[i].evidence[0]), age=age, remasks=tried)
    lost = {i for i in slots if i not in changed}  # evidence that could not be mended
    canvas = canvas.with_slots(changed)
    return replace(canvas, slots=tuple(s for s in canvas.slots if s.id not in lost)) if lost else canvas


def write_headings(
    canvas: Canvas, pool: Pool, models: Models, *, seed: int, effort: Effort, age: int, progress: Progress | None = None
) -> Canvas:
    """The canvas with every section that has no heading given one. A section for which nothing is left that does
    not say what a heading already says joins the section that has that one."""
    tasks, sources = {}, {}
    standing = [h.text.lower() for h, _ in canvas.sections() if h.text]
    taken = dict(zip(standing, models.embedder(standing), strict=True))  # with their vectors
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
        tries=effort.tries,
        check=lambda text, t: heading_problems(text, t.evidence, t.known) + forbidden(text, canvas.wanted),
    )
    changed: dict[str, Slot] = {}
    borrowed: list[tuple[str, tuple[tuple[int, ...], tuple[int, ...]]]] = []
    joins: dict[str, str] = {}  # sections that join another, with its heading
    while len(changed) < len(tasks):
        # The section that a heading fits best takes it, whichever comes first.
        offers = {
            i: best_heading(
                capital(written[i].text) if i in written else "",
                sources[i],
                pool,
                models,
                taken,
                canvas.question,
                canvas.wanted,
            )
            for i in tasks
            if i not in changed
        }
        i = max(offers, key=lambda i: offers[i][0])
        task, (_, best, same) = tasks[i], offers[i]
        if same is not None:
            joins[i] = same
            tasks.pop(i)
            continue
        said = written.get(i, Written("", (), ()))
        text, tokens, confidence, origin = capital(said.text), said.tokens, said.confidence, "model"
        if best != text:
            text, tokens, origin = best, tuple(models.writer.tokenizer.encode(" " + best)), "evidence"
            borrowed.append((i, (task.context, tokens)))
        taken[text.lower()] = models.embedder([text])[0]
        changed[i] = replace(canvas.slot(i), text=text, tokens=tokens, confidence=confidence, origin=origin, age=age)
    for (i, _), reading in zip(borrowed, models.writer.read([pair for _, pair in borrowed]), strict=True):
        changed[i] = replace(changed[i], confidence=tuple(round(math.exp(r), 4) for r in reading))
    return joined(canvas.with_slots(changed), joins, pool, age)


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
    speaks most of the question, in the order of the sections, unless one speaks of it far more than the
    first. Sentences whose claim stands unchanged stay, unless
    another claim of the section speaks of the question clearly more."""
    said = [s for _, body in canvas.sections() for s in body if s.text]
    question, *told = models.embedder([canvas.question, *(s.text for s in said)])
    advised = asks_what_to_do(canvas.question)
    for n, slot in enumerate(said if advised else ()):
        # What an instruction is about is said where it stands, which its evidence's vector knows.
        if slot.pointers and instruction(pool.evidence[slot.pointers[0]]):
            told[n] = pool.vectors[pool.row(slot.pointers[0])]
    close = np.asarray(told) @ question
    beyond = asked_beside(canvas.parts, models.embedder)
    if len(beyond) and said:  # of the subject itself every section speaks
        close = (close + (np.asarray(told) @ beyond.T).max(axis=1)) / 2
    long = np.array([len(s.text.split()) > LONG for s in said], dtype=np.float32)
    titled = [(pool.title(s.pointers[0]) if s.pointers else "", s.text) for s in said]
    close = close + asked.WORTH * asked.likelihood(canvas.asked, titled, models).max(axis=1, initial=-np.inf)
    near = {s.id: round(float(c), 6) for s, c in zip(said, close - TEDIOUS * long, strict=True)}

    def speaks(slot: Slot) -> tuple[int, float]:
        """How much a claim says of the question: what the word means that it asks about comes before all, then what
        the thing is, and what opens on it before what mentions it; what to do, where that is asked."""
        opens = OPENS * opens_on(canvas.question, slot.text)
        if advised:
            return 0, near[slot.id] + TELLS * tells(slot.text)
        return (1 + means(slot.text)) if defines(canvas.question, slot.text) >= 0 else 0, near[slot.id] + opens

    def outdone(old: Slot, claim: Slot) -> bool:
        """Whether a claim of the section, new or moved there, should stand in the summary instead."""
        (kept, before), (better, now) = speaks(by_id[old.pointers[0]]), speaks(claim)
        answers_alone = claim.id in answering and old.pointers[0] not in answering
        return answers_alone or (better, now - CLEARLY) > (kept, before)

    home = {b.id: head.id for head, body in canvas.sections() for b in body}
    chosen: list[Slot] = []
    for _, body in canvas.sections():
        claims = [s for s in body if s.kind == Kind.CLAIM and s.text and not s.disputed] or [s for s in body if s.text]
        if claims:
            chosen.append(max(claims, key=speaks))
    held = {s.pointers[0]: s for s in canvas.summary}
    by_id = {s.id: s for s in canvas.claims()}
    # A sentence stays while its claim stands as it was when the sentence was written.
    stays = {c: s for c, s in held.items() if c in by_id and by_id[c].age <= s.age and by_id[c].text}
    answers = _answers(said, np.asarray(told), canvas.parts, models)
    told_of = {home.get(c) for c in stays}
    chosen = _telling(chosen, said, speaks, [s for s in chosen if home[s.id] in told_of], most)
    chosen = _opened(_answering(chosen, answers, speaks, list(home)), speaks)
    answering = {s.id for on in answers for s in on}
    slots, tasks = [], {}
    taken = {claim.id for claim in chosen}
    canvas, ids = canvas.fresh_ids(len(chosen))
    for name, claim in zip(ids, chosen, strict=True):
        free = {c: s for c, s in stays.items() if s not in slots and (c == claim.id or c not in taken)}
        old = free.get(claim.id) or next((s for c, s in free.items() if home.get(c) == home[claim.id]), None)
        if old is not None and not outdone(old, claim):
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
        check=lambda text, t: problems(text, t.evidence) + forbidden(text, canvas.wanted),
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


def _telling(
    chosen: Sequence[Slot],
    said: Sequence[Slot],
    worth: Callable[[Slot], tuple[int, float]],
    standing: Sequence[Slot],
    most: int,
) -> list[Slot]:
    """At most `most` of the claims `chosen`, one of each section: those `standing`, whose sections have a sentence in
    the summary, then those of most `worth`, and nothing that LAGS behind the best, unless it says what the thing is.
    Where that leaves one of several, another of those `said` joins it. In the order of `said`."""
    best = max((worth(s)[1] for s in chosen), default=0.0)

    def tells_enough(slot: Slot) -> bool:
        kind, near = worth(slot)
        return kind > 0 or near >= best - LAGS

    ranked = sorted(chosen, key=worth, reverse=True)
    kept = [s for s in ranked if s in standing][:most]
    kept += [s for s in ranked if s not in standing and tells_enough(s)][: most - len(kept)]
    if len(kept) == 1 < min(most, len(chosen)):
        rest = [s for s in said if s.kind == Kind.CLAIM and not s.disputed and s not in kept and tells_enough(s)]
        kept += sorted(rest, key=worth, reverse=True)[:1]
    return [s for s in said if s in kept]


def _opened(chosen: list[Slot], worth: Callable[[Slot], tuple[int, float]]) -> list[Slot]:
    """The claims `chosen`, the one of most `worth` first where it is FAR ahead, or says what the thing is."""
    if not chosen:
        return chosen
    best = max(chosen, key=worth)
    (kind, most), (first, there) = worth(best), worth(chosen[0])
    if kind > first or (kind == first and most - there >= FAR):
        return [best, *(s for s in chosen if s is not best)]
    return chosen


def _answers(said: Sequence[Slot], told: np.ndarray, parts: Sequence[str], models: Models) -> list[list[Slot]]:
    """For each of several sub-questions the claims `said` that answer it in its own words, the closest first; told
    (n, 384) vectors of what they say."""
    if len(parts) < 2 or not said:
        return []
    near = told @ models.embedder(list(parts)).T
    found = in_own_words(parts, near, [s.text for s in said])
    return [[said[i] for i in on if said[i].kind == Kind.CLAIM and not said[i].disputed] for on in found]


def _answering(
    chosen: Sequence[Slot],
    answers: Sequence[Sequence[Slot]],
    worth: Callable[[Slot], tuple[int, float]],
    order: list[str],
) -> list[Slot]:
    """The claims `chosen`, with one for each of `answers` (what answers a sub-question, best first) that none
    of them is of, in the place of the one of least `worth` that answers nothing; in the `order` of ids."""
    out = list(chosen)
    for on in answers:
        free = [s for s in out if not any(s in other for other in answers)]
        if on and free and not any(s in out for s in on):
            out[out.index(min(free, key=worth))] = on[0]
    return sorted(out, key=lambda s: order.index(s.id))
