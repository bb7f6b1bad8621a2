"""Who writes the reports of `bench.reports`: the product and its peers, on the same pages.

The product is run as a user runs it. What it read lies in a library; the peers
write from that library, without its pool, plan or checks:
- bm25: sentences of the pages by BM25, chosen by maximal marginal relevance
- minilm: the same by MiniLM cosine
- causal: passages by the library's search, a prompt a sentence, written from left
  to right by the same base with the causal adapter (bench/peers.py)
- base: the same passages, a chat prompt each, by the base as it is
Each gives ranked sentences, which the bench cuts to the length of the product's.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from langgraph.checkpoint.sqlite import SqliteSaver

from bench.causal import generate
from bench.checker import unsupported
from bench.measures import Draft, Sentence
from bench.rouge import tokens
from bench.select import marginal
from dlm_core.boundaries import sentences
from dlm_core.checkpoint import compute_dtype, converted, load_adapter, load_base
from dlm_core.embed import Embedder
from dlm_core.fetch_base import base_path, cache_folder
from dlm_core.model import Transformer
from dlm_core.prompt import BRIEF, CLAIM, prompt
from dlm_core.segment import Evidence, split
from dlm_core.sentences import LONG
from dlm_core.tokenizer import TextTokenizer
from dlm_core.train.text import RANK
from tools.library import Library

UNITS = 60  # sentences a peer ranks at most
PASSAGES = 24  # of a retrieval: with fewer, some reports stay shorter than ours
EACH = 3  # sentences a passage gives to the causal peer
SHORTEST, LONGEST = 5, 45  # words of a sentence that can be chosen
CHAT = (1, 2)  # chat start and end (SmolLM2's own template)
ANSWER = 110  # tokens of a chat answer at most
ANSWERED = 16  # passages that get one
TOKENS = 72  # of one sentence
ROWS = 24  # prompts a batch


COMMAND = (sys.executable, "-c", "import sys; from workflows.cli import main; sys.exit(main())")  # palimpsest

Trail = dict[str, float]


class BenchError(RuntimeError):
    """A report of the bench could not be made; one line."""


# --- the product ----------------------------------------------------------------


def ours(question: str, source: str, folder: Path, base: Path, seed: int = 0) -> dict[str, Any]:
    """Run the command line into folder/report, with its library in folder/library; report.json and the
    processor seconds."""
    command = [*COMMAND, question]
    command += ["--sources", source, "--out", str(folder / "report"), "--library", str(folder / "library"), "--force"]
    command += ["--quiet", "--seed", str(seed), "--base", str(base)]
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    home = os.environ | {"PALIMPSEST_HOME": str(folder / "home")}
    done = subprocess.run(command, env=home, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{question} gave no report: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    report = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))
    return {"report": report, "processor_seconds": seconds}


def our_run(folder: Path) -> Path:
    """The run folder of the last `ours`."""
    found = (folder / "home" / "runs").glob("*/checkpoints.sqlite")
    return max(found, key=lambda f: f.stat().st_mtime).parent


def our_pool(folder: Path) -> list[str]:
    """Evidence ids at hand when `ours` ended, from the run's last checkpoint; their source is before the point."""
    run = our_run(folder)
    with closing(sqlite3.connect(run / "checkpoints.sqlite", check_same_thread=False)) as connection:
        held = SqliteSaver(connection).get_tuple({"configurable": {"thread_id": run.name}})
    return list(held.checkpoint["channel_values"]["pool"]) if held else []


def where_gold_went(made: dict[str, Any], folder: Path, library: Library, is_gold: Callable[[str], bool]) -> Trail:
    """What each stage left of the gold pages: pages that were read, the pool's share of
    evidence from them, pages that claims cite."""
    known = {s.id: s.url for s in library.sources()}
    good = {i for i, url in known.items() if is_gold(url)}
    pool = [i.rsplit(".", 1)[0] for i in our_pool(folder)]
    report = made["report"]
    cited = {report["evidence"][e]["source"] for s in report["sections"] for c in s["claims"] for e in c["evidence"]}
    return {
        "gold_pages_read": len(good),
        "gold_pages_cited": len(good & cited),
        "pages_read": len(known),
        "pool_gold_share": sum(i in good for i in pool) / max(1, len(pool)),
    }


def our_draft(made: dict[str, Any], library: Library, trail: Trail) -> Draft:
    """The product's report as the bench sees it. A citation is valid where its evidence
    is listed with its source and stands at its offsets in the stored text."""
    report = made["report"]
    out, in_span = [], 0
    for section in report["sections"]:
        for claim in section["claims"]:
            found = [report["evidence"].get(e) for e in claim["evidence"]]
            valid = bool(found) and all(e is not None and _stands(e, report, library) for e in found)
            held = [e for e in found if e is not None and e["source"] in report["sources"]]
            urls = tuple(dict.fromkeys(report["sources"][e["source"]]["url"] for e in held))
            ids = [i for i in claim["evidence"] if i in report["evidence"]]
            cited = "\n".join(dict.fromkeys(context_of(e, library) for e in library.evidence(ids)))
            out.append(Sentence(claim["text"], urls, cited, valid, section["heading"]))
            in_span += bool(unsupported(claim["text"], " ".join(e["text"] for e in held)))
    return Draft(tuple(out), made.get("processor_seconds"), {"unsupported_in_span": in_span, **trail})


def _stands(evidence: dict[str, Any], report: dict[str, Any], library: Library) -> bool:
    if evidence["source"] not in report["sources"]:
        return False
    return library.source(evidence["source"]).text[evidence["start"] : evidence["end"]] == evidence["text"]


def context_of(evidence: Evidence, library: Library) -> str:
    """What a reader who follows a citation finds: page title, heading and passage."""
    passage = library.passage(evidence.passage)
    return f"{library.source(passage.source).title}\n{passage.heading}\n{passage.text}"


# --- extractive peers -----------------------------------------------------------


def candidates(library: Library, sources: Sequence[str]) -> list[Evidence]:
    """Sentences of the pages that can stand alone and are of usual length, in order."""
    found: list[Evidence] = []
    for source in sources:
        text = library.source(source).text
        found += [e for e in split(text, source)[1] if e.standalone and SHORTEST <= len(e.text.split()) <= LONGEST]
    return found


def by_words(question: str, found: Sequence[Evidence]) -> list[int]:
    """BM25 and maximal marginal relevance over shared words."""
    corpus = bm25s.tokenize([e.text for e in found], stopwords="en", show_progress=False)
    index = bm25s.BM25()
    index.index(corpus, show_progress=False)
    asked = bm25s.tokenize([question], stopwords="en", show_progress=False, return_ids=False)[0]
    scores = np.asarray(index.get_scores(asked), dtype=float)
    bags = [set(tokens(e.text)) for e in found]
    likely = np.argsort(-scores, kind="stable")[: 10 * UNITS]  # the rest is not worth n by n sets
    alike = np.array([[len(bags[i] & bags[j]) / len(bags[i] | bags[j]) for j in likely] for i in likely])
    return [int(likely[n]) for n in marginal(scores[likely] / max(scores.max(), 1e-9), alike, UNITS).tolist()]


def by_meaning(question: str, found: Sequence[Evidence], library: Library, embedder: Embedder) -> list[int]:
    """MiniLM cosine and maximal marginal relevance over it."""
    vectors = library.vectors([e.id for e in found])
    return [int(n) for n in marginal(vectors @ embedder([question])[0], vectors @ vectors.T, UNITS)]


def _said(text: str, evidence: Evidence, library: Library, section: str = "") -> Sentence:
    source = library.source(evidence.source)
    return Sentence(text, (source.url,), context_of(evidence, library), True, section or source.title)


def extractive(
    question: str, library: Library, sources: Sequence[str], pick: Callable[[list[Evidence]], list[int]]
) -> Draft:
    """Ranked sentences of the pages, word for word."""
    began = time.process_time()
    found = candidates(library, sources)
    ranked = tuple(_said(found[i].text, found[i], library) for i in pick(found)) if found else ()
    return Draft(ranked, time.process_time() - began)


# --- left-to-right peers ----------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """The base with the causal adapter, and its tokenizer."""

    model: Transformer
    tokenizer: TextTokenizer


def base_folder(base: str | None) -> Path:
    """The base in the layout that loads fastest."""
    return converted(base_path(base), cache_folder())


def load_reader(base: Path, adapter: Path | None) -> Reader:
    """The base, and the causal adapter of a folder that bench.peers made."""
    model, tokenizer = load_base(base, dtype=compute_dtype(), rank=RANK)
    if adapter is not None:
        load_adapter(model, sorted(adapter.glob("adapter-*.safetensors")))
        model.merge()
    return Reader(model.eval(), tokenizer)


def causal(question: str, library: Library, sources: Sequence[str], embedder: Embedder, reader: Reader) -> Draft:
    """Retrieve passages; of each, write its sentences nearest to the question anew, each
    from a prompt as the diffusion writer's, and cite the passage."""
    began = time.process_time()
    asked = embedder([question])[0]
    leads: list[tuple[Evidence, list[int]]] = []
    for passage, _ in library.search(question, PASSAGES, set(sources)):
        usable = [e for e in library.evidence_of(passage.id) if e.standalone and e.reason != "heading"]
        usable = [e for e in usable if SHORTEST <= len(e.text.split()) <= LONGEST]
        if not usable:
            continue
        near = library.vectors([e.id for e in usable]) @ asked
        title = library.source(passage.source).title
        for i in sorted(np.argsort(-near, kind="stable")[:EACH].tolist()):
            e = usable[i]
            kind = BRIEF if len(e.text.split()) > LONG else CLAIM
            leads.append((e, reader.tokenizer.encode(prompt(title, e.heading, [e.text], kind))))
    written: list[str] = []
    for at in range(0, len(leads), ROWS):
        part = [context for _, context in leads[at : at + ROWS]]
        made = generate(reader.model, part, [TOKENS] * len(part))
        written += [reader.tokenizer.decode(t).strip() for t in made]
    said = [_said(t, e, library) for t, (e, _) in zip(written, leads, strict=True) if len(t.split()) > 1]
    return Draft(tuple(said), time.process_time() - began)


def base_chat(question: str, library: Library, sources: Sequence[str], reader: Reader) -> Draft:
    """Retrieve passages; let the base as it is answer the question from each, and cite it."""
    began = time.process_time()
    passages = [p for p, _ in library.search(question, ANSWERED, set(sources))]
    start, end = CHAT
    encode = reader.tokenizer.encode
    contexts = []
    for p in passages:
        asked = f"user\nAnswer in three sentences, from this text only: {question}\n\n{p.text}"
        contexts.append([start, *encode(asked), end, *encode("\n"), start, *encode("assistant\n")])
    out: list[Sentence] = []
    for at in range(0, len(contexts), ROWS):
        made = generate(reader.model, contexts[at : at + ROWS], [ANSWER] * len(contexts[at : at + ROWS]), adapter=False)
        for passage, row in zip(passages[at : at + ROWS], made, strict=True):
            text = " ".join(reader.tokenizer.decode(row).split())
            if len(row) >= ANSWER and not text.endswith((".", "!", "?")):
                text = text[: max(text.rfind(". "), 0) + 1]  # cut off in mid-sentence
            title = library.source(passage.source).title
            cited = f"{title}\n{passage.heading}\n{passage.text}"
            url = library.source(passage.source).url
            out += [Sentence(text[a:b], (url,), cited, True, title) for a, b in sentences(text) if b - a > 2]
    return Draft(tuple(out), time.process_time() - began)


# --- kept on disk -----------------------------------------------------------------


def keep(draft: Draft, pages: Sequence[str], file: Path) -> None:
    """A peer's ranked sentences with the pages they are from, whole or not at all."""
    raw = {"pages": list(pages), **asdict(draft)}
    part = file.with_suffix(".part")
    part.write_text(json.dumps(raw, ensure_ascii=False), encoding="utf-8")
    part.replace(file)


def kept(file: Path, pages: Sequence[str]) -> Draft | None:
    """What `keep` kept, if it is from the same pages."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if raw["pages"] != list(pages):
        return None
    said = tuple(Sentence(**{**s, "urls": tuple(s["urls"])}) for s in raw["sentences"])
    return Draft(said, raw["seconds"], raw["extra"])
