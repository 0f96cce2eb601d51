"""What people say in place of a word or phrase: a message in one person's words becomes many people's.

>>> import random
>>> from guppylm.persona.template import Word, fill, parse
>>> synonyms = Synonyms({"tasty": ["yummy"], "the best": ["ace", "tops"]})
>>> nodes = synonyms.spread(parse("a tasty {food}, the best"))
>>> for seed in range(4):
...     print(fill(nodes, {"food": [Word("krill", "some")]}, {}, random.Random(seed)))
a yummy krill, the best
a tasty krill, the best
a yummy krill, the best
a tasty krill, the best
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from guppylm.persona.template import Choice, Node, Sequence

KEPT = 0.8  # of the times, a word stays as it is

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Synonyms:
    """Words and phrases, and for each what else may be said. Of two phrases that begin alike, the longer one counts."""

    def __init__(self, others: dict[str, list[str]]) -> None:
        self.others = others
        self._choices = {
            phrase: Choice(((phrase,), *((other,) for other in among)), first=KEPT) for phrase, among in others.items()
        }
        self._lengths: dict[str, int] = {}  # of the longest phrase that begins with a word, in words
        for phrase in others:
            first, *more = phrase.split(" ")
            self._lengths[first] = max(self._lengths.get(first, 0), 1 + len(more))

    def spread(self, nodes: Sequence, opens: bool = True, closes: bool = True) -> Sequence:
        """The template with a choice for every word or phrase that has synonyms.

        What touches a slot or an alternative may be half a word, and stays. `opens` and `closes` say whether whole
        words begin and end here.
        """
        said: list[Node] = []
        for place, node in enumerate(nodes):
            left = opens if place == 0 else _is_gap(nodes[place - 1], -1)
            right = closes if place == len(nodes) - 1 else _is_gap(nodes[place + 1], 0)
            if isinstance(node, str):
                said += self._swap(node, left, right)
            elif isinstance(node, Choice):
                said.append(replace(node, options=tuple(self.spread(one, left, right) for one in node.options)))
            else:
                said.append(node)
        return tuple(said)

    def _swap(self, text: str, left: bool, right: bool) -> Iterator[Node]:
        words = list(_WORD.finditer(text))
        words = words[not left and text[:1].isalnum() : len(words) - (not right and text[-1:].isalnum())]
        done = free = 0
        for at, word in enumerate(words):
            longest = self._lengths.get(word[0])
            if longest is None or at < free:
                continue
            for length in range(min(longest, len(words) - at), 0, -1):
                phrase = text[word.start() : words[at + length - 1].end()]
                if phrase in self._choices:
                    if word.start() > done:
                        yield text[done : word.start()]
                    yield self._choices[phrase]
                    done, free = word.start() + len(phrase), at + length
                    break
        if done < len(text):
            yield text[done:]


def _is_gap(node: Node, end: int) -> bool:
    return isinstance(node, str) and not node[end].isalnum()
