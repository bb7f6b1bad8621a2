"""Training the text scale: the base reads, the adapter learns to write.

Choices:
- the base is frozen and reads each context once, without gradient; three noise
  draws share that reading: a mask, its complement, and a drafting state
  (everything masked, or everything from some position on)
- the canvas is bidirectional; logits are shifted by one (state i predicts
  token i+1, as Dream does), so the causal model's skill is kept; the context's
  last token stands before the canvas as its anchor
- the output mixes the vocabulary with copying from the context
- some visible tokens are corrupted and supervised (CDLM, arXiv 2512.15596)
- AdamW, linear warm-up, linear decay by time; resumable
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from dlm_core import noise
from dlm_core.checkpoint import compute_dtype, load_adapter, load_base, save_adapter
from dlm_core.fetch_base import base_path
from dlm_core.model import KV, Transformer
from dlm_core.tokenizer import END
from dlm_core.train.documents import used
from dlm_core.train.text_data import Example, build

RANK = 48
DRAWS = 3  # noise draws that share one reading
MAX_CANVAS = 64
END_WEIGHT = 0.1  # of a padding end token; the first one counts in full
CORRUPT = 0.06  # share of visible tokens swapped


@dataclass
class Batch:
    """context (B, S) int64, context_visible (B, S) bool, canvas (B, L) int64
    padded with END, lengths (B,) canvas length, weight (B, L) float32."""

    context: Tensor
    context_visible: Tensor
    canvas: Tensor
    lengths: Tensor
    weight: Tensor


def collate(examples: list[Example], generator: torch.Generator) -> Batch:
    """Contexts padded on the left, so that every anchor is the last column."""
    width = max(len(e.context) for e in examples)
    context = torch.full((len(examples), width), END)
    visible = torch.zeros(len(examples), width, dtype=torch.bool)
    sizes = []
    for i, e in enumerate(examples):
        context[i, width - len(e.context) :] = torch.tensor(e.context)
        visible[i, width - len(e.context) :] = True
        slack = int(torch.randint(1, 9, (1,), generator=generator))
        room = 12 if e.task == "heading" else e.room + 2
        sizes.append(min(MAX_CANVAS, max(len(e.target) + 1, room + slack - 4)))
    lengths = torch.tensor(sizes)
    canvas = torch.full((len(examples), int(lengths.max())), END)
    weight = torch.full(canvas.shape, END_WEIGHT)
    for i, e in enumerate(examples):
        canvas[i, : len(e.target)] = torch.tensor(e.target)
        weight[i, : len(e.target) + 1] = 1.0
    return Batch(context, visible, canvas, lengths, weight)


def positions_of(visible: Tensor) -> Tensor:
    """Rotary positions of left-padded rows: 0 at the first real token. (B, S) int64."""
    return (visible.long().cumsum(-1) - 1).clamp(min=0)


@torch.no_grad()
def read_context(model: Transformer, context: Tensor, visible: Tensor) -> tuple[KV, Tensor]:
    """The base's reading: kept keys and values, and copying keys (B, S, copy_dim)'s
    inputs as states (B, S, D)."""
    states, kv = model(
        model.embed(context), positions=positions_of(visible), visible=visible, causal=True, adapter=False, keep=True
    )
    assert kv is not None
    return kv, states


def draw(batch: Batch, t: Tensor, generator: torch.Generator) -> list[Tensor]:
    """Three masks (B, L): a draw, its complement, a drafting state."""
    rows, width = batch.canvas.shape
    inside = torch.arange(width)[None] < batch.lengths[:, None]
    first = noise.mask(batch.lengths, t, generator, noise.later(batch.lengths, 0.5, width))
    start = (torch.rand(rows, generator=generator) * batch.lengths).long()
    start = torch.where(torch.rand(rows, generator=generator) < 0.4, torch.zeros(rows, dtype=torch.long), start)
    drafting = inside & (torch.arange(width)[None] >= start[:, None])
    return [first, noise.complement(first, batch.lengths), drafting]


def corrupt(
    canvas: Tensor, masked: Tensor, lengths: Tensor, context: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Visible tokens swapped for tokens of their own context: (canvas, where)."""
    inside = torch.arange(canvas.shape[1])[None] < lengths[:, None]
    where = inside & ~masked & (torch.rand(canvas.shape, generator=generator) < CORRUPT)
    pick = torch.randint(0, context.shape[1], canvas.shape, generator=generator)
    swapped = torch.where(where, context.gather(1, pick), canvas)
    return swapped, where & (swapped != canvas)


def predict(
    model: Transformer,
    *,
    kv: KV,
    states: Tensor,
    context: Tensor,
    visible: Tensor,
    canvas: Tensor,
    masked: Tensor,
    lengths: Tensor,
) -> tuple[Tensor, Tensor]:
    """Writer states (B, L, D) that predict canvas positions 0..L-1, and copying
    keys (B, S, copy_dim). The anchor is the context's last token."""
    tokens = torch.cat((context[:, -1:], canvas), dim=1)
    hidden = torch.cat((torch.zeros_like(masked[:, :1]), masked), dim=1)
    seen = torch.arange(tokens.shape[1])[None] <= lengths[:, None]
    # The anchor repeats the context's last token, which is hidden from the kept keys.
    past = KV(kv.keys, kv.values, torch.cat((kv.visible[:, :-1], torch.zeros_like(kv.visible[:, -1:])), dim=1))
    positions = visible.sum(-1, keepdim=True) - 1 + torch.arange(tokens.shape[1])[None]
    out, _ = model(
        model.embed(tokens, hidden), positions=positions, visible=seen, causal=False, adapter=True, past=past
    )
    keys = model.copy.keys(states, model.embed(context))
    return out[:, :-1], keys


def log_probability(
    model: Transformer, states: Tensor, keys: Tensor, allowed: Tensor, context: Tensor, target: Tensor, where: Tensor
) -> Tensor:
    """log p(target) at the positions `where` (B, L): (P,) float32, vocabulary mixed with copying."""
    copied, gate = model.copy(states, keys, allowed)  # (B, L, S), (B, L)
    match = context[:, None, :] == target[:, :, None]
    copy_log = torch.logsumexp(copied.masked_fill(~match, -1e4), dim=-1)[where]
    logits = model.logits(states[where])
    vocab_log = -F.cross_entropy(logits.float(), target[where], reduction="none")
    g = gate[where]
    return torch.logaddexp(F.logsigmoid(-g) + vocab_log, F.logsigmoid(g) + copy_log)


def losses(
    model: Transformer, batch: Batch, masks: list[Tensor], generator: torch.Generator, *, corrupted: bool = True
) -> tuple[Tensor, Tensor]:
    """Weighted mean loss over all supervised positions of all draws, and the
    mean over each draw's masked positions (len(masks),), in nats a token."""
    kv, states = read_context(model, batch.context, batch.context_visible)
    repeat = torch.arange(batch.canvas.shape[0]).repeat(len(masks))
    masked = torch.cat(masks)
    target, lengths, context = batch.canvas[repeat], batch.lengths[repeat], batch.context[repeat]
    visible, weight = batch.context_visible[repeat], batch.weight[repeat]
    canvas, wrong = target, torch.zeros_like(masked)
    if corrupted:
        canvas, wrong = corrupt(target, masked, lengths, context, generator)
    out, keys = predict(
        model,
        kv=kv.rows(repeat),
        states=states[repeat],
        context=context,
        visible=visible,
        canvas=canvas,
        masked=masked,
        lengths=lengths,
    )
    where = masked | wrong
    log_p = log_probability(model, out, keys, visible, context, target, where)
    w = weight[where]
    with torch.no_grad():
        part = torch.arange(len(masks)).repeat_interleave(batch.canvas.shape[0])[:, None].expand_as(where)[where]
        per_draw = torch.stack(
            [-(log_p * w)[part == i].sum() / w[part == i].sum().clamp(min=1e-6) for i in range(len(masks))]
        )
    return -(log_p * w).sum() / w.sum(), per_draw


@torch.no_grad()
def evaluate(
    model: Transformer, examples: list[Example], seed: int, levels: tuple[float, ...] = (0.3, 0.7, 1.0)
) -> dict[str, float]:
    """Held-out loss (nats a token) and token accuracy (end padding left out) by noise level."""
    out: dict[str, float] = {}
    for level in levels:
        generator = torch.Generator().manual_seed(seed)
        total, right, count = 0.0, 0.0, 0
        ordered = sorted(examples, key=lambda e: len(e.target))
        for i in range(0, len(ordered), 16):
            batch = collate(ordered[i : i + 16], generator)
            masked = noise.mask(batch.lengths, torch.full((len(batch.lengths),), level), generator)
            kv, states = read_context(model, batch.context, batch.context_visible)
            writer, keys = predict(
                model,
                kv=kv,
                states=states,
                context=batch.context,
                visible=batch.context_visible,
                canvas=batch.canvas,
                masked=masked,
                lengths=batch.lengths,
            )
            where = masked & (batch.weight == 1.0)
            probability = mixture(model, writer, keys, batch.context_visible, batch.context, where)
            target = batch.canvas[where]
            total += float(-probability.gather(1, target[:, None]).clamp(min=1e-9).log().sum())
            right += float((probability.argmax(-1) == target).sum())
            count += len(target)
        out[f"loss@{level:g}"] = round(total / count, 4)
        out[f"accuracy@{level:g}"] = round(right / count, 4)
    return out


def mixture(
    model: Transformer, states: Tensor, keys: Tensor, allowed: Tensor, context: Tensor, where: Tensor
) -> Tensor:
    """Probability (P, V) float32 at the positions `where` (B, L): vocabulary mixed with copying."""
    copied, gate = model.copy(states, keys, allowed)
    g = torch.sigmoid(gate[where])[:, None]
    probability = torch.softmax(model.logits(states[where]).float(), dim=-1) * (1 - g)
    row = torch.arange(states.shape[0])[:, None].expand_as(where)[where]
    return probability.scatter_add_(1, context[row], copied[where].exp() * g)


def main(args: argparse.Namespace) -> None:
    """Train for `args.minutes`, checkpointing every three minutes to `args.out`."""
    torch.set_num_threads(args.threads)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    model, tokenizer = load_base(base_path(args.base), dtype=compute_dtype(), rank=RANK)
    generator = torch.Generator().manual_seed(args.seed)
    model.reset_adapter(generator)
    state_file = out / "text-state.pt"
    parameters = [p for _, p in model.adapter_parameters()]
    for p in parameters:
        p.data = p.data.float()
    optimizer = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01)
    step, spent = 0, 0.0
    if args.resume and state_file.is_file():
        saved = torch.load(state_file, weights_only=True)
        load_adapter(model, sorted(out.glob("adapter-*.safetensors")))
        with torch.no_grad():
            for p, full in zip(parameters, saved["parameters"], strict=True):
                p.copy_(full)
        optimizer.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["seconds"]
    train_set = build(Path(args.data), tokenizer, training=True, limit=args.examples, seed=args.seed + step)
    valid_set = build(Path(args.data), tokenizer, training=False, limit=220, seed=1)[:160]
    tasks = {e.task: 0 for e in train_set}
    for e in train_set:
        tasks[e.task] += 1
    print(json.dumps({"examples": len(train_set), "held_out": len(valid_set), **tasks}), flush=True)
    train_set.sort(key=lambda e: len(e.context) + len(e.target))
    log = open(out / "text-log.jsonl", "a", encoding="utf-8")  # noqa: SIM115 - open for the whole run
    began, mark, running, last_save = time.monotonic(), time.monotonic(), [], time.monotonic()
    limit = args.minutes * 60
    while (elapsed := time.monotonic() - began) < limit:
        # Neighbours in length share a batch, so little is padding.
        at = int(torch.randint(0, max(1, len(train_set) - args.batch), (1,), generator=generator))
        batch = collate(train_set[at : at + args.batch], generator)
        masks = draw(batch, noise.timesteps(len(batch.lengths), generator, full=0.0), generator)
        rate = args.lr * min(1.0, (step + 1) / 40) * (1 - 0.9 * elapsed / limit)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, per_draw = losses(model, batch, masks, generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        running.append((float(loss.detach()), float(per_draw[2])))
        now = time.monotonic()
        if step % 10 == 0:
            mean = [round(sum(c) / len(running), 4) for c in zip(*running, strict=True)]
            line = {"step": step, "minutes": round((spent + now - began) / 60, 2), "loss": mean[0], "drafting": mean[1]}
            line["seconds_a_step"] = round((now - mark) / 10, 2)
            print(json.dumps(line), flush=True)
            log.write(json.dumps(line) + "\n")
            log.flush()
            mark, running = now, []
        if now - last_save > 180 or now - began >= limit:
            last_save = now
            save_adapter(model, out, {"steps": str(step)})
            torch.save(
                {
                    "parameters": [p.detach() for p in parameters],
                    "optimizer": optimizer.state_dict(),
                    "step": step,
                    "seconds": spent + now - began,
                },
                state_file.with_suffix(".tmp"),
            )
            state_file.with_suffix(".tmp").replace(state_file)
    figures = evaluate(model, valid_set, seed=7)
    card = {
        "scale": "text",
        "steps": step,
        "draws": step * args.batch * DRAWS,
        "seconds": round(spent + time.monotonic() - began),
        "threads": args.threads,
        "rank": RANK,
        "tasks": tasks,
        "files": used(Path(args.data), folders=("textbooks", "docs")),
        "held_out_examples": len(valid_set),
        "held_out": figures,
    }
    (out / "text-card.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card), flush=True)
