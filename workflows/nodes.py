"""The nodes of the research graph.

Each is a function of the state and the context that gives back the keys it
changed. A node that is run again after a kill gives the same: what it writes to
disk is written whole, under a name that follows from the state, and fetched
pages are kept until the library has them.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from agent import evidence, gaps, queries, required, verify
from agent.brief import Brief, make_brief
from agent.stop import reason_to_stop
from tools.local import LocalFiles
from tools.query import merge
from tools.source import Hit, Provider, ProviderError, Skipped, Source
from workflows import events
from workflows.context import Context, FailedRun
from workflows.state import State, pack, unpack

UNWORDED = "The budget did not reach for wording everything: some sentences stand as their sources have them"
WIDE = 3  # times as many files of a folder as are read are looked at
SPARE = 4  # hits beyond the budget of pages, for those that cannot be read


def brief(state: State, context: Context) -> State:
    made = make_brief(context.run.question)
    return {"title": made.title, "parts": list(made.parts)}


def brief_of(state: State, context: Context) -> Brief:
    return Brief(context.run.question, state["title"], tuple(state["parts"]))


# --- search -> read -> remember ----------------------------------------------------


def search(state: State, context: Context) -> State:
    """Queries of the round, asked of every provider; the pages worth reading."""
    number = state["round"] + 1
    about = brief_of(state, context)
    if not context.gaps:
        asked = queries.again(about)
    elif state["canvas"]:
        draft = context.canvas(about, state["canvas"])
        pool = context.pool(state["pool"])
        asked = queries.later(about, draft, pool, context.embedder, state["asked"], state.get("failed", []))
    else:
        asked = queries.first(about)
    if not state["canvas"]:
        asked += required.queries(about, context.run.require)
    context.reporter.search(events.searched(number, asked))
    opened, trouble = set(state["opened"]), list(state["trouble"])
    rankings: list[list[Hit]] = []
    for place, source in enumerate(context.providers):
        # Files are ranked by words alone. Where the first words to search for are the question's, more of them are
        # looked at for what they mean (docs/search.md).
        many = context.limits.pages * (WIDE if isinstance(source, LocalFiles) and not state["canvas"] else 1)
        context.turn(len(context.providers) - place)
        found: dict[str, Hit] = {}
        ranked: list[list[str]] = []
        for query in asked:
            context.reporter.stage("search", f"round {number}: {query.text} ({query.why}), {source.name}")
            try:
                hits = source.search(query.text, len(opened) + many)
            except ProviderError as error:
                line = str(error)
                if line not in trouble:
                    trouble.append(line)
                    context.reporter.note(line)
                break
            # A provider is known by its place: two books of one server have one name.
            found |= {h.url: replace(h, provider=str(place)) for h in hits if h.url not in found}
            ranked.append([h.url for h in hits if h.url not in opened])
        # Engines rank by words; what the title and the first words mean has a say too.
        near = queries.by_meaning([h for h in found.values() if h.url not in opened], asked, context.embedder)
        order = (
            queries.chosen(ranked, near, found, about.question) if context.gaps else merge([*ranked, *near], len(found))
        )
        rankings.append([found[url] for url in order])
    # The best page of each provider comes before the second of any, and is read in any case.
    most = max(context.limits.pages, sum(1 for r in rankings if r))
    return {
        "round": number,
        "queries": [[q.text, q.why, q.kind] for q in asked],
        "asked": state["asked"] + [q.text for q in asked],
        "searches": state.get("searches", []) + [[str(number), q.text, q.why, q.kind] for q in asked],
        "hits": [[h.url, h.title, h.provider] for h in _in_turn(rankings, most + SPARE)],
        "trouble": trouble,
        "seconds": context.seconds(state["seconds"]),
    }


def _in_turn(rankings: list[list[Hit]], limit: int) -> list[Hit]:
    out: dict[str, Hit] = {}
    for place in range(max((len(r) for r in rankings), default=0)):
        for ranking in rankings:
            if place < len(ranking) and len(out) < limit:
                out.setdefault(ranking[place].url, ranking[place])
    return list(out.values())


def read(state: State, context: Context) -> State:
    """Fetch the round's pages. What comes is kept in the run folder, not in the state."""
    skipped = list(state["skipped"])
    fresh: list[str] = []
    opened = list(state["opened"])
    most = max(len(state["hits"]) - SPARE, min(context.limits.pages, len(state["hits"])))
    spent = state["seconds"]
    for number, (url, title, provider) in enumerate(state["hits"], 1):
        spent = context.seconds(spent)
        if (context.interrupted or context.impatient) and (fresh or state["pages"]):
            break
        if len(fresh) >= most:
            break  # the rest were spare
        opened.append(url)
        context.reporter.stage("read", f"{number} of {max(most, number)}: {title or url}")
        page = context.spooled(url)
        if page is None:
            context.turn(len(state["hits"]) - number + 1)
            page = _fetch(context.providers[int(provider)], Hit(url, title, "", provider))
            context.spool(page, url)
        if isinstance(page, Skipped):
            _skip(page, skipped, context)
        elif page.id not in fresh and page.id not in state["pages"]:
            fresh.append(page.id)
    for source in context.providers:
        # Files of a folder that could not be read: the provider finds them while it ranks, before any fetch.
        for entry in getattr(source, "skipped", []):
            _skip(entry, skipped, context)
    remarks = _remarked(state, context, [note for s in context.providers for note in getattr(s, "notes", [])])
    return {
        "fresh": fresh,
        "skipped": skipped,
        "remarks": remarks,
        "opened": opened,
        "seconds": context.seconds(spent),
    }


def _remarked(state: State, context: Context, lines: list[str]) -> list[str]:
    """The remarks so far and new ones, which the user is told at once."""
    new = [line for line in dict.fromkeys(lines) if line not in state.get("remarks", [])]
    for line in new:
        context.reporter.note(line)
    return state.get("remarks", []) + new


def _flagged(found: evidence.Selection, context: Context) -> list[str]:
    titles = {s.id: s.title or s.url for s in context.library.sources()}
    return [
        f"“{titles.get(source, source)}” gives orders to its reader in {events.count(len(names), 'passage')}, which no"
        " claim may rest on"
        for source, names in sorted(found.flagged.items())
    ]


def _skip(entry: Skipped, skipped: list[list[str]], context: Context) -> None:
    if [entry.url, entry.reason] not in skipped:
        skipped.append([entry.url, entry.reason])
        context.reporter.note(f"skipped {entry.url}: {entry.reason}")


def _fetch(provider: Provider, hit: Hit) -> Source | Skipped:
    try:
        return provider.fetch(hit)
    except ProviderError as error:
        return Skipped(hit.url, str(error))


def remember(state: State, context: Context) -> State:
    """Put the round's pages into the library and choose the evidence at hand."""
    about = brief_of(state, context)
    pages = list(state["pages"])
    context.reporter.stage("remember", f"{len(state['fresh'])} new pages")
    for url, _, _ in state["hits"]:
        page = context.spooled(url)
        if isinstance(page, Source) and page.id in state["fresh"] and page.id not in pages:
            context.reporter.stage("remember", f"{page.title or url}")
            context.library.add(page)
            pages.append(page.id)
    lost = [name for name in state["fresh"] if name not in pages]
    if lost:
        raise FailedRun(f"{len(lost)} pages of this run are lost from {context.run.folder}: start it again")
    if not pages:
        raise FailedRun(_nothing(state))
    draft = context.canvas(about, state["canvas"])
    cited = [e for e in draft.cited() if e in state["pool"]]
    disputed = [e for pair in state["disputes"] for e in pair]
    terms = required.holding(about, context.run.require, context.library, context.embedder, pages)
    found = evidence.gather(
        about,
        state["asked"],
        context.library,
        context.embedder,
        sources=pages,
        keep=[*cited, *disputed, *terms],
        captions=context.run.figures,
        apart=queries.sub_questions(about) if context.gaps else (),
    )
    barred = set(state.get("barred", []))  # taken out of the outline by the user
    found = replace(found, ids=[e for e in found.ids if e not in barred])
    remarks = _remarked(state, context, _flagged(found, context))
    if not found.ids:
        raise FailedRun(_off_topic(pages, found.best))
    before = set(state["pool"])
    new = [e for e in found.ids if e not in before]
    slighted: list[str] = []
    if context.gaps and cited:
        # What the draft slights may have been at hand all the while: it is looked at with what is new.
        pool = context.pool(found.ids)
        parts = gaps.slighted(queries.sub_questions(about), cited, pool, context.embedder)
        slighted = [e for e in evidence.nearest(parts, pool, context.embedder) if e not in set(cited)]
        new += [e for e in slighted if e not in set(new)]
    context.reporter.stage("remember", f"{len(found.ids)} pieces of evidence at hand, {len(new)} of them new")
    return {
        "pages": pages,
        "remarks": remarks,
        "cut": sorted(found.cut),
        "pool": found.ids,
        "new": new,
        "slighted": slighted,
        "seconds": context.seconds(state["seconds"]),
    }


def _nothing(state: State) -> str:
    reasons = [*state["trouble"], *(f"{url}: {reason}" for url, reason in state["skipped"])]
    if not reasons:
        return "no passages: the sources gave no page for this question; name other sources"
    more = f" (and {len(reasons) - 2} more)" if len(reasons) > 2 else ""
    return "no passages: " + "; ".join(reasons[:2]) + more + "; name other sources, or put these right"


def _off_topic(pages: list[str], best: float) -> str:
    what = "the page that was read says" if len(pages) == 1 else f"the {len(pages)} pages that were read say"
    if best == 0.0:
        return f"no passages: {what} nothing that can be cited; name other sources"
    return f"no passages: {what} nothing on this question; name other sources"


# --- reflect -> revise -> verify ----------------------------------------------------


def reflect(state: State, context: Context) -> State:
    """What the new evidence does to the draft."""
    from dlm_core import belief

    if not state["canvas"]:
        # The first sources may disagree among themselves.
        found = belief.disagreements(context.pool(state["pool"]))
        return {"decision": {}, "disputes": state["disputes"] + [[a, b] for a, b in found.items()]}
    if context.enough():
        return _cut(state, context)

    about = brief_of(state, context)
    pool = context.pool(state["pool"])
    models = context.models
    context.reporter.stage("reflect", f"{len(state['new'])} new pieces of evidence")
    made = belief.reflect(context.canvas(about, state["canvas"]), pool, models, state["new"], budget=context.budget)
    if context.hurried:
        return _cut(state, context)
    made = gaps.offered(made, context.canvas(about, state["canvas"]), pool, state.get("slighted", []))
    against = [[a, b] for a, b in {**made.rests, **made.disputes}.items()]
    disputes = state["disputes"] + [pair for pair in against if pair not in state["disputes"]]
    context.reporter.stage("reflect", f"{made.kind}: {made.cause.reason}")
    claims = [s.id for s in context.canvas(about, state["canvas"]).claims()]
    context.reporter.decision(events.decided(made, pool, state["pages"], claims))
    return {"decision": pack(made), "disputes": disputes, "seconds": context.seconds(state["seconds"])}


def revise(state: State, context: Context) -> State:
    """The draft in the first round, then what reflect decided."""
    about = brief_of(state, context)
    if state["decision"].get("kind") == "keep":
        return {}
    from dlm_core import revise as engine

    draft = context.canvas(about, state["canvas"] or state.get("outline", ""))
    pool = context.pool(state["pool"])
    models = context.models
    seed = context.seed(state["round"])
    context.reporter.stage("draft" if not state["canvas"] else "revise", f"round {state['round']}")
    context.reporter.canvas(events.drawn(draft))
    progress = context.reporter.progress
    if not state["canvas"]:
        made = engine.draft(
            draft, pool, models, seed=seed, budget=context.budget, effort=context.effort, progress=progress
        )
    else:
        made = engine.revise(
            draft,
            pool,
            models,
            unpack(state["decision"]),
            seed=seed,
            budget=context.budget,
            effort=context.effort,
            progress=progress,
        )
    if context.hurried and state["canvas"]:
        return _cut(state, context)
    name = context.keep(made, f"{len(made.revisions):03d}.raw.json")
    context.reporter.canvas(events.drawn(made))
    remarks = _remarked(state, context, [UNWORDED] if context.hurried else [])
    return {"canvas": name, "remarks": remarks, "seconds": context.seconds(state["seconds"])}


def _cut(state: State, context: Context) -> State:
    """The budget was spent before the round was done: the draft stays as the round before left it."""
    from dlm_core.belief import Decision
    from dlm_core.canvas import Cause

    line = f"There was no time to work what round {state['round']} found into the draft"
    if context.limits.tokens and context.tokens >= context.limits.tokens:
        line = f"The budget of tokens did not reach for what round {state['round']} found"
    return {
        "decision": pack(Decision("keep", Cause("the budget is spent"), (), (), {})),
        "remarks": _remarked(state, context, [line]),
        "seconds": context.seconds(state["seconds"]),
    }


def check(state: State, context: Context) -> State:
    """Verify every claim; what fails is rewritten, and what cannot be saved goes."""
    about = brief_of(state, context)
    draft = context.canvas(about, state["canvas"])
    pool = context.pool(state["pool"])
    context.reporter.stage("verify", f"{len(draft.claims())} claims")
    failing = verify.failing(draft, pool)
    if not context.enough():
        failing = verify.doubtful(draft, pool, context.models) | failing
    made = draft
    dropped = state["dropped"]
    failed: list[list[str]] = []
    if failing:
        from dlm_core import revise as engine

        lost = {i for i in failing if any(p not in pool.evidence for p in draft.slot(i).pointers)}
        made = verify.logged(made, verify.drop(made, lost))
        rest = {i: r for i, r in failing.items() if i not in lost}
        if rest:
            context.reporter.note(f"not borne out by their evidence, written again: {events.count(len(rest), 'claim')}")
            seed = context.seed(state["round"])
            made = engine.rewrite(
                made,
                pool,
                context.models,
                rest,
                seed=seed,
                effort=context.effort,
                progress=context.reporter.progress,
            )
        beyond = verify.failing(made, pool)
        failed = [[made.slot(i).text, "; ".join(reasons[:2])] for i, reasons in beyond.items()]
        failed += [[draft.slot(i).text, "; ".join(failing[i][:2])] for i in sorted(lost)]
        made = verify.logged(made, verify.drop(made, set(beyond)))
        dropped += len(failed)
    made = verify.logged(made, verify.settle_summary(made))
    remarks = [f"{line}." for line in state.get("remarks", [])]
    if remarks:
        made = replace(made, notes=tuple(dict.fromkeys([*made.notes, *remarks])))
    name = f"{len(made.revisions):03d}.json"
    if made != draft or name != state["canvas"]:
        context.keep(made, name)
    context.reporter.canvas(events.drawn(made))
    if not made.claims():
        raise FailedRun("no sentence could be borne out by the sources: name other sources")
    open_parts = queries.uncovered(about, made, pool, context.embedder)
    spent = context.seconds(state["seconds"])
    stop = reason_to_stop(
        context.limits,
        round=state["round"],
        seconds=spent,
        tokens=context.tokens,
        hurried=context.enough(),
        interrupted=context.interrupted,
        new_pages=len(state["fresh"]),
        new_evidence=len(state["new"]),
        decision=state["decision"].get("kind", "draft"),
        open_parts=len(open_parts),
        weak=len(failing),
    )
    if stop:
        context.reporter.stage("verify", f"{len(made.claims())} claims stand; {stop}")
    return {
        "canvas": name,
        "weak": len(failing),
        "failed": failed,
        "lost": state.get("lost", []) + [line for line in failed if line not in state.get("lost", [])],
        "dropped": dropped,
        "seconds": spent,
        "stop": stop,
    }


def report(state: State, context: Context) -> State:
    """Render the canvas and put the two files in place, with the figures that the user asked for."""
    from workflows import figures, publish

    if context.run.figures:
        about = brief_of(state, context)
        on_topic = [name for name in state["pages"] if name not in state["cut"]]
        figures.gather(context, context.canvas(about, state["canvas"]), state["canvas"], on_topic)
    context.reporter.stage("report")
    where = publish.publish(state, context, brief_of(state, context))
    context.run = replace(context.run, status="done", out=str(where), reason=state["stop"])
    from workflows import runs

    runs.save(context.run)
    for file in (context.run.folder / "pages").glob("*.json"):
        with contextlib.suppress(OSError):
            file.unlink()
    return {}
