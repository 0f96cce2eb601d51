"""A reply held against the persona's own templates: is it well-formed, and does it answer what was asked?

`exact`       one reply template makes the whole reply
`recombined`  every sentence is one that the templates can make, but not together
`broken`      at least one sentence is none of theirs

On-topic is asked at two levels: the reply belongs to the exchange of the prompt, or to any exchange of
its topic. Every sentence must belong there, so a reply that drifts off half-way does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from guppylm.persona.generate import Conversation
from guppylm.persona.language import Language
from guppylm.persona.match import Index, sentence_templates, sentences
from guppylm.persona.schema import Persona

Form = Literal["exact", "recombined", "broken"]


@dataclass(frozen=True)
class Verdict:
    form: Form
    topic: bool  # on-topic at the level of the topic
    exchange: bool  # and at the level of the exchange


class Judge:
    """Knows all that a persona can reply."""

    def __init__(self, persona: Persona) -> None:
        self.language = Language(persona)
        self._topic_of = {exchange.key: exchange.topic for exchange in persona.exchanges}
        self._whole = Index(
            (exchange.key, template.nodes, exchange.lists)
            for exchange in persona.exchanges
            for template in exchange.reply
        )
        self._sentences = Index(
            (exchange.key, sentence, exchange.lists)
            for exchange in persona.exchanges
            for template in exchange.reply
            for sentence in sentence_templates(template.nodes)
        )

    def judge(self, asked: Conversation, reply: str) -> Verdict:
        """Judge a reply to a held-out prompt. `asked` says which exchange the prompt came from."""
        exact = self._whole.find(reply, asked.slots)
        homes = [set(self._sentences.find(sentence, asked.slots)) for sentence in sentences(reply)]
        form: Form = "exact" if exact or self._whole.find(reply) else "recombined"
        if form == "recombined" and not (homes and all(self._sentences.find(one) for one in sentences(reply))):
            form = "broken"
        return Verdict(
            form,
            topic=asked.category in self._topics(exact) or _everywhere(asked.category, map(self._topics, homes)),
            exchange=asked.exchange in exact or _everywhere(asked.exchange, homes),
        )

    def deflects(self, asked: Conversation, reply: str) -> bool:
        """Does any sentence belong to the topic, whatever words the others repeat wrongly?"""
        return any(asked.category in self._topics(self._sentences.find(one)) for one in sentences(reply))

    def topics(self, reply: str) -> list[str]:
        """The topics whose templates can make the whole reply."""
        return sorted(self._topics(self._whole.find(reply)))

    def _topics(self, exchanges: Iterable[str]) -> set[str]:
        return {self._topic_of[exchange] for exchange in exchanges}


def _everywhere(wanted: str, homes: Iterable[set[str]]) -> bool:
    every = list(homes)
    return bool(every) and all(wanted in home for home in every)
