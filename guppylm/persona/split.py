"""The honest hold-out: whole prompt templates are kept out of training, in every filling.

A random split of template data leaks: nearly every held-out prompt also stands in training, and the
score measures memory. Here one template in ten of each exchange is the exam and nothing else.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property

from guppylm.errors import PersonaError
from guppylm.persona.dress import undress
from guppylm.persona.match import Index
from guppylm.persona.schema import Exchange, Persona, Template

HELD_OUT_SHARE = 0.1
FEWEST_WORDINGS = 5  # an exchange with fewer keeps them all for training


@dataclass(frozen=True)
class Split:
    """Which prompt templates are for training and which are the exam, by exchange key."""

    persona: Persona
    train: dict[str, tuple[Template, ...]]
    held_out: dict[str, tuple[Template, ...]]

    def leaks(self, prompt: str) -> list[str]:
        """The exchanges whose training templates can make this prompt, openers and closers aside."""
        return [label for bare in undress(prompt, self.persona) for label in self._training.find(bare)]

    @cached_property
    def _training(self) -> Index:
        return Index(
            (exchange.key, template.nodes, exchange.lists)
            for exchange in self.persona.exchanges
            for template in self.train[exchange.key]
        )


def split(persona: Persona, seed: int) -> Split:
    """Choose the held-out templates. Adding an exchange does not move the choice in the others."""
    train: dict[str, tuple[Template, ...]] = {}
    held_out: dict[str, tuple[Template, ...]] = {}
    for exchange in persona.exchanges:
        chosen = _choose(exchange, seed)
        train[exchange.key] = tuple(t for i, t in enumerate(exchange.say) if i not in chosen)
        held_out[exchange.key] = tuple(t for i, t in enumerate(exchange.say) if i in chosen)
    if not any(held_out.values()):
        raise PersonaError(
            f"{persona.name}: no exchange has {FEWEST_WORDINGS} ways to say it, so nothing can be held out; write more"
        )
    return Split(persona, train, held_out)


def _choose(exchange: Exchange, seed: int) -> set[int]:
    total = len(exchange.say)
    if total < FEWEST_WORDINGS:
        return set()
    rng = random.Random(f"{seed}/{exchange.key}")
    return set(rng.sample(range(total), max(1, round(total * HELD_OUT_SHARE))))
