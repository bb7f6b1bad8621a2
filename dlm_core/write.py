"""The text scale at work: the base reads contexts, the writer denoises canvases.

A reading of a context is exact and kept, under a cap of `keep_bytes`: past it the
least recently used goes first, never one of the batch at work. A slot's canvas
goes through base plus adapter and attends to it. A canvas starts from noise, from
its evidence or from a text with noise in places; masks are filled, then what
stands is looked at: a position may be kept, emptied (it is taken away) or
remasked, so length and words both settle. Nothing here knows of slots or
reports: a `Job` is a context and a canvas.

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
from dlm_core.job import REMASKS, SPARE, Effort, Job
from dlm_core.model import EMPTIED, KEEP, KV, WRITTEN, Transformer
from dlm_core.tokenizer import EMPTY, END, SPECIAL, TextTokenizer

CONTEXT_STEP, CANVAS_STEP = 64, 16  # widths are multiples of these
ROWS = 24  # canvases a batch: enough to fill the matrix units, small enough for a laptop's memory
KEEP_BYTES = 400_000_000  # of readings kept
UNREAD = -20.0  # nats of a token for whose reading there was no budget: nothing speaks for it


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
        self.kept_bytes = 0
        # Asked between passes. True: the budget is spent, and what stands must do.
        self.enough: Callable[[], bool] = lambda: False
        self.forget()

    def forget(self) -> None:
        """Drop every reading, and count anew what is computed: positions of contexts,
        canvases and readings, positions whose vocabulary was asked for, and passes of
        a canvas."""
        self.drop()
        self.passes = {"context": 0, "canvas": 0, "read": 0, "logits": 0, "steps": 0}

    def drop(self) -> None:
        """Drop every reading. What follows then depends on what it is given alone: the last bits of a reading in
        bfloat16 depend on how many rows were read with it (0.2 nats of a token on a CPU with AMX)."""
        self._kept.clear()
        self.kept_bytes = 0

    # --- contexts -----------------------------------------------------------------

    def reading_bytes(self, context: Sequence[int]) -> int:
        """What the kept reading of a context takes."""
        c = self.model.config
        return len(context) * (2 * c.layers * c.kv_heads * c.head_dim + c.dim) * self.model.embedding.element_size()

    def fitting(self, contexts: Sequence[tuple[int, ...]]) -> list[list[int]]:
        """Indices of `contexts` in parts, in order, whose readings can be kept together: work that looks at each
        several times goes part by part, or it would read everything anew at every look."""
        parts: list[list[int]] = []
        room = 0
        for i, context in enumerate(contexts):
            need = self.reading_bytes(context)
            if not parts or need > room:
                parts.append([])
                room = self.keep_bytes
            parts[-1].append(i)
            room -= need
        return parts

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
                self.kept_bytes += sum(t.nbytes for t in entry)

    def _evict(self, needed: set[tuple[int, ...]]) -> None:
        for c in list(self._kept):
            if self.kept_bytes <= self.keep_bytes:
                return
            if c not in needed:
                self.kept_bytes -= sum(t.nbytes for t in self._kept.pop(c))

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
        for context in contexts:
            self._kept.move_to_end(context)
        tokens, visible = self._pad(contexts)
        width = tokens.shape[1]
        c = self.model.config
        kind = self.model.embedding.dtype
        keys = torch.zeros(len(contexts), c.layers, c.kv_heads, width, c.head_dim, dtype=kind)
        values = torch.zeros_like(keys)
        states = torch.zeros(len(contexts), width, c.dim, dtype=kind)
        for i, context in enumerate(contexts):
            at = width - len(context)
            keys[i, :, :, at:], values[i, :, :, at:], states[i, at:] = self._kept[context]
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
        hints = None
        if any(j.hints for j in jobs):
            hints = torch.zeros(*canvas.shape, self.model.config.dim, dtype=states.dtype)
            for i, j in enumerate(jobs):
                for place, hint in j.hints.items():
                    hints[i, place] = hint
        out = predict.canvas_states(
            self.model,
            past=kv,
            context=context,
            visible=visible,
            canvas=canvas,
            masked=masked,
            lengths=lengths,
            hints=hints,
        )
        self.passes["canvas"] += int(lengths.sum()) + len(jobs)
        self.passes["steps"] += len(jobs)
        keys = self.model.copy.keys(states, self.model.embed(context))
        return out[:, :-1], keys, context, visible, self.model.actions(out[:, 1:], masked)

    @torch.no_grad()
    def probabilities(self, jobs: Sequence[Job], where: Tensor) -> Tensor:
        """Writer's distribution at masked canvas positions `where` (B, L): (P, V)
        float32, EMPTY being one of the symbols."""
        states, keys, context, visible, actions = self._pass(jobs)
        self.passes["logits"] += int(where.sum())
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
        writer would not have there, and again until nothing moves, in place. A canvas
        that was noise alone is not looked at: of what it just wrote the writer changes nothing."""
        self.fill(jobs, effort=effort, progress=progress)
        moving = [j for j in jobs if not all(j.written)]
        for _ in range(effort.edits):
            if not moving or self.enough():
                return
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
            remask = [p for p, a in zip(places, action, strict=True) if a == WRITTEN and j.noised[p] < REMASKS]
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
        """Fill every mask, while there is budget; positions that turn out EMPTY go, in place."""
        while (active := [j for j in jobs if any(j.masked)]) and not self.enough():
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
            here = probability[at : at + len(places)]
            at += len(places)
            logits = here.clamp(min=1e-9).log()
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
            if effort.soft:
                expected = predict.expected(self.model, here) * effort.soft
                j.hints = {p: h for p, h in zip(places, expected, strict=True) if j.masked[p]}

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
        under the causal base: the reading. Where the budget is spent, UNREAD for each."""
        if self.enough():
            return [[UNREAD] * len(t) for _, t in pairs]
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
            self.passes["logits"] += int(inside.sum())
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
        reading. Returns the finished jobs in order; the inputs are consumed. Where the
        budget is spent on the way (`enough`), some may have masks left."""
        self.denoise(jobs, effort=effort, progress=progress)
        if self.enough():
            return list(jobs)
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
                best[i].remasks = max(best[i].remasks, new.remasks)
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
        """A copy with the badly read tokens remasked, or None where all read well or
        had noise on them often enough."""
        free = [not fixed and times < REMASKS for fixed, times in zip(job.fixed, job.noised, strict=True)]
        bad = [p for p, r in enumerate(job.reading) if r < doubt and job.written[p] and free[p]]
        if not bad:
            return None
        bad.sort(key=lambda p: job.reading[p])
        limit = max(2, len(job.reading) // 3)
        out = job.copy()
        chosen: set[int] = set()
        for p in bad:
            around = {q for q in (p - 1, p, p + 1) if 0 <= q < len(job.reading) and free[q]}
            if len(chosen | around) > limit and chosen:
                break
            chosen |= around
        out.mask(sorted(chosen))
        return out
