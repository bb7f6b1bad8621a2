"""Put trained weights where the program finds them, with a card that says how they came about."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from dlm_core.checkpoint import CheckpointError, write_manifest

ATTRIBUTION = """\
The base is SmolLM2-135M-Instruct by Hugging Face (Apache-2.0), fetched at set-up and not part of these files.
`minilm-tokenizer.json` is the tokenizer of all-MiniLM-L6-v2 by the sentence-transformers project (Apache-2.0).
Planner and adapter were trained on structured English prose whose licences let weights ship: public domain, CC0,
CC BY, CC BY-SA, government-open and permissive; GPL and GFDL texts were left out. The largest part are OpenStax
textbooks, CC BY 4.0, access for free at openstax.org. The files are named below; none of their text is in this
repository.
"""


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"no usable training card at {path} ({error}): train that scale first") from None


def install(out: Path, weights: Path) -> None:
    """Copy adapter and planner from the training folder `out` to `weights`, with manifest and card."""
    text, plan = _read(out / "text-card.json"), _read(out / "planner-card.json")
    shards = sorted(out.glob("adapter-*.safetensors"))
    if not shards or not (out / "planner.safetensors").is_file():
        raise CheckpointError(f"{out} holds no trained adapter and planner")
    weights.mkdir(parents=True, exist_ok=True)
    for old in weights.glob("*.safetensors"):
        old.unlink()
    for file in (*shards, out / "planner.safetensors"):
        shutil.copyfile(file, weights / file.name)
    for card in ("text-card.json", "planner-card.json"):
        shutil.copyfile(out / card, weights / card)
    write_manifest(weights)
    (weights / "CARD.md").write_text(card_text(text, plan), encoding="utf-8")


def _table(figures: dict[str, Any]) -> list[str]:
    return ["| figure | value |", "|---|---|", *(f"| {k} | {v} |" for k, v in figures.items())]


def _spent(card: dict[str, Any]) -> str:
    """How long and on what: "1.7 hours on 2 CPU threads". Cards from before GPUs name no device, some no threads."""
    minutes = card["seconds"] / 60
    long = f"{minutes / 60:.1f} hours" if minutes >= 60 else f"{minutes:.1f} minutes"
    device = card.get("device", "cpu")
    threads = card.get("threads", 2)
    where = f"one {device}" if device != "cpu" else f"{threads} CPU thread{'s' if threads > 1 else ''}"
    return f"{long} on {where}"


def _before(card: dict[str, Any]) -> str:
    """The runs that this one went on from, the last first."""
    before = card.get("before")
    if not before:
        return ""
    told = f" It went on from {_spent(before)} ({before['steps']} steps, {before['draws']:,} draws)."
    return told + _before(before)


def card_text(text: dict[str, Any], plan: dict[str, Any]) -> str:
    """The model card as Markdown."""
    tasks = ", ".join(f"{n:,} {task}" for task, n in text["tasks"].items())
    lines = [
        "# Weights of Palimpsest",
        "",
        ATTRIBUTION,
        "## Text scale: adapter and heads",
        f"Rank {text['rank']} on all seven matrices of each layer, a mask embedding, a copying and an action head."
        f" Trained for {_spent(text)}: {text['steps']} steps,"
        f" {text['draws']:,} noise draws over {sum(text['tasks'].values()):,} sentence edits ({tasks})."
        f"{_before(text)} The clock stopped the training, not the curve.",
        "",
        f"On {text.get('held_out_examples', 160)} held-out examples from documents never trained on."
        " loss@, accuracy@, exact@ and ece@: nats a token, share of tokens right, share of canvases right at every"
        " masked token and expected calibration error at a noise level, padding left out. emptied_: tokens that"
        " go from evidence as it stands. clean_left_alone: clean sentences in which nothing moves. edits_exact: edited"
        " sentences right at every position. planted_auroc: 1 - p(keep) on swapped tokens.",
        "",
        *_table(text["held_out"]),
        "",
        "## Plan scale: planner",
        f"{plan['parameters'] / 1e6:.1f} million parameters, from scratch. Trained for"
        f" {_spent({**plan, 'seconds': plan['minutes'] * 60})}: {plan['steps']} steps,"
        f" {plan['examples']:,} pools drawn from"
        f" {plan['pages']:,} pages ({plan['sentences']:,} sentences).",
        "",
    ]
    figures = plan.get("figures") or plan.get("held_out") or {}
    if figures:
        lines += ["Held-out figures (`python -m bench.plan`):", "", *_table(figures), ""]
    lines += ["## Files trained on", ""]
    # Both scales read the same folders; the planner a part of them.
    lines += ["| file | licence |", "|---|---|"]
    lines += [f"| {name} | {licence} |" for name, licence in text["files"].items()]
    lines += [""]
    lines += ["Never trained on: the files of `validation.txt`" + _held(plan) + ".", ""]
    return "\n".join(lines)


def _held(plan: dict[str, Any]) -> str:
    names = plan.get("held_out_files") or []
    return f", and for the plan scale {', '.join(names)}" if names else ""
