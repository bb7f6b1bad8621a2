"""What the speed bench works on: the example library, cut into evidence and laid out as drafts.

Everything follows from examples/library and a number of slots, so that two runs
measure the same work.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.compose import claim_task
from dlm_core.embed import Embedder
from dlm_core.layout import Budget
from dlm_core.models import Models
from dlm_core.pool import Pool
from dlm_core.prompt import HEADING, prompt
from dlm_core.segment import split, tidy
from dlm_core.support import problems

LIBRARY = Path(__file__).parents[1] / "examples" / "library"
QUESTION = "How do masked diffusion language models write and revise text?"
SECTION = 8  # slots: a heading and seven claims


def pool(embedder: Embedder, most: int) -> Pool:
    """The first `most` sentences of the library that may stand as claims."""
    found, titles = {}, {}
    for file in sorted(LIBRARY.glob("*.md")):
        text = tidy(file.read_text(encoding="utf-8"))
        titles[file.stem] = text.partition("\n")[0].lstrip("# ")
        for e in split(text, file.stem)[1]:
            if e.standalone and not problems(e.text, [e.text]):
                found[e.id] = e
    if len(found) < most:
        raise ValueError(f"{LIBRARY} holds {len(found)} sentences, not {most}")
    kept = dict(list(found.items())[:most])
    return Pool(kept, embedder([e.text for e in kept.values()]), titles)


def laid_out(held: Pool, slots: int) -> Canvas:
    """A draft of `slots` slots with nothing written: sections of SECTION slots, the evidence in order."""
    ids = iter(held.ids)
    made = [
        Slot(f"s{i + 1}", Kind.CLAIM, (next(ids),)) if i % SECTION else Slot(f"s{i + 1}", Kind.SECTION)
        for i in range(slots)
    ]
    return Canvas(QUESTION, tuple(made), next_id=slots + 1)


def budget(slots: int) -> Budget:
    """The default budget in proportion to `slots`."""
    whole = Budget()
    share = slots / whole.slots
    sizes = (max(1, round(n * share)) for n in (whole.claims, whole.most, whole.sections))
    return Budget(slots, *sizes)


@dataclass(frozen=True)
class Piece:
    """What a peer is given for one slot: its declared context, and the tokens it has to write."""

    context: tuple[int, ...]
    tokens: tuple[int, ...]


def pieces(written: Canvas, held: Pool, models: Models) -> list[Piece]:
    """The slots of a written draft, headings too, as a peer gets them."""
    encode = models.writer.tokenizer.encode
    out = []
    for head, body in written.sections():
        cited = [s.pointers[0] for s in body][:3]
        context = encode(prompt(held.title(cited[0]), "", held.texts(cited), HEADING))
        for slot, asked in ((head, tuple(context)), *((s, claim_task(s, held, models).context) for s in body)):
            if slot.tokens:
                out.append(Piece(asked, slot.tokens))
    return out
