"""What a revision reads: the sources that were named, and those that a report of somebody else's names itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools.source import Hit, Provider, Skipped, Source, source_id
from workflows import nodes
from workflows.asked import Request
from workflows.context import Context, FailedRun
from workflows.given import Given
from workflows.state import State

REFERENCES = 30  # addresses of a report of somebody else's that are read
PLACES = 8  # files that one --sources or --add brings


def read(state: State, context: Context, given: Given, asked: Request) -> State:
    """The pages of the sources that were named; of a report of somebody else's, those it
    names itself as far as it may."""
    skipped: list[list[str]] = []
    fresh: list[str] = []
    pages: list[str] = []
    spoken = " ".join([given.canvas.question, *(w.about for w in asked.wishes)])
    for spec in (*asked.add, *asked.sources):
        for page in _named(spec, spoken, context):
            if isinstance(page, Skipped):
                skipped.append([page.url, page.reason])
                context.reporter.note(f"skipped {page.url}: {page.reason}")
                continue
            if _other_text(page, given):
                known = "it is a source of the report and has changed: palimpsest refresh reads it again"
                skipped.append([page.url, known])
                context.reporter.note(f"skipped {page.url}: {known}")
                continue
            context.library.add(page)
            pages.append(page.id)
            fresh += [page.id] if spec in asked.add else []
    if asked.add and not fresh:
        why = f": {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise FailedRun(f"nothing could be read of {', '.join(asked.add)}{why}")
    if not given.ours and not asked.refresh and _needs_evidence(asked):
        pages += [p for p in _own_references(given, context, asked, skipped) if p not in pages]
    return {
        "pages": list(dict.fromkeys([*state["pages"], *pages])),
        "queries": [[p, ""] for p in dict.fromkeys(pages)],
        "fresh": list(dict.fromkeys(fresh)),
        "skipped": skipped,
        "canvas": context.keep(given.canvas, f"{len(given.canvas.revisions):03d}.json"),
    }


def _other_text(page: Source, given: Given) -> bool:
    """Whether a page is a source of the report with another text: evidence is known by its place."""
    held = [e for e in given.evidence.values() if e.source == page.id]
    return any(page.text[e.start : e.end] != e.text for e in held)


def _needs_evidence(asked: Request) -> bool:
    return bool(asked.add or asked.sources or any(w.kind not in ("without",) for w in asked.wishes))


def _named(spec: str, spoken: str, context: Context) -> list[Source | Skipped]:
    """The best pages of a source that the user named."""
    from tools.providers import open_providers
    from tools.settings import load

    provider = open_providers([spec], load(context.run.settings)[0])[0]
    context.reporter.stage("read", spec)
    hits = provider.search(spoken, PLACES)
    out = [_fetched(provider, hit, context) for hit in hits]
    return out + [s for s in getattr(provider, "skipped", []) if not hits]


def _fetched(provider: Provider, hit: Hit, context: Context) -> Source | Skipped:
    page = context.spooled(hit.url)
    if page is None:
        page = nodes._fetch(provider, hit)
        context.spool(page, hit.url)
    return page


def _own_references(given: Given, context: Context, asked: Request, skipped: list[list[str]]) -> list[str]:
    """What a report of somebody else's names and may be read: web pages at public
    addresses, and files in its own folder or below. A path in it opens nothing else."""
    assert given.page is not None
    from tools.extract import Extractor
    from tools.fetch import Fetcher
    from tools.pages import Reader
    from tools.settings import load

    settings = load(context.run.settings)[0]
    reader = Reader(Fetcher(settings), Extractor(settings.page_timeout))
    out = []
    home = Path(asked.folder)
    for entry in list(given.page.references.values())[:REFERENCES]:
        target = entry.target
        page: Source | Skipped | None = None
        if target.startswith(("http://", "https://")):
            page = context.spooled(target)
            if page is None:
                context.reporter.stage("read", target)
                page = reader.page(target, robots=True)
                context.spool(page, target)
        else:
            file = own_file(target, home)
            if file is not None:
                page = read_file(file, context)
                page = replace(page, id=source_id(target), url=file.as_uri()) if isinstance(page, Source) else page
        if isinstance(page, Source):
            context.library.add(page)
            out.append(page.id)
        elif isinstance(page, Skipped):
            skipped.append([page.url, page.reason])
            context.reporter.note(f"skipped {page.url}: {page.reason}")
    return out


def own_file(target: str, home: Path) -> Path | None:
    """The file of a reference, where it lies in the report's own folder or below it."""
    if not home.exists():
        return None
    base = (home if home.is_dir() else home.parent).resolve()
    try:
        named = Path(unquote(urlsplit(target).path)) if target.startswith("file://") else Path(target)
        file = (base / named).resolve() if target else base
        return file if target and file.is_file() and file.is_relative_to(base) else None
    except (OSError, ValueError):
        return None


def read_file(file: Path, context: Context) -> Source | Skipped:
    """A local file as a source, as the provider of files reads it."""
    from tools.extract import Extractor
    from tools.local import LocalFiles
    from tools.source import SourceError

    try:
        provider = LocalFiles(file, Extractor())
    except SourceError as error:
        return Skipped(file.as_uri(), str(error))
    return provider.fetch(Hit(file.resolve().as_uri(), "", "", ""))
