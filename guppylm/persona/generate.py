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
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Literal

from guppylm import files
from guppylm.errors import PersonaError, RunError
from guppylm.persona.schema import Exchange, Persona, Template
from guppylm.persona.split import Split
from guppylm.persona.template import Word, fill

Part = Literal["train", "held_out"]

OPENED, CLOSED, PUNCTUATED, APOSTROPHE_LOST = 0.20, 0.12, 0.45, 0.40  # shares of the prompts
ECHO_ODDS = 1.5  # against 1 for other exchanges, while training
MOST_DRAWS = 200  # tries for one held-out prompt before its templates are called leaky


@dataclass(frozen=True)
class Conversation:
    """One message and one reply, and where they come from."""

    input: str
    output: str
    category: str  # the topic
    exchange: str  # "topic/exchange"
    slots: dict[str, Word]  # what was named in the prompt

    def to_json(self) -> str:
        slots = {name: [word.text, word.number] for name, word in self.slots.items()}
        row = {**self.__dict__, "slots": slots}
        return json.dumps(row, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> Conversation:
        row = json.loads(line)
        return cls(**{**row, "slots": {name: Word(*word) for name, word in row["slots"].items()}})


def conversations(parts: Split, part: Part, count: int, seed: int, drawing: int = 1) -> Iterator[Conversation]:
    """Draw conversations: an exchange, a wording, a reply. Another drawing, other ones.

    Exchanges and wordings have even odds, but to train on, exchanges whose replies echo a word of the prompt come more
    often: repeating any word is harder to learn than saying a line by heart. From the held-out part come only prompts
    that no training template can make in any filling.
    """
    rng = random.Random(f"{seed}/{part}/{drawing}")
    templates = getattr(parts, part)
    exchanges = [exchange for exchange in parts.persona.exchanges if templates[exchange.key]]
    odds = [ECHO_ODDS if part == "train" and exchange.echoes else 1 for exchange in exchanges]
    cumulative = list(accumulate(odds))
    for _ in range(count):
        for _ in range(MOST_DRAWS):
            [exchange] = rng.choices(exchanges, cum_weights=cumulative)
            chat = _converse(parts.persona, exchange, rng.choice(templates[exchange.key]), rng)
            if part == "train" or not parts.leaks(chat.input):
                yield chat
                break
        else:
            raise PersonaError(
                f"{parts.persona.name}: the held-out prompts can all be made by training templates as well; "
                "run  guppylm check  to see which wordings stand there twice"
            )


@cache
def favourites(replies: int) -> list[float]:
    """The odds of an exchange's replies: the second is said half as often as the first, and so on (Zipf's law).

    Everybody has favourite sayings. With equal odds, a model in doubt would mix two replies into one.
    """
    return [1 / place for place in range(1, replies + 1)]


def _converse(persona: Persona, exchange: Exchange, say: Template, rng: random.Random) -> Conversation:
    bound: dict[str, Word] = {}
    prompt = fill(say.nodes, exchange.lists, bound, rng)
    named = dict(bound)
    [answer] = rng.choices(exchange.reply, favourites(len(exchange.reply)))
    reply = fill(answer.nodes, exchange.lists, bound, rng)
    return Conversation(_dress(prompt, persona, exchange.dress, rng), reply, exchange.topic, exchange.key, named)


_QUESTION = re.compile(
    r"(what|who|whose|why|how|where|when|which|do|does|did|are|is|isn't|can|could|would|will|have|has|shall|should|am|"
    r"was|were|don't|aren't|what's|who's|how's|where's|any|ever)\b"
)


def _dress(prompt: str, persona: Persona, dress: bool, rng: random.Random) -> str:
    """What people put around a message: an opener, a closer, punctuation or none, lost apostrophes."""
    mark = "?" if _QUESTION.match(prompt) else rng.choice("..!")
    if dress and persona.openers and rng.random() < OPENED:
        prompt = rng.choice(persona.openers) + rng.choice([" ", ", "]) + prompt
    if dress and persona.closers and rng.random() < CLOSED:
        prompt += rng.choice([" ", ", "]) + rng.choice(persona.closers)
    if rng.random() < APOSTROPHE_LOST:
        prompt = prompt.replace("'", "")
    if rng.random() < PUNCTUATED:
        prompt += mark
    return prompt


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
