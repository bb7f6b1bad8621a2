"""How likely a question is once a piece of evidence is read: what answers it makes it likelier.

Query likelihood (Ponte and Croft 1998) by a language model that reads the passage before the question (Sachan et al.
2022, "Improving Passage Retrieval with Zero-Shot Question Generation", arXiv 2204.07496), here the base that reads
everything else. A cosine says what is on the same subject; this says what the question may have been asked of. It is
the better of the two at telling the page that answers from those beside it (docs/model.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlm_core.models import Models

ASKS = "\nQuestion answered by this text:"  # stands between the evidence and the question
WORTH = 0.4  # cosine with the question that a nat a token of its likelihood is worth
LONGEST = 96  # tokens of a piece of evidence that are read


def likelihood(asked: Sequence[str], told: Sequence[tuple[str, str]], models: Models) -> np.ndarray:
    """(M, Q) float32: log-probability in nats a token of each of Q questions after each of M sentences, `told` with the
    titles they stand under, less what the one that makes it likeliest gives it: 0 for that, below 0 for the rest.

    All 0 where the budget is spent (`Writer.enough`): then nothing tells them apart.
    """
    encode = models.writer.tokenizer.encode
    end = encode(ASKS)
    contexts = [(*encode(". ".join(filter(None, (title, text))))[:LONGEST], *end) for title, text in told]
    questions = [encode(f" {question}") for question in asked]
    out = np.zeros((len(contexts), len(questions)), dtype=np.float32)
    for part in models.writer.fitting(contexts):
        rows = [(contexts[i], tokens) for i in part for tokens in questions]
        read = [float(np.mean(one)) for one in models.writer.read(rows)]
        if models.writer.enough():
            return np.zeros_like(out)
        out[part] = np.array(read, dtype=np.float32).reshape(len(part), len(questions))
    return np.round(out - out.max(axis=0, initial=-np.inf), 3) if len(out) else out
