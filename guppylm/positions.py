"""Where the position embeddings begin: as waves, so that heads can look one, two, three places back from the start.

"not good" is not "good", and "siphon" arrives as "s", "ip", "h", "on": a model must read neighbouring tokens together,
and for that some head has to look at the place just before its own. Beginning at random, none had learned it after
4,000 updates, and the model read its messages as a bag of tokens (docs/log.md). So half of the first layer's heads
begin that way. Training moves all of it like every other weight.

Each place is a set of waves read at that place; the place before is the same set, turned back a little, which a
matrix can do. From Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762), section 3.5, though with evenly spaced
frequencies: then two different places are at right angles.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from guppylm.model import Block, Transformer

LENGTH = 0.5  # of a position embedding, as a share of a token embedding's
SURE = 5.0  # nats by which the wanted place stands above the others


def frequencies(width: int) -> Tensor:
    """(width / 2,): turns a place, in radians. The half makes places that are `width` apart opposites; only those twice
    as far apart are alike, which with heads of 64 is past the context.
    """
    return (torch.arange(width // 2) + 0.5) * 2 * math.pi / width


def waves(positions: int, width: int) -> Tensor:
    """(positions, width): each place as cosines and sines, of length 1; any two less than `width` apart are at
    right angles.

    >>> (waves(4, 8) @ waves(4, 8).T).abs().round(decimals=4).tolist()[1]
    [0.0, 1.0, 0.0, 0.0]
    """
    turned = torch.arange(positions)[:, None] * frequencies(width)
    return torch.cat([turned.cos(), turned.sin()], dim=1) / math.sqrt(width // 2)


def turn_back(places: int, width: int) -> Tensor:
    """(width, width): takes the waves of a place to those of the place so many before it.

    >>> torch.allclose(turn_back(2, 8) @ waves(9, 8)[7], waves(9, 8)[5], atol=1e-5)
    True
    """
    turned = places * frequencies(width)
    cos, sin = turned.cos().diag(), turned.sin().diag()
    return torch.cat([torch.cat([cos, sin], dim=1), torch.cat([-sin, cos], dim=1)])


@torch.no_grad()
def begin(model: Transformer) -> None:
    """Make the positions (T, D) waves, and let head h of the lower half of the first layer's heads look h + 1 back."""
    config, first = model.config, model.blocks[0]
    assert isinstance(first, Block)
    each = config.width // config.heads
    waving = each - each % 2
    spread, _ = torch.linalg.qr(torch.randn(config.width, waving))  # (D, waving): over all D numbers alike
    token = float(model.tok_emb.weight.norm(dim=1).mean())
    model.pos_emb.weight.copy_(LENGTH * token * waves(config.context, waving) @ spread.T)
    # what the norm in front of the attention leaves of a position: its share of a vector of length sqrt(D)
    seen = LENGTH / math.hypot(LENGTH, 1) * math.sqrt(config.width)
    strength = math.sqrt(SURE * math.sqrt(each)) / seen  # the score is (strength * seen)^2 / sqrt(each)
    query, key, _ = first.attn.qkv.weight.view(3, config.heads, each, config.width)
    for head in range(config.heads // 2):
        query[head, :waving] = strength * turn_back(head + 1, waving) @ spread.T
        key[head, :waving] = strength * spread.T
