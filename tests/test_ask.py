"""What --ask understands, and that it refuses the rest."""

from __future__ import annotations

import pytest

from agent.ask import Ask, AskError, parse


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("shorter", [Ask("shorter")]),
        ("Make it a bit shorter.", [Ask("shorter")]),
        ("please shorten claim 4", [Ask("shorter", claims=(4,))]),
        ("cut", [Ask("shorter")]),
        ("longer", [Ask("longer")]),
        ("more detail", [Ask("longer")]),
        ("expand on the hippocampus in section 2", [Ask("more", "the hippocampus", "2")]),
        ("more about cats and dogs", [Ask("more", "cats and dogs")]),
        ("without the moon", [Ask("without", "the moon")]),
        ("remove claims about tides", [Ask("without", "tides")]),
        ("without X and shorter", [Ask("without", "X"), Ask("shorter")]),
        ("simpler; add numbers", [Ask("simpler"), Ask("numbers")]),
        ("with figures", [Ask("numbers")]),
        ("merge claims 3 and 4", [Ask("merge", claims=(3, 4))]),
        ("merge claims 1, 2 and reorder", [Ask("merge", claims=(1, 2)), Ask("reorder")]),
        ("split in section “The cache”", [Ask("split", section="The cache")]),
        ("reorder sections", [Ask("reorder", "sections")]),
        ("shorter, simpler, then reorder claims", [Ask("shorter"), Ask("simpler"), Ask("reorder", "claims")]),
    ],
)
def test_a_wish_is_understood(text: str, wishes: list[Ask]) -> None:
    assert parse(text) == wishes


@pytest.mark.parametrize(
    "text", ["", "  ", "no", "drop", "funnier", "translate to German", "shorter and funnier", "x" * 400, "more about ?"]
)
def test_anything_else_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(AskError, match="shorter, longer, simpler, more about X, without X, add numbers, merge, split"):
        parse(text)
