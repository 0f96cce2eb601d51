"""The same model for engines that know GPT-2 with GELU only, where ours has ReLU.

GELU(k x) / k comes as close to ReLU(x) as one likes when k grows. So the feed-forward part's first matrix is
multiplied by k, and its second divided by it. That alone would make the second too small for formats that keep a scale
in 16 bits; so the whole residual stream is made r times as large, which the norms take out again. Both are powers of
two: nothing is rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARPEST = 2.0**20  # k
SHARP = 2.0**10  # the same where activations have 16 bits, too: they end at 65,504
LARGER = 2.0**5  # r

Weights = dict[str, NDArray[np.floating[Any]]]


def weights(state: Weights, sharper: float = SHARPEST) -> Weights:
    """Weights under model.py's names -> weights of a GELU model that says the same, under the same names."""
    return {name: (values * _factor(name, sharper)).astype(np.float32) for name, values in state.items()}


def norm_epsilon(epsilon: float) -> float:
    """A norm's epsilon is added to a variance, and that has grown by r squared."""
    return epsilon * LARGER**2


def _factor(name: str, sharper: float) -> float:
    if name in ("tok_emb.weight", "pos_emb.weight") or ".attn.out." in name or name.endswith("ffn.down.bias"):
        return LARGER
    if name.startswith("norm."):  # the last norm: its result meets the embedding, which has grown
        return 1 / LARGER
    if ".ffn.up." in name:
        return sharper
    return LARGER / sharper if name.endswith("ffn.down.weight") else 1.0
