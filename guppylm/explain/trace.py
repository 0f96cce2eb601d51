"""One pass through the model that keeps what went on inside. It calls the model's own parts, one step at a time.

Shapes: T positions, D width, H attention heads, L layers, V vocabulary; 2L+1 depths: before the first layer, then after
each attention and each feed-forward.

    >>> from guppylm.model import ModelConfig
    >>> model = Transformer(ModelConfig(vocabulary=50, layers=3, width=8, heads=2, feed_forward=16)).eval()
    >>> seen = trace(model, [7, 1, 4, 4])
    >>> seen.attention.shape, seen.stream.shape, seen.lens.shape
    (torch.Size([3, 2, 4, 4]), torch.Size([7, 4, 8]), torch.Size([7, 4, 50]))

The lens reads the stream as if the model had to speak already: nostalgebraist 2020, "interpreting GPT: the logit lens"
(https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru/interpreting-gpt-the-logit-lens).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from guppylm.model import Attention, Block, Transformer


@dataclass(frozen=True)
class Trace:
    """What the model computed at each of T places."""

    logits: Tensor
    """(T, V): the scores of the token that comes next."""
    attention: Tensor
    """(L, H, T, T): how much head h of layer l, at a place, looks at each place. Rows sum to 1, the future has 0."""
    stream: Tensor
    """(2L+1, T, D): the residual stream at each depth."""
    lens: Tensor
    """(2L+1, T, V): the scores if the model spoke from that depth; the last are the logits."""


@torch.inference_mode()
def trace(model: Transformer, ids: list[int]) -> Trace:
    """Read `ids`, at most as many as the context has places, with a model that is not in training."""
    device = model.tok_emb.weight.device
    x = model.tok_emb(torch.tensor([ids], device=device)) + model.pos_emb(torch.arange(len(ids), device=device))
    stream, attention = [x], []  # (1, T, D) each
    for block in model.blocks:
        assert isinstance(block, Block)  # which a ModuleList does not say
        seen = block.norm1(x)
        attention.append(weights(block.attn, seen))
        x = x + block.attn(seen)
        stream.append(x)
        x = x + block.ffn(block.norm2(x))
        stream.append(x)
    depths = torch.cat(stream)  # (2L+1, T, D)
    lens = model.logits(model.norm(depths)).float()  # (2L+1, T, V)
    return Trace(lens[-1], torch.cat(attention), depths, lens)


def weights(attention: Attention, x: Tensor) -> Tensor:
    """The weights that `Attention.forward` gathers with: x (1, T, D) -> (1, H, T, T)."""
    q, k, _ = attention.qkv(x).chunk(3, dim=-1)
    q, k = (part.unflatten(-1, (attention.heads, -1)).transpose(1, 2) for part in (q, k))  # (1, H, T, D/H)
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # (1, H, T, T)
    future = torch.ones_like(scores, dtype=torch.bool).triu(1)
    shares: Tensor = scores.masked_fill(future, -torch.inf).softmax(dim=-1)
    return shares
