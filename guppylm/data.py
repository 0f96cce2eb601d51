"""Token ids -> batches. Which conversations an update sees depends on the seed and its number alone,
so a resumed run goes on with exactly the batch that it would have had.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import torch
from tokenizers import Tokenizer
from torch import Tensor

from guppylm import chat
from guppylm.config import TrainConfig
from guppylm.persona.generate import Conversation
from guppylm.tokenizer import fast

Hearing = Callable[[chat.Encoded, random.Random], chat.Encoded]


@dataclass(frozen=True)
class Batch:
    """B conversations, padded at the end to the longest."""

    ids: Tensor  # (B, T)
    at: tuple[Tensor, Tensor]  # (N,) and (N,): conversation and place of each token whose next one is to be guessed
    targets: Tensor  # (N,): those next tokens
    places: Tensor  # (N,): how many tokens of its conversation were guessed before it

    def to(self, device: torch.device) -> Batch:
        rows, columns = self.at
        at = (rows.to(device), columns.to(device))
        return Batch(self.ids.to(device), at, self.targets.to(device), self.places.to(device))


def encode_all(tokenizer: Tokenizer, chats: Iterable[Conversation], context: int) -> list[chat.Encoded]:
    read = list(chats)
    messages, replies = [one.input for one in read], [one.output for one in read]
    return chat.encode_chats(tokenizer, messages, replies, context, [one.thoughts for one in read])


def collate(rows: list[chat.Encoded], loss_on: str = "reply") -> Batch:
    """Rows of different length -> one batch, to guess the replies' tokens or ("all") every one but the first."""
    lengths = torch.tensor([len(row.ids) for row in rows])[:, None]  # (B, 1)
    begins = torch.tensor([row.guessed_from(loss_on) - 1 for row in rows])[:, None]  # (B, 1)
    places = torch.arange(int(lengths.max()))  # (T,)
    ids = torch.zeros(len(rows), len(places), dtype=torch.long)
    ids[places < lengths] = torch.tensor(list(chain.from_iterable(row.ids for row in rows)))
    # as indices, not as a mask: a GPU would have to stop and count a mask
    conversation, place = ((places >= begins) & (places < lengths - 1)).nonzero(as_tuple=True)
    return Batch(ids, (conversation, place), ids[conversation, place + 1], place - begins[conversation, 0])


def leave_out(row: chat.Encoded, share: float, rng: random.Random) -> chat.Encoded:
    """Some tokens of the message go missing, as a distracted listener would hear it; those that the reply repeats stay.

    So the model learns to understand from whichever words are there, and not from a single one. Word dropout, after
    Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods for text classification".
    """
    repeated = set(row.ids[row.reply_starts :])
    gone = {i for i in row.message if row.ids[i] not in repeated and rng.random() < share}
    return chat.Encoded([token for i, token in enumerate(row.ids) if i not in gone], row.reply_starts - len(gone))


def pull_apart(
    row: chat.Encoded, halves: Mapping[int, tuple[int, int]], share: float, rng: random.Random
) -> chat.Encoded:
    """Some tokens of the message come as the two that they were merged from, and those perhaps as four; those that the
    reply repeats stay whole.

    So a word is met in several spellings, and a part that it shares with others counts for more. After Provilkov et al.
    2020, "BPE-dropout: simple and effective subword regularization", who drop merges at random while a text is encoded.
    """
    repeated = set(row.ids[row.reply_starts :])

    def parts(token: int) -> list[int]:
        if token not in halves or rng.random() >= share:
            return [token]
        left, right = halves[token]
        return [*parts(left), *parts(right)]

    first, end = row.message.start, row.message.stop
    message = [part for token in row.ids[first:end] for part in ([token] if token in repeated else parts(token))]
    ids = [*row.ids[:first], *message, *row.ids[end:]]
    if len(ids) > chat.CONTEXT:
        return row
    return chat.Encoded(ids, row.reply_starts + len(ids) - len(row.ids), range(first, first + len(message)))


def hearing(config: TrainConfig, tokenizer: Tokenizer) -> Hearing | None:
    """What happens to a message each time that it is trained on; None if it stays as it is."""
    if not (config.word_dropout or config.merge_dropout):
        return None
    halves = fast.merged_from(tokenizer)

    def hear(row: chat.Encoded, rng: random.Random) -> chat.Encoded:
        return leave_out(pull_apart(row, halves, config.merge_dropout, rng), config.word_dropout, rng)

    return hear


class Batches:
    """All training batches of a run, by number: rows of similar length together, in a random order.

    Each epoch reads one drawing of the conversations; after the last, the first comes again.
    """

    def __init__(
        self,
        drawings: list[list[chat.Encoded]],
        batch: int,
        seed: int,
        sorted_together: int = 64,
        hear: Hearing | None = None,
    ) -> None:
        count = min(map(len, drawings))
        self._drawings, self._batch, self._seed = drawings, min(batch, count), seed
        self.per_epoch = count // self._batch
        self._sorted_together, self._hear = sorted_together, hear
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def rows(self, step: int) -> list[chat.Encoded]:
        """The conversations of update number `step`."""
        epoch, position = divmod(step, self.per_epoch)
        rows, rng = self._drawing(epoch), random.Random(f"{self._seed}/{step}")
        chosen = [rows[i] for i in self._order(epoch)[position]]
        return [self._hear(row, rng) for row in chosen] if self._hear else chosen

    def _drawing(self, epoch: int) -> list[chat.Encoded]:
        return self._drawings[epoch % len(self._drawings)]

    def _shuffled(self, epoch: int) -> list[list[int]]:
        rng = random.Random(f"{self._seed}/{epoch}")
        rows = self._drawing(epoch)
        order = list(range(len(rows)))
        rng.shuffle(order)
        batches: list[list[int]] = []
        size = self._sorted_together * self._batch
        for first in range(0, len(order), size):
            group = sorted(order[first : first + size], key=lambda i: len(rows[i].ids))
            batches += [group[i : i + self._batch] for i in range(0, len(group), self._batch)]
        batches = [batch for batch in batches if len(batch) == self._batch]
        rng.shuffle(batches)
        return batches
