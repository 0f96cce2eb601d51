"""Templates read backwards: could this template have made this text?

Hold-out, report card and `check` all ask it. Texts are compared in plain form, so that a comma or an
apostrophe makes no difference.

    >>> from guppylm.persona.template import parse, Word
    >>> lists = {"food": [Word("flakes", "many"), Word("krill", "some")]}
    >>> index = Index([("likes", parse("do you like {food} [today]"), lists)])
    >>> index.find("Do you like krill?"), index.find("do you like mud")
    (['likes'], [])
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import product

from guppylm.persona.template import Agree, Choice, Lists, Node, Number, Sequence, Word, parse

Bound = Mapping[str, Word]
Words = frozenset[str]
ANY = frozenset([""])  # no word at all: every text "holds" it
_NUMBERS: tuple[Number, ...] = ("one", "many", "some")


@lru_cache(maxsize=100_000)
def plain(text: str) -> str:
    """Lowercase words with single spaces: no apostrophes, no punctuation, every 'an' an 'a'.

    >>> plain("Isn't it  an apple?")
    'isnt it a apple'
    """
    text = re.sub(r"['’]", "", text.lower())
    return re.sub(r"\ban\b", "a", " ".join(re.findall(r"\w+", text)))


@cache
def _plain_literal(text: str) -> str:
    """`plain`, but a space at either end stays, since the literal's neighbours stand there."""
    text = re.sub(r"['’]", "", text.lower())
    return re.sub(r"\ban\b", "a", re.sub(r"\W+", " ", text))


def matches(nodes: Sequence, text: str, lists: Lists, bound: Bound) -> bool:
    """Can the template make this plain text, given the slots that are already bound?"""
    return any(at == len(text) for at, _ in _ends(nodes, text, 0, lists, bound))


def _ends(nodes: Sequence, text: str, at: int, lists: Lists, bound: Bound) -> Iterator[tuple[int, Bound]]:
    """Every place where the template may end if it starts at `at`, with the words it took."""
    if not nodes:
        yield at, bound
        return
    for after, words in _node_ends(nodes[0], text, at, lists, bound):
        yield from _ends(nodes[1:], text, after, lists, words)


def _node_ends(node: Node, text: str, at: int, lists: Lists, bound: Bound) -> Iterator[tuple[int, Bound]]:
    if isinstance(node, str):
        after = _after_literal(_plain_literal(node), text, at)
        if after is not None:
            yield after, bound
    elif isinstance(node, Choice):
        for option in node.options:
            yield from _ends(option, text, at, lists, bound)
    elif isinstance(node, Agree):
        known = bound.get(node.slot.name)
        forms = node.forms if known is None else (node.forms[_NUMBERS.index(known.number)],)
        for form in dict.fromkeys(forms):
            yield from _node_ends(form, text, at, lists, bound)
    else:
        words = [bound[node.name]] if node.name in bound else lists[node.list]
        for word in words:
            for after, _ in _ends(parse(word.text), text, at, lists, {}):
                said = Word(text[at:after], word.number)
                yield after, bound if node.name in bound else {**bound, node.name: said}


def _after_literal(literal: str, text: str, at: int) -> int | None:
    """Where the literal ends, or None. A space beside nothing, or beside a space, is no space."""
    core = literal.strip(" ")
    if literal[:1] == " ":
        at += text[at : at + 1] == " "
        if at and text[at - 1] != " " and at < len(text):
            return None
    if not text.startswith(core, at):
        return None
    at += len(core)
    if core and literal[-1:] == " ":
        if text[at : at + 1] == " ":
            at += 1
        elif at < len(text):
            return None
    return at


class Index:
    """Many labelled templates. A text is held only against those that share two telling words with it."""

    def __init__(self, entries: Iterable[tuple[str, Sequence, Lists]]) -> None:
        self._by_word: dict[str, list[tuple[str, Sequence, Lists, Words]]] = defaultdict(list)
        every = list(entries)
        telling = _Telling(Counter(word for _, nodes, _ in every for node in nodes for word in _literal_words(node)))
        for label, nodes, lists in every:
            first, second = [*telling.needed(nodes), ANY, ANY][:2]
            for word in first:
                self._by_word[word].append((label, nodes, lists, second))

    def find(self, text: str, bound: Bound | None = None) -> list[str]:
        """The labels of all templates that can make the text."""
        text = plain(text)
        words = {"", *text.split(" ")}
        candidates = [entry for word in sorted(words) for entry in self._by_word.get(word, ())]
        found = (
            label
            for label, nodes, lists, needed in candidates
            if not needed.isdisjoint(words) and matches(nodes, text, lists, bound or {})
        )
        return list(dict.fromkeys(found))


@cache
def _literal_words(node: Node) -> tuple[str, ...]:
    if isinstance(node, str):
        return tuple(_plain_literal(node).split())
    if isinstance(node, Choice):
        return tuple(word for option in node.options for inner in option for word in _literal_words(inner))
    return ()


class _Telling:
    """Finds the words by which a template is known. The least `common` ones tell most."""

    def __init__(self, common: Counter[str]) -> None:
        self._common = common
        self._of_choice = cache(self._one_of)  # the same alternatives stand in many templates

    def needed(self, nodes: Sequence, left: bool = True, right: bool = True) -> list[Words]:
        """Sets of words, the most telling first: every text of the template holds a word of each.

        A slot tells nothing, since it may be bound to any word; nor does what touches it, which may be half a word:
        `left` and `right` say whether whole words begin and end here.
        """
        found: list[Words] = []
        last = len(nodes) - 1
        for place, node in enumerate(nodes):
            opens = left if place == 0 else _is_space(nodes[place - 1], -1)
            closes = right if place == last else _is_space(nodes[place + 1], 0)
            if isinstance(node, str):
                pieces = _plain_literal(node).split(" ")
                whole = pieces[0 if place == 0 and left else 1 : len(pieces) if place == last and right else -1]
                found += [frozenset((word,)) for word in whole if word]
            elif isinstance(node, Choice):
                found += self._of_choice(node, opens, closes)
        return sorted(found, key=self._rarity) if len(found) > 1 else found

    def _one_of(self, choice: Choice, opens: bool, closes: bool) -> list[Words]:
        """Of alternatives: the best words of each, if each has any."""
        options = [self.needed(option, opens, closes) for option in choice.options]
        return [frozenset().union(*(needed[0] for needed in options))] if all(options) else []

    def _rarity(self, words: Words) -> int:
        return sum(1 + self._common[word] for word in words)


def _is_space(node: Node, end: int) -> bool:
    return isinstance(node, str) and _plain_literal(node)[end:][:1] == " "


SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def sentences(text: str) -> list[str]:
    """
    >>> sentences("oh. a snail.  it is slow.")
    ['oh.', 'a snail.', 'it is slow.']
    """
    return [sentence for sentence in SENTENCE_END.split(text.strip()) if sentence]


def sentence_templates(nodes: Sequence) -> list[Sequence]:
    """The sentences a template is made of, as templates of their own.

    Alternatives with a full stop inside are written out first, so that every sentence stands alone.
    """
    return list(dict.fromkeys(sentence for flat in _written_out(nodes) for sentence in _cut(flat)))


def _written_out(nodes: Sequence) -> list[Sequence]:
    options = [
        [flat for option in node.options for flat in _written_out(option)]
        if isinstance(node, Choice) and any(_has_end(option) for option in node.options)
        else [(node,)]
        for node in nodes
    ]
    return [tuple(node for part in combination for node in part) for combination in product(*options)]


def _has_end(nodes: Sequence) -> bool:
    return any(
        bool(re.search(r"[.!?]", node))
        if isinstance(node, str)
        else isinstance(node, Choice) and any(_has_end(option) for option in node.options)
        for node in nodes
    )


def _cut(nodes: Sequence) -> Iterator[Sequence]:
    sentence: list[Node] = []
    for node in nodes:
        if not isinstance(node, str):
            sentence.append(node)
            continue
        first, *others = re.split(r"[.!?]+", node)
        sentence.append(first)
        for other in others:
            if any(not isinstance(piece, str) or piece.strip() for piece in sentence):
                yield tuple(sentence)
            sentence = [other]
    if any(not isinstance(piece, str) or piece.strip() for piece in sentence):
        yield tuple(sentence)
