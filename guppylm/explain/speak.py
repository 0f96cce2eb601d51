"""A reply once more, slowly: the same draws as `guppylm chat` makes, with all that led to each of them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer

from guppylm.model import Transformer
from guppylm.sample import Array, Sampling, draw, probabilities
from guppylm.tokenizer import fast

AS_IT_IS = Sampling(temperature=1, top_k=None, top_p=1)  # what the model itself thinks


class Drawn(NamedTuple):
    """One token of a reply, and what it was drawn from."""

    id: int
    number: float  # random, from 0 to 1: where on the bar of the chances it was drawn
    shares: Array  # (V,): how likely the model finds each token
    chances: Array  # (V,): what temperature, top-k and top-p make of it


@torch.inference_mode()
def draws(model: Transformer, ids: list[int], end: int, forbidden: list[int], settings: Sampling) -> Iterator[Drawn]:
    """The tokens of a reply to the prompt `ids`, its `end` too, unless the context is full before."""
    rng, ids = settings.generator(), list(ids)
    while len(ids) < model.config.context:
        logits = model(torch.tensor([ids], device=model.tok_emb.weight.device))[0, -1].float().cpu().numpy()  # (V,)
        logits[forbidden] = -np.inf
        chances = probabilities(logits, settings)
        number = copy(rng).random()  # the one that the draw takes next
        ids.append(draw(chances, rng))
        yield Drawn(ids[-1], number, probabilities(logits, AS_IT_IS), chances)
        if ids[-1] == end:
            return


def shown(tokenizer: Tokenizer, id: int) -> str:
    """A token as a label: thoughts by name, other special ones as their mark, half characters as \\ufffd."""
    text: str = tokenizer.decode([id], skip_special_tokens=False)
    return f"({text.removeprefix(fast.THOUGHT)[:-2]})" if text.startswith(fast.THOUGHT) else text
