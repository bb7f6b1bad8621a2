"""What no plan may hold: hard constraints on the step at the plan scale."""

from __future__ import annotations

import torch
from torch import Tensor

from dlm_core.canvas import Kind
from dlm_core.planner import FIRST, KINDS, MASK, NONE, WIDTH, Logits, PlannerError


def flatten(logits: Logits, row: int, symbols_count: int) -> Tensor:
    """(N * 4, V) logits for `step` from one row of Logits."""
    kinds, pointers = logits.kinds[row], logits.pointers[row]
    flat = torch.full((kinds.shape[0], WIDTH, symbols_count), float("-inf"))
    flat[:, 0, :KINDS] = kinds
    flat[:, 1:, NONE:] = pointers
    return flat.view(-1, symbols_count)


def rules(flat: Tensor, tokens: Tensor, free: int, claims: int | None = None) -> Tensor:
    """Forbid what no plan may hold, given what is visible. flat (N * 4, V) is changed in place.

    A plan opens with a section; EMPTY runs to the end; only claims point, and
    every claim does; second pointers never take evidence that a claim still
    needs (`free` pieces are left). A plan of so many `claims` does not end
    before it has them and does not go on after.
    """
    view, seen = flat.view(-1, WIDTH, flat.shape[1]), tokens.view(-1, WIDTH)
    kinds = seen[:, 0]
    where = torch.arange(len(kinds))
    never = float("-inf")
    last = last_full(kinds)
    void = where[(kinds == Kind.EMPTY) & (where > last)]
    view[:, 0, Kind.LINK] = never  # links are written between claims later, not planned
    view[0, 0, Kind.CLAIM] = view[0, 0, Kind.EMPTY] = never
    if len(kinds) > 1 and kinds[0] in (MASK, Kind.SECTION) and free > 0:
        view[1, 0, : Kind.CLAIM] = never  # no report is empty
    view[where < last, 0, Kind.EMPTY] = never
    if len(void):
        view[where > void[0], 0, Kind.SECTION : Kind.LINK] = never
    claim = kinds == Kind.CLAIM
    view[claim, 1, NONE] = never
    view[(kinds != MASK) & ~claim, 1:, FIRST:] = never
    spent = free <= owed(seen)
    if spent:
        view[:, 2:, FIRST:] = never
        view[:, 0, Kind.CLAIM] = never
    if claims is not None and bool((kinds == MASK).any()):
        if int(claim.sum()) >= claims:
            view[where > max(last, 1), 0, Kind.SECTION : Kind.LINK] = never
        elif not spent:
            view[leftmost(kinds), 0, Kind.EMPTY] = never
    return flat


def leftmost(kinds: Tensor) -> int:
    """Index of the first masked kind."""
    return int(torch.nonzero(kinds == MASK)[0])


def last_full(kinds: Tensor) -> int:
    """Index of the last visible slot that is not EMPTY; -1 for none."""
    full = torch.nonzero((kinds != MASK) & (kinds != Kind.EMPTY))
    return int(full.max()) if len(full) else -1


def owed(seen: Tensor) -> int:
    """Claims that do not point at anything yet; seen (N, 4)."""
    return int(((seen[:, 0] == Kind.CLAIM) & (seen[:, 1] == MASK)).sum())


def undo(tokens: Tensor, committed: Tensor, usable: Tensor) -> Tensor:
    """Mask again what one step committed against `rules`, because it chose many symbols at once.

    The rules forbid the same choice in the next step, so each loop still ends.
    """
    seen, new = tokens.clone().view(-1, WIDTH), committed.view(-1, WIDTH)
    where = torch.arange(len(seen))
    gap = new[:, 0] & (seen[:, 0] == Kind.EMPTY) & (where < last_full(seen[:, 0]))
    seen[gap, 0] = MASK
    # Only what is too much, so that something of every step stays.
    extra = torch.nonzero(new[:, 2:] & (seen[:, 2:] >= FIRST)).tolist()
    late = torch.nonzero(new[:, 0] & (seen[:, 0] == Kind.CLAIM) & (seen[:, 1] == MASK)).flatten().tolist()
    while owed(seen) > untaken(seen, usable):
        if extra:
            row, pointer = extra.pop()
            seen[row, 2 + pointer] = MASK
        elif late:
            seen[late.pop(), 0] = MASK
        else:
            raise PlannerError("the kept slots hold more open claims than there is evidence; empty some of them")
    return seen.flatten()


def untaken(seen: Tensor, usable: Tensor) -> int:
    """How many usable pieces of evidence no visible pointer takes; seen (N, 4), usable (M,) bool."""
    left = usable.clone()
    left[seen[:, 1:][seen[:, 1:] >= FIRST] - FIRST] = False
    return int(left.sum())
