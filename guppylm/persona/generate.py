"""Persona + seed -> conversations, one at a time, so that memory does not grow with their number.

>>> from pathlib import Path
>>> from guppylm.persona.schema import load
>>> from guppylm.persona.split import split
>>> chats = conversations(split(load(Path("personas/guppy")), seed=1), "train", count=3, seed=1)
>>> [type(chat.input).__name__ for chat in chats]
['str', 'str', 'str']
"""

from __future__ import annotations

import json
import random
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Literal, TypeVar

from guppylm import files
from guppylm.errors import PersonaError, RunError
from guppylm.persona import dress
from guppylm.persona.match import plain
from guppylm.persona.nonsense import new_word, nonsense
from guppylm.persona.schema import Exchange, Persona, Template, normal
from guppylm.persona.split import Split
from guppylm.persona.template import Word, fill, pick

T = TypeVar("T")
Part = Literal["train", "held_out"]

FEWEST = 60  # wordings that every exchange counts as having, while training
ECHO_ODDS = 1.5  # against 1 for the wordings of other exchanges, while training
UNKNOWN_ODDS = 28
NONSENSE_ODDS = 8
NONSENSE = 0.8  # of the messages of an exchange that is for it
MADE_UP = 0.7  # of the things that the character does not know, while training
FAVOUR = 3  # 1 is Zipf's law
MOST_DRAWS = 200  # tries for one held-out prompt before its templates are called leaky


@dataclass(frozen=True)
class Conversation:
    """One message and one reply, and where they come from."""

    input: str
    output: str
    category: str  # the topic
    exchange: str  # "topic/exchange"
    slots: dict[str, Word]  # what was named in the prompt

    @property
    def thoughts(self) -> tuple[str, str]:
        """What there is to understand before one can reply: the topic, and which of its exchanges."""
        return self.category, self.exchange

    def to_json(self) -> str:
        slots = {name: [word.text, word.number] for name, word in self.slots.items()}
        return _encode({**self.__dict__, "slots": slots})

    @classmethod
    def from_json(cls, line: str) -> Conversation:
        row = json.loads(line)
        return cls(**{**row, "slots": {name: Word(*word) for name, word in row["slots"].items()}})


_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: `json.dumps` would make one for every line


def conversations(parts: Split, part: Part, count: int, seed: int, drawing: int = 1) -> Iterator[Conversation]:
    """Draw conversations: an exchange, a wording, a reply. Another drawing, other ones.

    Every wording has even odds, so an exchange with many comes often. But to train on, none comes so seldom that it
    could not be learned; exchanges whose replies echo a word of the prompt come more often: repeating any word is
    harder to learn than saying a line by heart; and most often those about unknown things and the one for nonsense, of
    which there is more than one can write down. There the prompts are rougher, with asides, slips of the fingers and
    nonsense (`dress`, `nonsense`). From the held-out part come only prompts that no training template can make in any
    filling.
    """
    rng = random.Random(f"{seed}/{part}/{drawing}")
    templates = getattr(parts, part)
    exchanges = [exchange for exchange in parts.persona.exchanges if templates[exchange.key]]
    odds = [float(len(templates[exchange.key])) for exchange in exchanges]
    if part == "train":
        odds = [max(each, FEWEST) * _practice(one, parts.persona) for one, each in zip(exchanges, odds, strict=True)]
    cumulative = list(accumulate(odds))

    def draw(exchange: Exchange) -> Conversation:
        say = pick(templates[exchange.key], rng)
        return _converse(parts.persona, exchange, say, rng, practice=part == "train")

    def draw_any() -> Conversation:
        return draw(_pick_by_odds(exchanges, cumulative, rng))

    for _ in range(count):
        if part == "train":
            exchange = _pick_by_odds(exchanges, cumulative, rng)
            yield _roughen(draw(exchange), parts.persona, exchange.dress, draw_any, rng)
            continue
        for _ in range(MOST_DRAWS):
            chat = draw_any()
            if not parts.leaks(chat.input):
                yield chat
                break
        else:
            raise PersonaError(
                f"{parts.persona.name}: the held-out prompts can all be made by training templates as well; "
                "run  guppylm check  to see which wordings stand there twice"
            )


def _practice(exchange: Exchange, persona: Persona) -> float:
    """How much more often than others it comes while training."""
    if exchange.nonsense:
        return NONSENSE_ODDS
    if any(persona.unknown_slots(template) for template in exchange.say):
        return UNKNOWN_ODDS
    return ECHO_ODDS if exchange.echoes else 1


@cache
def favourites(replies: int) -> list[float]:
    """The odds of an exchange's replies, added up: the first is said most, as words are by Zipf's law, but steeper.

    Everybody has favourite sayings. With equal odds, a model in doubt would mix two replies into one.
    """
    return list(accumulate(1 / place**FAVOUR for place in range(1, replies + 1)))


def _pick_by_odds(options: Sequence[T], added_up: list[float], rng: random.Random) -> T:
    """`rng.choices` of one, faster."""
    return options[bisect(added_up, rng.random() * added_up[-1], 0, len(options) - 1)]


def _converse(persona: Persona, exchange: Exchange, say: Template, rng: random.Random, practice: bool) -> Conversation:
    """One message and a reply to it. To practise, some unknown things are made-up words, and some messages nonsense."""
    bound: dict[str, Word] = {}
    unknown = persona.unknown_slots(say)
    if practice and unknown and rng.random() < MADE_UP:
        bound = {name: Word(new_word(rng)) for name in unknown}
    prompt = fill(say.nodes, exchange.lists, bound, rng)
    if practice and exchange.nonsense and rng.random() < NONSENSE:
        bound, prompt = {}, normal(nonsense(rng))
    named = dict(bound)
    answer = _pick_by_odds(exchange.reply, favourites(len(exchange.reply)), rng)
    reply = fill(answer.nodes, exchange.lists, bound, rng)
    return Conversation(dress.dress(prompt, persona, exchange.dress, rng), reply, exchange.topic, exchange.key, named)


def _roughen(
    chat: Conversation, persona: Persona, loose: bool, another: Callable[[], Conversation], rng: random.Random
) -> Conversation:
    """The same conversation, less tidily begun: after an aside or another message, typed in a hurry, or as it was."""
    message, chance = chat.input, rng.random()
    if not plain(message):
        return chat
    if loose and persona.asides and chance < dress.REMARKED:
        message = dress.remark(message, persona, rng)
    elif loose and persona.joiners and dress.REMARKED <= chance < dress.REMARKED + dress.JOINED:
        message = dress.join([another().input, message], persona, rng)
    if message.endswith(("?", "!", ".")) and rng.random() < dress.MARKED_TWICE:
        message += message[-1] * rng.randint(1, 2)
    if rng.random() < dress.SLOPPY:
        named = {word for slot in chat.slots.values() for word in plain(slot.text).split()}
        message = dress.sloppy(message, persona, named, rng, slips=rng.uniform(*dress.SLIPS))
    elif not chat.slots and rng.random() < dress.SPACED_OUT:
        message = dress.space_out(message, rng)
    if rng.random() < dress.SPRINKLED:
        message = dress.sprinkle(message, rng)
    return replace(chat, input=message)


def write(file: Path, chats: Iterable[Conversation]) -> None:
    """Conversations as JSON lines. The file appears under its name only when it is complete."""
    files.write_chunks(file, (f"{chat.to_json()}\n".encode() for chat in chats))


def read(file: Path) -> Iterator[Conversation]:
    """The conversations of a JSONL file, one at a time."""
    number = 0
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield Conversation.from_json(line)
                except (ValueError, TypeError, KeyError):
                    raise RunError(f"{file}, line {number}: not a conversation; make the data again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{file}: cannot be read ({error})") from None
    if number == 0:
        raise RunError(f"{file}: no conversations in it; delete it, and the data is made again")
