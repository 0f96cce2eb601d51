"""Token ids -> batches. Which conversations an update sees depends on the seed and its number alone,
so a resumed run goes on with exactly the batch that it would have had.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import torch
from tokenizers import Tokenizer
from torch import Tensor

from guppylm import chat
from guppylm.persona.generate import Conversation

BUCKETS = 64  # batches that are sorted by length together: enough mixing, little padding


@dataclass(frozen=True)
class Batch:
    """B conversations, padded at the end to the longest."""

    ids: Tensor  # (B, T)
    predicts: Tensor  # (B, T) bool: places whose next token is part of a reply
    targets: Tensor  # (N,): those next tokens, N = predicts.sum()

    def to(self, device: torch.device) -> Batch:
        return Batch(self.ids.to(device), self.predicts.to(device), self.targets.to(device))


def encode_all(tokenizer: Tokenizer, chats: Iterable[Conversation], context: int) -> list[chat.Encoded]:
    return [chat.encode_chat(tokenizer, one.input, one.output, context) for one in chats]


def collate(rows: list[chat.Encoded]) -> Batch:
    width = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    predicts = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        predicts[i, row.reply_starts - 1 : len(row.ids) - 1] = True
    return Batch(ids, predicts, ids[:, 1:][predicts[:, :-1]])


class Batches:
    """All training batches of a run, by number: rows of similar length together, in a random order."""

    def __init__(self, rows: list[chat.Encoded], batch: int, seed: int) -> None:
        self._rows, self._batch, self._seed = rows, min(batch, len(rows)), seed
        self.per_epoch = len(rows) // self._batch
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def rows(self, step: int) -> list[chat.Encoded]:
        """The conversations of update number `step`."""
        epoch, position = divmod(step, self.per_epoch)
        return [self._rows[i] for i in self._order(epoch)[position]]

    def _shuffled(self, epoch: int) -> list[list[int]]:
        rng = random.Random(f"{self._seed}/{epoch}")
        order = list(range(len(self._rows)))
        rng.shuffle(order)
        batches: list[list[int]] = []
        for first in range(0, len(order), BUCKETS * self._batch):
            group = sorted(order[first : first + BUCKETS * self._batch], key=lambda i: len(self._rows[i].ids))
            batches += [group[i : i + self._batch] for i in range(0, len(group), self._batch)]
        batches = [batch for batch in batches if len(batch) == self._batch]
        rng.shuffle(batches)
        return batches
