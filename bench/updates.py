"""What new evidence does to drafts of real pages: planted updates, one JSON line a figure.

    python -m bench.updates --data ../shared/data --cache FOLDER [--split calibrate] [--off reading] [--minutes 4]

Drafts are made by the engine from pages of the shards that validation.txt names
(--split calibrate: of others), then newer sources are planted (update_cases.py):
irrelevant additions, repetitions, relevant additions, single facts that change,
and premises that four or more claims rest on. Everything that was computed is
kept in the cache by what it depends on, so a run that was cut off, or ended by
--minutes, goes on where it stood; figures are printed when all cases are done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

import numpy as np

from bench import update_cases as cases
from bench.line import line
from bench.plan import interval
from bench.update_cases import Case, Page, Topic, says
from dlm_core.belief import Decision, Parts, reflect
from dlm_core.canvas import Canvas, Slot
from dlm_core.effort import Effort
from dlm_core.embed import Embedder
from dlm_core.layout import Budget
from dlm_core.models import Models, load_models
from dlm_core.revise import draft, revise
from dlm_core.segment import Evidence
from dlm_core.support import problems
from dlm_core.train.plan_data import validation_files

EFFORT = Effort.at(0.0)  # what is measured is what a revision touches, not how well it is worded
BUDGET = Budget(slots=12, claims=8, most=11, sections=2)
PAGES = 120  # of a shard that are looked at
TOPICS = 40  # of a shard at most
CALIBRATION = (
    "textbooks/introduction-sociology-3e",
    "textbooks/microbiology",
    "textbooks/american-government-4e",
    "textbooks/nutrition",
    "textbooks/us-history",
    "textbooks/introduction-business-2e",
    "textbooks/population-health",
)
KINDS = ("irrelevant", "repeated", "relevant", "fact", "premise")
SEED = 11
PARTS = ("reading", "contradiction", "reconstruction")
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Split:
    """Which shards, and how many cases of each kind."""

    name: str
    files: tuple[str, ...]
    count: int


def split_of(name: str, data: Path, count: int) -> Split:
    if name == "calibrate":
        return Split(name, CALIBRATION, count)
    return Split(name, tuple(f for f in validation_files(data) if not f.startswith("extra/")), count)


# --- cases, made once ----------------------------------------------------------------


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _code(*modules: str) -> str:
    """A digest of some source files: what was computed by other code is computed again."""
    root = Path(__file__).resolve().parents[1]
    return _digest(*((root / m).read_text(encoding="utf-8") for m in modules))


class Vectors:
    """An embedder that remembers what it embedded, in a file of the cache."""

    def __init__(self, embedder: Embedder, file: Path) -> None:
        self.embedder, self.file = embedder, file
        self.known: dict[str, np.ndarray] = {}
        if file.is_file():
            with np.load(file) as held:
                self.known = dict(zip(held["texts"].tolist(), held["vectors"], strict=True))
        self.fresh = False

    def __call__(self, texts: list[str]) -> np.ndarray:
        new = [t for t in dict.fromkeys(texts) if t not in self.known]
        if new:
            self.known |= dict(zip(new, self.embedder(new), strict=True))
            self.fresh = True
        return np.stack([self.known[t] for t in texts]) if texts else np.zeros((0, Embedder.dim), np.float32)

    def save(self) -> None:
        if self.fresh:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            part = self.file.with_suffix(".part.npz")
            np.savez(part, texts=np.array(list(self.known)), vectors=np.stack(list(self.known.values())))
            part.replace(self.file)


class Cut(Exception):
    """The minutes of this call are spent."""


@dataclass
class Bench:
    """A split with its cache. `until`: monotonic seconds at which a call ends."""

    split: Split
    data: Path
    cache: Path
    models: Models
    until: float
    _pages: dict[str, list[Page]] = field(default_factory=dict)

    @property
    def embed(self) -> cases.Embed:
        return self.models.embedder

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """The JSON value of a file of the cache, made where it is not there."""
        file = self.cache / f"{name}.json"
        if file.is_file():
            return json.loads(file.read_text(encoding="utf-8"))
        if time.monotonic() > self.until:
            raise Cut
        value = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        part.replace(file)
        return value

    @property
    def key(self) -> str:
        return _digest(self.split.files, _code("bench/update_cases.py"), PAGES, TOPICS, SEED)

    def pages(self, file: str) -> list[Page]:
        """Pages of a shard."""
        if file not in self._pages:
            made = self.kept(
                f"pages/{_digest(file, self.key)}",
                lambda: [asdict(p) for p in cases.pages(self.data, file, PAGES, SEED)],
            )
            self._pages[file] = [
                Page(p["file"], p["id"], p["title"], p["chapter"], tuple(Evidence(**e) for e in p["evidence"]))
                for p in made
            ]
        return self._pages[file]

    def names(self, file: str) -> list[str]:
        """Names in the pages of a shard."""
        found: list[str] = self.kept(f"names/{_digest(file, self.key)}", lambda: cases.names_of(self.pages(file)))
        return found

    def topics(self) -> list[Topic]:
        """Topics, more than cases are wanted: some drafts allow none of a kind."""

        def make() -> list[dict[str, Any]]:
            found = [cases.topics(self.pages(file), TOPICS, self.embed) for file in self.split.files]
            return [_flat(group[n]) for n in range(TOPICS) for group in found if n < len(group)]

        return [_topic(t, self.embed) for t in self.kept(f"{self.split.name}-topics-{self.key}", make)]

    def drafted(self, topic: Topic) -> Canvas:
        """The engine's draft of a topic."""
        name = _digest(topic.question, topic.pool.ids, topic.pool.texts(topic.pool.ids), asdict(BUDGET))

        def make() -> str:
            made = draft(Canvas(topic.question), topic.pool, self.models, seed=SEED, budget=BUDGET, effort=EFFORT)
            return made.to_json()

        return Canvas.from_json(self.kept(f"drafts/{self.models.names['planner']}-{name}", make))

    def cases(self) -> list[Case]:
        """The cases of the split: of each topic those that its draft allows, until
        there are `count` of each kind."""
        out: list[Case] = []
        counts = dict.fromkeys(KINDS, 0)
        for n, topic in enumerate(self.topics()):
            if all(c >= self.split.count for c in counts.values()):
                break
            canvas = self.drafted(topic)
            name = f"cases/{self.split.name}-{_digest(topic.name, self.key)}"
            for raw in self.kept(name, partial(self._plant, n, topic, canvas)):
                case = _case(raw, topic, canvas, self.embed)
                if counts[case.kind] < self.split.count:
                    counts[case.kind] += 1
                    out.append(case)
        return out

    def _plant(self, n: int, topic: Topic, canvas: Canvas) -> list[dict[str, Any]]:
        """The cases of topic number `n`, as plain values."""
        random = Random(f"{SEED} {topic.name}")
        files = self.split.files
        other = self.pages(files[(files.index(topic.file) + 1 + n % (len(files) - 1)) % len(files)])
        here = self.pages(topic.file)
        page = next(p for p in here if topic.name == f"page {p.id}")
        same = [p for p in here if p.id != page.id and (p.chapter != page.chapter or not p.chapter)]
        names = self.names(topic.file)
        prefer = ("number", "date", "name")[n % 3]
        made = (
            cases.irrelevant(topic, canvas, same if n % 2 and same else other, self.embed, random),
            cases.repeated(topic, canvas, self.embed, random),
            cases.relevant(topic, canvas, self.embed) if topic.left_out else None,
            cases.fact(topic, canvas, names, other, self.embed, random, prefer),
            cases.premise(topic, canvas, names, self.embed, random),
        )
        return [_planted(c) for c in made if c is not None and c.fresh]


def _flat(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "file": topic.file,
        "question": topic.question,
        "premise": topic.premise,
        "kind": topic.kind,
        "evidence": [asdict(e) for e in topic.pool.evidence.values()],
        "left_out": [asdict(e) for e in topic.left_out],
        "titles": topic.pool.titles,
        "dates": topic.pool.dates,
    }


def _topic(raw: dict[str, Any], embedder: cases.Embed) -> Topic:
    held = [Evidence(**e) for e in raw["evidence"]]
    left = tuple(Evidence(**e) for e in raw["left_out"])
    pool = cases.pool_of(held, raw["titles"], raw["dates"], embedder)
    return Topic(raw["name"], raw["file"], raw["question"], pool, raw["premise"], raw["kind"], left)


def _planted(case: Case) -> dict[str, Any]:
    return {
        "name": case.name,
        "kind": case.kind,
        "topic": case.topic.name,
        "added": [asdict(case.pool.evidence[e]) for e in case.fresh],
        "title": case.pool.title(case.fresh[0]),
        "old": case.old,
        "new": case.new,
        "fact": case.fact,
        "target": list(case.target),
        "changed": list(case.changed),
        "notes": case.notes,
    }


def _case(raw: dict[str, Any], topic: Topic, canvas: Canvas, embedder: cases.Embed) -> Case:
    added = [Evidence(**e) for e in raw["added"]]
    pool = cases.with_more(topic, added, raw["title"], embedder)
    return Case(
        raw["name"],
        raw["kind"],
        topic,
        canvas,
        pool,
        tuple(e.id for e in added),
        raw["old"],
        raw["new"],
        raw["fact"],
        tuple(raw["target"]),
        tuple(raw["changed"]),
        raw["notes"],
    )


# --- what came of a case -------------------------------------------------------------


def outcome(case: Case, decision: Decision, after: Canvas, seconds: float) -> dict[str, Any]:
    """Plain values of one revision: its decision and what it did to the draft."""
    before = {s.id: s for s in case.canvas.slots}
    there = {s.id: s for s in after.slots}
    changed = sorted(i for i, s in before.items() if i not in there or _moved(s, there[i]))
    added = [s.id for s in after.slots if s.id not in before]
    claims = {s.id: s for s in after.claims()}
    says_old = [s for s in claims.values() if case.old and says(s.text, case.old)]
    told = {i: _state(claims.get(i), case) for i in case.target}
    return {
        "name": case.name,
        "kind": decision.kind,
        "reason": decision.cause.reason,
        "shift": decision.cause.shift,
        "tokens": list(decision.cause.tokens),
        "shifts": decision.shifts,
        "changed": changed,
        "added": added,
        "target": told,
        "stale": [s.id for s in says_old if not _marked(s, case)],
        "claims": len(claims),
        "unsound": [s.id for s in claims.values() if problems(s.text, case.pool.texts(s.pointers))],
        "seconds": round(seconds, 2),
    }


def _moved(a: Slot, b: Slot) -> bool:
    return (a.text, a.pointers, a.disputed) != (b.text, b.pointers, b.disputed)


def _marked(slot: Slot, case: Case) -> bool:
    """Disputed, with the newer source cited."""
    return slot.disputed and any(p in case.fresh for p in slot.pointers)


def _state(slot: Slot | None, case: Case) -> str:
    """ "new": says the new value and cites who says so; "disputed"; "gone"; "old"."""
    if slot is None:
        return "gone"
    if says(slot.text, case.new) and any(p in case.changed for p in slot.pointers):
        return "new"
    if _marked(slot, case):
        return "disputed"
    return "old" if says(slot.text, case.old) else "gone"


def run(bench: Bench, case: Case, parts: Parts) -> dict[str, Any]:
    off = [p for p in PARTS if not getattr(parts, p)]
    code = _code("dlm_core/belief.py", "dlm_core/revise.py", "dlm_core/conflict.py")
    name = f"results/{_digest(case.name, case.fresh, case.pool.texts(list(case.fresh)), code, off, bench.key)}"

    def make() -> dict[str, Any]:
        begin = time.monotonic()
        decision = reflect(case.canvas, case.pool, bench.models, case.fresh, budget=BUDGET, parts=parts)
        after = revise(case.canvas, case.pool, bench.models, decision, seed=SEED, budget=BUDGET, effort=EFFORT)
        return outcome(case, decision, after, time.monotonic() - begin)

    found: dict[str, Any] = bench.kept(name, make)
    return found


def passed(case: Case, found: dict[str, Any]) -> bool:
    """Whether a case came out as it has to (the goals in `figures`)."""
    if case.kind in ("irrelevant", "repeated"):
        return found["kind"] == "keep" and not found["changed"] and not found["added"]
    if case.kind == "relevant":
        return found["kind"] == "local" and bool(found["added"]) and not found["target"]
    told = found["target"]
    if case.kind == "fact":
        right = all(v in ("new", "disputed") for v in told.values())
        return found["kind"] == "local" and right and set(found["changed"]) <= set(told) and not found["added"]
    return found["kind"] == "reconstruct" and all(v != "old" for v in told.values()) and not found["stale"]


GOALS = {"irrelevant": 0.95, "fact": 0.90, "premise": 0.80}


def figures(done: Sequence[tuple[Case, dict[str, Any]]], name: str = "") -> None:
    """Print the figures of some cases with their outcomes; `name` is put in front ("" for the whole engine)."""

    def say(figure: str, value: float | np.floating[Any], unit: str = "share", goal: float | None = None) -> None:
        met = None if goal is None else bool(value >= goal)
        line("updates", f"{name}{figure}", float(value), unit, None if goal is None else f"at least {goal}", met)

    for kind in KINDS:
        held = [(c, f) for c, f in done if c.kind == kind]
        if not held:
            continue
        right = np.array([passed(c, f) for c, f in held], dtype=float)
        say(f"{kind}_right", right.mean(), goal=None if name else GOALS.get(kind))
        low, high = interval(right)
        say(f"{kind}_right_low", low)
        say(f"{kind}_right_high", high)
        say(f"{kind}_cases", len(held), "count")
        for what in ("keep", "local", "reconstruct"):
            say(f"{kind}_{what}", np.mean([f["kind"] == what for _, f in held]))
        if kind in ("fact", "premise"):
            told = [v for _, f in held for v in f["target"].values()]
            for state in ("new", "disputed", "gone", "old"):
                say(f"{kind}_claims_{state}", told.count(state) / len(told))
            say(f"{kind}_consistent", np.mean([not f["stale"] and "old" not in f["target"].values() for _, f in held]))
    say("unsound_claims", sum(len(f["unsound"]) for _, f in done), "count", None)
    say("seconds_a_case", np.mean([f["seconds"] for _, f in done]), "s")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, required=True, help="folder for drafts, cases and outcomes")
    parser.add_argument("--split", choices=("bench", "calibrate"), default="bench")
    parser.add_argument("--cases", type=int, default=50, help="of each kind (50)")
    parser.add_argument("--off", action="append", choices=PARTS, default=[], help="a part of the engine to leave out")
    parser.add_argument("--minutes", type=float, default=1e6, help="end after so many; the next call goes on")
    parser.add_argument("--failing", action="store_true", help="print the cases that came out wrong, too")
    args = parser.parse_args(arguments)
    until = time.monotonic() + 60 * args.minutes
    loaded = load_models(quiet=True)
    vectors = Vectors(loaded.embedder, args.cache / "vectors.npz")
    remembering = replace(loaded, embedder=cast(Embedder, vectors))
    bench = Bench(split_of(args.split, args.data, args.cases), args.data, args.cache, remembering, until)
    parts = replace(Parts(), **dict.fromkeys(args.off, False))
    try:
        held = bench.cases()
        done = [(case, run(bench, case, parts)) for case in held]
    except Cut:
        print("the minutes are spent; the same command goes on from here", file=sys.stderr)
        return 1
    finally:
        vectors.save()
    figures(done, "".join(f"without_{p}_" for p in args.off))
    if args.failing:
        for case, found in done:
            if not passed(case, found):
                print(json.dumps({"case": case.name, **found}, ensure_ascii=False), file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
