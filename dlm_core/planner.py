"""The plan scale: which slots a report has, and which evidence each rests on.

A plan is N slots of four symbols: a kind and three pointers. The pointer
vocabulary is the evidence at hand, so a citation that does not exist cannot be
sampled, and EMPTY slots at the end give the report its length. The denoiser is
a bidirectional transformer (RMSNorm, SwiGLU) over the brief, every piece of
evidence and every slot. What two pieces of evidence are to each other (cosine,
one source, one heading, near in the text) is known before any weights: it goes
into attention as a learned bias per head (as graph transformers do, arXiv
2106.05234), between slots too, through what they point at. A pointer's logit is
the dot product of a slot state with an evidence state (pointer networks, arXiv
1506.03134), plus the evidence's salience, which the slots share, plus what it
has to do with the slot's section, with the nearest other one, and with the slot
before. plan_features.py describes evidence, planning.py samples plans.

Symbols: 0..3 a Kind, 4 NONE, 5 + j evidence j of the pool, -1 the mask.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from dlm_core.canvas import MAX_POINTERS, Kind
from dlm_core.plan_features import CODES, FEATURES, PLACE

KINDS = len(Kind)
NONE = KINDS  # "no pointer here"
FIRST = NONE + 1  # the symbol of evidence 0
MASK = -1
WIDTH = 1 + MAX_POINTERS  # symbols of a slot
RELATIONS = 5  # of two pieces of evidence: cosine, one source, one heading, near each other, which comes first
MAX_CLAIMS, MAX_SECTIONS = 32, 8
WEIGHTS = Path(__file__).parent / "weights" / "planner.safetensors"


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


@dataclass(frozen=True)
class Known:
    """What the planner makes of B questions and their M pieces of evidence before it sees a slot (`Planner.know`):
    present (B, M), head (B, W), seen and pointed (B, M, W), kin (B, 1 + M, 1 + M, RELATIONS), and bias
    (B, layers * heads, 1 + M, 1 + M), what kin adds to attention."""

    present: Tensor
    head: Tensor
    seen: Tensor
    pointed: Tensor
    kin: Tensor
    bias: Tensor


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_mix, self.norm_feed = nn.RMSNorm(width), nn.RMSNorm(width)
        self.mix = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.kin = nn.Linear(RELATIONS, heads, bias=False)
        self.gate = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """x (B, L, W); bias (B, heads, L, L), added to attention; -inf hides."""
        batch, length, width = x.shape
        q, k, v = self.mix(self.norm_mix(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
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
        # Own section, nearest other section, slot before, each by relation: what a pointer gains by them.
        self.to_kin = nn.Linear(3 * RELATIONS, MAX_POINTERS, bias=False)
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
        return self.look(self.know(brief, evidence, features, present, size), tokens)

    def know(self, brief: Tensor, evidence: Tensor, features: Tensor, present: Tensor, size: Tensor) -> Known:
        """What does not depend on the slots: computed once for all the looks of a plan. Shapes as for `forward`."""
        head = self.brief(brief) + self.claims(size[:, 0]) + self.parts(size[:, 1])
        seen = self.evidence(evidence) + self.features(features)
        kin = relations(brief, evidence, features)
        every = torch.cat([block.get_parameter("kin.weight") for block in self.blocks])  # (layers * heads, RELATIONS)
        bias = F.linear(kin, every).permute(0, 3, 1, 2).contiguous()
        return Known(present, head, seen, self.pointed(seen).to(seen.dtype), kin, bias)

    def look(self, known: Known, tokens: Tensor) -> Logits:
        """One look at canvases, tokens (B, N * 4), over what is `known` of B pools, or of one that all share."""
        batch, many = tokens.shape[0], known.present.shape[1]
        slots = tokens.shape[1] // WIDTH
        if slots > self.config.slots:
            raise PlannerError(f"this planner has {self.config.slots} slots; {slots} were asked for")
        kinds, pointers = tokens.view(batch, slots, WIDTH).split([1, MAX_POINTERS], dim=-1)
        place = self.place.weight[:slots]
        blank = torch.arange(MAX_POINTERS, device=tokens.device) * 2 + (pointers == MASK)
        # Which slot points at which evidence, as a matrix: gathers and scatters become products.
        aims = pointers.flatten(1)[..., None] - FIRST == torch.arange(many, device=tokens.device)
        aims = aims.to(known.seen.dtype)
        aimed = (aims @ known.pointed).view(batch, slots, MAX_POINTERS, -1).sum(2)
        void = (pointers < FIRST)[..., None]
        slot = place + self.kind(torch.where(kinds == MASK, KINDS, kinds)[..., 0])
        slot = slot + aimed + (self.blank(blank) * void).sum(2)
        owner = self.taken(place).repeat_interleave(MAX_POINTERS, dim=0).to(known.seen.dtype)  # (N * 3, W)
        seen = known.seen + aims.transpose(1, 2) @ owner
        x = torch.cat([known.head[:, None].expand(batch, -1, -1), seen, slot.to(seen.dtype)], dim=1)
        led = aims.view(batch, slots, MAX_POINTERS, many).float()
        bias = _related(known.bias, led.sum(2) / led.sum((2, 3)).clamp(min=1)[..., None])
        if known.present.device.type != "cpu" or not bool(known.present.all()):  # asking would wait for a GPU
            hidden = F.pad(~known.present, (1, slots))[:, None, None]
            bias = bias.masked_fill(hidden, float("-inf"))
        for block, own in zip(self.blocks, bias.chunk(self.config.layers, dim=1), strict=True):
            x = block(x, own)
        x = self.norm(x)
        seen, slot = x[:, 1 : 1 + many], x[:, 1 + many :]
        query = self.to_query(slot).view(batch, slots * MAX_POINTERS, -1)
        salience = self.to_salience(seen)[..., 0]
        scores = query @ self.to_key(seen).transpose(1, 2) / math.sqrt(self.config.width) + salience[:, None]
        gain = self.to_kin(_company(known.kin[:, 1:, 1:], kinds[..., 0], led[:, :, 0]))  # (B, N, M, 3)
        scores = scores.float().view(batch, slots, MAX_POINTERS, many) + gain.float().transpose(2, 3)
        scores = scores.masked_fill(~known.present[:, None, None], float("-inf"))
        none = self.to_none(slot).float()[..., None]
        return Logits(self.to_kind(slot).float(), torch.cat([none, scores], dim=-1), salience.float())


def relations(brief: Tensor, evidence: Tensor, features: Tensor) -> Tensor:
    """(B, 1 + M, 1 + M, RELATIONS): what the brief and each piece of evidence are to each other; the brief has
    a cosine with all and nothing else."""
    every = torch.cat([brief[:, None], evidence], dim=1).float()
    cosine = every @ every.transpose(1, 2)
    source, part = features[..., -2 * CODES : -CODES], features[..., -CODES:]
    same = [(code[:, :, None] == code[:, None]).all(-1).float() for code in (source, part)]
    place = features[..., PLACE].float()
    ahead = place[:, None] - place[:, :, None]
    inside = [*same, same[0] * torch.exp(-8 * ahead.abs()), same[0] * ahead.clamp(-1, 1)]
    return torch.stack([cosine, *(F.pad(r, (1, 0, 1, 0)) for r in inside)], dim=-1)


def _related(own: Tensor, led: Tensor) -> Tensor:
    """(B, A, L, L) over brief, evidence and slots from `own` (B, A, E, E) over brief and evidence alone; a slot is
    to others what its evidence is to them (led (B, N, M), rows of sum one, or nought where it points at nothing)."""
    led = F.pad(led, (1, 0))[:, None].to(own.dtype)  # the brief comes first
    down, up = led @ own, own @ led.transpose(2, 3)
    across = down @ led.transpose(2, 3)
    own = own.expand(led.shape[0], -1, -1, -1)
    return torch.cat([torch.cat([own, up], dim=3), torch.cat([down, across], dim=3)], dim=2)


def _company(kin: Tensor, kinds: Tensor, led: Tensor) -> Tensor:
    """(B, N, M, 3 * RELATIONS): what each piece of evidence has to do with the first pointers of a slot's own
    section (its own aside), with the section it is closest to of the others, and with the slot before.

    kin (B, M, M, R); kinds (B, N), the mask counts as no section; led (B, N, M) first pointers, one-hot or nought."""
    number = (kinds == Kind.SECTION).long().cumsum(-1).clamp(max=MAX_SECTIONS)
    home = F.one_hot(number, MAX_SECTIONS + 1).float()  # (B, N, K)
    kin = kin.expand(led.shape[0], -1, -1, -1)
    by_slot = torch.einsum("bnm,bmkr->bnkr", led, kin)  # (B, N, M, R)
    filled = led.sum(-1)  # (B, N)
    total = torch.einsum("bnk,bnmr->bkmr", home, by_slot)
    count = torch.einsum("bnk,bn->bk", home, filled)
    own = torch.einsum("bnk,bkmr->bnmr", home, total) - by_slot
    own_count = torch.einsum("bnk,bk->bn", home, count) - filled
    own = own / own_count.clamp(min=1)[..., None, None]
    mean = total / count.clamp(min=1)[..., None, None]  # (B, K, M, R)
    away = (home > 0)[..., None, None] | (count == 0)[:, None, :, None, None]
    others = mean[:, None].masked_fill(away, float("-inf")).amax(2)  # (B, N, M, R)
    others = torch.where(others.isinf(), 0.0, others)
    before = F.pad(by_slot[:, :-1], (0, 0, 0, 0, 1, 0))
    return torch.cat([own, others, before], dim=-1)


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
