"""The transformer, and nothing else: token ids in, a score for every possible next token out.

The plainest one that works: learned positions, LayerNorm before each part, ReLU, biases, and an output
layer that is the token embedding read backwards. No cache, no training code, no loading or saving.

Words: the *residual stream* is the D numbers of a place, to which each part adds what it finds. The *head* is the last
product, which turns them into scores, the *logits*; an attention head is one of the H ways in which a layer looks back.

Shapes: B batch, T positions, D width, H attention heads, F feed-forward width, V vocabulary.

    >>> model = Transformer(ModelConfig(vocabulary=4096))
    >>> sum(weight.numel() for weight in model.parameters())
    8726016
    >>> model(torch.zeros(2, 5, dtype=torch.long)).shape
    torch.Size([2, 5, 4096])

Sources: Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762); Radford et al. 2019 (GPT-2) for where the
norms stand and how most weights begin; Press & Wolf 2017 (https://arxiv.org/abs/1608.05859) for the tied head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import EllipsisType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Places = Tensor | tuple[Tensor, ...] | EllipsisType  # whatever picks from (B, T): a mask, indices, or `...` for all


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    vocabulary: int
    """V: tokens that exist, one row of the embedding each."""
    context: int = 128
    """T at most: positions the model can see at once."""
    layers: int = 6
    """Blocks on top of each other."""
    width: int = 384
    """D: numbers that stand for one position, the residual stream."""
    heads: int = 6
    """H: attention heads a block; each works on D/H of the width."""
    feed_forward: int = 768
    """F: width inside the feed-forward part."""
    dropout: float = 0.0
    """Share of numbers zeroed at random while training."""
    norm_epsilon: float = 1e-5
    """Added to the variance in LayerNorm, so that it never divides by zero."""

    def __post_init__(self) -> None:
        for name in ("vocabulary", "context", "layers", "width", "heads", "feed_forward"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be shared evenly among {self.heads} heads")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {self.dropout}")


class Attention(nn.Module):
    """Every position looks back and gathers what it finds useful, in H different ways at once."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, at: Places = ...) -> Tensor:
        batch, positions, width = x.shape
        q, k, v = (
            part.view(batch, positions, self.heads, width // self.heads).transpose(1, 2)  # (B, H, T, D/H)
            for part in self.qkv(x).split(width, dim=-1)
        )
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)  # (B, H, T, T): how well they fit
        future = torch.ones(positions, positions, dtype=torch.bool, device=x.device).triu(1)  # (T, T)
        weights = scores.masked_fill(future, -torch.inf).softmax(dim=-1)  # (B, H, T, T): each row sums to 1
        gathered = self.dropout(weights) @ v  # (B, H, T, D/H)
        gathered = gathered.transpose(1, 2).reshape(batch, positions, width)  # (B, T, D): heads side by side
        return self.out(gathered[at])  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    """Every position thinks about what it has gathered, on its own."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.width, config.feed_forward)
        self.down = nn.Linear(config.feed_forward, config.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.relu(self.up(x)))  # type: ignore[no-any-return]  # (B, T, D) -> (B, T, F) -> (B, T, D)


class Block(nn.Module):
    """One layer: attention, then feed-forward, each adding its finding to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, eps=config.norm_epsilon)
        self.attn = Attention(config)
        self.norm2 = nn.LayerNorm(config.width, eps=config.norm_epsilon)
        self.ffn = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, at: Places = ...) -> Tensor:
        x = x[at] + self.dropout(self.attn(self.norm1(x), at))
        return x + self.dropout(self.ffn(self.norm2(x)))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """Embedding, blocks, a last norm, and the way back from numbers to tokens."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.tok_emb = nn.Embedding(config.vocabulary, config.width)
        self.pos_emb = nn.Embedding(config.context, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, eps=config.norm_epsilon)
        self.apply(self._begin)
        for name, weight in self.named_parameters():  # two additions a layer: smaller ones keep the stream's size
            if name.endswith(("attn.out.weight", "ffn.down.weight")):
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * config.layers))
        # Tokens begin larger than what the layers add, so that these don't drown them; the head, which is the same
        # matrix, would begin too sure of itself, so the last norm begins small.
        nn.init.normal_(self.tok_emb.weight, std=0.1)
        nn.init.constant_(self.norm.weight, 0.2)

    @staticmethod
    def _begin(module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def hidden(self, ids: Tensor, layers: int | None = None, at: Places = ...) -> Tensor:
        """The residual stream after the last block (or after so many), normed. ids (B, T), T <= context -> (B, T, D).

        If only some places are wanted, the last block does without the others, which nobody would read: -> (N, D).
        """
        positions = torch.arange(ids.shape[1], device=ids.device)  # (T,)
        x = self.dropout(self.tok_emb(ids) + self.pos_emb(positions))  # (B, T, D)
        *lower, last = self.blocks[:layers]
        for block in lower:
            x = block(x)
        return self.norm(last(x, at))  # type: ignore[no-any-return]

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of all tokens to come next. hidden (..., D) -> (..., V)."""
        return hidden @ self.tok_emb.weight.T

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> logits (B, T, V); the scores at a place depend on that place and those before."""
        return self.logits(self.hidden(ids))
