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

from guppylm.persona.template import Choice, Node, Sequence

KEPT = 4  # times that a word stays for each time that it is swapped

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Synonyms:
    """Words and phrases, and for each what else may be said. Of two phrases that begin alike, the longer one counts."""

    def __init__(self, others: dict[str, list[str]]) -> None:
        self.others = others
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
                said.append(Choice(tuple(self.spread(option, left, right) for option in node.options)))
            else:
                said.append(node)
        return tuple(said)

    def _swap(self, text: str, left: bool, right: bool) -> Iterator[Node]:
        words = [word.span() for word in _WORD.finditer(text)]
        words = words[not left and text[:1].isalnum() : len(words) - (not right and text[-1:].isalnum())]
        done = at = 0
        while at < len(words):
            start, end = words[at]
            for length in range(self._lengths.get(text[start:end], 0), 0, -1):
                phrase = text[start : words[min(at + length, len(words)) - 1][1]]
                if phrase in self.others:
                    if start > done:
                        yield text[done:start]
                    others = Choice(tuple((other,) for other in self.others[phrase]))
                    yield Choice(((phrase,),) * KEPT + ((others,),))
                    done = start + len(phrase)
                    at += phrase.count(" ")
                    break
            at += 1
        if done < len(text):
            yield text[done:]


def _is_gap(node: Node, end: int) -> bool:
    return isinstance(node, str) and not node[end].isalnum()
