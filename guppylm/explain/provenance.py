"""Where a reply comes from: the texts of the character and the conversations it was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from guppylm.explain.overlap import Overlap
from guppylm.persona import generate as conversations
from guppylm.persona.generate import Conversation
from guppylm.persona.reading import read
from guppylm.persona.shapes import ExchangeFile, TopicFile
from guppylm.run import Run

NEAREST = 5


@dataclass(frozen=True)
class Near:
    """A training conversation like this one."""

    message: str
    reply: str
    exchange: str  # "topic/exchange"
    file: str  # "topics/food.toml"; empty if the texts are not there


@dataclass(frozen=True)
class Provenance:
    replies: list[Near]
    """The nearest by their reply, each reply once."""
    messages: list[Near]
    """The nearest by their message, each message once."""
    copied: float
    """Share of the reply's words that stand in a run of four or more that also stands in one training reply."""
    whole: bool
    """Is the whole reply one of those that were trained on?"""


def provenance(place: Run, message: str, reply: str) -> Provenance | None:
    """What in a run's training data is nearest; None if the run has none, as one that was downloaded."""
    if not place.train_data().exists():
        return None
    said = list(conversations.read(place.train_data()))
    files = {f"{topic.topic}/{one.name}": file for file, topic, one in exchanges(place.persona)}

    def near(found: Iterable[Conversation]) -> list[Near]:
        return [Near(one.input, one.output, one.exchange, files.get(one.exchange, "")) for one in found]

    by_reply = {one.output: one for one in reversed(said)}  # the first conversation with each
    by_message = {one.input: one for one in reversed(said)}
    answers, asked = list(reversed(by_reply.values())), list(reversed(by_message.values()))
    told = Overlap([one.output for one in answers])
    return Provenance(
        near(answers[at] for at in told.nearest(reply, NEAREST)),
        near(asked[at] for at in Overlap([one.input for one in asked]).nearest(message, NEAREST)),
        told.copied(reply),
        told.whole(reply),
    )


def exchanges(persona: Path) -> list[tuple[str, TopicFile, ExchangeFile]]:
    """Every exchange of a character, with its topic, and its file as it lies in the folder.

    The files alone: to load the character, with every template in other words, takes many seconds.
    """
    found = []
    for file in sorted((persona / "topics").glob("*.toml")):
        topic = read(file, TopicFile)
        found += [(f"topics/{file.name}", topic, one) for one in topic.exchange]
    return found
