"""The template language: text with holes, parsed into a small tree and filled at random.

    {food}             a slot: a word from the list `food`. Everywhere in one conversation,
                       prompt and reply alike, `{food}` is the same word.
    {food2}            another word of the same list, never the same as `{food}`
    {is/are:food}      agrees with the word in `{food}`: the first form for one, the second for
                       many; a third form, if given, for uncountable words ({a/some/some:food})
    {hi|hello|hey}     one of these
    [again]            there or not
    a, an              chosen by the sound of what follows

    >>> import random
    >>> lists = {"food": [Word("flakes", "many")]}
    >>> fill(parse("a {is/are:food} {food} [really] {is/are:food}"), lists, {}, random.Random(4))
    'an are flakes really are'

What a list is allowed to hold and where a template stands are the schema's business.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Options
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, TypeVar

T = TypeVar("T")
Number = Literal["one", "many", "some"]


@dataclass(frozen=True)
class Word:
    """An entry of a word list: its text (itself a template) and its grammatical number."""

    text: str
    number: Number = "one"


@dataclass(frozen=True)
class Slot:
    name: str  # "food2"

    @cached_property
    def list(self) -> str:
        return self.name.rstrip("0123456789")


@dataclass(frozen=True)
class Agree:
    forms: tuple[str, str, str]  # for one, many, some
    slot: Slot


@dataclass(frozen=True)
class Choice:
    options: tuple[Sequence, ...]
    first: float | None = None  # the odds of the first option; None: all are as likely


Node = str | Slot | Agree | Choice
Sequence = tuple[Node, ...]
Lists = Mapping[str, "list[Word]"]


class TemplateError(ValueError):
    """A template that cannot be read; the message says what is wrong with it."""


MOST_DRAWS = 100  # tries to find a word that no sibling slot has; then one comes twice

_PIECE = re.compile(r"[{}\[\]|]|[^{}\[\]|]+")


@cache
def parse(text: str) -> Sequence:
    """Read a template into a tree. Raises TemplateError with the reason."""
    pieces = _PIECE.findall(text)
    nodes, at = _parse_sequence(pieces, 0, closer="")
    if at != len(pieces):
        raise TemplateError(f"'{pieces[at]}' closes nothing")
    return nodes


def _parse_sequence(pieces: list[str], at: int, closer: str) -> tuple[Sequence, int]:
    nodes: list[Node] = []
    while at < len(pieces) and not (pieces[at] in "}]" or (pieces[at] == "|" and closer)):
        piece = pieces[at]
        if piece in "{[":
            node, at = _parse_group(pieces, at)
            nodes.append(node)
        elif piece == "|":
            raise TemplateError("'|' stands outside { }: write alternatives as {this|that}")
        else:
            nodes.append(piece)
            at += 1
    return tuple(nodes), at


def _parse_group(pieces: list[str], at: int) -> tuple[Node, int]:
    opener, closer = pieces[at], "}" if pieces[at] == "{" else "]"
    options: list[Sequence] = []
    while at < len(pieces) and (pieces[at] == "|" or not options):
        option, at = _parse_sequence(pieces, at + 1, closer)
        options.append(option)
    if at >= len(pieces) or pieces[at] != closer:
        raise TemplateError(f"'{opener}' is never closed")
    if opener == "[":
        return Choice((*options, ())), at + 1
    if len(options) > 1:
        return Choice(tuple(options)), at + 1
    if len(options[0]) != 1 or not isinstance(options[0][0], str):
        raise TemplateError("{ } holds neither a slot nor alternatives: write {food} or {this|that}")
    return _parse_slot(options[0][0]), at + 1


def _parse_slot(inside: str) -> Slot | Agree:
    forms, colon, name = inside.rpartition(":")
    slot = Slot(name.strip())
    if not colon and "/" in inside:
        raise TemplateError(f"{{{inside}}} does not say with what it agrees: write {{{inside}:food}}")
    if not re.fullmatch(r"[a-z_]+[0-9]*", slot.name):
        raise TemplateError(f"{{{inside}}} is no slot: a slot is a list's name, like {{food}} or {{food2}}")
    if not colon:
        return slot
    split = [form.strip() for form in forms.split("/")]
    if len(split) not in (2, 3):
        raise TemplateError(f"{{{inside}}}: give two forms, for one and for many, like {{is/are:{slot.name}}}")
    return Agree((split[0], split[1], split[2] if len(split) == 3 else split[0]), slot)


def slots(nodes: Sequence) -> Iterator[Slot]:
    """Every slot of a template, agreeing words included, in reading order."""
    for node in nodes:
        if isinstance(node, Slot):
            yield node
        elif isinstance(node, Agree):
            yield node.slot
        elif isinstance(node, Choice):
            for option in node.options:
                yield from slots(option)


def fill(nodes: Sequence, lists: Lists, bound: dict[str, Word], rng: random.Random) -> str:
    """Say the template once. `bound` maps slots to the words drawn so far, and grows."""
    said: list[str] = []
    _fill(nodes, lists, bound, rng, said)
    return tidy("".join(said))


def _fill(nodes: Sequence, lists: Lists, bound: dict[str, Word], rng: random.Random, said: list[str]) -> None:
    for node in nodes:
        if isinstance(node, str):
            said.append(node)
        elif isinstance(node, Choice):
            _fill(_choose(node, rng), lists, bound, rng, said)
        elif isinstance(node, Slot):
            said.append(_bind(node, lists, bound, rng).text)
        else:
            number = _bind(node.slot, lists, bound, rng).number
            said.append(node.forms[("one", "many", "some").index(number)])


def _choose(choice: Choice, rng: random.Random) -> Sequence:
    if choice.first is None:
        return pick(choice.options, rng)
    return choice.options[0] if rng.random() < choice.first else pick(choice.options[1:], rng)


def pick(options: Options[T], rng: random.Random) -> T:
    """`rng.choice`, several times as fast."""
    return options[int(rng.random() * len(options))]


def _bind(slot: Slot, lists: Lists, bound: dict[str, Word], rng: random.Random) -> Word:
    """The word for a slot: the one it has, or a fresh one that no sibling slot has taken."""
    if slot.name not in bound:
        taken = {word.text for name, word in bound.items() if Slot(name).list == slot.list}
        for _ in range(MOST_DRAWS):  # two entries of a list may come out as the same text
            drawn = pick(lists[slot.list], rng)
            text = drawn.text
            if "{" in text or "[" in text:
                text = fill(parse(text), lists, bound, rng)
            if text not in taken:
                break
        bound[slot.name] = Word(text, drawn.number)
    return bound[slot.name]


_BEFORE_PUNCTUATION = re.compile(r" (?=[.,!?])")
_A = re.compile(r"\ban? (?=([a-z]+))")
_SOUNDS_LIKE_A_CONSONANT = re.compile(r"one(?!r)|once|uni(?![mn])|use|usu|eu|ukulele|ufo")
_SOUNDS_LIKE_A_VOWEL = re.compile(r"[aeiou]|hour|honest|honou?r|heir|[fhlmnrsx]$|mp$")  # an x-ray, an mp3


def tidy(text: str) -> str:
    """One space between words, none before punctuation, and the right one of a and an.

    >>> tidy("is  it a apple , or an unicorn ?")
    'is it an apple, or a unicorn?'
    >>> tidy("an x-ray of a uninteresting mp3")
    'an x-ray of an uninteresting mp3'
    """
    text = _BEFORE_PUNCTUATION.sub("", " ".join(text.split()))
    return _A.sub(lambda m: "an " if _takes_an(m.group(1)) else "a ", text)


def _takes_an(word: str) -> bool:
    return bool(_SOUNDS_LIKE_A_VOWEL.match(word)) and not _SOUNDS_LIKE_A_CONSONANT.match(word)
