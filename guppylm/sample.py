"""From scores to the next token: temperature, top-k, top-p, and one draw. No torch.

    >>> settings = Sampling(temperature=1.0, top_k=2, top_p=1.0)
    >>> probabilities(np.array([2.0, 1.0, 0.0]), settings).round(3).tolist()
    [0.731, 0.269, 0.0]

Source of top-p: Holtzman et al. 2020 (https://arxiv.org/abs/1904.09751).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guppylm.errors import GuppyError

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How freely the model speaks. The checks raise GuppyError."""

    temperature: float = 0.4
    """Scores are divided by it: below 1 likelier tokens gain, above 1 they lose; 0 takes the likeliest."""
    top_k: int | None = 40
    """Only this many of the likeliest tokens may be drawn; None for no limit."""
    top_p: float = 0.95
    """Only the likeliest tokens that together reach this share may be drawn."""
    seed: int | None = None
    """Start of the random numbers; None for a new one each time."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise GuppyError(f"temperature must be 0 or more, not {self.temperature}; 0.4 is a good start")
        if self.top_k is not None and self.top_k < 1:
            raise GuppyError(f"top-k must be at least 1, not {self.top_k}; leave it out for the default")
        if not 0 < self.top_p <= 1:
            raise GuppyError(f"top-p must be above 0 and at most 1, not {self.top_p}; 1 keeps every token")

    def for_turn(self, turn: int) -> Sampling:
        """The same settings with a seed of its own for each turn of a conversation."""
        return self if self.seed is None else replace(self, seed=self.seed + turn)

    def generator(self) -> random.Random:
        return random.Random(self.seed)


def probabilities(logits: Array, settings: Sampling) -> Array:
    """logits (V,) -> the shares that the draw uses (V,): they sum to 1, ruled-out tokens have 0. Raises GuppyError."""
    logits = logits.astype(np.float64)
    if not np.isfinite(logits.max()):
        raise GuppyError("the model's scores are not numbers: its file is broken; copy it anew, or train again")
    if settings.temperature == 0:
        certain: Array = (np.arange(len(logits)) == logits.argmax()).astype(np.float64)
        return certain
    with np.errstate(over="ignore"):  # a tiny temperature sends all but the likeliest to minus infinity
        logits = (logits - logits.max()) / settings.temperature
    kept = len(logits) if settings.top_k is None else min(settings.top_k, len(logits))
    least = np.partition(logits, -kept)[-kept]  # much quicker than to sort them all
    likely = np.flatnonzero(logits >= least)
    likeliest = likely[np.argsort(-logits[likely], kind="stable")][:kept]
    shares = np.exp(logits[likeliest])
    shares /= shares.sum()
    before = np.cumsum(shares) - shares  # the share of all likelier tokens
    shares[before >= settings.top_p] = 0
    result = np.zeros_like(logits)
    result[likeliest] = shares / shares.sum()
    return result


def draw(shares: Array, rng: random.Random) -> int:
    """One token id: the place on the cumulative bar where a random number falls."""
    bar = np.cumsum(shares)
    return int(np.searchsorted(bar, rng.random() * bar[-1], side="right"))
