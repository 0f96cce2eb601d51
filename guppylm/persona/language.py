"""Faults of language that can be seen without understanding: a word said twice, two articles, a hole never filled, and
in a reply a verb that does not agree with the pronoun, or the listed word, before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from guppylm.persona.schema import Persona
from guppylm.persona.template import Number

_DOUBLED = re.compile(r"\b([a-z]+) \1\b")
_NEVER_DOUBLED = re.compile(r"\b(the|an?|is|are|was|to|of|in|on|at|for|with|it|my|your|do|does|and|or) \1\b")
_OFTEN_DOUBLED = [
    "that", "had", "very", "so", "no", "oh", "yes", "long", "bla", "ha", "ho", "la", "hey", "hi", "hello", "bye",
    "night", "knock", "tick", "tock",
]  # fmt: skip
_TWO_ARTICLES = re.compile(r"\b(a|an|the|my|your) (a|an|the|my|your|some)\b")
_HOLE = re.compile(r"[{}\[\]|]")
_JOINING = ("and", "or", "of", "with", "for", "from", "to", "like", "than", "in", "on", "about", "thank")
_PRONOUN = re.compile(
    "".join(rf"(?<!\b{word} )" for word in _JOINING)
    + r"\b(i (is|are|has)|you (is|am|was|has)|(he|she|it) (are|am)|(we|they) (is|am|was|has))\b"
)


def slip_of_the_pen(text: str) -> str | None:
    """The first fault that no message has either, however freely people type, or None.

    >>> slip_of_the_pen("what is the the rock"), slip_of_the_pen("is my the fin ok"), slip_of_the_pen("ding ding, food")
    ("doubled 'the'", "'my the'", None)
    """
    doubled = _NEVER_DOUBLED.search(text)
    if doubled:
        return f"doubled '{doubled[1]}'"
    clash = _TWO_ARTICLES.search(text)
    if clash:
        return f"'{clash.group()}'"
    return "an unfilled slot" if _HOLE.search(text) else None


class Language:
    """A character's way of speaking: it knows which of the listed words are one and which are many."""

    def __init__(self, persona: Persona) -> None:
        numbers: dict[str, set[Number]] = {}
        for words in (words for exchange in persona.exchanges for words in exchange.lists.values()):
            if {word.number for word in words} != {"one"}:  # or nobody thought of their number
                for word in words:
                    if re.fullmatch(r"[a-z' ]+", word.text):
                        numbers.setdefault(word.text, set()).add(word.number)
        many = [text for text, found in numbers.items() if found == {"many"}]
        one = [text for text, found in numbers.items() if "many" not in found and not text.endswith("s")]
        self._may_be_doubled = {*_OFTEN_DOUBLED, *persona.doubled}
        self._wrong = [_followed_by(many, "is|was|has"), _followed_by(one, "are|were")]

    def fault(self, reply: str) -> str | None:
        """The first fault of a reply, or None."""
        return slip_of_the_pen(reply) or next(self._faults(reply), None)

    def _faults(self, reply: str) -> Iterator[str]:
        for word in _DOUBLED.findall(reply):
            if word not in self._may_be_doubled:
                yield f"doubled '{word}' (if it is meant: doubled = [\"{word}\"] in persona.toml)"
        for found in _PRONOUN.finditer(reply):
            yield f"'{found.group()}'"
        for pattern in self._wrong:
            for found in pattern.finditer(reply):
                if not found["before"]:
                    yield f"'{found['subject']}'"


def _followed_by(words: list[str], verbs: str) -> re.Pattern[str]:
    """A sentence's subject with a wrong verb. What joins it to other nouns is told apart: "one of my fins is cold"."""
    choice = "|".join(sorted(map(re.escape, words), key=len, reverse=True)) or r"(?!)"
    before = rf"(?P<before>\b(?:{'|'.join(_JOINING)}) (?:\w+ ){{0,2}})?"
    return re.compile(rf"{before}\b(?P<subject>(?:{choice}) (?:{verbs}))\b")
