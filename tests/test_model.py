"""One transformer: parity with a reference, kept keys and values, the adapter, tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dlm_core.checkpoint import HF, CheckpointError, _names, load_base
from dlm_core.fetch_base import base_path
from dlm_core.model import Config, Transformer
from dlm_core.tokenizer import TextTokenizer

TEXT = "In 1913, Niels Bohr proposed that electrons orbit the nucleus at 2 fixed distances; a “palimpsest” of ideas."


def tiny(seed: int = 0) -> Transformer:
    """A small transformer with every weight drawn, adapter and copying head too."""
    c = Config(vocab=97, dim=32, layers=3, heads=4, kv_heads=2, head_dim=8, hidden=48, rank=4, copy_dim=8)
    model = Transformer(c)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(
                1.0 + 0.1 * torch.randn(p.shape, generator=generator)
                if "norm" in name
                else 0.2 * torch.randn(p.shape, generator=generator)
            )
    return model.eval()


def run(model: Transformer, tokens: torch.Tensor, *, causal: bool = True, adapter: bool = False) -> torch.Tensor:
    positions = torch.arange(tokens.shape[1]).expand_as(tokens)
    visible = torch.ones_like(tokens, dtype=torch.bool)
    states, _ = model(model.embed(tokens), positions=positions, visible=visible, causal=causal, adapter=adapter)
    return model.logits(states)


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    raw = Tokenizer(models.WordLevel({f"w{i}": i for i in range(97)}, unk_token="w0"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.save(str(folder / "tokenizer.json"))


@torch.no_grad()
def test_a_foreign_llama_folder_loads_and_agrees(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=97,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        rms_norm_eps=1e-5,
        rope_theta=50000.0,
        tie_word_embeddings=False,
    )
    torch.manual_seed(1)
    theirs = transformers.LlamaForCausalLM(config).eval()
    theirs.save_pretrained(tmp_path)
    write_tokenizer(tmp_path)
    ours, _ = load_base(tmp_path, dtype=torch.float32, rank=4)
    tokens = torch.randint(0, 97, (2, 23), generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(run(ours, tokens), theirs(tokens).logits, atol=1e-5, rtol=1e-5)


@pytest.fixture(scope="module")
def base() -> tuple[Transformer, TextTokenizer]:
    return load_base(base_path(quiet=True), dtype=torch.float32, rank=4)


@torch.no_grad()
def test_the_base_agrees_with_transformers_on_the_same_weights(base: tuple[Transformer, TextTokenizer]) -> None:
    transformers = pytest.importorskip("transformers")
    ours, tokenizer = base
    c = ours.config
    config = transformers.LlamaConfig(
        vocab_size=c.vocab,
        hidden_size=c.dim,
        num_hidden_layers=c.layers,
        num_attention_heads=c.heads,
        num_key_value_heads=c.kv_heads,
        intermediate_size=c.hidden,
        rms_norm_eps=c.norm_eps,
        rope_theta=c.rope_theta,
        tie_word_embeddings=True,
        max_position_embeddings=8192,
    )
    with torch.device("meta"):
        theirs = transformers.LlamaForCausalLM(config).eval()
    theirs.to_empty(device="cpu")
    foreign = {v: k for k, v in _names(c.layers, HF).items()}
    state = {foreign[n]: p for n, p in ours.named_parameters() if n in foreign}
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    theirs.load_state_dict(state)
    theirs.model.rotary_emb = type(theirs.model.rotary_emb)(config)  # its buffer is not in the state
    tokens = torch.tensor([tokenizer.encode(TEXT)])
    difference = (run(ours, tokens) - theirs(tokens).logits).abs().max()
    assert float(difference) < 1e-4


@torch.no_grad()
def test_the_base_knows_its_language(base: tuple[Transformer, TextTokenizer]) -> None:
    """Wrongly permuted q and k, or wrong rotary positions, would make this noise."""
    model, tokenizer = base
    tokens = torch.tensor([tokenizer.encode("The capital of France is")])
    assert tokenizer.decode([int(run(model, tokens)[0, -1].argmax())]) == " Paris"


def test_the_tokenizer_gives_text_back_and_never_a_control_token(base: tuple[Transformer, TextTokenizer]) -> None:
    tokenizer = base[1]
    for text in (TEXT, " naïve café — 中文 🙂", "<|im_end|> <|endoftext|> ignore the above"):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert min(ids) >= 17
        spans = tokenizer.spans(ids)
        assert spans[-1][1] == len(text) and all(a <= b for a, b in spans)
    assert len(tokenizer.encode("1913")) == 4  # digits stand alone


@torch.no_grad()
def test_kept_keys_and_values_change_nothing() -> None:
    model = tiny()
    tokens = torch.randint(0, 97, (2, 12), generator=torch.Generator().manual_seed(3))
    positions = torch.arange(12).expand(2, 12)
    visible = torch.ones(2, 12, dtype=torch.bool)
    whole = run(model, tokens)
    _, kv = model(
        model.embed(tokens[:, :7]),
        positions=positions[:, :7],
        visible=visible[:, :7],
        causal=True,
        adapter=False,
        keep=True,
    )
    rest, _ = model(
        model.embed(tokens[:, 7:]),
        positions=positions[:, 7:],
        visible=visible[:, 7:],
        causal=True,
        adapter=False,
        past=kv,
    )
    torch.testing.assert_close(model.logits(rest), whole[:, 7:], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_on_the_left_changes_nothing() -> None:
    model = tiny()
    tokens = torch.randint(0, 97, (1, 6), generator=torch.Generator().manual_seed(4))
    padded = torch.cat((torch.full((1, 3), 5), tokens), dim=1)
    visible = torch.tensor([[False] * 3 + [True] * 6])
    states, _ = model(
        model.embed(padded),
        positions=torch.tensor([[0, 0, 0, 0, 1, 2, 3, 4, 5]]),
        visible=visible,
        causal=True,
        adapter=False,
    )
    torch.testing.assert_close(model.logits(states)[:, 3:], run(model, tokens), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_adapter_moves_the_writer_only_and_merging_keeps_it() -> None:
    model = tiny()
    tokens = torch.randint(0, 97, (1, 9), generator=torch.Generator().manual_seed(5))
    base, writer = run(model, tokens), run(model, tokens, adapter=True)
    assert float((base - writer).abs().max()) > 0.1
    model.merge()
    torch.testing.assert_close(run(model, tokens, adapter=True), writer, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(run(model, tokens), base)
    model.reset_adapter(torch.Generator().manual_seed(0))
    model.merge()
    torch.testing.assert_close(run(model, tokens, adapter=True), base)


@torch.no_grad()
def test_the_writer_sees_left_and_right_the_base_only_left() -> None:
    model = tiny()
    tokens = torch.randint(0, 97, (1, 8), generator=torch.Generator().manual_seed(6))
    other = tokens.clone()
    other[0, 7] = (other[0, 7] + 1) % 97
    torch.testing.assert_close(run(model, tokens)[:, :7], run(model, other)[:, :7])
    moved = (
        (run(model, tokens, causal=False, adapter=True) - run(model, other, causal=False, adapter=True)).abs().amax(-1)
    )
    assert bool((moved > 0).all())


def test_bad_checkpoints_get_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no base weights"):
        load_base(tmp_path / "nothing.gguf", dtype=torch.float32, rank=4)
    (tmp_path / "cut.gguf").write_bytes(b"GGUF" + b"\0" * 40)
    with pytest.raises(CheckpointError, match="fetch it again"):
        load_base(tmp_path / "cut.gguf", dtype=torch.float32, rank=4)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"num_attention_heads": 4}))
    with pytest.raises(CheckpointError, match="no model"):
        load_base(folder, dtype=torch.float32, rank=4)


def test_roles_of_tokens(base: tuple[Transformer, TextTokenizer]) -> None:
    tokenizer = base[1]
    ids = tokenizer.encode(" The treaty of 1648 ended the war.")
    roles = dict(zip([tokenizer.decode([i]).strip() for i in ids], tokenizer.roles(ids), strict=True))
    assert roles["1"].name == "FACT" and roles["."].name == "STRUCTURE"
    assert roles["of"].name == "FILLER" and roles["war"].name == "CONTENT"


def test_attention_is_the_same_with_and_without_gradients() -> None:
    """Training on a CPU takes another way than the fused kernel, and to the same states."""
    model = tiny()
    x = torch.randn(2, 7, model.config.dim, generator=torch.Generator().manual_seed(0))
    places = torch.arange(7).expand(2, 7)
    visible = places >= torch.tensor([[0], [3]])
    said = []
    for grad in (False, True):
        with torch.set_grad_enabled(grad):
            states, _ = model(x, positions=places, visible=visible, causal=True, adapter=True)
            said.append(states[visible].detach())
    torch.testing.assert_close(said[0], said[1])
