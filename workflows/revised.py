"""The nodes of a revision after what it reads (revise_read.py): the canvas changed, the report written."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from agent import about, evidence
from dlm_core.canvas import Canvas
from dlm_core.segment import Evidence
from workflows import change, events, runs, wishes
from workflows.asked import Request, span_of
from workflows.change import Unmet, Work
from workflows.context import Context, FailedRun
from workflows.given import Given, holding
from workflows.revise import work_on
from workflows.state import State

# --- revise -----------------------------------------------------------------------------


def revise_node(state: State, context: Context, given: Given, asked: Request) -> State:
    """Do what is asked, one thing after the other."""
    context.reporter.stage("revise", f"{len(given.canvas.claims())} claims")
    context.reporter.canvas(events.drawn(given.canvas))
    work = work_on(context, given, asked, given.canvas)
    fresh = list(state["fresh"])
    if asked.refresh:
        from workflows.refresh import refreshed

        refreshed(work, context, given, asked)
    else:
        _learn(work, state)
        if not given.ours:
            _bind(work, given, state)
        for text in asked.pin:
            change.pin(work, [s.id for s in holding(work.canvas, text)], True)
        for text in asked.unpin:
            change.pin(work, [s.id for s in holding(work.canvas, text)], False)
        for text in asked.drop:
            found = [s.id for s in holding(work.canvas, text, work.span)]
            if not found:
                raise Unmet(f"no claim that may change holds “{text[:60]}”")
            change.drop(work, found, f"asked for: drop “{text[:60]}”")
        if fresh:
            _add(work, fresh, asked, context)
        sources = [s for s in dict.fromkeys((*state["pages"], *work.sources))]
        for raw, wish in zip(asked.asks, asked.wishes, strict=True):
            heads, span = raw["heads"] or asked.heads, raw["span"] or (asked.span if not raw["heads"] else None)
            work.heads = list(heads) if heads else None
            work.span = span_of(work.canvas, heads, span)
            wishes.ask(work, wish, lambda query: _offered(work, query, sources))
    _check(given.canvas, work.canvas)
    for number, draft in work.drafts.items():
        context.keep(draft, f"{number:03d}.json")
    name = context.keep(work.canvas, f"{len(work.canvas.revisions):03d}.json")
    context.reporter.canvas(events.drawn(work.canvas))
    extra = {
        "evidence": {i: asdict(e) for i, e in work.evidence.items()},
        "sources": {i: asdict(replace(s, text="")) for i, s in work.sources.items()},
    }
    runs.write_atomically(context.run.folder / "at_hand.json", json.dumps(extra, ensure_ascii=False))
    held = set(_in_library(context, work))
    return {
        "canvas": name,
        "pool": [e for e in work.canvas.cited() if e in held],
        "disputes": [list(d) for d in work.disputes],
        "pages": list(dict.fromkeys([*state["pages"], *(e.source for i, e in work.evidence.items() if i in held)])),
        "queries": [],
        "stop": "what was asked is done",
    }


def _in_library(context: Context, work: Work) -> list[str]:
    from tools.stored import LibraryError

    if work.library is None:
        return []
    out = []
    for name in work.canvas.cited():
        try:
            out += [e.id for e in work.library.evidence([name])]
        except LibraryError:
            continue
    return out


def _check(before: Canvas, after: Canvas) -> None:
    """What must be true whatever was asked: pinned text stands, ids are unique and never used for another."""
    after.check()
    held = {s.id: s for s in after.slots}
    for slot in before.claims():
        if slot.pinned and (slot.id not in held or held[slot.id].text != slot.text):
            raise FailedRun(f"a pinned claim would have changed ({slot.id}): nothing is written")


def _learn(work: Work, state: State) -> None:
    """Sources that were read."""
    if work.library is None:
        return
    for source in work.library.sources():
        if source.id in state["pages"]:
            work.sources[source.id] = replace(source, text="")


def _add(work: Work, fresh: list[str], asked: Request, context: Context) -> None:
    named = ", ".join(asked.add)
    question = work.canvas.question
    queries = [question, *(h.text for h, _ in work.canvas.sections())]
    kept = [e for e in work.canvas.cited() if e in set(_library_ids(work))]
    # What lies beside what the report cites may contradict it; what is best of the new by itself may add to it.
    found = _gather(work, question, queries, [*fresh, *{work.evidence[e].source for e in kept}], kept)
    found = list(dict.fromkeys([*found, *_gather(work, question, queries, fresh, [])]))
    new = [e for e in found if work.evidence[e].source in fresh]
    try:
        change.add(work, new, named)
    except Unmet as error:
        if not (asked.asks or asked.drop or asked.pin):
            raise
        context.reporter.note(str(error))


def _library_ids(work: Work) -> list[str]:
    from tools.stored import LibraryError

    assert work.library is not None
    out = []
    for e in work.canvas.cited():
        try:
            work.library.evidence([e])
            out.append(e)
        except LibraryError:
            continue
    return out


def _gather(work: Work, question: str, queries: list[str], sources: list[str], kept: list[str]) -> list[str]:
    assert work.library is not None
    found = evidence.gather(
        change.brief_for(question),
        list(dict.fromkeys(queries)),
        work.library,
        work.embedder,
        sources=sources,
        keep=kept,
    )
    for e in work.library.evidence(found.ids):
        work.evidence.setdefault(e.id, e)
        if e.source not in work.sources:
            work.sources |= {s.id: s for s in work.library.sources() if s.id == e.source}
    return found.ids


def _offered(work: Work, query: str, sources: list[str]) -> list[str]:
    return _gather(work, query, [query], sources, [])


def _bind(work: Work, given: Given, state: State) -> None:
    """Claims of somebody else's report, bound to what its sources say."""
    loose = [s for s in work.canvas.claims() if s.text and not s.pointers]
    if work.library is None or not loose:
        return
    from tools.injection import addresses_reader

    offered: list[Evidence] = []
    for source in (q[0] for q in state["queries"]):  # the pages that were read for this
        text = work.library.source(source)
        for passage in work.library._split(source).passages.values():
            if not addresses_reader(f"{passage.heading}\n{passage.text}"):
                offered += work.library.evidence_of(passage.id)
        work.sources[source] = replace(text, text="")
    numbers = dict(work.canvas.numbers)
    bound = about.bind([s.text for s in loose], offered, work.embedder)
    by = {e.id: e for e in offered}
    votes: dict[str, dict[int, int]] = {}
    for slot, name in zip(loose, bound, strict=True):
        cites = given.places[slot.id].cites if slot.id in given.places else ()
        if name and by[name].source not in numbers:
            for n in cites if len(cites) == 1 else ():
                tally = votes.setdefault(by[name].source, {})
                tally[n] = tally.get(n, 0) + 1
    for source, tally in votes.items():
        number = max(tally, key=lambda n: (tally[n], -n))
        numbers = {s: n for s, n in numbers.items() if n != number} | {source: number}
    changed = {}
    for slot, name in zip(loose, bound, strict=True):
        cites = given.places[slot.id].cites if slot.id in given.places else ()
        if name and (not cites or numbers.get(by[name].source, cites[0]) in cites):
            changed[slot.id] = replace(slot, pointers=(name,))
            work.evidence[name] = by[name]
    work.canvas = replace(work.canvas.with_slots(changed), numbers=numbers)
