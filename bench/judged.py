"""Claims in words of the model, drawn at random, beside their evidence: to be judged by reading.

    python -m bench.judged FOLDER... [--count 30] [--seed 0]    of finished reports
    python -m bench.judged --data ../shared/data                of the pairs of bench.text, written now

prints a Markdown list. A reader marks each "true", "distorted" or "false". The
first line says how many claims there are, and how many of them the model worded.
Bad ones are drawn like any others.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Claim:
    """A claim of origin "model" and the texts it cites."""

    text: str
    evidence: tuple[str, ...]


def of_pairs(data: Path) -> tuple[list[Claim], int]:
    """The claims that the model worded of validation pairs, as the product writes and checks them, and how many pairs
    there are."""
    import torch

    from bench.text import ours, pairs, planned_first
    from dlm_core.models import load_models

    some = pairs(data, sys.maxsize)
    with torch.inference_mode():
        models = load_models(quiet=True)
        texts = ours(some, planned_first(some, models), models, checked=True)
    made = [Claim(text, tuple(p.evidence)) for text, p in zip(texts, some, strict=True)]
    return [c for c in made if not any(c.text in e for e in c.evidence)], len(some)


def of_reports(folders: Sequence[Path]) -> tuple[list[Claim], int]:
    """The claims that the model worded, each once, and how many claims the reports have in all.
    OSError or ValueError where one has no readable report.json."""
    found: dict[tuple[str, tuple[str, ...]], Claim] = {}
    total = 0
    for folder in folders:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        for claim in (c for s in report["sections"] for c in s["claims"]):
            total += 1
            if claim["origin"] == "model":
                texts = tuple(report["evidence"][e]["text"] for e in claim["evidence"])
                found[claim["text"], texts] = Claim(claim["text"], texts)
    return list(found.values()), total


def drawn(found: Sequence[Claim], count: int, seed: int) -> list[Claim]:
    """`count` of them at random, in the order they were drawn; all where there are fewer."""
    return random.Random(seed).sample(list(found), min(count, len(found)))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.judged", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="finished reports")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of training text")
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    try:
        found, total = of_reports(args.folders) if args.folders else of_pairs(args.data)
    except (OSError, ValueError, KeyError) as error:
        print(f"bench.judged: no claims can be read: {error}", file=sys.stderr)
        return 1
    of = f"{len(args.folders)} reports" if args.folders else "validation pairs"
    print(f"{total} claims of {of}, {len(found)} of them worded by the model.\n")
    for n, claim in enumerate(drawn(found, args.count, args.seed), 1):
        print(f"{n}. {claim.text}")
        print("".join(f"   - {text}\n" for text in claim.evidence), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
