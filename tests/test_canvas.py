"""The canvas: views, ids, rules."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dlm_core.canvas import Canvas, CanvasError, Cause, Kind, Revision, Slot


def sample() -> Canvas:
    slots = (
        Slot("s1", Kind.SECTION, text="Stars"),
        Slot("s2", Kind.CLAIM, ("e1",), "Stars shine.", (20, 21), (0.5, 1.0)),
        Slot("s3", Kind.CLAIM, ("e2", "e1"), "Stars die.", (20, 22), (1.0, 1.0)),
        Slot("s4", Kind.SECTION, text="Planets"),
        Slot("s5", Kind.CLAIM, ("e3",), "Planets orbit “stars”.", origin="evidence", pinned=True),
        Slot("s6", Kind.EMPTY),
    )
    summary = (Slot("s7", Kind.CLAIM, ("s2",), "Stars shine."),)
    log = (Revision(1, "draft", Cause("first draft"), {"s2": ("", "Stars shine.")}),)
    return Canvas("What do stars do?", slots, summary, log, next_id=8)


def test_json_gives_an_equal_canvas_back() -> None:
    assert Canvas.from_json(sample().to_json()) == sample()


def test_sections_claims_and_citations_come_in_reading_order() -> None:
    found = [(head.id, [s.id for s in body]) for head, body in sample().sections()]
    assert found == [("s1", ["s2", "s3"]), ("s4", ["s5"])]
    assert sample().cited() == ["e1", "e2", "e3"]
    assert sample().slot("s2").certainty == pytest.approx(0.75)


def test_ids_are_never_used_again() -> None:
    canvas, ids = sample().fresh_ids(2)
    assert ids == ["s8", "s9"] and canvas.fresh_ids(1)[1] == ["s10"]


def test_replacing_a_slot_leaves_the_others_as_the_same_objects() -> None:
    before = sample()
    after = before.with_slots({"s3": replace(before.slot("s3"), text="Stars fade.")})
    assert after.slot("s3").text == "Stars fade."
    assert all(a is b for a, b in zip(after.slots, before.slots, strict=True) if a.id != "s3")


@pytest.mark.parametrize(
    "change",
    [
        {"slots": (Slot("a", Kind.CLAIM, ("e1",), "x"), Slot("a", Kind.CLAIM, ("e1",), "y")), "summary": ()},
        {"slots": (Slot("a", Kind.CLAIM, ("e1",), "x", (1, 2), (0.5,)),), "summary": ()},
        {"slots": (Slot("a", Kind.CLAIM, (), "x"),), "summary": ()},
        {"slots": (Slot("a", Kind.CLAIM, ("e9",), "x"),), "summary": ()},
        {"slots": (Slot("a", Kind.CLAIM, ("e1", "e2", "e3", "e1"), "x"),), "summary": ()},
    ],
)
def test_broken_rules_are_named(change: dict[str, tuple[Slot, ...]]) -> None:
    with pytest.raises(CanvasError):
        replace(sample(), slots=change["slots"], summary=()).check({"e1", "e2", "e3"})


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"question": 1}', json.dumps({"question": "q", "slots": [{"id": 1}]})]
)
def test_json_that_is_no_canvas_is_refused(text: str) -> None:
    with pytest.raises(CanvasError):
        Canvas.from_json(text)
