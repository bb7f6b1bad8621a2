"""What a user may ask of a finished report, done on its canvas: shorter, simpler, longer, merge, split. In another
order: reorder.py.

Each function gives a canvas that differs in the slots it was allowed to touch
and in no other, or raises Unmet with the reason. Pinned claims and claims that
rest on nothing are never touched. A text that changes is an edit of the text
that stood: it may say nothing that was not said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np

from dlm_core.canvas import MAX_POINTERS, Canvas, Kind, Slot
from dlm_core.clauses import asides, clauses, halves, joined, length
from dlm_core.compose import write_claims
from dlm_core.conflict import conflict
from dlm_core.drawn import drawn
from dlm_core.effort import Effort
from dlm_core.job import Job
from dlm_core.leading import TWIN
from dlm_core.model import EMPTIED, KEEP
from dlm_core.models import Models
from dlm_core.phrases import CLAUSE, words
from dlm_core.pool import Pool
from dlm_core.prompt import BRIEF, CLAIM, prompt
from dlm_core.sentences import RELUCTANCE, TRAINED_ODDS
from dlm_core.support import problems
from dlm_core.trim import choose, odds_of_words, without

LOOKS = 3  # looks of the writer at one sentence
SHORTER = 0.85  # share of its words that a span asked to be shorter may keep
FITS = 0.45  # cosine from which the evidence of two claims that were named may make one sentence
ALIKE = 0.65  # and from which two that were not named do
MERGED = 42  # words of a merged sentence at most
GOVERNS = frozenset("in of for by as at on to with from into over after before during".split())
FEWEST = 1  # claims that stay in a section that becomes shorter


class Unmet(ValueError):
    """What was asked cannot be done; one line that says why."""


def free(canvas: Canvas, span: Sequence[str]) -> list[Slot]:
    """The claims of a span that may change, in reading order."""
    wanted = set(span)
    return [s for s in canvas.claims() if s.id in wanted and s.text and s.pointers and not s.pinned]


def _passes(slot: Slot, pool: Pool) -> Callable[[str], bool]:
    """Whether a text may stand for a claim: an edit of its text, and no less borne out by its evidence."""
    evidence = pool.texts(slot.pointers)
    loose = bool(problems(slot.text, evidence))

    def passes(text: str) -> bool:
        return (
            _keeps_sense(slot.text, text)
            and not problems(text, [slot.text])
            and (loose or not problems(text, evidence))
        )

    return passes


def _keeps_sense(old: str, new: str) -> bool:
    """Whether what went from a sentence is no more than an aside: no first word that
    governs what follows it, and no stretch with a comma inside, which is the end of one
    phrase and the beginning of the next, or several items of a list."""
    was, now = [[w.lower() for w in words(t)] for t in (old, new)]
    if was[1:2] == now[:1] and was[:1] != now[:1] and was[0] in GOVERNS:
        return False
    for kind, a, b, _, _ in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        gone = was[a:b] if kind in ("delete", "replace") else []
        if len(gone) > 2 and gone[0] == gone[-1] == "," and not (gone[1] in CLAUSE or gone[1].endswith("ing")):
            return False  # an item of a list
        if "," in gone[1:-1] and not set(gone) & set("()[]—–"):
            return False
    return True


def _context(slot: Slot, pool: Pool, models: Models, task: str) -> tuple[int, ...]:
    first = pool.evidence[slot.pointers[0]]
    return tuple(models.writer.tokenizer.encode(prompt(pool.title(first.id), first.heading, [slot.text], task)))


def retexted(canvas: Canvas, texts: dict[str, str], pool: Pool, models: Models, *, age: int) -> Canvas:
    """The canvas with new texts in some claims; confidence is the writer's that each token stays."""
    slots = [canvas.slot(i) for i in texts]
    rows = [models.writer.tokenizer.encode(" " + texts[s.id]) for s in slots]
    looked = models.writer.look(
        [Job.text(_context(s, pool, models, CLAIM), row) for s, row in zip(slots, rows, strict=True)]
    )
    changed = {}
    for slot, row, actions in zip(slots, rows, looked, strict=True):
        sure = tuple(round(c, 4) for c in actions[:, KEEP].exp().tolist())
        text = texts[slot.id]
        origin = "evidence" if any(text in e for e in pool.texts(slot.pointers)) else "model"
        changed[slot.id] = replace(slot, text=text, tokens=tuple(row), confidence=sure, origin=origin, age=age)
    return canvas.with_slots(changed)


# --- shorter, simpler ---------------------------------------------------------------


def _cut(slots: Sequence[Slot], pool: Pool, models: Models, cost: float) -> dict[str, str]:
    """What the writer lets go of each claim, phrase by phrase; those that lost something."""
    texts = {s.id: s.text for s in slots}
    moving = list(slots)
    for _ in range(LOOKS):
        if not moving:
            break
        rows = {s.id: models.writer.tokenizer.encode(" " + texts[s.id]) for s in moving}
        looked = models.writer.look([Job.text(_context(s, pool, models, BRIEF), rows[s.id]) for s in moving])
        going, moving = list(zip(moving, looked, strict=True)), []
        for slot, actions in going:
            text = texts[slot.id]
            odds = (actions[:, EMPTIED] - actions[:, KEEP] - TRAINED_ODDS).tolist()
            spans = [(a - 1, b - 1) for a, b in models.writer.tokenizer.spans(rows[slot.id])]
            cuts = choose(text, odds_of_words(text, spans, odds), _passes(slot, pool), cost=cost)
            if cuts:
                texts[slot.id] = without(text, cuts)
                moving.append(slot)
    return {s.id: texts[s.id] for s in slots if texts[s.id] != s.text}


def shorten(canvas: Canvas, span: Sequence[str], pool: Pool, models: Models, *, age: int) -> Canvas:
    """Claims of the span lose what the writer can do without; where that is little,
    the least useful claims leave, never the last of a section."""
    slots = free(canvas, span)
    if not slots:
        raise Unmet("every claim there is pinned or rests on no evidence that is at hand")
    before = length(s.text for s in slots)
    texts = _cut(slots, pool, models, RELUCTANCE)
    gone: list[str] = []
    if len(slots) > 1:
        goal = SHORTER * before
        for slot in sorted(slots, key=_usefulness(canvas, slots, pool, models)):
            left = length(texts.get(s.id, s.text) for s in slots if s.id not in gone)
            body = next(b for _, b in canvas.sections() if slot in b)
            stays = [s for s in body if s.kind == Kind.CLAIM and s.id not in (*gone, slot.id)]
            if left <= goal:
                break
            if len(stays) >= FEWEST:
                gone.append(slot.id)
    texts = {i: t for i, t in texts.items() if i not in gone}
    if not texts and not gone:
        raise Unmet("no phrase of it can go without changing what it says")
    canvas = retexted(canvas, texts, pool, models, age=age) if texts else canvas
    return replace(canvas, slots=tuple(s for s in canvas.slots if s.id not in gone))


def _usefulness(
    canvas: Canvas, slots: Sequence[Slot], pool: Pool, models: Models
) -> Callable[[Slot], tuple[float, int]]:
    """How much a report would miss a claim: near to what is asked, unlike the
    others. What the summary condenses, and what is disputed, is missed most."""
    asked = models.embedder(canvas.asked)
    claims = [s for s in canvas.claims() if s.pointers]
    vectors = np.stack([pool.vectors[pool.row(s.pointers[0])] for s in claims])
    near = (vectors @ asked.T).max(axis=1)
    alike = vectors @ vectors.T - 2 * np.eye(len(claims))
    held = {p for s in canvas.summary for p in s.pointers}
    value = {}
    for n, slot in enumerate(claims):
        other = float(alike[n].max()) if len(claims) > 1 else 0.0
        value[slot.id] = round(float(near[n]) - 0.5 * other, 6) + (1.0 if slot.id in held or slot.disputed else 0.0)
    place = {s.id: n for n, s in enumerate(slots)}
    return lambda slot: (value[slot.id], -place[slot.id])


def simplify(canvas: Canvas, span: Sequence[str], pool: Pool, models: Models, *, age: int) -> Canvas:
    """Claims of the span without their asides, parentheses and trailing clauses."""
    slots = free(canvas, span)
    texts = {}
    for slot in slots:
        text = slot.text
        for _ in range(LOOKS):
            cuts = choose(text, asides(text), _passes(slot, pool), cost=0.5)
            if not cuts:
                break
            text = without(text, cuts)
        if text != slot.text:
            texts[slot.id] = text
    if not texts:
        raise Unmet("no claim there has an aside, a parenthesis or a trailing clause that can go")
    return retexted(canvas, texts, pool, models, age=age)


# --- split, merge -------------------------------------------------------------------


def split(canvas: Canvas, span: Sequence[str], pool: Pool, models: Models, *, age: int) -> Canvas:
    """Claims of two clauses become two claims; the first keeps the id."""
    apart = {s.id: pair for s in free(canvas, span) if (pair := halves(s.text, pool.texts(s.pointers)))}
    found = apart | {s.id: pair for s in free(canvas, span) if s.id not in apart and (pair := clauses(s.text))}
    if not found:
        raise Unmet("no claim there has two clauses that stand alone")
    canvas, names = canvas.fresh_ids(len(found))
    out: list[Slot] = []
    texts: dict[str, str] = {}
    for slot in canvas.slots:
        if slot.id not in found:
            out.append(slot)
            continue
        name = names.pop(0)
        texts[slot.id], texts[name] = found[slot.id]
        # Each half of what was joined takes its own evidence along.
        on = [slot.pointers[:1], slot.pointers[1:2]] if slot.id in apart else [slot.pointers] * 2
        out += [replace(slot, pointers=on[0]), replace(slot, id=name, pointers=on[1])]
    return retexted(replace(canvas, slots=tuple(out)), texts, pool, models, age=age)


def merge(canvas: Canvas, span: Sequence[str], pool: Pool, models: Models, *, age: int, named: bool) -> Canvas:
    """Two claims of one section whose evidence fits together become one sentence,
    which cites both; the first keeps its id. named: the span is the two claims;
    else the best pair of each section is taken, where it has one."""
    slots = free(canvas, span)
    home = {s.id: head.id for head, body in canvas.sections() for s in body}
    if named and len(span) != 2:
        raise Unmet("merging takes two claims")
    if len(slots) < 2:
        raise Unmet("it takes two claims that rest on evidence at hand and are not pinned")
    if named and home[slots[0].id] != home[slots[1].id]:
        raise Unmet("the two claims stand in different sections")
    known = "\n".join(e.said for e in pool.evidence.values())
    texts: dict[str, str] = {}
    gone: dict[str, str] = {}  # id -> id of the claim it is now part of
    why = "no two claims of a section there fit into one sentence that their evidence bears out"
    for head in dict.fromkeys(home[s.id] for s in slots):
        own = [s for s in slots if home[s.id] == head]
        pairs = [(a, b) for n, a in enumerate(own) for b in own[n + 1 :]]
        for a, b in sorted(pairs, key=lambda p: (-_kin(p[0], p[1], pool), own.index(p[0]))):
            text, reason = _merged(a, b, pool, models, known) if named or _kin(a, b, pool) >= ALIKE else ("", why)
            if text:
                texts[a.id], gone[b.id] = text, a.id
                break
            why = reason if named else why
    if not texts:
        raise Unmet(why)
    both = {i: canvas.slot(i).pointers for i in gone}
    kept = []
    for slot in canvas.slots:
        if slot.id in gone:
            continue
        more = [p for i, into in gone.items() if into == slot.id for p in both[i]]
        kept.append(replace(slot, pointers=tuple(dict.fromkeys((*slot.pointers, *more)))) if more else slot)
    summary = tuple(
        replace(s, pointers=tuple(dict.fromkeys(gone.get(p, p) for p in s.pointers))) for s in canvas.summary
    )
    return retexted(replace(canvas, slots=tuple(kept), summary=summary), texts, pool, models, age=age)


def _kin(a: Slot, b: Slot, pool: Pool) -> float:
    return round(float(pool.vectors[pool.row(a.pointers[0])] @ pool.vectors[pool.row(b.pointers[0])]), 6)


def _merged(a: Slot, b: Slot, pool: Pool, models: Models, known: str) -> tuple[str, str]:
    """Two claims as one sentence, the wording that the base reads best; or "" and why not."""
    pointers = tuple(dict.fromkeys((*a.pointers, *b.pointers)))
    evidence = pool.texts(pointers)
    if len(pointers) > MAX_POINTERS:
        return "", f"together they rest on more than {MAX_POINTERS} pieces of evidence"
    if _kin(a, b, pool) < FITS:
        return "", "their evidence speaks of different things"
    if any(conflict(x, y) for x in pool.texts(a.pointers) for y in pool.texts(b.pointers)):
        return "", "their evidence disagrees"
    if length([a.text, b.text]) > MERGED:
        return "", f"one sentence of both would be longer than {MERGED} words"
    offered = joined(a.text, b.text, known)
    if not offered:
        return "", "they cannot be joined without changing their words"
    good = [t for t in offered if not problems(t, [f"{a.text} {b.text}"])]
    if not any(problems(s.text, pool.texts(s.pointers)) for s in (a, b)):
        good = [t for t in good if not problems(t, [f"{a.text} {b.text}", *evidence])]
    if not good:
        found = problems(offered[0], [f"{a.text} {b.text}"])
        return "", f"one sentence of both {found[0] if found else 'is not borne out by their evidence'}"
    context = _context(a, pool, models, CLAIM)
    rows = [tuple(models.writer.tokenizer.encode(" " + t)) for t in good]
    read = models.writer.read([(context, row) for row in rows])
    score = [sum(r) / len(r) for r in read]
    return good[score.index(max(score))], ""


# --- longer -------------------------------------------------------------------------


def fitting(canvas: Canvas, offered: Sequence[str], pool: Pool, models: Models) -> list[tuple[str, str]]:
    """(evidence, section) pairs, best first: evidence a claim may rest on that says
    what the canvas does not, by how much of the planner's belief it draws, each
    with the section it has most to do with."""
    cited = [e for e in canvas.cited() if e in pool.evidence]
    held = np.stack([pool.vectors[pool.row(e)] for e in cited]) if cited else np.zeros((0, pool.vectors.shape[1]))
    new = []
    for e in offered:
        near = held @ pool.vectors[pool.row(e)]
        if len(near) and float(near.max()) >= TWIN:
            continue
        beside = [cited[i] for i in np.flatnonzero(near >= FITS).tolist()]
        if any(conflict(pool.evidence[c].said, pool.evidence[e].said) for c in beside):
            continue  # what disagrees comes by --add, where it is weighed
        new.append(e)
    if not new:
        return []
    seen = seen_by_planner(canvas, models)
    mass = dict(zip(new, drawn(seen, pool, models, [s for s in seen.claims() if s.pointers], new).sum(0), strict=True))
    kin = pool.affinity()
    sections = [(head.id, [pool.row(p) for s in body for p in s.pointers[:1]]) for head, body in canvas.sections()]
    out: list[tuple[str, str]] = []
    for e in sorted(new, key=lambda e: (-round(float(mass[e]), 6), pool.row(e))):
        if any(float(pool.vectors[pool.row(e)] @ pool.vectors[pool.row(o)]) >= TWIN for o, _ in out):
            continue
        near_to = [float(np.mean(kin[pool.row(e), rows])) if rows else -1.0 for _, rows in sections]
        out.append((e, sections[near_to.index(max(near_to))][0]))
    return out


def seen_by_planner(canvas: Canvas, models: Models) -> Canvas:
    """As many of the first slots as the planner can see."""
    return replace(canvas, slots=tuple(s for s in canvas.slots if s.kind != Kind.LINK)[: models.planner.config.slots])


def extend(
    canvas: Canvas, chosen: Sequence[tuple[str, str]], pool: Pool, models: Models, *, seed: int, age: int
) -> tuple[Canvas, list[str]]:
    """The canvas with a claim for each (evidence, section), written at the end of
    its section, and the ids of those that could be written."""
    canvas, names = canvas.fresh_ids(len(chosen))
    home: dict[str, list[Slot]] = {}
    for name, (e, head) in zip(names, chosen, strict=True):
        home.setdefault(head, []).append(Slot(name, Kind.CLAIM, (e,)))
    slots = [s for head, body in canvas.sections() for s in (head, *body, *home.get(head.id, []))]
    after = write_claims(replace(canvas, slots=tuple(slots)), names, pool, models, seed=seed, effort=Effort(), age=age)
    stand = {s.id for s in after.claims() if s.text}
    return after, [n for n in names if n in stand]


def numeric(text: str) -> bool:
    """Whether a sentence gives a number in figures, outside parentheses: "(Adams, 1957)" is a reference."""
    return bool(re.search(r"\d", re.sub(r"[(\[][^()\[\]]*[)\]]", "", text)))
