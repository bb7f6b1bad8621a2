"""Weights: load the base, save and load the adapter, say clearly what is wrong.

The base is a GGUF file or a folder in the Hugging Face layout. What we trained
lies in `dlm_core/weights`: `adapter-*.safetensors` shards, `planner.safetensors`
and `manifest.json`, which holds size and SHA-256 of each file; nothing is loaded
that does not match it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from dlm_core.model import Config, Transformer
from dlm_core.tokenizer import TextTokenizer

WEIGHTS = Path(__file__).parent / "weights"
SHARD_BYTES = 15_000_000  # files this small travel through any git host

# Our parameter name, for layer {n}, in GGUF and in Hugging Face Llama checkpoints.
LAYER_KEYS = {
    "attention_norm": ("attn_norm.weight", "input_layernorm.weight"),
    "q.weight": ("attn_q.weight", "self_attn.q_proj.weight"),
    "k.weight": ("attn_k.weight", "self_attn.k_proj.weight"),
    "v.weight": ("attn_v.weight", "self_attn.v_proj.weight"),
    "o.weight": ("attn_output.weight", "self_attn.o_proj.weight"),
    "mlp_norm": ("ffn_norm.weight", "post_attention_layernorm.weight"),
    "gate.weight": ("ffn_gate.weight", "mlp.gate_proj.weight"),
    "up.weight": ("ffn_up.weight", "mlp.up_proj.weight"),
    "down.weight": ("ffn_down.weight", "mlp.down_proj.weight"),
}
TOP_KEYS = {
    "embedding": ("token_embd.weight", "model.embed_tokens.weight"),
    "norm": ("output_norm.weight", "model.norm.weight"),
    "head": ("output.weight", "lm_head.weight"),
}
GGUF, HF = 0, 1
CPU = torch.device("cpu")


class CheckpointError(RuntimeError):
    """A weights file is missing, damaged or not what it should be; one line."""


def compute_dtype(device: torch.device = CPU) -> torch.dtype:
    """bfloat16 on a GPU, and where the CPU multiplies it natively; else float32."""
    if device.type != "cpu":
        return torch.bfloat16
    capability = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    fast = capability.get("avx512_bf16") or capability.get("amx_bf16") or capability.get("bf16")
    if not capability:
        fast = torch.ops.mkldnn._is_mkldnn_bf16_supported() and torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.bfloat16 if fast else torch.float32


def load_base(path: Path, *, dtype: torch.dtype, rank: int) -> tuple[Transformer, TextTokenizer]:
    """The frozen base with an empty adapter, and its tokenizer.

    path: a .gguf file, or a folder with config.json, model*.safetensors and
    tokenizer.json. Raises CheckpointError.
    """
    if path.is_dir():
        config, tensors, tokenizer = _read_folder(path, rank)
    elif path.is_file():
        config, tensors, tokenizer = _read_gguf(path, rank)
    else:
        raise CheckpointError(f"no base weights at {path}: name a .gguf file or a Hugging Face folder")
    with torch.device("meta"):
        model = Transformer(config)
    model.to_empty(device="cpu")
    own = dict(model.named_parameters())
    for name, tensor in tensors.items():
        if name not in own or own[name].shape != tensor.shape:
            raise CheckpointError(f"{path}: tensor for {name} has shape {tuple(tensor.shape)}, which does not fit")
    missing = [n for n, p in own.items() if not p.requires_grad and n not in tensors]
    if missing:
        raise CheckpointError(f"{path}: {len(missing)} tensors are missing, the first is {missing[0]}")
    with torch.no_grad():
        for name, p in own.items():
            if p.requires_grad:
                p.zero_()
            else:
                p.data = tensors[name].to(dtype).contiguous()
    return model, tokenizer


def _names(layers: int, style: int) -> dict[str, str]:
    """Foreign tensor name -> ours."""
    out = {foreign[style]: ours for ours, foreign in TOP_KEYS.items()}
    prefix = ("blk.{}.", "model.layers.{}.")[style]
    for n in range(layers):
        for ours, foreign in LAYER_KEYS.items():
            out[prefix.format(n) + foreign[style]] = f"blocks.{n}.{ours}"
        for m in "qkv":
            foreign_bias = (f"attn_{m}.bias", f"self_attn.{m}_proj.bias")[style]
            out[prefix.format(n) + foreign_bias] = f"blocks.{n}.{m}.bias"
    return out


def _read_gguf(path: Path, rank: int) -> tuple[Config, dict[str, Tensor], TextTokenizer]:
    from gguf import GGUFReader, dequantize

    try:
        reader = GGUFReader(path)
        field = {k: f for k, f in reader.fields.items()}

        def get(key: str) -> Any:
            return field[key].contents()

        dim, heads = int(get("llama.embedding_length")), int(get("llama.attention.head_count"))
        tensors_at = {t.name: t for t in reader.tensors}
        config = Config(
            vocab=len(field["tokenizer.ggml.tokens"].data),
            dim=dim,
            layers=int(get("llama.block_count")),
            heads=heads,
            kv_heads=int(get("llama.attention.head_count_kv")),
            head_dim=dim // heads,
            hidden=int(get("llama.feed_forward_length")),
            norm_eps=float(get("llama.attention.layer_norm_rms_epsilon")),
            rope_theta=float(get("llama.rope.freq_base")),
            tied="output.weight" not in tensors_at,
            rank=rank,
        )
        names = _names(config.layers, GGUF)
        tensors = {}
        for name, t in tensors_at.items():
            if name not in names:
                continue
            w = torch.from_numpy(dequantize(t.data, t.tensor_type).copy())
            ours = names[name]
            if ours.endswith(("q.weight", "k.weight")):
                # GGUF keeps q and k permuted for interleaved rotary positions; ours are half-split.
                n = w.shape[0] // config.head_dim
                w = w.view(n, config.head_dim // 2, 2, -1).transpose(1, 2).reshape(w.shape)
            tensors[ours] = w
        tokenizer = TextTokenizer.from_bpe(get("tokenizer.ggml.tokens"), get("tokenizer.ggml.merges"))
    except (ValueError, KeyError, IndexError, OSError) as error:
        raise CheckpointError(f"{path} is not a whole Llama GGUF file ({error}); fetch it again") from None
    return config, tensors, tokenizer


def _read_folder(path: Path, rank: int) -> tuple[Config, dict[str, Tensor], TextTokenizer]:
    try:
        raw = json.loads((path / "config.json").read_text())
        heads = int(raw["num_attention_heads"])
        files = sorted(path.glob("model*.safetensors"))
        if not files:
            raise CheckpointError(f"{path} holds no model*.safetensors")
        found: dict[str, Tensor] = {}
        for file in files:
            found.update(load_file(file))
        config = Config(
            vocab=int(raw["vocab_size"]),
            dim=int(raw["hidden_size"]),
            layers=int(raw["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(raw.get("num_key_value_heads", heads)),
            head_dim=int(raw.get("head_dim") or raw["hidden_size"] // heads),
            hidden=int(raw["intermediate_size"]),
            norm_eps=float(raw["rms_norm_eps"]),
            rope_theta=float(raw.get("rope_theta") or (raw.get("rope_parameters") or {}).get("rope_theta", 10000.0)),
            tied=bool(raw.get("tie_word_embeddings", "lm_head.weight" not in found)),
            qkv_bias="model.layers.0.self_attn.q_proj.bias" in found,
            rank=rank,
        )
        names = _names(config.layers, HF)
        tensors = {names[k]: v for k, v in found.items() if k in names}
        if config.tied:
            tensors.pop("head", None)
        tokenizer = TextTokenizer.from_file(path / "tokenizer.json")
    except CheckpointError:
        raise
    except Exception as error:  # tokenizers raises bare Exception for a bad file
        raise CheckpointError(f"{path} is not a whole Hugging Face checkpoint folder ({error})") from None
    return config, tensors, tokenizer


def converted(path: Path, cache: Path) -> Path:
    """A GGUF base as a Hugging Face folder under `cache`, made once.

    Parsing and dequantising a GGUF takes seconds at every start, reading
    safetensors does not. Weights are kept as bfloat16, which is what the adapter
    was trained on. A folder is given back as it is; so is the GGUF where the
    cache cannot be written to.
    """
    if path.is_dir():
        return path
    stat = path.stat()
    target = cache / f"{path.stem}-{stat.st_size}-{stat.st_mtime_ns}"
    if (target / "tokenizer.json").is_file():  # written last
        return target
    for left in cache.glob(f"{target.name}.*.part"):
        if not _alive(left.name.split(".")[-2]):  # killed while it wrote
            shutil.rmtree(left, ignore_errors=True)
    model, tokenizer = load_base(path, dtype=torch.bfloat16, rank=1)
    c = model.config
    names = {ours: foreign for foreign, ours in _names(c.layers, HF).items()}
    state = {names[n]: p.detach() for n, p in model.named_parameters() if n in names}
    config = {
        "vocab_size": c.vocab,
        "hidden_size": c.dim,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads,
        "head_dim": c.head_dim,
        "intermediate_size": c.hidden,
        "rms_norm_eps": c.norm_eps,
        "rope_theta": c.rope_theta,
        "tie_word_embeddings": c.tied,
    }
    part = cache / f"{target.name}.{os.getpid()}.part"
    try:
        part.mkdir(parents=True, exist_ok=True)
        (part / "config.json").write_text(json.dumps(config))
        save_file(state, part / "model.safetensors")
        tokenizer.raw.save(str(part / "tokenizer.json"))
        part.replace(target)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        # Another process may have finished it first; a full disk only costs time.
        return target if (target / "tokenizer.json").is_file() else path
    return target


def _alive(pid: str) -> bool:
    """Whether a process of this number runs, as far as can be told."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True
    return True


def save_adapter(trained: Mapping[str, Tensor], rank: int, folder: Path, metadata: dict[str, str]) -> list[Path]:
    """Write the trained part of an adapter of this rank as bfloat16 shards of at most 15 MB; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("adapter-*.safetensors"):
        old.unlink()
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, p in trained.items():
        t = p.detach().to(torch.bfloat16).contiguous()
        if size + t.nbytes > SHARD_BYTES and shards[-1]:
            shards.append({})
            size = 0
        shards[-1][name] = t
        size += t.nbytes
    out = []
    for i, shard in enumerate(shards, 1):
        file = folder / f"adapter-{i}-of-{len(shards)}.safetensors"
        save_file(shard, file, metadata={**metadata, "rank": str(rank)})
        out.append(file)
    return out


def write_manifest(folder: Path) -> None:
    """Record size and SHA-256 of every weights file in `folder`."""
    files = sorted(folder.glob("*.safetensors"))
    entries = {f.name: {"bytes": f.stat().st_size, "sha256": _sha256(f)} for f in files}
    (folder / "manifest.json").write_text(json.dumps(entries, indent=1) + "\n")


def verify(folder: Path) -> list[Path]:
    """Every file of the manifest, checked by size and hash. Raises CheckpointError."""
    again = "get the file again, for example by reinstalling palimpsest"
    try:
        entries = json.loads((folder / "manifest.json").read_text())
        expected = {str(n): (int(e["bytes"]), str(e["sha256"])) for n, e in entries.items()}
    except FileNotFoundError:
        raise CheckpointError(f"no weights at {folder}: manifest.json is missing; {again}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{folder / 'manifest.json'} is damaged; {again}") from None
    for name, (size, digest) in expected.items():
        file = folder / name
        if not file.is_file():
            raise CheckpointError(f"weights file {file} is missing; {again}")
        if file.stat().st_size != size:
            raise CheckpointError(
                f"weights file {file} is truncated or altered ({file.stat().st_size} bytes, not {size}); {again}"
            )
        if _sha256(file) != digest:
            raise CheckpointError(f"weights file {file} is altered (its SHA-256 differs); {again}")
    return [folder / n for n in expected]


def adapter_rank(files: list[Path]) -> int:
    """Rank of the adapter in these shards."""
    from safetensors import safe_open

    for file in files:
        if file.name.startswith("adapter-"):
            with safe_open(file, framework="pt") as f:
                return int((f.metadata() or {}).get("rank", Config.rank))
    raise CheckpointError("the weights hold no adapter; get them again, for example by reinstalling palimpsest")


def load_adapter(model: Transformer, files: list[Path], *, partial: bool = False) -> None:
    """Put adapter shards into `model`, in place. partial: heads that the shards
    do not hold stay as they are. Raises CheckpointError."""
    own = dict(model.adapter_parameters())
    seen = set()
    for file in files:
        if not file.name.startswith("adapter-"):
            continue
        try:
            shard = load_file(file)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"cannot read {file}: {error}") from None
        for name, t in shard.items():
            if name not in own or own[name].shape != t.shape:
                raise CheckpointError(f"{file}: {name} does not fit this base; adapter and base belong together")
            with torch.no_grad():
                own[name].copy_(t)
            seen.add(name)
    if not seen or (seen != set(own) and not partial):
        raise CheckpointError(f"the adapter lacks {len(set(own) - seen)} tensors; get its files again")


def _sha256(file: Path) -> str:
    with open(file, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
