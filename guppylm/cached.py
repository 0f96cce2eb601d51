"""The quick way to many replies: every token is worked on once, and its keys and values are kept.

`generate` runs the whole model again for each token. But what a place looked for and found does not change when more
text follows, since no place sees a later one; only its keys and values are asked for again. Keeping them is called a
KV cache, and every engine has one. The replies are the same (tests/test_model.py); here only the likeliest ones, which
the report card needs by the thousand.

Shapes: B texts, S new places, P places read before, T = P + S, D width, H heads, V vocabulary.
"""

from __future__ import annotations

import math

import torch
from tokenizers import Tokenizer
from torch import Tensor

from guppylm import chat
from guppylm.model import Attention, Block, Transformer

TOGETHER = 128  # texts read at once
UNSEEN = -1e9  # not -inf: a place that sees nothing at all would divide zero by zero


class Cache:
    """A model that remembers the B texts it reads. They end together: shorter ones have `padding` (B,) in front."""

    def __init__(self, model: Transformer, padding: Tensor) -> None:
        self.model, self.padding = model, padding
        self.places = 0  # P
        self._kept: list[tuple[Tensor, Tensor]] = []  # of each layer: keys and values (B, H, P, D/H)

    def read(self, ids: Tensor) -> Tensor:
        """The tokens that come next in each text: ids (B, S) -> scores of those to follow (B, V)."""
        before, self.places = self.places, self.places + ids.shape[1]
        seen = torch.arange(self.places, device=ids.device)  # (T,)
        padding, new = self.padding[:, None], seen[before:]  # (B, 1), (S,)
        unseen = (seen > new[:, None]) | (seen < padding[:, None])  # (B, S, T)
        x = self.model.tok_emb(ids) + self.model.pos_emb((new - padding).clamp(min=0))  # (B, S, D)
        for layer, block in enumerate(self.model.blocks):
            assert isinstance(block, Block)
            x = x + self._attend(layer, block.attn, block.norm1(x), unseen)
            x = x + block.ffn(block.norm2(x))
        return self.model.logits(self.model.norm(x[:, -1])).float()

    def _attend(self, layer: int, attention: Attention, x: Tensor, unseen: Tensor) -> Tensor:
        """What `Attention.forward` gives at the new places, where keys and values of the earlier ones are known."""
        q, k, v = (part.unflatten(-1, (attention.heads, -1)).transpose(1, 2) for part in attention.qkv(x).chunk(3, -1))
        if layer == len(self._kept):
            self._kept.append((k, v))
        else:
            k, v = (torch.cat(both, dim=2) for both in zip(self._kept[layer], (k, v), strict=True))  # (B, H, T, D/H)
            self._kept[layer] = k, v
        scores = q @ k.mT / math.sqrt(q.shape[-1])  # (B, H, S, T)
        gathered = scores.masked_fill(unseen[:, None], UNSEEN).softmax(dim=-1) @ v  # (B, H, S, D/H)
        return attention.out(gathered.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def keep(self, going: Tensor) -> None:
        """Go on with some of the texts only: going (B,), true or false."""
        self.padding = self.padding[going]
        self._kept = [(k[going], v[going]) for k, v in self._kept]


@torch.inference_mode()
def greedy_replies(
    model: Transformer, prompts: list[list[int]], end: int, forbidden: list[int], longest: int
) -> list[tuple[list[int], bool]]:
    """The likeliest reply to each prompt: its ids, and whether it came to its end. `forbidden` ids are never said."""
    device = model.tok_emb.weight.device
    replies: list[list[int]] = [[] for _ in prompts]
    ended: set[int] = set()
    by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for first in range(0, len(prompts), TOGETHER):
        rows = [i for i in by_length[first : first + TOGETHER] if len(prompts[i]) < model.config.context]
        width = max((len(prompts[i]) for i in rows), default=0)
        padding = [width - len(prompts[i]) for i in rows]
        cache = Cache(model, torch.tensor(padding, device=device))
        new = torch.tensor([[0] * empty + prompts[i] for empty, i in zip(padding, rows, strict=True)], device=device)
        for _ in range(longest if rows else 0):
            scores = cache.read(new)
            scores[:, forbidden] = -torch.inf
            tokens = scores.argmax(-1)  # (B,)
            going = []
            for i, token in zip(rows, tokens.tolist(), strict=True):
                if token == end:
                    ended.add(i)
                else:
                    replies[i].append(token)
                going.append(token != end and len(prompts[i]) + len(replies[i]) < model.config.context)
            rows = [i for i, goes in zip(rows, going, strict=True) if goes]
            if not rows:
                break
            kept = torch.tensor(going, device=device)
            cache.keep(kept)
            new = tokens[kept][:, None]
    return [(reply, i in ended) for i, reply in enumerate(replies)]


def greedy_ids(
    model: Transformer, tokenizer: Tokenizer, messages: list[str], longest: int = 64
) -> list[tuple[list[int], bool]]:
    """The likeliest replies to many messages, as ids, and whether each came to its end."""
    end, forbidden = chat.special_ids(tokenizer)
    prompts = [chat.encode_prompt(tokenizer, message, model.config.context) for message in messages]
    return greedy_replies(model, prompts, end, forbidden, longest)


def greedy(model: Transformer, tokenizer: Tokenizer, messages: list[str], longest: int = 64) -> list[tuple[str, bool]]:
    """The same as texts."""
    found = greedy_ids(model, tokenizer, messages, longest)
    return [(chat.reply_text(tokenizer, ids), ended) for ids, ended in found]
