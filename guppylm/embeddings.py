"""Where the token embeddings begin: "you shall know a word by the company it keeps" (Firth 1957).

Random embeddings would have to learn from the loss that `rain` and `drizzle` are alike. Counting is quicker: tokens
that stand beside the same neighbours begin close to each other, and words that bring up the same thought begin close
to it. The counts come from the conversations that the model is about to read, so nothing enters from outside, and
training moves the embeddings like every other weight.

Positive pointwise mutual information, cut to its strongest directions: Bullinaria & Levy 2007, "Extracting semantic
representations from word co-occurrence statistics"; Levy & Goldberg 2014, "Neural word embedding as implicit matrix
factorization", on why this is what word2vec does.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import takewhile

import torch
from torch import Tensor
from torch.nn import functional as F

from guppylm.chat import Encoded

REACH = 4  # places to either side that count as company, the nearer the more


def company(rows: list[Encoded], vocabulary: int, thoughts: Collection[int] = ()) -> Tensor:
    """How often each token stands near each other one: (V, V), symmetric. Thoughts stand near the whole message.

    >>> counts = company([Encoded([0, 1, 2], 1), Encoded([2, 0], 1)], vocabulary=4)
    >>> counts.tolist()
    [[0.0, 1.0, 1.5, 0.0], [1.0, 0.0, 1.0, 0.0], [1.5, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    gap = [-1] * REACH  # conversations do not know each other
    stream = torch.tensor([token for row in rows for token in [*row.ids, *gap]])
    counts = torch.zeros(vocabulary * vocabulary)
    for distance in range(1, REACH + 1):
        left, right = stream[:-distance], stream[distance:]
        pairs = (left * vocabulary + right)[(left >= 0) & (right >= 0)]
        counts += torch.bincount(pairs, minlength=vocabulary * vocabulary) / distance
    brought_up = [
        row.ids[place] * vocabulary + thought
        for row in rows
        for thought in takewhile(thoughts.__contains__, row.ids[row.reply_starts :])
        for place in row.message
    ]
    counts += torch.bincount(torch.tensor(brought_up, dtype=torch.long), minlength=vocabulary * vocabulary)
    table = counts.view(vocabulary, vocabulary)
    return table + table.T


def surprise(counts: Tensor) -> Tensor:
    """How much more often two tokens meet than chance would have it, in nats; 0 if less often. (V, V), symmetric."""
    share = counts.sum(1) / counts.sum()
    usual = share**0.75  # or rare tokens would seem to be everybody's friends
    chance = share[:, None] * (usual / usual.sum())[None]
    more = (counts / counts.sum() / chance).log().nan_to_num(0).clamp(min=0)
    return (more + more.T) / 2


def begin(embedding: Tensor, rows: list[Encoded], thoughts: Collection[int] = ()) -> None:
    """Replace random embeddings (V, D) by those of the tokens' company, as long on average as they were.

    A token that the rows do not have keeps its random embedding.
    """
    vocabulary, width = embedding.shape
    counts = company(rows, vocabulary, thoughts)
    seen = counts.sum(1) > 0
    directions, strengths, _ = torch.svd_lowrank(surprise(counts), q=min(width + 40, vocabulary), niter=3)
    vectors = F.normalize(directions[:, :width] * strengths[:width].sqrt())
    rotation, _ = torch.linalg.qr(torch.randn(width, vectors.shape[1]))  # spread over all D numbers alike
    length = embedding.norm(dim=1).mean()
    with torch.no_grad():
        embedding[seen] = (vectors @ rotation.T * length)[seen]
