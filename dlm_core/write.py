"""The text scale at work: the base reads contexts, the writer denoises canvases.

A reading of a context is exact and kept until memory runs out (least recently
used goes first); a slot's canvas goes through base plus adapter and attends to
it. A canvas starts from noise, from its evidence or from a text with noise in
places; masks are filled, then what stands is looked at: a position may be kept,
emptied (it is taken away) or remasked, so length and words both settle. Nothing
here knows of slots or reports: a `Job` is a context and a canvas.

Rows that are computed together are padded to a width that follows from their own
length alone (CONTEXT_STEP, CANVAS_STEP), never to the longest row beside them:
padding moves the last bits of attention, and a text must not depend on what else
was in the batch. How many rows a batch has, and in which place a row stands, moves
nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlm_core import predict
from dlm_core.denoise import step
from dlm_core.job import SPARE, Effort, Job
from dlm_core.model import EMPTIED, KEEP, KV, WRITTEN, Transformer
from dlm_core.tokenizer import EMPTY, END, SPECIAL, TextTokenizer

CONTEXT_STEP, CANVAS_STEP = 64, 16  # widths are multiples of these
ROWS = 24  # canvases a batch: enough to fill the matrix units, small enough for a laptop's memory
KEEP_BYTES = 400_000_000  # readings kept


Progress = Callable[[list[Job]], None]


def _width(length: int, step: int) -> int:
    """The width a row of `length` positions is padded to."""
    return max(step, -(-length // step) * step)


def _groups(widths: Sequence[Any]) -> list[list[int]]:
    """Indices of rows of one width, at most ROWS together."""
    by: dict[Any, list[int]] = {}
    for i, width in enumerate(widths):
        by.setdefault(width, []).append(i)
    return [rows[b : b + ROWS] for _, rows in sorted(by.items()) for b in range(0, len(rows), ROWS)]


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
        for part in _groups([_width(len(c), CONTEXT_STEP) for c in todo]):
            rows = [todo[i] for i in part]
            context, visible = self._pad(rows)
            positions = (visible.long().cumsum(-1) - 1).clamp(min=0)
            states, kv = self.model(
                self.model.embed(context), positions=positions, visible=visible, causal=True, adapter=False, keep=True
            )
            assert kv is not None
            self.passes["context"] += int(visible.sum())
            keys, values = torch.stack(kv.keys, 1), torch.stack(kv.values, 1)  # (B, layers, kv_heads, S, head_dim)
            for row, c in enumerate(rows):
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
        """Contexts of one width, padded on the left: (tokens, visible), both (B, S)."""
        width = _width(len(rows[0]), CONTEXT_STEP)
        tokens = torch.full((len(rows), width), END)
        visible = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, row in enumerate(rows):
            tokens[i, width - len(row) :] = torch.tensor(row)
            visible[i, width - len(row) :] = True
        return tokens, visible

    def _contexts(self, contexts: Sequence[tuple[int, ...]]) -> tuple[KV, Tensor, Tensor, Tensor]:
        """Kept readings of contexts of one width as one left-padded batch: (KV
        without each last token, states (B, S, D), tokens (B, S), visible (B, S))."""
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

    @staticmethod
    def _alike(jobs: Sequence[Job]) -> list[list[Job]]:
        """The jobs in batches of one context and one canvas width."""
        widths = [(_width(len(j.context), CONTEXT_STEP), _width(len(j.tokens), CANVAS_STEP)) for j in jobs]
        return [[jobs[i] for i in part] for part in _groups(widths)]

    # --- writing ------------------------------------------------------------------

    @torch.no_grad()
    def _pass(self, jobs: Sequence[Job]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """One pass over canvases of one width: token states (B, L, D), copying keys, context
        (B, S) and its visibility, and action log-probabilities (B, L, 3)."""
        kv, states, context, visible = self._contexts([j.context for j in jobs])
        lengths = torch.tensor([len(j.tokens) for j in jobs])
        canvas = torch.full((len(jobs), _width(len(jobs[0].tokens), CANVAS_STEP)), END)
        masked = torch.zeros(canvas.shape, dtype=torch.bool)
        for i, j in enumerate(jobs):
            canvas[i, : len(j.tokens)] = torch.tensor(j.tokens)
            masked[i, : len(j.tokens)] = torch.tensor(j.masked)
        out = predict.canvas_states(
            self.model, past=kv, context=context, visible=visible, canvas=canvas, masked=masked, lengths=lengths
        )
        self.passes["canvas"] += int(lengths.sum()) + len(jobs)
        keys = self.model.copy.keys(states, self.model.embed(context))
        return out[:, :-1], keys, context, visible, self.model.actions(out[:, 1:], masked)

    @torch.no_grad()
    def probabilities(self, jobs: Sequence[Job], where: Tensor) -> Tensor:
        """Writer's distribution at masked canvas positions `where` (B, L): (P, V)
        float32, EMPTY being one of the symbols."""
        states, keys, context, visible, actions = self._pass(jobs)
        probability = predict.token_probability(self.model, states, keys, visible, context, where)
        probability[:, [i for i in range(SPECIAL) if i != END]] = 0.0  # control tokens are never text
        action = actions[where].exp()
        probability *= action[:, WRITTEN, None]
        probability[:, EMPTY] = action[:, EMPTIED]
        return probability

    @torch.no_grad()
    def look(self, jobs: Sequence[Job]) -> list[Tensor]:
        """Action log-probabilities (L, 3) of every position of each canvas."""
        out: dict[int, Tensor] = {}
        for part in self._alike(jobs):
            *_, actions = self._pass(part)
            for row, j in enumerate(part):
                out[id(j)] = actions[row, : len(j.tokens)]
            self._evict({j.context for j in part})
        return [out[id(j)] for j in jobs]

    def denoise(self, jobs: Sequence[Job], *, effort: Effort, progress: Progress | None = None) -> None:
        """Fill what is masked, look at what stands, take away or remask what the
        writer would not have there, and again until nothing moves, in place."""
        self.fill(jobs, effort=effort, progress=progress)
        moving = list(jobs)
        for _ in range(effort.edits):
            moving = self.edit(moving, effort=effort)
            if not moving:
                return
            self.fill(moving, effort=effort, progress=progress)
            if progress is not None:
                progress(list(jobs))

    def edit(self, jobs: Sequence[Job], *, effort: Effort) -> list[Job]:
        """Decide for every position that stands whether it is kept, emptied or
        remasked, in place; gives back the jobs in which something moved."""
        moved = []
        for j, actions in zip(jobs, self.look(jobs), strict=True):
            places = [p for p, t in enumerate(j.tokens) if t != END and not j.fixed[p]]
            if not places:
                continue
            done = step(
                logits=actions[places],
                tokens=torch.full((len(places),), KEEP),
                masked=torch.ones(len(places), dtype=torch.bool),
                generator=j.generator,
                threshold=effort.sure,
                minimum=0,
            )
            action = torch.where(done.committed, done.tokens, KEEP).tolist()
            for place, c in zip(places, actions[places, KEEP].exp().tolist(), strict=True):
                j.confidence[place] = min(j.confidence[place], c)
            remask = [p for p, a in zip(places, action, strict=True) if a == WRITTEN]
            gone = {p for p, a in zip(places, action, strict=True) if a == EMPTIED}
            j.mask(remask)
            ends = [p + 1 for p in remask if p + 1 not in remask]
            shift = {p: p - sum(g < p for g in gone) for p in ends}
            j.drop(gone)
            for place in sorted(ends, reverse=True):
                j.open(shift[place], SPARE)
            if remask or gone:
                moved.append(j)
        return moved

    def fill(self, jobs: Sequence[Job], *, effort: Effort, progress: Progress | None = None) -> None:
        """Fill every mask; positions that turn out EMPTY go, in place."""
        while active := [j for j in jobs if any(j.masked)]:
            for part in self._alike(active):
                self._fill_once(part, effort)
                self._evict({j.context for j in part})
            if progress is not None:
                progress(list(jobs))
        for j in jobs:
            j.drop({p for p, t in enumerate(j.tokens) if t == EMPTY})

    def _fill_once(self, jobs: Sequence[Job], effort: Effort) -> None:
        """One reverse step of canvases of one width that all have masks."""
        window = torch.zeros(len(jobs), _width(len(jobs[0].tokens), CANVAS_STEP), dtype=torch.bool)
        for i, j in enumerate(jobs):
            first = j.masked.index(True)
            for p in range(first, min(first + effort.window, len(j.tokens))):
                window[i, p] = j.masked[p]
        probability = self.probabilities(jobs, window)
        at = 0
        for i, j in enumerate(jobs):
            places = window[i].nonzero()[:, 0].tolist()
            logits = probability[at : at + len(places)].clamp(min=1e-9).log()
            at += len(places)
            done = step(
                logits=logits,
                tokens=torch.full((len(places),), END),
                masked=torch.ones(len(places), dtype=torch.bool),
                generator=j.generator,
                threshold=effort.threshold,
                entropy_bound=effort.entropy_bound,
                temperature=effort.temperature,
            )
            self._commit(j, places, done.committed.tolist(), done.tokens.tolist(), done.confidence.tolist())

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
        full = [i for i, (_, t) in enumerate(pairs) if t]
        widths = [(_width(len(pairs[i][0]), CONTEXT_STEP), _width(len(pairs[i][1]), CANVAS_STEP)) for i in full]
        for part in ([full[n] for n in group] for group in _groups(widths)):
            kv, _, context, visible = self._contexts([pairs[i][0] for i in part])
            width = _width(len(pairs[part[0]][1]), CANVAS_STEP)
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
                predict.even_logits(self.model, states[inside]), target[inside], reduction="none"
            )
            for row, i in enumerate(part):
                out[i] = log_p[row, : len(pairs[i][1])].tolist()
            self._evict({pairs[i][0] for i in part})
        return out

    def write(self, jobs: Sequence[Job], *, effort: Effort, progress: Progress | None = None) -> list[Job]:
        """Write, read, remask: denoise each canvas, let the base read it, put noise
        back on the written tokens it doubts (and a neighbour on each side, a third
        of the sentence at most), denoise again. Each job keeps its best round by mean
        reading. Returns the finished jobs in order; the inputs are consumed."""
        self.denoise(jobs, effort=effort, progress=progress)
        best = [j.copy() for j in jobs]
        self._attach_readings(best)
        for _ in range(effort.rounds):
            again = [(i, self._doubtful(b, effort.doubt)) for i, b in enumerate(best)]
            retry = [(i, j) for i, j in again if j is not None]
            if not retry:
                break
            self.denoise([j for _, j in retry], effort=effort, progress=progress)
            tried = [j.copy() for _, j in retry]
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
    def _doubtful(job: Job, doubt: float) -> Job | None:
        """A copy with the badly read tokens remasked, or None where all read well."""
        bad = [p for p, r in enumerate(job.reading) if r < doubt and job.written[p] and not job.fixed[p]]
        if not bad:
            return None
        bad.sort(key=lambda p: job.reading[p])
        limit = max(2, len(job.reading) // 3)
        out = job.copy()
        chosen: set[int] = set()
        for p in bad:
            around = {q for q in (p - 1, p, p + 1) if 0 <= q < len(job.reading) and not job.fixed[q]}
            if len(chosen | around) > limit and chosen:
                break
            chosen |= around
        out.mask(sorted(chosen))
        return out
