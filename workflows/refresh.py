"""palimpsest refresh: the sources of a report read again, and only the claims revised whose evidence changed.

A source whose text changed becomes a new source (its id has the hash of the
text), with the number that the old one had: evidence keeps its meaning in the
log of revisions. A sentence that still stands in it, wherever, changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np

from agent import verify
from dlm_core.canvas import Cause, Slot
from dlm_core.compose import write_claims
from dlm_core.effort import Effort
from dlm_core.parting import parted
from dlm_core.segment import Evidence, instruction, split
from tools.source import Hit, ProviderError, Skipped, Source, SourceError, source_id
from workflows import change, runs
from workflows.asked import Nothing, Request
from workflows.change import Work
from workflows.context import Context
from workflows.given import Given
from workflows.kept import moved_breaks, without
from workflows.terminal import safe

LIKE = 0.6  # cosine from which a sentence may be what another one became
GONE = ("HTTP 404", "HTTP 410", "no such file", "not there")


@dataclass
class Found:
    """What reading again gave. changed: old source id -> the source now. gone: source id -> why it is no more.
    unread: url -> why it is not known."""

    changed: dict[str, Source] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    same: int = 0


def refreshed(work: Work, context: Context, given: Given, asked: Request) -> None:
    """Revise the canvas by what its sources say now. Raises Nothing where that is nothing new."""
    cited = dict.fromkeys(work.evidence[e].source for e in work.canvas.cited() if e in work.evidence)
    found = _read_again(list(cited), work, context, given, asked)
    for url, why in found.unread.items():
        context.reporter.note(f"not read again: {url}: {why}")
    if not found.changed and not found.gone:
        left = f"; {len(found.unread)} could not be read again" if found.unread else ""
        raise Nothing(f"no source changed ({found.same} read again{left}): nothing is written")
    _revise(work, found, context)


# --- reading again ------------------------------------------------------------------------


def _read_again(ids: Sequence[str], work: Work, context: Context, given: Given, asked: Request) -> Found:
    from tools.providers import open_providers
    from tools.settings import SettingsError, load

    named = [*asked.sources, *context.run.sources]
    settings = load(context.run.settings)[0]
    providers = []
    for spec in dict.fromkeys(named):
        try:
            providers += open_providers([spec], settings)
        except (SourceError, SettingsError):
            continue  # a folder of then that is not there now
    out = Found()
    for name in ids:
        source = work.sources[name]
        context.reporter.stage("read", source.title or source.url)
        page = _again(source, providers, settings, Path(asked.folder), context)
        if isinstance(page, Skipped):
            if any(page.reason.startswith(g) for g in GONE):
                out.gone[name] = page.reason
            else:
                out.unread[source.url] = page.reason
            continue
        if _unchanged(name, page, work):
            out.same += 1
            continue
        digest = hashlib.sha256(page.text.encode()).hexdigest()
        out.changed[name] = replace(page, id=source_id(f"{source.url} {digest}"), url=source.url)
    return out


def _again(
    source: Source, providers: Sequence[object], settings: object, home: Path, context: Context
) -> Source | Skipped:
    """The source as it is now. A file is opened only where it lies in the report's folder, or
    under what the user named now or in a run; a page on this machine or a private network only where it was named."""
    from tools.extract import Extractor
    from tools.fetch import Fetcher
    from tools.local import LocalFiles
    from tools.pages import Page, Reader
    from tools.settings import Settings
    from workflows.revise_read import own_file, read_file

    assert isinstance(settings, Settings)
    url = source.url
    if url.startswith("file://"):
        file = Path(unquote(urlsplit(url).path))
        if own_file(url, home) is None and not _named(file, context):
            return Skipped(url, "it is under no folder that was named: --sources names it")
        if not file.is_file():
            return Skipped(url, "no such file")
        return read_file(file, context)
    if not url.startswith(("http://", "https://")):
        return Skipped(url, "not an address that can be read")
    for provider in providers:
        if isinstance(provider, LocalFiles):
            continue
        try:
            page = provider.fetch(Hit(url, source.title, "", ""))  # type: ignore[attr-defined]
        except ProviderError:
            continue
        if isinstance(page, Source) and page.url == url:
            return page
        if isinstance(provider, Page) and provider.url == url:
            return page if isinstance(page, Skipped) else Skipped(url, "it could not be read")
    return Reader(Fetcher(settings), Extractor(settings.page_timeout)).page(url, source.title)


def _named(file: Path, context: Context) -> bool:
    """Whether a source of this run, or of any recorded one, names this file or a folder above it."""
    specs = [s for r in (context.run, *runs.listed()) for s in r.sources]
    target = file.resolve()
    for spec in dict.fromkeys(specs):
        path = Path(spec)
        if path.is_absolute() and (target == path.resolve() or target.is_relative_to(path.resolve())):
            return True
    return False


def _unchanged(name: str, page: Source, work: Work) -> bool:
    """Whether a source has the text it had; where that is not at hand, whether all that is cited stands in it."""
    from tools.stored import LibraryError

    if work.library is not None:
        try:
            return work.library.source(name).text == page.text
        except LibraryError:
            pass
    mine = [e for e in work.canvas.cited() if e in work.evidence and work.evidence[e].source == name]
    return all(page.text[work.evidence[e].start : work.evidence[e].end] == work.evidence[e].text for e in mine)


# --- what follows -------------------------------------------------------------------------


def _revise(work: Work, found: Found, context: Context) -> None:
    moved: dict[str, str] = {}  # evidence -> the evidence that says the same now
    lost: dict[str, str] = {}  # evidence -> what it became, "" for nothing
    for name, page in found.changed.items():
        now = [e for e in split(page.text, page.id)[1] if e.reason != "heading"]
        at = {e.text: e.id for e in now}
        work.sources[page.id] = replace(page, text="")
        mine = [e for e in work.canvas.cited() if e in work.evidence and work.evidence[e].source == name]
        gone = [e for e in mine if work.evidence[e].text not in at]
        moved |= {e: at[work.evidence[e].text] for e in mine if e not in gone}
        lost |= _became(gone, now, work)
        keep = {*moved.values(), *lost.values()}
        work.evidence |= {e.id: e for e in now if e.id in keep}
        context.library.add(page)
        _renumber(work, name, page.id)
    for name in found.gone:
        lost |= {e: "" for e in work.canvas.cited() if e in work.evidence and work.evidence[e].source == name}
    work.disputes = [(moved.get(a, a), moved.get(b, b)) for a, b in work.disputes]
    _write(work, moved, lost, found)


def _renumber(work: Work, old: str, new: str) -> None:
    numbers = dict(work.canvas.numbers)
    if old in numbers:
        numbers[new] = numbers.pop(old)
        work.canvas = replace(work.canvas, numbers=dict(sorted(numbers.items(), key=lambda i: i[1])))


def _became(gone: Sequence[str], now: Sequence[Evidence], work: Work) -> dict[str, str]:
    """For each sentence that is no more, the nearest usable one of the text as it is; an instruction may have become
    another."""
    told = any(instruction(work.evidence[e]) for e in gone)
    free = [e for e in now if change.usable(e) or (told and instruction(e))]
    if not gone or not free:
        return {e: "" for e in gone}
    near = work.embedder([work.evidence[e].said for e in gone]) @ work.embedder([e.said for e in free]).T
    near = np.round(near, 6)
    best = near.argmax(axis=1)
    taken: set[int] = set()
    out = {}
    for n in sorted(range(len(gone)), key=lambda n: (-float(near[n].max()), n)):
        i = int(best[n])
        fits = float(near[n, i]) >= LIKE and i not in taken
        taken |= {i} if fits else set()
        out[gone[n]] = free[i].id if fits else ""
    return out


def _write(work: Work, moved: dict[str, str], lost: dict[str, str], found: Found) -> None:
    """Claims whose evidence changed are written from what it became; those it left without ground leave."""
    ids = [s.id for s in work.canvas.claims() if set(s.pointers) & set(lost)]
    before, _ = parted(work.canvas, ids, work.pool())
    slots: dict[str, Slot] = {}
    again: list[str] = []
    leaving: set[str] = set()
    for slot in before.claims():
        if not set(slot.pointers) & (set(moved) | set(lost)):
            continue
        pointers = [moved.get(p, lost.get(p, p)) for p in slot.pointers]
        stays = [p for p in dict.fromkeys(pointers) if p]
        touched = [p for p in slot.pointers if p in lost]
        held = [moved.get(p, p) for p in slot.pointers if p not in lost]
        if slot.pinned or not touched:
            slots[slot.id] = replace(slot, pointers=tuple(stays or slot.pointers))
        elif held and not verify.claim_problems(replace(slot, pointers=tuple(held)), work.pool(held)):
            slots[slot.id] = replace(slot, pointers=tuple(held))  # what is left bears it out
        elif stays:
            slots[slot.id] = replace(slot, pointers=tuple(stays))
            again.append(slot.id)
        else:
            leaving.add(slot.id)
    work.canvas = before.with_slots(slots)
    pool = work.pool()
    standing = [i for i in again if not verify.claim_problems(work.canvas.slot(i), pool)]
    again = [i for i in again if i not in standing]  # a new wording of the source that says what the claim says
    seen = work.bound()
    blank = seen.with_slots({i: replace(seen.slot(i), text="", tokens=(), confidence=()) for i in again})
    made = blank
    if again:
        made = write_claims(
            blank, again, pool, work.models(), seed=work.seed + work.number, effort=Effort(), age=work.number
        )
        failing = verify.failing(made, pool)
        leaving |= {i for i in again if i in failing or not change.made_text(made, i)}
    now = {s.id: s for s in made.slots if s.id in again and s.id not in leaving}
    after = without(work.canvas.with_slots(now), leaving)
    if not any(s.text for s in after.claims()):
        raise change.Unmet("the sources bear out no claim of the report any more: ask the question again")
    if before.breaks is not None:
        after = replace(after, breaks=moved_breaks(before, after, before.breaks))
    if leaving:
        many = "One sentence" if len(leaving) == 1 else f"{len(leaving)} sentences"
        after = replace(after, notes=(*after.notes, f"{many} left, as the sources no longer say so."))
    titles = [safe(work.sources[s].title) for s in (*found.changed, *found.gone)][:3]
    cause = Cause(f"its sources changed: {'; '.join(titles)}", tuple(e for e in lost.values() if e))
    work.canvas = replace(before, numbers=work.canvas.numbers, next_id=after.next_id)
    work.record(replace(after, numbers=work.canvas.numbers), cause)
