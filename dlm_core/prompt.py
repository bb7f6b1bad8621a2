"""What the text scale is told: the declared context of a slot, as one string.

Training and writing must build it the same way, so it lives here. A slot
declares its own evidence and where that evidence stands (title and heading of
its source); nothing else can move its logits.
"""

from __future__ import annotations

from collections.abc import Sequence

CLAIM = "Claim:"  # the evidence as one clean sentence
BRIEF = "In short:"  # the same, shorter
HEADING = "Heading:"  # a few words that name the subject of the evidence


def prompt(title: str, heading: str, evidence: Sequence[str], task: str) -> str:
    """The context of one slot. `evidence` in pointer order; the first leads.

    The text to write follows directly, beginning with a space.
    """
    topic = title if not heading or heading == title else f"{title}: {heading}"
    return "\n".join([f"Topic: {topic}", *(f"Evidence: {e}" for e in evidence), task])
