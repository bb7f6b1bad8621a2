"""Tokens, their roles, and the surface text they stand for.

Byte-level BPE, so decoding what was encoded gives the text back byte for byte.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from dlm_core.canvas import Role
from dlm_core.facts import facts

END = 2  # fills the tail of a slot: each slot finds its own length
MASK = 3  # never seen as text; its embedding is learned
EMPTY = 4  # a canvas position that turned out to hold nothing: it is taken away
SPECIAL = 17  # ids under this are control tokens, never part of a sentence


class TextTokenizer:
    """Encode, decode and role of every token."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.raw = tokenizer
        self.raw.no_padding()
        self.raw.no_truncation()

    @staticmethod
    def from_bpe(tokens: list[str], merges: list[str]) -> TextTokenizer:
        """From a GGUF's token list and merges ("left right" strings).

        Digits are split one by one before the byte-level split, as SmolLM2's
        own tokenizer does.
        """
        vocab = {t: i for i, t in enumerate(tokens)}
        pairs = [(a, b) for a, _, b in (m.partition(" ") for m in merges)]
        raw = Tokenizer(models.BPE(vocab=vocab, merges=pairs))
        raw.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(r"\p{Nd}"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        raw.decoder = decoders.ByteLevel()
        return TextTokenizer(raw)

    @staticmethod
    def from_file(path: Path) -> TextTokenizer:
        """From a Hugging Face tokenizer.json."""
        return TextTokenizer(Tokenizer.from_file(str(path)))

    def encode(self, text: str) -> list[int]:
        """Ids of a text; never a control token, whatever the text says."""
        return [i for i in self.raw.encode(text, add_special_tokens=False).ids if i >= SPECIAL]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of many texts at once."""
        return [
            [i for i in e.ids if i >= SPECIAL] for e in self.raw.encode_batch(list(texts), add_special_tokens=False)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids; control tokens are dropped."""
        return self.raw.decode([i for i in ids if i >= SPECIAL], skip_special_tokens=False)

    def spans(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        """Character span of each token in `decode(ids)`."""
        out, at = [], 0
        for n in range(1, len(ids) + 1):
            end = len(self.decode(ids[:n]).rstrip("�"))
            out.append((at, max(at, end)))
            at = max(at, end)
        return out

    def roles(self, ids: Sequence[int]) -> list[Role]:
        """Role of each token: facts are numbers, dates and names; filler is
        function words and spacing; structure is punctuation."""
        text = self.decode(ids)
        found = [(a, b) for a, b, _ in facts(text)]
        out = []
        for a, b in self.spans(ids):
            piece = text[a:b].strip()
            if any(a < fb and fa < b for fa, fb in found) and piece:
                out.append(Role.FACT)
            elif not piece or all(ch in string.punctuation for ch in piece):
                out.append(Role.STRUCTURE)
            elif piece.lower() in FUNCTION_WORDS:
                out.append(Role.FILLER)
            else:
                out.append(Role.CONTENT)
        return out


FUNCTION_WORDS = frozenset(
    "a an the of in on at by for with from to into over under between among through during before after"
    " and or but nor so yet as if than then that which who whom whose what when where why how is are was"
    " were be been being am do does did has have had having can could may might must shall should will"
    " would not no it its they them their he him his she her we us our you your i me my this these those"
    " there here such also only very more most less least some any each every both either neither all many"
    " much few other another own same just about".split()
)
