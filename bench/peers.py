"""Train the left-to-right peer that `bench.reports` compares with.

    python -m bench.peers --data ../shared/data [--out build/peers] [--tokens N] [--resume]

The same base, an adapter of the same rank, the same examples, optimiser and
form of schedule as the diffusion adapter, and as many supervised tokens: a token is a
position that the loss counts. For the diffusion adapter these are the positions
of its canvases that its training counted (its card says how many); for the
peer, the target's tokens and its end token. --tokens sets another number,
--minutes trains for a time instead; the figures then say how many it saw. A
killed run goes on with --resume. When done, prints one JSON line a figure. The
adapter stays in --out and is never shipped.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.causal import collate, losses
from bench.line import line
from dlm_core.checkpoint import WEIGHTS, CheckpointError
from dlm_core.fetch_base import BaseError
from dlm_core.model import Transformer
from dlm_core.train.documents import DataError
from dlm_core.train.draws import Example
from dlm_core.train.loop import Schedule, fit, neighbours
from dlm_core.train.stream import Stream, on
from dlm_core.train.text import RANK, examples, fresh

CARD = WEIGHTS / "text-card.json"
ROWS = 40  # sentences a step, as many as a step of the diffusion adapter on a CPU has canvases


def diffusion_tokens(card: Path = CARD) -> int:
    """Positions that the loss of the shipped diffusion adapter counted, over all of its training."""
    held = json.loads(card.read_text(encoding="utf-8"))
    return int(held["supervised"] + held.get("before", {}).get("supervised", 0))


def peer_tokens(batch: list[Example]) -> int:
    """Positions that the peer's loss counts: each target and its end token."""
    return sum(len(e.target) + 1 for e in batch)


def by_shape(train_set: Sequence[Example]) -> list[Example]:
    """Like beside like, so that little of a batch is padding: contexts within eight tokens, then by target."""
    return sorted(train_set, key=lambda e: (-(-len(e.context) // 8), len(e.target)))


def seen_tokens(rows: list[Example], size: int, seed: int, steps: int) -> int:
    """Positions that the peer's loss counts in its first `steps` steps."""
    return sum(peer_tokens(neighbours(rows, size, seed, step)) for step in range(steps))


def steps_for(rows: list[Example], size: int, seed: int, tokens: int) -> int:
    """Steps of the shortest run of the peer that sees at least `tokens`."""
    step = seen = 0
    while seen < tokens:
        seen += peer_tokens(neighbours(rows, size, seed, step))
        step += 1
    return step


@torch.no_grad()
def held_out(model: Transformer, held: list[Example], *, adapter: bool) -> float:
    """Mean loss in nats a token on held-out examples."""
    rows = sorted(held, key=lambda e: len(e.context))
    nats = [
        losses(model, on(collate(rows[b : b + ROWS]), model.device), adapter=adapter) for b in range(0, len(rows), ROWS)
    ]
    return float(torch.cat(nats).mean())


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Train or go on, then measure; the card, also written to --out."""
    torch.set_num_threads(args.threads)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    device = torch.device(args.device)
    model, tokenizer = fresh(args.base, rank=RANK, seed=args.seed, device=device)
    train_set, held = examples(out, Path(args.data), args.seed, args.examples, tokenizer)
    tasks = train_set.counts()
    goal = args.tokens or diffusion_tokens()
    rows = by_shape(train_set)
    steps = 0 if args.minutes else steps_for(rows, args.batch, args.seed, goal)
    print(json.dumps({"diffusion_tokens": goal, "steps": steps, **tasks}), flush=True)

    batches = Stream(lambda step: collate(neighbours(rows, args.batch, args.seed, step)), args.workers)

    def loss(step: int) -> tuple[Tensor, Mapping[str, float]]:
        return losses(model, on(batches(step), device)).mean(), {}

    # The copying and action heads are the diffusion writer's: they stay as they are.
    parameters = [p for name, p in model.adapter_parameters() if name.startswith("blocks.")]
    schedule = Schedule(steps, args.minutes, args.lr, args.checkpoint, args.log)
    step, seconds = fit(model, parameters, loss, schedule, out, resume=args.resume)
    card: dict[str, Any] = {
        "steps": step,
        "tokens": seen_tokens(rows, args.batch, args.seed, step),
        "diffusion_tokens": goal,
    }
    card |= {"seconds": round(seconds), "threads": args.threads, "rank": RANK, "tasks": tasks}
    card |= {"held_out_loss": held_out(model, held, adapter=True)}
    card |= {"base_held_out_loss": held_out(model, held, adapter=False)}
    (out / "peer-card.json").write_text(json.dumps(card, indent=1) + "\n")
    return card


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data", help="folder with textbooks/, docs/ and validation.txt")
    parser.add_argument("--out", default="build/peers", help="folder for the adapter and its checkpoint")
    parser.add_argument("--base", default=None, help="base weights: a .gguf file or a Hugging Face folder")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw batches")
    parser.add_argument("--batch", type=int, default=ROWS, help="sentences a step")
    parser.add_argument("--tokens", type=int, default=0, help="supervised tokens (those of the diffusion adapter)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=5e-4, help="peak learning rate")
    parser.add_argument("--examples", type=int, default=240000, help="examples to build (as many as the adapter's)")
    parser.add_argument("--minutes", type=float, default=0.0, help="train so long, not for equal tokens")
    parser.add_argument("--checkpoint", type=float, default=180.0, help="seconds between checkpoints")
    parser.add_argument("--log", type=int, default=10, help="steps a line of the log")
    args = parser.parse_args(arguments)
    try:
        card = train(args)
    except (DataError, CheckpointError, BaseError, RuntimeError, OSError) as error:
        print(f"bench.peers: {error}", file=sys.stderr)
        return 1
    goal = card["diffusion_tokens"]
    line("peers", "tokens", card["tokens"], "count", f"at least {goal}", card["tokens"] >= goal)
    line("peers", "steps", card["steps"], "count")
    line("peers", "seconds", card["seconds"], "s")
    line("peers", "base_held_out_loss", card["base_held_out_loss"], "nats a token")
    better = card["held_out_loss"] < card["base_held_out_loss"]
    line("peers", "held_out_loss", card["held_out_loss"], "nats a token", "< base_held_out_loss", better)
    return 0


if __name__ == "__main__":
    sys.exit(main())
