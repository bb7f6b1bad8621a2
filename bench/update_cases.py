"""Planted updates: drafts of real pages and newer sources that change, add or repeat something.

Everything is made from the shards of the training text by rules and a seed: which
pages, which fact of the draft changes, to what, and in which words the newer
source says so. `kinds` of cases: irrelevant, repeated, relevant, fact, premise.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import numpy as np

from dlm_core import segment
from dlm_core.canvas import Canvas, Slot
from dlm_core.facts import facts
from dlm_core.pool import Pool
from dlm_core.segment import Evidence
from dlm_core.support import problems
from dlm_core.tokenizer import FUNCTION_WORDS

OLD, NEWER = "2019-03-01", "2024-06-01"  # dates of the first sources and of the one that comes later
LONGEST_PAGE = 15_000  # characters of a page that are read
OTHERS = 7  # evidence of a first pool that does not name the premise
LEFT_OUT = 3  # sentences of a page that the first pool is not given and a relevant addition then brings
RESTING = 4  # claims that must rest on a premise
SHORTEST, LONGEST = 7, 34  # words of a sentence that cases are made of
Embed = Callable[[list[str]], np.ndarray]  # sentences to (n, 384) unit vectors
UNITS = ("percent", "million", "billion", "years", "days", "hours", "minutes", "times", "people", "students", "miles")


@dataclass(frozen=True)
class Page:
    """A page of a shard as evidence. file: "folder/name" of the shard."""

    file: str
    id: str
    title: str
    chapter: str
    evidence: tuple[Evidence, ...]

    @property
    def usable(self) -> list[Evidence]:
        """What claims may be led by, as whole sentences of a middling length."""
        return [e for e in self.evidence if e.standalone and SHORTEST <= len(e.text.split()) <= LONGEST]


@dataclass(frozen=True)
class Topic:
    """What one draft is made from: a question and the first pool. premise: the
    value that much of the pool names ("" where the topic is about none), with its kind."""

    name: str
    file: str
    question: str
    pool: Pool
    premise: str = ""
    kind: str = ""
    left_out: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Case:
    """A draft and what comes after it. old, new: the value that changes, as it is
    written. target: ids of the claims that name it. changed: ids of the new
    evidence that says the new value."""

    name: str
    kind: str
    topic: Topic
    canvas: Canvas
    pool: Pool  # first and new evidence
    fresh: tuple[str, ...]
    old: str = ""
    new: str = ""
    fact: str = ""  # number | date | name
    target: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)


# --- pages and topics ---------------------------------------------------------------


def pages(data: Path, file: str, most: int, seed: int) -> list[Page]:
    """Up to `most` pages of one shard with enough sentences to draft from, in an order drawn by the seed."""
    with gzip.open(data / f"{file}.jsonl.gz", "rt", encoding="utf-8") as lines:
        raws = [json.loads(line) for line in lines]
    Random(f"{seed} {file}").shuffle(raws)
    out: list[Page] = []
    for raw in raws:
        if len(out) == most:
            break
        blocks: list[str] = []
        for part in raw["sections"]:
            if part["heading"]:
                blocks.append("#" * min(max(int(part.get("level") or 1), 1), 6) + " " + str(part["heading"]))
            blocks += part["paragraphs"]
        if sum(map(len, blocks)) < 4000:
            continue
        text = segment.tidy("\n\n".join(blocks)[:LONGEST_PAGE])
        found = segment.split(text, str(raw["id"]))[1]
        page = Page(file, str(raw["id"]), str(raw["title"]), str(raw.get("chapter") or ""), tuple(found))
        if len(page.usable) >= 12:
            out.append(page)
    return out


def pool_of(evidence: Sequence[Evidence], titles: dict[str, str], dates: dict[str, str], embedder: Embed) -> Pool:
    return Pool({e.id: e for e in evidence}, embedder([e.text for e in evidence]), titles, dates)


def value_at(text: str, a: int, b: int, kind: str) -> str:
    """A fact as it is written, a number with the word it counts; "" where that is unclear."""
    said = text[a:b].strip().removesuffix("’s").removesuffix("'s")
    if kind != "number":
        return said
    unit = re.match(r"[ -]([A-Za-z]{3,})", text[b:])
    return f"{said}{unit.group()}" if unit else said


def topics(found: Sequence[Page], count: int, embedder: Embed) -> list[Topic]:
    """`count` topics of one page each, whose pool has a value that many sentences
    rest on: a name or a date, or (every third topic, where there are such pages) a
    number, set to one value where sentences of a page count the same unit."""
    made: list[Topic] = []
    counted = 0
    for page in found:
        if len(made) == count:
            break
        topic = _counted(page, embedder) if counted < -(-count // 3) else None
        counted += topic is not None
        topic = topic or _named(page, embedder)
        if topic is not None:
            made.append(topic)
    return made


def _topic(page: Page, resting: list[Evidence], value: str, kind: str, question: str, embedder: Embed) -> Topic:
    """The pool: up to eight sentences that rest on the value, and others of the page, of
    which some are left out for a newer source to bring."""
    others = [e for e in page.usable if e.id not in {r.id for r in resting} and value not in e.text]
    left = others[1 : 1 + 2 * LEFT_OUT : 2]
    others = [e for e in others if e not in left]
    kept = sorted([*resting[:8], *others[:OTHERS]], key=lambda e: e.start)
    pool = pool_of(kept, {page.id: page.title}, {page.id: OLD}, embedder)
    return Topic(f"page {page.id}", page.file, question, pool, value, kind, tuple(left))


def _named(page: Page, embedder: Embed) -> Topic | None:
    counts: Counter[tuple[str, str]] = Counter()
    for e in page.usable:
        said = {(k, value_at(e.text, a, b, k)) for a, b, k in facts(e.text) if k != "number"}
        counts.update(said)
    for (kind, value), times in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        resting = [e for e in page.usable if says(e.text, value)]
        if times >= RESTING + 1 and len(resting) >= RESTING + 2 and _name_like(value, kind):
            return _topic(page, resting, value, kind, f"What role does {value} play in {page.title}?", embedder)
    return None


def _counted(page: Page, embedder: Embed) -> Topic | None:
    """Sentences of one page that count one unit, all set to one value: the pool then rests on that number."""
    for unit in UNITS:
        pattern = re.compile(rf"(?<![\d.,$])\d+(?:\.\d+)?(?=[ -]{unit}\b)")
        resting = [e for e in page.usable if len(pattern.findall(e.text)) == 1 and "$" not in e.text]
        if len(resting) < RESTING + 1:
            continue
        common = Counter(pattern.findall(e.text)[0] for e in resting).most_common(1)[0][0]
        # Copies of real sentences; their offsets are those of what they were made from.
        set_to = [replace(e, text=pattern.sub(common, e.text)) for e in resting]
        question = f"What do the {unit} of {page.title} show?"
        return _topic(page, set_to, f"{common} {unit}", "number", question, embedder)
    return None


def says(text: str, value: str) -> bool:
    """Whether a text names a value as a whole word."""
    return bool(re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text))


def _name_like(value: str, kind: str) -> bool:
    if kind == "date":
        return bool(re.fullmatch(r"1[5-9]\d\d|20[01]\d", value))
    return bool(re.fullmatch(r"[A-Z][a-z]{2,}(?: [A-Z][a-z]+)?|[A-Z]{3,5}", value)) and not value.endswith(
        ("an", "ish", "ese", "s")
    )


# --- other values, other words --------------------------------------------------------


def names_of(found: Sequence[Page]) -> list[str]:
    """Names of a shard, for values that take another's place, in order of first use."""
    out: dict[str, None] = {}
    for page in found:
        for e in page.usable:
            for a, b, kind in facts(e.text):
                value = value_at(e.text, a, b, kind)
                if kind == "name" and a and _name_like(value, kind):
                    out.setdefault(value)
    return list(out)


def other_value(value: str, kind: str, names: Sequence[str], text: str, random: Random) -> str | None:
    """A value of the same kind and shape that `text` does not name; None where there is none."""
    if kind == "name":
        shape = (len(value.split()), value.isupper())
        like = [n for n in names if (len(n.split()), n.isupper()) == shape and not says(text, n) and n[0] != value[0]]
        return random.choice(like) if like else None
    number = re.search(r"\d[\d,]*(?:\.\d+)?", value)
    if number is None:
        spelled = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
        first = value.split()[0].split("-")[0].lower()
        if first not in spelled:
            return None
        other = spelled[(spelled.index(first) + random.choice((2, 3, 5))) % len(spelled)]
        return other + value[len(first) :]
    raw = number.group()
    was = float(raw.replace(",", ""))
    if kind == "date" or re.fullmatch(r"1[5-9]\d\d|20[01]\d", raw):
        if not re.fullmatch(r"1[5-9]\d\d|20[01]\d", raw):
            return None
        made = str(int(was) - random.choice((1, 2, 3, 4, 6, 9)))
    elif "." in raw:
        made = f"{was * random.choice((0.6, 0.7, 1.2, 1.4)):.{len(raw.split('.')[1])}f}"
    else:
        changed = max(1, round(was * random.choice((0.6, 0.75, 1.25, 1.4, 1.8))))
        changed = changed if changed != was else int(was) + random.choice((1, 2, 3))
        if "percent" in value or "%" in value:
            changed = changed if changed <= 100 else max(1, int(was * 0.6))
        made = f"{changed:,}" if "," in raw else str(changed)
    if kind == "number" and re.fullmatch(r"1\d{3}|20\d\d", made):
        return None  # it would read as a year
    if made == raw or says(text, made):
        return None
    return value[: number.start()] + made + value[number.end() :]


FRAMES = (
    "{S}",
    "According to newer data, {s}",
    "A 2024 review found that {s}",
    "As of 2024, {s}",
    "{S}, according to a 2024 survey.",
    "Newer research shows that {s}",
    "A correction published in 2024 states that {s}",
    "In the 2024 edition, {s}",
    "{S}, as a 2024 study reports.",
    "A 2024 recount gives another value: {s}",
)
WORDINGS = (
    (r"\babout (?=\d)", "roughly "),
    (r"\bmore than (?=\d)", "over "),
    (r"\bapproximately\b", "around"),
    (r"\bbegan\b", "started"),
    (r"\bsuch as\b", "like"),
    (r"\boften\b", "frequently"),
    (r"\bmany\b", "a lot of"),
    (r"\bshows\b", "demonstrates"),
    (r"\bcalled\b", "named"),
    (r"\blarge\b", "big"),
    (r"\bmust\b", "has to"),
    (r"\bvery\b", "quite"),
)


def reworded(sentence: str, keep: Sequence[str], random: Random, *, plain: bool = False) -> str:
    """The sentence in other words: a frame around it, and sometimes words or the
    order of clauses changed. What `keep` names stays."""
    text = sentence
    if random.random() < 0.5:
        for pattern, other in WORDINGS:
            text = re.sub(pattern, other, text, count=1)
    if random.random() < 0.3:
        shorter = re.sub(r"\s?\([^()]*\)", "", text, count=1)
        text = shorter if all(k in shorter for k in keep) else text
    moved = re.match(r"((?:In|During|Since|By|After|Before) [^,]{3,40}), (\w.*)\.$", text)
    if moved and random.random() < 0.5 and "," not in moved[2] and ";" not in moved[2]:
        text = f"{moved[2][0].upper()}{moved[2][1:]} {moved[1][0].lower()}{moved[1][1:]}."
    tail = re.match(r"(.{40,}), which [^,]*\.$", text)
    if tail and random.random() < 0.5 and all(k in tail[1] for k in keep):
        text = tail[1] + "."
    frame = "{S}" if plain else random.choice(FRAMES)
    if frame.startswith("{S},") and not text.endswith("."):
        frame = "{S}"
    first = text.split()[0]
    low = first.lower()
    common = low in FUNCTION_WORDS or (low.endswith("s") and not facts(text[:40]))
    inner = text[0].lower() + text[1:] if common else text
    whole = text.removesuffix(".") if frame.startswith("{S},") else text
    return frame.format(S=whole, s=inner)


def source(name: str, lines: Sequence[str], heading: str) -> list[Evidence]:
    """The evidence of a source whose text is these sentences, as the segmenter has it."""
    text = segment.tidy("\n\n".join([f"# {heading}", *lines]))
    found = segment.split(text, name)[1]
    return [e for e in found if segment.usable(e)]


def swapped(text: str, old: str, new: str) -> str:
    return re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", new, text)


# --- cases ------------------------------------------------------------------------------


def with_more(topic: Topic, added: Sequence[Evidence], title: str, embedder: Embed) -> Pool:
    """The first pool and the evidence of a newer source behind it."""
    first = topic.pool
    more = pool_of(added, {}, {}, embedder)
    return Pool(
        {**first.evidence, **more.evidence},
        np.concatenate([first.vectors, more.vectors]),
        {**first.titles, **{e.source: title for e in added}},
        {**first.dates, **{e.source: NEWER for e in added}},
    )


def _case(kind: str, topic: Topic, canvas: Canvas, added: Sequence[Evidence], title: str, embedder: Embed) -> Case:
    pool = with_more(topic, added, title, embedder)
    return Case(f"{kind} {topic.name}", kind, topic, canvas, pool, tuple(e.id for e in added))


def irrelevant(topic: Topic, canvas: Canvas, elsewhere: Sequence[Page], embedder: Embed, random: Random) -> Case:
    """Three to five sentences of one page on something else, those with numbers first, in other words."""
    page = random.choice(elsewhere)
    held = sorted(page.usable, key=lambda e: (not any(k == "number" for _, _, k in facts(e.text)), e.start))
    lines = [reworded(e.text, (), random) for e in held[: random.choice((3, 4, 5))]]
    added = source("newer-aside", lines, page.title)
    return replace(_case("irrelevant", topic, canvas, added, page.title, embedder), notes={"from": page.id})


def repeated(topic: Topic, canvas: Canvas, embedder: Embed, random: Random) -> Case | None:
    """What two claims already say, in other words, by a newer source."""
    said = [topic.pool.evidence[s.pointers[0]] for s in canvas.claims() if s.pointers]
    said = [e for e in said if e.standalone and len(e.text.split()) <= LONGEST]
    random.shuffle(said)
    lines = [reworded(e.text, [e.text[a:b] for a, b, _ in facts(e.text)], random) for e in said[:2]]
    added = source("newer-same", lines, canvas.question)
    return _case("repeated", topic, canvas, added, "A newer page", embedder) if added else None


def relevant(topic: Topic, canvas: Canvas, embedder: Embed) -> Case:
    """What the page says on the question and the first pool was not given."""
    added = source("newer-more", [e.text for e in topic.left_out], topic.left_out[0].heading or "More")
    return _case("relevant", topic, canvas, added, "A newer page", embedder)


def _sayable(text: str) -> bool:
    return not problems(text, [text])


def fact(
    topic: Topic,
    canvas: Canvas,
    names: Sequence[str],
    elsewhere: Sequence[Page],
    embedder: Embed,
    random: Random,
    prefer: str,
) -> Case | None:
    """One fact that one claim alone names, changed by a newer source; every second
    time with two sentences beside it that have nothing to do with the question."""
    options = list(_single_facts(topic, canvas))
    random.shuffle(options)
    options.sort(key=lambda o: o[3] != prefer)
    everything = " ".join([*(e.text for e in topic.pool.evidence.values()), canvas.question])
    for slot, lead, old, kind in options:
        new = other_value(old, kind, names, everything, random)
        if new is None:
            continue
        changed = swapped(lead.text, old, new)
        for attempt in range(4):
            line = reworded(changed, [new], random, plain=attempt == 3)
            beside: list[str] = []
            if random.random() < 0.5:
                beside = [e.text for e in random.choice(elsewhere).usable[:2]]
            added = source("newer-fact", [line, *beside], lead.heading or "Newer figures")
            told = [e.id for e in added if says(e.text, new) and e.text == line and _sayable(e.text)]
            if told and line.count(new) == 1:
                case = _case("fact", topic, canvas, added, "Newer figures", embedder)
                return replace(case, old=old, new=new, fact=kind, target=(slot.id,), changed=(told[0],))
    return None


def _single_facts(topic: Topic, canvas: Canvas) -> Iterator[tuple[Slot, Evidence, str, str]]:
    """(claim, its leading evidence, value, kind) of facts that one claim alone names."""
    texts = {s.id: s.text for s in canvas.claims()}
    for slot in canvas.claims():
        if not slot.pointers:
            continue
        lead = topic.pool.evidence[slot.pointers[0]]
        for a, b, kind in facts(slot.text):
            old = value_at(slot.text, a, b, kind)
            if kind == "name" and (a == 0 or not _name_like(old, kind) or old in topic.question):
                continue
            if sum(says(t, old) for t in texts.values()) == 1 and len(re.findall(re.escape(old), lead.text)) == 1:
                yield slot, lead, old, kind


def premise(topic: Topic, canvas: Canvas, names: Sequence[str], embedder: Embed, random: Random) -> Case | None:
    """A value that at least RESTING claims name, changed by a newer source that says
    two, three or all of what the claims say with the new value, in other words."""
    resting = [s for s in canvas.claims() if says(s.text, topic.premise)]
    if len(resting) < RESTING:
        return None
    everything = " ".join([*(e.text for e in topic.pool.evidence.values()), canvas.question])
    new = other_value(topic.premise, topic.kind, names, everything, random)
    if new is None:
        return None
    order = list(resting)
    random.shuffle(order)
    restated = random.choice((2, 3, len(order)))
    lines = []
    for slot in order[:restated]:
        lead = topic.pool.evidence[slot.pointers[0]]
        changed = swapped(lead.text, topic.premise, new)
        said = reworded(changed, [new], random)
        lines.append(said if _sayable(said) else changed)
    added = source("newer-premise", lines, canvas.question.rstrip("?"))
    told = tuple(e.id for e in added if says(e.text, new))
    if len(told) < 2:
        return None
    case = _case("premise", topic, canvas, added, "A newer account", embedder)
    target = tuple(s.id for s in resting)
    notes = {"restated": str(len(told)), "resting": str(len(target))}
    return replace(case, old=topic.premise, new=new, fact=topic.kind, target=target, changed=told, notes=notes)
