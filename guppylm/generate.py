"""The naive way to a reply: run the whole model for every single token, again and again.

Slow, and nothing is hidden: no cache, no tricks. Runtimes with a cache give the same replies faster.
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

    `forbidden` tokens (other special ones) are never drawn.
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


@torch.inference_mode()
def greedy_replies(
    model: Transformer, prompts: list[list[int]], end: int, forbidden: list[int], longest: int, batch: int = 64
) -> list[tuple[list[int], bool]]:
    """The likeliest reply to each prompt, many at once: its ids, and whether it came to its end."""
    device = model.tok_emb.weight.device
    replies: list[tuple[list[int], bool]] = [([], False) for _ in prompts]
    by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for first in range(0, len(by_length), batch):
        rows = {i: list(prompts[i]) for i in by_length[first : first + batch]}
        for _ in range(longest):
            rows = {i: ids for i, ids in rows.items() if len(ids) < model.config.context}
            if not rows:
                break
            width = max(len(ids) for ids in rows.values())
            padded = torch.tensor([ids + [0] * (width - len(ids)) for ids in rows.values()], device=device)
            last = torch.tensor([len(ids) - 1 for ids in rows.values()], device=device)
            hidden = model.hidden(padded, at=(torch.arange(len(rows), device=device), last))  # (rows, D)
            logits = model.logits(hidden)  # (rows, V)
            logits[:, forbidden] = -torch.inf
            for i, token in zip(list(rows), logits.argmax(-1).tolist(), strict=True):
                if token == end:
                    replies[i] = (replies[i][0], True)
                    del rows[i]
                else:
                    rows[i].append(token)
                    replies[i][0].append(token)
    return replies


def stream(model: Transformer, tokenizer: Tokenizer, message: str, settings: Sampling) -> Iterator[str]:
    """A reply as pieces of text, each as soon as its characters are whole."""
    end, forbidden = chat.special_ids(tokenizer)
    prompt = chat.encode_prompt(tokenizer, message, model.config.context)
    return chat.pieces(tokenizer, generate(model, prompt, end, forbidden, settings))


def reply(model: Transformer, tokenizer: Tokenizer, message: str, settings: Sampling) -> str:
    return "".join(stream(model, tokenizer, message, settings))


def greedy(model: Transformer, tokenizer: Tokenizer, messages: list[str], longest: int = 64) -> list[tuple[str, bool]]:
    """The likeliest replies to many messages, and whether each came to its end."""
    end, forbidden = chat.special_ids(tokenizer)
    prompts = [chat.encode_prompt(tokenizer, message, model.config.context) for message in messages]
    found = greedy_replies(model, prompts, end, forbidden, longest)
    return [(chat.reply_text(tokenizer, ids), ended) for ids, ended in found]
