"""The plan scale: which slots a report has, and which evidence each rests on.

A plan is N slots of four symbols: a kind and three pointers. The pointer
vocabulary is the evidence at hand, so a citation that does not exist cannot be
sampled, and EMPTY slots at the end give the report its length. The denoiser is
a bidirectional transformer (RMSNorm, SwiGLU) over the brief, every piece of
evidence and every slot; a pointer's logit is the dot product of a slot state
with an evidence state (pointer networks, arXiv 1506.03134) plus the evidence's
salience, which the slots share. Sampling is masked diffusion: `plan` calls the
step that the text scale uses, `dlm_core.denoise.step`.

Symbols: 0..3 a Kind, 4 NONE, 5 + j evidence j of the pool, -1 the mask.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from dlm_core.canvas import MAX_POINTERS, Kind
from dlm_core.denoise import step

if TYPE_CHECKING:
    from dlm_core.pool import Pool

KINDS = len(Kind)
NONE = KINDS  # "no pointer here"
FIRST = NONE + 1  # the symbol of evidence 0
MASK = -1
WIDTH = 1 + MAX_POINTERS  # symbols of a slot
CODES = 8  # random numbers that tell which evidence shares a source, and which a heading
FEATURES = 14 + 2 * CODES
GUIDANCE = 2.0
STRUCTURE = 0.7
MAX_CLAIMS, MAX_SECTIONS = 32, 8
WEIGHTS = Path(__file__).parent / "weights" / "planner.safetensors"

_DEFINES = re.compile(r"^(?:\W*\w+\W+){1,8}?(?:is|are|means|refers? to|was|were|describes?|denotes?)\b", re.I)
_DIGIT = re.compile(r"\d")


class PlannerError(ValueError):
    """Planner weights or a plan's inputs cannot be used; the message says what to do."""


@dataclass(frozen=True)
class PlannerConfig:
    """Sizes of a planner: `slots` is the most it can plan, `vector` the width of the sentence vectors."""

    width: int = 256
    layers: int = 6
    heads: int = 4
    hidden: int = 384
    slots: int = 32
    vector: int = 384
    features: int = FEATURES


@dataclass(frozen=True)
class Plan:
    """One symbol set per slot. `pointers` are rows of the pool; `confidence` is
    the probability of kind and first pointer when they were committed, 0..1."""

    kinds: list[Kind]
    pointers: list[tuple[int, ...]]
    confidence: list[float]

    def __post_init__(self) -> None:
        if not len(self.kinds) == len(self.pointers) == len(self.confidence):
            raise PlannerError("a plan needs one kind, one pointer tuple and one confidence for each slot")

    def claims(self) -> list[int]:
        """Evidence rows the plan rests on, in reading order."""
        return [p for pointers in self.pointers for p in pointers]

    def sections(self) -> list[list[int]]:
        """Evidence rows by section, in reading order; what stands before the first section is left out."""
        found: list[list[int]] = []
        for kind, pointers in zip(self.kinds, self.pointers, strict=True):
            if kind == Kind.SECTION:
                found.append([])
            elif found:
                found[-1] += pointers
        return found


@dataclass(frozen=True)
class Logits:
    """kinds (B, N, 4), pointers (B, N, 3, 1 + M) with NONE first, salience (B, M); hidden evidence is -inf."""

    kinds: Tensor
    pointers: Tensor
    salience: Tensor


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_mix, self.norm_feed = nn.RMSNorm(width), nn.RMSNorm(width)
        self.mix = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.mix(self.norm_mix(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=attend)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        gate, value = self.gate(self.norm_feed(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * value)


class Planner(nn.Module):
    """The denoiser of the plan scale. One sequence: brief, evidence, slots; attention in both directions."""

    def __init__(self, config: PlannerConfig | None = None, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = c = config or PlannerConfig()
        self.brief = nn.Linear(c.vector, c.width)
        self.claims = nn.Embedding(MAX_CLAIMS + 1, c.width)  # wanted counts; 0: as many as fit the question
        self.parts = nn.Embedding(MAX_SECTIONS + 1, c.width)
        self.evidence = nn.Linear(c.vector, c.width)
        self.features = nn.Linear(c.features, c.width)
        self.place = nn.Embedding(c.slots, c.width)
        self.kind = nn.Embedding(KINDS + 1, c.width)  # the last one is the mask
        self.blank = nn.Embedding(2 * MAX_POINTERS, c.width)  # NONE and mask of each pointer
        self.pointed = nn.Linear(c.width, c.width, bias=False)  # evidence as seen from a slot that points at it
        self.taken = nn.Linear(c.width, c.width)  # a slot's place as seen from the evidence it points at
        self.blocks = nn.ModuleList(_Block(c.width, c.heads, c.hidden) for _ in range(c.layers))
        self.norm = nn.RMSNorm(c.width)
        self.to_kind = nn.Linear(c.width, KINDS)
        self.to_query = nn.Linear(c.width, MAX_POINTERS * c.width, bias=False)
        self.to_key = nn.Linear(c.width, c.width, bias=False)
        self.to_none = nn.Linear(c.width, MAX_POINTERS)
        self.to_salience = nn.Linear(c.width, 1)
        if generator is not None:
            self.redraw(generator)

    def redraw(self, generator: torch.Generator) -> None:
        """Random weights: normal, 0.02 for embeddings and 1/sqrt(fan in) for matrices, 1 for those that read
        sentence vectors (which are of unit length) and a quarter for the random codes; norms 1, biases 0."""
        vectors = {"brief.weight", "evidence.weight"}
        with torch.no_grad():
            for name, p in self.named_parameters():
                if "norm" in name:
                    p.fill_(1.0)
                    continue
                if name.endswith("bias"):
                    p.zero_()
                    continue
                embedding = name.split(".")[0] in {"claims", "parts", "place", "kind", "blank"}
                scale = 0.02 if embedding else 1.0 if name in vectors else p.shape[1] ** -0.5
                if name.endswith(("out.weight", "down.weight")):
                    scale /= math.sqrt(2 * self.config.layers)
                p.copy_(torch.randn(p.shape, generator=generator) * scale)
            self.features.weight[:, -2 * CODES :] *= 0.25

    def forward(
        self, brief: Tensor, evidence: Tensor, features: Tensor, present: Tensor, tokens: Tensor, size: Tensor
    ) -> Logits:
        """One look at B canvases of N slots over M pieces of evidence.

        brief (B, 384), evidence (B, M, 384), features (B, M, F) float;
        present (B, M) bool, evidence that exists; tokens (B, N * 4) int64, -1
        masked; size (B, 2) int64, wanted claims and sections, 0 for no wish.
        Raises PlannerError for more slots than the planner has.
        """
        batch, many = present.shape
        slots = tokens.shape[1] // WIDTH
        if slots > self.config.slots:
            raise PlannerError(f"this planner has {self.config.slots} slots; {slots} were asked for")
        kinds, pointers = tokens.view(batch, slots, WIDTH).split([1, MAX_POINTERS], dim=-1)
        seen = self.evidence(evidence) + self.features(features)  # (B, M, W)
        place = self.place.weight[:slots]
        blank = torch.arange(MAX_POINTERS, device=tokens.device) * 2 + (pointers == MASK)
        # Which slot points at which evidence, as a matrix: gathers and scatters become products.
        aims = (pointers.flatten(1)[..., None] - FIRST == torch.arange(many, device=tokens.device)).to(seen.dtype)
        aimed = (aims @ self.pointed(seen).to(seen.dtype)).view(batch, slots, MAX_POINTERS, -1).sum(2)
        void = (pointers < FIRST)[..., None]
        slot = place + self.kind(torch.where(kinds == MASK, KINDS, kinds)[..., 0])
        slot = slot + aimed + (self.blank(blank) * void).sum(2)
        owner = self.taken(place).repeat_interleave(MAX_POINTERS, dim=0).to(seen.dtype)  # (N * 3, W)
        seen = seen + aims.transpose(1, 2) @ owner
        head = self.brief(brief) + self.claims(size[:, 0]) + self.parts(size[:, 1])
        x = torch.cat([head[:, None], seen, slot.to(seen.dtype)], dim=1)
        ones = torch.ones(batch, 1, dtype=torch.bool, device=tokens.device)
        attend = torch.cat([ones, present, ones.expand(-1, slots)], dim=1)[:, None, None, :]
        for block in self.blocks:
            x = block(x, attend)
        x = self.norm(x)
        seen, slot = x[:, 1 : 1 + many], x[:, 1 + many :]
        query = self.to_query(slot).view(batch, slots * MAX_POINTERS, -1)
        salience = self.to_salience(seen)[..., 0]
        scores = query @ self.to_key(seen).transpose(1, 2) / math.sqrt(self.config.width) + salience[:, None]
        scores = scores.float().masked_fill(~present[:, None], float("-inf")).view(batch, slots, MAX_POINTERS, many)
        none = self.to_none(slot).float()[..., None]
        return Logits(self.to_kind(slot).float(), torch.cat([none, scores], dim=-1), salience.float())


# --- evidence features -------------------------------------------------------------------------------------------


def feature_matrix(
    question: np.ndarray,
    vectors: np.ndarray,
    *,
    sources: Sequence[str],
    headings: Sequence[str],
    starts: Sequence[int],
    opens: Sequence[bool],
    texts: Sequence[str],
    seed: int = 0,
) -> np.ndarray:
    """(M, FEATURES) float32 from what is known of M pieces of evidence before any plan.

    question (384,) and vectors (M, 384) are unit length. `starts` are offsets
    in the source, `opens` says which begin a paragraph. Columns: cosine to the
    question and its rank; place in the source; opens a paragraph; length;
    has a defining verb early; has digits; closeness to pool, source and
    heading; nearest neighbour; the source's closeness to the question and
    share of the pool; first of its heading; then random codes of source and
    heading, drawn from `seed`.
    """
    many = len(texts)
    near = vectors @ question
    rank = near.argsort().argsort() / max(many - 1, 1)
    source_id = np.unique(np.asarray(sources), return_inverse=True)[1] if many else np.zeros(0, int)
    both = np.asarray([f"{s}\x1f{h}" for s, h in zip(sources, headings, strict=True)])
    part_id = np.unique(both, return_inverse=True)[1] if many else np.zeros(0, int)
    start = np.asarray(starts, dtype=np.float64)
    place, leads = np.zeros(many), np.zeros(many)
    by_source, by_part, source_near, share = np.zeros(many), np.zeros(many), np.zeros(many), np.zeros(many)
    for ids, close in ((source_id, by_source), (part_id, by_part)):
        for i in np.unique(ids):
            rows = np.flatnonzero(ids == i)
            centre = vectors[rows].mean(0)
            close[rows] = vectors[rows] @ centre / max(float(np.linalg.norm(centre)), 1e-6)
            if ids is source_id:
                place[rows] = start[rows].argsort().argsort() / max(len(rows) - 1, 1)
                source_near[rows] = near[rows].mean()
                share[rows] = len(rows) / many
            else:
                leads[rows[start[rows].argmin()]] = 1.0
    twins = vectors @ vectors.T
    np.fill_diagonal(twins, 0.0)
    random = np.random.default_rng(seed)
    source_code = random.standard_normal((many + 1, CODES))
    part_code = random.standard_normal((many + 1, CODES))
    columns = [
        2 * near,
        rank,
        place,
        np.asarray(opens, dtype=np.float64),
        np.asarray([min(len(t.split()) / 40, 1.5) for t in texts]),
        np.asarray([bool(_DEFINES.match(t)) for t in texts], dtype=np.float64),
        np.asarray([bool(_DIGIT.search(t)) for t in texts], dtype=np.float64),
        2 * (vectors @ vectors.mean(0)) if many else near,
        by_source,
        by_part,
        twins.max(1) if many else near,
        2 * source_near,
        share,
        leads,
    ]
    return np.concatenate([np.stack(columns, 1), source_code[source_id], part_code[part_id]], 1).astype(np.float32)


def features(pool: Pool, question_vector: np.ndarray | Tensor) -> Tensor:
    """(M, FEATURES) float32 for `plan`, from a pool of M pieces of evidence and the question's vector (384,)."""
    rows = list(pool.evidence.values())
    made = feature_matrix(
        np.asarray(question_vector, dtype=np.float32),
        np.asarray(pool.vectors, dtype=np.float32),
        sources=[e.source for e in rows],
        headings=[e.heading for e in rows],
        starts=[e.start for e in rows],
        opens=[e.lead == "" for e in rows],
        texts=[e.text for e in rows],
    )
    return torch.from_numpy(made)


# --- symbols -----------------------------------------------------------------------------------------------------


def symbols(plan: Plan, slots: int, remask: Sequence[int] = ()) -> Tensor:
    """(slots * 4,) int64: the plan's symbols; slots in `remask` and beyond the plan are masked."""
    if len(plan.kinds) > slots:
        raise PlannerError(f"the plan has {len(plan.kinds)} slots, more than the {slots} asked for")
    tokens = torch.full((slots, WIDTH), MASK, dtype=torch.long)
    for i, (kind, pointers) in enumerate(zip(plan.kinds, plan.pointers, strict=True)):
        if i not in remask:
            tokens[i, 0] = int(kind)
            tokens[i, 1:] = NONE
            for p, row in enumerate(pointers[:MAX_POINTERS]):
                tokens[i, 1 + p] = FIRST + row
    return tokens.flatten()


def _flatten(logits: Logits, symbols_count: int) -> Tensor:
    """(N * 4, V) logits for `step` from one row of Logits."""
    kinds, pointers = logits.kinds[0], logits.pointers[0]
    flat = torch.full((kinds.shape[0], WIDTH, symbols_count), float("-inf"))
    flat[:, 0, :KINDS] = kinds
    flat[:, 1:, NONE:] = pointers
    return flat.view(-1, symbols_count)


def _rules(flat: Tensor, tokens: Tensor, free: int) -> Tensor:
    """Forbid what no plan may hold, given what is visible. flat (N * 4, V) is changed in place.

    A plan opens with a section; EMPTY runs to the end; only claims point, and
    every claim does; second pointers never take evidence that a claim still
    needs (`free` pieces are left).
    """
    view, seen = flat.view(-1, WIDTH, flat.shape[1]), tokens.view(-1, WIDTH)
    kinds = seen[:, 0]
    where = torch.arange(len(kinds))
    never = float("-inf")
    last = _last_full(kinds)
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
    if free <= _owed(seen):
        view[:, 2:, FIRST:] = never
        view[:, 0, Kind.CLAIM] = never
    return flat


def _last_full(kinds: Tensor) -> int:
    """Index of the last visible slot that is not EMPTY; -1 for none."""
    full = torch.nonzero((kinds != MASK) & (kinds != Kind.EMPTY))
    return int(full.max()) if len(full) else -1


def _owed(seen: Tensor) -> int:
    """Claims that do not point at anything yet; seen (N, 4)."""
    return int(((seen[:, 0] == Kind.CLAIM) & (seen[:, 1] == MASK)).sum())


def _undo(tokens: Tensor, committed: Tensor, usable: Tensor) -> Tensor:
    """Mask again what one step committed against `_rules`, because it chose many symbols at once.

    The rules forbid the same choice in the next step, so each loop still ends.
    """
    seen, new = tokens.clone().view(-1, WIDTH), committed.view(-1, WIDTH)
    where = torch.arange(len(seen))
    gap = new[:, 0] & (seen[:, 0] == Kind.EMPTY) & (where < _last_full(seen[:, 0]))
    seen[gap, 0] = MASK
    # Only what is too much, so that something of every step stays.
    extra = torch.nonzero(new[:, 2:] & (seen[:, 2:] >= FIRST)).tolist()
    late = torch.nonzero(new[:, 0] & (seen[:, 0] == Kind.CLAIM) & (seen[:, 1] == MASK)).flatten().tolist()
    while _owed(seen) > _free(seen, usable):
        if extra:
            row, pointer = extra.pop()
            seen[row, 2 + pointer] = MASK
        elif late:
            seen[late.pop(), 0] = MASK
        else:
            raise PlannerError("the kept slots hold more open claims than there is evidence; empty some of them")
    return seen.flatten()


def _free(seen: Tensor, usable: Tensor) -> int:
    """How many usable pieces of evidence no visible pointer takes; seen (N, 4), usable (M,) bool."""
    left = usable.clone()
    left[seen[:, 1:][seen[:, 1:] >= FIRST] - FIRST] = False
    return int(left.sum())


def _size(claims: int | None, sections: int | None, batch: int = 1) -> Tensor:
    return torch.tensor([[min(claims or 0, MAX_CLAIMS), min(sections or 0, MAX_SECTIONS)]]).expand(batch, 2)


# --- sampling ----------------------------------------------------------------------------------------------------


@torch.inference_mode()
def plan(
    planner: Planner,
    *,
    brief: Tensor,
    evidence: Tensor,
    features: Tensor,
    slots: int,
    generator: torch.Generator,
    guidance: float = GUIDANCE,
    keep: Plan | None = None,
    remask: Sequence[int] | None = None,
    usable: Tensor | None = None,
    claims: int | None = None,
    sections: int | None = None,
    threshold: float = 0.9,
    structure: float = STRUCTURE,
    temperature: float = 0.0,
    on_step: Callable[[Tensor], None] | None = None,
) -> Plan:
    """Sample a plan of at most `slots` slots by masked diffusion.

    brief: (384,) unit vector of the question. evidence: (M, 384) unit vectors.
    features: (M, FEATURES) from `features`. Row numbers of the result's
    pointers are rows of `evidence`; each is used once at most.
    guidance: weight of cos(question, evidence) added to pointer logits, in
    nats, so that a plan does not drift from its question (SPREAD).
    keep: a plan to start from. Its slots stay visible, those in `remask` aside;
    slot numbers are kept, EMPTY ones included. Without it everything is masked
    and the result is compact (EMPTY only at the end, no section without claims).
    usable: (M,) bool, evidence that may be pointed at and seen; default all.
    claims, sections: wished counts, a preference and no promise.
    threshold: symbols at least this likely are committed together.
    structure: temperature of kinds, which are drawn first and from the left;
    at 0 the likeliest kind of a slot is nearly always CLAIM, and sections run
    into each other. temperature: of pointers, which follow in any order, the
    most certain first; 0 takes the likeliest.
    on_step: called with the (slots * 4,) symbols after every step, for frames.
    Raises PlannerError for shapes that do not fit or evidence that is short.
    """
    many = evidence.shape[0]
    _check(planner, brief, evidence, features)
    allowed = torch.ones(many, dtype=torch.bool) if usable is None else usable.clone()
    base = keep if keep is not None else Plan([], [], [])
    if any(p >= many for p in base.claims()):
        raise PlannerError("the kept plan points at evidence that is not in the pool")
    tokens = symbols(base, slots, remask or ())
    confidence = torch.zeros(slots * WIDTH)
    if not bool(allowed.any()):
        tokens = tokens.view(-1, WIDTH)
        tokens[tokens[:, 0] == MASK] = torch.tensor([int(Kind.EMPTY), NONE, NONE, NONE])
        tokens = tokens.flatten()
    exclusive = torch.arange(FIRST + many) >= FIRST
    pull = guidance * (evidence @ brief)
    size = _size(claims, sections)
    while bool((masked := tokens == MASK).any()):
        logits = planner(brief[None], evidence[None], features[None], allowed[None], tokens[None], size)
        logits.pointers[..., 1:] += pull
        seen = tokens.view(-1, WIDTH)
        flat = _rules(_flatten(logits, FIRST + many), tokens, _free(seen, allowed))
        drafting = bool((seen[:, 0] == MASK).any())
        done = step(
            logits=flat,
            tokens=tokens,
            masked=masked,
            generator=generator,
            threshold=threshold,
            temperature=structure if drafting else temperature,
            window=_next_kinds(flat, seen, threshold) if drafting else _ready(seen),
            exclusive=exclusive,
        )
        tokens = _undo(done.tokens, done.committed, allowed)
        confidence = torch.where(done.committed, done.confidence, confidence)
        if on_step is not None:
            on_step(tokens)
    made = _read(tokens, confidence, base, set(remask or ()))
    return made if keep is not None else compact(made)


def _next_kinds(flat: Tensor, seen: Tensor, threshold: float) -> Tensor:
    """(N * 4,) bool: the leftmost masked kind and those that are certain. A draw at a place that was chosen for how
    likely its draw is would not be a draw."""
    masked = seen[:, 0] == MASK
    sure = torch.softmax(flat.view(len(seen), WIDTH, -1)[:, 0], -1).max(-1).values >= threshold
    window = torch.zeros(seen.shape, dtype=torch.bool)
    window[:, 0] = masked & sure
    window[int(torch.nonzero(masked)[0]), 0] = True
    return window.flatten()


def _ready(seen: Tensor) -> Tensor:
    """(N * 4,) bool: pointers whose left neighbour is visible, so that a second pointer waits for the first."""
    return torch.cat([torch.ones(len(seen), 1, dtype=torch.bool), seen[:, :-1] != MASK], dim=1).flatten()


def _check(planner: Planner, brief: Tensor, evidence: Tensor, features: Tensor) -> None:
    c = planner.config
    fits = brief.shape == (c.vector,) and evidence.ndim == 2 and evidence.shape[1] == c.vector
    if not fits or features.shape != (evidence.shape[0], c.features):
        raise PlannerError(
            f"a plan takes a brief ({c.vector},), evidence (M, {c.vector}) and features (M, {c.features}); "
            f"got {tuple(brief.shape)}, {tuple(evidence.shape)}, {tuple(features.shape)}"
        )


def _read(tokens: Tensor, confidence: Tensor, base: Plan, remasked: set[int]) -> Plan:
    kinds, pointers, sure = [], [], []
    parts = confidence.view(-1, WIDTH)
    for i, row in enumerate(tokens.view(-1, WIDTH).tolist()):
        kinds.append(Kind(row[0]))
        pointers.append(tuple(symbol - FIRST for symbol in row[1:] if symbol >= FIRST))
        kept = i < len(base.kinds) and i not in remasked
        sure.append(base.confidence[i] if kept else float(parts[i, 0] * parts[i, 1]))
    return Plan(kinds, pointers, sure)


def compact(made: Plan) -> Plan:
    """The plan without gaps, claims before the first section, and empty sections; as many slots, EMPTY last."""
    rows = list(zip(made.kinds, made.pointers, made.confidence, strict=True))
    runs: list[list[tuple[Kind, tuple[int, ...], float]]] = []
    for row in rows:
        if row[0] == Kind.SECTION:
            runs.append([row])
        elif row[0] != Kind.EMPTY and runs:
            runs[-1].append(row)
    kept = [row for run in runs if any(kind == Kind.CLAIM for kind, _, _ in run) for row in run]
    void = [row for row in rows if row[0] == Kind.EMPTY]
    spare = max((c for _, _, c in void), default=0.0)
    kept += [(Kind.EMPTY, (), spare)] * (len(rows) - len(kept))
    return Plan([k for k, _, _ in kept], [p for _, p, _ in kept], [c for _, _, c in kept])


@dataclass(frozen=True)
class Belief:
    """What the planner expects at some slots, in nats: kinds (S, 4), pointers (S, 3, 1 + M), NONE first."""

    slots: list[int]
    kinds: Tensor
    pointers: Tensor


@torch.inference_mode()
def distribution(
    planner: Planner,
    held: Plan,
    *,
    brief: Tensor,
    evidence: Tensor,
    features: Tensor,
    slots: Sequence[int],
    usable: Tensor | None = None,
    guidance: float = GUIDANCE,
    kinds_visible: bool = False,
) -> Belief:
    """Log-probabilities at each of `slots` with that slot masked and all others of `held` visible.

    usable: (M,) bool; hide new evidence to ask what was believed without it,
    show it to ask what is believed now, and compare with `divergence`. Hidden
    evidence gets -inf, also where another slot of `held` points at it.
    kinds_visible: mask the pointers of a slot only. Shapes as for `plan`.
    """
    _check(planner, brief, evidence, features)
    many, total = evidence.shape[0], len(held.kinds)
    allowed = torch.ones(many, dtype=torch.bool) if usable is None else usable
    if not slots:
        return Belief([], torch.zeros(0, KINDS), torch.zeros(0, MAX_POINTERS, 1 + many))
    tokens = torch.stack([symbols(held, total, [i]) for i in slots])
    if kinds_visible:
        for row, i in zip(tokens, slots, strict=True):
            row[i * WIDTH] = int(held.kinds[i])
    batch = len(slots)
    logits = planner(
        brief.expand(batch, -1),
        evidence.expand(batch, -1, -1),
        features.expand(batch, -1, -1),
        allowed.expand(batch, -1),
        tokens,
        _size(None, None, batch),
    )
    at = torch.arange(batch), torch.tensor(list(slots))
    pointers = logits.pointers[at]
    pointers[..., 1:] += guidance * (evidence @ brief)
    return Belief(list(slots), torch.log_softmax(logits.kinds[at], -1), torch.log_softmax(pointers, -1))


def divergence(before: Belief, after: Belief) -> Tensor:
    """(S,) KL(before || after) of kind and first pointer, summed, in nats: how far new evidence moves each slot.

    `after` must allow at least the evidence that `before` allowed, else the result is inf.
    """
    total = torch.zeros(len(before.slots))
    for p, q in ((before.kinds, after.kinds), (before.pointers[:, 0], after.pointers[:, 0])):
        total += torch.where(torch.isinf(p), torch.zeros_like(p), p.exp() * (p - q)).sum(-1)
    return total


# --- weights -----------------------------------------------------------------------------------------------------


def save(planner: Planner, path: Path, card: dict[str, object] | None = None) -> None:
    """Write bf16 safetensors with the configuration (and `card`, small JSON values) in its metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.detach().to(torch.bfloat16).contiguous() for k, v in planner.state_dict().items()}
    part = path.with_suffix(".part")
    metadata = {"format": "pt", "config": json.dumps(asdict(planner.config)), "card": json.dumps(card or {})}
    save_file(tensors, part, metadata=metadata)
    part.chmod(0o644)
    part.replace(path)


def load(path: Path = WEIGHTS) -> Planner:
    """The planner of a file written by `save`, in float32 and eval mode. PlannerError, one line, for anything else."""
    again = "; get it from the repository again, or train it with `python -m dlm_core.train --scale plan`"
    if not path.is_file():
        raise PlannerError(f"planner weights missing: {path}{again}")
    try:
        with safe_open(path, framework="pt") as file:
            config = PlannerConfig(**json.loads((file.metadata() or {})["config"]))
            tensors = {k: file.get_tensor(k).float() for k in file.keys()}  # noqa: SIM118
        planner = Planner(config)
        planner.load_state_dict(tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PlannerError(f"planner weights damaged: {path} ({reason}){again}") from None
    if not all(bool(torch.isfinite(v).all()) for v in tensors.values()):
        raise PlannerError(f"planner weights damaged: {path} (not finite){again}")
    return planner.eval()
