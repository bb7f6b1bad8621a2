"""The text scale at work: the base reads contexts, the writer fills canvases.

A reading of a context is exact and kept until memory runs out (least recently
used goes first); a slot's canvas goes through base plus adapter and attends to
it. Nothing here knows of slots or reports: a `Job` is a context and a canvas.

Rows are padded to a common width, and a padded row's numbers can differ in the
last bits from the same row alone; a run always builds the same batches from the
same canvas, so it stays reproducible.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from dlm_core.denoise import step
from dlm_core.model import KV, Transformer
from dlm_core.tokenizer import END, SPECIAL, TextTokenizer

ROWS = 24  # canvases a batch: enough to fill the matrix units, small enough for a laptop's memory
KEEP_BYTES = 400_000_000  # readings kept


@dataclass(frozen=True)
class Effort:
    """How carefully text is denoised. `threshold` and `window` set how many
    tokens a step commits, `rounds` how often a sentence is read and remasked."""

    threshold: float = 0.9
    window: int = 16
    entropy_bound: float = 2.0  # nats a step and row
    temperature: float = 0.0
    rounds: int = 2
    doubt: float = -4.5  # reading in nats below which a token is remasked


@dataclass
class Job:
    """One canvas to fill. tokens and masked have the canvas length; `fixed`
    positions (pins) are never remasked."""

    context: tuple[int, ...]
    tokens: list[int]
    masked: list[bool]
    confidence: list[float] = field(default_factory=list)
    reading: list[float] = field(default_factory=list)

    @staticmethod
    def blank(context: Sequence[int], room: int) -> Job:
        """A canvas of `room` masks: 100% noise."""
        return Job(tuple(context), [END] * room, [True] * room, [0.0] * room)

    def text_tokens(self) -> list[int]:
        """Tokens before the first end token, masks left out."""
        out = []
        for token, hidden in zip(self.tokens, self.masked, strict=True):
            if token == END and not hidden:
                break
            if not hidden:
                out.append(token)
        return out

    def score(self) -> float:
        """Mean reading of the written tokens, nats a token; -inf before a reading."""
        return sum(self.reading) / len(self.reading) if self.reading else float("-inf")


Progress = Callable[[list[Job]], None]


class Writer:
    """Base, adapter and tokenizer with the readings they share."""

    def __init__(self, model: Transformer, tokenizer: TextTokenizer, keep_bytes: int = KEEP_BYTES) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.keep_bytes = keep_bytes
        self._kept: OrderedDict[tuple[int, ...], tuple[Tensor, Tensor, Tensor]] = OrderedDict()
        self._bytes = 0
        self.passes = {"context": 0, "canvas": 0, "read": 0}  # positions computed, for cost figures

    # --- contexts -----------------------------------------------------------------

    @torch.no_grad()
    def _read_contexts(self, contexts: Sequence[tuple[int, ...]]) -> None:
        """Read what is not kept yet, by the frozen base."""
        todo = [c for c in dict.fromkeys(contexts) if c not in self._kept]
        todo.sort(key=len)
        for i in range(0, len(todo), ROWS):
            part = todo[i : i + ROWS]
            context, visible = self._pad(part)
            positions = (visible.long().cumsum(-1) - 1).clamp(min=0)
            states, kv = self.model(
                self.model.embed(context), positions=positions, visible=visible, causal=True, adapter=False, keep=True
            )
            assert kv is not None
            self.passes["context"] += int(visible.sum())
            keys, values = torch.stack(kv.keys, 1), torch.stack(kv.values, 1)  # (B, layers, kv_heads, S, head_dim)
            for row, c in enumerate(part):
                entry = (
                    keys[row, :, :, -len(c) :].clone(),
                    values[row, :, :, -len(c) :].clone(),
                    states[row, -len(c) :].clone(),
                )
                self._kept[c] = entry
                self._bytes += sum(t.nbytes for t in entry)

    def _evict(self, needed: set[tuple[int, ...]]) -> None:
        for c in list(self._kept):
            if self._bytes <= self.keep_bytes:
                return
            if c not in needed:
                self._bytes -= sum(t.nbytes for t in self._kept.pop(c))

    def _pad(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        width = max(map(len, rows))
        tokens = torch.full((len(rows), width), END)
        visible = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, row in enumerate(rows):
            tokens[i, width - len(row) :] = torch.tensor(row)
            visible[i, width - len(row) :] = True
        return tokens, visible

    def _contexts(self, contexts: Sequence[tuple[int, ...]]) -> tuple[KV, Tensor, Tensor, Tensor]:
        """Kept readings as one left-padded batch: (KV without each last token,
        states (B, S, D), tokens (B, S), visible (B, S))."""
        self._read_contexts(contexts)
        for c in contexts:
            self._kept.move_to_end(c)
        tokens, visible = self._pad(contexts)
        width = tokens.shape[1]
        kept = [self._kept[c] for c in contexts]
        keys = torch.stack([F.pad(k, (0, 0, width - k.shape[2], 0)) for k, _, _ in kept])
        values = torch.stack([F.pad(v, (0, 0, width - v.shape[2], 0)) for _, v, _ in kept])
        states = torch.stack([F.pad(s, (0, 0, width - s.shape[0], 0)) for _, _, s in kept])
        seen = visible.clone()
        seen[:, -1] = False  # the last token goes through the call again, as the anchor
        kv = KV(list(keys.unbind(1)), list(values.unbind(1)), seen)
        return kv, states, tokens, visible

    # --- writing ------------------------------------------------------------------

    @torch.no_grad()
    def probabilities(self, jobs: Sequence[Job], where: Tensor) -> Tensor:
        """Writer's distribution at canvas positions `where` (B, L): (P, V) float32."""
        kv, states, context, visible = self._contexts([j.context for j in jobs])
        width = where.shape[1]
        canvas = torch.full((len(jobs), width), END)
        masked = torch.zeros(len(jobs), width, dtype=torch.bool)
        seen = torch.zeros(len(jobs), width + 1, dtype=torch.bool)
        for i, j in enumerate(jobs):
            canvas[i, : len(j.tokens)] = torch.tensor(j.tokens)
            masked[i, : len(j.tokens)] = torch.tensor(j.masked)
            seen[i, : len(j.tokens) + 1] = True
        tokens = torch.cat((context[:, -1:], canvas), dim=1)
        hidden = F.pad(masked, (1, 0))
        positions = visible.sum(-1, keepdim=True) - 1 + torch.arange(width + 1)[None]
        out, _ = self.model(
            self.model.embed(tokens, hidden), positions=positions, visible=seen, causal=False, adapter=True, past=kv
        )
        self.passes["canvas"] += int(seen.sum())
        keys = self.model.copy.keys(states, self.model.embed(context))
        out = out[:, :-1]
        copied, gate = self.model.copy(out, keys, visible)
        g = torch.sigmoid(gate[where])[:, None]
        probability = torch.softmax(self.model.logits(out[where]).float(), dim=-1) * (1 - g)
        row = torch.arange(len(jobs))[:, None].expand_as(where)[where]
        probability.scatter_add_(1, context[row], copied[where].exp() * g)
        probability[:, [i for i in range(SPECIAL) if i != END]] = 0.0  # control tokens are never text
        return probability

    def fill(
        self, jobs: Sequence[Job], *, effort: Effort, generator: torch.Generator, progress: Progress | None = None
    ) -> None:
        """Denoise every job until nothing is masked, in place."""
        for begin in range(0, len(jobs), ROWS):
            part = sorted(jobs[begin : begin + ROWS], key=lambda j: len(j.tokens))
            while active := [j for j in part if any(j.masked)]:
                width = max(len(j.tokens) for j in active)
                window = torch.zeros(len(active), width, dtype=torch.bool)
                for i, j in enumerate(active):
                    first = j.masked.index(True)
                    for p in range(first, min(first + effort.window, len(j.tokens))):
                        window[i, p] = j.masked[p]
                probability = self.probabilities(active, window)
                at = 0
                for i, j in enumerate(active):
                    places = window[i].nonzero()[:, 0].tolist()
                    logits = probability[at : at + len(places)].clamp(min=1e-9).log()
                    at += len(places)
                    done = step(
                        logits=logits,
                        tokens=torch.full((len(places),), END),
                        masked=torch.ones(len(places), dtype=torch.bool),
                        generator=generator,
                        threshold=effort.threshold,
                        entropy_bound=effort.entropy_bound,
                        temperature=effort.temperature,
                    )
                    self._commit(j, places, done.committed.tolist(), done.tokens.tolist(), done.confidence.tolist())
                if progress is not None:
                    progress(list(jobs))
            self._evict({j.context for j in jobs})

    @staticmethod
    def _commit(job: Job, places: list[int], committed: list[bool], tokens: list[int], confidence: list[float]) -> None:
        for place, yes, token, c in zip(places, committed, tokens, confidence, strict=True):
            if yes:
                job.tokens[place], job.masked[place], job.confidence[place] = token, False, c
        # A visible end token with nothing masked before it ends the slot: the rest is its tail.
        for place, token in enumerate(job.tokens):
            if job.masked[place]:
                return
            if token == END:
                for rest in range(place, len(job.tokens)):
                    if job.masked[rest]:
                        job.tokens[rest], job.masked[rest], job.confidence[rest] = END, False, job.confidence[place]
                return

    # --- reading ------------------------------------------------------------------

    @torch.no_grad()
    def read(self, pairs: Sequence[tuple[tuple[int, ...], Sequence[int]]]) -> list[list[float]]:
        """Log-probability in nats of each token of each (context, tokens) pair
        under the causal base: the reading."""
        out: list[list[float]] = [[] for _ in pairs]
        order = sorted((i for i, (_, t) in enumerate(pairs) if t), key=lambda i: len(pairs[i][1]))
        for begin in range(0, len(order), ROWS):
            part = order[begin : begin + ROWS]
            kv, _, context, visible = self._contexts([pairs[i][0] for i in part])
            width = max(len(pairs[i][1]) for i in part)
            target = torch.full((len(part), width), END)
            inside = torch.zeros(len(part), width, dtype=torch.bool)
            for row, i in enumerate(part):
                target[row, : len(pairs[i][1])] = torch.tensor(list(pairs[i][1]))
                inside[row, : len(pairs[i][1])] = True
            tokens = torch.cat((context[:, -1:], target[:, :-1]), dim=1)
            positions = visible.sum(-1, keepdim=True) - 1 + torch.arange(width)[None]
            states, _ = self.model(
                self.model.embed(tokens), positions=positions, visible=inside, causal=True, adapter=False, past=kv
            )
            self.passes["read"] += int(inside.sum())
            log_p = torch.full(inside.shape, 0.0)
            log_p[inside] = -F.cross_entropy(
                self.model.logits(states[inside]).float(), target[inside], reduction="none"
            )
            for row, i in enumerate(part):
                out[i] = log_p[row, : len(pairs[i][1])].tolist()
            self._evict({pairs[i][0] for i in part})
        return out

    def write(
        self, jobs: Sequence[Job], *, effort: Effort, generator: torch.Generator, progress: Progress | None = None
    ) -> list[Job]:
        """Write, read, remask: fill each canvas, let the base read it, put noise
        back on the tokens it doubts (and a neighbour on each side, a third of
        the sentence at most), fill again. Each job keeps its best round by mean
        reading. Returns the finished jobs in order; the inputs are consumed."""
        self.fill(jobs, effort=effort, generator=generator, progress=progress)
        best = [self._snapshot(j) for j in jobs]
        self._attach_readings(best)
        for _ in range(effort.rounds):
            again = [(i, self._doubtful(b, effort.doubt)) for i, b in enumerate(best)]
            retry = [(i, j) for i, j in again if j is not None]
            if not retry:
                break
            self.fill([j for _, j in retry], effort=effort, generator=generator, progress=progress)
            tried = [self._snapshot(j) for _, j in retry]
            self._attach_readings(tried)
            improved = False
            for (i, _), new in zip(retry, tried, strict=True):
                if new.score() > best[i].score() + 0.01:
                    best[i] = new
                    improved = True
            if not improved:
                break  # what the model would change reads no better: accept
        return best

    def _attach_readings(self, jobs: Sequence[Job]) -> None:
        for j, reading in zip(jobs, self.read([(j.context, j.text_tokens()) for j in jobs]), strict=True):
            j.reading = reading

    @staticmethod
    def _snapshot(job: Job) -> Job:
        return Job(job.context, list(job.tokens), list(job.masked), list(job.confidence))

    @staticmethod
    def _doubtful(job: Job, doubt: float) -> Job | None:
        """A copy with the badly read tokens remasked, or None where all read well."""
        bad = [p for p, r in enumerate(job.reading) if r < doubt]
        if not bad:
            return None
        bad.sort(key=lambda p: job.reading[p])
        limit = max(2, len(job.reading) // 3)
        out = Writer._snapshot(job)
        chosen: set[int] = set()
        for p in bad:
            around = {q for q in (p - 1, p, p + 1) if 0 <= q < len(job.reading)}
            if len(chosen | around) > limit and chosen:
                break
            chosen |= around
        for p in chosen:
            out.masked[p] = True
        return out
