"""The plan scale: which slots a report has, and which evidence each rests on.

A plan is N slots of four symbols: a kind and three pointers. The pointer
vocabulary is the evidence at hand, so a citation that does not exist cannot be
sampled, and EMPTY slots at the end give the report its length. The denoiser is
a bidirectional transformer (RMSNorm, SwiGLU) over the brief, every piece of
evidence and every slot; a pointer's logit is the dot product of a slot state
with an evidence state (pointer networks, arXiv 1506.03134) plus the evidence's
salience, which the slots share. planning.py samples from it.

Symbols: 0..3 a Kind, 4 NONE, 5 + j evidence j of the pool, -1 the mask.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
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

if TYPE_CHECKING:
    from dlm_core.pool import Pool

KINDS = len(Kind)
NONE = KINDS  # "no pointer here"
FIRST = NONE + 1  # the symbol of evidence 0
MASK = -1
WIDTH = 1 + MAX_POINTERS  # symbols of a slot
CODES = 8  # random numbers that tell which evidence shares a source, and which a heading
FEATURES = 14 + 2 * CODES
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
