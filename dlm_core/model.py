"""One transformer for reading and writing.

Choices, in the order they are met:
- RMSNorm before attention and MLP, and once at the end (arXiv 1910.07467)
- rotary positions, half-split, given explicitly (arXiv 2104.09864)
- grouped-query attention (arXiv 2305.13245), optional q/k/v bias
- SwiGLU MLP (arXiv 2002.05202), embeddings tied or not
- low-rank adapters on all seven matrices (arXiv 2106.09685), or matrices of the
  writer's own, on or off per call: off is the causal base, on is the masked
  diffusion writer
- kept keys and values (`KV`) of a context, attended to by any later call
- rows of a batch are padded for attention alone: norms and matrix products see
  the real positions of all rows as one list (as FlashAttention's unpadded batches)
- a copying head: the writer's output mixes the vocabulary with the tokens of
  its context (pointer-generator, arXiv 1704.04368)
- an action head: a canvas position is kept, emptied or written anew, so that a
  draft can start from its evidence and be edited (LaserTagger's keep and delete,
  arXiv 1909.01187; a length that changes during denoising, DreamOn)

Shapes: B batch, T new positions, S kept positions, D width, V vocabulary, N real
positions of a batch, filled up to a multiple of EVEN.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EVEN = 16  # rows of a matrix product: a handful takes another path than many, and its last bits with it


@dataclass(frozen=True, kw_only=True)
class Config:
    """Sizes of one transformer; defaults are SmolLM2-135M's."""

    vocab: int = 49152
    dim: int = 576
    layers: int = 30
    heads: int = 9
    kv_heads: int = 3
    head_dim: int = 64
    hidden: int = 1536
    norm_eps: float = 1e-5
    rope_theta: float = 100000.0
    tied: bool = True
    qkv_bias: bool = False
    rank: int = 64  # of the adapter; 0: the writer has matrices of its own
    copy_dim: int = 128  # of the copying head


@dataclass
class KV:
    """Kept keys and values of a context.

    keys, values: one (B, kv_heads, S, head_dim) a layer, rotary already applied
    to the keys. visible: (B, S) bool, False where a row is padding.
    """

    keys: list[Tensor]
    values: list[Tensor]
    visible: Tensor

    def rows(self, index: Tensor) -> KV:
        """The rows `index` (N,) of the batch, in that order; rows may repeat."""
        return KV([k[index] for k in self.keys], [v[index] for v in self.values], self.visible[index])


class Linear(nn.Module):
    """A frozen matrix with a low-rank update, or at rank 0 another matrix, that a call may switch on."""

    def __init__(self, inputs: int, outputs: int, rank: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(outputs), requires_grad=False) if bias else None
        if rank:
            self.down = nn.Parameter(torch.empty(rank, inputs))
            self.up = nn.Parameter(torch.zeros(outputs, rank))
        else:
            self.own = nn.Parameter(torch.empty(outputs, inputs))
        self.rank = rank
        self.merged: Tensor | None = None

    def merge(self) -> None:
        """Fold the update into one matrix of its own: the writer then costs no
        more than the reader. Call again after the update changed."""
        with torch.no_grad():
            kind = self.weight.dtype
            if self.rank:
                self.merged = torch.addmm(self.weight, self.up.to(kind), self.down.to(kind))
            else:
                self.merged = self.own.to(kind)

    def forward(self, x: Tensor, adapter: bool) -> Tensor:
        if not adapter:
            return F.linear(x, self.weight, self.bias)
        if self.merged is not None and not torch.is_grad_enabled():
            return F.linear(x, self.merged, self.bias)
        if not self.rank:
            return F.linear(x, self.own.to(x.dtype), self.bias)
        low = F.linear(x, self.down.to(x.dtype))
        return F.linear(x, self.weight, self.bias) + F.linear(low, self.up.to(x.dtype))


def rope_table(positions: Tensor, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """cos and sin for positions (N,), each (N, 1, head_dim) float32."""
    frequency = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32, device=positions.device) / head_dim)
    angle = positions[:, None, None].float() * frequency  # (N, 1, head_dim / 2)
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Half-split rotary embedding of x (N, heads, head_dim)."""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * cos + turned * sin


def attend(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Attention of q (B, H, Q, head_dim) over keys and values (B, H, K, head_dim), bias (B, 1, Q, K) added to the
    scores. Going back through the fused kernel takes a CPU longer than all matrix products of a training step."""
    if not torch.is_grad_enabled() or q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, keys, values, attn_mask=bias)
    scores = (q * q.shape[-1] ** -0.5) @ keys.transpose(-1, -2) + bias
    return torch.softmax(scores, dim=-1) @ values


@dataclass(frozen=True)
class Packing:
    """Where the real positions of a padded batch are, and back.

    rows, length: B and T of the batch. real: (N,) int64 places of the batch,
    row after row, the filling at the end repeating the first. back: (B * T,)
    int64 position in that list of every place; padding points anywhere.
    """

    rows: int
    length: int
    real: Tensor
    back: Tensor

    @staticmethod
    def of(visible: Tensor) -> Packing:
        """Of a batch whose real places are `visible` (B, T) bool."""
        flat = visible.flatten()
        real = flat.nonzero()[:, 0]
        back = (flat.cumsum(0) - 1).clamp(min=0)
        rows, length = visible.shape
        # One new position a row is a causal decoder's step, which is even as it is.
        fill = -len(real) % EVEN if length > 1 else 0
        return Packing(rows, length, F.pad(real, (0, fill), value=int(real[0])), back)

    def pack(self, x: Tensor) -> Tensor:
        """(B, T, ...) -> (N, ...)."""
        return x.flatten(0, 1).index_select(0, self.real)

    def unpack(self, x: Tensor) -> Tensor:
        """(N, ...) -> (B, T, ...); what stands in the padding means nothing."""
        return x.index_select(0, self.back).unflatten(0, (self.rows, self.length))


class Block(nn.Module):
    """Attention and MLP, each after a norm, each added to the residual."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.c = c
        self.attention_norm = nn.Parameter(torch.ones(c.dim), requires_grad=False)
        self.q = Linear(c.dim, c.heads * c.head_dim, c.rank, c.qkv_bias)
        self.k = Linear(c.dim, c.kv_heads * c.head_dim, c.rank, c.qkv_bias)
        self.v = Linear(c.dim, c.kv_heads * c.head_dim, c.rank, c.qkv_bias)
        self.o = Linear(c.heads * c.head_dim, c.dim, c.rank)
        self.mlp_norm = nn.Parameter(torch.ones(c.dim), requires_grad=False)
        self.gate = Linear(c.dim, c.hidden, c.rank)
        self.up = Linear(c.dim, c.hidden, c.rank)
        self.down = Linear(c.hidden, c.dim, c.rank)

    def forward(
        self,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        bias: Tensor,
        packing: Packing,
        past: tuple[Tensor, Tensor] | None,
        adapter: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x (N, D) -> x and the new keys and values (B, kv_heads, T, head_dim)."""
        c = self.c
        h = F.rms_norm(x, (c.dim,), self.attention_norm, c.norm_eps)
        q = rotate(self.q(h, adapter).view(-1, c.heads, c.head_dim), cos, sin)
        k = rotate(self.k(h, adapter).view(-1, c.kv_heads, c.head_dim), cos, sin)
        v = self.v(h, adapter).view(-1, c.kv_heads, c.head_dim)
        q, k, v = (packing.unpack(t).transpose(1, 2) for t in (q, k, v))  # (B, heads, T, head_dim)
        keys = k if past is None else torch.cat((past[0], k), dim=2)
        values = v if past is None else torch.cat((past[1], v), dim=2)
        # Query heads that share keys stand below each other as more queries of one head, so keys are not repeated.
        q = q.reshape(packing.rows, c.kv_heads, -1, c.head_dim)  # (B, kv_heads, groups * T, head_dim)
        out = attend(q, keys, values, bias)
        out = out.reshape(packing.rows, c.heads, packing.length, c.head_dim)
        x = x + self.o(packing.pack(out.transpose(1, 2)).flatten(1), adapter)
        h = F.rms_norm(x, (c.dim,), self.mlp_norm, c.norm_eps)
        x = x + self.down(F.silu(self.gate(h, adapter)) * self.up(h, adapter), adapter)
        return x, k, v


class CopyHead(nn.Module):
    """Attention of a writing state over the tokens of its context.

    A context token is known by its embedding and by the causal state that
    foresaw it, one position to its left: together they say "this word, here".
    """

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.empty(c.copy_dim, c.dim))
        self.key_state = nn.Parameter(torch.empty(c.copy_dim, c.dim))
        self.key_token = nn.Parameter(torch.empty(c.copy_dim, c.dim))
        self.gate = nn.Parameter(torch.zeros(c.dim))
        self.gate_bias = nn.Parameter(torch.zeros(()))

    def keys(self, states: Tensor, embeddings: Tensor) -> Tensor:
        """(B, S, D) causal states and (B, S, D) embeddings of the same context -> (B, S, copy_dim)."""
        before = F.pad(states, (0, 0, 1, 0))[:, :-1]
        return F.linear(before, self.key_state.to(states.dtype)) + F.linear(embeddings, self.key_token.to(states.dtype))

    def forward(self, states: Tensor, keys: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """states (B, T, D), keys (B, S, copy_dim), allowed (B, S) bool ->
        log attention (B, T, S) float32 and copy-gate logit (B, T) float32."""
        query = F.linear(states, self.query.to(states.dtype))
        score = (query @ keys.transpose(1, 2)).float() * keys.shape[-1] ** -0.5
        score = score.masked_fill(~allowed[:, None, :], float("-inf"))
        gate = (states.float() @ self.gate.float()) + self.gate_bias.float()
        return torch.log_softmax(score, dim=-1), gate


KEEP, EMPTIED, WRITTEN = 0, 1, 2  # what becomes of a canvas position
ACTION_BIAS = torch.tensor([3.0, 0.0, 0.0])  # of a fresh action head


class ActionHead(nn.Module):
    """What becomes of each canvas position, read from the state at that position."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.action = nn.Parameter(torch.zeros(3, c.dim))
        self.action_bias = nn.Parameter(torch.zeros(3))

    def forward(self, states: Tensor, masked: Tensor) -> Tensor:
        """states (B, L, D) at the positions themselves, masked (B, L) bool ->
        log-probability (B, L, 3) float32 of KEEP, EMPTIED, WRITTEN; a masked
        position holds nothing that could be kept."""
        logits = F.linear(states.float(), self.action.float(), self.action_bias.float())
        none = torch.arange(3, device=masked.device) == KEEP
        return torch.log_softmax(logits.masked_fill(masked[..., None] & none, float("-inf")), dim=-1)


class Transformer(nn.Module):
    """The base, its adapter, the copying head and the action head."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        self.embedding = nn.Parameter(torch.empty(c.vocab, c.dim), requires_grad=False)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = nn.Parameter(torch.ones(c.dim), requires_grad=False)
        self.head = None if c.tied else nn.Parameter(torch.empty(c.vocab, c.dim), requires_grad=False)
        self.mask_embedding = nn.Parameter(torch.zeros(c.dim))
        self.copy = CopyHead(c)
        self.actions = ActionHead(c)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embedding.device

    def adapter_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """The trained part: low-rank updates or the writer's matrices, mask embedding, copying and action heads."""
        return ((n, p) for n, p in self.named_parameters() if p.requires_grad)

    def reset_adapter(self, generator: torch.Generator, std: float = 0.02) -> None:
        """Fresh adapter: the low-rank update is zero, or the writer's matrices are the
        base's, so writer equals base, and what stands on the canvas is kept."""
        frozen = dict(self.named_parameters())
        with torch.no_grad():
            for name, p in self.adapter_parameters():
                if name.endswith(".own"):
                    p.copy_(frozen[name.removesuffix("own") + "weight"])
                elif name.endswith(("up", "gate", "gate_bias", "action")):  # `.up` of a Linear, the gates
                    p.zero_()
                elif name.endswith("action_bias"):
                    p.copy_(ACTION_BIAS)
                else:
                    p.copy_(torch.randn(p.shape, generator=generator) * std)

    def merge(self) -> None:
        """Fold every low-rank update for fast writing."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.merge()

    def embed(self, tokens: Tensor, masked: Tensor | None = None) -> Tensor:
        """tokens (B, T) int64 -> (B, T, D); masked (B, T) bool positions get the mask embedding."""
        x = F.embedding(tokens, self.embedding)
        if masked is not None:
            x = torch.where(masked[..., None], self.mask_embedding.to(x.dtype), x)
        return x

    def forward(
        self,
        x: Tensor,
        *,
        positions: Tensor,
        visible: Tensor,
        causal: bool,
        adapter: bool,
        past: KV | None = None,
        keep: bool = False,
    ) -> tuple[Tensor, KV | None]:
        """One pass over T new positions.

        x: (B, T, D) embeddings. positions: (B, T) int64 rotary positions.
        visible: (B, T) bool, False where a row is padding.
        causal: new positions see earlier ones only; otherwise each other.
            Everything kept in `past` is seen by all.
        adapter: writer (True) or base (False).
        keep: also return past and new keys and values as one KV.
        Returns final normed states (B, T, D) and the KV, or None; both mean
        nothing where a row is padding.
        """
        c = self.config
        length = x.shape[1]
        mask = visible[:, None, None, :].expand(-1, 1, length, -1)  # (B, 1, T, T)
        if causal:
            mask = mask & torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        if past is not None:
            mask = torch.cat((past.visible[:, None, None, :].expand(-1, 1, length, -1), mask), dim=-1)
        # A padded query must see something, or its softmax is not a number.
        own = torch.eye(length, dtype=torch.bool, device=x.device)
        mask = torch.cat((mask[..., :-length], mask[..., -length:] | own), dim=-1)
        bias = torch.zeros(mask.shape, dtype=x.dtype, device=x.device).masked_fill(~mask, float("-inf"))
        bias = bias.repeat(1, 1, c.heads // c.kv_heads, 1)  # for each of the query heads that share keys
        packing = Packing.of(visible)
        x = packing.pack(x)
        cos, sin = (t.to(x.dtype) for t in rope_table(packing.pack(positions), c.head_dim, c.rope_theta))
        keys, values = [], []
        for i, block in enumerate(self.blocks):
            kv = None if past is None else (past.keys[i], past.values[i])
            x, k, v = block(x, cos, sin, bias, packing, kv, adapter)
            if keep:
                keys.append(k if kv is None else torch.cat((kv[0], k), dim=2))
                values.append(v if kv is None else torch.cat((kv[1], v), dim=2))
        x = packing.unpack(F.rms_norm(x, (c.dim,), self.norm, c.norm_eps))
        if not keep:
            return x, None
        seen = visible if past is None else torch.cat((past.visible, visible), dim=1)
        return x, KV(keys, values, seen)

    def logits(self, states: Tensor) -> Tensor:
        """(..., D) -> (..., V) vocabulary logits."""
        return F.linear(states, self.embedding if self.head is None else self.head)
