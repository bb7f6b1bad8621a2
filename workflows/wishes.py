"""The wishes of --ask, done on a report: which slots each may touch, and what it must bring or say why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agent import about
from agent.ask import Ask
from dlm_core import edits, reorder
from dlm_core.canvas import Canvas, Cause, Kind, Slot
from dlm_core.compose import write_headings
from dlm_core.edits import Unmet
from dlm_core.effort import Effort
from dlm_core.pool import Pool
from workflows.change import ABOUT, LONGER, MOST, Work, drop, fresher, unsaid, verified, view
from workflows.kept import moved_breaks
from workflows.terminal import safe

SPARE = 4  # claims written beyond what is wanted, for those that do not come out as asked


def ask(work: Work, wish: Ask, offered: Callable[[str], list[str]]) -> None:
    """Do one wish. offered: ids of evidence for a query, put into work.evidence. Raises Unmet."""
    if not work.claims() and wish.kind not in ("more", "longer", "numbers"):
        raise Unmet(f"{wish}: there is no claim")
    if wish.kind == "without":
        _leave(work, wish)
    elif wish.kind in ("more", "longer", "numbers"):
        _extend(work, wish, offered)
    elif wish.kind == "reorder":
        _reorder(work, wish)
    else:
        _edit(work, wish)


def _cause(work: Work, wish: Ask) -> Cause:
    homes = work.homes()
    where = ""
    if work.span is not None and len(work.span) <= 3 and work.heads is None:
        numbers = [n for n, s in enumerate((c for c in work.canvas.claims() if c.text), 1) if s.id in work.span]
        where = f" in claim {', '.join(map(str, numbers))}"
    elif work.heads is not None:
        names = [safe(work.canvas.slot(h).text) for h in homes]
        where = f" in “{'”, “'.join(names)}”"
    return Cause(f"asked for: {safe(str(wish))}{where}")


def _edit(work: Work, wish: Ask) -> None:
    models, pool = work.models(), work.pool()
    seen = work.bound()
    ids = [s.id for s in work.claims() if any(s.id == b.id for b in seen.claims())]
    if not ids:
        raise Unmet(
            f"{wish}: no claim there rests on evidence at hand, so none is rewritten (--sources names where it is)"
        )
    age = work.number
    if wish.kind == "shorter":
        made = edits.shorten(seen, ids, pool, models, age=age)
    elif wish.kind == "simpler":
        made = edits.simplify(seen, ids, pool, models, age=age)
    elif wish.kind == "split":
        made = edits.split(seen, ids, pool, models, age=age)
    else:
        named = work.heads is None and work.span is not None and len(work.span) < len(work.canvas.claims())
        made = edits.merge(seen, ids, pool, models, age=age, named=named)
    gone = {s.id for s in seen.slots} - {s.id for s in made.slots}
    whole = _beside(work.canvas, seen, made) if wish.kind == "split" else work.back(seen, made)
    whole = replace(whole, summary=made.summary)
    breaks = work.canvas.breaks
    if breaks is not None and gone:
        whole = replace(whole, breaks=moved_breaks(work.canvas, whole, breaks))
    work.record(whole, _cause(work, wish))


def _beside(whole: Canvas, seen: Canvas, made: Canvas) -> Canvas:
    """A split put into the whole canvas: the second half right behind the first."""
    old, new = {s.id: s for s in seen.slots}, {s.id: s for s in made.slots}
    out: list[Slot] = []
    follows = {a.id: b for a, b in zip(made.slots, made.slots[1:], strict=False) if b.id not in old}
    for s in whole.slots:
        out.append(fresher(s, old, new))
        if s.id in follows:
            out.append(follows[s.id])
    return replace(whole, slots=tuple(out), next_id=made.next_id)


def _leave(work: Work, wish: Ask) -> None:
    claims = work.claims()
    on = about.speaks([s.text for s in claims], wish.about, work.embedder)
    gone = [s.id for s, yes in zip(claims, on, strict=True) if yes and not s.pinned]
    if not gone:
        only = "only pinned claims are" if any(on) else "no claim there is"
        raise Unmet(f"{only} about “{safe(wish.about)}”")
    drop(work, gone, _cause(work, wish).reason)
    work.banned.append(wish.about)
    _rename(work, wish)


def _rename(work: Work, wish: Ask) -> None:
    """Sections whose heading names what has left get another, where one can be written."""
    named = [h for h, b in work.canvas.sections() if about.names(h.text, wish.about) and any(s.pointers for s in b)]
    named = [h for h in named if work.span is None or h.id in work.homes()]
    if not named:
        return
    pool = work.pool()
    bare = {i: replace(e, heading="") if about.names(e.heading, wish.about) else e for i, e in pool.evidence.items()}
    titles = {s: t for s, t in pool.titles.items() if not about.names(t, wish.about)}
    seen = work.bound().with_slots({h.id: replace(h, text="", tokens=(), confidence=()) for h in named})
    made = write_headings(
        seen,
        replace(pool, evidence=bare, titles=titles),
        work.models(),
        seed=work.seed,
        effort=Effort(),
        age=len(work.canvas.revisions),
    )
    better = {h.id: made.slot(h.id) for h in named if made.slot(h.id).text}
    unfit = {work.canvas.question.rstrip("?").lower(), work.canvas.question.lower()}
    better = {i: s for i, s in better.items() if not about.names(s.text, wish.about) and s.text.lower() not in unfit}
    if not better:
        return
    last = work.canvas.revisions[-1]
    texts = {i: (work.canvas.slot(i).text, s.text) for i, s in better.items()}
    after = work.canvas.with_slots(better)
    work.canvas = replace(after, revisions=(*after.revisions[:-1], replace(last, slots={**last.slots, **texts})))
    work.drafts[last.number] = work.canvas


def _extend(work: Work, wish: Ask, offered: Callable[[str], list[str]]) -> None:
    if work.library is None:
        raise Unmet(f"{wish}: the library of this report is not here; --sources or --add names where to read")
    homes = work.homes()
    heads = [h for h, _ in work.canvas.sections() if h.id in homes]
    if not heads:
        raise Unmet(f"{wish}: there is no section it could go to")
    question = work.canvas.question
    named = [h.text for h in heads if work.heads is not None or wish.kind == "numbers"]
    queries = [wish.about] if wish.kind == "more" else [question, *named]
    found: dict[str, None] = {}
    for query in queries:
        found |= dict.fromkeys(offered(query))
    ids = [e for e in found if e not in work.canvas.cited()]
    if wish.kind == "more":
        said = [work.evidence[e].said for e in ids]
        ids = [e for e, yes in zip(ids, about.speaks(said, wish.about, work.embedder), strict=True) if yes]
    elif wish.kind == "numbers":
        ids = [e for e in ids if edits.numeric(work.evidence[e].said)]
    for topic in work.banned:
        ids = [e for e in ids if not about.names(work.evidence[e].said, topic)]
    lacking = {"more": f"on “{safe(wish.about)}”", "numbers": "with a number", "longer": "on the question"}[wish.kind]
    nothing = f"no evidence at hand {lacking} that the report does not cite already; --add SOURCE brings more"
    if not ids:
        raise Unmet(nothing)
    pool = work.pool(ids)
    whole = [e for e in unsaid(work.canvas, ids, pool) if work.evidence[e].standalone]
    ids, at_home = _at_home(work, whole, homes, pool)
    if not ids:
        raise Unmet(nothing)
    seen = view(work.bound(), homes, pool, ids)
    seen = replace(seen, slots=tuple(s for h, b in seen.sections() if h.id in homes for s in (h, *b)))
    pairs = edits.fitting(seen, ids, pool, work.models())
    place = {e: n for n, e in enumerate(ids)}
    pairs.sort(key=lambda pair: place[pair[0]] >= at_home)  # stable: the planner's order within each
    many = ABOUT if wish.kind in ("more", "numbers") else max(1, min(MOST, -(-len(work.claims()) // LONGER)))
    # A few more than wanted are written, for those that cannot be borne out.
    made, names = edits.extend(
        seen, pairs[: many + SPARE], pool, work.models(), seed=work.seed + work.number, age=work.number
    )
    made = verified(work, seen, made, pool)
    texts = {s.id: s.text for s in made.slots}
    stand = [n for n in names if n in texts and _as_asked(wish, texts[n])]
    lost = {n for n in names if n not in stand}  # the writer may have cut the very thing that was asked for
    made = replace(made, slots=tuple(s for s in made.slots if s.id not in lost))
    made = replace(made, slots=tuple(s for s in made.slots if s.id not in stand[many:]))
    if not stand:
        raise Unmet(nothing)
    after = work.back(seen, made)
    if after.breaks is not None:
        added = {s.id for s in after.claims()} - {s.id for s in work.canvas.claims()}
        firsts = []
        for _, body in after.sections():
            own = [s.id for s in body if s.id in added]
            firsts += own[:1] if len(own) > 1 else []
        after = replace(after, breaks=(*after.breaks, *firsts))
    cited = tuple(dict.fromkeys(p for s in after.claims() for p in s.pointers if p in ids))
    work.record(after, replace(_cause(work, wish), evidence=cited))


def _as_asked(wish: Ask, text: str) -> bool:
    """Whether a new claim has what was asked for in its own words."""
    if "( " in text:
        return False  # what is left of a reference
    if wish.kind == "numbers":
        return edits.numeric(text)
    return wish.kind != "more" or about.names(text, wish.about) or len(about.stems(wish.about)) > 1


def _at_home(work: Work, ids: list[str], homes: list[str], pool: Pool) -> tuple[list[str], int]:
    """The evidence with what has most to do with one of the sections `homes` first, and how many that are."""
    kin = pool.affinity()
    rows = [
        (h.id, [pool.row(p) for s in b for p in s.pointers[:1] if p in pool.evidence])
        for h, b in work.canvas.sections()
    ]
    rows = [(name, own) for name, own in rows if own]

    def home(e: str) -> str:
        return max(rows, key=lambda part: float(kin[pool.row(e), part[1]].mean()))[0] if rows else ""

    mine = [e for e in ids if home(e) in homes]
    return [*mine, *(e for e in ids if e not in mine)], len(mine)


def _reorder(work: Work, wish: Ask) -> None:
    if work.span is not None and work.heads is None:
        raise Unmet("reorder takes a section or the whole report, not single claims")
    seen, pool = work.bound(), work.pool()
    sections = wish.about != "claims" and work.heads is None
    made = reorder.reorder(
        seen,
        [h for h in work.homes() if any(x.id == h for x in seen.slots)],
        pool,
        work.models(),
        seed=work.seed,
        sections=sections and all(s.pointers for s in work.canvas.claims()),
        claims=wish.about != "sections",
    )
    order = [s.id for s in made.slots]
    parts = {h.id: (h, list(body)) for h, body in work.canvas.sections()}
    heads = [i for i in order if i in parts]
    if work.order is not None:
        queue = iter([i for i in heads if i in work.order])
        heads = [next(queue) if i in work.order else i for i in parts]
    out: list[Slot] = []
    for name in heads:
        head, body = parts[name]
        moving = [s for s in body if s.id in order and s.kind == Kind.CLAIM]
        queue_of = iter(sorted(moving, key=lambda s: order.index(s.id)))
        out += [head, *(next(queue_of) if s in moving else s for s in body)]
    after = replace(work.canvas, slots=tuple(out))
    if [s.id for s in out] == [s.id for s in work.canvas.slots]:
        raise Unmet("it stands in reading order already")
    if after.breaks is not None:
        # A paragraph begins at a place, whoever stands there.
        was = {s.id: (h.id, n) for h, b in work.canvas.sections() for n, s in enumerate(b)}
        places = {was[b] for b in after.breaks if b in was}
        after = replace(
            after, breaks=tuple(s.id for h, b in after.sections() for n, s in enumerate(b) if (h.id, n) in places)
        )
    work.record(after, _cause(work, wish))
