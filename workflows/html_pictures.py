"""The pictures of report.html: inline SVG, coloured by the page's own styles.

The first two use percentages across, so that they fit any width with letters of
one size. Every picture has a title and a table with the same numbers beside it.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

from markupsafe import Markup

from workflows.html_drafts import changes
from workflows.report import Numbers, Report
from workflows.terminal import safe

LEFT = 9.0  # per cent of the width kept for the scale
NARROW = 350  # pixels of the narrowest page; bars keep clear of each other there
NAMED = 16  # revisions with a label each; of more, every second, third, ...


@dataclass(frozen=True)
class Picture:
    """An SVG, what it shows in a sentence, and its numbers: heads and rows of a table."""

    svg: Markup
    caption: str
    heads: list[str]
    rows: list[list[str]]


def _tag(name: str, text: str = "", **attributes: object) -> Markup:
    """An element; `css` is its class, underscores are hyphens. Everything is escaped."""
    inside = Markup("").join(
        Markup(' {}="{}"').format("class" if key == "css" else key.replace("_", "-"), value)
        for key, value in attributes.items()
    )
    return Markup("<{}{}>{}</{}>").format(Markup(name), inside, text, Markup(name))


def _svg(title: str, height: int, parts: list[Markup], width: str = "100%", role: str = "img") -> Markup:
    start = Markup('<svg role="{}" aria-label="{}" width="{}" height="{}">').format(role, title, width, height)
    return start + Markup("").join(parts) + Markup("</svg>")


def _across(n: int, many: int) -> float:
    """Where revision n (from 0) of many stands, in per cent of the width."""
    return round(LEFT + (100 - LEFT) * (n + 0.5) / many, 3)


def _labelled(many: int) -> set[int]:
    """The revisions (from 0) that get labels: NAMED at most, evenly, the last among them."""
    every = math.ceil(many / NAMED)
    return {many - 1 - n for n in range(0, many, every)} if many else set()


def _standing(at: float, revision: int, parts: list[Markup]) -> Markup:
    """Parts of one revision, `at` per cent of the width: a nested svg can be moved so, a transform cannot."""
    group = Markup('<svg x="{}%" y="0" overflow="visible" class="revision" data-revision="{}">{}</svg>')
    return group.format(at, revision, Markup("").join(parts))


def per_cent(value: float) -> str:
    """0.914 as "91 %"."""
    return f"{value:.0%}".replace("%", " %")


def timeline(report: Report) -> Picture:
    """What each revision wrote, rewrote and took away, and of which kind it was."""
    revisions, counts = report["revisions"], changes(report)
    many = len(revisions)
    up = max((c["written"] + c["rewritten"] for c in counts), default=0) or 1
    down = max((c["removed"] for c in counts), default=0)
    scale = 92 / max(up, 6)
    axis, low = 116, round(down * scale)
    bar = round(min(46.0, NARROW * (1 - LEFT / 100) * 0.6 / max(many, 1)), 1)
    labelled = _labelled(many)
    parts = [_tag("line", css="axis", x1=f"{LEFT}%", x2="100%", y1=axis, y2=axis)]
    parts.append(_tag("text", "texts", css="note", x=0, y=axis + 4))
    for n, (revision, count) in enumerate(zip(revisions, counts, strict=True)):
        at, level = _across(n, many), float(axis)
        inside = []
        for what in ("written", "rewritten"):
            high = count[what] * scale
            if high:
                level -= high
                inside.append(
                    _tag("rect", css=what, x=-bar / 2, y=round(level, 1), width=bar, height=round(high, 1), rx=2)
                )
        if count["removed"]:
            high = round(count["removed"] * scale, 1)
            inside.append(_tag("rect", css="removed", x=-bar / 2, y=axis + 1, width=bar, height=high, rx=2))
            if n in labelled:
                inside.append(_tag("text", f"−{count['removed']}", css="value", x=0, y=axis + high + 13))
        touched = count["written"] + count["rewritten"]
        if touched and n in labelled:
            inside.append(_tag("text", str(touched), css="value", x=0, y=round(level - 6, 1)))
        below = axis + low + (34 if down else 20)
        if n in labelled:
            inside.append(_tag("text", str(revision["number"]), css="number", x=0, y=below))
            if many <= NAMED // 2:
                inside.append(_tag("text", revision["kind"], css="note middle", x=0, y=below + 16))
        parts.append(_standing(at, revision["number"], inside))
    height = axis + low + (58 if down else 44)
    rows = [
        [str(r["number"]), r["kind"], str(c["written"]), str(c["rewritten"]), str(c["removed"])]
        + ([f"{r['cause']['shift']:.2f} of {r['cause']['threshold']:.2f}"] if r["cause"]["shift"] else ["–"])
        for r, c in zip(revisions, counts, strict=True)
    ]
    heads = ["Revision", "Kind", "Written", "Rewritten", "Removed", "Shift of belief (nats)"]
    what = "1 revision" if many == 1 else f"{many} revisions"
    caption = f"Texts written, rewritten and removed by {what}."
    return Picture(_svg(f"Revision timeline. {caption}", height, parts), caption, heads, rows)


def confidence(report: Report) -> Picture | None:
    """The model's confidence in every claim after each revision, and its mean; None where it is not logged."""
    stages = [
        (r["number"], {c["id"]: c["confidence"] for s in r["draft"]["sections"] for c in s["claims"]})
        for r in report["revisions"]
        if "draft" in r
    ]
    stages = [(number, claims) for number, claims in stages if claims]
    if not stages:
        return None
    many = len(stages)
    lowest = min(0.5, min(math.floor(min(c.values()) * 10) / 10 for _, c in stages))
    top, high = 14, 120

    def y(value: float) -> float:
        return round(top + high * (1 - value) / (1 - lowest), 1)

    parts = []
    for value in (1.0, (1 + lowest) / 2, lowest):
        parts.append(_tag("line", css="grid", x1=f"{LEFT}%", x2="100%", y1=y(value), y2=y(value)))
        parts.append(_tag("text", per_cent(value), css="note", x=0, y=y(value) + 4))
    for n in range(many - 1):
        here, there = stages[n][1], stages[n + 1][1]
        ends = {"x1": f"{_across(n, many)}%", "x2": f"{_across(n + 1, many)}%"}
        for claim in (c for c in here if c in there):
            parts.append(_tag("line", css="thread", **ends, y1=y(here[claim]), y2=y(there[claim])))
    means = [sum(c.values()) / len(c) for _, c in stages]
    for n in range(many - 1):
        ends = {"x1": f"{_across(n, many)}%", "x2": f"{_across(n + 1, many)}%"}
        parts.append(_tag("line", css="mean", **ends, y1=y(means[n]), y2=y(means[n + 1])))
    labelled = _labelled(many)
    size = 5.5 if many <= NAMED else 3
    for n, (number, claims) in enumerate(stages):
        at = _across(n, many)
        parts += [
            _tag("circle", css="claim-dot", cx=f"{at}%", cy=y(v), r=round(size * 0.6, 1))
            for v in sorted(claims.values())
        ]
        inside = [_tag("circle", css="mean-dot", cx=0, cy=y(means[n]), r=size)]
        if n in labelled:
            inside.append(_tag("text", str(number), css="number", x=0, y=top + high + 24))
            if many <= NAMED:
                falls = n + 1 < many and means[n + 1] < means[n]
                beside = y(means[n]) + (-11 if falls else 20)  # on the side the line does not go to
                inside.append(_tag("text", per_cent(means[n]), css="value said", x=0, y=beside))
        parts.append(_standing(at, number, inside))
    rows = [
        [str(number), str(len(c)), per_cent(mean), per_cent(min(c.values())), per_cent(max(c.values()))]
        for (number, c), mean in zip(stages, means, strict=True)
    ]
    caption = "Confidence in each claim (dots) and its mean (line) after every revision."
    heads = ["Revision", "Claims", "Mean", "Lowest", "Highest"]
    return Picture(_svg(f"Confidence over revisions. {caption}", top + high + 34, parts), caption, heads, rows)


def evidence_map(report: Report, numbers: Numbers) -> Picture:
    """Sections down, sources across; a disc is as large as the claims of the section that rest on the source."""
    sections, order = report["sections"], numbers.order
    cited = {n for s in sections for c in s["claims"] for n in numbers.of(c["evidence"])}
    columns = [n for n in order.values() if n in cited]
    step, row, top = 38, 42, 34
    labels = [textwrap.wrap(safe(s["heading"]), 24, max_lines=2, placeholder="…") for s in sections]
    label = 7 * max((len(line) for lines in labels for line in lines), default=0) + 16
    wide = label + step * len(columns) + 56
    parts, rows = [], []
    for place, number in enumerate(columns):
        x = label + step * (place + 0.5)
        parts.append(
            Markup('<a href="#source-{}" aria-label="Source {}">{}</a>').format(
                number, number, _tag("text", str(number), css="number", x=x, y=18)
            )
        )
        parts.append(_tag("line", css="grid", x1=x, x2=x, y1=top - 6, y2=top + row * len(sections)))
    parts.append(_tag("text", "claims", css="note end", x=wide - 4, y=18))
    for n, section in enumerate(sections):
        y = top + row * (n + 0.5)
        resting = [set(numbers.of(c["evidence"])) for c in section["claims"]]
        counts = [sum(number in r for r in resting) for number in columns]
        first = y + 4 - 8 * (len(labels[n]) - 1)
        lines = [_tag("text", line, css="label", x=0, y=first + 16 * k) for k, line in enumerate(labels[n])]
        parts.append(Markup('<a href="#section-{}">{}</a>').format(n + 1, Markup("").join(lines)))
        parts.append(_tag("line", css="grid", x1=label, x2=wide - 40, y1=y, y2=y))
        for place, count in enumerate(counts):
            if count:
                x = label + step * (place + 0.5)
                size = min(16.5, round(6.5 + 3.2 * math.sqrt(count), 1))
                parts.append(_tag("circle", css="disc", cx=x, cy=y, r=size))
                parts.append(_tag("text", str(count), css="on-disc", x=x, y=y + 4))
        parts.append(_tag("text", str(len(resting)), css="number end", x=wide - 4, y=y + 4))
        rows.append([safe(section["heading"]), *map(str, counts), str(len(resting))])
    caption = "Which source carries which section: claims of each section that rest on each source."
    heads = ["Section", *(f"Source {number}" for number in columns), "Claims"]
    # It holds links, which a picture cannot: a group of them with a name.
    svg = _svg(f"Evidence map. {caption}", top + row * len(sections) + 6, parts, str(wide), "group")
    return Picture(svg, caption, heads, rows)
