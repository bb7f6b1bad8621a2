"""`python -m dlm_core.train --data DIR`: train both scales, or one by --scale.

The plan scale is trained first, since it takes minutes; each scale checkpoints
into --out every few minutes and goes on from there with --resume.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dlm_core.train", description=__doc__)
    parser.add_argument("--data", required=True, help="folder with textbooks/, docs/ and validation.txt")
    parser.add_argument(
        "--out", default="training", help="folder for checkpoints, logs and cards (default: ./training)"
    )
    parser.add_argument("--scale", choices=("plan", "text", "both", "none"), default="both")
    parser.add_argument("--minutes", type=float, default=60.0, help="training time a scale, resumed runs included")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default=None, help="cpu, cuda, cuda:1; default: a GPU if there is one")
    parser.add_argument("--workers", type=int, default=None, help="processes that draw batches (0, on a GPU 8)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--start", default=None, help="folder with the weights to train further")
    parser.add_argument("--base", default=None, help="base weights: a .gguf file or a Hugging Face folder")
    parser.add_argument("--plan-batch", type=int, default=8, help="plan scale: examples a step")
    parser.add_argument("--plan-steps", type=int, default=0, help="plan scale: train for so many steps, not --minutes")
    parser.add_argument("--batch", type=int, default=20, help="text scale: contexts a step")
    parser.add_argument("--accumulate", type=int, default=1, help="text scale: batches a step and process")
    parser.add_argument(
        "--rank", type=int, default=48, help="text scale: of the adapter; 0: train matrices of the writer's own"
    )
    parser.add_argument("--lr", type=float, default=5e-4, help="text scale: peak learning rate")
    parser.add_argument("--examples", type=int, default=40000, help="text scale: examples to build")
    parser.add_argument("--steps", type=int, default=0, help="text scale: train for so many steps, not for --minutes")
    parser.add_argument("--checkpoint", type=float, default=180.0, help="text scale: seconds between checkpoints")
    parser.add_argument("--log", type=int, default=10, help="text scale: steps a line of the log")
    parser.add_argument("--install", action="store_true", help="when done, put --out's weights into dlm_core/weights")
    args = parser.parse_args()
    import torch

    from dlm_core.train.documents import DataError

    args.device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if args.workers is None:
        args.workers = 8 if args.device.startswith("cuda") else 0
    try:
        if args.scale in ("plan", "both"):
            from dlm_core.train import plan

            plan.main(args)
        if args.scale in ("text", "both"):
            from dlm_core.train import text

            text.main(args)
        if args.install:
            from dlm_core.checkpoint import WEIGHTS
            from dlm_core.train.card import install

            install(Path(args.out), WEIGHTS)
    except (DataError, RuntimeError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    print(f"checkpoints in {Path(args.out).resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
