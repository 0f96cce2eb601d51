"""How varied the conversations are: one pass over the files, in memory that does not grow with them.

Distinct texts are counted in a fixed bitmap (linear counting, Whang et al. 1990,
https://doi.org/10.1145/78922.78925), the most repeated replies by lossy counting (Manku and Motwani 2002).
Up to 60,000 conversations the first is right to a few parts in a thousand, the second exactly.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from guppylm.persona import generate
from guppylm.persona.match import plain
from guppylm.persona.schema import Persona

BITS = 1 << 25  # of a bitmap: 4 MiB
TOPIC_BITS = 1 << 20  # there are many topics
WINDOW = 100_000  # lossy counting forgets what was seen once in so many replies


class Distinct:
    """Counts different texts.

    >>> counter = Distinct()
    >>> for text in ["a", "b", "a"]:
    ...     counter.add(text)
    >>> counter.count()
    2
    """

    def __init__(self, bits: int = BITS) -> None:
        self._bits = bits
        self._bitmap = bytearray(bits // 8)
        self._set = 0

    def add(self, text: str) -> None:
        place = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) % self._bits
        byte, bit = divmod(place, 8)
        if not self._bitmap[byte] >> bit & 1:
            self._bitmap[byte] |= 1 << bit
            self._set += 1

    def count(self) -> int:
        """Bits set, corrected for texts that met in one bit."""
        return round(-self._bits * math.log(1 - self._set / self._bits))


@dataclass(frozen=True)
class Variety:
    """What a set of conversations holds."""

    conversations: int
    topics: int
    exchanges: int
    unique_prompts: int
    unique_replies: int
    unique_pairs: int
    held_out: int
    held_out_unique_prompts: int
    shared_prompts: int  # held-out prompts that stand in training too: 0, or the hold-out leaks
    shared_replies: int  # held-out replies that stand in training too: allowed, the answers repeat
    most_repeated: list[tuple[str, int]]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(persona: Persona, train: Path, held_out: Path) -> Variety:
    held = list(generate.read(held_out))  # held-out sets are small; training sets need not be
    held_prompts, held_replies = {one.input for one in held}, {one.output for one in held}
    prompts, replies, pairs = Distinct(), Distinct(), Distinct()
    shared_prompts: set[str] = set()
    shared_replies: set[str] = set()
    frequent: Counter[str] = Counter()
    count = 0
    for one in generate.read(train):
        count += 1
        prompts.add(one.input)
        replies.add(one.output)
        pairs.add(f"{one.input}\0{one.output}")
        if one.input in held_prompts:
            shared_prompts.add(one.input)
        if one.output in held_replies:
            shared_replies.add(one.output)
        frequent[one.output] += 1
        if count % WINDOW == 0:
            frequent = Counter({text: times for text, times in frequent.items() if times > count // WINDOW})
    for one in held:
        prompts.add(one.input)
        replies.add(one.output)
        pairs.add(f"{one.input}\0{one.output}")
    return Variety(
        conversations=count + len(held),
        topics=len(persona.topics),
        exchanges=len(persona.exchanges),
        unique_prompts=prompts.count(),
        unique_replies=replies.count(),
        unique_pairs=pairs.count(),
        held_out=len(held),
        held_out_unique_prompts=len(held_prompts),
        shared_prompts=sum(one.input in shared_prompts for one in held),
        shared_replies=sum(one.output in shared_replies for one in held),
        most_repeated=frequent.most_common(5),
    )


@dataclass(frozen=True)
class Topic:
    """What a set of conversations holds of one topic."""

    topic: str
    exchanges: int
    wordings: int  # prompt templates
    conversations: int
    unique_prompts: int
    unique_replies: int
    unique_words: int  # in the prompts


def by_topic(persona: Persona, train: Path) -> list[Topic]:
    """The topics of the training set, the least varied first."""
    seen = {topic: [Distinct(TOPIC_BITS) for _ in range(3)] for topic in persona.topics}
    count: Counter[str] = Counter()
    for one in generate.read(train):
        count[one.category] += 1
        prompts, replies, words = seen[one.category]
        prompts.add(one.input)
        replies.add(one.output)
        for word in plain(one.input).split():
            words.add(word)
    topics = []
    for topic, texts in seen.items():
        exchanges = [exchange for exchange in persona.exchanges if exchange.topic == topic]
        wordings = sum(len(exchange.say) for exchange in exchanges)
        topics.append(Topic(topic, len(exchanges), wordings, count[topic], *(text.count() for text in texts)))
    return sorted(topics, key=lambda topic: topic.wordings)


def show_topics(topics: list[Topic], console: Console) -> None:
    console.print("topics, the fewest wordings first (different prompts, replies, and words in prompts):")
    table = Table(box=None, pad_edge=False)
    table.add_column("topic", no_wrap=True)
    for name in ("exchanges", "wordings", "conversations", "prompts", "replies", "words"):
        table.add_column(name, justify="right", no_wrap=True)
    for topic in topics:
        name, *figures = asdict(topic).values()
        table.add_row(name, *(f"{figure:,}" for figure in figures))
    console.print(table, highlight=False, markup=False)


def show(variety: Variety, console: Console) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in (
        ("topics / exchanges", f"{variety.topics} / {variety.exchanges}"),
        ("conversations", f"{variety.conversations:,}, {variety.held_out:,} of them held out"),
        ("unique prompts", f"{variety.unique_prompts:,}"),
        ("unique replies", f"{variety.unique_replies:,}"),
        ("unique pairs", f"{variety.unique_pairs:,}"),
    ):
        table.add_row(name, value)
    console.print(table, highlight=False)
    console.print(
        f"held-out prompts that also stand in training: {variety.shared_prompts} of {variety.held_out:,} "
        "(their templates are never trained on, so this must be 0)\n"
        f"held-out replies that also stand in training: {variety.shared_replies:,} of {variety.held_out:,} "
        "(replies may repeat: knowing what to answer is the lesson)",
        highlight=False,
        soft_wrap=True,
    )
    console.print("most repeated replies:", highlight=False)
    for text, times in variety.most_repeated:
        console.print(f"  {times:>4} x  {text}", highlight=False, markup=False, soft_wrap=True)
