"""Questions harder than held-out wordings as they stand.

unheard   about a thing whose name never occurs in training, from the persona's `unheard` words: is it repeated rightly?
slips     with slips of the fingers in a tenth, three tenths and six tenths of the words
composed  two messages as one; the character may answer either
nonsense  what nobody can understand
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from guppylm.persona import dress
from guppylm.persona.generate import Conversation, conversations
from guppylm.persona.match import plain
from guppylm.persona.nonsense import nonsense
from guppylm.persona.schema import normal
from guppylm.persona.split import Split
from guppylm.persona.template import Word, fill, pick

SLIPS = (0.1, 0.3, 0.6)  # shares of the words


@dataclass(frozen=True)
class Question:
    """What is put to the model, and the conversations whose replies would fit: one, or either of two."""

    text: str
    meant: tuple[Conversation, ...]
    unheard: tuple[str, ...] = ()  # words of which one should be repeated


def exam(parts: Split, count: int, seed: int) -> dict[str, list[Question]]:
    """So many questions of each kind that the persona has anything for."""
    held_out = list(conversations(parts, "held_out", count, seed, drawing=2))
    rng = random.Random(f"{seed}/exam")
    sets = {f"slips in {share:.0%} of the words": list(_slipped(parts, held_out, share, rng)) for share in SLIPS}
    sets["composed of two"] = list(_composed(parts, held_out, rng))
    sets["unheard words"] = list(_unheard(parts, count, rng))
    sets["nonsense"] = list(_nonsense(parts, count, rng))
    return {name: questions for name, questions in sets.items() if questions}


def _slipped(parts: Split, chats: list[Conversation], share: float, rng: random.Random) -> Iterator[Question]:
    for chat in chats:
        named = {word for slot in chat.slots.values() for word in plain(slot.text).split()}
        yield Question(dress.sloppy(chat.input, parts.persona, named, rng, share), (chat,))


def _composed(parts: Split, chats: list[Conversation], rng: random.Random) -> Iterator[Question]:
    if parts.persona.joiners:
        for one in chats:
            other = pick([chat for chat in chats if chat is not one] or chats, rng)
            yield Question(dress.join([one.input, other.input], parts.persona, rng), (one, other))


def _unheard(parts: Split, count: int, rng: random.Random) -> Iterator[Question]:
    persona = parts.persona
    asked = [
        (exchange, template)
        for exchange in persona.exchanges
        for template in parts.held_out[exchange.key]
        if persona.unknown_slots(template)
    ]
    if not asked or not persona.unheard:
        return
    for _ in range(count):
        exchange, say = pick(asked, rng)
        bound = {name: Word(pick(persona.unheard, rng)) for name in persona.unknown_slots(say)}
        text = dress.dress(fill(say.nodes, exchange.lists, bound, rng), persona, exchange.dress, rng)
        unheard = tuple(plain(bound[name].text) for name in persona.unknown_slots(say))
        yield Question(text, (Conversation(text, "", exchange.topic, exchange.key, bound),), unheard)


def _nonsense(parts: Split, count: int, rng: random.Random) -> Iterator[Question]:
    meant = [exchange for exchange in parts.persona.exchanges if exchange.nonsense][:1]
    for exchange in meant * count:
        text = normal(nonsense(rng))
        yield Question(text, (Conversation(text, "", exchange.topic, exchange.key, {}),))
