"""The naive way to a reply: run the whole model for every single token, again and again.

Slow, and nothing is hidden: no cache, no tricks. `cached` gives the same replies faster, and so do other engines.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from tokenizers import Tokenizer

from guppylm import chat
from guppylm.model import Transformer
from guppylm.sample import Sampling, draw, probabilities


@torch.inference_mode()
def generate(model: Transformer, ids: list[int], end: int, forbidden: list[int], settings: Sampling) -> Iterator[int]:
    """Token ids of a reply to the prompt `ids`, one at a time, until `end` or the context is full.

    `forbidden` tokens (special ones, but neither `end` nor thoughts) are never drawn.
    """
    rng, ids = settings.generator(), list(ids)
    device = model.tok_emb.weight.device
    while len(ids) < model.config.context:
        logits = model(torch.tensor([ids], device=device))[0, -1].float()  # (V,)
        logits[forbidden] = -torch.inf
        token = draw(probabilities(logits.cpu().numpy(), settings), rng)
        if token == end:
            return
        ids.append(token)
        yield token


def stream(model: Transformer, tokenizer: Tokenizer, message: str, settings: Sampling) -> Iterator[str]:
    """A reply as pieces of text, each as soon as its characters are whole."""
    end, forbidden = chat.special_ids(tokenizer)
    prompt = chat.encode_prompt(tokenizer, message, model.config.context)
    return chat.pieces(tokenizer, generate(model, prompt, end, forbidden, settings))


def reply(model: Transformer, tokenizer: Tokenizer, message: str, settings: Sampling) -> str:
    return "".join(stream(model, tokenizer, message, settings))
