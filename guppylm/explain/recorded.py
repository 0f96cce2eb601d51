"""One exchange with all its insides, so that the page has something to show before the model has arrived."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from guppylm import chat
from guppylm.explain.speak import Drawn, draws
from guppylm.explain.trace import trace
from guppylm.model import Transformer
from guppylm.sample import Sampling

SETTINGS = Sampling(seed=1)
GOOD_LENGTH = range(6, 25)  # tokens of a reply that is neither dull nor long
LIKELIEST = 200  # scores that are kept of each place
GUESSES = 5


def record(model: Transformer, tokenizer: Tokenizer, prompts: list[str]) -> dict[str, Any]:
    """`Recorded` of web/src/store.ts, with the first prompt that fits and gets a reply of a good length, or else the
    first of all. There are steps for all tokens but the last, after which nothing was drawn."""
    end, forbidden = chat.special_ids(tokenizer)
    context = model.config.context
    tried = []
    for message in prompts:
        ids = chat.encode_prompt(tokenizer, message, context)
        left_out = len(chat.encode_prompt(tokenizer, message, 1_000_000)) - len(ids)
        drawn = list(draws(model, ids, end, forbidden, SETTINGS))
        tried.append((message, ids, left_out, drawn))
        if not left_out and len(drawn) in GOOD_LENGTH and drawn[-1].id == end:
            return _exchange(model, *tried[-1])
    return _exchange(model, *tried[0])


def _exchange(model: Transformer, message: str, ids: list[int], left_out: int, drawn: list[Drawn]) -> dict[str, Any]:
    settings, all_ids = SETTINGS, [*ids, *(one.id for one in drawn)]
    return {
        "message": message,
        "settings": {
            "temperature": settings.temperature,
            "topK": settings.top_k or 0,
            "topP": settings.top_p,
            "seed": settings.seed,
        },
        "ids": all_ids,
        "replyStarts": len(ids),
        "leftOut": left_out,
        "steps": steps(model, all_ids[:-1]),
        "draws": [None] * len(ids) + [one.number for one in drawn],
    }


def steps(model: Transformer, ids: list[int]) -> list[dict[str, Any]]:
    """What the model gave after reading each of the ids: the likeliest [id, score]s, attention, and a lens of
    [id, share]s."""
    seen = trace(model, ids)
    shares = seen.lens.double().softmax(-1)  # (2L+1, T, V)
    return [
        {
            "logits": _pairs(seen.logits[place], LIKELIEST, 3),
            "attention": _rounded(seen.attention[:, :, place, : place + 1].flatten(), 3),  # (L, H, T so far), flat
            "lens": [_pairs(depth, GUESSES, 4) for depth in shares[:, place]],
        }
        for place in range(len(ids))
    ]


def _pairs(values: Tensor, count: int, digits: int) -> list[tuple[int, float]]:
    """Ids and values of the highest, the highest first."""
    order = torch.argsort(values, descending=True, stable=True)[:count]
    return list(zip(order.tolist(), _rounded(values[order], digits), strict=True))


def _rounded(values: Tensor, digits: int) -> list[float]:
    return [round(value, digits) for value in values.tolist()]
