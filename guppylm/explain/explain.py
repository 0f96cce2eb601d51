"""One message, one reply, and everything that can be told about it. `show.py` prints it.

guppylm explain runs/guppy "do you like bubbles" --seed 1
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from torch import Tensor

from guppylm import chat, weights
from guppylm.explain.provenance import Provenance, provenance
from guppylm.explain.speak import Drawn, draws, shown
from guppylm.explain.trace import Trace, trace
from guppylm.run import Run
from guppylm.sample import Array, Sampling

RIVALS = 10


@dataclass(frozen=True)
class Token:
    id: int
    text: str


@dataclass(frozen=True)
class Guess:
    """A token and how likely the model finds it: temperature 1, nothing ruled out but the chat's special tokens."""

    id: int
    text: str
    share: float


@dataclass(frozen=True)
class Glance:
    """Where one head looks most, from the place before the token that is chosen."""

    layer: int  # from 0
    head: int
    place: int
    text: str
    weight: float
    first: float  # the weight of the first place, where heads look that seek nothing


@dataclass(frozen=True)
class Chosen:
    """One token of the reply, and how it came about."""

    id: int
    text: str
    share: float  # as in Guess
    chance: float  # what temperature, top-k and top-p make of it: the draw was among these
    number: float  # the random number from 0 to 1 that was drawn
    rivals: list[Guess]  # the ten likeliest other tokens
    attention: list[Glance]  # for each layer and head
    lens: list[Guess]  # the likeliest token before the first layer, then after each attention and feed-forward


@dataclass(frozen=True)
class Explanation:
    message: str
    reply: str
    settings: Sampling  # the seed that was used, also if none was asked for
    prompt: list[Token]
    chosen: list[Chosen]  # the reply's tokens; the last is the one that ends it, unless there was no more room
    provenance: Provenance | None  # None if the run has no training data

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def explain(place: Run, message: str, settings: Sampling) -> Explanation:
    """The reply that `guppylm chat` gives, looked into. Raises RunError when the run folder is not whole."""
    if settings.seed is None:
        settings = replace(settings, seed=random.SystemRandom().randrange(2**32))
    model = weights.read_model(place)
    tokenizer = weights.read_tokenizer(place, model.config)
    end, forbidden = chat.special_ids(tokenizer)
    prompt = chat.encode_prompt(tokenizer, message, model.config.context)
    drawn = list(draws(model, prompt, end, forbidden, settings))
    ids = [*prompt, *(one.id for one in drawn)]
    seen = trace(model, ids[:-1])
    labels = [shown(tokenizer, id) for id in ids]
    chosen = [
        _chosen(one, seen, len(prompt) + number - 1, tokenizer, labels, forbidden) for number, one in enumerate(drawn)
    ]
    reply = chat.reply_text(tokenizer, [one.id for one in drawn if one.id != end])
    read = [Token(id, label) for id, label in zip(prompt, labels, strict=False)]
    return Explanation(message, reply, settings, read, chosen, provenance(place, message, reply))


def _chosen(
    drawn: Drawn, seen: Trace, place: int, tokenizer: Tokenizer, labels: list[str], forbidden: list[int]
) -> Chosen:
    """The token that was drawn from what the model knew at `place`."""

    def guess(id: int, shares: Array) -> Guess:
        return Guess(id, shown(tokenizer, id), float(shares[id]))

    allowed = len(drawn.shares) - len(forbidden)
    order = np.argsort(-drawn.shares, kind="stable")[:allowed].tolist()
    others = [id for id in order if id != drawn.id][:RIVALS]
    scores = seen.lens[:, place].clone()  # (2L+1, V)
    scores[:, forbidden] = -np.inf
    depths = scores.double().softmax(-1).cpu().numpy()
    return Chosen(
        drawn.id,
        labels[place + 1],
        float(drawn.shares[drawn.id]),
        float(drawn.chances[drawn.id]),
        drawn.number,
        [guess(id, drawn.shares) for id in others],
        glances(seen.attention[:, :, place, : place + 1], labels),
        [guess(int(shares.argmax()), shares) for shares in depths],
    )


def glances(rows: Tensor, labels: list[str]) -> list[Glance]:
    """Each head's highest weight; rows (L, H, T)."""
    most = rows.max(-1)
    return [
        Glance(layer, head, place, labels[place], weight, float(rows[layer, head, 0]))
        for layer, (places, found) in enumerate(zip(most.indices.tolist(), most.values.tolist(), strict=True))
        for head, (place, weight) in enumerate(zip(places, found, strict=True))
    ]
