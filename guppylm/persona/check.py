"""`guppylm check PERSONA`: what is wrong with a character's texts though they load.

Samples every template and looks for prompts that two topics can make (the model cannot know which
is meant), faults of language, and words that the exam keeps for itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from guppylm.persona import language
from guppylm.persona.match import plain
from guppylm.persona.schema import Exchange, Persona, Template
from guppylm.persona.template import fill

SAY_DRAWS, REPLY_DRAWS = 10, 30  # fillings tried of each template


def check(persona: Persona, seed: int = 1) -> Iterator[str]:
    """Complaints, one line each, with file, exchange and the text at fault."""
    spoken = language.Language(persona)
    said_in: dict[str, tuple[Exchange, Template]] = {}
    for exchange in persona.exchanges:
        for template in exchange.say:
            texts = _fillings(exchange, template, SAY_DRAWS, seed)
            yield from _faults(exchange, template, texts, language.slip_of_the_pen)
            before = [said_in.setdefault(plain(text), (exchange, template)) for text in texts]
            yield from _ambiguous(exchange, template, before)
        for template in exchange.reply:
            yield from _faults(exchange, template, _fillings(exchange, template, REPLY_DRAWS, seed), spoken.fault)
    yield from _heard(persona)


def _heard(persona: Persona) -> Iterator[str]:
    """The exam's unheard words must stand nowhere else."""
    unheard = {plain(word) for word in persona.unheard}
    places = {aside.text: f'persona.toml, asides, "{aside.text}"' for aside in persona.asides}
    places |= {
        other: f'synonyms.toml, "{word}"'
        for word, others in persona.synonyms.others.items()
        for other in (word, *others)
    }
    for name in ("openers", "question_openers", "closers", "prompts"):
        places |= {str(one): f'persona.toml, {name}, "{one}"' for one in getattr(persona, name)}
    for exchange in persona.exchanges:
        places |= {template.text: _where(exchange, template) for template in (*exchange.say, *exchange.reply)}
        for name, words in exchange.lists.items():
            places |= {word.text: f"word list '{name}', \"{word.text}\"" for word in words}
    for text, where in places.items():
        for word in sorted(unheard.intersection(plain(text).split())):
            yield f"{where}: '{word}' is an unheard word of the exam; take it from one of them"


def _ambiguous(exchange: Exchange, template: Template, before: list[tuple[Exchange, Template]]) -> Iterator[str]:
    """The model cannot know which of two topics is meant by one prompt."""
    for other, its_template in before:
        if other.topic != exchange.topic:
            yield f"{_where(exchange, template)}: can say what {_where(other, its_template)} says; reword one of them"
            return


def _fillings(exchange: Exchange, template: Template, draws: int, seed: int) -> list[str]:
    """The same ones for a template, whatever stands around it: to write one text makes no other faulty."""
    rng = random.Random(f"{seed}/{exchange.key}/{template.text}")
    return sorted({fill(template.nodes, exchange.lists, {}, rng) for _ in range(draws)})


def _faults(
    exchange: Exchange, template: Template, texts: list[str], find: Callable[[str], str | None]
) -> Iterator[str]:
    for text in texts:
        found = find(text)
        if found:
            yield f'{_where(exchange, template)}: {found} in "{text}"'
            return


def _where(exchange: Exchange, template: Template) -> str:
    return f'{exchange.file}, {exchange.name}, "{template.text}"'
